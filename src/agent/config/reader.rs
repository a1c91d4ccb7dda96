//! Typed reads of the merged settings. What cannot be read is noted and a neutral value returned,
//! so that all errors are found in one pass; nobody sees the neutral values, as there is no
//! configuration if there is an error.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::Value as Json;

use super::error::{ConfigError, ErrorKind};
use super::interface::Interface;
use super::layer::{Layer, Origin, Setting};
use super::runtime::{Secret, Sourced};
use super::template;
use crate::model::duration::parse_go_duration;

pub(super) struct Reader<'a> {
    layer: &'a Layer,
    pub(super) interfaces: &'a [Interface],
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<String>,
}

/// An address that may be a unix socket.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Address {
    Ip(IpAddr),
    Unix(PathBuf),
}

impl<'a> Reader<'a> {
    pub(super) fn new(layer: &'a Layer, interfaces: &'a [Interface]) -> Self {
        Self {
            layer,
            interfaces,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn setting(&self, key: &str) -> Option<&'a Setting> {
        #[cfg(test)]
        assert!(
            super::schema::contains(key),
            "{key} is no configuration key"
        );
        self.layer.get(key)
    }

    /// Notes an error about a key, with the place where it was given.
    pub(super) fn error(&mut self, key: &str, message: impl Into<String>) {
        let origin = self.layer.get(key).map(|setting| &setting.origin);
        self.errors
            .push(ConfigError::new(ErrorKind::Value, message).at(origin));
    }

    /// Notes an error about one of several definitions.
    pub(super) fn error_at(&mut self, origin: &Origin, message: impl Into<String>) {
        self.errors
            .push(ConfigError::new(ErrorKind::Value, message).at(Some(origin)));
    }

    /// Notes that a key must be given.
    pub(super) fn missing(&mut self, key: &str, message: &str) {
        let origin = self.layer.get(key).map(|setting| &setting.origin);
        self.errors
            .push(ConfigError::new(ErrorKind::Missing, message).at(origin));
    }

    pub(super) fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(message.into());
    }

    pub(super) fn is_set(&self, key: &str) -> bool {
        self.setting(key).is_some()
    }

    pub(super) fn optional_text(&self, key: &str) -> Option<String> {
        Some(self.setting(key)?.value.as_str()?.to_owned())
    }

    /// The text, empty if the key is not given.
    pub(super) fn text(&self, key: &str) -> String {
        self.optional_text(key).unwrap_or_default()
    }

    pub(super) fn secret(&self, key: &str) -> Secret {
        Secret::new(self.text(key))
    }

    pub(super) fn optional_flag(&self, key: &str) -> Option<bool> {
        self.setting(key)?.value.as_bool()
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.optional_flag(key).unwrap_or(false)
    }

    /// The integer, zero if the key is not given.
    pub(super) fn int(&self, key: &str) -> i64 {
        self.setting(key)
            .and_then(|setting| setting.value.as_i64())
            .unwrap_or(0)
    }

    /// An integer that is not negative, with the text that Consul has for its limits.
    pub(super) fn count(&mut self, key: &str) -> u32 {
        let value = self.int(key);
        u32::try_from(value).unwrap_or_else(|_| {
            let bound = if value < 0 {
                "greater than or equal to zero"
            } else {
                "smaller"
            };
            self.error(key, format!("{key} cannot be {value}. Must be {bound}"));
            0
        })
    }

    /// A bound on something; zero and below mean that there is none, which is zero here.
    pub(super) fn bound(&mut self, key: &str) -> u32 {
        if self.int(key) < 0 {
            0
        } else {
            self.count(key)
        }
    }

    /// A number of bytes or entries that is not negative.
    pub(super) fn size(&mut self, key: &str) -> u64 {
        let value = self.int(key);
        u64::try_from(value).unwrap_or_else(|_| {
            let message = format!("{key} cannot be {value}. Must be greater than or equal to zero");
            self.error(key, message);
            0
        })
    }

    pub(super) fn optional_float(&self, key: &str) -> Option<f64> {
        self.setting(key)?.value.as_f64()
    }

