//! Reads what the configuration is built from: files, folders and environment variables.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use super::config::{
    AgentFlags, Built, Config, ConfigError, ErrorKind, Format, SourceFile, Sources, build, render,
};
use super::machine;
use crate::model::go_error;

/// Largest configuration file, in bytes.
const MAX_FILE_SIZE: u64 = 16 * 1024 * 1024;

/// Most files that are read from one folder.
const MAX_FILES_IN_FOLDER: usize = 10_000;

/// A configuration file's text in the environment, as containers pass it.
const LOCAL_CONFIG: &str = "CONSUL_LOCAL_CONFIG";

/// The introduction token in the environment.
const INTRO_TOKEN: &str = "CONSUL_INTRO_TOKEN";

/// Why there is no configuration. Displayed it is what Consul prints after `==> `.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Files that cannot be read, or a wrong `-config-format`.
    #[error("{}", .0.join("\n"))]
    Unreadable(Vec<String>),
    /// The network interfaces cannot be listed.
    #[error("Failed to get interface addresses: {0}")]
    Interfaces(#[source] io::Error),
    /// The configuration is wrong.
    #[error("{}", render(.0))]
    Invalid(Vec<ConfigError>),
}

/// Reads and builds the configuration of this process: what the flags name, then
/// `CONSUL_LOCAL_CONFIG` as one more file. The warnings include the files that were skipped.
/// A flag may name a pipe, as shells make them.
///
/// # Errors
/// Everything that is wrong, as far as it can be known: files that cannot be read come first.
pub fn load(flags: &AgentFlags) -> Result<Built, LoadError> {
    build_from(flags, Pipes::Read)
}

/// As [`load`], for a running agent: a pipe says nothing a second time, or keeps its reader waiting
/// for ever, so a flag that names one is an error.
///
/// # Errors
/// As [`load`].
pub fn load_again(flags: &AgentFlags) -> Result<Built, LoadError> {
    build_from(flags, Pipes::Refused)
}

fn build_from(flags: &AgentFlags, pipes: Pipes) -> Result<Built, LoadError> {
    let variable = |name| {
        std::env::var(name)
            .ok()
            .filter(|value: &String| !value.is_empty())
    };
    let format = flags.config_format.as_deref();
    let (mut files, mut warnings) =
        read_files(&flags.config_files, format, pipes).map_err(LoadError::Unreadable)?;
    files.extend(variable(LOCAL_CONFIG).map(local_config));
    let mut facts = machine::facts().map_err(LoadError::Interfaces)?;
    facts.intro_token = variable(INTRO_TOKEN);
    let sources = Sources {
        flags: flags.clone(),
        files,
    };
    let mut built = build(&sources, &facts).map_err(LoadError::Invalid)?;
    if let Some(message) = bad_data_dir(&built.config) {
        return Err(LoadError::Invalid(vec![ConfigError {
            kind: ErrorKind::Value,
            message,
            origin: built.config.origin("data_dir").cloned(),
            hint: None,
        }]));
    }
    warnings.append(&mut built.warnings);
    Ok(Built { warnings, ..built })
}

/// The HCL parser takes JSON too, so that either language may be in the variable.
fn local_config(text: String) -> SourceFile {
    let format = if text.trim_start().starts_with('{') {
        Format::Json
    } else {
        Format::Hcl
    };
    SourceFile {
        name: LOCAL_CONFIG.to_owned(),
        format,
        text,
    }
}

