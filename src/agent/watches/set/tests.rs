use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Answers what the test says, and tells each question's index.
struct Told {
    answers: watch::Receiver<Result<(u64, Value), String>>,
    asked: mpsc::UnboundedSender<u64>,
}

impl Source for Told {
    async fn ask(&self, asked: Asked<'_>) -> Result<(u64, Value), String> {
        let _ = self.asked.send(asked.index);
        let mut answers = self.answers.clone();
        let past = |answer: &Result<(u64, Value), String>| match answer {
            Ok((index, _)) => *index > asked.index,
            Err(_) => true,
        };
        let found = answers.wait_for(past).await.map(|found| found.clone());
        match found {
            Ok(found) => found,
            Err(_ended) => std::future::pending().await,
        }
    }
}

type Answers = watch::Sender<Result<(u64, Value), String>>;

fn watches() -> (Watches<Told>, Answers, mpsc::UnboundedReceiver<u64>) {
    let (sender, answers) = watch::channel(Ok((1, Value::Null)));
    let (asked, asking) = mpsc::unbounded_channel();
    (Watches::new(Told { answers, asked }), sender, asking)
}

fn definition(script: &str) -> WatchDefinition {
    let args = json!(["sh", "-c", script]);
    WatchDefinition::parse_at(0, json!({"type": "nodes", "args": args})).unwrap()
}

/// A pipe with a name: reading ends when all who wrote are gone.
fn fifo(folder: &Path, name: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

async fn read(path: &Path) -> String {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || std::fs::read_to_string(path));
    timeout(PATIENCE, reading).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn handlers_run_at_once_and_when_something_changed() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(folder.path(), "told");
    let script = format!("(echo $CONSUL_INDEX; cat) > {}", fifo.display());
    let (mut watches, answers, mut asking) = watches();
    watches.set([definition(&script)]).await;
    assert_eq!(read(&fifo).await, "1\nnull\n");
    drop(answers.send_replace(Ok((5, json!(["<a>"])))));
    assert_eq!(read(&fifo).await, "5\n[\"\\u003ca\\u003e\"]\n");
    // The same again is nothing new: the next run is that of index 7.
    drop(answers.send_replace(Ok((6, json!(["<a>"])))));
    let asked = async { while asking.recv().await.unwrap() != 6 {} };
    timeout(PATIENCE, asked).await.unwrap();
    drop(answers.send_replace(Ok((7, json!([])))));
    assert_eq!(read(&fifo).await, "7\n[]\n");
    watches.shutdown().await;
}

#[tokio::test]
async fn a_watch_that_stays_is_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (fifo(folder.path(), "one"), fifo(folder.path(), "two"));
    let handler = |fifo: &Path| definition(&format!("cat > {}", fifo.display()));
    let (mut watches, answers, mut asking) = watches();
    watches.set([handler(&one)]).await;
    assert_eq!(read(&one).await, "null\n");
    assert_eq!(asking.recv().await, Some(0));
    assert_eq!(asking.recv().await, Some(1));
    watches.set([handler(&two), handler(&one)]).await;
    assert_eq!(read(&two).await, "null\n");
    // Only the new one asked from the beginning.
    assert_eq!(asking.recv().await, Some(0));
    assert_eq!(asking.recv().await, Some(1));
    drop(answers.send_replace(Ok((2, json!([])))));
    assert_eq!(read(&one).await, "[]\n");
    assert_eq!(read(&two).await, "[]\n");
    watches.shutdown().await;
}

#[tokio::test]
async fn a_removed_watch_takes_its_handler_along() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = fifo(folder.path(), "alive");
    let (mut watches, _answers, mut asking) = watches();
    // The child of the script holds the pipe open until it is killed.
    let script = format!(
        "exec 3> {}; echo here >&3; sleep 600 & wait",
        fifo.display()
    );
    watches.set([definition(&script)]).await;
    assert_eq!(asking.recv().await, Some(0));
    let (started, has_started) = tokio::sync::oneshot::channel();
    let reading = tokio::task::spawn_blocking(move || {
        use std::io::{BufRead as _, Read as _};
        let mut pipe = std::io::BufReader::new(std::fs::File::open(fifo).unwrap());
        let mut line = String::new();
        pipe.read_line(&mut line).unwrap();
        started.send(line).unwrap();
        pipe.read_to_end(&mut Vec::new()).unwrap()
    });
    assert_eq!(
        timeout(PATIENCE, has_started).await.unwrap().unwrap(),
        "here\n"
    );
    watches.set([]).await;
    assert_eq!(timeout(PATIENCE, reading).await.unwrap().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_question_is_asked_again_later() {
    let (mut watches, answers, mut asking) = watches();
    drop(answers.send_replace(Err("no".to_owned())));
    let began = tokio::time::Instant::now();
    watches.set([definition("exit 0")]).await;
    for seconds in [0, 5, 25, 70] {
        assert_eq!(asking.recv().await, Some(0));
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
    watches.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn checks_in_a_state_that_there_is_not_are_not_asked_for() {
    let (mut watches, _answers, mut asking) = watches();
    let bogus = json!({"type": "checks", "state": "bogus", "args": ["true"]});
    watches
        .set([WatchDefinition::parse_at(0, bogus).unwrap()])
        .await;
    assert!(timeout(PATIENCE, asking.recv()).await.is_err());
    let critical = json!({"type": "checks", "state": "critical", "args": ["true"]});
    watches
        .set([WatchDefinition::parse_at(0, critical).unwrap()])
        .await;
    assert_eq!(timeout(PATIENCE, asking.recv()).await, Ok(Some(0)));
    watches.shutdown().await;
}