    pub(super) fn float(&self, key: &str) -> f64 {
        self.optional_float(key).unwrap_or(0.0)
    }

    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let items = self
            .setting(key)
            .and_then(|setting| setting.value.as_array());
        items
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn map(&self, key: &str) -> BTreeMap<String, String> {
        let object = self
            .setting(key)
            .and_then(|setting| setting.value.as_object());
        object
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// The value as it is, null if the key is not given.
    pub(super) fn json(&self, key: &str) -> Json {
        self.setting(key)
            .map_or(Json::Null, |setting| setting.value.clone())
    }

    pub(super) fn definitions(&self, key: &str) -> Vec<Sourced<Json>> {
        let Some(setting) = self.setting(key) else {
            return Vec::new();
        };
        let values = setting.value.as_array().into_iter().flatten();
        values
            .zip(&setting.items)
            .map(|(value, origin)| Sourced {
                value: value.clone(),
                origin: origin.clone(),
            })
            .collect()
    }

    /// The duration, zero if the key is not given.
    pub(super) fn duration(&mut self, key: &str) -> Duration {
        match self.optional_text(key) {
            Some(text) => self.parse_duration(key, key, &text),
            None => Duration::ZERO,
        }
    }

    /// A duration under a name of its own, such as `dns_config.service_ttl["web"]`.
    pub(super) fn parse_duration(&mut self, key: &str, name: &str, text: &str) -> Duration {
        match parse_go_duration(text).map(u64::try_from) {
            Ok(Ok(nanos)) => Duration::from_nanos(nanos),
            Ok(Err(_)) => {
                self.error(
                    key,
                    format!("{name}: duration cannot be negative: {text:?}"),
                );
                Duration::ZERO
            }
            Err(error) => {
                self.error(key, format!("{name}: invalid duration: {text:?}: {error}"));
                Duration::ZERO
            }
        }
    }

    /// A port; zero and below switch it off.
    pub(super) fn port(&mut self, key: &str) -> Option<u16> {
        let port = self.int(key);
        if port <= 0 {
            return None;
        }
        let valid = u16::try_from(port).ok();
        if valid.is_none() {
            self.error(key, format!("{key}: invalid port: {port}"));
        }
        valid
    }

    /// Networks in CIDR notation.
    pub(super) fn networks(&mut self, key: &str, name: &str) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in self.texts(key) {
            match text.trim().parse::<IpNet>() {
                Ok(network) => networks.push(network.trunc()),
                Err(_) => self.error(key, format!("{name}: invalid cidr: {text}")),
            }
        }
        networks
    }

    /// IP addresses; one that cannot be read is only warned about, as Consul does for names in
    /// certificates.
    pub(super) fn ips_or_warn(&mut self, key: &str) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for text in self.texts(key) {
            match text.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => self.warn(format!("Cannot parse ip {text:?} from {key}")),
            }
        }
        addresses
    }

    /// Addresses after expanding templates, separated by spaces. `None` if one of them is wrong.
    pub(super) fn addresses(&mut self, key: &str) -> Option<Vec<Address>> {
        let text = self.text(key);
        let expanded = match template::expand(&text, self.interfaces) {
            Ok(expanded) => expanded,
            Err(error) => {
                self.error(key, format!("{key}: error parsing {text:?}: {error}"));
                return None;
            }
        };
        let mut addresses = Vec::new();
        for word in expanded.split_whitespace() {
            if let Some(path) = word.strip_prefix("unix://") {
                addresses.push(Address::Unix(path.into()));
            } else if let Ok(ip) = word.trim_matches(['[', ']']).parse() {
                addresses.push(Address::Ip(ip));
            } else {
                self.error(key, format!("{key}: invalid ip address: {word}"));
                return None;
            }
        }
        Some(addresses)
    }

    /// IP addresses only.
    pub(super) fn ips(&mut self, key: &str) -> Option<Vec<IpAddr>> {
        let mut ips = Vec::new();
        for address in self.addresses(key)? {
            match address {
                Address::Ip(ip) => ips.push(ip),
                Address::Unix(_) => {
                    self.error(key, format!("{key} cannot be a unix socket"));
                    return None;
                }
            }
        }
        Some(ips)
    }

    /// At most one IP address.
    pub(super) fn ip(&mut self, key: &str) -> Option<IpAddr> {
        let ips = self.ips(key)?;
        if ips.len() > 1 {
            let list: Vec<_> = ips.iter().map(ToString::to_string).collect();
            self.error(
                key,
                format!("{key}: multiple addresses found: {}", list.join(" ")),
            );
            return None;
        }
        ips.first().copied()
    }

    /// Addresses, names or discovery strings; a template may give several.
    pub(super) fn peers(&mut self, key: &str) -> Vec<String> {
        let mut peers = Vec::new();
        for text in self.texts(key) {
            // Scripts say `-join="$JOIN"` with or without one.
            if text.is_empty() {
                continue;
            }
            match template::expand(&text, self.interfaces) {
                // A discovery string contains spaces and is one peer.
                Ok(expanded) if expanded == text => peers.push(text),
                Ok(expanded) => peers.extend(expanded.split_whitespace().map(str::to_owned)),
                Err(error) => {
                    self.error(key, format!("{key}: error parsing {text:?}: {error}"));
                }
            }
        }
        peers
    }
}
