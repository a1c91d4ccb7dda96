//! Against a bus with a systemd that the test is itself.

use std::time::Duration;

use tokio::net::UnixListener;
use tokio_util::task::AbortOnDropHandle;

use super::dbus::tests::{reply, text_body, variant_body};
use super::*;

const RETURN: u8 = 2;
const ERROR: u8 = 3;
const SIGNAL: u8 = 4;

/// How the bus answers the third call, or the second where the unit cannot be loaded.
#[derive(Clone, Copy)]
enum Unit {
    State(&'static str),
    NotLoaded,
    Silent,
    Rejecting,
    Garbage,
}

struct FakeBus {
    address: String,
    _folder: tempfile::TempDir,
    server: AbortOnDropHandle<Vec<String>>,
}

impl FakeBus {
    fn start(unit: Unit) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        let listener = UnixListener::bind(&path).unwrap();
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            serve(BufStream::new(stream), unit).await
        });
        Self {
            address: format!("unix:abstract=x;unix:path={},guid=0", path.display()),
            _folder: folder,
            server: AbortOnDropHandle::new(task),
        }
    }
}

/// Speaks the bus's side; returns the bodies and headers it was sent, as readable text.
async fn serve(mut stream: BufStream<UnixStream>, unit: Unit) -> Vec<String> {
    let mut seen = Vec::new();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    seen.push(line.clone());
    if matches!(unit, Unit::Rejecting) {
        stream.write_all(b"REJECTED EXTERNAL\r\n").await.unwrap();
        stream.flush().await.unwrap();
        return seen;
    }
    stream.write_all(b"OK 0123\r\n").await.unwrap();
    stream.flush().await.unwrap();
    line.clear();
    stream.read_line(&mut line).await.unwrap();
    seen.push(line);
    for serial in 1..=3 {
        let mut message = vec![0; HEAD];
        if stream.read_exact(&mut message).await.is_err() {
            break;
        }
        let rest = dbus::rest_of(*message.first_chunk().unwrap()).unwrap();
        message.resize(HEAD + rest, 0);
        stream.read_exact(&mut message[HEAD..]).await.unwrap();
        seen.push(String::from_utf8_lossy(&message).replace('\0', " "));
        let noise = reply(SIGNAL, 0, "", "s", &text_body(":1.5"));
        stream.write_all(&noise).await.unwrap();
        let answer = match (serial, unit) {
            (1, _) => reply(RETURN, serial, "", "s", &text_body(":1.5")),
            (2, Unit::NotLoaded) => {
                let text = text_body("Unit name x is not valid.");
                reply(
                    ERROR,
                    serial,
                    "org.freedesktop.DBus.Error.InvalidArgs",
                    "s",
                    &text,
                )
            }
            (2, Unit::Garbage) => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            (2, _) => reply(RETURN, serial, "", "o", &text_body("/unit/web")),
            (_, Unit::State(state)) => reply(RETURN, serial, "", "v", &variant_body(state)),
            _ => std::future::pending().await,
        };
        stream.write_all(&answer).await.unwrap();
        stream.flush().await.unwrap();
    }
    seen
}

fn probe(timeout: Duration) -> OsServiceProbe {
    OsServiceProbe {
        service: "web".to_owned(),
        timeout,
    }
}

async fn check(unit: Unit) -> Outcome {
    let bus = FakeBus::start(unit);
    run_at(&bus.address, &probe(Duration::from_secs(30))).await
}

#[tokio::test]
async fn a_units_state_becomes_the_checks() {
    let healthy = Outcome::passing("Service \"web\" is healthy");
    assert_eq!(check(Unit::State("active")).await, healthy);
    assert_eq!(check(Unit::State("reloading")).await, healthy);
    let unhealthy = Outcome::critical("OS Service unhealthy");
    assert_eq!(check(Unit::State("inactive")).await, unhealthy);
    assert_eq!(check(Unit::State("failed")).await, unhealthy);
    let starts = Outcome::new(Status::Warning, "Service \"web\" is activating");
    assert_eq!(check(Unit::State("activating")).await, starts);
}

