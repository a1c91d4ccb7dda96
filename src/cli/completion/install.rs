//! Completion in the shell's start-up file: `completion install`, and `-autocomplete-install` as Consul has it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::api::file_reason;

use super::answer::program;
use super::scripts::{Shell, quoted};
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};

/// Start-up files of bash, in the order in which Consul looks for them.
const BASH_FILES: [&str; 4] = [".bashrc", ".bash_profile", ".bash_login", ".profile"];

/// What stands before and after what completion adds to a start-up file.
const BEGIN: &str = "# consulctl completion: begin";
const END: &str = "# consulctl completion: end";

/// A shell's start-up file and the line that turns completion on.
pub(crate) struct Place {
    /// The start-up file.
    pub(crate) file: PathBuf,
    /// What goes into it.
    pub(crate) line: String,
    /// Whether the file is ours alone, so that it goes with the line.
    own_file: bool,
}

/// Installs or removes completion for every shell that this user has, with Consul's messages.
pub(crate) fn autocomplete(install: bool, uninstall: bool, context: &Context) -> Outcome {
    if install && uninstall {
        return Err(failure(
            "Either the autocomplete install or uninstall flag may be specified, but not both.",
        ));
    }
    let mut places = Vec::new();
    for shell in Shell::ALL {
        let place = place(shell, context)?;
        let there = if place.own_file {
            place.file.ancestors().nth(2).is_some_and(Path::is_dir)
        } else {
            place.file.is_file()
        };
        if there {
            places.push(place);
        }
    }
    if places.is_empty() {
        return Err(failure("Did not find any shells to install"));
    }
    let mut wrong = Vec::new();
    for place in &places {
        let file = place.file.display();
        let text = match if install { place.add() } else { place.remove() } {
            Ok(true) => continue,
            Ok(false) if install => format!("already installed in {file}"),
            // The words are Consul's.
            Ok(false) => format!("does not installed in {file}"),
            Err(text) => text,
        };
        wrong.push(text);
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

/// Where completion for a shell is turned on.
pub(crate) fn place(shell: Shell, context: &Context) -> Result<Place, Error> {
    let folder = |name: &str| context.variable(name).filter(|text| !text.is_empty());
    let home = folder("HOME").map(PathBuf::from);
    let home = home.ok_or_else(|| failure("the variable HOME is not set"))?;
    let program = quoted(shell, &program());
    let place = match shell {
        Shell::Bash => {
            let files = BASH_FILES.map(|name| home.join(name));
            let has_block = |file: &&PathBuf| text_of(file).is_ok_and(|text| text.contains(BEGIN));
            let file = files.iter().find(has_block);
            let file = file.or_else(|| files.iter().find(|file| file.is_file()));
            Place {
                file: file.unwrap_or(&files[0]).clone(),
                // Other shells read .profile, too, and would stop at what only bash knows.
                line: format!(
                    "if [ -n \"$BASH_VERSION\" ]; then eval \"$(COMPLETE=bash {program})\"; fi"
                ),
                own_file: false,
            }
        }
        Shell::Zsh => Place {
            file: folder("ZDOTDIR").map_or(home, PathBuf::from).join(".zshrc"),
            line: format!("source <(COMPLETE=zsh {program})"),
            own_file: false,
        },
        Shell::Fish => {
            let settings = folder("XDG_CONFIG_HOME").map(PathBuf::from);
            let settings = settings.unwrap_or_else(|| home.join(".config"));
            Place {
                file: settings.join("fish/completions/consulctl.fish"),
                line: format!("COMPLETE=fish {program} | source"),
                own_file: true,
            }
        }
    };
    Ok(place)
}

impl Place {
    /// Turns completion on, in place of what an earlier installation wrote; `false` if it is on.
    pub(crate) fn add(&self) -> Result<bool, String> {
        let old = text_of(&self.file)?;
        let block = format!("{BEGIN}\n{}\n{END}\n", self.line);
        if old.contains(&block) {
            return Ok(false);
        }
        let mut text = without_block(&old);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&block);
        let failed = |error| file_reason("write", &self.file, &error);
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        write(&self.file, &text).map_err(failed)?;
        Ok(true)
    }

    /// Turns completion off; `false` if it was not on.
    pub(crate) fn remove(&self) -> Result<bool, String> {
        let old = text_of(&self.file)?;
        let text = without_block(&old);
        if text == old {
            return Ok(false);
        }
        let failed = |error| file_reason("write", &self.file, &error);
        if self.own_file && text.is_empty() {
            fs::remove_file(&self.file).map_err(failed)?;
        } else {
            write(&self.file, &text).map_err(failed)?;
        }
        Ok(true)
    }
}

/// The text without what completion added. A block without an end is left alone.
fn without_block(text: &str) -> String {
    let mut kept = String::new();
    let mut block: Option<String> = None;
    for line in text.split_inclusive('\n') {
        match (&mut block, line.trim_end()) {
            (_, BEGIN) => kept.push_str(&block.replace(line.to_owned()).unwrap_or_default()),
            (None, _) => kept.push_str(line),
            (Some(_), END) => block = None,
            (Some(found), _) => found.push_str(line),
        }
    }
    kept.push_str(&block.unwrap_or_default());
    kept
}

/// The file's text; a missing file is an empty one.
fn text_of(file: &Path) -> Result<String, String> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(file_reason("open", file, &error)),
    }
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
    use crate::output::{Colours, Console, Streams};

    fn context(home: &Path) -> Context {
        let streams = Streams {
            input: Box::new(io::empty()),
            out: Box::new(io::sink()),
            err: Box::new(io::sink()),
            in_is_terminal: false,
            out_is_terminal: false,
            err_is_terminal: false,
        };
        let home = home.display().to_string();
        let console = Console::new(streams, Colours::default());
        let find = move |name: &str| (name == "HOME").then(|| home.clone());
        Context::new(console, Box::new(find))
    }

    #[test]
    fn installing_is_told_the_second_time_and_removing_restores_the_file() {
        let home = tempfile::tempdir().unwrap();
        let context = context(home.path());
        let told = |install: bool| {
            let done = autocomplete(install, !install, &context);
            done.map_err(|error| error.to_string())
        };
        let none = "Error executing CLI: Did not find any shells to install";
        assert_eq!(told(true).unwrap_err(), none);
        let bashrc = home.path().join(".bashrc");
        fs::write(&bashrc, "alias x=y").unwrap();
        fs::create_dir_all(home.path().join(".config/fish")).unwrap();
        told(true).unwrap();
        let text = fs::read_to_string(&bashrc).unwrap();
        let start = format!("alias x=y\n{BEGIN}\nif [ -n \"$BASH_VERSION\" ]; then eval ");
        assert!(text.starts_with(&start), "{text}");
        let fish = home.path().join(".config/fish/completions/consulctl.fish");
        assert!(fish.is_file());
        let again = told(true).unwrap_err();
        let start = "Error executing CLI: 2 errors occurred:\n\t* already installed in ";
        assert!(again.starts_with(start), "{again}");
        told(false).unwrap();
        assert_eq!(fs::read_to_string(&bashrc).unwrap(), "alias x=y\n");
        assert!(!fish.exists());
        let again = told(false).unwrap_err();
        assert!(again.contains("\t* does not installed in "), "{again}");
    }

    #[test]
    fn another_binary_replaces_the_line() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".zshrc");
        let old = format!("a\n{BEGIN}\nsource <(COMPLETE=zsh '/old')\n{END}\nb\n");
        fs::write(&file, old).unwrap();
        let place = place(Shell::Zsh, &context(home.path())).unwrap();
        assert!(place.add().unwrap());
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("a\nb\n# ") && !text.contains("/old"),
            "{text}"
        );
        assert!(!place.add().unwrap());
    }

    #[test]
    fn the_file_that_has_it_is_the_one_to_change() {
        let home = tempfile::tempdir().unwrap();
        let context = context(home.path());
        let profile = home.path().join(".bash_profile");
        fs::write(&profile, "").unwrap();
        assert!(place(Shell::Bash, &context).unwrap().add().unwrap());
        fs::write(home.path().join(".bashrc"), "").unwrap();
        let place = place(Shell::Bash, &context).unwrap();
        assert_eq!(place.file, profile);
        assert!(!place.add().unwrap());
        assert!(place.remove().unwrap());
    }

    #[test]
    fn a_block_without_an_end_is_left_alone() {
        let text = format!("a\n{BEGIN}\nrest\n");
        assert_eq!(without_block(&text), text);
        let more = format!("{text}{BEGIN}\nline\n{END}\nb\n");
        assert_eq!(without_block(&more), format!("{text}b\n"));
    }
}
