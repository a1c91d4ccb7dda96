//! From a check's registration to what is run: validation with Consul's texts. Pure.

mod probe;

use std::time::Duration;

use super::outcome::Thresholds;
use crate::model::check::CheckDefinition;

pub use probe::{
    DEFAULT_PROBE_TIMEOUT, DEFAULT_SCRIPT_TIMEOUT, DockerProbe, GrpcProbe, H2PingProbe, HttpProbe,
    OsServiceProbe, Probe, ScriptProbe, TcpProbe, TlsOptions, UdpProbe,
};

/// A valid check: what it does, how often, and how its results count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSpec {
    pub probe: Probe,
    /// Zero where nothing runs periodically.
    pub interval: Duration,
    pub thresholds: Thresholds,
    /// Bytes of output kept, where the check wants fewer than the agent's setting.
    pub output_max_size: Option<usize>,
    pub deregister_after: Option<Duration>,
}

impl CheckSpec {
    /// Bytes of output kept where the agent keeps `agents_limit`.
    pub fn output_limit(&self, agents_limit: usize) -> usize {
        self.output_max_size
            .map_or(agents_limit, |own| own.min(agents_limit))
    }
}

/// Why a registration is no check. Displayed, it is what Consul says behind `Invalid check: `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCheck {
    #[error("Interval and TTL cannot both be specified")]
    IntervalAndTtl,
    #[error("Interval must be > 0 for Script, HTTP, or TCP checks")]
    NoInterval,
    /// The text of the versions that know these types.
    #[error("Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks")]
    NoIntervalOfNewer,
    #[error("Interval cannot be set for Alias checks")]
    IntervalOfAlias,
    #[error("TTL must be not be set for Alias checks")]
    TtlOfAlias,
    #[error("TTL must be > 0 for TTL checks")]
    NoTtl,
    #[error("MaxOutputMaxSize must be positive")]
    NegativeOutputMaxSize,
    #[error("FailuresBeforeWarning can't be higher than FailuresBeforeCritical")]
    WarningAfterCritical,
    #[error("invalid HTTP method {0:?}")]
    Method(String),
}

/// The check's type as Consul shows it: the first of these that is set.
pub fn kind_of(definition: &CheckDefinition) -> &'static str {
    let periodic = definition.interval.0 > 0;
    let script = !definition.script_args.is_empty();
    let set = [
        (!definition.grpc.is_empty() && periodic, "grpc"),
        (!definition.http.is_empty() && periodic, "http"),
        (definition.ttl.0 > 0, "ttl"),
        (!definition.tcp.is_empty() && periodic, "tcp"),
        (!definition.udp.is_empty() && periodic, "udp"),
        (is_alias(definition), "alias"),
        (
            script && !definition.docker_container_id.is_empty(),
            "docker",
        ),
        (script, "script"),
        (!definition.h2ping.is_empty() && periodic, "h2ping"),
        (!definition.os_service.is_empty() && periodic, "os_service"),
    ];
    set.into_iter()
        .find_map(|(is_set, kind)| is_set.then_some(kind))
        .unwrap_or("")
}

/// Whether nothing was said at all: such a `Check` in a service registration is no check.
pub fn is_empty(definition: &CheckDefinition) -> bool {
    *definition == CheckDefinition::default()
}

fn is_alias(definition: &CheckDefinition) -> bool {
    !definition.alias_node.is_empty() || !definition.alias_service.is_empty()
}

fn is_periodic(definition: &CheckDefinition) -> bool {
    let texts = [
        &definition.http,
        &definition.tcp,
        &definition.udp,
        &definition.grpc,
        &definition.h2ping,
        &definition.os_service,
    ];
    !definition.script_args.is_empty() || texts.iter().any(|text| !text.is_empty())
}

/// Types that are younger than the oldest text are named in the newer one.
fn no_interval(definition: &CheckDefinition) -> InvalidCheck {
    let newer = [&definition.udp, &definition.h2ping, &definition.os_service];
    if newer.iter().any(|text| !text.is_empty()) {
        InvalidCheck::NoIntervalOfNewer
    } else {
        InvalidCheck::NoInterval
    }
}

/// Checks a registration in Consul's order.
///
/// # Errors
/// The first rule that is broken.
pub fn check_spec(definition: &CheckDefinition) -> Result<CheckSpec, InvalidCheck> {
    let (interval, ttl) = (definition.interval.0, definition.ttl.0);
    let (periodic, alias) = (is_periodic(definition), is_alias(definition));
    if interval > 0 && ttl > 0 {
        return Err(InvalidCheck::IntervalAndTtl);
    }
    if periodic && interval <= 0 {
        return Err(no_interval(definition));
    }
    if periodic && alias {
        return Err(InvalidCheck::IntervalOfAlias);
    }
    if alias && ttl > 0 {
        return Err(InvalidCheck::TtlOfAlias);
    }
    if !periodic && !alias && ttl <= 0 {
        return Err(InvalidCheck::NoTtl);
    }
    let Ok(output_max_size) = usize::try_from(definition.output_max_size) else {
        return Err(InvalidCheck::NegativeOutputMaxSize);
    };
    let thresholds = thresholds(definition);
    if thresholds.failures_before_warning > thresholds.failures_before_critical {
        return Err(InvalidCheck::WarningAfterCritical);
    }
    let deregister_after = definition.deregister_critical_service_after.as_std();
    Ok(CheckSpec {
        probe: probe::of(definition)?,
        interval: definition.interval.as_std(),
        thresholds,
        output_max_size: (output_max_size > 0).then_some(output_max_size),
        deregister_after: (!deregister_after.is_zero()).then_some(deregister_after),
    })
}

