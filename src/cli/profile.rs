//! The user's `config.toml` on disk: where it is, reading it, changing which context is current, and making tokens.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::config::{Chosen, Config, parse, with_current};
use super::error::Error;
use crate::api::io_reason;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// The largest token that a program may print, in bytes.
const MAX_TOKEN: usize = 64 << 10;

/// The file; `None` where the environment names no folder for it.
pub(crate) fn path(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = |name: &str| {
        let folder = variable(name).map(PathBuf::from);
        folder.filter(|folder| folder.is_absolute())
    };
    let base = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(base.join("consulctl/config.toml"))
}

/// What stands in the file; nothing where there is none. Names of files may start with `~/`.
pub(crate) fn load(path: &Path, home: Option<&str>) -> Result<Config, Error> {
    let Some(text) = read(path)? else {
        return Ok(Config::default());
    };
    let mut config = parse(&text)
        .map_err(|(line, reason)| Error::message(format!("{}:{line}: {reason}", path.display())))?;
    for named in config.contexts.values_mut() {
        for (setting, value) in &mut named.texts {
            let is_file = setting.ends_with("_file")
                || setting.ends_with("_path")
                || setting.starts_with("client_");
            if let (true, Some(rest), Some(home)) = (is_file, value.strip_prefix("~/"), home) {
                *value = format!("{home}/{rest}");
            }
        }
    }
    Ok(config)
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    let failed = |error: &io::Error| {
        let reason = io_reason(error);
        Error::message(format!("cannot read {}: {reason}", path.display()))
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
        Ok(facts) if facts.len() > MAX_FILE => {
            let text = format!("{} is larger than {MAX_FILE} bytes", path.display());
            return Err(Error::Message(text));
        }
        Ok(_) => {}
    }
    fs::read_to_string(path)
        .map(Some)
        .map_err(|error| failed(&error))
}

/// Makes `name` the current context, and the one that was current the previous one.
pub(crate) fn switch(path: &Path, name: &str, before: Option<&str>) -> Result<(), Error> {
    let text = read(path)?.unwrap_or_default();
    let changed = with_current(&text, name, before);
    let is_right = parse(&changed).is_ok_and(|found| found.current.as_deref() == Some(name));
    if !is_right {
        let text = format!("set `current = \"{name}\"` in {} yourself", path.display());
        return Err(
            Error::message("the file is written in a way that is not understood")
                .with_hint(Some(text)),
        );
    }
    // A link stays a link to the file that is changed.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    replace(&target, &changed).map_err(|error| {
        let reason = io_reason(&error);
        Error::message(format!("cannot write {}: {reason}", path.display()))
    })
}

/// Writes a file next to the old one and puts it in its place.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("toml.{}", std::process::id()));
    let written = (|| {
        let mut file = fs::File::create(&beside)?;
        file.set_permissions(fs::metadata(path)?.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        // It may not have been made.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// The context's token: from its file, or from its program, which may ask its questions at the terminal.
pub(crate) fn token(chosen: &Chosen) -> Result<Option<String>, Error> {
    let name = &chosen.name;
    if let Some(file) = chosen.named.texts.get("token_file") {
        let text = fs::read_to_string(file).map_err(|error| {
            let reason = io_reason(&error);
            Error::message(format!(
                "context {name}: cannot read token_file {file}: {reason}"
            ))
        })?;
        return Ok(Some(text.trim().to_owned()).filter(|token| !token.is_empty()));
    }
    let Some((program, arguments)) = chosen.named.token_cmd.split_first() else {
        return Ok(None);
    };
    let failed =
        |reason: String| Error::Message(format!("context {name}: token_cmd `{program}`: {reason}"));
    let done = Command::new(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .stdin(Stdio::inherit())
        .output()
        .map_err(|error| failed(io_reason(&error)))?;
    if !done.status.success() {
        return Err(failed(done.status.to_string()));
    }
    let token = String::from_utf8(done.stdout).unwrap_or_default();
    match token.trim() {
        "" => Err(failed("printed no token".to_owned())),
        token if token.len() > MAX_TOKEN => Err(failed("printed too much".to_owned())),
        token => Ok(Some(token.to_owned())),
    }
}
