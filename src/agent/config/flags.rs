//! The flags of `agent`: one table that gives the command line its arguments and each flag its
//! configuration key, so that a flag and its key cannot drift apart.

use serde_json::Value as Json;

use super::layer::{Layer, Origin};

/// Declares [`AgentFlags`] from one line a flag: field, flag name, configuration key, help text.
/// The groups differ in how a value is written: `texts` and `numbers` take one value, `switches`
/// are Go booleans (`-ui`, `-ui=false`), `lists` may be repeated.
macro_rules! agent_flags {
    (
        texts { $($text:ident $text_flag:literal => $text_key:literal: $text_help:literal;)* }
        numbers { $($number:ident $number_flag:literal => $number_key:literal: $number_help:literal;)* }
        switches { $($switch:ident $switch_flag:literal => $switch_key:literal: $switch_help:literal;)* }
        lists { $($list:ident $list_flag:literal => $list_key:literal: $list_help:literal;)* }
    ) => {
        /// What the command line of `agent` says, not yet interpreted. A flag that was not given is
        /// `None` (or empty), so that a configuration file or a default decides.
        #[derive(Debug, Clone, Default, clap::Args)]
        #[command(next_display_order = None)]
        pub struct AgentFlags {
            /// Configuration files and folders in the order in which they were given.
            #[arg(long = "config-file", visible_alias = "config-dir", value_name = "path",
                help = "Configuration file (.json or .hcl), or a folder whose .json and .hcl files \
                    are read in alphabetical order. May be repeated; later files override earlier ones.")]
            pub config_files: Vec<String>,
            /// Format of every configuration file, whatever its extension: `hcl` or `json`.
            #[arg(long = "config-format", value_name = "string",
                help = "Format of all configuration files whatever their extension: hcl or json.")]
            pub config_format: Option<String>,
            /// Development mode.
            #[arg(long = "dev", num_args = 0..=1, require_equals = true,
                default_missing_value = "true", value_parser = go_bool, value_name = "bool",
                help = "Development mode: a single server in memory, with debug logs and nothing to \
                    configure. Not for production.")]
            pub dev: Option<bool>,
            /// Fragments of HCL, applied after everything else.
            #[arg(long = "hcl", allow_hyphen_values = true, value_name = "value",
                help = "Fragment of HCL configuration that overrides files and flags. May be repeated.")]
            pub hcl: Vec<String>,
            $(
                #[doc = $text_help]
                #[arg(long = $text_flag, help = $text_help, value_name = "value",
                    allow_hyphen_values = true)]
                pub $text: Option<String>,
            )*
            $(
                #[doc = $number_help]
                #[arg(long = $number_flag, help = $number_help, value_name = "number",
                    allow_negative_numbers = true, value_parser = go_int)]
                pub $number: Option<i64>,
            )*
            $(
                #[doc = $switch_help]
                #[arg(long = $switch_flag, help = $switch_help, value_name = "bool",
                    num_args = 0..=1, require_equals = true, default_missing_value = "true",
                    value_parser = go_bool)]
                pub $switch: Option<bool>,
            )*
            $(
                #[doc = $list_help]
                #[arg(long = $list_flag, help = $list_help, value_name = "value")]
                pub $list: Vec<String>,
            )*
        }

        impl AgentFlags {
            /// The configuration keys that flags set.
            #[cfg(test)]
            pub(super) fn keys() -> impl Iterator<Item = &'static str> {
                [$($text_key,)* $($number_key,)* $($switch_key,)* $($list_key,)*].into_iter()
            }

            /// The flags with one value, which override every configuration file.
            pub(super) fn scalar_layer(&self) -> Layer {
                let mut layer = Layer::default();
                $(if let Some(value) = &self.$text {
                    layer.set($text_key, Json::from(value.as_str()), Origin::Flag($text_flag));
                })*
                $(if let Some(value) = self.$number {
                    layer.set($number_key, Json::from(value), Origin::Flag($number_flag));
                })*
                $(if let Some(value) = self.$switch {
                    layer.set($switch_key, Json::from(value), Origin::Flag($switch_flag));
                })*
                layer
            }

            /// The flags that may be repeated, to which configuration files append.
            pub(super) fn list_layer(&self) -> Layer {
                let mut layer = Layer::default();
                $(if !self.$list.is_empty() {
                    let value = match $list_key {
                        "node_meta" => pairs(&self.$list),
                        _ => Json::from(self.$list.clone()),
                    };
                    layer.set($list_key, value, Origin::Flag($list_flag));
                })*
                layer
            }
        }
    };
}

