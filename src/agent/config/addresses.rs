//! Addresses and ports: what is bound, what is advertised, what clients use.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::interface::{private_v4, public_v6};
use super::reader::{Address, Reader};
use super::runtime::{AddressConfig, ListenAddr, PortConfig, UnixSocketConfig};

pub(super) fn read(reader: &mut Reader<'_>) -> AddressConfig {
    let ports = ports(reader);
    let bind = bind(reader);
    let lan = advertise(reader, bind);
    let wan = reader.ip("advertise_addr_wan").unwrap_or(lan);
    refuse_any(reader, lan, wan);
    let client = client(reader);
    let socket = |ip: IpAddr, port: Option<u16>| port.map(|port| SocketAddr::new(ip, port));
    let serf_lan = reader.ip("serf_lan").unwrap_or(bind);
    let serf_wan = reader.ip("serf_wan").unwrap_or(bind);
    AddressConfig {
        bind,
        advertise_lan: lan,
        advertise_wan: wan,
        tagged: tagged(reader, lan, wan),
        translate_wan: reader.flag("translate_wan_addrs"),
        dns: dns(reader, &client, ports.dns),
        http: listeners(reader, "addresses.http", &client, ports.http),
        https: listeners(reader, "addresses.https", &client, ports.https),
        grpc: listeners(reader, "addresses.grpc", &client, ports.grpc),
        grpc_tls: listeners(reader, "addresses.grpc_tls", &client, ports.grpc_tls),
        rpc_bind: socket(bind, ports.server),
        rpc_advertise: socket(lan, ports.server),
        serf_lan_bind: socket(serf_lan, ports.serf_lan),
        serf_lan_advertise: socket(lan, ports.serf_lan),
        serf_wan_bind: socket(serf_wan, ports.serf_wan),
        serf_wan_advertise: socket(wan, ports.serf_wan),
        client,
        ports,
        unix_sockets: UnixSocketConfig {
            user: reader.text("unix_sockets.user"),
            group: reader.text("unix_sockets.group"),
            mode: reader.text("unix_sockets.mode"),
        },
    }
}

fn ports(reader: &mut Reader<'_>) -> PortConfig {
    PortConfig {
        dns: reader.port("ports.dns"),
        http: reader.port("ports.http"),
        https: reader.port("ports.https"),
        grpc: reader.port("ports.grpc"),
        grpc_tls: reader.port("ports.grpc_tls"),
        server: reader.port("ports.server"),
        serf_lan: reader.port("ports.serf_lan"),
        serf_wan: reader.port("ports.serf_wan"),
        proxy: range(reader, "proxy_min_port", "proxy_max_port"),
        sidecar: range(reader, "sidecar_min_port", "sidecar_max_port"),
        expose: range(reader, "expose_min_port", "expose_max_port"),
    }
}

fn range(reader: &mut Reader<'_>, min: &str, max: &str) -> (Option<u16>, Option<u16>) {
    let (min_key, max_key) = (format!("ports.{min}"), format!("ports.{max}"));
    let errors = reader.errors.len();
    let range = (reader.port(&min_key), reader.port(&max_key));
    if reader.errors.len() == errors && range.1 < range.0 {
        let message = format!("{min} must be less than {max}. To disable, set both to zero.");
        reader.error(&max_key, message);
    }
    range
}

/// The one IP address for cluster communication.
fn bind(reader: &mut Reader<'_>) -> IpAddr {
    const KEY: &str = "bind_addr";
    // After an error, an address from which nothing further is guessed.
    const REFUSED: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let Some(addresses) = reader.addresses(KEY) else {
        return REFUSED;
    };
    match addresses.as_slice() {
        [Address::Ip(ip)] => return *ip,
        [] => reader.error(KEY, "bind_addr cannot be empty"),
        [Address::Unix(_)] => reader.error(KEY, "bind_addr cannot be a unix socket"),
        _ => reader.error(
            KEY,
            "bind_addr cannot contain multiple addresses. \
             Use 'addresses.{dns,http,https}' instead.",
        ),
    }
    REFUSED
}

