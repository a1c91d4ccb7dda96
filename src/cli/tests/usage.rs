use super::support::{Done, run};

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[test]
fn no_command_and_an_unknown_one_print_the_list_and_exit_127() {
    for words in [&[][..], &["nonsense"], &["-nonsense"]] {
        let done = run(words);
        assert_eq!(done.code, 127);
        assert_eq!(done.out, "");
        let usage = "Usage: consulctl [--version] [--help] <command> [<args>]";
        assert_eq!(first_line(&done.err), usage);
        assert!(done.err.contains("\nAvailable commands are:\n    "));
        assert!(done.err.contains("\n    kv             Reads and writes"));
    }
}

#[test]
fn help_goes_to_standard_output_and_is_a_success() {
    let done = run(&["-h"]);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let done = run(&["kv", "put", "key", "--help"]);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert!(
        done.out
            .starts_with("Usage: consulctl kv put [options] KEY [DATA]\n\n  Writes a key")
    );
    assert!(
        done.out
            .contains("\n      $ consulctl kv put app/limit 5\n")
    );
    assert!(
        done.out
            .contains("\nHTTP API Options\n\n  -ca-file=<value>\n     File of ")
    );
    let own = done.out.find("\nCommand Options\n").unwrap();
    assert!(own > done.out.find("-token-file").unwrap());
    assert!(!done.out.contains("-help"), "{}", done.out);
}

#[test]
fn a_group_without_a_command_prints_its_help_and_exits_1() {
    for words in [&["kv"][..], &["kv", "nonsense"], &["operator", "raft"]] {
        let done = run(words);
        assert_eq!((done.code, done.out.as_str()), (1, ""));
        assert!(
            done.err
                .starts_with(&format!("Usage: consulctl {}", words[0]))
        );
        assert!(done.err.contains("\nSubcommands:\n    "));
    }
}

#[test]
fn wrong_flags_are_named_as_go_names_them() {
    let error = |words: &[&str]| {
        let done = run(words);
        assert_eq!((done.code, done.out.as_str()), (1, ""));
        assert!(done.err.contains("\n\nUsage: consulctl "), "{}", done.err);
        first_line(&done.err).to_owned()
    };
    assert_eq!(
        error(&["members", "-nonsense"]),
        "flag provided but not defined: -nonsense"
    );
    assert_eq!(
        error(&["kv", "put", "-flags=x", "a"]),
        "invalid value \"x\" for flag -flags: parse error"
    );
    assert_eq!(
        error(&["kv", "get", "-format=x", "a"]),
        "invalid value \"x\" for flag -format: must be one of text, wide, json, yaml, csv, name, cols=NAME,…"
    );
    assert_eq!(
        error(&["catalog", "nodes", "-node-meta=a"]),
        "invalid value \"a\" for flag -node-meta: Missing \"=\" value in argument: a"
    );
    assert_eq!(
        error(&[
            "operator",
            "autopilot",
            "set-config",
            "-last-contact-threshold=bad"
        ]),
        "invalid value \"bad\" for flag -last-contact-threshold: time: invalid duration \"bad\""
    );
    assert_eq!(
        error(&["-wan", "members"]),
        "Invalid flags before the subcommand. If these flags are for"
    );
}

#[test]
fn version_prints_consul_s_three_lines_or_json() {
    let version = env!("CARGO_PKG_VERSION");
    for words in [&["version"][..], &["-v"], &["--version"]] {
        let done = run(words);
        assert_eq!(done.code, 0);
        assert_eq!(first_line(&done.out), format!("Consulctl v{version}"));
        assert!(
            done.out
                .contains("\nProtocol 2 spoken by default, understands 2 to 3 (agent ")
        );
    }
    let done = run(&["version", "-format=json"]);
    let head = format!("{{\n   \"Version\": \"{version}\",\n   \"Revision\": ");
    assert!(done.out.starts_with(&head), "{}", done.out);
}

#[test]
fn keygen_prints_32_bytes_that_differ_each_time() {
    use base64::Engine as _;
    let keys: Vec<String> = (0..2).map(|_| run(&["keygen"]).out).collect();
    assert_ne!(keys[0], keys[1]);
    let decoded = base64::engine::general_purpose::STANDARD.decode(keys[0].trim_end());
    assert_eq!(decoded.unwrap().len(), 32);
}

#[test]
fn settings_that_cannot_be_used_are_told_before_anything_is_sent() {
    let done = run(&["members", "-http-addr=foo://bar:1"]);
    let text = "Error connecting to Consul agent: Unknown protocol scheme: foo\n";
    assert_eq!(done, Done::failure(text));
    let done = run(&["members", "-token-file=/nonexistent"]);
    let text = "Error connecting to Consul agent: Error loading token file: open /nonexistent: no such file or directory\n";
    assert_eq!(done, Done::failure(text));
    let done = run(&["members", "-ca-file=/nonexistent"]);
    let text = "Error connecting to Consul agent: Error loading CA File: open /nonexistent: no such file or directory\n";
    assert!(done.err.starts_with(text), "{}", done.err);
}
