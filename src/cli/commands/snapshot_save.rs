//! `snapshot save`

use std::io::Write as _;
use std::path::Path;

use crate::api::{file_reason, io_reason};
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, ServerFlags};
use crate::model::snapshot_archive::Archive;
use crate::output::Progress;

const SAVING: &str = "Error saving snapshot";
const WRITING: &str = "Error writing unverified snapshot file";

/// Saves a snapshot of the servers' state
///
/// The snapshot is checked before the file gets its name, so a file that exists is whole.
///
/// $ consulctl snapshot save backup.snap
#[derive(clap::Args)]
#[command(override_usage = "consulctl snapshot save [options] FILE")]
pub(crate) struct Args {
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[arg(hide = true, num_args = 0.., value_name = "FILE")]
    files: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let path = match self.files.as_slice() {
            [] => return Err(Error::message("Missing FILE argument")),
            [file] => Path::new(file),
            more => return Err(Error::too_many("1", more.len())),
        };
        let client = context.client(&self.http)?;
        let options = self.server.options();
        let mut body = client.snapshot_save(&options).await.during(SAVING)?;
        let index = body.meta().index;
        let unwritten = |place: &Path, error: &std::io::Error| {
            Error::message(format!("{WRITING}: {}", file_reason("open", place, error)))
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut fresh = tempfile::Builder::new()
            .prefix(&format!("{name}.unverified.tmp"))
            .tempfile_in(folder)
            .map_err(|error| unwritten(path, error_of(&error)))?;
        let progress = Progress::bytes(context.console.shows_progress(), body.length());
        while let Some(part) = body.next().await.during(SAVING)? {
            fresh
                .write_all(&part)
                .map_err(|error| unwritten(fresh.path(), &error))?;
            progress.advance(part.len() as u64);
        }
        drop(progress);
        fresh
            .as_file()
            .sync_all()
            .map_err(|error| unwritten(fresh.path(), &error))?;
        let again = std::fs::read(fresh.path()).map_err(|error| unwritten(fresh.path(), &error))?;
        Archive::read(&again)
            .map_err(|error| Error::message(format!("Error verifying snapshot file: {error}")))?;
        fresh.persist(path).map_err(|error| {
            let reason = io_reason(&error.error);
            Error::message(format!("Error renaming snapshot file: {reason}"))
        })?;
        let text = format!("Saved and verified snapshot to index {index}");
        Ok(context.console.line(&text)?)
    }
}

/// The system's error below the one that names the temporary file.
fn error_of(error: &std::io::Error) -> &std::io::Error {
    error
        .get_ref()
        .and_then(|inner| std::error::Error::source(inner))
        .and_then(|source| source.downcast_ref())
        .unwrap_or(error)
}
