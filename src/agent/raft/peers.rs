//! `raft/peers.json`: an operator's word on who the servers are, when too few are left to agree on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::log_store::LogStore;
use super::start::StartError;
use super::types::{Membership, NodeInfo, derive_raft_id};
use crate::model::decode::from_json_slice;

/// The operator's file in the room's folder.
const PEERS: &str = "peers.json";
/// The file that explains it.
const INFO: &str = "peers.info";
/// Largest file that is read: hundreds of thousands of servers.
const MAX_BYTES: u64 = 16 << 20;

/// What operators find next to the data.
const INFO_TEXT: &str = r#"When so many servers are lost for good that the rest cannot elect a leader, tell
the rest who the servers are from now on:

1. Stop all servers that are left.
2. Write the same file "peers.json" into this folder on each of them. It lists
   the servers that are left, with their node IDs (file "node-id" in the data
   folder) and their RPC addresses:

   [
     {
       "id": "adf4238a-882b-9ddc-4a9d-5b6758e4159e",
       "address": "10.1.0.1:8300",
       "non_voter": false
     },
     {
       "id": "8b6dda82-3103-11e7-93ae-92361f002671",
       "address": "10.1.0.2:8300",
       "non_voter": false
     }
   ]

   "non_voter" is false when it is left out.
3. Start them.

A server reads the file when it starts, and deletes it. What was written but
not yet acknowledged when the servers were lost may count as written
afterwards. What only the lost servers had is lost.
"#;

/// A server in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct PeerEntry {
    id: String,
    address: String,
    non_voter: bool,
}

/// Reads the servers; the error says what is wrong with them.
fn parse(text: &[u8]) -> Result<Vec<PeerEntry>, String> {
    if let Ok(addresses) = serde_json::from_slice::<Vec<String>>(text)
        && !addresses.is_empty()
    {
        return Err(
            "a list of addresses is the form of raft protocol 2; list servers with \"id\" and \"address\""
                .to_owned(),
        );
    }
    let peers: Vec<PeerEntry> = from_json_slice(text).map_err(|e| e.to_string())?;
    let mut ids = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for peer in &peers {
        if peer.id.is_empty() {
            return Err(format!("the server at {:?} has no \"id\"", peer.address));
        }
        if peer.address.is_empty() {
            return Err(format!("server {:?} has no \"address\"", peer.id));
        }
        if !ids.insert(&peer.id) {
            return Err(format!("there are two servers with id {:?}", peer.id));
        }
        if !addresses.insert(&peer.address) {
            return Err(format!("there are two servers at {:?}", peer.address));
        }
    }
    if peers.iter().all(|peer| peer.non_voter) {
        return Err("at least one server must be a voter".to_owned());
    }
    Ok(peers)
}

/// The membership of these servers. `own` is this server's UUID and its raft id, which need not be derived from it.
fn membership(peers: &[PeerEntry], own: (&str, u64)) -> Result<Membership, String> {
    let raft_id = |uuid: &str| {
        if uuid == own.0 {
            own.1
        } else {
            derive_raft_id(uuid)
        }
    };
    let voters = peers.iter().filter(|peer| !peer.non_voter);
    let voters: BTreeSet<u64> = voters.map(|peer| raft_id(&peer.id)).collect();
    let nodes = peers.iter().map(|peer| {
        let info = NodeInfo {
            uuid: peer.id.clone(),
            address: peer.address.clone(),
        };
        (raft_id(&peer.id), info)
    });
    let nodes: BTreeMap<u64, NodeInfo> = nodes.collect();
    Membership::new(vec![voters], nodes).map_err(|e| e.to_string())
}

/// Makes the servers in the folder's `peers.json` the membership, when there is such a file, and deletes it; explains it
/// to operators otherwise.
pub(super) async fn recover(
    folder: &Path,
    log: &LogStore,
    own: (&str, u64),
) -> Result<(), StartError> {
    explain(&folder.join(INFO))?;
    let path = folder.join(PEERS);
    let wrong = |reason: String| StartError::Peers {
        path: path.clone(),
        reason,
    };
    let text = match fs::metadata(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(meta) if meta.len() > MAX_BYTES => {
            return Err(wrong(format!("it has more than {MAX_BYTES} bytes")));
        }
        Ok(_) => fs::read(&path).map_err(|e| wrong(e.to_string()))?,
        Err(e) => return Err(wrong(e.to_string())),
    };
    tracing::info!(target: "agent.server", "found peers.json file, recovering Raft configuration...");
    let peers = parse(&text).map_err(wrong)?;
    if log.last().is_none() {
        let nothing = "this server has no raft data that could be recovered; let it join instead";
        return Err(wrong(nothing.to_owned()));
    }
    let membership = membership(&peers, own).map_err(wrong)?;
    let done = log.force_membership(own.1, membership).await;
    done.map_err(|e| StartError::Log(e.to_string()))?;
    // The folder as well, or a crash brings the file back, and with it these servers.
    let deleted = fs::remove_file(&path).and_then(|()| fs::File::open(folder)?.sync_all());
    deleted.map_err(|e| wrong(format!("cannot delete it: {e}")))?;
    tracing::info!(target: "agent.server", "deleted peers.json file after successful recovery");
    Ok(())
}

fn explain(path: &Path) -> Result<(), StartError> {
    if path.exists() {
        return Ok(());
    }
    fs::write(path, INFO_TEXT).map_err(|e| StartError::Peers {
        path: path.to_owned(),
        reason: format!("cannot write it: {e}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read() {
        let text = br#"[{"id": "a", "address": "10.0.0.1:8300"},
            {"id": "b", "address": "10.0.0.2:8300", "non_voter": true}]"#;
        let peers = parse(text).expect("good");
        let membership = membership(&peers, ("a", 7)).expect("good");
        assert_eq!(membership.voter_ids().collect::<Vec<_>>(), [7]);
        let learner = derive_raft_id("b");
        assert_eq!(membership.learner_ids().collect::<Vec<_>>(), [learner]);
        let node = membership.get_node(&learner).expect("known");
        assert_eq!(
            (node.uuid.as_str(), node.address.as_str()),
            ("b", "10.0.0.2:8300")
        );
    }

    #[test]
    fn bad_files_are_refused_with_the_reason() {
        for (text, reason) in [
            ("", "EOF"),
            ("{}", "object"),
            ("[]", "at least one server must be a voter"),
            (r#"["10.0.0.1:8300"]"#, "raft protocol 2"),
            (r#"[{"address": "x:1"}]"#, "no \"id\""),
            (r#"[{"id": "a"}]"#, "no \"address\""),
            (
                r#"[{"id": "a", "address": "x:1", "non_voter": true}]"#,
                "at least one server must be a voter",
            ),
            (
                r#"[{"id": "a", "address": "x:1"}, {"id": "a", "address": "x:2"}]"#,
                "two servers with id",
            ),
            (
                r#"[{"id": "a", "address": "x:1"}, {"id": "b", "address": "x:1"}]"#,
                "two servers at",
            ),
        ] {
            let error = parse(text.as_bytes()).expect_err("refused");
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
