//! What one run of a check does: the fields of every type, from its registration. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{InvalidCheck, kind_of};
use crate::model::check::CheckDefinition;

/// Time limit of a script, Docker or OS service run without its own `timeout`.
pub const DEFAULT_SCRIPT_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit of a run over the network without its own `timeout`.
pub const DEFAULT_PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// What one run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    Script(ScriptProbe),
    Http(HttpProbe),
    Tcp(TcpProbe),
    Udp(UdpProbe),
    Grpc(GrpcProbe),
    H2Ping(H2PingProbe),
    Docker(DockerProbe),
    OsService(OsServiceProbe),
    Ttl { ttl: Duration },
    Alias { node: String, service_id: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptProbe {
    /// Program and arguments; never empty.
    pub args: Vec<String>,
    pub timeout: Duration,
}

/// How a check over TLS looks at the server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsOptions {
    /// The name that the certificate must carry; empty: the host that is dialled.
    pub server_name: String,
    pub skip_verify: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpProbe {
    pub url: String,
    pub method: String,
    pub header: BTreeMap<String, Vec<String>>,
    pub body: String,
    pub timeout: Duration,
    pub follow_redirects: bool,
    /// For `https` URLs.
    pub tls: TlsOptions,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpProbe {
    /// `host:port`.
    pub address: String,
    /// `None`: the connection alone is enough.
    pub tls: Option<TlsOptions>,
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpProbe {
    /// `host:port`.
    pub address: String,
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcProbe {
    /// `host:port`.
    pub address: String,
    /// What stands behind the address's slash; empty: the server as a whole.
    pub service: String,
    /// `None`: in plain text.
    pub tls: Option<TlsOptions>,
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H2PingProbe {
    /// `host:port`.
    pub address: String,
    /// `None`: in plain text.
    pub tls: Option<TlsOptions>,
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerProbe {
    pub container_id: String,
    /// Program and arguments, run inside the container; never empty.
    pub args: Vec<String>,
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsServiceProbe {
    /// The unit's name.
    pub service: String,
    pub timeout: Duration,
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

/// The probe of a definition that is valid otherwise.
pub(super) fn of(definition: &CheckDefinition) -> Result<Probe, InvalidCheck> {
    let timeout = |default| {
        let set = definition.timeout.as_std();
        if set.is_zero() { default } else { set }
    };
    let tls = || TlsOptions {
        server_name: definition.tls_server_name.clone(),
        skip_verify: definition.tls_skip_verify,
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
            tls: tls(),
        }),
        "tcp" => Probe::Tcp(TcpProbe {
            address: definition.tcp.clone(),
            tls: definition.tcp_use_tls.then(tls),
            timeout: timeout(DEFAULT_PROBE_TIMEOUT),
        }),
        "udp" => Probe::Udp(UdpProbe {
            address: definition.udp.clone(),
            timeout: timeout(DEFAULT_PROBE_TIMEOUT),
        }),
        "grpc" => {
            let (address, service) = address_and_service(&definition.grpc);
            Probe::Grpc(GrpcProbe {
                address: address.to_owned(),
                service: service.to_owned(),
                tls: definition.grpc_use_tls.then(tls),
                timeout: timeout(DEFAULT_PROBE_TIMEOUT),
            })
        }
        "h2ping" => Probe::H2Ping(H2PingProbe {
            address: definition.h2ping.clone(),
            tls: definition.h2ping_use_tls.unwrap_or(true).then(tls),
            timeout: timeout(DEFAULT_PROBE_TIMEOUT),
        }),
        "script" => Probe::Script(ScriptProbe {
            args: definition.script_args.clone(),
            timeout: timeout(DEFAULT_SCRIPT_TIMEOUT),
        }),
        "docker" => Probe::Docker(DockerProbe {
            container_id: definition.docker_container_id.clone(),
            args: definition.script_args.clone(),
            timeout: timeout(DEFAULT_SCRIPT_TIMEOUT),
        }),
        "os_service" => Probe::OsService(OsServiceProbe {
            service: definition.os_service.clone(),
            timeout: timeout(DEFAULT_SCRIPT_TIMEOUT),
        }),
        "alias" => Probe::Alias {
            node: definition.alias_node.clone(),
            service_id: definition.alias_service.clone(),
        },
        _ => return Err(InvalidCheck::NoTtl),
    })
}

/// A gRPC check names a service behind the first slash, which may hold further ones.
fn address_and_service(target: &str) -> (&str, &str) {
    target.split_once('/').unwrap_or((target, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::checks::spec::check_spec;
    use crate::model::duration::GoDuration;

    fn probe(change: impl FnOnce(&mut CheckDefinition)) -> Probe {
        let mut definition = CheckDefinition {
            interval: GoDuration::from_secs(10),
            ..CheckDefinition::default()
        };
        change(&mut definition);
        check_spec(&definition).unwrap().probe
    }

    #[test]
    fn a_grpc_target_splits_at_its_first_slash() {
        for (target, address, service) in [
            ("h:1", "h:1", ""),
            ("h:1/a.B/c", "h:1", "a.B/c"),
            ("h:1/", "h:1", ""),
            ("/x", "", "x"),
        ] {
            let grpc = GrpcProbe {
                address: address.to_owned(),
                service: service.to_owned(),
                tls: None,
                timeout: DEFAULT_PROBE_TIMEOUT,
            };
            assert_eq!(probe(|d| d.grpc = target.to_owned()), Probe::Grpc(grpc));
        }
    }

    #[test]
    fn grpc_speaks_tls_when_asked_and_h2ping_unless_told_not_to() {
        let Probe::Grpc(grpc) = probe(|d| {
            (d.grpc, d.grpc_use_tls) = ("h:1".to_owned(), true);
            (d.tls_server_name, d.tls_skip_verify) = ("foo".to_owned(), true);
        }) else {
            panic!("not gRPC")
        };
        let options = TlsOptions {
            server_name: "foo".to_owned(),
            skip_verify: true,
        };
        assert_eq!(grpc.tls, Some(options));
        for (said, tls) in [(None, true), (Some(true), true), (Some(false), false)] {
            let Probe::H2Ping(ping) =
                probe(|d| (d.h2ping, d.h2ping_use_tls) = ("h:1".to_owned(), said))
            else {
                panic!("not H2PING")
            };
            assert_eq!(ping.tls.is_some(), tls, "{said:?}");
        }
    }

    #[test]
    fn the_other_types_take_their_fields() {
        let timeout = Duration::from_secs(3);
        let udp = probe(|d| (d.udp, d.timeout) = ("h:1".to_owned(), GoDuration::from_secs(3)));
        let address = "h:1".to_owned();
        assert_eq!(udp, Probe::Udp(UdpProbe { address, timeout }));
        let docker = probe(|d| {
            (d.docker_container_id, d.shell) = ("abc".to_owned(), "/bin/zsh".to_owned());
            d.script_args = vec!["true".to_owned()];
        });
        let expected = DockerProbe {
            container_id: "abc".to_owned(),
            args: vec!["true".to_owned()],
            timeout: DEFAULT_SCRIPT_TIMEOUT,
        };
        assert_eq!(docker, Probe::Docker(expected));
        let unit = OsServiceProbe {
            service: "nginx.service".to_owned(),
            timeout: DEFAULT_SCRIPT_TIMEOUT,
        };
        let os_service = probe(|d| d.os_service = "nginx.service".to_owned());
        assert_eq!(os_service, Probe::OsService(unit));
    }

    #[test]
    fn an_http_method_is_a_token() {
        let with = |method: &str| {
            check_spec(&CheckDefinition {
                http: "http://x".to_owned(),
                interval: GoDuration::from_secs(10),
                method: method.to_owned(),
                ..CheckDefinition::default()
            })
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
}