agent_flags! {
    texts {
        advertise "advertise" => "advertise_addr":
            "Address that other nodes use to reach this one, instead of the bind address.";
        advertise_wan "advertise-wan" => "advertise_addr_wan":
            "Address that servers of other datacenters use to reach this one, instead of -advertise.";
        alt_domain "alt-domain" => "alt_domain": "Second domain that the DNS interface answers for.";
        bind "bind" => "bind_addr":
            "Address for cluster communication. Must be reachable by every other node.";
        client "client" => "client_addr":
            "Addresses for HTTP, HTTPS, DNS and gRPC clients, separated by spaces.";
        data_dir "data-dir" => "data_dir":
            "Folder for the agent's state. Required unless -dev is given.";
        datacenter "datacenter" => "datacenter": "Datacenter of the agent.";
        default_query_time "default-query-time" => "default_query_time":
            "How long a blocking query waits when the client does not say, for example 300s.";
        domain "domain" => "domain": "Domain that the DNS interface answers for.";
        encrypt "encrypt" => "encrypt": "Gossip encryption key, as printed by keygen.";
        log_file "log-file" => "log_file": "File or folder to write logs to, besides the terminal.";
        log_level "log-level" => "log_level": "Log level: trace, debug, info, warn or err.";
        log_rotate_duration "log-rotate-duration" => "log_rotate_duration":
            "Start a new log file after this time, for example 24h.";
        max_query_time "max-query-time" => "max_query_time":
            "Longest time a client may let a blocking query wait, for example 600s.";
        node "node" => "node_name": "Name of this node. Must be unique in the cluster.";
        node_id "node-id" => "node_id":
            "Unique ID of this node, a UUID. Created and kept in the data folder when not given.";
        partition "partition" => "partition": "(Enterprise-only) Partition of the agent.";
        pid_file "pid-file" => "pid_file": "File to write the agent's process ID to.";
        retry_interval "retry-interval" => "retry_interval": "Time between two -retry-join attempts.";
        retry_interval_wan "retry-interval-wan" => "retry_interval_wan":
            "Time between two -retry-join-wan attempts.";
        segment "segment" => "segment": "(Enterprise-only) Network segment to join.";
        serf_lan_bind "serf-lan-bind" => "serf_lan":
            "Address for gossip inside the datacenter, instead of -bind.";
        serf_wan_bind "serf-wan-bind" => "serf_wan":
            "Address for gossip between datacenters, instead of -bind.";
        ui_content_path "ui-content-path" => "ui_config.content_path":
            "Path under which the web UI is served. Defaults to /ui/.";
        ui_dir "ui-dir" => "ui_config.dir": "Folder with the files of a web UI.";
    }
    numbers {
        bootstrap_expect "bootstrap-expect" => "bootstrap_expect":
            "Number of servers to wait for before the cluster elects its first leader.";
        check_output_max_size "check_output_max_size" => "check_output_max_size":
            "Largest output, in bytes, that is kept of a health check.";
        dns_port "dns-port" => "ports.dns": "DNS port, -1 to switch DNS off.";
        grpc_port "grpc-port" => "ports.grpc": "gRPC port, -1 to switch gRPC off.";
        grpc_tls_port "grpc-tls-port" => "ports.grpc_tls":
            "gRPC port with TLS, -1 to switch it off.";
        http_port "http-port" => "ports.http": "HTTP port, -1 to switch HTTP off.";
        https_port "https-port" => "ports.https": "HTTPS port, -1 to switch HTTPS off.";
        log_rotate_bytes "log-rotate-bytes" => "log_rotate_bytes":
            "Start a new log file after this many bytes.";
        log_rotate_max_files "log-rotate-max-files" => "log_rotate_max_files":
            "How many old log files to keep: 0 keeps all, -1 none.";
        protocol "protocol" => "protocol": "Protocol version to speak. Defaults to the latest.";
        raft_protocol "raft-protocol" => "raft_protocol":
            "Raft protocol version. Defaults to the latest.";
        retry_max "retry-max" => "retry_max": "Number of -retry-join attempts, 0 for no limit.";
        retry_max_wan "retry-max-wan" => "retry_max_wan":
            "Number of -retry-join-wan attempts, 0 for no limit.";
        serf_lan_port "serf-lan-port" => "ports.serf_lan":
            "Port for gossip inside the datacenter.";
        serf_wan_port "serf-wan-port" => "ports.serf_wan":
            "Port for gossip between datacenters, -1 to switch it off.";
        server_port "server-port" => "ports.server": "Port for requests between agents.";
    }
    switches {
        auto_reload_config "auto-reload-config" => "auto_reload_config":
            "Watch the configuration files and reload when they change.";
        bootstrap "bootstrap" => "bootstrap":
            "Let this server elect itself leader. Only for the first server of a cluster.";
        disable_host_node_id "disable-host-node-id" => "disable_host_node_id":
            "Create a random node ID rather than one derived from the host.";
        disable_keyring_file "disable-keyring-file" => "disable_keyring_file":
            "Do not keep the gossip keyring in a file.";
        enable_local_script_checks "enable-local-script-checks" => "enable_local_script_checks":
            "Allow script checks that are defined in configuration files.";
        enable_script_checks "enable-script-checks" => "enable_script_checks":
            "Allow script checks, from configuration files and from the HTTP API.";
        log_json "log-json" => "log_json": "Write logs as JSON.";
        non_voting_server "non-voting-server" => "non_voting_server":
            "(Enterprise-only) Receive the data but take no part in the quorum. Use -read-replica.";
        read_replica "read-replica" => "read_replica":
            "(Enterprise-only) Receive the data but take no part in the quorum.";
        rejoin "rejoin" => "rejoin_after_leave":
            "Rejoin the cluster after a restart even if the node had left it.";
        server "server" => "server": "Run as a server.";
        syslog "syslog" => "enable_syslog": "Write logs to syslog too.";
        ui "ui" => "ui_config.enabled": "Serve the web UI.";
    }
    lists {
        allow_write_http_from "allow-write-http-from" => "http_config.allow_write_http_from":
            "Network (CIDR) from which HTTP writes are allowed. May be repeated.";
        join "join" => "start_join":
            "Address of a node to join at start, once. May be repeated. Prefer -retry-join.";
        join_wan "join-wan" => "start_join_wan":
            "Address of a server in another datacenter to join at start, once. May be repeated.";
        node_meta "node-meta" => "node_meta":
            "Metadata of this node as key:value. May be repeated.";
        primary_gateway "primary-gateway" => "primary_gateways":
            "Address of a mesh gateway in the primary datacenter. May be repeated.";
        recursor "recursor" => "recursors":
            "DNS server that is asked for names outside the domain. May be repeated.";
        retry_join "retry-join" => "retry_join":
            "Address of a node to join at start, with retries. May be repeated.";
        retry_join_wan "retry-join-wan" => "retry_join_wan":
            "Address of a server in another datacenter to join, with retries. May be repeated.";
        serf_lan_allowed_cidrs "serf-lan-allowed-cidrs" => "serf_lan_allowed_cidrs":
            "Network (CIDR) that may gossip inside the datacenter. May be repeated.";
        serf_wan_allowed_cidrs "serf-wan-allowed-cidrs" => "serf_wan_allowed_cidrs":
            "Network (CIDR) that may gossip between datacenters. May be repeated.";
    }
}

