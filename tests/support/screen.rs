//! A program in a terminal of its own: keys in, and what is on the screen.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::PATIENCE;

const WIDTH: usize = 120;
const HEIGHT: usize = 30;

/// The cells of a terminal, as far as full-screen programs of this house use one.
struct Cells {
    rows: Vec<Vec<char>>,
    cursor: (usize, usize),
    /// Bytes of a sequence or a letter that is not complete.
    rest: Vec<u8>,
    ended: bool,
}

impl Cells {
    fn new() -> Self {
        Self {
            rows: vec![vec![' '; WIDTH]; HEIGHT],
            cursor: (0, 0),
            rest: Vec::new(),
            ended: false,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let mut left = all.as_slice();
        while let Some(used) = self.step(left) {
            left = &left[used..];
        }
        self.rest = left.to_vec();
    }

    /// Takes one letter or sequence; `None` until it is complete.
    fn step(&mut self, bytes: &[u8]) -> Option<usize> {
        match *bytes.first()? {
            0x1b => {
                if *bytes.get(1)? != b'[' {
                    return Some(2);
                }
                let body = &bytes[2..];
                let end = body.iter().position(|it| (0x40..=0x7e).contains(it))?;
                self.sequence(&String::from_utf8_lossy(&body[..end]), body[end]);
                Some(end + 3)
            }
            b'\r' => {
                self.cursor.1 = 0;
                Some(1)
            }
            b'\n' => {
                self.cursor.0 += 1;
                Some(1)
            }
            byte if byte < b' ' => Some(1),
            byte => {
                let length = match byte {
                    0..0x80 => 1,
                    0x80..0xe0 => 2,
                    0xe0..0xf0 => 3,
                    _ => 4,
                };
                let text = String::from_utf8_lossy(bytes.get(..length)?);
                let (row, column) = self.cursor;
                let cell = self.rows.get_mut(row).and_then(|row| row.get_mut(column));
                if let (Some(cell), Some(letter)) = (cell, text.chars().next()) {
                    *cell = letter;
                }
                self.cursor.1 += 1;
                Some(length)
            }
        }
    }

    fn sequence(&mut self, parameters: &str, name: u8) {
        let mut numbers = parameters.split(';').map(str::parse::<usize>);
        let mut number = || numbers.next().and_then(Result::ok).unwrap_or(1).max(1);
        match name {
            b'H' => self.cursor = (number() - 1, number() - 1),
            b'C' => self.cursor.1 += number(),
            b'J' => self.rows = vec![vec![' '; WIDTH]; HEIGHT],
            _ => {}
        }
    }

    fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| row.iter().collect::<String>());
        rows.collect::<Vec<_>>().join("\n")
    }
}

/// The program; it ends when this is dropped.
pub(crate) struct Screen {
    child: Child,
    keys: ChildStdin,
    shared: Arc<(Mutex<Cells>, Condvar)>,
}

impl Screen {
    /// Runs a command in a terminal of 120 columns and 30 rows. `script` has to be installed.
    pub(crate) fn run(command: &Command) -> Self {
        let program = command.get_program().to_string_lossy().into_owned();
        let words = command.get_args().map(|word| word.to_string_lossy());
        let words: Vec<_> = words.collect();
        let line = format!(
            "stty rows {HEIGHT} cols {WIDTH}; exec {program} {}",
            words.join(" ")
        );
        let mut script = Command::new("script");
        script.args(["--quiet", "--command", &line, "/dev/null"]);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        let mut child = script
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let keys = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let shared = Arc::new((Mutex::new(Cells::new()), Condvar::new()));
        let writer = Arc::clone(&shared);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let read = output.read(&mut bytes).unwrap_or(0);
                let mut cells = writer.0.lock().unwrap();
                cells.take(&bytes[..read]);
                cells.ended = read == 0;
                writer.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            shared,
        }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen shows a text.
    pub(crate) fn shows(&self, text: &str) -> String {
        let (cells, changed) = &*self.shared;
        let deadline = Instant::now() + PATIENCE;
        let mut cells = cells.lock().unwrap();
        loop {
            let screen = cells.text();
            if screen.contains(text) {
                return screen;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !cells.ended, "no {text:?} on\n{screen}");
            cells = changed.wait_timeout(cells, left).unwrap().0;
        }
    }

    /// Waits until the program has ended.
    pub(crate) fn ends(&self) {
        let (cells, changed) = &*self.shared;
        let cells = cells.lock().unwrap();
        let (cells, _) = changed
            .wait_timeout_while(cells, PATIENCE, |cells| !cells.ended)
            .unwrap();
        assert!(cells.ended, "still running:\n{}", cells.text());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
