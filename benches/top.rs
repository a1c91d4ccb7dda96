//! What a large cluster costs the dashboard: 5000 nodes and 20 000 checks, told by an agent in this process.
//!
//! `consulctl top` runs on a terminal of its own. Measured are the time from a key to the frame that it causes, frames a
//! second and memory while checks change, and bytes written a second while nothing changes. The program fails when a
//! frame takes 50 ms, memory 100 MiB, when there are more than ten frames a second, or 2 KiB a second of silence.
//!
//! `cargo bench --bench top`; `CONSULCTL_BIN` names another build to measure.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what the program is for"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use terminal::Terminal;

#[path = "../tests/support/large_cluster.rs"]
mod large_cluster;
#[path = "../tests/support/terminal.rs"]
mod terminal;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const AGENT: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 82, 50), 8500);
/// States of the checks, in turn.
const TURNS: usize = 4;
/// How often the checks change while they do.
const CHANGES: Duration = Duration::from_millis(250);
/// How long is measured, both ways.
const MEASURED: Duration = Duration::from_secs(20);
/// Until everything was answered and drawn for the first time.
const SETTLING: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);
/// Keys whose frames are timed.
const KEYS: usize = 40;
/// The cursor is hidden once a frame.
const FRAME: &str = "\u{1b}[?25l";

const MAX_FRAME: Duration = Duration::from_millis(50);
const MAX_KIB: u64 = 100 << 10;
const MAX_FRAMES: f64 = 10.0;
const MAX_BYTES: f64 = 2048.0;

/// The agent's answers; the checks' index grows with every turn.
struct Agent {
    members: String,
    services: String,
    coordinates: String,
    health: String,
    checks: Vec<String>,
    turn: Mutex<usize>,
    turned: Condvar,
}

impl Agent {
    fn start() -> Result<Arc<Self>> {
        let agent = Arc::new(Self {
            members: large_cluster::members().to_string(),
            services: large_cluster::services().to_string(),
            coordinates: large_cluster::coordinates().to_string(),
            health: large_cluster::health().to_string(),
            checks: (0..TURNS)
                .map(|turn| large_cluster::checks(turn).to_string())
                .collect(),
            turn: Mutex::new(1),
            turned: Condvar::new(),
        });
        let listener = TcpListener::bind(AGENT)?;
        let serving = Arc::clone(&agent);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let agent = Arc::clone(&serving);
                // A connection ends when the dashboard closes it.
                thread::spawn(move || agent.serve(&stream));
            }
        });
        Ok(agent)
    }

    fn turn(&self) {
        *self.turn.lock().expect("no server panics") += 1;
        self.turned.notify_all();
    }

    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let (mut line, mut header) = (String::new(), String::new());
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            while reader.read_line(&mut header)? > 2 {
                header.clear();
            }
            let path = line.split(' ').nth(1).unwrap_or_default();
            let (status, index, body) = self.answer(path);
            let mut writer = stream;
            write!(
                writer,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 X-Consul-Index: {index}\r\nX-Consul-KnownLeader: true\r\nX-Consul-LastContact: 0\r\n\r\n",
                body.len()
            )?;
            writer.write_all(body.as_bytes())?;
        }
    }

    fn answer(&self, target: &str) -> (&'static str, usize, &str) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let waited = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("index="));
        let waited: usize = waited
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();

        let body: &str = match path {
            "/v1/health/state/any" => {
                let turn = self.turn.lock().expect("no server panics");
                let turn = self.turned.wait_while(turn, |turn| *turn <= waited);
                let turn = *turn.expect("no server panics");
                return ("200 OK", turn, &self.checks[turn % TURNS]);
            }
            "/v1/catalog/services" if waited > 0 => {
                thread::sleep(PATIENCE);
                &self.services
            }
            "/v1/catalog/services" => &self.services,
            "/v1/agent/members" => &self.members,
            "/v1/coordinate/nodes" => &self.coordinates,
            "/v1/operator/autopilot/health" => &self.health,
            "/v1/status/leader" => "\"10.1.0.0:8300\"",
            "/v1/agent/self" => {
                r#"{"Config": {"NodeName": "node-0000", "Datacenter": "dc1", "Version": "1.10.0", "Server": true}, "Stats": {}}"#
            }
            _ => return ("404 Not Found", 0, ""),
        };
        ("200 OK", 1, body)
    }
}