/// `key:value` texts as an object; a text without a colon is a key without a value.
fn pairs(texts: &[String]) -> Json {
    texts
        .iter()
        .map(|text| text.split_once(':').unwrap_or((text, "")))
        .map(|(key, value)| (key.to_owned(), Json::from(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Parses a boolean as Go's `strconv.ParseBool` does.
pub fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("parse error".to_owned()),
    }
}

/// Parses an integer as Go's flag package does: decimal, or with a `0x`, `0o`, `0b` or `0` prefix.
pub fn go_int(text: &str) -> Result<i64, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = if let Some(rest) = lower.strip_prefix("0x") {
        (rest, 16)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (rest, 2)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (rest, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower.as_str(), 10)
    };
    // A second sign would be accepted by `from_str_radix`.
    let magnitude = if digits.starts_with(['+', '-']) {
        None
    } else {
        i128::from_str_radix(digits, radix).ok()
    };
    magnitude
        .map(|value| if negative { -value } else { value })
        .and_then(|value| i64::try_from(value).ok())
        .ok_or_else(|| "parse error".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: AgentFlags,
    }

    fn parse(line: &str) -> Result<AgentFlags, clap::Error> {
        Line::try_parse_from(line.split(' ')).map(|line| line.flags)
    }

    #[test]
    fn go_booleans_are_optional_and_need_an_equals_sign() {
        let flags = parse("agent --server --ui=false --bootstrap=T").unwrap();
        assert_eq!(
            (flags.server, flags.ui, flags.bootstrap, flags.dev),
            (Some(true), Some(false), Some(true), None)
        );
        assert!(parse("agent --server=yes").is_err());
    }

    #[test]
    fn files_and_folders_keep_the_order_of_the_command_line() {
        let flags = parse("agent --config-file a --config-dir b --config-file=c").unwrap();
        assert_eq!(flags.config_files, ["a", "b", "c"]);
    }

    #[test]
    fn numbers_may_be_negative_and_in_go_notation() {
        let flags = parse("agent --https-port -1 --bootstrap-expect=0x3").unwrap();
        assert_eq!(
            (flags.https_port, flags.bootstrap_expect),
            (Some(-1), Some(3))
        );
        assert_eq!(go_int("0755"), Ok(0o755));
        for bad in ["", "x", "--1", "0x-1", "99999999999999999999", "1.5"] {
            assert!(go_int(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_may_be_repeated() {
        let flags = parse("agent --retry-join a --retry-join=b --hcl -x=1").unwrap();
        assert_eq!(flags.retry_join, ["a", "b"]);
        assert_eq!(flags.hcl, ["-x=1"]);
        assert_eq!(
            flags.list_layer().get("retry_join").unwrap().value,
            serde_json::json!(["a", "b"])
        );
    }
}
