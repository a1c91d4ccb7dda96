//! `-watch`: what a command prints, again at every change, by queries that wait for it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::child::Interrupts;
use super::context::Context;
use super::error::{Error, Outcome};
use crate::api::{Client, QueryOptions};
use crate::output::{cut, terminal_columns};

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// The shortest time from one question to the next: something changes all the time in a large cluster.
const SHORTEST_ROUND: Duration = Duration::from_millis(500);
/// How long an answer may take before the agent counts as gone. It may wait for a change for 5 minutes and a sixteenth.
const LONGEST_ROUND: Duration = Duration::from_mins(6);
/// Clears a terminal and goes to its first line.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// One of the things that are followed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    id: String,
    text: String,
    object: Value,
}

impl Item {
    /// A thing by its name, its line, and itself.
    pub(crate) fn new<T: Serialize>(id: &str, text: &str, object: &T) -> Result<Self, Error> {
        let object = serde_json::to_value(object)
            .map_err(|error| Error::message(format!("Error encoding JSON: {error}")))?;
        Ok(Self {
            id: id.to_owned(),
            text: text.to_owned(),
            object,
        })
    }

    /// Its line.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// All that is followed, at one moment.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// The things.
    pub(crate) items: Vec<Item>,
    /// What a terminal shows of them.
    pub(crate) text: String,
    /// What the next query waits behind.
    pub(crate) index: u64,
}

/// Shows what `ask` answers, until interrupted. `ask` takes the index to wait behind, at first 0. Its first error is the
/// command's; later ones are told and survived.
pub(crate) async fn follow(
    context: &mut Context,
    json: bool,
    mut ask: impl AsyncFnMut(u64) -> Result<View, Error>,
) -> Outcome {
    let mut interrupts = Interrupts::listen()
        .map_err(|error| Error::message(format!("cannot listen for signals: {error}")))?;
    let (mut known, mut index, mut pause, mut failed) = (None, 0, FIRST_PAUSE, false);
    loop {
        let began = Instant::now();
        let found = tokio::select! {
            _ = interrupts.next() => return Ok(()),
            found = tokio::time::timeout(LONGEST_ROUND, ask(index)) => found,
        };
        let found = found.unwrap_or_else(|_| Err(Error::message("the agent does not answer")));
        let wait = match found {
            Ok(view) => {
                let round = if view.index == 0 {
                    FIRST_PAUSE
                } else {
                    SHORTEST_ROUND
                };
                // An index that goes back means another cluster, or a restored one.
                index = if view.index < index { 0 } else { view.index };
                show(context, json, &mut known, view, failed)?;
                (pause, failed) = (FIRST_PAUSE, false);
                round.saturating_sub(began.elapsed())
            }
            Err(error) if known.is_none() => return Err(error),
            Err(error) => {
                let seconds = pause.as_secs();
                let text = format!("{error}; again in {seconds} s");
                context.console.note(&text)?;
                let wait = pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                (index, failed) = (0, true);
                wait
            }
        };
        tokio::select! {
            _ = interrupts.next() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Prints what has changed: a terminal shows all of it, other readers get a line for each change. After a failure that was
/// told, a terminal shows all of it in any case.
fn show(
    context: &mut Context,
    json: bool,
    known: &mut Option<Known>,
    view: View,
    failed: bool,
) -> Outcome {
    let anew = known.is_none() || failed;
    let changes = known.get_or_insert_default().replace(view.items);
    if changes.is_empty() && !anew {
        return Ok(());
    }
    let at = Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string();
    if !json && context.console.out_is_terminal() {
        let columns = terminal_columns().unwrap_or(usize::MAX);
        let lines = view.text.trim_end().lines();
        let lines: Vec<String> = lines.map(|line| cut(line, columns)).collect();
        let lines = lines.join("\n");
        let text = format!("{CLEAR}{lines}\n{at}, every change; ^C ends\n");
        context.console.raw(text.as_bytes())?;
        return Ok(context.console.flush()?);
    }
    for (event, item) in changes {
        let line = if json {
            json!({"event": event, "at": at, "object": item.object}).to_string()
        } else {
            format!("{at}  {event:<7}  {}", item.text)
        };
        context.console.line(&line)?;
    }
    Ok(context.console.flush()?)
}

/// The things as they were last seen.
#[derive(Debug, Default)]
struct Known(BTreeMap<String, Item>);

impl Known {
    /// Takes the things as they are now, and says what has changed since.
    fn replace(&mut self, items: Vec<Item>) -> Vec<(&'static str, Item)> {
        let mut old = std::mem::take(&mut self.0);
        let mut changes = Vec::new();
        for item in items {
            match old.remove(&item.id) {
                None => changes.push(("added", item.clone())),
                Some(before) if before.object != item.object => {
                    changes.push(("changed", item.clone()));
                }
                Some(_) => {}
            }
            self.0.insert(item.id.clone(), item);
        }
        changes.extend(old.into_values().map(|item| ("removed", item)));
        changes
    }
}

/// Waits until the health of a node changes, or `wait` is over, and returns the index to wait behind next; 0 where no
/// server tells, for an agent knows its members and numbers without one.
pub(crate) async fn health_changed(client: &Client, index: u64, wait: Duration) -> u64 {
    let options = QueryOptions {
        stale: true,
        filter: "CheckID == \"serfHealth\"".to_owned(),
        index,
        wait,
        ..QueryOptions::default()
    };
    let found = client
        .health_state::<serde_json::Value>("any", &options)
        .await;
    found.map_or(0, |(_, meta)| meta.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let item = |id: &str, value: u64| Item::new(id, id, &value).unwrap();
        let mut known = Known::default();
        let told = |changes: Vec<(&'static str, Item)>| -> Vec<String> {
            let changes = changes.into_iter();
            changes
                .map(|(event, item)| format!("{event} {}", item.id))
                .collect()
        };
        assert_eq!(
            told(known.replace(vec![item("b", 1), item("a", 1)])),
            ["added b", "added a"]
        );
        assert!(known.replace(vec![item("a", 1), item("b", 1)]).is_empty());
        assert_eq!(
            told(known.replace(vec![item("a", 2), item("c", 1)])),
            ["changed a", "added c", "removed b"]
        );
    }
}
