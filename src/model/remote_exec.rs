//! Remote execution: what `exec` and the agents leave for each other in the key/value store.
//!
//! Beneath `<prefix>/<session>/` stand `job`, and for each node that takes part `<node>/ack`,
//! `<node>/out/<number>` and `<node>/exit`. All are held by the session, so that they go with it.

use serde::{Deserialize, Serialize};

use super::go_path;
use super::kv::Blob;

/// The name of the event that calls agents to a job.
pub const EVENT: &str = "_rexec";
/// Where jobs are kept unless somebody says otherwise.
pub const PREFIX: &str = "_rexec";
/// The job's own key.
pub const JOB: &str = "job";
/// The key by which a node says that it has taken the job.
pub const ACK: &str = "ack";
/// The key of a node's exit code, in decimal.
pub const EXIT: &str = "exit";
/// What stands between a node and the number of a piece of output.
pub const OUT: &str = "out";

/// What an event carries: where the job is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Call {
    /// Where jobs are kept.
    pub prefix: String,
    /// The session that holds the job.
    pub session: String,
}

impl Call {
    /// The key of something in the job: its parts beneath `<prefix>/<session>`.
    pub fn key(&self, parts: &[&str]) -> String {
        let head = [self.prefix.as_str(), self.session.as_str()];
        go_path::join(&[&head, parts].concat())
    }

    /// The key of a node's piece of output; the names sort in the order of the pieces.
    pub fn output_key(&self, node: &str, number: u64) -> String {
        self.key(&[node, OUT, &format!("{number:05x}")])
    }
}

/// What to run: a line for the shell, a program with its arguments, or a script.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Job {
    /// A line for the shell; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// A program and its arguments, to run without a shell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The bytes of a script; empty for none.
    #[serde(skip_serializing_if = "is_empty")]
    pub script: Blob,
    /// After how many nanoseconds without output a sign of life is wanted.
    pub wait: i64,
}

fn is_empty(blob: &Blob) -> bool {
    blob.0.is_empty()
}

/// What a key beneath `<prefix>/<session>/` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note<'a> {
    /// A node has taken the job.
    Ack(&'a str),
    /// A node has left a piece of output; an empty one is a sign of life.
    Output(&'a str),
    /// A node has left its exit code.
    Exit(&'a str),
}

impl<'a> Note<'a> {
    /// Reads a key without its `<prefix>/<session>/`; `None` for the job itself and for strangers.
    pub fn read(tail: &'a str) -> Option<Self> {
        let (node, what) = tail.split_once('/')?;
        if node.is_empty() {
            return None;
        }
        match what.split_once('/') {
            None if what == ACK => Some(Self::Ack(node)),
            None if what == EXIT => Some(Self::Exit(node)),
            Some((OUT, number)) if !number.is_empty() => Some(Self::Output(node)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_read_as_consul_writes_them() {
        let job = Job {
            command: "a > b".to_owned(),
            wait: 2_000_000_000,
            ..Job::default()
        };
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(text, r#"{"Command":"a > b","Wait":2000000000}"#);
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
        let script = r#"{"Script":"ZWNobw==","Wait":5}"#;
        let job: Job = serde_json::from_str(script).unwrap();
        assert_eq!(job.script.0, b"echo"[..]);
        assert_eq!(serde_json::to_string(&job).unwrap(), script);
        let args = r#"{"Args":["echo","a"],"Wait":5}"#;
        let job: Job = serde_json::from_str(args).unwrap();
        assert_eq!(job.args, ["echo", "a"]);
        assert_eq!(serde_json::to_string(&job).unwrap(), args);
    }

    #[test]
    fn keys_stand_where_consul_looks() {
        let call = Call {
            prefix: "pp/".to_owned(),
            session: "s1".to_owned(),
        };
        assert_eq!(call.key(&[]), "pp/s1");
        assert_eq!(call.key(&[JOB]), "pp/s1/job");
        assert_eq!(call.key(&["n1", ACK]), "pp/s1/n1/ack");
        assert_eq!(call.output_key("n1", 17), "pp/s1/n1/out/00011");
        let bare = Call {
            prefix: String::new(),
            ..call
        };
        assert_eq!(bare.key(&[JOB]), "s1/job");
    }

    #[test]
    fn notes_are_told_apart() {
        assert_eq!(Note::read("n1/ack"), Some(Note::Ack("n1")));
        assert_eq!(Note::read("n1/exit"), Some(Note::Exit("n1")));
        assert_eq!(Note::read("n1/out/00000"), Some(Note::Output("n1")));
        for strange in ["job", "n1/out", "n1/out/", "/ack", "n1/x", "n1/ack/x", ""] {
            assert_eq!(Note::read(strange), None, "{strange}");
        }
    }
}
