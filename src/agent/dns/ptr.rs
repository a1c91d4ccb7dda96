//! Reverse names: `4.3.2.1.in-addr.arpa` and its IPv6 kin (RFC 1035 section 3.5, RFC 3596).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::name::strip_zone;

/// The zone of all reverse names, lower-case, without the final dot.
pub const REVERSE_ZONE: &str = "arpa";

/// The address that a lower-case reverse name spells, in the one canonical spelling; `None` for any
/// other name.
pub fn reverse_address(name: &str) -> Option<IpAddr> {
    if let Some(left) = strip_zone(name, "in-addr.arpa") {
        let mut octets = [0; 4];
        let mut labels = left.split('.');
        for octet in octets.iter_mut().rev() {
            let label = labels.next()?;
            *octet = label.parse().ok()?;
            let leading = label.len() > 1 && label.starts_with('0');
            if leading || label.starts_with('+') {
                return None;
            }
        }
        return labels
            .next()
            .is_none()
            .then_some(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    let left = strip_zone(name, "ip6.arpa")?;
    let mut value: u128 = 0;
    let mut labels = left.split('.');
    for position in 0..32 {
        let mut characters = labels.next()?.chars();
        let nibble = characters.next()?.to_digit(16)?;
        if characters.next().is_some() {
            return None;
        }
        value |= u128::from(nibble) << (4 * position);
    }
    labels
        .next()
        .is_none()
        .then_some(IpAddr::V6(Ipv6Addr::from(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_families() {
        let v4 = reverse_address("1.0.3.10.in-addr.arpa");
        assert_eq!(v4, "10.3.0.1".parse().ok());
        let v6 = reverse_address(
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        );
        assert_eq!(v6, "2001:db8::1".parse().ok());
    }

    #[test]
    fn refuses_every_other_spelling() {
        for name in [
            "arpa",
            "in-addr.arpa",
            "0.3.10.in-addr.arpa",
            "9.1.0.3.10.in-addr.arpa",
            "01.0.3.10.in-addr.arpa",
            "+1.0.3.10.in-addr.arpa",
            "256.0.3.10.in-addr.arpa",
            "x1.0.3.10.in-addr.arpa",
            "1.0.3.10.xin-addr.arpa",
            "1.ip6.arpa",
            "g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        ] {
            assert_eq!(reverse_address(name), None, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_address_round_trips(bits: u128, v4: bool) {
            let (ip, name) = if v4 {
                let ip = Ipv4Addr::from((bits & 0xffff_ffff) as u32);
                let [a, b, c, d] = ip.octets();
                (IpAddr::V4(ip), format!("{d}.{c}.{b}.{a}.in-addr.arpa"))
            } else {
                let digits: Vec<String> = (0..32).map(|n| format!("{:x}", bits >> (4 * n) & 15)).collect();
                (IpAddr::V6(Ipv6Addr::from(bits)), format!("{}.ip6.arpa", digits.join(".")))
            };
            proptest::prop_assert_eq!(reverse_address(&name), Some(ip));
        }
    }
}
