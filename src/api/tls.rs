//! Certificates of the client: which authorities are trusted, and our own identity.

use std::fs;
use std::path::Path;

use reqwest::{Certificate, ClientBuilder, Identity};

use super::error::ApiError;
use super::settings::Settings;

/// Puts the TLS settings into `builder`. Without TLS no certificate is loaded at all, which would
/// cost a command most of its time.
pub(super) fn configure(
    builder: ClientBuilder,
    settings: &Settings,
) -> Result<ClientBuilder, ApiError> {
    let mut roots = Vec::new();
    if let Some(file) = &settings.ca_file {
        roots.extend(certificates("CA File", file)?);
    }
    if let Some(folder) = &settings.ca_path {
        for file in files_of(folder)? {
            roots.extend(certificates("CA Path", &file)?);
        }
    }
    let own_roots = settings.ca_file.is_some() || settings.ca_path.is_some();
    let mut builder = if own_roots || !settings.address.is_tls() {
        builder.tls_certs_only(roots)
    } else {
        builder
    };
    match (&settings.client_cert, &settings.client_key) {
        (Some(cert), Some(key)) => {
            let mut pem = read("client certificate", cert)?;
            pem.push(b'\n');
            pem.extend(read("client key", key)?);
            let identity = Identity::from_pem(&pem).map_err(|source| ApiError::Tls {
                what: format!("client certificate {}", cert.display()),
                source,
            })?;
            builder = builder.identity(identity);
        }
        (None, None) => {}
        _ => {
            let text = "both client cert and client key must be provided";
            return Err(ApiError::TlsSettings(text.to_owned()));
        }
    }
    if !settings.verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    Ok(builder)
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, ApiError> {
    fs::read(path).map_err(|source| ApiError::CertificateFile {
        what,
        path: path.to_owned(),
        source,
    })
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<Certificate>, ApiError> {
    Certificate::from_pem_bundle(&read(what, path)?).map_err(|source| ApiError::Tls {
        what: format!("certificates of {}", path.display()),
        source,
    })
}

fn files_of(folder: &Path) -> Result<Vec<std::path::PathBuf>, ApiError> {
    let failed = |source| ApiError::CertificateFile {
        what: "CA Path",
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
