//! `kv put`

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use crate::api::KvWrite;
use crate::cli::context::Context;
use crate::cli::data;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, NamespaceFlag, ServerFlags, go_uint};
use crate::model::go_base64;

/// Writes a key
///
/// DATA is the value itself, @FILE for a file's bytes, or - for standard input; without DATA the
/// value is empty.
///
/// $ consulctl kv put app/limit 5
///
/// $ consulctl kv put app/config @config.json
///
/// To write only if nobody changed the key since it was read, give the ModifyIndex that
/// `kv get -detailed` showed:
///
/// $ consulctl kv put -cas -modify-index=123 app/limit 6
#[derive(clap::Args)]
#[command(override_usage = "consulctl kv put [options] KEY [DATA]")]
pub(crate) struct Args {
    /// Take the lock on the key for -session; fails if another session holds it.
    #[arg(long)]
    acquire: bool,
    /// DATA is base64 and is decoded before it is stored.
    #[arg(long)]
    base64: bool,
    /// Write only if the key's ModifyIndex is still -modify-index.
    #[arg(long)]
    cas: bool,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// A number that is stored with the key, for the programs that read it.
    #[arg(long, value_name = "uint", default_value = "0", value_parser = go_uint)]
    flags: u64,
    /// The index for -cas.
    #[arg(long, value_name = "uint", default_value = "0", value_parser = go_uint)]
    modify_index: u64,
    /// Give back the lock that -session holds on the key.
    #[arg(long)]
    release: bool,
    /// The session for -acquire and -release.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    session: String,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    namespace: NamespaceFlag,
    #[arg(hide = true, num_args = 0.., value_name = "KEY")]
    words: Vec<OsString>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let (key, data) = match self.words.as_slice() {
            [] => return Err(Error::message("Error! Missing KEY argument")),
            [key] => (key, Vec::new()),
            [key, data] => {
                let data = data::load(data, &mut context.console);
                (
                    key,
                    data.map_err(|reason| Error::message(format!("Error! {reason}")))?,
                )
            }
            more => {
                let text = format!(
                    "Error! Too many arguments (expected 1 or 2, got {})",
                    more.len()
                );
                return Err(Error::Message(text));
            }
        };
        let data = if self.base64 {
            decoded(&data, context)?
        } else {
            data
        };
        if self.session.is_empty() && (self.acquire || self.release) {
            let text = "Error! Missing -session (required with -acquire and -release)";
            return Err(Error::message(text));
        }
        if self.cas && self.modify_index == 0 {
            let text = "Must specify -modify-index with -cas!";
            return Err(Error::message(text));
        }
        let write = KvWrite {
            key: key.as_bytes().to_vec(),
            value: data.into(),
            flags: self.flags,
            ..KvWrite::default()
        };
        self.write(context, write).await
    }

    async fn write(self, context: &mut Context, mut write: KvWrite) -> Outcome {
        let key = String::from_utf8_lossy(&write.key).into_owned();
        let failed = "Error! Failed writing data".to_owned();
        let (trying, refused, done) = if self.cas {
            write.cas = Some(self.modify_index);
            let trying = format!("Error! Did not write to {key}");
            let refused = format!("{trying}: CAS failed");
            (trying, refused, format!("Success! Data written to: {key}"))
        } else if self.acquire {
            write.acquire = Some(self.session);
            let refused = "Error! Did not acquire lock".to_owned();
            (failed, refused, format!("Success! Lock acquired on: {key}"))
        } else if self.release {
            write.release = Some(self.session);
            let refused = "Error! Did not release lock".to_owned();
            (failed, refused, format!("Success! Lock released on: {key}"))
        } else {
            let done = format!("Success! Data written to: {key}");
            (failed.clone(), failed, done)
        };
        let bytes = write.value.len();
        if self.dry_run {
            let text = format!("Would write {bytes} bytes to: {key}");
            context.console.line(&text)?;
            return Ok(context.console.note("Nothing was changed.")?);
        }
        let client = context.writer(&self.http.with_namespace(&self.namespace))?;
        let options = self.server.options();
        let written = client.kv_put(write, &options).await.during(&trying);
        if written.map_err(|error| error.with_size(bytes))? {
            Ok(context.console.line(&done)?)
        } else {
            Err(Error::Message(refused))
        }
    }
}

/// The bytes of a base64 text. As with Consul, a broken text is told and what stands before the
/// break is written all the same: scripts rely on the exit code being 0.
fn decoded(text: &[u8], context: &mut Context) -> Result<Vec<u8>, Error> {
    match go_base64::decode(text) {
        Ok(bytes) => Ok(bytes),
        Err(illegal) => {
            let message = format!("Error! Cannot base 64 decode data: {illegal}");
            context.console.note(&message)?;
            Ok(illegal.before)
        }
    }
}