/// Negative counts act like zero, as they do in Consul.
fn thresholds(definition: &CheckDefinition) -> Thresholds {
    let count = |value: i64| u32::try_from(value.max(0)).unwrap_or(u32::MAX);
    Thresholds {
        success_before_passing: count(definition.success_before_passing),
        failures_before_warning: count(definition.failures_before_warning),
        failures_before_critical: count(definition.failures_before_critical),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::duration::GoDuration;

    fn definition(change: impl FnOnce(&mut CheckDefinition)) -> CheckDefinition {
        let mut definition = CheckDefinition::default();
        change(&mut definition);
        definition
    }

    fn refusal(change: impl FnOnce(&mut CheckDefinition)) -> String {
        check_spec(&definition(change))
            .expect_err("must be refused")
            .to_string()
    }

    #[test]
    fn broken_rules_are_named_as_consul_names_them() {
        let seconds = GoDuration::from_secs;
        let both = refusal(|d| (d.ttl, d.interval) = (seconds(1), seconds(5)));
        assert_eq!(both, "Interval and TTL cannot both be specified");
        let no_interval = "Interval must be > 0 for Script, HTTP, or TCP checks";
        assert_eq!(refusal(|d| d.http = "http://x".to_owned()), no_interval);
        assert_eq!(
            refusal(|d| d.script_args = vec!["true".to_owned()]),
            no_interval
        );
        assert_eq!(refusal(|_| ()), "TTL must be > 0 for TTL checks");
        assert_eq!(
            refusal(|d| d.ttl = seconds(-5)),
            "TTL must be > 0 for TTL checks"
        );
        let alias = refusal(|d| (d.alias_service, d.ttl) = ("a".to_owned(), seconds(5)));
        assert_eq!(alias, "TTL must be not be set for Alias checks");
        let size = refusal(|d| (d.output_max_size, d.ttl) = (-1, seconds(5)));
        assert_eq!(size, "MaxOutputMaxSize must be positive");
    }

    #[test]
    fn types_of_newer_versions_ask_for_an_interval_in_their_text() {
        let text = "Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks";
        assert_eq!(refusal(|d| d.udp = "x:1".to_owned()), text);
        assert_eq!(refusal(|d| d.h2ping = "x:1".to_owned()), text);
        assert_eq!(refusal(|d| d.os_service = "x".to_owned()), text);
        let older = "Interval must be > 0 for Script, HTTP, or TCP checks";
        assert_eq!(refusal(|d| d.grpc = "x:1".to_owned()), older);
    }

    #[test]
    fn combinations_that_cannot_be_are_refused() {
        let seconds = GoDuration::from_secs(5);
        let aliased = refusal(|d| {
            (d.udp, d.alias_service, d.interval) = ("x:1".to_owned(), "a".to_owned(), seconds);
        });
        assert_eq!(aliased, "Interval cannot be set for Alias checks");
        let both = refusal(|d| {
            (d.grpc, d.ttl, d.interval) = ("x:1".to_owned(), seconds, seconds);
        });
        assert_eq!(both, "Interval and TTL cannot both be specified");
        let nothing_to_run = refusal(|d| {
            (d.docker_container_id, d.interval) = ("abc".to_owned(), seconds);
        });
        assert_eq!(nothing_to_run, "TTL must be > 0 for TTL checks");
    }

    #[test]
    fn defaults_are_filled_in() {
        let spec = check_spec(&definition(|d| {
            d.http = "http://x".to_owned();
            d.interval = GoDuration::from_secs(10);
            d.failures_before_critical = -1;
        }))
        .unwrap();
        assert_eq!(spec.interval, Duration::from_secs(10));
        assert_eq!(spec.output_max_size, None);
        assert_eq!(spec.thresholds, Thresholds::default());
        assert_eq!(spec.deregister_after, None);
        let Probe::Http(http) = spec.probe else {
            panic!("not HTTP: {:?}", spec.probe)
        };
        assert_eq!(
            (http.method.as_str(), http.timeout),
            ("GET", DEFAULT_PROBE_TIMEOUT)
        );
        assert!(http.follow_redirects);
    }

    #[test]
    fn kinds_are_consuls() {
        let ttl = definition(|d| d.ttl = GoDuration::from_secs(1));
        assert_eq!(kind_of(&ttl), "ttl");
        let docker = definition(|d| {
            (d.docker_container_id, d.script_args) = ("abc".to_owned(), vec!["true".to_owned()]);
        });
        assert_eq!(kind_of(&docker), "docker");
        let alias = definition(|d| d.alias_node = "n".to_owned());
        assert_eq!(kind_of(&alias), "alias");
        assert!(is_empty(&CheckDefinition::default()) && !is_empty(&ttl));
    }
}
