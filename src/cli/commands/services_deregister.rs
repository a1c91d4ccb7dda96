//! `services deregister`

use crate::api::QueryOptions;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, NamespaceFlag};
use crate::cli::known::{self, Kind};

use super::services_files;

/// Removes services from the agent
///
/// By id, or those of the files that registered them.
///
/// $ consulctl services deregister -id=web
///
/// $ consulctl services deregister web.json
#[derive(clap::Args)]
#[command(override_usage = "consulctl services deregister [options] [FILE...]")]
pub(crate) struct Args {
    /// Id of the service.
    #[arg(
        long,
        value_name = "string",
        default_value = "",
        hide_default_value = true
    )]
    id: String,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    namespace: NamespaceFlag,
    #[arg(hide = true, num_args = 0.., value_name = "FILE")]
    files: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let ids: Vec<String> = match (self.files.is_empty(), self.id.is_empty()) {
            (true, true) => {
                let text = "Service deregistration requires at least one argument or -id.";
                return Err(Error::message(text));
            }
            (false, false) => {
                let text = "Service deregistration requires arguments or -id, not both.";
                return Err(Error::message(text));
            }
            (true, false) => vec![self.id],
            (false, true) => services_files::load(&self.files)
                .map_err(|reason| Error::message(format!("Error: {reason}")))?
                .into_iter()
                .map(|service| {
                    if service.id.is_empty() {
                        service.name
                    } else {
                        service.id
                    }
                })
                .collect(),
        };
        let client = context.writer(&self.http.with_namespace(&self.namespace))?;
        for id in ids {
            let done = client.agent_service_deregister(&id).await;
            if let Err(error) = done.during(&format!("Error deregistering service \"{id}\"")) {
                let options = QueryOptions::default();
                let hint = known::hint(context, &client, Kind::ServiceId, &id, &options).await;
                return Err(error.with_hint(hint));
            }
            let text = format!("Deregistered service: {id}");
            context.console.line(&text)?;
        }
        Ok(())
    }
}
