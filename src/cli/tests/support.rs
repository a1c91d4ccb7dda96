//! A recorded API on a port of its own, and a command line that writes into buffers.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Cursor, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use crate::cli::{Invocation, run_with};
use crate::output::Streams;

/// A request as the recorded API saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Method, path and query.
    pub(super) line: String,
    /// Header lines, names in lower case.
    pub(super) headers: Vec<String>,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// An answer for the requests whose line starts with the given text.
pub(super) struct Canned {
    start: &'static str,
    status: u16,
    headers: &'static str,
    body: Vec<u8>,
}

/// A 200 with a body.
pub(super) fn ok(start: &'static str, body: &str) -> Canned {
    status(start, 200, body)
}

/// Any status with a body.
pub(super) fn status(start: &'static str, status: u16, body: &str) -> Canned {
    Canned {
        start,
        status,
        headers: "X-Consul-Index: 32\r\n",
        body: body.as_bytes().to_vec(),
    }
}

/// A 200 with a body of any bytes.
pub(super) fn bytes(start: &'static str, body: Vec<u8>) -> Canned {
    Canned {
        body,
        ..ok(start, "")
    }
}

/// An answer with header lines of its own, each with its end.
pub(super) fn with_headers(canned: Canned, headers: &'static str) -> Canned {
    Canned { headers, ..canned }
}

/// A recorded API; its thread ends with the process.
pub(super) struct FakeApi {
    pub(super) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl FakeApi {
    pub(super) fn start(answers: Vec<Canned>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let record = Arc::clone(&seen);
        let answers = Arc::new(answers);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (record, answers) = (Arc::clone(&record), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream, &record, &answers));
            }
        });
        Self { address, seen }
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The lines of the requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

fn serve(stream: TcpStream, record: &Mutex<Vec<Seen>>, answers: &[Canned]) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(seen) = read_request(&mut reader) {
        let found = answers.iter().find(|one| seen.line.starts_with(one.start));
        record.lock().unwrap().push(seen);
        let (status, headers, body) = match found {
            Some(one) => (one.status, one.headers, one.body.as_slice()),
            None => (500, "", &b"no such recording"[..]),
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        if writer.write_all(head.as_bytes()).is_err() || writer.write_all(body).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut seen = Seen {
        line: line.trim_end().trim_end_matches(" HTTP/1.1").to_owned(),
        ..Seen::default()
    };
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end() {
            "" => break,
            text => {
                let (name, value) = text.split_once(':').unwrap();
                let name = name.to_ascii_lowercase();
                seen.headers.push(format!("{name}: {}", value.trim()));
            }
        }
    }
    if let Some(length) = header(&seen, "content-length") {
        seen.body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut seen.body).ok()?;
    } else if header(&seen, "transfer-encoding").as_deref() == Some("chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut part = vec![0; size + 2];
            reader.read_exact(&mut part).ok()?;
            if size == 0 {
                break;
            }
            seen.body.extend_from_slice(&part[..size]);
        }
    }
    Some(seen)
}

/// The value of a header.
pub(super) fn header(seen: &Seen, name: &str) -> Option<String> {
    let start = format!("{name}: ");
    let found = seen
        .headers
        .iter()
        .find_map(|line| line.strip_prefix(&start));
    found.map(str::to_owned)
}

/// A writer that others can look into.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A device without room.
struct Full;

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(28))
    }
}

/// What a command did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

impl Done {
    pub(super) fn success(out: &str) -> Self {
        Self {
            code: 0,
            out: out.to_owned(),
            err: String::new(),
        }
    }

    pub(super) fn failure(err: &str) -> Self {
        Self {
            code: 1,
            out: String::new(),
            err: err.to_owned(),
        }
    }
}

/// How a command is run.
#[derive(Default)]
pub(super) struct Setting {
    pub(super) variables: Vec<(String, String)>,
    pub(super) input: Vec<u8>,
    pub(super) terminal: bool,
    /// Whether input and talk are terminals, so that questions are asked.
    pub(super) asked: bool,
    /// Whether standard output has no room.
    pub(super) full: bool,
    /// Whether input is a terminal, whatever talk is.
    pub(super) typed: bool,
}

/// Runs a command without an agent.
pub(super) fn run(words: &[&str]) -> Done {
    run_in(words, Setting::default())
}

/// Runs a command against a recorded API.
pub(super) fn ask(api: &FakeApi, words: &[&str]) -> Done {
    let setting = Setting {
        variables: vec![("CONSUL_HTTP_ADDR".to_owned(), api.address.clone())],
        ..Setting::default()
    };
    run_in(words, setting)
}

/// Runs a command.
pub(super) fn run_in(words: &[&str], setting: Setting) -> Done {
    let (out, err) = (Buffer::default(), Buffer::default());
    let variables = setting.variables;
    let code = run_with(Invocation {
        words: words.iter().map(OsString::from).collect(),
        environment: Box::new(move |name| {
            let found = variables.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone())
        }),
        streams: Streams {
            input: Box::new(Cursor::new(setting.input)),
            out: if setting.full {
                Box::new(Full)
            } else {
                Box::new(out.clone())
            },
            err: Box::new(err.clone()),
            in_is_terminal: setting.asked || setting.typed,
            out_is_terminal: setting.terminal,
            err_is_terminal: setting.asked,
        },
    });
    Done {
        code,
        out: out.text(),
        err: err.text(),
    }
}
