//! `force-leave`

use crate::api::QueryOptions;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::HttpFlags;
use crate::cli::known::{self, Kind};
use crate::model::member::MemberStatus;

/// Declares a failed member to have left
///
/// For nodes that will not come back: without this, the cluster tries to reach them for 72 hours.
/// A member that is alive after all says so and stays.
///
/// $ consulctl force-leave web-7
#[derive(clap::Args)]
#[command(override_usage = "consulctl force-leave [options] name")]
pub(crate) struct Args {
    /// Take the member off the list at once, instead of showing it as left for a while.
    #[arg(long)]
    prune: bool,
    /// Act on the WAN pool, where names are NODE.DATACENTER.
    #[arg(long)]
    wan: bool,
    /// Do not ask a person at a terminal about a member that is alive.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0.., value_name = "name")]
    names: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let [name] = self.names.as_slice() else {
            let text = "A single node name must be specified to force leave.";
            return Err(Error::Usage(text.to_owned()));
        };
        let client = context.client(&self.http)?;
        if !self.yes && context.console.can_ask() {
            let members = client.agent_members(self.wan, "_all").await;
            let members = members.during("Error force leaving")?;
            let mut members = members.iter().filter(|member| member.name == *name);
            if members.any(|member| member.member_status() == MemberStatus::Alive) {
                let question = format!(
                    "{name} is alive: it will say so and stay. Type its name to go on all the same: "
                );
                context.object(&question, name)?;
            }
        }
        let done = client.agent_force_leave(name, self.prune, self.wan).await;
        let Err(error) = done.during("Error force leaving") else {
            return Ok(());
        };
        let kind = if self.wan {
            Kind::WanMember
        } else {
            Kind::Member
        };
        let options = QueryOptions::default();
        let hint = known::hint(context, &client, kind, name, &options).await;
        Err(error.with_hint(hint))
    }
}
