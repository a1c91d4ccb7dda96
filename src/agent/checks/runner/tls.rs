//! TLS of checks: the trust and the certificate that every runner over TLS uses.

mod files;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, RootCertStore,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use files::AgentTlsFiles;

use super::http::Clients;
use super::net::{bare_host, host_and_port};
use crate::agent::checks::spec::TlsOptions;

/// What the agent lends to its checks with `enable_agent_tls_for_checks`.
#[derive(Clone, Debug, Default)]
pub struct AgentTls {
    /// PEM texts of `ca_file` or `ca_path`; empty: the system's authorities are trusted.
    pub authorities: Vec<Vec<u8>>,
    /// PEM texts of `cert_file` and `key_file`.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// `server_name`, or the node's name: what servers must be called unless the check says.
    pub server_name: String,
}

/// Why the agent's certificates cannot be lent.
#[derive(Debug, thiserror::Error)]
pub enum CheckTlsError {
    #[error("cannot read {}: {source}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read a certificate authority: {0}")]
    Authority(#[source] rustls::pki_types::pem::Error),
    #[error("a certificate authority cannot be trusted: {0}")]
    Untrusted(#[source] rustls::Error),
    #[error("cannot read the certificate: {0}")]
    Certificate(#[source] rustls::pki_types::pem::Error),
    #[error("cannot read the private key: {0}")]
    Key(#[source] rustls::pki_types::pem::Error),
    #[error("certificate and private key do not work together: {0}")]
    Identity(#[source] rustls::Error),
}

/// The TLS of an agent's checks; clones share what is expensive. The default trusts the system's
/// authorities and shows no certificate.
#[derive(Clone, Debug, Default)]
pub struct CheckTls(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    roots: Option<Arc<RootCertStore>>,
    identity: Option<Arc<dyn ResolvesClientCert>>,
    server_name: String,
    /// Reading the system's authorities takes milliseconds: once is enough.
    verifier: OnceLock<Arc<dyn ServerCertVerifier>>,
    /// They hold certificates too, so they live here.
    clients: Clients,
}

impl CheckTls {
    /// # Errors
    /// What is wrong with which text.
    pub fn of_agent(agent: &AgentTls) -> Result<Self, CheckTlsError> {
        let mut roots = RootCertStore::empty();
        for text in &agent.authorities {
            for authority in CertificateDer::pem_slice_iter(text) {
                let authority = authority.map_err(CheckTlsError::Authority)?;
                roots.add(authority).map_err(CheckTlsError::Untrusted)?;
            }
        }
        let identity = match &agent.identity {
            Some((certificate, key)) => Some(identity(certificate, key)?),
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            roots: (!roots.is_empty()).then(|| Arc::new(roots)),
            identity,
            server_name: agent.server_name.clone(),
            ..Inner::default()
        })))
    }

    /// The name that the server's certificate must carry.
    pub(super) fn server_name<'a>(&'a self, options: &'a TlsOptions, host: &'a str) -> &'a str {
        [&options.server_name, &self.0.server_name]
            .into_iter()
            .find(|name| !name.is_empty())
            .map_or(host, String::as_str)
    }

    pub(super) fn clients(&self) -> &Clients {
        &self.0.clients
    }

