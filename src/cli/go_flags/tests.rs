use super::*;

fn root() -> Command {
    let put = Command::new("put")
        .arg(Arg::new("cas").long("cas").action(ArgAction::SetTrue))
        .arg(Arg::new("modify-index").long("modify-index"))
        .arg(Arg::new("tag").long("tag").action(ArgAction::Append))
        .arg(
            Arg::new("clean")
                .long("clean")
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .value_parser(clap::value_parser!(bool)),
        )
        .arg(Arg::new("words").num_args(0..));
    Command::new("consulctl")
        .subcommand(Command::new("members").arg(Arg::new("status").long("status")))
        .subcommand(Command::new("kv").subcommand(put))
}

fn words(text: &[&str]) -> Vec<OsString> {
    text.iter().map(OsString::from).collect()
}

fn ask(text: &[&str]) -> Request {
    classify(&root(), &words(text))
}

fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn put(text: &[&str]) -> Result<Vec<OsString>, FlagError> {
    let root = root();
    let command = at(&root, &path(&["kv", "put"])).unwrap();
    normalise(command, &words(text))
}

#[test]
fn the_first_plain_word_names_the_command() {
    assert_eq!(ask(&[]), Request::Unknown);
    assert_eq!(ask(&["nonsense"]), Request::Unknown);
    assert_eq!(ask(&["-nonsense"]), Request::Unknown);
    assert_eq!(ask(&["kv"]), Request::Group(path(&["kv"])));
    assert_eq!(ask(&["kv", "nonsense"]), Request::Group(path(&["kv"])));
    let rest = words(&["-cas", "a"]);
    let run = Request::Run {
        path: path(&["kv", "put"]),
        rest,
    };
    assert_eq!(ask(&["kv", "put", "-cas", "a"]), run);
}

#[test]
fn help_counts_anywhere_before_two_dashes_and_version_only_in_front() {
    assert_eq!(ask(&["-h"]), Request::Help);
    assert_eq!(ask(&["-version"]), Request::Version);
    assert_eq!(ask(&["-v", "members"]), Request::Version);
    let put = path(&["kv", "put"]);
    assert_eq!(
        ask(&["kv", "put", "a", "--help"]),
        Request::CommandHelp(put)
    );
    let rest = words(&["--", "-h"]);
    let run = Request::Run {
        path: path(&["kv", "put"]),
        rest,
    };
    assert_eq!(ask(&["kv", "put", "--", "-h"]), run);
    assert!(matches!(ask(&["members", "-v"]), Request::Run { .. }));
}

#[test]
fn flags_before_the_command_are_refused_by_name() {
    let members = path(&["members"]);
    assert_eq!(
        ask(&["-wan", "members"]),
        Request::FlagsBeforeCommand(members)
    );
}

#[test]
fn every_spelling_becomes_one() {
    let expected = words(&["--cas", "--modify-index=5", "--", "foo", "-bar"]);
    assert_eq!(
        put(&["-cas", "-modify-index=5", "foo", "-bar"]),
        Ok(expected.clone())
    );
    assert_eq!(
        put(&["--cas=1", "--modify-index", "5", "foo", "-bar"]),
        Ok(expected)
    );
    assert_eq!(put(&["foo", "-1"]), Ok(words(&["--", "foo", "-1"])));
    assert_eq!(put(&["-", "-cas"]), Ok(words(&["--", "-", "-cas"])));
    assert_eq!(put(&["--", "-cas"]), Ok(words(&["--", "-cas"])));
    assert_eq!(
        put(&["-modify-index", "-cas"]),
        Ok(words(&["--modify-index=-cas", "--"]))
    );
}

#[test]
fn the_last_of_a_single_flag_wins_and_repeatable_flags_add_up() {
    let twice = put(&["-modify-index=1", "-tag=a", "-modify-index=2", "-tag", "b"]);
    assert_eq!(
        twice,
        Ok(words(&["--tag=a", "--modify-index=2", "--tag=b", "--"]))
    );
    assert_eq!(put(&["-cas", "-cas=false"]), Ok(words(&["--"])));
}

#[test]
fn three_state_booleans_keep_their_value() {
    assert_eq!(put(&["-clean"]), Ok(words(&["--clean=true", "--"])));
    assert_eq!(
        put(&["-clean=F", "x"]),
        Ok(words(&["--clean=false", "--", "x"]))
    );
    assert_eq!(
        put(&["-clean", "false"]),
        Ok(words(&["--clean=true", "--", "false"]))
    );
}

#[test]
fn errors_are_go_s() {
    let text = |given: &[&str]| put(given).unwrap_err().to_string();
    assert_eq!(
        text(&["-nonsense=1"]),
        "flag provided but not defined: -nonsense"
    );
    assert_eq!(
        text(&["-modify-index"]),
        "flag needs an argument: -modify-index"
    );
    assert_eq!(text(&["-=x"]), "bad flag syntax: -=x");
    assert_eq!(text(&["---cas"]), "bad flag syntax: ---cas");
    assert_eq!(
        text(&["-cas=maybe"]),
        "invalid boolean value \"maybe\" for -cas: parse error"
    );
}

#[test]
fn bytes_that_are_not_text_survive() {
    let odd = OsString::from_vec(vec![0xff, b'a']);
    let given = vec![OsString::from("-tag"), odd.clone(), odd.clone()];
    let root = root();
    let command = at(&root, &path(&["kv", "put"])).unwrap();
    let out = normalise(command, &given).unwrap();
    assert_eq!(out[0].as_bytes(), b"--tag=\xffa");
    assert_eq!(out[2], odd);
}
