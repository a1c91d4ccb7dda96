//! `info`

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::api::Client;
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{DataFlag, HttpFlags};
use crate::cli::follow::{Item, View, follow, health_changed};

/// How old a number may be with `-watch`: numbers have no index to wait for.
const INFO_WAIT: Duration = Duration::from_secs(5);

/// Sections, sorted, with their numbers, sorted.
type Stats = BTreeMap<String, BTreeMap<String, String>>;

/// Shows the agent's inner numbers: raft, gossip, runtime
#[derive(clap::Args)]
#[command(override_usage = "consulctl info [options]")]
pub(crate) struct Args {
    #[command(flatten)]
    format: DataFlag,
    /// Print all of it at once, whatever PAGER says.
    #[arg(long)]
    no_pager: bool,
    /// Go on and show every number that changes, until interrupted.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    http: HttpFlags,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &mut Context) -> Outcome {
        let client = context.client(&self.http)?;
        if self.watch {
            let json = self.format.watch_json()?;
            let ask = async |index: u64| {
                let index = health_changed(&client, index, INFO_WAIT).await;
                let stats = stats(&client).await?;
                let mut items = Vec::new();
                // An age is another one at every look.
                let numbers = numbers(&stats).filter(|(_, _, value)| !value.ends_with(" ago"));
                for (section, name, value) in numbers {
                    let id = format!("{section}.{name}");
                    let object = Number {
                        section,
                        name,
                        value: typed(section, name, value),
                    };
                    items.push(Item::new(&id, &format!("{id} = {value}"), &object)?);
                }
                let text = text(&stats);
                Ok(View { items, text, index })
            };
            return follow(context, json, ask).await;
        }
        let stats = stats(&client).await?;
        if self.format.is_data() {
            return super::print_data(context, self.format, &Report::of(&stats));
        }
        context.no_pager |= self.no_pager;
        let mut text = text(&stats);
        if context.console.out_is_terminal() {
            // In the text, so that a pager shows it first.
            text = format!("{}\n\n{text}", verdict(&stats));
            text = context.console.shown(&text).into_owned();
        }
        context.read(&text)
    }
}

/// All that is known, for programs.
#[derive(Serialize)]
struct Report<'a> {
    /// What it means, in a line.
    verdict: String,
    #[serde(flatten)]
    sections: BTreeMap<&'a str, BTreeMap<&'a str, Value>>,
}

impl<'a> Report<'a> {
    fn of(stats: &'a Stats) -> Self {
        Self {
            verdict: verdict(stats),
            sections: all_typed(stats),
        }
    }
}

/// One of the numbers, for JSON.
#[derive(Serialize)]
struct Number<'a> {
    section: &'a str,
    name: &'a str,
    value: Value,
}

/// All of them as JSON's own numbers and booleans.
fn all_typed(stats: &Stats) -> BTreeMap<&str, BTreeMap<&str, Value>> {
    let mut found: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for (section, name, text) in numbers(stats) {
        let value = typed(section, name, text);
        found.entry(section).or_default().insert(name, value);
    }
    found
}

/// One of them. A build's revision may look like a number, and a leader's last contact is 0 where others have `12ms`:
/// these are texts always.
fn typed(section: &str, name: &str, text: &str) -> Value {
    let is_text = section == "build" || name == "last_contact";
    let number = text.parse::<i64>().ok();
    let number = number.filter(|number| !is_text && number.to_string() == text);
    match (number, text) {
        (Some(number), _) => number.into(),
        (_, "true") => true.into(),
        (_, "false") => false.into(),
        _ => text.into(),
    }
}

async fn stats(client: &Client) -> Result<Stats, Error> {
    let mut found = client.agent_self().await.during("Error querying agent")?;
    let Some(Value::Object(stats)) = found.get_mut("Stats").map(Value::take) else {
        let text = "Agent response did not contain 'Stats' key";
        return Err(Error::message(text));
    };
    let sections = stats.into_iter().map(|(name, section)| {
        let pairs = section.as_object().into_iter().flatten();
        let pairs = pairs.map(|(key, value)| {
            let value = match value.as_str() {
                Some(text) => text.to_owned(),
                None => value.to_string(),
            };
            (key.clone(), value)
        });
        (name, pairs.collect())
    });
    Ok(sections.collect())
}

fn numbers(stats: &Stats) -> impl Iterator<Item = (&str, &str, &str)> {
    stats.iter().flat_map(|(section, pairs)| {
        let pairs = pairs.iter();
        pairs.map(move |(name, value)| (section.as_str(), name.as_str(), value.as_str()))
    })
}

/// What the numbers mean, in a line for people.
fn verdict(stats: &Stats) -> String {
    let number = |section: &str, name: &str| {
        let found = stats.get(section).and_then(|pairs| pairs.get(name));
        found.map_or("", String::as_str)
    };
    let score = match number("serf_lan", "health_score") {
        "" | "0" => "gossip healthy".to_owned(),
        score => format!("gossip health score {score} of 7"),
    };
    let role = if number("consul", "server") == "true" {
        let state = number("raft", "state").to_lowercase();
        match number("consul", "leader_addr") {
            "" => format!("server ({state}), no leader known"),
            leader => format!("server ({state}), leader {leader}"),
        }
    } else {
        format!(
            "client, {} servers known",
            number("consul", "known_servers")
        )
    };
    let members = number("serf_lan", "members");
    let failed = number("serf_lan", "failed");
    format!("{role}; {members} members, {failed} failed; {score}")
}

fn text(stats: &Stats) -> String {
    let sections = stats.iter().map(|(name, section)| {
        let pairs = section.iter();
        let lines: Vec<String> = pairs
            .map(|(key, value)| format!("\t{key} = {value}\n"))
            .collect();
        let lines = lines.concat();
        format!("{name}:\n{lines}")
    });
    sections.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_numbers_where_text_has_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let build = BTreeMap::from([pair("revision", "1234567")]);
        let raft = BTreeMap::from([
            pair("term", "7"),
            pair("last_contact", "0"),
            pair("up", "true"),
        ]);
        let stats = BTreeMap::from([("build".to_owned(), build), ("raft".to_owned(), raft)]);
        let expected = serde_json::json!({
            "build": {"revision": "1234567"},
            "raft": {"last_contact": "0", "term": 7, "up": true},
        });
        assert_eq!(serde_json::to_value(all_typed(&stats)).unwrap(), expected);
    }
}
