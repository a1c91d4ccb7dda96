//! What sessions cost the leader, and how quickly a lock changes hands.
//!
//! 10 000 sessions are renewed every third of their time to live: told is the leader's share of a core, and how many
//! sessions were lost. Then two clients contend for one lock, each waiting for the other by a blocking query: told is
//! how long after a release the other one has it. The program fails when the renewals take more than a tenth of a core,
//! a session is lost, or half of the changes take 20 ms.
//!
//! `cargo bench --bench sessions`; `CONSULCTL_BIN` names another build, or another program, to measure.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what the program is for"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use support::{Agent, Result};

mod support;

const SESSIONS: u32 = 10_000;
/// The time to live that Consul's own lock library asks for.
const TTL: Duration = Duration::from_secs(15);
/// Clients that renew; each has a connection of its own.
const CLIENTS: u32 = 8;
/// How often every session is renewed while it is measured.
const ROUNDS: u32 = 6;
/// Of one core.
const MAX_SHARE: f64 = 0.10;
/// Changes of hands that are measured.
const CHANGES: usize = 200;
const MAX_CHANGE: Duration = Duration::from_millis(20);

const AGENT: Ipv4Addr = Ipv4Addr::new(127, 0, 69, 51);
const LOCK: &str = "/v1/kv/bench/lock";

/// A connection that is kept.
struct Client {
    stream: BufReader<TcpStream>,
}

struct Answer {
    status: u16,
    index: u64,
    body: Vec<u8>,
}

impl Client {
    fn connect() -> Result<Self> {
        let stream = TcpStream::connect((AGENT, 8500))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
        let (mut length, mut index) = (0, 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse()?;
                }
                Some((name, value)) if name.eq_ignore_ascii_case("x-consul-index") => {
                    index = value.parse()?;
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer {
            status,
            index,
            body,
        })
    }

    fn session(&mut self) -> Result<String> {
        let wanted = format!(
            r#"{{"TTL":"{}s","LockDelay":"0s","NodeChecks":[]}}"#,
            TTL.as_secs()
        );
        let answer = self.ask("PUT", "/v1/session/create", &wanted)?;
        let created: Value = serde_json::from_slice(&answer.body)?;
        Ok(created["ID"].as_str().ok_or("no session")?.to_owned())
    }

    fn put(&mut self, path: &str) -> Result<bool> {
        let answer = self.ask("PUT", path, "")?;
        if answer.status != 200 {
            return Err(String::from_utf8_lossy(&answer.body).into());
        }
        Ok(answer.body == b"true")
    }
}

/// Renews sessions, evenly over time, and returns how many are gone.
fn renew(sessions: &[String], began: Instant) -> Result<usize> {
    let mut client = Client::connect()?;
    let (period, count) = (TTL / 3, u32::try_from(sessions.len())?);
    let mut lost = 0;
    for round in 0..ROUNDS {
        for (session, at) in sessions.iter().zip(0..) {
            let due = began + period * round + period * at / count;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let answer = client.ask("PUT", &format!("/v1/session/renew/{session}"), "")?;
            lost += usize::from(answer.status != 200);
        }
    }
    Ok(lost)
}

/// One client's sessions.
fn create() -> Result<Vec<String>> {
    let mut client = Client::connect()?;
    (0..SESSIONS / CLIENTS).map(|_| client.session()).collect()
}

/// Whether the renewals keep within their bounds.
fn measure_renewals(agent: &Agent) -> Result<bool> {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| thread::spawn(|| create().map_err(|err| err.to_string())))
        .collect();
    let sessions = clients.into_iter().map(thread::JoinHandle::join);
    let sessions: Vec<Vec<String>> = sessions
        .map(|created| created.map_err(|_| "a client failed")?.map_err(Into::into))
        .collect::<Result<_>>()?;
    let (began, before) = (Instant::now(), agent.processor_time()?);
    let clients: Vec<_> = sessions
        .into_iter()
        .map(|own| thread::spawn(move || renew(&own, began).map_err(|err| err.to_string())))
        .collect();
    let mut lost = 0;
    for client in clients {
        lost += client.join().map_err(|_| "a client failed")??;
    }
    let took = began.elapsed().as_secs_f64();
    let share = (agent.processor_time()? - before) / took;
    let rate = f64::from(SESSIONS * ROUNDS) / took;
    println!("{SESSIONS} sessions of {TTL:?}, {rate:.0} renewals a second:");
    println!("  processor: {:.1} % of a core", share * 100.0);
    println!("  memory: {}", agent.memory()?);
    println!("  lost: {lost}");
    Ok(share <= MAX_SHARE && lost == 0)
}

/// Takes the lock as soon as it is free, tells when, and gives it back when it is told to.
fn contend(taken: &Sender<Instant>, give_back: &Receiver<()>) -> Result<()> {
    let mut client = Client::connect()?;
    let session = client.session()?;
    while !client.put(&format!("{LOCK}?acquire={session}"))? {
        let mut index = 0;
        loop {
            let answer = client.ask("GET", &format!("{LOCK}?index={index}&wait=60s"), "")?;
            index = answer.index;
            let found: Value = serde_json::from_slice(&answer.body)?;
            if found[0]["Session"].is_null() {
                break;
            }
        }
    }
    taken.send(Instant::now())?;
    give_back.recv()?;
    client.put(&format!("{LOCK}?release={session}"))?;
    Ok(())
}

/// Whether locks change hands quickly enough.
fn measure_changes() -> Result<bool> {
    let mut held: Option<Sender<()>> = None;
    let mut took = Vec::new();
    for _ in 0..=CHANGES {
        let (taken, is_taken) = channel();
        let (give_back, is_to_give_back) = channel();
        let client = move || contend(&taken, &is_to_give_back).map_err(|err| err.to_string());
        thread::spawn(client);
        if let Some(holder) = held.take() {
            // The other one has met a lock that is taken, and waits.
            thread::sleep(Duration::from_millis(20));
            let released = Instant::now();
            holder.send(())?;
            took.push(is_taken.recv()?.saturating_duration_since(released));
        } else {
            is_taken.recv()?;
        }
        held = Some(give_back);
    }
    took.sort_unstable();
    let at = |per_cent: usize| took[(took.len() - 1) * per_cent / 100];
    println!(
        "a lock changes hands within: {:?} (half), {:?} (99 of 100), {:?} (at most)",
        at(50),
        at(99),
        at(100)
    );
    Ok(at(50) < MAX_CHANGE)
}

fn run() -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let agent = Agent::start(&[
        "-server".to_owned(),
        "-bootstrap-expect=1".to_owned(),
        format!("-bind={AGENT}"),
        format!("-client={AGENT}"),
        format!("-data-dir={}", folder.path().display()),
        // As many connections from one address as there are clients here.
        "-hcl=limits { http_max_conns_per_client = 1000 }".to_owned(),
    ])?;
    let began = Instant::now();
    while !Client::connect().is_ok_and(|mut client| client.session().is_ok()) {
        if began.elapsed() > Duration::from_secs(30) {
            return Err("the agent does not start".into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let changes = measure_changes()?;
    let renewals = measure_renewals(&agent)?;
    Ok(changes && renewals)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("too much: at most a tenth of a core, no session lost, 20 ms");
            ExitCode::FAILURE
        }
        Err(err) => {
            println!("not measured: {err}");
            ExitCode::FAILURE
        }
    }
}
