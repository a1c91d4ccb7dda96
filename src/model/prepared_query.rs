//! Prepared queries: what is stored, what is checked before, and what running one gives.

mod bounds;
mod expression;
mod template;

use serde::{Deserialize, Serialize};

use super::duration::parse_go_duration;
use super::node::StringMap;

pub use template::CompiledTemplate;

/// What stands in place of a token that the asker may not see. Consul's.
pub const HIDDEN_TOKEN: &str = "<hidden>";
/// Consul's text for a query that is not there.
pub const NOT_FOUND: &str = "Query not found";
/// Most pairs of node metadata that a query may ask for, their longest key and value, in bytes. Consul's.
const META_PAIRS_MAX: usize = 64;
const META_KEY_MAX: usize = 128;
const META_VALUE_MAX: usize = 512;

/// A prepared query. `None` prints as `null`, as Go's nil does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PreparedQuery {
    /// The query's UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// The name by which it can be run, unique without regard to case; for templates the prefix of names.
    pub name: String,
    /// The session with which it goes; empty for none.
    pub session: String,
    /// The token with which it runs; empty for the asker's.
    pub token: String,
    /// How it stands for many names.
    pub template: QueryTemplate,
    /// What is looked for.
    pub service: ServiceQuery,
    /// What DNS says of the answer.
    #[serde(rename = "DNS")]
    pub dns: QueryDns,
    /// Raft index of the creation.
    pub create_index: u64,
    /// Raft index of the last change.
    pub modify_index: u64,
}

/// How a query stands for many names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueryTemplate {
    /// `name_prefix_match`, or empty for a query that is no template.
    pub r#type: String,
    /// What the asked name is taken apart with, for `match(N)`.
    pub regexp: String,
    /// Whether tags that come out empty are left out.
    pub remove_empty_tags: bool,
}

/// What a query looks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceQuery {
    /// The service's name.
    pub service: String,
    /// Where to look when this datacenter has nothing.
    pub failover: QueryFailover,
    /// Whether instances with warnings are left out, too.
    pub only_passing: bool,
    /// Checks that do not count.
    #[serde(rename = "IgnoreCheckIDs")]
    pub ignore_check_ids: Option<Vec<String>>,
    /// The node by whose round trips the answer is sorted; `_agent` for that which asks, `_ip` for that at the asker's
    /// address.
    pub near: String,
    /// Tags that an instance must have, or with `!` must not, without regard to case.
    pub tags: Option<Vec<String>>,
    /// Node metadata that must match.
    pub node_meta: Option<StringMap>,
    /// Service metadata that must match.
    pub service_meta: Option<StringMap>,
    /// Whether the instances that mesh clients reach are meant.
    pub connect: bool,
}

/// Where to look when this datacenter has nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueryFailover {
    /// How many of the nearest datacenters.
    pub nearest_n: i64,
    /// Datacenters, after those.
    pub datacenters: Option<Vec<String>>,
    /// Later Consul's form of the same list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<FailoverTarget>>,
}

/// A place to look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FailoverTarget {
    /// The datacenter.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub datacenter: String,
    /// The peered cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub peer: String,
}

/// What DNS says of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueryDns {
    /// How long it may be kept, as a Go duration; empty for what is configured for the service.
    #[serde(rename = "TTL")]
    pub ttl: String,
}

impl PreparedQuery {
    /// Whether it stands for many names.
    pub fn is_template(&self) -> bool {
        !self.template.r#type.is_empty()
    }

    /// The name that permissions go by; none where knowing the id is enough.
    pub fn guarded_name(&self) -> Option<&str> {
        (!self.name.is_empty() || self.is_template()).then_some(&*self.name)
    }

    /// Checks what does not depend on the state, its size first.
    ///
    /// # Errors
    /// In Consul's words, where Consul has the check.
    pub fn check(&self) -> Result<(), String> {
        bounds::check(self)?;
        if self.name.is_empty() && !self.is_template() && self.session.is_empty() {
            return Err("Must be bound to a session".to_owned());
        }
        if self.token == HIDDEN_TOKEN {
            return Err(format!(
                "Bad Token '{HIDDEN_TOKEN}', it looks like a query definition with a redacted token was submitted"
            ));
        }
        let service = &self.service;
        if service.service.is_empty() {
            return Err("Must provide a Service name to query".to_owned());
        }
        let nearest = service.failover.nearest_n;
        if nearest < 0 {
            return Err(format!("Bad NearestN '{nearest}', must be >= 0"));
        }
        service.node_meta.as_ref().map_or(Ok(()), check_node_meta)?;
        let ttl = &self.dns.ttl;
        if ttl.is_empty() {
            return Ok(());
        }
        match parse_go_duration(ttl) {
            Err(why) => Err(format!("Bad DNS TTL '{ttl}': {why}")),
            Ok(nanos) if nanos < 0 => Err(format!("DNS TTL '{nanos}', must be >=0")),
            Ok(_) => Ok(()),
        }
    }
}

fn check_node_meta(pairs: &StringMap) -> Result<(), String> {
    if pairs.len() > META_PAIRS_MAX {
        return Err(format!(
            "Node metadata cannot contain more than {META_PAIRS_MAX} key/value pairs"
        ));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    for (key, value) in pairs {
        let reason = if key.is_empty() {
            "Key cannot be blank".to_owned()
        } else if !key.bytes().all(plain) {
            "Key contains invalid characters".to_owned()
        } else if key.len() > META_KEY_MAX {
            format!("Key is too long (limit: {META_KEY_MAX} characters)")
        } else if value.len() > META_VALUE_MAX {
            format!("Value is too long (limit: {META_VALUE_MAX} characters)")
        } else {
            continue;
        };
        return Err(format!(
            "Couldn't load metadata pair ('{key}', '{value}'): {reason}"
        ));
    }
    Ok(())
}

/// Whether a text has the form of a UUID.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What of other datacenters is asked, in which order: the nearest ones, then those that are named. `known` are the
/// other datacenters, nearest first. Gives those that are named and not known, too.
pub fn failover_order<'a>(
    failover: &'a QueryFailover,
    known: &'a [String],
) -> (Vec<&'a str>, Vec<&'a str>) {
    let nearest = usize::try_from(failover.nearest_n).unwrap_or(0);
    let mut order: Vec<&str> = known.iter().take(nearest).map(String::as_str).collect();
    let mut unknown = Vec::new();
    let targets = failover.targets.iter().flatten();
    let targets = targets.map(|target| target.datacenter.as_str());
    let named = failover.datacenters.iter().flatten().map(String::as_str);
    for dc in named.chain(targets.filter(|dc| !dc.is_empty())) {
        if !known.iter().any(|other| other == dc) {
            unknown.push(dc);
        } else if !order.contains(&dc) {
            order.push(dc);
        }
    }
    (order, unknown)
}

#[cfg(test)]
mod tests;
