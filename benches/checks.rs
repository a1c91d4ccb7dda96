//! What thousands of checks cost one agent, and whether each one runs when it should.
//!
//! A `-dev` agent runs 5000 checks with an interval of 10 s against counterparts in this process,
//! which note when each check comes by. Told are the agent's share of a core, how many runs begin
//! in a second, and how much later than its interval a check comes back. The program fails when
//! the agent takes more than a tenth of a core or a check is late by more than its interval.
//!
//! `cargo bench --bench checks` measures TCP checks, then HTTP checks; `CONSULCTL_BIN` names
//! another build to measure.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what the program is for"
)]

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use support::{Agent, Result};

mod support;

const CHECKS: usize = 5000;
/// Services that share the checks' instances.
const SERVICES: usize = 500;
const INTERVAL: Duration = Duration::from_secs(10);
/// Time in which every check runs, is registered and settles, before anything is measured.
const SETTLING: Duration = Duration::from_secs(30);
/// How long is measured.
const MEASURED: Duration = Duration::from_secs(40);
/// Of one core.
const MAX_SHARE: f64 = 0.10;

const AGENT: Ipv4Addr = Ipv4Addr::new(127, 0, 69, 50);
const COUNTERPART: Ipv4Addr = Ipv4Addr::new(127, 0, 69, 100);
/// The port of the HTTP counterpart, and the first of the TCP counterpart's, one a check.
const HTTP_PORT: u16 = 19_000;
const FIRST_TCP_PORT: u16 = 20_000;
const REQUEST_MAX: usize = 4096;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/// A check came by, and when.
type Visit = (usize, Instant);

#[derive(Clone, Copy)]
enum Kind {
    Tcp,
    Http,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Http => "HTTP",
        }
    }

    fn definition(self, check: usize) -> Result<Value> {
        let id = format!("c{check}");
        Ok(match self {
            Self::Tcp => {
                let address = format!("{COUNTERPART}:{}", tcp_port(check)?);
                json!({"id": id, "tcp": address, "interval": "10s"})
            }
            Self::Http => {
                let url = format!("http://{COUNTERPART}:{HTTP_PORT}/{check}");
                json!({"id": id, "http": url, "interval": "10s"})
            }
        })
    }
}

fn tcp_port(check: usize) -> Result<u16> {
    Ok(FIRST_TCP_PORT + u16::try_from(check)?)
}

/// Notes visits until the program ends.
async fn counterparts(visits: Sender<Visit>, ready: Sender<()>) -> Result<()> {
    for check in 0..CHECKS {
        let listener = TcpListener::bind((COUNTERPART, tcp_port(check)?)).await?;
        let visits = visits.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                if visits.send((check, Instant::now())).is_err() {
                    return;
                }
            }
        });
    }
    let listener = TcpListener::bind((COUNTERPART, HTTP_PORT)).await?;
    ready.send(())?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, Instant::now(), visits.clone()));
    }
}

