//! `kv cas`: ours, a short form of `kv put -cas`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use crate::api::KvWrite;
use crate::cli::context::Context;
use crate::cli::data;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, NamespaceFlag, ServerFlags, go_uint};

/// Writes a key if nobody changed it
///
/// INDEX is the ModifyIndex that `kv get -detailed` showed; 0 writes only if there is no such key.
/// The exit code is 1 when the key was changed in between.
///
/// $ consulctl kv cas app/limit 123 6
#[derive(clap::Args)]
#[command(override_usage = "consulctl kv cas [options] KEY INDEX DATA")]
pub(crate) struct Args {
    /// A number that is stored with the key.
    #[arg(long, value_name = "uint", default_value = "0", value_parser = go_uint)]
    flags: u64,
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
        let [key, index, data] = self.words.as_slice() else {
            let text = format!("KEY, INDEX and DATA are needed (got {})", self.words.len());
            return Err(Error::Usage(text));
        };
        let index = index.to_string_lossy();
        let index = go_uint(&index)
            .map_err(|_| Error::Usage(format!("invalid index \"{index}\": not a number")))?;
        let data = data::load(data, &mut context.console)
            .map_err(|reason| Error::message(format!("Error! {reason}")))?;
        let name = key.to_string_lossy();
        let write = KvWrite {
            key: key.as_bytes().to_vec(),
            value: data.into(),
            flags: self.flags,
            cas: Some(index),
            ..KvWrite::default()
        };
        let client = context.writer(&self.http.with_namespace(&self.namespace))?;
        let trying = format!("Error! Did not write to {name}");
        let options = self.server.options();
        if client.kv_put(write, &options).await.during(&trying)? {
            Ok(context
                .console
                .line(&format!("Success! Data written to: {name}"))?)
        } else {
            Err(Error::message(format!("{trying}: CAS failed")))
        }
    }
}
