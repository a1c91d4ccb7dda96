//! `kv delete`

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use crate::api::{Client, QueryOptions};
use crate::cli::context::Context;
use crate::cli::error::{During as _, Error, Outcome};
use crate::cli::flags::{HttpFlags, NamespaceFlag, ServerFlags, go_uint};

/// How many of the keys that will go a person is shown.
const FIRST_KEYS: usize = 5;

/// How long counting them may take.
const COUNTING: Duration = Duration::from_secs(3);

/// Deletes a key, or all keys under a prefix
///
/// Deleting a key that does not exist succeeds.
///
/// $ consulctl kv delete app/limit
///
/// With -recurse the name is a prefix of names, not a folder: `app` also means `app2/x`. End it
/// with a slash to stay inside:
///
/// $ consulctl kv delete -recurse app/
#[derive(clap::Args)]
#[command(override_usage = "consulctl kv delete [options] KEY_OR_PREFIX")]
pub(crate) struct Args {
    /// Delete only if the key's ModifyIndex is still -modify-index.
    #[arg(long)]
    cas: bool,
    /// The index for -cas.
    #[arg(long, value_name = "uint", default_value = "0", value_parser = go_uint)]
    modify_index: u64,
    /// Print which keys would be deleted, and delete none.
    #[arg(long)]
    dry_run: bool,
    /// Delete all keys that start with the prefix.
    #[arg(long)]
    recurse: bool,
    /// Do not ask a person at a terminal before deleting a prefix.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    namespace: NamespaceFlag,
    #[arg(hide = true, num_args = 0.., value_name = "KEY_OR_PREFIX")]
    words: Vec<OsString>,
}

impl Args {
    pub(crate) async fn run(mut self, context: &mut Context) -> Outcome {
        if self.words.len() > 1 {
            return Err(Error::too_many("1", self.words.len()));
        }
        let mut key = self.words.pop().unwrap_or_default().into_vec();
        if key.first() == Some(&b'/') {
            key.remove(0);
        }
        self.check(&key)?;
        let http = self.http.with_namespace(&self.namespace);
        let client = if self.dry_run {
            context.client(&http)?
        } else {
            context.writer(&http)?
        };
        let options = self.server.options();
        if self.dry_run {
            return self.rehearse(context, &client, &key, &options).await;
        }
        let name = String::from_utf8_lossy(&key).into_owned();
        if self.recurse {
            let trying = format!("Error! Did not delete prefix {name}");
            if context.asks_person(self.yes) {
                let found = client.kv_keys(&key, "", &options);
                let found = tokio::time::timeout(COUNTING, found).await;
                // A prefix that cannot be counted can be deleted all the same.
                let keys = found.ok().and_then(|found| Some(found.ok()?.0));
                tell(context, &name, keys.as_deref())?;
            }
            if context.asks(self.yes) {
                ask(context, &name)?;
            }
            client
                .kv_delete_tree(&key, &options)
                .await
                .during(&trying)?;
            let text = format!("Success! Deleted keys with prefix: {name}");
            return Ok(context.console.line(&text)?);
        }
        let index = self.cas.then_some(self.modify_index);
        let trying = if self.cas {
            format!("Error! Did not delete key {name}")
        } else {
            format!("Error deleting key {name}")
        };
        let done = client
            .kv_delete(&key, index, &options)
            .await
            .during(&trying)?;
        if !done {
            let text = format!("Error! Did not delete key {name}: CAS failed");
            return Err(Error::Message(text));
        }
        Ok(context
            .console
            .line(&format!("Success! Deleted key: {name}"))?)
    }