/// Answers one request, whose path is the check's number.
async fn serve(mut stream: TcpStream, came: Instant, visits: Sender<Visit>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && request.len() < REQUEST_MAX {
        match stream.read_buf(&mut request).await {
            Ok(count) if count > 0 => {}
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&request);
    let path = head.split(' ').nth(1).unwrap_or_default();
    if let Ok(check) = path.trim_start_matches('/').parse() {
        // Fails only at the end of the program.
        let _ = visits.send((check, came));
    }
    // The agent may have given up: then its next visit is late, which is seen.
    let _ = stream.write_all(ANSWER).await;
}

/// Starts an agent that runs these checks.
fn start(kind: Kind, folder: &Path) -> Result<Agent> {
    let services = (0..CHECKS).map(|check| {
        let definition = kind.definition(check)?;
        let name = format!("svc{}", check % SERVICES);
        Ok(json!({"name": name, "id": format!("i{check}"), "port": 80, "check": definition}))
    });
    let services: Vec<Value> = services.collect::<Result<_>>()?;
    let file = folder.join("checks.json");
    std::fs::write(&file, json!({"services": services}).to_string())?;
    Agent::start(&[
        "-dev".to_owned(),
        format!("-bind={AGENT}"),
        format!("-client={AGENT}"),
        format!("-config-file={}", file.display()),
    ])
}

/// Takes in visits for as long as `time`.
fn watch(visits: &Receiver<Visit>, time: Duration) -> Vec<Visit> {
    let end = Instant::now() + time;
    let mut seen = Vec::new();
    while let Ok(visit) = visits.recv_timeout(end.saturating_duration_since(Instant::now())) {
        seen.push(visit);
        if visit.1 >= end {
            break;
        }
    }
    seen
}

/// Visits in each second since `began`.
fn per_second(seen: &[Visit], began: Instant) -> Vec<usize> {
    let mut counts = Vec::new();
    for (_, at) in seen {
        let second = at.saturating_duration_since(began).as_secs();
        let second = usize::try_from(second).unwrap_or_default();
        if counts.len() <= second {
            counts.resize(second + 1, 0);
        }
        counts[second] += 1;
    }
    counts.truncate(usize::try_from(MEASURED.as_secs()).unwrap_or_default());
    counts
}

/// How much longer than the interval each check stayed away, in order; a check that was never
/// seen stayed away all the time.
fn lateness(seen: &[Visit], began: Instant) -> Vec<Duration> {
    let end = began + MEASURED;
    let mut last = vec![None; CHECKS];
    let mut late = Vec::new();
    for (check, at) in seen {
        if let Some(before) = last[*check].replace(*at) {
            late.push(
                at.saturating_duration_since(before)
                    .saturating_sub(INTERVAL),
            );
        }
    }
    for before in last {
        let away = end.saturating_duration_since(before.unwrap_or(began));
        late.push(away.saturating_sub(INTERVAL));
    }
    late.sort_unstable();
    late
}

/// Whether the agent kept within its bounds.
fn measure(kind: Kind, visits: &Receiver<Visit>) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let agent = start(kind, folder.path())?;
    watch(visits, SETTLING);
    let (began, before) = (Instant::now(), agent.processor_time()?);
    let seen = watch(visits, MEASURED);
    let share = (agent.processor_time()? - before) / began.elapsed().as_secs_f64();
    let counts = per_second(&seen, began);
    let late = lateness(&seen, began);
    let at = |per_mille: usize| late[(late.len() - 1) * per_mille / 1000];
    let (min, max) = (counts.iter().min(), counts.iter().max());
    println!("{CHECKS} {} checks every {INTERVAL:?}:", kind.name());
    println!("  processor: {:.1} % of a core", share * 100.0);
    println!("  memory: {}", agent.memory()?);
    println!(
        "  runs a second: {} to {}",
        min.copied().unwrap_or_default(),
        max.copied().unwrap_or_default()
    );
    println!(
        "  late by: {:?} (half), {:?} (99 of 100), {:?} (at most)",
        at(500),
        at(990),
        at(1000)
    );
    Ok(share <= MAX_SHARE && at(1000) <= INTERVAL)
}

fn run() -> Result<bool> {
    let (visit, visits) = channel();
    let (ready, is_ready) = channel();
    consulctl::agent::machine::raise_file_limit();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let end = match runtime {
            Ok(runtime) => runtime.block_on(counterparts(visit, ready)),
            Err(err) => Err(err.into()),
        };
        println!("the counterpart ended: {end:?}");
    });
    is_ready.recv()?;
    let tcp = measure(Kind::Tcp, &visits)?;
    let http = measure(Kind::Http, &visits)?;
    Ok(tcp && http)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("too much: at most a tenth of a core, and no check late by its interval");
            ExitCode::FAILURE
        }
        Err(err) => {
            println!("not measured: {err}");
            ExitCode::FAILURE
        }
    }
}
