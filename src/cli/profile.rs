//! The user's `config.toml` on disk: where it is, reading it, changing which context is current, and making tokens.

use std::fs;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::config::{Chosen, Config, parse, with_current};
use super::error::Error;
use crate::api::io_reason;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// The largest token that a file may hold or a program may print, in bytes.
const MAX_TOKEN: usize = 64 << 10;
/// How often it is looked whether a program that has closed its output has ended.
const GLANCE: Duration = Duration::from_millis(10);
/// How long a person waits without a word about what for.
const NOTICEABLE: Duration = Duration::from_secs(2);
/// The variable that tells a program that makes a token for which contexts it does, a line each, so that it does not
/// start itself for ever.
pub(crate) const TOKEN_GUARD: &str = "CONSULCTL_TOKEN_FOR";

/// The file; `None` where the environment names no folder for it.
pub(crate) fn path(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = |name: &str| {
        let folder = variable(name).map(PathBuf::from);
        folder.filter(|folder| folder.is_absolute())
    };
    let base = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(base.join("consulctl/config.toml"))
}

/// What stands in the file; nothing where there is none. A folder out of reach is an error only if the file `is_needed`:
/// `sudo` and containers may leave a `HOME` that is somebody else's, or no folder. A file that is there and cannot be read
/// is an error always: it may hold a guard. Names of files may start with `~/`.
pub(crate) fn load(path: &Path, home: Option<&str>, is_needed: bool) -> Result<Config, Error> {
    let Some(text) = read(path, is_needed)? else {
        return Ok(Config::default());
    };
    let mut config = parse(&text)
        .map_err(|(line, reason)| Error::message(format!("{}:{line}: {reason}", path.display())))?;
    config.path = path.display().to_string();
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

fn read(path: &Path, is_needed: bool) -> Result<Option<String>, Error> {
    let failed = |error: io::Error| {
        let reason = io_reason(&error);
        Error::Message(format!("cannot read {}: {reason}", path.display()))
    };
    let facts = match fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if is_no_file(&error, is_needed) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if facts.len() > MAX_FILE {
        let text = format!("{} is larger than {MAX_FILE} bytes", path.display());
        return Err(Error::Message(text));
    }
    fs::read_to_string(path).map(Some).map_err(failed)
}

/// Whether looking for the file came to this because there is none, or as good as none.
fn is_no_file(error: &io::Error, is_needed: bool) -> bool {
    match error.kind() {
        io::ErrorKind::NotFound => true,
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => !is_needed,
        _ => false,
    }
}

/// Makes `name` the current context, and the one that was current the previous one.
pub(crate) fn switch(path: &Path, name: &str, before: Option<&str>) -> Result<(), Error> {
    let text = read(path, true)?.unwrap_or_default();
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
        // Never through a link that somebody has put there.
        let mut file = fs::File::create_new(&beside)?;
        let (old, new) = (fs::metadata(path)?, file.metadata()?);
        // With sudo, the file stays its owner's.
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())?;
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

/// How a context's token is read.
pub(crate) struct Reading {
    /// Whether a program may ask its questions at the terminal.
    pub(crate) asks: bool,
    /// How long a file or a program may take.
    pub(crate) limit: Duration,
    /// What [`TOKEN_GUARD`] is set to.
    pub(crate) within: Option<String>,
    /// Whether what a program says to the terminal is dropped.
    pub(crate) silent: bool,
    /// Told what is waited for, where that takes longer than [`NOTICEABLE`].
    pub(crate) notice: Option<fn(&str)>,
}

/// The context's token: from its file, or from its program.
///
/// # Errors
///
/// The file cannot be read, the program fails or runs itself, either takes too long or gives no token of at most
/// [`MAX_TOKEN`] bytes.
pub(crate) fn token(chosen: &Chosen, reading: &Reading) -> Result<Option<String>, Error> {
    let name = &chosen.name;
    if let Some(file) = chosen.named.texts.get("token_file") {
        let failed = |reason: String| {
            let text = format!("context {name}: cannot read token_file {file}: {reason}");
            Error::Message(text)
        };
        let path = PathBuf::from(file);
        // A pipe waits for its writer as soon as it is opened.
        let what = format!("waiting for token_file {file} of the context {name}");
        let wait = Wait::of(reading, &what);
        let found = at_most(move || fs::File::open(path), &wait).map_err(failed)?;
        let text = as_text(found).map_err(failed)?;
        return Ok(Some(text).filter(|token| !token.is_empty()));
    }
    let Some((program, arguments)) = chosen.named.token_cmd.split_first() else {
        return Ok(None);
    };
    let failed =
        |reason: String| Error::Message(format!("context {name}: token_cmd `{program}`: {reason}"));
    let within = reading.within.as_deref().unwrap_or_default();
    if within.lines().any(|outer| outer == name) {
        let reason = "it runs consulctl in the same context, and so itself: give its call -token or another -context";
        return Err(failed(reason.to_owned()));
    }
    let input = if reading.asks {
        Stdio::inherit()
    } else {
        Stdio::null()
    };
    let errors = if reading.silent {
        Stdio::null()
    } else {
        Stdio::inherit()
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env(TOKEN_GUARD, format!("{within}\n{name}"))
        .stderr(errors)
        .stdin(input)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(io_reason(&error)))?;
    let what = format!("waiting for token_cmd `{program}` of the context {name}");
    let printed = output(&mut child, &Wait::of(reading, &what));
    if printed.is_err() {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
    match printed.and_then(as_text).map_err(failed)? {
        token if token.is_empty() => Err(failed("printed no token".to_owned())),
        token => Ok(Some(token)),
    }
}

/// A wait for a token.
struct Wait<'a> {
    limit: Duration,
    notice: Option<fn(&str)>,
    what: &'a str,
}

impl<'a> Wait<'a> {
    fn of(reading: &Reading, what: &'a str) -> Self {
        Self {
            limit: reading.limit,
            notice: reading.notice,
            what,
        }
    }
}

/// What a program prints until it ends well.
fn output(child: &mut Child, wait: &Wait<'_>) -> Result<Vec<u8>, String> {
    let (began, limit) = (Instant::now(), wait.limit);
    let pipe = child.stdout.take();
    let found = at_most(
        || pipe.ok_or_else(|| io::ErrorKind::BrokenPipe.into()),
        wait,
    )?;
    if found.len() > MAX_TOKEN {
        // It may print for ever, so nobody waits for its end.
        return Err(too_large());
    }
    loop {
        match child.try_wait().map_err(|error| io_reason(&error))? {
            Some(status) if status.success() => return Ok(found),
            Some(status) => return Err(status.to_string()),
            None if began.elapsed() >= limit => return Err(too_long(limit)),
            None => std::thread::sleep(GLANCE),
        }
    }
}

/// Reads one byte more than a token may have, in a thread that is left behind if that takes too long.
fn at_most<R: Read>(
    open: impl FnOnce() -> io::Result<R> + Send + 'static,
    wait: &Wait<'_>,
) -> Result<Vec<u8>, String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let read = || {
            let mut found = Vec::new();
            let bound = u64::try_from(MAX_TOKEN + 1).unwrap_or(u64::MAX);
            open()?.take(bound).read_to_end(&mut found)?;
            Ok(found)
        };
        // Nobody waits any more if it took too long.
        let _ = sender.send(read());
    });
    let noticeable = NOTICEABLE.min(wait.limit);
    let found = receiver.recv_timeout(noticeable).or_else(|_| {
        if let Some(notice) = wait.notice {
            notice(wait.what);
        }
        receiver.recv_timeout(wait.limit.saturating_sub(noticeable))
    });
    match found {
        Ok(found) => found.map_err(|error: io::Error| io_reason(&error)),
        Err(_) => Err(too_long(wait.limit)),
    }
}

