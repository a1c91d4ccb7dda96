//! Thresholds run by run: the test is the server, and answers when it has looked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::json;

use crate::support::{TestAgent, own_address};

/// Waits for the next run's request, of which there is never more than one.
fn next_run(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "it hung up");
    }
    stream.into_inner()
}

#[test]
fn each_run_counts_once() {
    let agent = TestAgent::dev(&[]);
    let listener = TcpListener::bind(SocketAddr::from((own_address(), 9000))).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let check = json!({"Name": "web", "ID": "web", "HTTP": url, "Interval": "1s",
        "Timeout": "30s", "SuccessBeforePassing": 2, "FailuresBeforeWarning": 2,
        "FailuresBeforeCritical": 4});
    agent.put("/v1/agent/check/register", &check.to_string());
    let mut run = next_run(&listener);
    // What is answered, and the status after that.
    for (answer, after) in [
        ("200 OK", "critical"),
        ("200 OK", "passing"),
        ("500 Bad", "passing"),
        ("500 Bad", "warning"),
        ("500 Bad", "warning"),
        ("500 Bad", "critical"),
        ("200 OK", "critical"),
        ("500 Bad", "critical"),
        ("200 OK", "critical"),
        ("429 Slow", "warning"),
        ("200 OK", "passing"),
    ] {
        let response = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
        run.write_all(response.as_bytes()).unwrap();
        // The next run begins once the last one's result is there.
        run = next_run(&listener);
        let checks = agent.json("/v1/agent/checks");
        assert_eq!(checks["web"]["Status"], json!(after), "after {answer}");
    }
}
