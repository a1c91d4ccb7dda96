//! Against a rustls server with certificates of a test authority, valid from 2024 to 2123.

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const CA: &[u8] = include_bytes!("../testdata/ca.pem");
const SERVER: &[u8] = include_bytes!("../testdata/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("../testdata/server.key.pem");
const CLIENT: &[u8] = include_bytes!("../testdata/client.pem");
const CLIENT_KEY: &[u8] = include_bytes!("../testdata/client.key.pem");

/// A server for `foo.test` and `127.0.0.1`, which may ask for a certificate of the authority.
pub(in crate::agent::checks::runner) fn acceptor(alpn: &[&str], clients: bool) -> TlsAcceptor {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if clients {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(CA).unwrap())
            .unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        builder.with_client_cert_verifier(verifier.unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_slice(SERVER).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).unwrap();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// What an agent with the authority, and perhaps a certificate, lends.
pub(in crate::agent::checks::runner) fn lent(identity: bool) -> CheckTls {
    CheckTls::of_agent(&AgentTls {
        authorities: vec![CA.to_vec()],
        identity: identity.then(|| (CLIENT.to_vec(), CLIENT_KEY.to_vec())),
        server_name: String::new(),
    })
    .unwrap()
}

fn named(server_name: &str) -> TlsOptions {
    TlsOptions {
        server_name: server_name.to_owned(),
        skip_verify: false,
    }
}

async fn handshake(tls: &CheckTls, options: &TlsOptions, clients: bool) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor(&[], clients).accept(stream).await?;
        stream.shutdown().await
    });
    let stream = TcpStream::connect(&address).await.unwrap();
    let ours = tls.connect(stream, &address, options, &[]).await;
    // In TLS 1.3 a client's handshake ends before the server has judged its certificate.
    let theirs = serving.await.unwrap();
    ours?;
    theirs.map_err(|err| err.to_string())
}

#[tokio::test]
async fn the_authority_and_the_name_decide() {
    let tls = lent(false);
    assert_eq!(handshake(&tls, &named(""), false).await, Ok(()));
    assert_eq!(handshake(&tls, &named("foo.test"), false).await, Ok(()));
    let wrong = handshake(&tls, &named("bar.test"), false).await;
    let text = "x509: certificate is valid for foo.test, 127.0.0.1, not bar.test";
    assert_eq!(wrong, Err(text.to_owned()));
    let odd = handshake(&tls, &named("a b"), false).await;
    assert_eq!(odd, Err("tls: \"a b\" is no server name".to_owned()));
}

#[tokio::test]
async fn nothing_is_verified_when_told_so() {
    for server_name in ["", "bar.test", "a b"] {
        let options = TlsOptions {
            skip_verify: true,
            ..named(server_name)
        };
        let outcome = handshake(&CheckTls::default(), &options, false).await;
        assert_eq!(outcome, Ok(()), "{server_name:?}");
    }
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let other = AgentTls {
        authorities: vec![CLIENT.to_vec()],
        ..AgentTls::default()
    };
    let tls = CheckTls::of_agent(&other).unwrap();
    let text = "x509: certificate signed by unknown authority";
    assert_eq!(
        handshake(&tls, &named(""), false).await,
        Err(text.to_owned())
    );
}

#[tokio::test]
async fn the_agents_certificate_is_shown_and_its_name_expected() {
    assert_eq!(handshake(&lent(true), &named(""), true).await, Ok(()));
    assert!(handshake(&lent(false), &named(""), true).await.is_err());
    let agent = AgentTls {
        authorities: vec![CA.to_vec()],
        identity: None,
        server_name: "bar.test".to_owned(),
    };
    let tls = CheckTls::of_agent(&agent).unwrap();
    let refused = handshake(&tls, &named(""), false).await.unwrap_err();
    assert!(refused.ends_with("not bar.test"), "{refused}");
    assert_eq!(handshake(&tls, &named("foo.test"), false).await, Ok(()));
}

#[tokio::test]
async fn a_server_without_tls_is_told_in_gos_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        stream
    });
    let stream = TcpStream::connect(&address).await.unwrap();
    let failed = lent(false).connect(stream, &address, &named(""), &[]).await;
    let text = "tls: first record does not look like a TLS handshake";
    assert_eq!(failed.err(), Some(text.to_owned()));
    drop(serving.await.unwrap());
}

#[test]
fn texts_that_are_no_certificates_are_refused() {
    let broken = b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_vec();
    let agent = AgentTls {
        authorities: vec![broken],
        ..AgentTls::default()
    };
    let refused = CheckTls::of_agent(&agent).unwrap_err();
    assert!(matches!(refused, CheckTlsError::Authority(_)), "{refused}");
    let agent = AgentTls {
        identity: Some((CLIENT.to_vec(), b"no key".to_vec())),
        ..AgentTls::default()
    };
    let refused = CheckTls::of_agent(&agent).unwrap_err();
    assert!(matches!(refused, CheckTlsError::Key(_)), "{refused}");
    let agent = AgentTls {
        identity: Some((CLIENT.to_vec(), SERVER_KEY.to_vec())),
        ..AgentTls::default()
    };
    let refused = CheckTls::of_agent(&agent).unwrap_err();
    assert!(matches!(refused, CheckTlsError::Identity(_)), "{refused}");
}
