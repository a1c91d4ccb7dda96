//! Completion at the prompt: the shell asks this binary what could come next.

use std::ffi::OsString;
use std::process::ExitCode;

use clap_complete::CompleteEnv;

use super::root;

/// The variable by which a shell asks.
const VARIABLE: &str = "COMPLETE";

/// Answers the shell if it asks; `None` when this is an ordinary run.
///
/// Single dashes are doubled before clap's engine sees them, so that `-http<TAB>` works.
pub(crate) fn answer_shell() -> Option<ExitCode> {
    std::env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    let words = std::env::args_os().map(double_dash);
    let folder = std::env::current_dir().ok();
    let engine = CompleteEnv::with_factory(root::definition).var(VARIABLE);
    match engine.try_complete(words, folder.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        // A prompt is no place for messages.
        Err(_) => Some(ExitCode::FAILURE),
    }
}

fn double_dash(word: OsString) -> OsString {
    match word.to_str() {
        Some(text) if text.len() > 1 && text.starts_with('-') && !text.starts_with("--") => {
            OsString::from(format!("-{text}"))
        }
        _ => word,
    }
}
