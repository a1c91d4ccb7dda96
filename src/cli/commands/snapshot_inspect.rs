//! `snapshot inspect`

use std::path::Path;

use serde::Serialize;

use crate::api::file_reason;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::FormatFlag;
use crate::model::snapshot_archive::Archive;
use crate::output::tabulate;

/// Shows what a snapshot file holds
///
/// No agent is asked; every checksum in the file is verified.
///
/// $ consulctl snapshot inspect backup.snap
#[derive(clap::Args)]
#[command(override_usage = "consulctl snapshot inspect [options] FILE")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatFlag,
    #[arg(hide = true, num_args = 0.., value_name = "FILE")]
    files: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    meta: ReportMeta,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReportMeta {
    #[serde(rename = "ID")]
    id: String,
    size: u64,
    index: u64,
    term: u64,
    version: u64,
}

impl Args {
    pub(crate) fn run(self, context: &mut Context) -> Outcome {
        let path = match self.files.as_slice() {
            [] => return Err(Error::message("Missing FILE argument")),
            [file] => Path::new(file),
            more => return Err(Error::too_many("1", more.len())),
        };
        let data = std::fs::read(path).map_err(|error| {
            let reason = file_reason("open", path, &error);
            Error::message(format!("Error opening snapshot file: {reason}"))
        })?;
        let archive = Archive::read(&data)
            .map_err(|error| Error::message(format!("Error verifying snapshot: {error}")))?;
        let meta = archive.meta;
        if self.format.is_json() {
            let meta = ReportMeta {
                id: meta.id,
                size: meta.size,
                index: meta.index,
                term: meta.term,
                version: meta.version,
            };
            return super::print_json(context, &Report { meta });
        }
        let rows = [
            ("ID", meta.id),
            ("Size", meta.size.to_string()),
            ("Index", meta.index.to_string()),
            ("Term", meta.term.to_string()),
            ("Version", meta.version.to_string()),
        ];
        Ok(context.console.line(&tabulate(&rows))?)
    }
}