/// Times from keys to the frames that they cause, sorted. Keys come when no other frame was just drawn.
fn key_times(terminal: &mut Terminal) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for key in ["j", "k", ">", "R", "z", "z", "<", "G"]
        .iter()
        .cycle()
        .take(KEYS)
    {
        thread::sleep(Duration::from_millis(230));
        let from = terminal.count();
        let began = Instant::now();
        terminal.press(key);
        let seen = terminal.wait(from, PATIENCE, |screen| screen.contains(FRAME));
        seen.ok_or("no frame after a key")?;
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times)
}

/// Kilobytes of memory of a process: now, and at most so far.
fn resident_kib(process: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let of = |name: &str| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.unwrap_or_default().trim().trim_end_matches(" kB");
        Ok(number.parse()?)
    };
    Ok((of("VmRSS:")?, of("VmHWM:")?))
}

fn judged(what: &str, figure: &str, good: bool) -> bool {
    println!(
        "{what:<46} {figure:>12}   {}",
        if good { "ok" } else { "TOO MUCH" }
    );
    good
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of frames and bytes are small"
)]
fn measure() -> Result<bool> {
    let agent = Agent::start()?;
    let program = std::env::var("CONSULCTL_BIN")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_consulctl").to_owned());
    let mut command = Command::new(program);
    command.args(["top", &format!("-http-addr={}:{}", AGENT.0, AGENT.1)]);
    let mut terminal = Terminal::start(&command, 120, 40)?;
    terminal
        .wait(0, PATIENCE, |screen| {
            terminal::picture(screen).contains("CHECKS 19900")
        })
        .ok_or("no checks")?;
    thread::sleep(SETTLING);

    let from = terminal.count();
    thread::sleep(MEASURED);
    let bytes = (terminal.count() - from) as f64 / MEASURED.as_secs_f64();
    let mut good = judged(
        "bytes a second, nothing changes",
        &format!("{bytes:.0}"),
        bytes < MAX_BYTES,
    );

    for (view, key) in [("overview", "1"), ("members", "2"), ("checks", "4")] {
        terminal.press(key);
        thread::sleep(Duration::from_secs(2));
        let times = key_times(&mut terminal)?;
        let middle = times[times.len() / 2];
        let what = format!("from a key to its frame, {view}, median");
        good &= judged(&what, &format!("{middle:.1?}"), middle < MAX_FRAME);
        println!(
            "{:<46} {:>12}",
            "  the longest",
            format!("{:.1?}", times[times.len() - 1])
        );
    }

    let from = terminal.count();
    let began = Instant::now();
    while began.elapsed() < MEASURED {
        thread::sleep(CHANGES);
        agent.turn();
        terminal.press("j");
    }
    let frames = terminal.since(from).matches(FRAME).count() as f64 / began.elapsed().as_secs_f64();
    good &= judged(
        "frames a second, checks change",
        &format!("{frames:.1}"),
        frames <= MAX_FRAMES,
    );
    let (now, most) = resident_kib(terminal.id())?;
    good &= judged(
        "memory, checks change",
        &format!("{} MiB", now >> 10),
        now < MAX_KIB,
    );
    good &= judged("  the most", &format!("{} MiB", most >> 10), most < MAX_KIB);
    terminal.press("q");
    let ended = terminal
        .end(PATIENCE)
        .is_some_and(|status| status.success());
    println!("modes of the terminal: {:?}", terminal.modes().local_flags);
    Ok(good && ended)
}

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
