//! How address templates tell interfaces apart: tests, orders and attributes.

use std::cmp::Ordering;
use std::net::IpAddr;

use regex::Regex;

use super::interface::Interface;

/// A test of an interface.
pub(super) type Selector = Box<dyn Fn(&Interface) -> bool>;

/// The test that `include` and `exclude` make. Several values are separated by `|`.
pub(super) fn selector_for(
    selector: &str,
    value: &str,
    function: &str,
) -> Result<Selector, String> {
    let values: Vec<String> = value.split('|').map(str::to_ascii_lowercase).collect();
    Ok(match selector.to_ascii_lowercase().as_str() {
        "name" => {
            let name = regex(value)?;
            Box::new(move |it| name.is_match(&it.name))
        }
        "address" => {
            let address = regex(value)?;
            Box::new(move |it| address.is_match(&it.address.to_string()))
        }
        "type" => {
            if let Some(unknown) = values
                .iter()
                .find(|kind| !["ip", "ipv4", "ipv6", "unix"].contains(&kind.as_str()))
            {
                return Err(format!("unsupported type {unknown:?} {value:?}"));
            }
            Box::new(move |it| {
                values.iter().any(|kind| {
                    kind == "ip" || kind == if it.address.is_ipv4() { "ipv4" } else { "ipv6" }
                })
            })
        }
        "flag" | "flags" => flags(&values)?,
        "rfc" | "rfcs" => {
            for rfc in &values {
                if !["6890", "1918", "6598", "4193"].contains(&rfc.as_str()) {
                    return Err(format!("unsupported RFC {rfc}"));
                }
            }
            Box::new(move |it| values.iter().any(|rfc| it.is_of_rfc(rfc) == Some(true)))
        }
        "network" => {
            let networks = values
                .iter()
                .map(|network| network.parse::<ipnet::IpNet>())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| format!("unable to create an IP address from {value:?}"))?;
            Box::new(move |it| networks.iter().any(|network| network.contains(&it.address)))
        }
        "size" => {
            let size: u8 = value
                .parse()
                .map_err(|_| format!("invalid {function} size argument ({value:?})"))?;
            Box::new(move |it| it.prefix_len == size)
        }
        _ => return Err(format!("invalid {function} selector {selector:?}")),
    })
}

fn flags(names: &[String]) -> Result<Selector, String> {
    let mut tests: Vec<fn(&Interface) -> bool> = Vec::new();
    for name in names {
        tests.push(match name.as_str() {
            "up" => |it| it.is_up,
            "down" => |it| !it.is_up,
            "loopback" => |it| it.is_loopback || it.address.is_loopback(),
            "broadcast" => |it| it.is_broadcast,
            "multicast" => |it| it.is_multicast,
            "point-to-point" => |it| it.is_point_to_point,
            "forwardable" => |it| it.is_forwardable(),
            "link-local unicast" => |it| match it.address {
                IpAddr::V4(v4) => v4.is_link_local(),
                IpAddr::V6(v6) => v6.is_unicast_link_local(),
            },
            _ => return Err(format!("unknown interface flag: {name:?}")),
        });
    }
    Ok(Box::new(move |it| tests.iter().all(|test| test(it))))
}

/// An order of interfaces.
pub(super) type Order = Box<dyn Fn(&Interface, &Interface) -> Ordering>;

pub(super) fn order(clause: &str) -> Result<Order, String> {
    let (descending, name) = match clause.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, clause.strip_prefix('+').unwrap_or(clause)),
    };
    let ascending: fn(&Interface, &Interface) -> Ordering = match name.to_ascii_lowercase().as_str()
    {
        "address" => |a, b| a.address.cmp(&b.address),
        "default" => by_default,
        "name" => |a, b| a.name.cmp(&b.name),
        "private" => |a, b| b.is_special().cmp(&a.is_special()),
        "size" => by_size,
        "type" => by_type,
        _ => return Err(format!("unsupported sort type: {clause:?}")),
    };
    Ok(if descending {
        Box::new(move |a, b| ascending(b, a))
    } else {
        Box::new(ascending)
    })
}

/// The interface of the default route comes first.
pub(super) fn by_default(a: &Interface, b: &Interface) -> Ordering {
    b.has_default_route.cmp(&a.has_default_route)
}

/// IPv4 comes before IPv6.
pub(super) fn by_type(a: &Interface, b: &Interface) -> Ordering {
    a.address.is_ipv6().cmp(&b.address.is_ipv6())
}

/// The larger network comes first.
pub(super) fn by_size(a: &Interface, b: &Interface) -> Ordering {
    a.prefix_len.cmp(&b.prefix_len)
}

pub(super) fn attribute(name: &str, interface: &Interface) -> Result<String, String> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "name" => interface.name.clone(),
        "address" | "host" => interface.address.to_string(),
        "type" => if interface.address.is_ipv4() {
            "IPv4"
        } else {
            "IPv6"
        }
        .to_owned(),
        "mask_bits" => interface.prefix_len.to_string(),
        "network" => interface
            .network()
            .map_or_else(String::new, |network| network.to_string()),
        "netmask" => interface
            .network()
            .map_or_else(String::new, |network| network.netmask().to_string()),
        _ => return Err(format!("unsupported attribute name {name:?}")),
    })
}

pub(super) fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|_| format!("unable to compile regexp {pattern:?}"))
}
