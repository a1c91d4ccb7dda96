//! A program on a terminal of its own, as a user has it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{Termios, tcgetattr};

/// What came from the program, and when it came last.
#[derive(Default)]
struct Screen {
    bytes: Vec<u8>,
    ended: bool,
}

/// The program and its terminal; killed when dropped.
pub(crate) struct Terminal {
    child: Child,
    keys: File,
    /// The terminal as the program has it: kept open, so that its modes can be read after the program's end.
    line: OwnedFd,
    screen: Arc<(Mutex<Screen>, Condvar)>,
}

impl Terminal {
    /// Starts a program in a session of its own, of which the terminal is the controlling one.
    pub(crate) fn start(program: &Command, columns: u16, rows: u16) -> std::io::Result<Self> {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(&size, None::<&Termios>)?;
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program.get_program());
        command.args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command
            .env("TERM", "xterm-256color")
            .stdin(Stdio::from(pair.slave.try_clone()?))
            .stdout(Stdio::from(pair.slave.try_clone()?))
            .stderr(Stdio::from(pair.slave.try_clone()?))
            .spawn()?;
        let keys = File::from(pair.master);
        let screen = Arc::<(Mutex<Screen>, Condvar)>::default();
        let (mut output, written) = (keys.try_clone()?, Arc::clone(&screen));
        thread::spawn(move || {
            let mut part = vec![0; 1 << 16];
            // Reading ends with an error when nobody has the terminal open any more.
            while let Ok(length @ 1..) = output.read(&mut part) {
                change(&written, |screen| {
                    screen.bytes.extend_from_slice(&part[..length]);
                });
            }
            change(&written, |screen| screen.ended = true);
        });
        Ok(Self {
            child,
            keys,
            line: pair.slave,
            screen,
        })
    }

    /// The program's process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .expect("the terminal takes keys");
    }

    /// The terminal's modes.
    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.line).expect("a terminal has modes")
    }

    /// Bytes that came so far.
    pub(crate) fn count(&self) -> usize {
        self.screen.0.lock().expect("no reader panics").bytes.len()
    }

    /// What came from a place on.
    pub(crate) fn since(&self, from: usize) -> String {
        let screen = self.screen.0.lock().expect("no reader panics");
        String::from_utf8_lossy(&screen.bytes[from..]).into_owned()
    }

    /// Waits until what came from a place on is as wanted, and tells how long that took.
    pub(crate) fn wait(
        &self,
        from: usize,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<Duration> {
        let began = Instant::now();
        let (screen, changed) = &*self.screen;
        let mut screen = screen.lock().expect("no reader panics");
        loop {
            if wanted(&String::from_utf8_lossy(&screen.bytes[from..])) {
                return Some(began.elapsed());
            }
            let left = limit.saturating_sub(began.elapsed());
            if left.is_zero() || screen.ended {
                return None;
            }
            screen = changed
                .wait_timeout(screen, left)
                .expect("no reader panics")
                .0;
        }
    }

    /// Waits for the program's end.
    pub(crate) fn end(&mut self, limit: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            thread::yield_now();
        }
        None
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn change(shared: &Arc<(Mutex<Screen>, Condvar)>, change: impl FnOnce(&mut Screen)) {
    change(&mut shared.0.lock().expect("no reader panics"));
    shared.1.notify_all();
}

/// What a screen shows after these bytes: letters at places, without any look. Knows what the dashboard writes.
pub(crate) fn picture(raw: &str) -> String {
    let mut rows: Vec<Vec<char>> = Vec::new();
    let (mut row, mut column) = (0, 0);
    let mut letters = raw.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => {
                if letters.next() != Some('[') {
                    continue;
                }
                let mut numbers = String::new();
                let last = letters.find(|letter| {
                    let ends = letter.is_ascii_alphabetic();
                    if !ends {
                        numbers.push(*letter);
                    }
                    ends
                });
                let mut places = numbers
                    .split(';')
                    .map(|text| text.parse().unwrap_or(1_usize));
                match (last, numbers.as_str()) {
                    (Some('H'), _) => {
                        row = places.next().unwrap_or(1).saturating_sub(1);
                        column = places.next().unwrap_or(1).saturating_sub(1);
                    }
                    (Some('J'), "2") | (Some('h' | 'l'), "?1049") => rows.clear(),
                    _ => {}
                }
            }
            '\r' => column = 0,
            '\n' => row += 1,
            letter => {
                if rows.len() <= row {
                    rows.resize(row + 1, Vec::new());
                }
                if rows[row].len() <= column {
                    rows[row].resize(column + 1, ' ');
                }
                rows[row][column] = letter;
                column += 1;
            }
        }
    }
    let rows: Vec<String> = rows.iter().map(|row| row.iter().collect()).collect();
    rows.join("\n")
}
