//! The two pools' settings, from the configuration.

use std::path::Path;
use std::time::Duration;

use crate::agent::config::{Config, GossipPool};
use crate::agent::gossip::wire::Key;
use crate::agent::gossip::{GossipSettings, serf, swim};
use crate::agent::telemetry::metrics::Metrics;
use crate::model::go_base64;

use super::policy::{LanPolicy, WanPolicy};
use super::pool_kind::PoolKind;
use super::tags::own_tags;

/// The folder in the data folder where gossip keeps its files.
const FOLDER: &str = "serf";
/// The port of WAN join addresses that name none, where this agent's own is switched off.
const DEFAULT_WAN_PORT: u16 = 8302;

/// Why the pools cannot be set up. Texts are Consul's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The configured key has a length that no cipher takes.
    #[error("Invalid key: key size must be 16, 24 or 32 bytes")]
    Size,
    /// The configured key is no base64.
    #[error("Invalid key: {0}")]
    Base64(String),
}

/// The settings of the agent's pools.
pub struct Pools {
    /// Every agent's; `None` where its port is switched off.
    pub lan: Option<GossipSettings>,
    /// Servers only, and only where its port is not switched off.
    pub wan: Option<GossipSettings>,
}

/// What the pools start from. `data_dir` is `None` in development mode: nothing is kept then.
///
/// # Errors
/// When the configured key is none.
pub fn pools(
    config: &Config,
    node_id: &str,
    data_dir: Option<&Path>,
    metrics: &Metrics,
) -> Result<Pools, KeyError> {
    let key = key(config.gossip.encrypt.reveal())?;
    let parts = Parts {
        config,
        node_id,
        folder: data_dir.map(|dir| dir.join(FOLDER)),
        key,
        metrics,
    };
    Ok(Pools {
        lan: parts.lan(),
        wan: parts.wan(),
    })
}

/// Whether gossip is encrypted: a key is configured, or one is kept from earlier.
pub fn encrypts(config: &Config, data_dir: Option<&Path>) -> bool {
    let kept = |dir: &Path| dir.join(FOLDER).join(PoolKind::Lan.keyring_file()).exists();
    !config.gossip.encrypt.reveal().is_empty()
        || !config.gossip.disable_keyring_file && data_dir.is_some_and(kept)
}

/// A configured key; an empty text is none.
fn key(text: &str) -> Result<Option<Key>, KeyError> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes =
        go_base64::decode(text.as_bytes()).map_err(|err| KeyError::Base64(err.to_string()))?;
    Key::new(&bytes).map(Some).ok_or(KeyError::Size)
}

impl PoolKind {
    const fn keyring_file(self) -> &'static str {
        match self {
            Self::Lan => "local.keyring",
            Self::Wan => "remote.keyring",
        }
    }

    const fn snapshot_file(self) -> &'static str {
        match self {
            Self::Lan => "local.snapshot",
            Self::Wan => "remote.snapshot",
        }
    }
}

/// What both pools are made of.
struct Parts<'a> {
    config: &'a Config,
    node_id: &'a str,
    folder: Option<std::path::PathBuf>,
    key: Option<Key>,
    metrics: &'a Metrics,
}

impl Parts<'_> {
    fn lan(&self) -> Option<GossipSettings> {
        let (config, addresses) = (self.config, &self.config.addresses);
        let bind = addresses.serf_lan_bind?;
        let policy = LanPolicy {
            node_name: config.node.name.clone(),
            node_id: self.node_id.to_owned(),
            datacenter: config.node.datacenter.clone(),
        };
        Some(GossipSettings {
            name: config.node.name.clone(),
            bind,
            advertise: addresses.serf_lan_advertise?,
            default_port: bind.port(),
            policy: Box::new(policy),
            ..self.common(PoolKind::Lan)
        })
    }

    fn wan(&self) -> Option<GossipSettings> {
        let (config, addresses) = (self.config, &self.config.addresses);
        let bind = addresses.serf_wan_bind.filter(|_| config.node.server)?;
        Some(GossipSettings {
            name: format!("{}.{}", config.node.name, config.node.datacenter),
            bind,
            advertise: addresses.serf_wan_advertise?,
            default_port: addresses.ports.serf_wan.unwrap_or(DEFAULT_WAN_PORT),
            policy: Box::new(WanPolicy),
            ..self.common(PoolKind::Wan)
        })
    }

    fn common(&self, pool: PoolKind) -> GossipSettings {
        let (config, gossip) = (self.config, &self.config.gossip);
        let timings = match pool {
            PoolKind::Lan => &gossip.lan,
            PoolKind::Wan => &gossip.wan,
        };
        let unset = ([0, 0, 0, 0], 0).into();
        let file = |name: &str| self.folder.as_ref().map(|folder| folder.join(name));
        GossipSettings {
            pool: pool.name(),
            log_prefix: if config.node.server {
                "agent.server"
            } else {
                "agent.client"
            },
            name: String::new(),
            bind: unset,
            advertise: unset,
            tags: own_tags(config, self.node_id, pool),
            default_port: 0,
            swim: swim_config(timings, pool),
            serf: serf::Config {
                coordinates: !config.node.disable_coordinates,
                // Servers keep their name, whoever else claims it.
                resolve_name_conflicts: !config.node.server,
                ..serf_config(timings)
            },
            key: self.key.clone(),
            keyring_file: file(pool.keyring_file()).filter(|_| !gossip.disable_keyring_file),
            verify_incoming: gossip.encrypt_verify_incoming,
            verify_outgoing: gossip.encrypt_verify_outgoing,
            snapshot_file: file(pool.snapshot_file()),
            rejoin_after_leave: config.join.rejoin_after_leave,
            policy: Box::new(serf::AnyMember),
            metrics: self.metrics.clone(),
        }
    }
}

