//! Sockets that the API listens on.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, UnixListener};

/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 1024;
/// How often a dead peer is looked for on a quiet connection.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// A connected stream of bytes: TCP, a unix socket, or either inside TLS.
pub trait ByteChannel: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteChannel for T {}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP client.
    Tcp(SocketAddr),
    /// A client of a unix socket; those have no address.
    Unix,
}

impl Peer {
    /// The address that limits count by.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("@"),
        }
    }
}

/// One accepted connection, or why accepting failed.
pub type Accepted = io::Result<(Box<dyn ByteChannel>, Peer)>;

/// A bound socket. A TLS listener wraps another one.
pub trait Listener: Send + Sync {
    /// Waits for the next connection.
    fn accept(&self) -> Pin<Box<dyn Future<Output = Accepted> + Send + '_>>;

    /// Where clients connect: `127.0.0.1:8500`, `/var/run/consul.sock`.
    fn address(&self) -> String;

    /// The bound TCP address, which tells the port when 0 was asked for.
    fn tcp_address(&self) -> Option<SocketAddr>;
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindAddress {
    /// A TCP address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A unix socket at this path (`unix:///path` in `addresses.http`).
    Unix(PathBuf),
}

/// `unix_sockets`: who may use the sockets. Empty fields leave what the system gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnixSocketSettings {
    /// User name or number.
    pub user: String,
    /// Group number.
    pub group: String,
    /// Permissions, octal: `0770`.
    pub mode: String,
}

/// Why a listener could not be opened; the text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The socket could not be bound.
    #[error("listen {network} {address}: {source}{}", hint(source))]
    Listen {
        /// `tcp` or `unix`.
        network: &'static str,
        /// What was asked for.
        address: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file that is no socket stands where the socket should be.
    #[error("listen unix {0}: a file that is no socket is there; move it away")]
    NotASocket(PathBuf),
    /// `unix_sockets.user`, `.group` or `.mode` cannot be applied.
    #[error("invalid unix_sockets {field} {value:?} for {path}: {reason}")]
    Permissions {
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// The socket.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            " (another process listens there: stop it, or choose another port with -http-port)"
        }
        io::ErrorKind::AddrNotAvailable => {
            " (this machine has no such address: check -client and addresses.http)"
        }
        io::ErrorKind::PermissionDenied => {
            " (not permitted: ports below 1024 and system folders need more rights)"
        }
        _ => "",
    }
}

/// Opens a listener. Must be called inside a tokio runtime.
///
/// # Errors
/// [`BindError`].
pub fn bind(
    address: &BindAddress,
    unix: &UnixSocketSettings,
) -> Result<Box<dyn Listener>, BindError> {
    match address {
        BindAddress::Tcp(address) => {
            let listener = bind_tcp(*address).map_err(|source| BindError::Listen {
                network: "tcp",
                address: address.to_string(),
                source,
            })?;
            Ok(Box::new(listener))
        }
        BindAddress::Unix(path) => Ok(Box::new(bind_unix(path, unix)?)),
    }
}

#[derive(Debug)]
struct Tcp(TcpListener);

impl Listener for Tcp {
    fn accept(&self) -> Pin<Box<dyn Future<Output = Accepted> + Send + '_>> {
        Box::pin(async {
            let (stream, peer) = self.0.accept().await?;
            // A connection that is gone already fails here; it will fail on its first read as well.
            let _ = stream.set_nodelay(true);
            let keepalive = TcpKeepalive::new()
                .with_time(TCP_KEEPALIVE)
                .with_interval(TCP_KEEPALIVE);
            let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
            Ok((Box::new(stream) as Box<dyn ByteChannel>, Peer::Tcp(peer)))
        })
    }

    fn address(&self) -> String {
        self.tcp_address()
            .map_or_else(String::new, |address| address.to_string())
    }

    fn tcp_address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<Tcp> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG).map(Tcp)
}

