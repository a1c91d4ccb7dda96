//! When a watch has something new.

use std::time::Duration;

use serde_json::Value;

use super::plan::Plan;

/// Wait before a failed query is tried again; it grows with the square of the failures.
const RETRY: Duration = Duration::from_secs(5);

/// Longest wait before a failed query is tried again.
const RETRY_MAX: Duration = Duration::from_mins(3);

/// What a watch has seen so far.
#[derive(Debug)]
pub struct Progress {
    plan: Plan,
    index: u64,
    shown: Option<Value>,
    failures: u32,
}

impl Progress {
    /// Nothing seen yet.
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            index: 0,
            shown: None,
            failures: 0,
        }
    }

    /// What is asked for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The index to wait beyond; 0 for an answer at once.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Takes an answer of the API, and gives what a handler is to be told, if that is new.
    pub fn answered(&mut self, index: u64, answer: Value) -> Option<&Value> {
        if self.index != 0 && index == self.index {
            // The time to wait was over.
            self.failures = 0;
            return None;
        }
        // Nobody may wait beyond 0: that would ask without pause.
        let index = index.max(1);
        let told = self.plan.told(answer, self.index);
        self.failures = 0;
        // An index that went back means that the servers were restored: begin anew.
        self.index = if self.plan.is_ordered() && index < self.index {
            0
        } else {
            index
        };
        if self.shown.as_ref() == Some(&told) {
            return None;
        }
        Some(self.shown.insert(told))
    }

    /// Takes a failure, and gives the time to wait before the next question.
    pub fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.index = 0;
        RETRY
            .saturating_mul(self.failures.saturating_mul(self.failures))
            .min(RETRY_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_new_is_told() {
        let mut progress = Progress::new(Plan::Services);
        assert_eq!(progress.index(), 0);
        assert_eq!(
            progress.answered(3, json!({"a": []})),
            Some(&json!({"a": []}))
        );
        assert_eq!(progress.index(), 3);
        assert_eq!(progress.answered(4, json!({"a": []})), None);
        assert_eq!(progress.index(), 4);
        assert!(progress.answered(5, json!({})).is_some());
        // The servers were restored.
        assert_eq!(progress.answered(2, json!({})), None);
        assert_eq!(progress.index(), 0);
        assert_eq!(progress.answered(0, json!({})), None);
        assert_eq!(progress.index(), 1);
    }

    #[test]
    fn an_unchanged_index_is_no_news() {
        let mut progress = Progress::new(Plan::Nodes);
        assert!(progress.answered(7, json!([])).is_some());
        // Whatever is in it: the time to wait was over.
        assert_eq!(progress.answered(7, json!(["a"])), None);
        assert_eq!(progress.answered(8, json!(["a"])), Some(&json!(["a"])));
    }

    #[test]
    fn failures_wait_longer_and_longer_and_tell_nothing_twice() {
        let mut progress = Progress::new(Plan::Nodes);
        assert!(progress.answered(7, json!([])).is_some());
        let waits: Vec<u64> = (0..7).map(|_| progress.failed().as_secs()).collect();
        assert_eq!(waits, [5, 20, 45, 80, 125, 180, 180]);
        assert_eq!(progress.index(), 0);
        assert_eq!(progress.answered(8, json!([])), None);
        assert_eq!(progress.failed().as_secs(), 5);
    }
}