    /// A configuration that offers the protocols `alpn`.
    pub(super) fn config(&self, skip_verify: bool, alpn: &[&str]) -> ClientConfig {
        let verifier = if skip_verify {
            Arc::new(Unverified { refusal: None })
        } else {
            self.verifier()
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has cipher suites for the default versions")
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.0.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity)),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
        config
    }

    fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        let verifier = self.0.verifier.get_or_init(|| match &self.0.roots {
            Some(roots) => {
                let roots = Arc::clone(roots);
                match WebPkiServerVerifier::builder_with_provider(roots, provider()).build() {
                    Ok(verifier) => verifier,
                    Err(err) => refuse(&err.to_string()),
                }
            }
            None => match rustls_platform_verifier::Verifier::new(provider()) {
                Ok(verifier) => Arc::new(verifier),
                Err(err) => refuse(&err.to_string()),
            },
        });
        Arc::clone(verifier)
    }

    /// Completes the handshake on a connection to `address`.
    ///
    /// # Errors
    /// What Go says.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        address: &str,
        options: &TlsOptions,
        alpn: &[&str],
    ) -> Result<TlsStream<TcpStream>, String> {
        let host = host_and_port(address).map_or(address, |(host, _)| host);
        let wanted = self.server_name(options, bare_host(host));
        let name = match ServerName::try_from(wanted.to_owned()) {
            Ok(name) => name,
            // Nobody compares it; an address is the name that is not sent.
            Err(_) if options.skip_verify => ServerName::from(std::net::Ipv4Addr::UNSPECIFIED),
            Err(_) => return Err(format!("tls: {wanted:?} is no server name")),
        };
        let config = self.config(options.skip_verify, alpn);
        let connector = TlsConnector::from(Arc::new(config));
        let opened = connector.connect(name, stream).await;
        opened.map_err(|err| handshake_error(&err))
    }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

fn identity(certificate: &[u8], key: &[u8]) -> Result<Arc<dyn ResolvesClientCert>, CheckTlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.map_err(CheckTlsError::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(CheckTlsError::Key)?;
    let certified = CertifiedKey::from_der(chain, key, &provider());
    let certified = certified.map_err(CheckTlsError::Identity)?;
    Ok(Arc::new(SingleCertAndKey::from(certified)))
}

/// Without authorities no server can be verified; checks in plain text go on.
fn refuse(cause: &str) -> Arc<dyn ServerCertVerifier> {
    let refusal = format!("x509: failed to load system roots and no roots provided ({cause})");
    Arc::new(Unverified {
        refusal: Some(refusal),
    })
}

/// Looks at no certificate. With `tls_skip_verify` any will do, as long as the server has its key.
#[derive(Debug)]
struct Unverified {
    /// `None`: every server is fine.
    refusal: Option<String>,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.refusal {
            None => Ok(ServerCertVerified::assertion()),
            Some(text) => Err(rustls::Error::General(text.clone())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn handshake_error(err: &io::Error) -> String {
    if let Some(text) = tls_error(err) {
        return text;
    }
    match err.kind() {
        io::ErrorKind::UnexpectedEof => "EOF".to_owned(),
        _ => super::cause::of_call("read", err),
    }
}

/// What Go says to a failure of TLS; `None` for any other error.
pub(super) fn tls_error(err: &io::Error) -> Option<String> {
    let err = err.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match err {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "tls: first record does not look like a TLS handshake".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("remote error: tls: {alert:?}"),
        rustls::Error::InvalidCertificate(cause) => format!("x509: {}", certificate_error(cause)),
        rustls::Error::General(text) => text.clone(),
        other => format!("tls: {other}"),
    })
}

fn certificate_error(cause: &CertificateError) -> String {
    match cause {
        CertificateError::UnknownIssuer => "certificate signed by unknown authority".to_owned(),
        // A self-signed authority as a server's certificate: it is signed by nobody we know.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "certificate signed by unknown authority".to_owned()
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "certificate has expired or is not yet valid".to_owned()
        }
        CertificateError::NotValidForName => "certificate is not valid for this name".to_owned(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => name_error(expected, presented),
        other => other.to_string(),
    }
}

fn name_error(expected: &ServerName<'_>, presented: &[String]) -> String {
    let expected = expected.to_str();
    // rustls shows a presented name as `DnsName("a")` or `IpAddress(1.2.3.4)`.
    let plain = |shown: &String| {
        let inner = shown.split_once('(').map_or(shown.as_str(), |(_, it)| it);
        inner.trim_end_matches(')').trim_matches('"').to_owned()
    };
    let names: Vec<_> = presented.iter().map(plain).collect();
    if names.is_empty() {
        format!("certificate is not valid for any names, but wanted to match {expected}")
    } else {
        format!(
            "certificate is valid for {}, not {expected}",
            names.join(", ")
        )
    }
}

#[cfg(test)]
pub(super) mod tests;