/// What other nodes use: the configured address, else the bound one, else the machine's only
/// private address.
fn advertise(reader: &mut Reader<'_>, bind: IpAddr) -> IpAddr {
    const KEY: &str = "advertise_addr";
    let errors = reader.errors.len();
    let configured = reader.ip(KEY);
    let wanted = configured.unwrap_or(bind);
    // An address that is already refused must not be guessed as well.
    if configured.is_some() || !bind.is_unspecified() || reader.errors.len() > errors {
        return wanted;
    }
    let (kind, found) = if wanted.is_ipv4() {
        ("private IPv4", private_v4(reader.interfaces))
    } else {
        ("public IPv6", public_v6(reader.interfaces))
    };
    match found.as_slice() {
        [only] => *only,
        [] => {
            reader.error("bind_addr", format!("No {kind} address found"));
            Ipv4Addr::LOCALHOST.into()
        }
        [first, ..] => {
            let message = format!(
                "Multiple {kind} addresses found. \
                 Please configure one with 'bind' and/or 'advertise'."
            );
            reader.error("bind_addr", message);
            *first
        }
    }
}

fn refuse_any(reader: &mut Reader<'_>, lan: IpAddr, wan: IpAddr) {
    if lan.is_unspecified() && reader.is_set("advertise_addr") {
        reader.error(
            "advertise_addr",
            "Advertise address cannot be 0.0.0.0, :: or [::]",
        );
    }
    if wan.is_unspecified() && reader.is_set("advertise_addr_wan") {
        reader.error(
            "advertise_addr_wan",
            "Advertise WAN address cannot be 0.0.0.0, :: or [::]",
        );
    }
}

/// Addresses of the node in the catalog. Those of the operator's own names stay.
fn tagged(reader: &mut Reader<'_>, lan: IpAddr, wan: IpAddr) -> BTreeMap<String, String> {
    let mut tagged = reader.map("tagged_addresses");
    for (name, key, main) in [
        ("lan", "advertise_addr", lan),
        ("wan", "advertise_addr_wan", wan),
    ] {
        let (v4_key, v6_key) = (format!("{key}_ipv4"), format!("{key}_ipv6"));
        let v4 = reader.ip(&v4_key).or(Some(main).filter(IpAddr::is_ipv4));
        if v4.is_some_and(|ip| ip.is_ipv6()) {
            reader.error(&v4_key, format!("{v4_key} must be an ipv4 address"));
        }
        let v6 = reader.ip(&v6_key).or(Some(main).filter(IpAddr::is_ipv6));
        if v6.is_some_and(|ip| ip.is_ipv4()) {
            reader.error(&v6_key, format!("{v6_key} must be an ipv6 address"));
        }
        tagged.insert(name.to_owned(), main.to_string());
        tagged.extend(v4.map(|ip| (format!("{name}_ipv4"), ip.to_string())));
        tagged.extend(v6.map(|ip| (format!("{name}_ipv6"), ip.to_string())));
    }
    tagged
}

fn client(reader: &mut Reader<'_>) -> Vec<IpAddr> {
    let addresses = reader.ips("client_addr");
    if addresses.as_ref().is_some_and(Vec::is_empty) {
        reader.warn(
            "client_addr is empty, client services (DNS, HTTP, HTTPS, GRPC) \
             will not be listening for connections",
        );
    }
    addresses.unwrap_or_default()
}

/// The interface's own addresses, else those for clients. Nothing if its port is off.
fn listeners(
    reader: &mut Reader<'_>,
    key: &str,
    client: &[IpAddr],
    port: Option<u16>,
) -> Vec<ListenAddr> {
    let own = reader.addresses(key).unwrap_or_default();
    let Some(port) = port else { return Vec::new() };
    if own.is_empty() {
        return client
            .iter()
            .map(|ip| ListenAddr::Tcp(SocketAddr::new(*ip, port)))
            .collect();
    }
    own.into_iter()
        .map(|address| match address {
            Address::Ip(ip) => ListenAddr::Tcp(SocketAddr::new(ip, port)),
            Address::Unix(path) => ListenAddr::Unix(path),
        })
        .collect()
}

fn dns(reader: &mut Reader<'_>, client: &[IpAddr], port: Option<u16>) -> Vec<SocketAddr> {
    let mut sockets = Vec::new();
    for address in listeners(reader, "addresses.dns", client, port) {
        match address {
            ListenAddr::Tcp(socket) => sockets.push(socket),
            ListenAddr::Unix(_) => {
                reader.error("addresses.dns", "DNS address cannot be a unix socket");
            }
        }
    }
    sockets
}