fn too_large() -> String {
    format!("more than {MAX_TOKEN} bytes are no token")
}

fn too_long(limit: Duration) -> String {
    format!("took longer than {limit:?}")
}

fn as_text(found: Vec<u8>) -> Result<String, String> {
    if found.len() > MAX_TOKEN {
        return Err(too_large());
    }
    let text = String::from_utf8(found).map_err(|_| "a token is text in UTF-8".to_owned())?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::cli::config::choose;

    #[test]
    fn a_file_out_of_reach_is_no_file_unless_it_is_needed() {
        let under_a_device = Path::new("/dev/null/.config/consulctl/config.toml");
        assert!(
            load(under_a_device, None, false)
                .unwrap()
                .contexts
                .is_empty()
        );
        assert!(load(under_a_device, None, true).is_err());
        // What is there and cannot be read may hold a guard.
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path(), None, false).is_err());
        for (kind, is_needed, expected) in [
            (io::ErrorKind::NotFound, true, true),
            (io::ErrorKind::PermissionDenied, false, true),
            (io::ErrorKind::PermissionDenied, true, false),
            (io::ErrorKind::IsADirectory, false, false),
        ] {
            assert_eq!(is_no_file(&kind.into(), is_needed), expected, "{kind}");
        }
    }
    fn made(named: &str, reading: &Reading) -> Result<Option<String>, String> {
        let text = format!("current = \"a\"\n[contexts.a]\n{named}\n");
        let chosen = choose(&parse(&text).unwrap(), None, None).unwrap().unwrap();
        token(&chosen, reading).map_err(|error| error.text().unwrap())
    }

    fn reading(limit: Duration) -> Reading {
        Reading {
            asks: false,
            limit,
            within: None,
            silent: false,
            notice: None,
        }
    }

    #[test]
    fn tokens_are_bounded_in_size_and_time() {
        let patient = reading(Duration::from_mins(1));
        let fails = |named: &str, reason: &str| {
            let found = made(named, &patient).unwrap_err();
            assert!(found.ends_with(reason), "{found}");
        };
        let size = "more than 65536 bytes are no token";
        fails("token_cmd = [\"yes\"]", size);
        fails("token_file = \"/dev/zero\"", size);
        let binary = r#"token_cmd = ["printf", "\\377"]"#;
        fails(binary, "a token is text in UTF-8");
        let short = reading(Duration::from_millis(20));
        let found = made("token_cmd = [\"sleep\", \"60\"]", &short).unwrap_err();
        assert!(found.ends_with("took longer than 20ms"), "{found}");
        let closed = r#"token_cmd = ["sh", "-c", "exec >&-; exec sleep 60"]"#;
        let found = made(closed, &short).unwrap_err();
        assert!(found.ends_with("took longer than 20ms"), "{found}");
    }

    #[test]
    fn who_waits_for_a_token_is_told_what_for() {
        static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let mut waiting = reading(Duration::from_millis(20));
        waiting.notice = Some(|text| TOLD.lock().unwrap().push(text.to_owned()));
        made("token_cmd = [\"sleep\", \"60\"]", &waiting).unwrap_err();
        let told = "waiting for token_cmd `sleep` of the context a";
        assert_eq!(*TOLD.lock().unwrap(), [told]);
    }

    #[test]
    fn programs_get_no_input_of_others_and_do_not_start_themselves() {
        let mut patient = reading(Duration::from_mins(1));
        let input = r#"token_cmd = ["sh", "-c", "readlink /proc/self/fd/0"]"#;
        assert_eq!(made(input, &patient).unwrap().unwrap(), "/dev/null");
        let guard = r#"token_cmd = ["sh", "-c", "echo $CONSULCTL_TOKEN_FOR"]"#;
        patient.within = Some("\nother".to_owned());
        assert_eq!(made(guard, &patient).unwrap().unwrap(), "other a");
        patient.within = Some("\na\nother".to_owned());
        let found = made(guard, &patient).unwrap_err();
        assert!(found.contains("in the same context"), "{found}");
    }
}
