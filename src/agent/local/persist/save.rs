//! Writing a change: all of its files or none of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::error;

use super::{
    FileContent, Files, PersistError, file_name, io_error, remove, sync_folder, temporary, write,
};
use crate::agent::local::state::Change;

/// One file of a change.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) path: PathBuf,
    /// The new content, already on the disk under this name; `None`: the file goes.
    pub(super) staged: Option<PathBuf>,
    /// What the file held, for the case that a later step fails; `None`: there was no file.
    pub(super) previous: Option<Vec<u8>>,
}

impl Files {
    /// Makes a change durable. Entries of configuration files are not written, and what was
    /// written under their ids before is removed: files win.
    ///
    /// # Errors
    /// Names the file. The files are then as they were, so that no part of a registration comes
    /// back at a restart.
    pub(in crate::agent::local) fn save(&self, change: &Change) -> Result<(), PersistError> {
        let files = self.files_of(change)?;
        let mut steps = Vec::with_capacity(files.len());
        let result = stage(files, &mut steps).and_then(|()| carry_out(&steps));
        result.and_then(|()| self.sync(change).inspect_err(|_| undo(&steps)))
    }

    /// In an order in which no service is ever without its checks: one that comes back without them
    /// after a crash would pass. A check that comes back without its service is refused.
    pub(super) fn files_of(&self, change: &Change) -> Result<Vec<FileContent>, PersistError> {
        let gone = |folder: &Path, id: &String| (folder.join(file_name(id)), None);
        let mut files = Vec::new();
        for check in &change.checks {
            files.push(self.check_file(check)?);
        }
        for service in &change.services {
            files.push(self.service_file(service)?);
        }
        for id in &change.removed_services {
            files.push(gone(&self.services, id));
        }
        for id in &change.removed_checks {
            files.push(gone(&self.checks, id));
            files.push(gone(&self.ttls, id));
        }
        Ok(files)
    }

    fn sync(&self, change: &Change) -> Result<(), PersistError> {
        if !change.services.is_empty() || !change.removed_services.is_empty() {
            sync_folder(&self.services)?;
        }
        if !change.checks.is_empty() || !change.removed_checks.is_empty() {
            sync_folder(&self.checks)?;
        }
        Ok(())
    }
}

/// Writes all new contents beside their files: where the disk is full, nothing has changed yet.
pub(super) fn stage(files: Vec<FileContent>, steps: &mut Vec<Step>) -> Result<(), PersistError> {
    for (path, content) in files {
        let staged = content.as_ref().map(|_| temporary(&path));
        let step = previous(&path).and_then(|previous| {
            if let (Some(bytes), Some(staged)) = (&content, &staged) {
                write(staged, bytes).map_err(io_error("write", staged))?;
            }
            Ok(previous)
        });
        match step {
            Ok(None) if staged.is_none() => {}
            Ok(previous) => steps.push(Step {
                path,
                staged,
                previous,
            }),
            Err(err) => {
                forget(steps.iter().filter_map(|step| step.staged.as_deref()));
                forget(staged.as_deref());
                return Err(err);
            }
        }
    }
    Ok(())
}

fn previous(path: &Path) -> Result<Option<Vec<u8>>, PersistError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(io_error("read", path)(err)),
    }
}

/// Puts everything in its place, or nothing.
pub(super) fn carry_out(steps: &[Step]) -> Result<(), PersistError> {
    for (done, step) in steps.iter().enumerate() {
        let path = &step.path;
        let result = match &step.staged {
            Some(staged) => fs::rename(staged, path).map_err(io_error("write", path)),
            None => remove(path),
        };
        if let Err(err) = result {
            undo(&steps[..done]);
            forget(steps[done..].iter().filter_map(|it| it.staged.as_deref()));
            return Err(err);
        }
    }
    Ok(())
}

/// Gives the files what they held before.
fn undo(steps: &[Step]) {
    for step in steps {
        let path = &step.path;
        let result = match &step.previous {
            Some(bytes) => write(&temporary(path), bytes)
                .and_then(|()| fs::rename(temporary(path), path))
                .map_err(io_error("write", path)),
            None => remove(path),
        };
        if let Err(err) = result {
            error!(
                target: "agent", file = %path.display(), error = %err,
                "a registration failed and its file stays: the next start takes it in"
            );
        }
    }
}

/// Removes contents that are not needed; one that stays is removed at the next start.
fn forget<'a>(staged: impl IntoIterator<Item = &'a Path>) {
    for path in staged {
        let _ = fs::remove_file(path);
    }
}
