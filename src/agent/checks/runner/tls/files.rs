//! The agent's certificates from their files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{AgentTls, CheckTls, CheckTlsError};

/// Bytes of one file that are read; bundles of every public authority have a quarter of it.
const MAX_FILE: u64 = 1024 * 1024;

/// Where the agent's TLS is; an empty path is one that is not set.
#[derive(Clone, Copy, Debug, Default)]
pub struct AgentTlsFiles<'a> {
    pub ca_file: &'a str,
    /// A folder of authorities; `ca_file` goes first.
    pub ca_path: &'a str,
    pub cert_file: &'a str,
    pub key_file: &'a str,
    /// See [`AgentTls::server_name`].
    pub server_name: &'a str,
}

impl CheckTls {
    /// Reads the files, blocking.
    ///
    /// # Errors
    /// What is wrong with which file or text.
    pub fn read(files: AgentTlsFiles<'_>) -> Result<Self, CheckTlsError> {
        let authorities = match (files.ca_file, files.ca_path) {
            ("", "") => Vec::new(),
            ("", folder) => read_folder(Path::new(folder))?,
            (file, _) => vec![read(Path::new(file))?],
        };
        let identity = match (files.cert_file, files.key_file) {
            ("", _) | (_, "") => None,
            (certificate, key) => Some((read(Path::new(certificate))?, read(Path::new(key))?)),
        };
        Self::of_agent(&AgentTls {
            authorities,
            identity,
            server_name: files.server_name.to_owned(),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CheckTlsError> {
    let failed = |source| CheckTlsError::File {
        path: path.to_owned(),
        source,
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_FILE + 1)
        .read_to_end(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > MAX_FILE {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}

fn read_folder(folder: &Path) -> Result<Vec<Vec<u8>>, CheckTlsError> {
    let failed = |source| CheckTlsError::File {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/agent/checks/runner/testdata/"
    );

    fn file(name: &str) -> String {
        format!("{DATA}{name}")
    }

    #[test]
    fn files_and_folders_are_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(file("ca.pem"), folder.path().join("a.pem")).unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        let (ca, certificate, key) = (file("ca.pem"), file("client.pem"), file("client.key.pem"));
        for (ca_file, ca_path) in [(ca.as_str(), ""), ("", folder.path().to_str().unwrap())] {
            let tls = CheckTls::read(AgentTlsFiles {
                ca_file,
                ca_path,
                cert_file: &certificate,
                key_file: &key,
                server_name: "n1",
            })
            .unwrap();
            assert_eq!(tls.0.roots.as_ref().map(|roots| roots.len()), Some(1));
            assert!(tls.0.identity.is_some());
            assert_eq!(tls.0.server_name, "n1");
        }
        let nothing = CheckTls::read(AgentTlsFiles::default()).unwrap();
        assert!(nothing.0.roots.is_none() && nothing.0.identity.is_none());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let missing = AgentTlsFiles {
            ca_file: "/nonexistent/ca.pem",
            ..AgentTlsFiles::default()
        };
        let text = CheckTls::read(missing).unwrap_err().to_string();
        assert!(
            text.starts_with("cannot read /nonexistent/ca.pem: "),
            "{text}"
        );
        let endless = AgentTlsFiles {
            ca_file: "/dev/zero",
            ..AgentTlsFiles::default()
        };
        let text = CheckTls::read(endless).unwrap_err().to_string();
        assert!(text.starts_with("cannot read /dev/zero: "), "{text}");
    }
}
