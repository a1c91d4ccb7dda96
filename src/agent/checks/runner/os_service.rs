//! OS service checks: the state of a systemd unit, asked for over the system's D-Bus.

use std::fmt::Write as _;
use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::UnixStream;

use self::dbus::{Answer, Call, HEAD, Malformed};
use super::cause;
use crate::agent::checks::outcome::Outcome;
use crate::agent::checks::spec::OsServiceProbe;
use crate::model::check::Status;
use crate::model::duration::GoDuration;

mod dbus;

/// Where the system's bus is when the environment does not say.
const DEFAULT_BUS: &str = "unix:path=/run/dbus/system_bus_socket";
/// The longest line of the bus's greeting.
const GREETING_MAX: u64 = 4096;
/// Suffixes of systemd's unit names; a name without one is a service's.
const UNIT_SUFFIXES: [&str; 11] = [
    ".automount",
    ".device",
    ".mount",
    ".path",
    ".scope",
    ".service",
    ".slice",
    ".socket",
    ".swap",
    ".target",
    ".timer",
];

const BUS: &str = "org.freedesktop.DBus";
const SYSTEMD: &str = "org.freedesktop.systemd1";

/// Why a unit's state is not known.
#[derive(Debug, thiserror::Error)]
enum BusError {
    #[error("cannot reach systemd: D-Bus address {0:?} is not of the form unix:path=PATH")]
    Address(String),
    #[error("cannot reach systemd: dial unix {path}: {}", cause::of_dial(.source))]
    Dial { path: String, source: io::Error },
    #[error("cannot reach systemd: the bus refused us: {0}")]
    Unauthenticated(String),
    #[error("cannot reach systemd: {0}")]
    Broken(#[from] io::Error),
    #[error("cannot reach systemd: {0}")]
    Malformed(#[from] Malformed),
    #[error("{text} ({name})")]
    Refused { name: String, text: String },
}

pub(super) async fn run(probe: &OsServiceProbe) -> Outcome {
    let bus = std::env::var("DBUS_SYSTEM_BUS_ADDRESS").ok();
    let bus = bus.filter(|bus| !bus.is_empty());
    run_at(bus.as_deref().unwrap_or(DEFAULT_BUS), probe).await
}

async fn run_at(bus: &str, probe: &OsServiceProbe) -> Outcome {
    let unit = unit_name(&probe.service);
    match tokio::time::timeout(probe.timeout, active_state(bus, &unit)).await {
        Ok(Ok(state)) => outcome(&probe.service, &state),
        Ok(Err(err)) => Outcome::new(Status::Warning, err.to_string()),
        Err(_elapsed) => {
            let timeout = GoDuration::from(probe.timeout);
            Outcome::critical(format!("Timed out ({timeout}) running check"))
        }
    }
}

/// What systemd's `ActiveState` means for the check. A unit on its way up or down warns.
fn outcome(service: &str, state: &str) -> Outcome {
    match state {
        "active" | "reloading" | "refreshing" => {
            Outcome::passing(format!("Service {service:?} is healthy"))
        }
        "inactive" | "failed" => Outcome::critical("OS Service unhealthy"),
        other => Outcome::new(Status::Warning, format!("Service {service:?} is {other}")),
    }
}

fn unit_name(service: &str) -> String {
    if UNIT_SUFFIXES.iter().any(|suffix| service.ends_with(suffix)) {
        service.to_owned()
    } else {
        format!("{service}.service")
    }
}

/// The socket of the first address that is one.
fn socket_of(bus: &str) -> Result<&str, BusError> {
    let path = |address: &'_ str| -> Option<std::ops::Range<usize>> {
        let at = address
            .find("path=")
            .filter(|_| address.starts_with("unix:"))?
            + 5;
        let end = address[at..].find(',').map_or(address.len(), |n| at + n);
        Some(at..end)
    };
    bus.split(';')
        .find_map(|address| path(address).and_then(|range| address.get(range)))
        .filter(|path| !path.is_empty())
        .ok_or_else(|| BusError::Address(bus.to_owned()))
}

async fn active_state(bus: &str, unit: &str) -> Result<String, BusError> {
    let mut bus = Bus::connect(socket_of(bus)?).await?;
    let hello = Call {
        destination: BUS,
        path: "/org/freedesktop/DBus",
        interface: BUS,
        member: "Hello",
        arguments: &[],
    };
    bus.call(&hello).await?;
    let load = Call {
        destination: SYSTEMD,
        path: "/org/freedesktop/systemd1",
        interface: "org.freedesktop.systemd1.Manager",
        member: "LoadUnit",
        arguments: &[unit],
    };
    let path = bus.call(&load).await?;
    let state = Call {
        destination: SYSTEMD,
        path: &path,
        interface: "org.freedesktop.DBus.Properties",
        member: "Get",
        arguments: &["org.freedesktop.systemd1.Unit", "ActiveState"],
    };
    bus.call(&state).await
}

/// A connection to the bus, for one run.
struct Bus {
    stream: BufStream<UnixStream>,
    serial: u32,
}

impl Bus {
    /// Connects and shows who we are by our user's number, which the socket proves.
    async fn connect(path: &str) -> Result<Self, BusError> {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|source| BusError::Dial {
                path: path.to_owned(),
                source,
            })?;
        let mut stream = BufStream::new(stream);
        let user = rustix::process::geteuid().as_raw().to_string();
        let greeting = greeting(&user);
        stream.write_all(greeting.as_bytes()).await?;
        stream.flush().await?;
        let mut line = String::new();
        (&mut stream)
            .take(GREETING_MAX)
            .read_line(&mut line)
            .await?;
        if !line.starts_with("OK ") {
            return Err(BusError::Unauthenticated(line.trim_end().to_owned()));
        }
        stream.write_all(b"BEGIN\r\n").await?;
        Ok(Self { stream, serial: 0 })
    }

    /// Calls a method and waits for its answer; signals in between are passed over.
    async fn call(&mut self, call: &Call<'_>) -> Result<String, BusError> {
        self.serial += 1;
        self.stream.write_all(&call.encode(self.serial)).await?;
        self.stream.flush().await?;
        loop {
            let mut message = vec![0; HEAD];
            self.stream.read_exact(&mut message).await?;
            let head = message.first_chunk::<HEAD>().ok_or(Malformed::Head)?;
            let rest = dbus::rest_of(*head)?;
            message.resize(HEAD + rest, 0);
            self.stream.read_exact(&mut message[HEAD..]).await?;
            match dbus::answer(&message, self.serial)? {
                Some(Answer::Value(value)) => return Ok(value),
                Some(Answer::Refused { name, text }) => {
                    return Err(BusError::Refused { name, text });
                }
                None => {}
            }
        }
    }
}

/// What a connection begins with: a bus knows its users by their numbers, whose digits are written in hexadecimal.
fn greeting(user: &str) -> String {
    let mut greeting = "\0AUTH EXTERNAL ".to_owned();
    for digit in user.bytes() {
        // Writing to a string does not fail.
        let _ = write!(greeting, "{digit:02x}");
    }
    greeting + "\r\n"
}

#[cfg(test)]
mod tests;
