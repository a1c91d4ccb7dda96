//! Tables that this version does not have, and what is switched off: answered as by a Consul server in which nobody
//! has used them, so that what client agents do by themselves goes on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use crate::agent::rpc::wire::config_entry::{self, EntriesRequest};
use crate::agent::rpc::wire::session::ReadNothing;
use crate::agent::rpc::wire::{Kept, Nothing, ReadOptions, decode_read, encode, encode_answer};

use super::dispatcher::{Answer, Dispatcher, failed, unknown};
use super::limits::NOT_BUILT;

/// Consul's text for what needs certificates.
const CONNECT_DISABLED: &str = "Connect must be enabled in order to use this endpoint";
/// Consul's text for everything about ACLs while they are off.
const ACL_DISABLED: &str = "ACL support disabled";
/// Most sources or destinations that one request asks the intentions of.
const MATCHES: usize = 1024;
/// Go's zero time in binary.
const NO_TIME: &[u8] = b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff";

/// The methods of `ACL` that need ACLs.
const ACL_METHODS: [&str; 34] = [
    "ACL.Apply",
    "ACL.AuthMethodDelete",
    "ACL.AuthMethodList",
    "ACL.AuthMethodRead",
    "ACL.AuthMethodSet",
    "ACL.Authorize",
    "ACL.BindingRuleDelete",
    "ACL.BindingRuleList",
    "ACL.BindingRuleRead",
    "ACL.BindingRuleSet",
    "ACL.Bootstrap",
    "ACL.BootstrapTokens",
    "ACL.Get",
    "ACL.List",
    "ACL.Login",
    "ACL.Logout",
    "ACL.PolicyBatchRead",
    "ACL.PolicyDelete",
    "ACL.PolicyList",
    "ACL.PolicyRead",
    "ACL.PolicyResolve",
    "ACL.PolicySet",
    "ACL.RoleBatchRead",
    "ACL.RoleDelete",
    "ACL.RoleList",
    "ACL.RoleRead",
    "ACL.RoleResolve",
    "ACL.RoleSet",
    "ACL.TokenBatchRead",
    "ACL.TokenClone",
    "ACL.TokenDelete",
    "ACL.TokenList",
    "ACL.TokenRead",
    "ACL.TokenSet",
];

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MatchRequest {
    r#match: Option<MatchEntries>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MatchEntries {
    entries: Vec<Nothing>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MatchReply {
    matches: Vec<Option<()>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CheckReply {
    allowed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReplicationStatus<'a> {
    enabled: bool,
    last_error: &'a Bytes,
    last_success: &'a Bytes,
    replicated_index: u64,
    replicated_role_index: u64,
    replicated_token_index: u64,
    replication_type: &'a str,
    running: bool,
    source_datacenter: &'a str,
}

impl Dispatcher {
    /// A read of a table that is empty; its rows are in this field.
    pub(super) async fn no_rows(&self, body: &[u8], field: &'static str) -> Answer {
        let (options, Nothing {}) = decode_read(body)?;
        let (meta, ()) = self.query(&options, &ReadNothing).await?;
        let reply = BTreeMap::from([(field, None::<()>)]);
        Ok(encode_answer(&meta, &reply)?)
    }

    /// The same where the empty list is written as one.
    async fn empty_list(&self, body: &[u8], field: &'static str) -> Answer {
        let (options, Nothing {}) = decode_read(body)?;
        let (meta, ()) = self.query(&options, &ReadNothing).await?;
        let reply = BTreeMap::from([(field, Kept::<()>(&[]))]);
        Ok(encode_answer(&meta, &reply)?)
    }

    /// Everything else that Consul's servers have.
    pub(super) async fn absent(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            config_entry::RESOLVE_SERVICE_CONFIG
            | config_entry::GET
            | config_entry::LIST
            | config_entry::LIST_ALL => self.config_entries(method, body).await,
            config_entry::APPLY => Err(failed(format!("Configuration entries {NOT_BUILT}"))),
            // What is not there counts as removed.
            config_entry::DELETE => Ok(encode(&Nothing {})?),
            "ConnectCA.Roots"
            | "ConnectCA.ConfigurationGet"
            | "ConnectCA.ConfigurationSet"
            | "ConnectCA.Sign"
            | "ConnectCA.SignIntermediate"
            | "DiscoveryChain.Get" => Err(failed(CONNECT_DISABLED)),
            "FederationState.List" => self.no_rows(body, "States").await,
            "FederationState.Get" => self.no_rows(body, "State").await,
            "FederationState.ListMeshGateways" => self.no_rows(body, "DatacenterNodes").await,
            "FederationState.Apply" => Err(failed(format!("Federation states {NOT_BUILT}"))),
            "ACL.ReplicationStatus" => replication_status(),
            // The way in which agents before 1.4 asked.
            "ACL.GetPolicy" => Err(failed("ACL not found")),
            _ if method.starts_with("Intention.") => self.intention(method, body).await,
            _ if ACL_METHODS.contains(&method) => Err(failed(ACL_DISABLED)),
            _ => Err(unknown(method)),
        }
    }

    async fn config_entries(&self, method: &str, body: &[u8]) -> Answer {
        let (options, request): (ReadOptions, EntriesRequest) = decode_read(body)?;
        let (meta, ()) = self.query(&options, &ReadNothing).await?;
        Ok(match method {
            config_entry::RESOLVE_SERVICE_CONFIG => config_entry::encode_unconfigured(&meta)?,
            config_entry::GET => config_entry::encode_no_entry(&meta)?,
            config_entry::LIST => config_entry::encode_no_entries(&meta, &request.kind)?,
            _ => config_entry::encode_no_entries_of_all(&meta)?,
        })
    }

    async fn intention(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            "Intention.List" => self.empty_list(body, "Intentions").await,
            "Intention.Get" => self.not_found(body, "Intention not found").await,
            "Intention.Match" => {
                let (options, request): (_, MatchRequest) = decode_read(body)?;
                let asked = request.r#match.map_or(0, |asked| asked.entries.len());
                if asked > MATCHES {
                    return Err(failed(format!("at most {MATCHES} entries are matched")));
                }
                let (meta, ()) = self.query(&options, &ReadNothing).await?;
                let matches = vec![None; asked];
                Ok(encode_answer(&meta, &MatchReply { matches })?)
            }
            // Without intentions and ACLs everything is allowed.
            "Intention.Check" | "Intention.Test" => Ok(encode(&CheckReply { allowed: true })?),
            "Intention.Apply" => Err(failed(format!("Intentions {NOT_BUILT}"))),
            _ => Err(unknown(method)),
        }
    }

    /// A read of one thing in a table that is empty.
    async fn not_found(&self, body: &[u8], text: &'static str) -> Answer {
        let (options, Nothing {}): (ReadOptions, _) = decode_read(body)?;
        self.query(&options, &ReadNothing).await?;
        Err(failed(text))
    }
}

fn replication_status() -> Answer {
    let never = Bytes::new(NO_TIME);
    Ok(encode(&ReplicationStatus {
        enabled: false,
        last_error: never,
        last_success: never,
        replicated_index: 0,
        replicated_role_index: 0,
        replicated_token_index: 0,
        replication_type: "",
        running: false,
        source_datacenter: "",
    })?)
}
