//! `-autocomplete-install` and `-autocomplete-uninstall`: one line in the shell's start-up file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::api::file_reason;

use super::context::Context;
use super::error::{Error, Outcome};

/// Start-up files of bash, in the order in which Consul looks for them.
const BASH_FILES: [&str; 4] = [".bashrc", ".bash_profile", ".bash_login", ".profile"];

/// A shell's start-up file and the line that turns completion on.
struct Place {
    file: PathBuf,
    line: String,
    /// Whether the file holds nothing but the line, so that it goes with it.
    own_file: bool,
}

/// Installs or removes completion for every shell that this user has.
pub(super) fn run(install: bool, uninstall: bool, context: &Context) -> Outcome {
    if install && uninstall {
        return Err(failure(
            "Either the autocomplete install or uninstall flag may be specified, but not both.",
        ));
    }
    let home = context.variable("HOME").map(PathBuf::from);
    let home = home.ok_or_else(|| failure("the variable HOME is not set"))?;
    let binary = std::env::current_exe()?;
    let places = places(&home, &binary);
    if places.is_empty() {
        return Err(failure("Did not find any shells to install"));
    }
    let mut wrong = Vec::new();
    for place in &places {
        let done = if install { add(place) } else { remove(place) };
        if let Err(text) = done {
            wrong.push(text);
        }
    }
    match wrong.len() {
        0 => Ok(()),
        1 => Err(failure(&format!("1 error occurred:\n\t* {}\n\n", wrong[0]))),
        count => {
            let list: Vec<String> = wrong.iter().map(|text| format!("\t* {text}\n")).collect();
            let text = format!("{count} errors occurred:\n{}\n", list.concat());
            Err(failure(&text))
        }
    }
}

fn failure(text: &str) -> Error {
    Error::Message(format!("Error executing CLI: {text}"))
}

fn places(home: &Path, binary: &Path) -> Vec<Place> {
    let binary = binary.display();
    let mut found = Vec::new();
    let bash = BASH_FILES.iter().map(|name| home.join(name));
    if let Some(file) = bash.into_iter().find(|file| file.is_file()) {
        found.push(Place {
            file,
            line: format!("source <(COMPLETE=bash '{binary}')"),
            own_file: false,
        });
    }
    let file = home.join(".zshrc");
    if file.is_file() {
        found.push(Place {
            file,
            line: format!("source <(COMPLETE=zsh '{binary}')"),
            own_file: false,
        });
    }
    let fish = home.join(".config/fish");
    if fish.is_dir() {
        found.push(Place {
            file: fish.join("completions/consulctl.fish"),
            line: format!("COMPLETE=fish '{binary}' | source"),
            own_file: true,
        });
    }
    found
}

/// The file's text; a missing file is an empty one.
fn text_of(file: &Path) -> Result<String, String> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(file_reason("open", file, &error)),
    }
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|found| found == line)
}

fn add(place: &Place) -> Result<(), String> {
    let failed = |error| file_reason("write", &place.file, &error);
    let mut text = text_of(&place.file)?;
    if has(&text, &place.line) {
        return Err(format!("already installed in {}", place.file.display()));
    }
    if let Some(folder) = place.file.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&place.line);
    text.push('\n');
    write(&place.file, &text).map_err(failed)
}

fn remove(place: &Place) -> Result<(), String> {
    let failed = |error| file_reason("write", &place.file, &error);
    let text = text_of(&place.file)?;
    if !has(&text, &place.line) {
        // Consul's words.
        return Err(format!("is not installed in {}", place.file.display()));
    }
    if place.own_file {
        return fs::remove_file(&place.file).map_err(failed);
    }
    let kept: Vec<&str> = text
        .split_inclusive('\n')
        .filter(|found| found.trim_end_matches('\n') != place.line)
        .collect();
    write(&place.file, &kept.concat()).map_err(failed)
}

/// Replaces a file in one step, so that a full disk cannot leave half of somebody's start-up file.
/// A link is followed; the mode stays.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = target.parent().unwrap_or_else(|| Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut fresh, text.as_bytes())?;
    if let Ok(old) = fs::metadata(&target) {
        fresh.as_file().set_permissions(old.permissions())?;
    }
    fresh.persist(&target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_is_told_the_second_time_and_removing_restores_the_file() {
        let home = tempfile::tempdir().unwrap();
        let bashrc = home.path().join(".bashrc");
        fs::write(&bashrc, "alias x=y").unwrap();
        fs::create_dir_all(home.path().join(".config/fish")).unwrap();
        let places = places(home.path(), Path::new("/bin/consulctl"));
        assert_eq!(places.len(), 2);
        for place in &places {
            add(place).unwrap();
            let again = add(place).unwrap_err();
            assert_eq!(
                again,
                format!("already installed in {}", place.file.display())
            );
        }
        let text = fs::read_to_string(&bashrc).unwrap();
        assert_eq!(
            text,
            "alias x=y\nsource <(COMPLETE=bash '/bin/consulctl')\n"
        );
        for place in &places {
            remove(place).unwrap();
            assert!(remove(place).is_err());
        }
        assert_eq!(fs::read_to_string(&bashrc).unwrap(), "alias x=y\n");
        assert!(
            !home
                .path()
                .join(".config/fish/completions/consulctl.fish")
                .exists()
        );
    }
}