fn swim_config(timings: &GossipPool, pool: PoolKind) -> swim::Config {
    let base = match pool {
        PoolKind::Lan => swim::Config::lan(),
        PoolKind::Wan => swim::Config::wan(),
    };
    swim::Config {
        gossip_interval: timings.gossip_interval,
        gossip_nodes: usize::try_from(timings.gossip_nodes).unwrap_or(usize::MAX),
        probe_interval: timings.probe_interval,
        probe_timeout: timings.probe_timeout,
        suspicion_mult: timings.suspicion_mult,
        retransmit_mult: timings.retransmit_mult,
        allowed: timings.allowed_cidrs.clone(),
        ..base
    }
}

fn serf_config(timings: &GossipPool) -> serf::Config {
    let default = serf::Config::default();
    let configured = Some(timings.reconnect_timeout).filter(|timeout| *timeout > Duration::ZERO);
    serf::Config {
        reconnect_timeout: configured.unwrap_or(default.reconnect_timeout),
        ..default
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::agent::config::{AgentFlags, Facts, Sources, build};

    /// A configuration from a piece of HCL.
    pub(in crate::agent::membership) fn config(hcl: &str) -> Config {
        let flags = AgentFlags {
            hcl: vec![hcl.to_owned(), "bind_addr = \"127.0.0.1\"".to_owned()],
            ..AgentFlags::default()
        };
        let facts = Facts {
            hostname: "n1".to_owned(),
            interfaces: Vec::new(),
            intro_token: None,
        };
        let files = Vec::new();
        build(&Sources { flags, files }, &facts).unwrap().config
    }

    fn of(hcl: &str, dir: Option<&str>) -> Pools {
        pools(&config(hcl), "id", dir.map(Path::new), &Metrics::default()).unwrap()
    }

    #[test]
    fn servers_have_two_pools_and_clients_one() {
        let server = of("server = true data_dir = \"d\"", Some("d"));
        let wan = server.wan.unwrap();
        assert_eq!((wan.name.as_str(), wan.bind.port()), ("n1.dc1", 8302));
        assert_eq!(wan.swim.probe_interval, Duration::from_secs(5));
        assert!(wan.snapshot_file.unwrap().ends_with("serf/remote.snapshot"));
        let lan = server.lan.unwrap();
        assert_eq!((lan.name.as_str(), lan.default_port), ("n1", 8301));
        assert!(!lan.serf.resolve_name_conflicts && !wan.serf.resolve_name_conflicts);
        assert!(lan.keyring_file.unwrap().ends_with("serf/local.keyring"));
        let client = of("data_dir = \"d\"", None);
        assert!(client.wan.is_none());
        assert!(client.lan.unwrap().serf.resolve_name_conflicts);
        let alone = of(
            "server = true data_dir = \"d\" ports { serf_wan = -1 }",
            None,
        );
        assert!(alone.wan.is_none());
    }

    #[test]
    fn timings_networks_and_places_come_from_the_configuration() {
        let hcl = "data_dir = \"d\" reconnect_timeout = \"9h\" disable_coordinates = true
            gossip_lan { probe_interval = \"7s\" gossip_nodes = 5 retransmit_mult = 9 }
            serf_lan_allowed_cidrs = [\"10.0.0.0/8\"] serf_lan = \"127.0.0.9\"
            advertise_addr = \"127.0.0.8\" rejoin_after_leave = true encrypt_verify_incoming = false";
        let lan = of(hcl, None).lan.unwrap();
        assert_eq!(lan.swim.probe_interval, Duration::from_secs(7));
        assert_eq!((lan.swim.gossip_nodes, lan.swim.retransmit_mult), (5, 9));
        assert!(!lan.swim.allows([127, 0, 0, 1].into()));
        assert_eq!(lan.serf.reconnect_timeout, Duration::from_hours(9));
        assert!(!lan.serf.coordinates && lan.rejoin_after_leave && !lan.verify_incoming);
        assert_eq!(lan.bind, ([127, 0, 0, 9], 8301).into());
        assert_eq!(lan.advertise, ([127, 0, 0, 8], 8301).into());
        assert_eq!((lan.keyring_file, lan.snapshot_file), (None, None));
    }

    #[test]
    fn keys_are_checked() {
        assert_eq!(key(""), Ok(None));
        assert_eq!(key("aGVsbG8="), Err(KeyError::Size));
        assert_eq!(
            key("a b").unwrap_err().to_string(),
            "Invalid key: illegal base64 data at input byte 1"
        );
        assert_eq!(
            KeyError::Size.to_string(),
            "Invalid key: key size must be 16, 24 or 32 bytes"
        );
        let good = key("MDEyMzQ1Njc4OWFiY2RlZg==").unwrap().unwrap();
        assert_eq!(good.as_bytes(), b"0123456789abcdef");
    }

    #[test]
    fn a_kept_keyring_encrypts_as_a_configured_key_does() {
        let folder = tempfile::tempdir().unwrap();
        let plain = config("data_dir = \"d\"");
        assert!(!encrypts(&plain, Some(folder.path())));
        std::fs::create_dir(folder.path().join("serf")).unwrap();
        std::fs::write(folder.path().join("serf/local.keyring"), "[]").unwrap();
        assert!(encrypts(&plain, Some(folder.path())));
        let memory = config("data_dir = \"d\" disable_keyring_file = true");
        assert!(!encrypts(&memory, Some(folder.path())));
        let keyed = config("data_dir = \"d\" encrypt = \"MDEyMzQ1Njc4OWFiY2RlZg==\"");
        assert!(encrypts(&keyed, None));
    }
}
