//! `snapshot inspect`

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Serialize;

use super::snapshot_stats::{KeyDetails, Stats, Tables};
use crate::api::file_reason;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::flags::{FormatFlag, go_int};
use crate::model::snapshot_archive::{ArchiveMeta, read_archive};
use crate::model::snapshot_records::{RecordsError, walk_records};
use crate::output::{JsonIndent, tabulate, to_json};

/// The state of a server's own raft snapshot, with its description next to it.
const RAW_STATE: &str = "state.bin";
const RAW_META: &str = "meta.json";

/// Shows what a snapshot file holds
///
/// No agent is asked; every checksum in the file is verified. The records are counted by their type, the largest first.
///
/// $ consulctl snapshot inspect backup.snap
///
/// $ consulctl snapshot inspect -kvdetails -kvdepth 3 -kvfilter vault/core backup.snap
#[derive(clap::Args)]
#[command(override_usage = "consulctl snapshot inspect [options] FILE")]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatFlag,
    /// Show which keys take how much room.
    #[arg(long)]
    kvdetails: bool,
    /// Parts of a key, between slashes, that -kvdetails tells apart.
    #[arg(long, value_name = "int", default_value = "2", value_parser = go_int)]
    kvdepth: i64,
    /// Beginning of the keys that -kvdetails shows.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    kvfilter: String,
    #[arg(hide = true, num_args = 0.., value_name = "FILE")]
    files: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    meta: ReportMeta,
    #[serde(flatten)]
    tables: Tables,
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
        let depth = usize::try_from(self.kvdepth)
            .map_err(|_| Error::message("-kvdepth must not be negative"))?;
        let details = KeyDetails {
            depth,
            filter: self.kvfilter.clone(),
        };
        let (meta, tables) = inspect(path, self.kvdetails.then_some(&details))?;
        if self.format.is_json() {
            let meta = ReportMeta {
                id: meta.id,
                size: meta.size,
                index: meta.index,
                term: meta.term,
                version: meta.version,
            };
            let text = to_json(&Report { meta, tables }, JsonIndent::Three)
                .map_err(|error| Error::message(format!("Error encoding JSON: {error}")))?;
            return Ok(context.console.line(&text)?);
        }
        let rows = [
            (" ID", meta.id),
            (" Size", meta.size.to_string()),
            (" Index", meta.index.to_string()),
            (" Term", meta.term.to_string()),
            (" Version", meta.version.to_string()),
        ];
        let text = format!("{}\n{}", tabulate(&rows), tables.text());
        Ok(context.console.line(&text)?)
    }
}

fn inspect(path: &Path, details: Option<&KeyDetails>) -> Result<(ArchiveMeta, Tables), Error> {
    let file = File::open(path).map_err(|error| {
        let reason = file_reason("open", path, &error);
        Error::message(format!("Error opening snapshot file: {reason}"))
    })?;
    let walk = |input: &mut dyn Read| {
        let mut stats = Stats::new(details.cloned());
        walk_records(input, |record| stats.count(record)).map(|()| stats.tables())
    };
    let is_raw = path
        .file_name()
        .is_some_and(|name| name.eq_ignore_ascii_case(RAW_STATE));
    let (meta, found) = if is_raw {
        (raw_meta(path)?, Some(walk(&mut BufReader::new(file))))
    } else {
        read_archive(file, walk)
            .map_err(|error| Error::message(format!("Error reading snapshot: {error}")))?
    };
    let tables = match found {
        Some(found) => found.map_err(|error| extracting(&error))?,
        None => Stats::new(None).tables(),
    };
    Ok((meta, tables))
}

fn extracting(error: &RecordsError) -> Error {
    Error::message(format!("Error extracting snapshot data: {error}"))
}

/// The description next to a raw state.
fn raw_meta(state: &Path) -> Result<ArchiveMeta, Error> {
    let path = state.with_file_name(RAW_META);
    let text = std::fs::read(&path).map_err(|error| {
        let reason = file_reason("open", &path, &error);
        let what = "Error reading meta.json from internal snapshot dir";
        Error::message(format!("{what}: {reason}"))
    })?;
    serde_json::from_slice(&text).map_err(|error| {
        let what = "Error parsing meta.json from internal snapshot dir";
        Error::message(format!("{what}: {error}"))
    })
}
