//! `snapshot inspect`

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Serialize;

use crate::api::file_reason;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::FormatFlag;
use crate::output::tabulate;

use super::snapshot_file;

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
        let file = File::open(path).map_err(|error| {
            let reason = file_reason("open", path, &error);
            Error::message(format!("Error opening snapshot file: {reason}"))
        })?;
        let meta = snapshot_file::verify(BufReader::new(file))
            .map_err(|reason| Error::message(format!("Error verifying snapshot: {reason}")))?;
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
