//! Names for the prompt: from the agent within a budget, and in silence when it cannot answer.

use std::fs;
use std::time::Duration;

use super::taken::Names;
use super::words::{Candidate, Wanted};
use crate::api::{ApiError, Client, Overrides, QueryOptions, Settings};
use crate::cli::config::{Config, choose, layered};
use crate::cli::profile::{self, Reading};
use crate::model::member::Member;

/// How long a prompt waits for an agent, from the first packet to the last.
const BUDGET: Duration = Duration::from_millis(300);

/// How the context's token is read at a prompt.
const AT_A_PROMPT: Reading = Reading {
    asks: false,
    limit: BUDGET,
    within: None,
    silent: false,
    notice: None,
};

/// The most names that a prompt is offered.
const MAX_NAMES: usize = 1000;

/// All candidates: those known already, and the names that the agent or the file system gives.
pub(super) fn all(wanted: Wanted, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Candidate> {
    let found = match wanted.names {
        None => Vec::new(),
        Some(Names::Words(words)) => words.iter().map(|word| plain(word)).collect(),
        Some(Names::File) => files(&wanted.part),
        Some(Names::Context) => contexts(variable),
        Some(names) => from_agent(&wanted, names, variable).unwrap_or_default(),
    };
    let mut candidates = wanted.candidates;
    for name in found {
        if name.value.starts_with(&wanted.part) && candidates.len() < MAX_NAMES {
            let value = format!("{}{}", wanted.lead, name.value);
            candidates.push(Candidate::new(value, name.help));
        }
    }
    candidates
}

fn plain(value: &str) -> Candidate {
    Candidate::new(value, "")
}

fn config(variable: &dyn Fn(&str) -> Option<String>) -> Option<Config> {
    profile::load(
        &profile::path(variable)?,
        variable("HOME").as_deref(),
        false,
    )
    .ok()
}

fn contexts(variable: &dyn Fn(&str) -> Option<String>) -> Vec<Candidate> {
    let config = config(variable).unwrap_or_default();
    let named = config.contexts.iter().map(|(name, named)| {
        let address = named.texts.get("address").map_or("", String::as_str);
        Candidate::new(name.as_str(), address)
    });
    named.collect()
}

/// How to reach the agent that the command would ask. A program that makes tokens is not run at a prompt.
fn settings(wanted: &Wanted, variable: &dyn Fn(&str) -> Option<String>) -> Option<Settings> {
    let flags = overrides(wanted);
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let named = wanted.flag("context").filter(|name| !name.is_empty());
    let elsewhere = flags.address.is_some() || set("CONSUL_HTTP_ADDR").is_some();
    let own_flag = flags.token.is_some() || flags.token_file.is_some();
    let own_variable =
        set("CONSUL_HTTP_TOKEN").is_some() || set("CONSUL_HTTP_TOKEN_FILE").is_some();
    let chosen = if elsewhere && named.is_none() {
        None
    } else {
        let variable = set("CONSULCTL_CONTEXT");
        choose(
            &config(&set).unwrap_or_default(),
            named,
            variable.as_deref(),
        )
        .ok()?
    };
    let layered = |name: &str| layered(chosen.as_ref(), name, variable);
    if chosen.is_some() && flags.address.is_none() && layered("CONSUL_HTTP_ADDR").is_none() {
        return None;
    }
    let mut settings = Settings::resolve(flags, layered).ok()?;
    if let Some(chosen) = &chosen {
        settings.datacenter = chosen.named.texts.get("datacenter").cloned();
        if chosen.gives_token(own_flag, own_variable) && chosen.named.token_cmd.is_empty() {
            settings.token = profile::token(chosen, &AT_A_PROMPT).ok()?;
        }
    }
    Some(settings)
}

/// `None` for whatever goes wrong.
fn from_agent(
    wanted: &Wanted,
    names: Names,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<Vec<Candidate>> {
    let settings = settings(wanted, variable)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let answer = async {
        // It may look up a name, and waits for that.
        let client = tokio::task::spawn_blocking(move || Client::new(&settings));
        let client = client.await.ok()?.ok()?;
        ask(&client, wanted, names).await.ok()
    };
    let answer = runtime.block_on(async { tokio::time::timeout(BUDGET, answer).await });
    // A name that is still being looked up must not hold the prompt.
    runtime.shutdown_background();
    answer.ok()?
}

fn overrides(wanted: &Wanted) -> Overrides {
    let text = |name: &str| wanted.flag(name).map(str::to_owned);
    let path = |name: &str| wanted.flag(name).map(Into::into);
    Overrides {
        address: text("http-addr"),
        token: text("token"),
        token_file: path("token-file"),
        ca_file: path("ca-file"),
        ca_path: path("ca-path"),
        client_cert: path("client-cert"),
        client_key: path("client-key"),
        tls_server_name: text("tls-server-name"),
        namespace: text("namespace"),
    }
}

async fn ask(client: &Client, wanted: &Wanted, names: Names) -> Result<Vec<Candidate>, ApiError> {
    let options = QueryOptions {
        datacenter: wanted.flag("datacenter").unwrap_or_default().to_owned(),
        // Any server is good enough for a prompt, and a cluster without a leader has names too.
        stale: true,
        ..QueryOptions::default()
    };
    Ok(match names {
        Names::Member => {
            let wan = wanted.flag("wan") == Some("true");
            members(client.agent_members(wan, "_all").await?)
        }
        Names::Near => {
            let query = crate::api::NodeQuery {
                options,
                ..crate::api::NodeQuery::default()
            };
            let nodes = client.catalog_nodes(&query).await?;
            let agent = Candidate::new("_agent", "this agent's own node");
            let nodes = nodes
                .into_iter()
                .map(|node| Candidate::new(node.node, node.address));
            nodes.chain([agent]).collect()
        }
        Names::Service => {
            let found = client.catalog_services(&options).await?.into_iter();
            found
                .map(|(name, tags)| Candidate::new(name, tags.join(",")))
                .collect()
        }
        Names::ServiceId => {
            let found = client.agent_services().await?.into_iter();
            found
                .map(|(id, service)| Candidate::new(id, service.service))
                .collect()
        }
        Names::Key => keys(client, wanted, &options).await?,
        Names::Datacenter => {
            let found = client.catalog_datacenters().await?;
            found.iter().map(|name| plain(name)).collect()
        }
        Names::PeerAddress | Names::PeerId => {
            let found = client.raft_configuration(&options).await?.servers;
            found
                .into_iter()
                .map(|server| match names {
                    Names::PeerId => Candidate::new(server.id, server.node),
                    _ => Candidate::new(server.address, server.node),
                })
                .collect()
        }
        Names::Context | Names::File | Names::Words(_) => Vec::new(),
    })
}

/// Members with their state; those that need attention first.
fn members(mut members: Vec<Member>) -> Vec<Candidate> {
    members.sort_by_cached_key(|member| {
        let status = member.member_status();
        (std::cmp::Reverse(status), member.name.clone())
    });
    members
        .into_iter()
        .map(|member| {
            let status = member.member_status();
            Candidate::new(member.name, status.as_str())
        })
        .collect()
}

/// Keys up to the next separator. The slash that people write before a key stays.
async fn keys(
    client: &Client,
    wanted: &Wanted,
    options: &QueryOptions,
) -> Result<Vec<Candidate>, ApiError> {
    let separator = wanted.flag("separator").unwrap_or("/");
    let slash = if wanted.part.starts_with('/') {
        "/"
    } else {
        ""
    };
    let prefix = wanted.part.as_bytes();
    let (keys, _) = client.kv_keys(prefix, separator, options).await?;
    let keys = keys.into_iter();
    Ok(keys.map(|key| plain(&format!("{slash}{key}"))).collect())
}

/// Files and folders that begin with `part`; folders end with a slash.
fn files(part: &str) -> Vec<Candidate> {
    let (folder, name) = match part.rfind('/') {
        Some(place) => part.split_at(place + 1),
        None => ("", part),
    };
    let place = if folder.is_empty() { "." } else { folder };
    let mut found = Vec::new();
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let file_name = entry.file_name();
        let Some(text) = file_name.to_str() else {
            continue;
        };
        if !text.starts_with(name) || (text.starts_with('.') && !name.starts_with('.')) {
            continue;
        }
        let slash = if entry.path().is_dir() { "/" } else { "" };
        found.push(plain(&format!("{folder}{text}{slash}")));
    }
    found.sort_by(|a, b| a.value.cmp(&b.value));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_complete_and_folders_end_with_a_slash() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("backups")).unwrap();
        fs::write(folder.path().join("back.snap"), "").unwrap();
        fs::write(folder.path().join(".hidden"), "").unwrap();
        let base = format!("{}/", folder.path().display());
        let values = |part: &str| {
            let found = files(&format!("{base}{part}")).into_iter();
            let found: Vec<String> = found.map(|one| one.value.replacen(&base, "", 1)).collect();
            found
        };
        assert_eq!(values("ba"), ["back.snap", "backups/"]);
        assert_eq!(values("").len(), 2);
        assert_eq!(values(".h"), [".hidden"]);
        assert!(files("/nonexistent/x").is_empty());
    }

    #[test]
    fn members_that_need_attention_come_first() {
        let member = |name: &str, status| Member {
            name: name.to_owned(),
            status,
            ..Member::default()
        };
        let found = members(vec![member("a", 1), member("z", 4)]);
        assert_eq!(found[0], Candidate::new("z", "failed"));
        assert_eq!(found[1], Candidate::new("a", "alive"));
    }

    #[test]
    fn a_prompt_asks_whom_the_command_would_ask() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/consulctl");
        fs::create_dir_all(&folder).unwrap();
        let text = "[contexts.a]\naddress = \"127.0.0.7:1\"\ndatacenter = \"dc7\"\n";
        fs::write(folder.join("config.toml"), text).unwrap();
        let variable = |name: &str| match name {
            "HOME" => Some(home.path().display().to_string()),
            "CONSUL_HTTP_ADDR" => Some("127.0.0.8:1".to_owned()),
            _ => None,
        };
        let found = |given: &[(&str, &str)]| {
            let given = given.iter();
            let wanted = Wanted {
                given: given
                    .map(|(name, value)| ((*name).into(), (*value).into()))
                    .collect(),
                ..Wanted::default()
            };
            let settings = settings(&wanted, &variable).unwrap();
            (settings.address.display_base(), settings.datacenter)
        };
        let own = ("http://127.0.0.8:1".to_owned(), None);
        assert_eq!(found(&[]), own);
        let named = ("http://127.0.0.7:1".to_owned(), Some("dc7".to_owned()));
        assert_eq!(found(&[("context", "a")]), named);
    }

    #[test]
    fn nobody_there_means_no_names() {
        let wanted = Wanted {
            names: Some(Names::Member),
            given: vec![("http-addr".into(), "127.0.0.1:1".into())],
            ..Wanted::default()
        };
        assert!(all(wanted, &|_| None).is_empty());
    }
}
