//! Addresses as Go peers send them: 4 or 16 bytes.

use std::net::{IpAddr, SocketAddr};

use super::error::WireError;
use super::writer::Writer;

/// The address of its bytes. An IPv4 address in IPv6 form is the IPv4 address: peers compare what they
/// stored byte for byte, so that one member must not have two forms (section 2).
pub(super) fn decode_ip(bytes: &[u8]) -> Result<IpAddr, WireError> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(IpAddr::from(v4));
    }
    let v6 = <[u8; 16]>::try_from(bytes).map_err(|_| WireError::Address(bytes.len()))?;
    Ok(IpAddr::from(v6).to_canonical())
}

/// Writes the address in its shortest form.
pub(super) fn write_ip(out: &mut Writer, ip: IpAddr) {
    match ip.to_canonical() {
        IpAddr::V4(v4) => out.raw(&v4.octets()),
        IpAddr::V6(v6) => out.raw(&v6.octets()),
    }
}

/// The address without what never travels: an IPv6 scope, an IPv4 address in IPv6 form.
pub(super) fn decode_socket(ip: &[u8], port: u16) -> Result<SocketAddr, WireError> {
    Ok(SocketAddr::new(decode_ip(ip)?, port))
}
