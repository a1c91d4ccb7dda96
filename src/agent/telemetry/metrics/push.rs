//! Pushing metrics: statsd and dogstatsd over UDP, statsite over TCP.
//!
//! What a second brought is sent at once: counters as their sum, gauges as their last value, samples one by
//! one. When there were more samples than are kept, their sampling rate says so.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use super::aggregate::as_f64;
use super::series::{Reading, Readings, Series};

/// Largest datagram, as in go-metrics: below the usual MTU.
const DATAGRAM_LIMIT: usize = 1400;
/// Longest wait for a TCP target.
const TCP_TIMEOUT: Duration = Duration::from_secs(1);

/// Addresses (`host:port`) that metrics are pushed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// `statsd_address`.
    pub statsd: Option<String>,
    /// `statsite_address`.
    pub statsite: Option<String>,
    /// `dogstatsd_addr`.
    pub dogstatsd: Option<String>,
    /// `dogstatsd_tags`, each `name:value`.
    pub dogstatsd_tags: Vec<String>,
}

impl Targets {
    /// Whether nothing is pushed.
    pub fn is_empty(&self) -> bool {
        self.statsd.is_none() && self.statsite.is_none() && self.dogstatsd.is_none()
    }
}

/// The line format of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Format {
    /// Label values are parts of the name.
    Statsd,
    /// Labels are tags, after the tags of the configuration. The host is no part of the name.
    Dogstatsd(Vec<String>),
}

/// One target and its connection.
#[derive(Debug)]
pub(super) struct Pusher {
    kind: &'static str,
    address: String,
    format: Format,
    link: Link,
    broken: bool,
}

#[derive(Debug)]
enum Link {
    Udp(Option<UdpSocket>),
    Tcp(Option<TcpStream>),
}