/// The files that paths name, in order, and warnings about those that are skipped. Of a folder,
/// files are read in the order of their names, without descending.
fn read_files(
    paths: &[String],
    format: Option<&str>,
    pipes: Pipes,
) -> Result<(Vec<SourceFile>, Vec<String>), Vec<String>> {
    let format = format.filter(|name| !name.is_empty());
    let forced = format.map(Format::parse);
    if forced == Some(None) {
        return Err(vec![
            "config: -config-format must be either 'hcl' or 'json'".to_owned(),
        ]);
    }
    let forced = forced.flatten();
    let mut reading = Reading {
        forced,
        pipes,
        files: Vec::new(),
        warnings: Vec::new(),
        errors: Vec::new(),
    };
    for path in paths {
        if let Err(message) = reading.path(path) {
            reading.errors.push(message);
        }
    }
    if reading.errors.is_empty() {
        Ok((reading.files, reading.warnings))
    } else {
        Err(reading.errors)
    }
}

/// What becomes of pipes and devices that are named themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pipes {
    Read,
    Refused,
}

struct Reading {
    forced: Option<Format>,
    pipes: Pipes,
    files: Vec<SourceFile>,
    warnings: Vec<String>,
    errors: Vec<String>,
}

impl Reading {
    fn path(&mut self, path: &str) -> Result<(), String> {
        let metadata = fs::metadata(path).map_err(|error| {
            format!(
                "config: Open failed on {path}. open {path}: {}",
                go_error::text(&error)
            )
        })?;
        if !metadata.is_dir() {
            return self.file(path, self.pipes);
        }
        let failed = |error: &io::Error| {
            format!(
                "config: Readdir failed on {path}. open {path}: {}",
                go_error::text(error)
            )
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(path).map_err(|error| failed(&error))? {
            names.push(entry.map_err(|error| failed(&error))?.file_name());
            if names.len() > MAX_FILES_IN_FOLDER {
                return Err(format!(
                    "config: more than {MAX_FILES_IN_FOLDER} files in {path}"
                ));
            }
        }
        names.sort();
        for name in names {
            let file = Path::new(path).join(name);
            let file = file.to_string_lossy();
            // Links are followed; one that leads nowhere is an error.
            let result = match fs::metadata(&*file) {
                Ok(metadata) if metadata.is_dir() => continue,
                Ok(_) => self.file(&file, Pipes::Refused),
                Err(error) => Err(format!(
                    "config: failed to read {file}: {}",
                    go_error::text(&error)
                )),
            };
            if let Err(message) = result {
                self.errors.push(message);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, pipes: Pipes) -> Result<(), String> {
        let Some(format) = Format::of(path, self.forced) else {
            self.warnings.push(format!(
                "skipping file {path}, extension must be .hcl or .json, or config format must be set"
            ));
            return Ok(());
        };
        let text = read_text(path, pipes).map_err(|error| {
            format!("config: failed to read {path}: {}", go_error::text(&error))
        })?;
        self.files.push(SourceFile {
            name: path.to_owned(),
            format,
            text,
        });
        Ok(())
    }
}

fn read_text(path: &str, pipes: Pipes) -> io::Result<String> {
    // Opening a pipe that nobody writes into already waits.
    if pipes == Pipes::Refused && !fs::metadata(path)?.is_file() {
        let message = "it is a pipe or a device, not a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut text = String::new();
    let length = fs::File::open(path)?
        .take(MAX_FILE_SIZE + 1)
        .read_to_string(&mut text)?;
    if length as u64 > MAX_FILE_SIZE {
        let message = format!("the file is larger than {MAX_FILE_SIZE} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// What is wrong with the data folder. That it does not exist yet is not.
fn bad_data_dir(config: &Config) -> Option<String> {
    let path = &config.node.data_dir;
    if config.dev_mode || path.as_os_str().is_empty() {
        return None;
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => None,
        Ok(_) => Some(format!(
            "data_dir {:?} is not a directory",
            path.display().to_string()
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(format!(
            "Error getting info on data_dir: {}",
            go_error::text(&error)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn path(folder: &tempfile::TempDir, name: &str) -> String {
        folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn names(files: &[SourceFile]) -> Vec<&str> {
        files
            .iter()
            .map(|file| file.name.rsplit('/').next().unwrap())
            .collect()
    }

    #[test]
    fn a_folder_is_read_in_order_and_not_deeply() {
        let folder = folder(&[
            ("b.json", "{}"),
            ("a.hcl", ""),
            ("c.txt", ""),
            (".d.json", ""),
        ]);
        fs::create_dir(folder.path().join("e.json")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("a.hcl"), folder.path().join("z.hcl"))
            .unwrap();
        let paths = [path(&folder, "")];
        let (files, warnings) = read_files(&paths, None, Pipes::Read).unwrap();
        assert_eq!(names(&files), [".d.json", "a.hcl", "b.json", "z.hcl"]);
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0]
                .ends_with("c.txt, extension must be .hcl or .json, or config format must be set")
        );
        let (files, warnings) = read_files(&paths, Some("hcl"), Pipes::Read).unwrap();
        assert_eq!((files.len(), warnings.len()), (5, 0));
        assert!(files.iter().all(|file| file.format == Format::Hcl));
    }

    #[test]
    fn everything_unreadable_is_named() {
        let folder = folder(&[]);
        fs::write(folder.path().join("a.json"), b"\xff\xfe").unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.path().join("l.json")).unwrap();
        let missing = path(&folder, "x.json");
        let errors =
            read_files(&[path(&folder, ""), missing.clone()], None, Pipes::Read).unwrap_err();
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(errors[0].contains("a.json") && errors[1].contains("l.json"));
        assert_eq!(
            errors[2],
            format!("config: Open failed on {missing}. open {missing}: no such file or directory")
        );
        let errors = read_files(&[], Some("yaml"), Pipes::Read).unwrap_err();
        assert_eq!(
            errors,
            ["config: -config-format must be either 'hcl' or 'json'"]
        );
    }

    #[test]
    fn nobody_waits_for_a_pipe_in_a_folder_or_at_a_reload() {
        let folder = folder(&[("a.json", "{}")]);
        let pipe = path(&folder, "b.json");
        let made = std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap();
        assert!(made.success());
        let text = format!("config: failed to read {pipe}: it is a pipe or a device, not a file");
        let errors = read_files(&[path(&folder, "")], None, Pipes::Read).unwrap_err();
        assert_eq!(errors, [text.as_str()]);
        let mut flags = AgentFlags {
            config_files: vec![pipe.clone()],
            dev: Some(true),
            ..AgentFlags::default()
        };
        assert_eq!(load_again(&flags).unwrap_err().to_string(), text);
        // At the start it is read.
        let writer = std::thread::spawn(move || fs::write(pipe, "{\"node_name\": \"piped\"}"));
        flags.bind = Some("127.0.0.1".to_owned());
        assert_eq!(load(&flags).unwrap().config.node.name, "piped");
        writer.join().unwrap().unwrap();
    }

    #[test]
    fn the_environment_may_hold_either_language() {
        assert_eq!(local_config(" {}".into()).format, Format::Json);
        assert_eq!(local_config("a = 1".into()).format, Format::Hcl);
    }

    #[test]
    fn files_become_a_configuration() {
        let folder = folder(&[("a.hcl", "server = true\nbind_addr = \"127.0.0.1\"")]);
        let mut flags = AgentFlags {
            config_files: vec![path(&folder, "")],
            data_dir: Some(path(&folder, "data")),
            ..AgentFlags::default()
        };
        assert!(load(&flags).unwrap().config.node.server);
        flags.data_dir = Some(path(&folder, "a.hcl"));
        let error = load(&flags).unwrap_err().to_string();
        assert!(
            error.ends_with("a.hcl\" is not a directory (flag -data-dir)"),
            "{error}"
        );
        fs::write(folder.path().join("b.hcl"), "sever = 1").unwrap();
        let error = load(&flags).unwrap_err().to_string();
        assert!(error.contains("invalid config key sever"), "{error}");
        assert!(
            error.contains("b.hcl:1), did you mean \"server\"?"),
            "{error}"
        );
    }
}