#[tokio::test]
async fn systemd_is_asked_for_the_unit() {
    let bus = FakeBus::start(Unit::State("active"));
    run_at(&bus.address, &probe(Duration::from_secs(30))).await;
    let seen = bus.server.await.unwrap();
    let user = rustix::process::geteuid().as_raw().to_string();
    assert_eq!(seen[0], greeting(&user));
    assert_eq!(greeting("1000"), "\0AUTH EXTERNAL 31303030\r\n");
    assert_eq!(seen[1], "BEGIN\r\n");
    assert!(seen[2].contains("Hello"), "{}", seen[2]);
    assert!(seen[3].contains("LoadUnit") && seen[3].ends_with("web.service "));
    assert!(seen[4].contains("/unit/web") && seen[4].ends_with("ActiveState "));
}

#[tokio::test]
async fn what_is_not_known_of_a_unit_warns() {
    let refused = "Unit name x is not valid. (org.freedesktop.DBus.Error.InvalidArgs)";
    let warning = |text: &str| Outcome::new(Status::Warning, text);
    assert_eq!(check(Unit::NotLoaded).await, warning(refused));
    let rejected = "cannot reach systemd: the bus refused us: REJECTED EXTERNAL";
    assert_eq!(check(Unit::Rejecting).await, warning(rejected));
    let garbage = "cannot reach systemd: the bus sent no D-Bus message";
    assert_eq!(check(Unit::Garbage).await, warning(garbage));
    let probe = probe(Duration::from_secs(30));
    let outcome = run_at("unix:path=/nonexistent/bus", &probe).await;
    let absent = "cannot reach systemd: dial unix /nonexistent/bus: connect: no such file or \
                  directory";
    assert_eq!(outcome, warning(absent));
    let outcome = run_at("tcp:host=x", &probe).await;
    assert!(
        outcome.output.contains("unix:path=PATH"),
        "{}",
        outcome.output
    );
}

#[tokio::test]
async fn a_bus_that_does_not_answer_meets_the_timeout() {
    let bus = FakeBus::start(Unit::Silent);
    let outcome = run_at(&bus.address, &probe(Duration::from_millis(200))).await;
    let text = "Timed out (200ms) running check";
    assert_eq!(outcome, Outcome::critical(text));
}

#[test]
fn a_name_without_a_suffix_is_a_services() {
    assert_eq!(unit_name("nginx"), "nginx.service");
    assert_eq!(unit_name("a.b"), "a.b.service");
    assert_eq!(unit_name("x.timer"), "x.timer");
}

const BUS_CONFIG: &str = r#"<busconfig>
  <listen>unix:path=PATH</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>"#;

/// A real bus, which has no systemd on it: it must understand all that comes before the answer.
#[tokio::test]
async fn a_real_bus_understands_us() {
    let folder = tempfile::tempdir().unwrap();
    let (config, socket) = (folder.path().join("conf"), folder.path().join("bus"));
    let text = BUS_CONFIG.replace("PATH", &socket.display().to_string());
    std::fs::write(&config, text).unwrap();
    let daemon = tokio::process::Command::new("dbus-daemon")
        .arg(format!("--config-file={}", config.display()))
        .args(["--nofork", "--print-address"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(mut daemon) = daemon else {
        println!("skipped: dbus-daemon is not installed");
        return;
    };
    let mut lines = tokio::io::BufReader::new(daemon.stdout.take().unwrap()).lines();
    let address = lines.next_line().await.unwrap().expect("its address");
    let outcome = run_at(&address, &probe(Duration::from_secs(30))).await;
    assert_eq!(outcome.status, Status::Warning);
    let unknown = "(org.freedesktop.DBus.Error.ServiceUnknown)";
    assert!(outcome.output.ends_with(unknown), "{}", outcome.output);
}