impl Pusher {
    /// A pusher for each target. They connect when they have something to send.
    pub(super) fn all(targets: Targets) -> Vec<Self> {
        let pusher = |kind, address, format, link| Self {
            kind,
            address,
            format,
            link,
            broken: false,
        };
        let Targets {
            statsd,
            statsite,
            dogstatsd,
            dogstatsd_tags,
        } = targets;
        let statsd = statsd.map(|at| pusher("statsd", at, Format::Statsd, Link::Udp(None)));
        let statsite = statsite.map(|at| pusher("statsite", at, Format::Statsd, Link::Tcp(None)));
        let format = Format::Dogstatsd(dogstatsd_tags);
        let dogstatsd = dogstatsd.map(|at| pusher("dogstatsd", at, format, Link::Udp(None)));
        [statsd, statsite, dogstatsd]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Sends a second's readings. A target that does not take them loses them; that is said once.
    pub(super) fn push(&mut self, readings: &Readings) {
        let lines = lines(readings, &self.format);
        if lines.is_empty() {
            return;
        }
        let sent = match &mut self.link {
            Link::Udp(socket) => send_datagrams(socket, &self.address, &lines),
            Link::Tcp(stream) => send_stream(stream, &self.address, &lines),
        };
        match sent {
            Ok(()) => self.broken = false,
            Err(error) if !self.broken => {
                self.broken = true;
                tracing::warn!(
                    target: "agent.telemetry", sink = self.kind, address = self.address, %error,
                    "cannot push metrics"
                );
            }
            Err(_) => {}
        }
    }
}

fn resolve(address: &str) -> io::Result<SocketAddr> {
    address
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn send_datagrams(link: &mut Option<UdpSocket>, address: &str, lines: &[String]) -> io::Result<()> {
    let socket = if let Some(socket) = link {
        socket
    } else {
        let target = resolve(address)?;
        let local: SocketAddr = match target {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(local)?;
        socket.connect(target)?;
        link.insert(socket)
    };
    for datagram in datagrams(lines) {
        match socket.send(datagram.as_bytes()) {
            Ok(_) => {}
            // Nobody listens there now: an answer to an earlier datagram, not a fault of the socket.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => {
                *link = None;
                return Err(error);
            }
        }
    }
    Ok(())
}

fn send_stream(link: &mut Option<TcpStream>, address: &str, lines: &[String]) -> io::Result<()> {
    let stream = if let Some(stream) = link {
        stream
    } else {
        let stream = TcpStream::connect_timeout(&resolve(address)?, TCP_TIMEOUT)?;
        stream.set_write_timeout(Some(TCP_TIMEOUT))?;
        link.insert(stream)
    };
    let sent = stream.write_all(lines.concat().as_bytes());
    if sent.is_err() {
        *link = None;
    }
    sent
}

/// Packs whole lines into datagrams. A line that is too long for one is left out.
fn datagrams(lines: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in lines.iter().filter(|line| line.len() <= DATAGRAM_LIMIT) {
        match all.last_mut() {
            Some(last) if last.len() + line.len() <= DATAGRAM_LIMIT => last.push_str(line),
            _ => all.push(line.clone()),
        }
    }
    all
}

/// One line for each value, line breaks included.
fn lines(readings: &Readings, format: &Format) -> Vec<String> {
    let mut lines = Vec::new();
    for (series, reading) in readings {
        let (name, tags) = name_and_tags(series, format);
        let mut add = |value: f64, kind: &str, rate: &str| {
            lines.push(format!("{name}:{value:.6}|{kind}{rate}{tags}\n"));
        };
        match reading {
            Reading::Gauge(value) => add(f64::from(*value), "g", ""),
            Reading::Counter(all) => add(all.sum, "c", ""),
            Reading::Sample(all, recent) => {
                let kept = recent.len() as u64;
                let rate = if kept < all.count {
                    format!("|@{:.6}", as_f64(kept) / as_f64(all.count))
                } else {
                    String::new()
                };
                for value in recent {
                    add(f64::from(*value), "ms", &rate);
                }
            }
        }
    }
    lines
}

fn name_and_tags(series: &Series, format: &Format) -> (String, String) {
    // A colon ends the name on the wire, so it cannot be part of it.
    let clean = |text: &str| text.replace([':', ' ', '|', '\n'], "_");
    match format {
        Format::Statsd => {
            let mut name = clean(&series.name);
            for (_, value) in &series.labels {
                // Writing to a String cannot fail.
                let _ = write!(name, ".{}", clean(value));
            }
            (name, String::new())
        }
        Format::Dogstatsd(configured) => {
            let labels = series
                .labels
                .iter()
                .map(|(key, value)| format!("{key}:{value}"));
            let tags: Vec<String> = configured.iter().cloned().chain(labels).collect();
            let tags = if tags.is_empty() {
                String::new()
            } else {
                format!("|#{}", tags.join(","))
            };
            (clean(&series.bare_name), tags.replace('\n', "_"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;
    use std::sync::Arc;

    use super::super::aggregate::Aggregate;
    use super::*;

    fn readings() -> Readings {
        let series = |name: &str, bare: &str, labels: &[(&str, &str)]| {
            Arc::new(Series {
                name: name.to_owned(),
                bare_name: bare.to_owned(),
                labels: labels
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect(),
            })
        };
        let mut all = Aggregate::default();
        (0..4).for_each(|_| all.add(0.5));
        vec![
            (series("consul.vm.a", "consul.a", &[]), Reading::Gauge(63.0)),
            (
                series("consul.e:x", "consul.e:x", &[("op", "up")]),
                Reading::Counter(Aggregate::of_ones(3)),
            ),
            (
                series("consul.t", "consul.t", &[]),
                Reading::Sample(all, vec![0.5]),
            ),
        ]
    }

    #[test]
    fn statsd_lines_are_go_metrics() {
        assert_eq!(
            lines(&readings(), &Format::Statsd).concat(),
            "consul.vm.a:63.000000|g\nconsul.e_x.up:3.000000|c\nconsul.t:0.500000|ms|@0.250000\n"
        );
    }

    #[test]
    fn dogstatsd_lines_have_tags_and_no_host() {
        assert_eq!(
            lines(&readings(), &Format::Dogstatsd(vec!["env:test".to_owned()])).concat(),
            "consul.a:63.000000|g|#env:test\nconsul.e_x:3.000000|c|#env:test,op:up\n\
             consul.t:0.500000|ms|@0.250000|#env:test\n"
        );
    }

    #[test]
    fn datagrams_are_bounded_and_whole() {
        let lines: Vec<String> = (0..500).map(|number| format!("a{number}:1|c\n")).collect();
        let packed = datagrams(&lines);
        assert!(
            packed.len() > 1
                && packed
                    .iter()
                    .all(|datagram| datagram.len() <= DATAGRAM_LIMIT)
        );
        assert_eq!(packed.concat(), lines.concat());
        assert!(datagrams(&["x".repeat(DATAGRAM_LIMIT + 1)]).is_empty());
    }

    #[test]
    fn a_datagram_arrives() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("binds");
        server
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("is set");
        let address = server.local_addr().expect("is bound").to_string();
        let targets = Targets {
            statsd: Some(address),
            ..Targets::default()
        };
        Pusher::all(targets)[0].push(&readings());
        let mut buffer = [0; 2048];
        let length = server.recv(&mut buffer).expect("a datagram came");
        assert!(buffer[..length].starts_with(b"consul.vm.a:63.000000|g\n"));
    }

    #[test]
    fn a_stream_is_opened_again_after_a_failure() {
        let server = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = server.local_addr().expect("is bound");
        drop(server);
        let targets = Targets {
            statsite: Some(address.to_string()),
            ..Targets::default()
        };
        let mut pusher = Pusher::all(targets).remove(0);
        pusher.push(&readings());
        assert!(pusher.broken);
        let server = TcpListener::bind(address).expect("binds again");
        pusher.push(&readings());
        assert!(!pusher.broken);
        drop(pusher);
        let mut text = String::new();
        server
            .accept()
            .expect("is connected")
            .0
            .read_to_string(&mut text)
            .expect("is read");
        assert!(text.ends_with("consul.t:0.500000|ms|@0.250000\n"), "{text}");
    }
}