#[derive(Debug)]
struct Unix {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Unix {
    fn drop(&mut self) {
        // A socket file without a listener only confuses clients.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Listener for Unix {
    fn accept(&self) -> Pin<Box<dyn Future<Output = Accepted> + Send + '_>> {
        Box::pin(async {
            let (stream, _) = self.listener.accept().await?;
            Ok((Box::new(stream) as Box<dyn ByteChannel>, Peer::Unix))
        })
    }

    fn address(&self) -> String {
        self.path.display().to_string()
    }

    fn tcp_address(&self) -> Option<SocketAddr> {
        None
    }
}

fn bind_unix(path: &Path, settings: &UnixSocketSettings) -> Result<Unix, BindError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(BindError::NotASocket(path.to_owned()));
        }
        Ok(_) => {
            tracing::warn!(target: "agent", socket = %path.display(), "Replacing socket");
            // When this fails, so does the bind, with a better text.
            let _ = std::fs::remove_file(path);
        }
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(|source| BindError::Listen {
        network: "unix",
        address: path.display().to_string(),
        source,
    })?;
    let socket = Unix {
        listener,
        path: path.to_owned(),
    };
    set_permissions(path, settings)?;
    Ok(socket)
}

fn set_permissions(path: &Path, settings: &UnixSocketSettings) -> Result<(), BindError> {
    let failed = |field, value: &str, reason: String| BindError::Permissions {
        field,
        value: value.to_owned(),
        path: path.to_owned(),
        reason,
    };
    let user = match settings.user.as_str() {
        "" => None,
        user => Some(
            user_number(user)
                .ok_or_else(|| failed("user", user, "no such user in /etc/passwd".to_owned()))?,
        ),
    };
    let group = match settings.group.as_str() {
        "" => None,
        group => Some(
            group
                .parse::<u32>()
                .map_err(|_| failed("group", group, "must be the number of a group".to_owned()))?,
        ),
    };
    std::os::unix::fs::chown(path, user, group)
        .map_err(|err| failed("user", &settings.user, err.to_string()))?;
    if !settings.mode.is_empty() {
        let mode = u32::from_str_radix(&settings.mode, 8)
            .map_err(|_| failed("mode", &settings.mode, "must be octal".to_owned()))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(|err| failed("mode", &settings.mode, err.to_string()))?;
    }
    Ok(())
}

/// The number of a user: itself, or what `/etc/passwd` says.
fn user_number(user: &str) -> Option<u32> {
    if let Ok(number) = user.parse() {
        return Some(number);
    }
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(user)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_in_use_says_what_to_do() {
        let first = bind(
            &BindAddress::Tcp(([127, 0, 0, 1], 0).into()),
            &UnixSocketSettings::default(),
        )
        .unwrap();
        let taken = BindAddress::Tcp(first.tcp_address().unwrap());
        let Err(error) = bind(&taken, &UnixSocketSettings::default()) else {
            panic!("two listeners on one port");
        };
        let text = error.to_string();
        assert!(
            text.contains("listen tcp 127.0.0.1:") && text.contains("-http-port"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn unix_sockets_get_their_mode_and_replace_stale_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("http.sock");
        let settings = UnixSocketSettings {
            mode: "0640".to_owned(),
            ..UnixSocketSettings::default()
        };
        let address = BindAddress::Unix(path.clone());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = bind(&address, &settings).unwrap();
        assert_eq!(listener.address(), path.display().to_string());
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        drop(listener);
        assert!(!path.exists());

        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(
            bind(&address, &settings),
            Err(BindError::NotASocket(_))
        ));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn wrong_permissions_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let address = BindAddress::Unix(folder.path().join("s"));
        for (settings, field) in [
            (
                UnixSocketSettings {
                    mode: "9".to_owned(),
                    ..UnixSocketSettings::default()
                },
                "mode",
            ),
            (
                UnixSocketSettings {
                    user: "no-such-user".to_owned(),
                    ..UnixSocketSettings::default()
                },
                "user",
            ),
            (
                UnixSocketSettings {
                    group: "x".to_owned(),
                    ..UnixSocketSettings::default()
                },
                "group",
            ),
        ] {
            let Err(error) = bind(&address, &settings) else {
                panic!("accepted {settings:?}")
            };
            assert!(error.to_string().contains(field), "{error}");
        }
    }
}