    /// Says what would be deleted, however long it takes to find out; `-timeout` bounds it.
    async fn rehearse(
        &self,
        context: &mut Context,
        client: &Client,
        key: &[u8],
        options: &QueryOptions,
    ) -> Outcome {
        if self.recurse {
            let keys = client.kv_keys(key, "", options).await;
            let (keys, _) = keys.during("Error! Did not list the keys")?;
            return dry_run(context, &keys);
        }
        let pair = client.kv_get(key, options).await;
        let (pair, _) = pair.during("Error! Did not read the key")?;
        let Some(pair) = pair else {
            return dry_run(context, &[]);
        };
        if self.cas && pair.modify_index != self.modify_index {
            let (name, index) = (pair.key.to_string(), pair.modify_index);
            let text = format!("Would not delete key {name}: its ModifyIndex is {index}");
            return Err(Error::Message(text));
        }
        dry_run(context, &[pair.key.to_string()])
    }

    fn check(&self, key: &[u8]) -> Outcome {
        let wrong = if key.is_empty() && !self.recurse {
            "Error! Missing KEY argument"
        } else if self.cas && self.modify_index == 0 {
            "Must specify -modify-index with -cas!"
        } else if self.modify_index != 0 && !self.cas {
            "Cannot specify -modify-index without -cas!"
        } else if self.recurse && self.cas {
            "Cannot specify both -cas and -recurse!"
        } else {
            return Ok(());
        };
        Err(Error::message(wrong))
    }
}

/// Prints the keys that would go.
fn dry_run(context: &mut Context, keys: &[String]) -> Outcome {
    for key in keys {
        let key = context.console.shown(key).into_owned();
        context.console.line(&format!("Would delete: {key}"))?;
    }
    let text = format!(
        "{} would be deleted; nothing was changed.",
        count(keys.len())
    );
    Ok(context.console.note(&text)?)
}

/// Tells a person which keys are under a prefix; `None` where they cannot be counted.
fn tell(context: &mut Context, prefix: &str, keys: Option<&[String]>) -> Outcome {
    let text = match keys {
        Some(keys) => consequence(prefix, keys),
        None => "This deletes more keys than could be counted in time.".to_owned(),
    };
    context.console.note(&text)?;
    for key in keys.unwrap_or_default().iter().take(FIRST_KEYS) {
        context.console.note(&format!("  {}", key.escape_debug()))?;
    }
    if keys.is_some_and(|keys| keys.len() > FIRST_KEYS) {
        context.console.note("  ...")?;
    }
    Ok(())
}

/// Asks whether the keys under a prefix are to go: the prefix has to be typed.
fn ask(context: &mut Context, prefix: &str) -> Outcome {
    if prefix.is_empty() {
        return context.object("These are all keys there are. Type `all` to go on: ", "all");
    }
    // What is typed comes without spaces around it.
    let word = prefix.trim();
    context.object(&format!("Type `{word}` to go on: "), word)
}

fn count(count: usize) -> String {
    match count {
        1 => "1 key".to_owned(),
        count => format!("{count} keys"),
    }
}

/// What deleting a prefix means; a prefix without a slash at its end may mean more than a folder.
fn consequence(prefix: &str, keys: &[String]) -> String {
    let total = count(keys.len());
    if prefix.is_empty() || prefix.ends_with('/') {
        return format!("This deletes {total}.");
    }
    let folder = format!("{prefix}/");
    let mut others = keys
        .iter()
        .filter(|key| *key != prefix && !key.starts_with(&folder));
    let Some(first) = others.next() else {
        return format!("This deletes {total}.");
    };
    let others = count(others.count() + 1);
    format!(
        "This deletes {total}, {others} of them outside {folder} (first: {first}), because the prefix has no slash at its end."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_a_folder_are_told() {
        let keys = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let found = consequence("app", &keys(&["app", "app-old/x", "app/a", "app/b"]));
        let text = "This deletes 4 keys, 1 key of them outside app/ (first: app-old/x), because the prefix has no slash at its end.";
        assert_eq!(found, text);
        assert_eq!(consequence("app", &keys(&["app/a"])), "This deletes 1 key.");
        assert_eq!(
            consequence("app/", &keys(&["app/a", "app/b"])),
            "This deletes 2 keys."
        );
    }
}
