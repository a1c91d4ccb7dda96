//! `force-leave`

use crate::api::{Client, QueryOptions};
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
        let client = context.writer(&self.http)?;
        // A flag about questions counts for every member: how it is would have to be asked first.
        let is_told = context.asks(self.yes) && !context.looks(self.yes);
        let known = if context.looks(self.yes) {
            status_of(&client, self.wan, name).await
        } else {
            None
        };
        if is_told || known == Some(MemberStatus::Alive) {
            let question = format!(
                "{name} is alive: it will say so and stay. Type its name to go on all the same: "
            );
            context.object(&question, name)?;
        }
        let done = client.agent_force_leave(name, self.prune, self.wan).await;
        let Err(error) = done.during("Error force leaving") else {
            return match known {
                Some(known) if context.talks() => tell(context, name, known, self.prune),
                _ => Ok(()),
            };
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

/// How a member is, for people: a list that cannot be had keeps nobody from acting.
async fn status_of(client: &Client, wan: bool, name: &str) -> Option<MemberStatus> {
    let members = client.agent_members(wan, "_all").await.ok()?;
    let member = members.iter().find(|member| member.name == name)?;
    Some(member.member_status())
}

/// Says what was done to a member that was in this state.
fn tell(context: &mut Context, name: &str, known: MemberStatus, prune: bool) -> Outcome {
    if known == MemberStatus::Alive {
        let hint = format!("to stop an agent that is alive, run `consulctl leave` on {name}");
        return context.hint([hint]);
    }
    let becomes = match known {
        _ if prune => "off the list",
        MemberStatus::Failed | MemberStatus::Leaving => "left",
        // One that had left stays as it was.
        _ => return Ok(()),
    };
    let text = format!("{name}: {} -> {becomes}", known.as_str());
    Ok(context.console.note(&text)?)
}
