//! A mod.rs is only a door: a purpose, modules and re-exports.

use crate::source::Source;

/// The longest main.rs, in lines of code.
const MAIN_LINES: usize = 15;

/// Doors without a purpose, or with logic behind them.
pub(crate) fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        if !["mod.rs", "lib.rs", "main.rs"].contains(&name) {
            continue;
        }
        if !source.text.starts_with("//! ") {
            faults.push(format!("{}: begins without a //! purpose", source.path));
        }
        if name == "main.rs" {
            let lines = source
                .code
                .lines()
                .filter(|line| !line.trim().is_empty())
                .count();
            if lines > MAIN_LINES {
                faults.push(format!(
                    "{}: {lines} lines, {MAIN_LINES} are enough",
                    source.path
                ));
            }
            continue;
        }
        for (number, line) in source.code.lines().enumerate() {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '!');
            let logic = words.clone().find(|word| {
                [
                    "fn",
                    "struct",
                    "enum",
                    "impl",
                    "trait",
                    "static",
                    "macro_rules!",
                ]
                .contains(word)
            });
            if let Some(word) = logic {
                faults.push(format!(
                    "{}:{}: `{word}` in a door",
                    source.path,
                    number + 1
                ));
            }
        }
    }
    faults
}

#[test]
fn logic_in_a_door_is_found() {
    for logic in [
        "pub fn f() {}",
        "struct A;",
        "impl A {}",
        "enum B {}",
        "static C: u8 = 1;",
    ] {
        let text = format!("//! Purpose.\n\nmod a;\n{logic}\n");
        assert_eq!(
            faults(&[Source::new("src/api/mod.rs", &text)]).len(),
            1,
            "{logic}"
        );
        assert_eq!(
            faults(&[Source::new("src/api/client.rs", &text)]).len(),
            0,
            "{logic}"
        );
    }
}

#[test]
fn a_door_without_a_purpose_is_found() {
    assert_eq!(
        faults(&[Source::new("src/api/mod.rs", "mod a;\n")]).len(),
        1
    );
    assert_eq!(
        faults(&[Source::new(
            "src/api/mod.rs",
            "//! Purpose.\n\nmod a;\npub use a::fn_a;\n"
        )])
        .len(),
        0
    );
}

#[test]
fn a_long_main_is_found() {
    let text = format!("//! Purpose.\n{}", "x();\n".repeat(MAIN_LINES + 1));
    assert_eq!(faults(&[Source::new("src/main.rs", &text)]).len(), 1);
}
