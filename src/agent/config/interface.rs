//! The machine's network interfaces as address templates see them. They are an argument: whoever
//! starts the agent lists them.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// One address of one network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Name, such as `eth0`.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// Bits of the network's prefix.
    pub prefix_len: u8,
    /// Whether the interface is up.
    pub is_up: bool,
    /// Whether it is the loopback interface.
    pub is_loopback: bool,
    /// Whether it can broadcast.
    pub is_broadcast: bool,
    /// Whether it can multicast.
    pub is_multicast: bool,
    /// Whether it connects two machines only.
    pub is_point_to_point: bool,
    /// Whether the default route leads through it.
    pub has_default_route: bool,
}

/// Special-purpose addresses: RFC 6890 and the registries that it describes.
const SPECIAL: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b::/96",
    "::ffff:0:0/96",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
];

/// Addresses that no router forwards, as go-sockaddr's flag `forwardable` has them.
const NOT_FORWARDABLE: &[&str] = &[
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "::ffff:0:0/96",
    "2001:db8::/32",
    "2001:10::/28",
    "fe80::/10",
];

/// RFC 1918.
const PRIVATE_V4: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// RFC 6598.
const SHARED_V4: &[&str] = &["100.64.0.0/10"];

/// RFC 4193.
const UNIQUE_LOCAL_V6: &[&str] = &["fc00::/7"];

impl Interface {
    /// The network that the address is in.
    pub(super) fn network(&self) -> Option<IpNet> {
        IpNet::new(self.address, self.prefix_len)
            .ok()
            .map(|net| net.trunc())
    }

    pub(super) fn is_special(&self) -> bool {
        is_in(SPECIAL, self.address)
    }

    pub(super) fn is_forwardable(&self) -> bool {
        !is_in(NOT_FORWARDABLE, self.address)
    }

    /// Whether the address belongs to the networks of an RFC; `None` for an RFC that is not known.
    pub(super) fn is_of_rfc(&self, rfc: &str) -> Option<bool> {
        let networks = match rfc {
            "6890" => SPECIAL,
            "1918" => PRIVATE_V4,
            "6598" => SHARED_V4,
            "4193" => UNIQUE_LOCAL_V6,
            _ => return None,
        };
        Some(is_in(networks, self.address))
    }
}

fn is_in(networks: &[&str], address: IpAddr) -> bool {
    networks
        .iter()
        .filter_map(|network| network.parse::<IpNet>().ok())
        .any(|network| network.contains(&address))
}

/// Private IPv4 addresses on active interfaces, from which the address to advertise is taken when
/// none is configured; those of the loopback interface only if there is no other.
pub(super) fn private_v4(interfaces: &[Interface]) -> Vec<IpAddr> {
    let active = |loopback| {
        interfaces
            .iter()
            .filter(move |interface| interface.is_up && interface.is_loopback == loopback)
    };
    let is_private = |interface: &&Interface| interface.address.is_ipv4() && interface.is_special();
    if active(false).next().is_some() {
        active(false)
            .filter(is_private)
            .map(|interface| interface.address)
            .collect()
    } else {
        active(true)
            .filter(is_private)
            .map(|interface| interface.address)
            .collect()
    }
}

/// IPv6 addresses that are neither link-local, unique local nor loopback.
pub(super) fn public_v6(interfaces: &[Interface]) -> Vec<IpAddr> {
    interfaces
        .iter()
        .map(|interface| interface.address)
        .filter(|address| match address {
            IpAddr::V4(_) => false,
            IpAddr::V6(v6) => {
                !(v6.is_loopback() || v6.is_unicast_link_local() || is_unique_local(v6))
            }
        })
        .collect()
}

/// fc00::/7.
fn is_unique_local(address: &Ipv6Addr) -> bool {
    address.segments()[0] & 0xfe00 == 0xfc00
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An interface that is up; names that begin with `lo` are loopback, `eth0` is the default.
    pub(in super::super) fn interface(name: &str, network: &str) -> Interface {
        let network: IpNet = network.parse().unwrap();
        let is_loopback = name.starts_with("lo");
        Interface {
            name: name.into(),
            address: network.addr(),
            prefix_len: network.prefix_len(),
            is_up: true,
            is_loopback,
            is_broadcast: !is_loopback,
            is_multicast: !is_loopback,
            is_point_to_point: false,
            has_default_route: name == "eth0",
        }
    }

    #[test]
    fn networks_are_written_correctly() {
        for network in [
            SPECIAL,
            NOT_FORWARDABLE,
            PRIVATE_V4,
            SHARED_V4,
            UNIQUE_LOCAL_V6,
        ]
        .concat()
        {
            assert!(network.parse::<IpNet>().is_ok(), "{network}");
        }
    }

    #[test]
    fn loopback_is_advertised_only_if_alone() {
        let loopback = interface("lo", "127.0.0.1/8");
        let card = interface("eth0", "10.0.0.2/24");
        assert_eq!(
            private_v4(&[loopback.clone(), card]),
            ["10.0.0.2".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(
            private_v4(&[loopback]),
            ["127.0.0.1".parse::<IpAddr>().unwrap()]
        );
    }
}
