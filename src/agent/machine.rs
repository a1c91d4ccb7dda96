//! What the configuration depends on and only the machine knows: its name and its addresses.

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::config::{Facts, Interface};

/// Interface flags of Linux, as `/sys/class/net/<name>/flags` shows them.
mod flag {
    pub(super) const UP: u32 = 0x1;
    pub(super) const BROADCAST: u32 = 0x2;
    pub(super) const LOOPBACK: u32 = 0x8;
    pub(super) const POINT_TO_POINT: u32 = 0x10;
    pub(super) const MULTICAST: u32 = 0x1000;
}

/// The machine's name and network interfaces.
///
/// # Errors
/// If the operating system does not list its interfaces.
pub fn facts() -> io::Result<Facts> {
    let hostname = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let default_route = default_route();
    let interfaces = if_addrs::get_if_addrs()?
        .into_iter()
        .map(|found| interface(&found, default_route.as_deref()))
        .collect();
    Ok(Facts {
        hostname,
        interfaces,
        intro_token: None,
    })
}

fn interface(found: &if_addrs::Interface, default_route: Option<&str>) -> Interface {
    let prefix_len = match &found.addr {
        if_addrs::IfAddr::V4(v4) => v4.prefixlen,
        if_addrs::IfAddr::V6(v6) => v6.prefixlen,
    };
    let flags = flags(&found.name).unwrap_or_else(|| {
        let state = if found.is_oper_up() { flag::UP } else { 0 };
        state
            | if found.is_loopback() {
                flag::LOOPBACK
            } else {
                flag::MULTICAST
            }
    });
    Interface {
        name: found.name.clone(),
        address: found.ip(),
        prefix_len,
        is_up: flags & flag::UP != 0,
        is_loopback: flags & flag::LOOPBACK != 0,
        is_broadcast: flags & flag::BROADCAST != 0,
        is_multicast: flags & flag::MULTICAST != 0,
        is_point_to_point: flags & flag::POINT_TO_POINT != 0,
        has_default_route: default_route == Some(found.name.as_str()),
    }
}

/// The interface's flags, where the operating system shows them as a file. An alias such as
/// `eth0:1` has those of its interface.
fn flags(name: &str) -> Option<u32> {
    let name = name.split(':').next()?;
    let text = fs::read_to_string(format!("/sys/class/net/{name}/flags")).ok()?;
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

/// The interface of the IPv4 default route, else of the IPv6 one, where the operating system shows
/// its routes as files.
fn default_route() -> Option<String> {
    let v4 = || find_default_v4(&fs::read_to_string("/proc/net/route").ok()?);
    let v6 = || find_default_v6(&fs::read_to_string("/proc/net/ipv6_route").ok()?);
    v4().or_else(v6)
}

/// Columns: interface, destination, gateway, flags, three counters, mask.
fn find_default_v4(table: &str) -> Option<String> {
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        match columns.as_slice() {
            [name, "00000000", _, _, _, _, _, "00000000", ..] => Some((*name).to_owned()),
            _ => None,
        }
    })
}

/// Columns: destination, its prefix length, source, its prefix length, gateway, four numbers,
/// interface. The loopback interface holds the route that rejects.
fn find_default_v6(table: &str) -> Option<String> {
    table.lines().find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_default =
            columns.first()?.bytes().all(|byte| byte == b'0') && columns.get(1) == Some(&"00");
        columns
            .last()
            .filter(|name| is_default && **name != "lo")
            .map(|name| (*name).to_owned())
    })
}

/// Lets this process open as many files as its hard limit allows, as Go programs do by themselves: every
/// connection is one. Returns the limit; `None` when there is none.
pub fn raise_file_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current;
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Refused where the system knows better; the old limit is then what there is.
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

/// How many files this process may open at once; `None` when there is no limit.
pub fn file_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name_and_a_loopback_interface() {
        let facts = facts().unwrap();
        assert!(!facts.hostname.is_empty());
        let loopback = facts
            .interfaces
            .iter()
            .find(|it| it.address.is_loopback())
            .unwrap();
        assert!(loopback.is_loopback && loopback.is_up && !loopback.has_default_route);
    }

    #[test]
    fn default_routes_are_found() {
        let v4 = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n\
                  eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n\
                  eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\n";
        assert_eq!(find_default_v4(v4).as_deref(), Some("eth0"));
        assert_eq!(find_default_v4("Iface\n"), None);
        let zeros = "0".repeat(32);
        let v6 = format!(
            "{zeros} 00 {zeros} 00 {zeros} ffffffff 1 0 00200200 lo\n\
             {zeros} 00 {zeros} 00 {zeros} 400 2 0 3 eth0\n"
        );
        assert_eq!(find_default_v6(&v6).as_deref(), Some("eth0"));
    }
}
