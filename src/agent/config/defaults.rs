//! What holds unless configured, written in the language of the files.

/// The lowest layer.
pub(super) const DEFAULTS: &str = r#"
datacenter = "dc1"
domain = "consul."
server = false
bootstrap = false
bootstrap_expect = 0
protocol = 2
raft_protocol = 3
disable_host_node_id = true
disable_remote_exec = true
disable_coordinates = false
enable_central_service_config = true

bind_addr = "0.0.0.0"
client_addr = "127.0.0.1"
ports {
  dns = 8600
  http = 8500
  https = -1
  grpc = -1
  grpc_tls = -1
  server = 8300
  serf_lan = 8301
  serf_wan = 8302
  proxy_min_port = 20000
  proxy_max_port = 20255
  sidecar_min_port = 21000
  sidecar_max_port = 21255
  expose_min_port = 21500
  expose_max_port = 21755
}

retry_interval = "30s"
retry_interval_wan = "30s"
primary_gateways_interval = "30s"
encrypt_verify_incoming = true
encrypt_verify_outgoing = true
gossip_lan {
  gossip_interval = "200ms"
  gossip_nodes = 3
  probe_interval = "1s"
  probe_timeout = "500ms"
  suspicion_mult = 4
  retransmit_mult = 4
}
gossip_wan {
  gossip_interval = "500ms"
  gossip_nodes = 3
  probe_interval = "5s"
  probe_timeout = "3s"
  suspicion_mult = 6
  retransmit_mult = 4
}

dns_config {
  allow_stale = true
  max_stale = "87600h"
  a_record_limit = 0
  udp_answer_limit = 3
  recursor_timeout = "2s"
  enable_additional_node_meta_txt = true
  soa { refresh = 3600, retry = 600, expire = 86400, min_ttl = 0 }
}
http_config { use_cache = true }
ui_config { content_path = "/ui/" }
default_query_time = "300s"
max_query_time = "600s"
limits {
  http_max_conns_per_client = 200
  https_handshake_timeout = "5s"
  rpc_handshake_timeout = "5s"
  rpc_client_timeout = "60s"
  rpc_max_conns_per_client = 100
  rpc_rate = -1
  rpc_max_burst = 1000
  kv_max_value_size = 524288
  txn_max_req_len = 524288
  request_limits { mode = "disabled", read_rate = -1, write_rate = -1 }
}
cache { entry_fetch_max_burst = 2 }

performance {
  leave_drain_time = "5s"
  raft_multiplier = 5
  rpc_hold_timeout = "7s"
}
raft_snapshot_threshold = 16384
raft_snapshot_interval = "30s"
raft_trailing_logs = 10240
autopilot {
  cleanup_dead_servers = true
  last_contact_threshold = "200ms"
  max_trailing_logs = 250
  min_quorum = 0
  server_stabilization_time = "10s"
}

log_level = "INFO"
syslog_facility = "LOCAL0"
telemetry {
  metrics_prefix = "consul"
  filter_default = true
}

acl {
  default_policy = "allow"
  down_policy = "extend-cache"
  policy_ttl = "30s"
  token_ttl = "30s"
}
tls { defaults { tls_min_version = "tls12" } }

check_output_max_size = 4096
check_update_interval = "5m"
"#;

/// What development mode lays on top.
pub(super) const DEV: &str = r#"
bind_addr = "127.0.0.1"
server = true
enable_debug = true
disable_anonymous_signature = true
disable_keyring_file = true
log_level = "DEBUG"
ui_config { enabled = true }
connect { enabled = true }
ports { grpc = 8502 }
performance { raft_multiplier = 1 }
gossip_lan {
  gossip_interval = "100ms"
  probe_interval = "100ms"
  probe_timeout = "100ms"
  suspicion_mult = 3
}
gossip_wan {
  gossip_interval = "100ms"
  probe_interval = "100ms"
  probe_timeout = "100ms"
  suspicion_mult = 3
}
"#;
