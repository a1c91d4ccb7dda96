//! What is known of a job's nodes, from the names of their keys. Pure.

use std::collections::BTreeSet;

use crate::model::remote_exec::Note;

/// Something new of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It has taken the job.
    Acknowledged {
        /// The node.
        node: String,
    },
    /// There is a piece of output to be read.
    Output {
        /// The node.
        node: String,
        /// The key beneath the job's.
        key: String,
    },
    /// There is an exit code to be read.
    Exit {
        /// The node.
        node: String,
        /// The key beneath the job's.
        key: String,
    },
}

/// What is known so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    seen: BTreeSet<String>,
    acknowledged: usize,
    exited: usize,
    failed: bool,
}

impl Progress {
    /// What is new among the keys beneath the job's: who has taken it, then output, in order, then exit codes, which
    /// nodes write after their output.
    pub(crate) fn learn(&mut self, keys: Vec<String>) -> Vec<Step> {
        let mut steps: [Vec<Step>; 3] = Default::default();
        for key in keys {
            let Some(note) = Note::read(&key) else {
                continue;
            };
            if self.seen.contains(&key) {
                continue;
            }
            let (place, step) = match note {
                Note::Ack(node) => {
                    self.acknowledged += 1;
                    let node = node.to_owned();
                    (0, Step::Acknowledged { node })
                }
                Note::Output(node) => {
                    let (node, key) = (node.to_owned(), key.clone());
                    (1, Step::Output { node, key })
                }
                Note::Exit(node) => {
                    let (node, key) = (node.to_owned(), key.clone());
                    (2, Step::Exit { node, key })
                }
            };
            steps[place].push(step);
            self.seen.insert(key);
        }
        steps.concat()
    }

    /// Takes a node's exit code in; 0 is success.
    pub(crate) fn exited(&mut self, code: i64) {
        self.exited += 1;
        self.failed |= code != 0;
    }

    /// Whether nodes that have taken the job are still at it.
    pub(crate) fn is_running(&self) -> bool {
        self.acknowledged > self.exited
    }

    /// Whether a node failed, or did not end.
    pub(crate) fn is_bad(&self) -> bool {
        self.failed || self.is_running()
    }

    /// Consul's sum.
    pub(crate) fn summary(&self) -> String {
        let (exited, acknowledged) = (self.exited, self.acknowledged);
        format!("{exited} / {acknowledged} node(s) completed / acknowledged")
    }
}

/// Output behind a prefix on each of its lines; without white space at its end, as Consul prints it. Bytes that are
/// no text stay as they are.
pub(crate) fn in_lines(prefix: &str, output: &[u8]) -> Vec<u8> {
    let lines = output.split(|byte| *byte == b'\n');
    let lines: Vec<Vec<u8>> = lines
        .map(|line| [prefix.as_bytes(), line].concat())
        .collect();
    lines.join(&b'\n').trim_ascii_end().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn exit_codes_come_after_output_and_nothing_twice() {
        let mut progress = Progress::default();
        assert_eq!(progress.learn(keys(&["job"])), []);
        assert!(!progress.is_bad());
        let first = keys(&["job", "n1/ack", "n1/exit", "n1/out/00000", "n2/ack"]);
        let steps = progress.learn(first.clone());
        let node = || "n1".to_owned();
        assert_eq!(
            steps,
            [
                Step::Acknowledged { node: node() },
                Step::Acknowledged { node: "n2".into() },
                Step::Output {
                    node: node(),
                    key: "n1/out/00000".into()
                },
                Step::Exit {
                    node: node(),
                    key: "n1/exit".into()
                },
            ]
        );
        assert_eq!(progress.learn(first), []);
        progress.exited(0);
        assert!(progress.is_running() && progress.is_bad());
        let text = "1 / 2 node(s) completed / acknowledged";
        assert_eq!(progress.summary(), text);
        progress.exited(3);
        assert!(!progress.is_running() && progress.is_bad());
    }

    #[test]
    fn lines_are_prefixed_as_consul_does() {
        for (output, expected) in [
            (&b"out\n"[..], &b"    n: out\n    n:"[..]),
            (b"a\n\nb", b"    n: a\n    n: \n    n: b"),
            (b"\xff", b"    n: \xff"),
        ] {
            assert_eq!(in_lines("    n: ", output), expected);
        }
    }
}
