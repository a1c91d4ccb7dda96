//! `join`

use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::HttpFlags;

/// Makes the agent join a cluster
///
/// Name at least one member of the cluster; the agent learns of the others from it. Gossip listens
/// on port 8301 by default (8302 with -wan).
///
/// $ consulctl join 10.0.0.4 10.0.0.5
#[derive(clap::Args)]
#[command(override_usage = "consulctl join [options] address ...")]
pub(crate) struct Args {
    /// Fail unless every address was joined; by default one is enough.
    #[arg(long)]
    all: bool,
    /// Join another datacenter's servers in the WAN pool; both sides must be servers.
    #[arg(long)]
    wan: bool,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0.., value_name = "address")]
    addresses: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        if self.addresses.is_empty() {
            let text = "At least one address to join must be specified.";
            return Err(Error::Usage(text.to_owned()));
        }
        let client = context.writer(&self.http)?;
        let total = self.addresses.len();
        let mut joined = 0;
        let mut hint = None;
        let mut unreachable = Ok(());
        for address in &self.addresses {
            match client.agent_join(address, self.wan).await {
                Ok(()) => {
                    joined += 1;
                    if context.talks() {
                        context.console.note(&format!("{address}: joined"))?;
                    }
                }
                Err(error) => {
                    let text = format!("Error joining address '{address}': {error}");
                    context.console.note(&text)?;
                    hint = hint.or_else(|| other_port(address));
                    unreachable = Err(error);
                }
            }
        }
        let said = unreachable.during("").map_err(Error::said);
        if joined == 0 {
            context.console.note("Failed to join any nodes.")?;
            return said.map_err(|error| error.with_hint(hint));
        }
        let text = format!("Successfully joined cluster by contacting {joined} nodes.");
        context.console.line(&text)?;
        if self.all && joined < total {
            let text = format!("{} of {total} addresses were not joined.", total - joined);
            context.console.note(&text)?;
            return said.map_err(|error| error.with_hint(hint));
        }
        // Somebody who mistyped a port wants to know, though the agent has joined.
        if context.talks() {
            context.hint(hint)?;
        }
        Ok(())
    }
}

/// A hint for an address with a port that is known to speak something else than gossip.
fn other_port(address: &str) -> Option<String> {
    let (host, port) = address.rsplit_once(':')?;
    let speaks = match port {
        "8300" => "RPC",
        "8500" => "HTTP",
        "8501" => "HTTPS",
        "8502" => "gRPC",
        "8600" => "DNS",
        _ => return None,
    };
    Some(format!(
        "port {port} speaks {speaks} by default, gossip 8301: try `consulctl join {host}`"
    ))
}
