//! From a check's registration to what is run: validation with Consul's texts. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::outcome::Thresholds;
use crate::model::check::CheckDefinition;

/// Time limit of a script run without its own `timeout`.
pub const DEFAULT_SCRIPT_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit of an HTTP or TCP run without its own `timeout`.
pub const DEFAULT_PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// What one run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    Script(ScriptProbe),
    Http(HttpProbe),
    Tcp(TcpProbe),
    Ttl { ttl: Duration },
    Alias { node: String, service_id: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptProbe {
    /// Program and arguments; never empty.
    pub args: Vec<String>,
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpProbe {
    pub url: String,
    pub method: String,
    pub header: BTreeMap<String, Vec<String>>,
    pub body: String,
    pub timeout: Duration,
    pub follow_redirects: bool,
    pub tls_server_name: String,
    pub tls_skip_verify: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpProbe {
    /// `host:port`.
    pub address: String,
    pub timeout: Duration,
}

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

/// Why a registration is no check. Displayed, it is what Consul says behind `Invalid check: `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCheck {
    #[error("Interval and TTL cannot both be specified")]
    IntervalAndTtl,
    #[error("Interval must be > 0 for Script, HTTP, or TCP checks")]
    NoInterval,
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
    /// Refusing is honest: a check that is accepted must run.
    #[error("{0} checks are not available in this version of consulctl")]
    Unavailable(&'static str),
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

/// Checks a registration in Consul's order.
///
/// # Errors
/// The first rule that is broken, or the check type that this build does not run.
pub fn check_spec(definition: &CheckDefinition) -> Result<CheckSpec, InvalidCheck> {
    let (interval, ttl) = (definition.interval.0, definition.ttl.0);
    let (periodic, alias) = (is_periodic(definition), is_alias(definition));
    if interval > 0 && ttl > 0 {
        return Err(InvalidCheck::IntervalAndTtl);
    }
    if periodic && interval <= 0 {
        return Err(InvalidCheck::NoInterval);
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
        probe: probe(definition)?,
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

/// The method that is asked with: any token (RFC 9110, section 5.6.2), as in Go; nothing is GET.
fn http_method(method: &str) -> Result<String, InvalidCheck> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match method {
        "" => Ok("GET".to_owned()),
        method if method.bytes().all(is_token) => Ok(method.to_owned()),
        method => Err(InvalidCheck::Method(method.to_owned())),
    }
}

fn probe(definition: &CheckDefinition) -> Result<Probe, InvalidCheck> {
    let timeout = |default| {
        let set = definition.timeout.as_std();
        if set.is_zero() { default } else { set }
    };
    Ok(match kind_of(definition) {
        "ttl" => Probe::Ttl {
            ttl: definition.ttl.as_std(),
        },
        "http" => Probe::Http(HttpProbe {
            url: definition.http.clone(),
            method: http_method(&definition.method)?,
            header: definition.header.clone(),
            body: definition.body.clone(),
            timeout: timeout(DEFAULT_PROBE_TIMEOUT),
            follow_redirects: !definition.disable_redirects,
            tls_server_name: definition.tls_server_name.clone(),
            tls_skip_verify: definition.tls_skip_verify,
        }),
        "tcp" => Probe::Tcp(TcpProbe {
            address: definition.tcp.clone(),
            timeout: timeout(DEFAULT_PROBE_TIMEOUT),
        }),
        "script" => Probe::Script(ScriptProbe {
            args: definition.script_args.clone(),
            timeout: timeout(DEFAULT_SCRIPT_TIMEOUT),
        }),
        "alias" => Probe::Alias {
            node: definition.alias_node.clone(),
            service_id: definition.alias_service.clone(),
        },
        "grpc" => return Err(InvalidCheck::Unavailable("gRPC")),
        "docker" => return Err(InvalidCheck::Unavailable("Docker")),
        "udp" => return Err(InvalidCheck::Unavailable("UDP")),
        "h2ping" => return Err(InvalidCheck::Unavailable("H2PING")),
        "os_service" => return Err(InvalidCheck::Unavailable("OS service")),
        _ => return Err(InvalidCheck::NoTtl),
    })
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
    fn a_type_that_does_not_run_here_is_refused() {
        let interval = GoDuration::from_secs(10);
        let grpc = refusal(|d| (d.grpc, d.interval) = ("127.0.0.1:1".to_owned(), interval));
        assert_eq!(
            grpc,
            "gRPC checks are not available in this version of consulctl"
        );
        let docker = refusal(|d| {
            d.docker_container_id = "abc".to_owned();
            d.script_args = vec!["true".to_owned()];
            d.interval = interval;
        });
        assert_eq!(
            docker,
            "Docker checks are not available in this version of consulctl"
        );
        for set in [
            |d: &mut CheckDefinition| d.udp = "x".to_owned(),
            |d: &mut CheckDefinition| d.h2ping = "x".to_owned(),
            |d: &mut CheckDefinition| d.os_service = "x".to_owned(),
        ] {
            let text = refusal(|d| {
                set(d);
                d.interval = interval;
            });
            assert!(
                text.ends_with("are not available in this version of consulctl"),
                "{text}"
            );
        }
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
    fn an_http_method_is_a_token() {
        let with = |method: &str| {
            check_spec(&definition(|d| {
                d.http = "http://x".to_owned();
                d.interval = GoDuration::from_secs(10);
                d.method = method.to_owned();
            }))
        };
        for method in ["GET", "get", "M-SEARCH"] {
            let Ok(Probe::Http(http)) = with(method).map(|spec| spec.probe) else {
                panic!("{method} is refused")
            };
            assert_eq!(http.method, method);
        }
        for method in ["éX", "GET /", "A\r\nB", " "] {
            let refused = with(method).expect_err("no token");
            assert_eq!(refused, InvalidCheck::Method(method.to_owned()));
            assert_eq!(
                refused.to_string(),
                format!("invalid HTTP method {method:?}")
            );
        }
    }

    #[test]
    fn kinds_are_consuls() {
        let ttl = definition(|d| d.ttl = GoDuration::from_secs(1));
        assert_eq!(kind_of(&ttl), "ttl");
        let alias = definition(|d| d.alias_node = "n".to_owned());
        assert_eq!(kind_of(&alias), "alias");
        assert!(is_empty(&CheckDefinition::default()) && !is_empty(&ttl));
    }
}
