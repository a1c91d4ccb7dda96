//! From one run's result to the status others see: thresholds against flapping.

use crate::model::check::Status;

/// What one run of a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub status: Status,
    pub output: String,
}

impl Outcome {
    pub fn new(status: Status, output: impl Into<String>) -> Self {
        Self {
            status,
            output: output.into(),
        }
    }

    pub fn passing(output: impl Into<String>) -> Self {
        Self::new(Status::Passing, output)
    }

    pub fn critical(output: impl Into<String>) -> Self {
        Self::new(Status::Critical, output)
    }
}

/// How many equal results in a row a change of status takes; zero acts like one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    pub success_before_passing: u32,
    /// Zero: the same as `failures_before_critical`, that is, no warning on the way.
    pub failures_before_warning: u32,
    pub failures_before_critical: u32,
}

/// What a result means for the published status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Publish this status.
    Report(Status),
    /// Passed `count` of `needed` times: keep the old status.
    TooFewSuccesses { count: u32, needed: u32 },
    /// Failed `count` of `needed` times: keep the old status.
    TooFewFailures { count: u32, needed: u32 },
}

/// Counts results in a row. Consul's checks.StatusHandler: a warning counts as a success.
#[derive(Clone, Debug)]
pub struct FlapGuard {
    thresholds: Thresholds,
    successes: u32,
    failures: u32,
}

impl FlapGuard {
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            successes: 0,
            failures: 0,
        }
    }

    pub fn judge(&mut self, status: Status) -> Verdict {
        if status == Status::Critical {
            self.judge_failure()
        } else {
            self.judge_success(status)
        }
    }

    fn judge_success(&mut self, status: Status) -> Verdict {
        self.successes = self.successes.saturating_add(1);
        self.failures = 0;
        let needed = self.thresholds.success_before_passing;
        if self.successes >= needed {
            Verdict::Report(status)
        } else {
            Verdict::TooFewSuccesses {
                count: self.successes,
                needed,
            }
        }
    }

    fn judge_failure(&mut self) -> Verdict {
        self.failures = self.failures.saturating_add(1);
        self.successes = 0;
        let needed = self.thresholds.failures_before_critical;
        let warn_at = self.thresholds.failures_before_warning;
        if self.failures >= needed {
            Verdict::Report(Status::Critical)
        } else if warn_at > 0 && self.failures >= warn_at {
            Verdict::Report(Status::Warning)
        } else {
            Verdict::TooFewFailures {
                count: self.failures,
                needed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(success: u32, warning: u32, critical: u32) -> FlapGuard {
        FlapGuard::new(Thresholds {
            success_before_passing: success,
            failures_before_warning: warning,
            failures_before_critical: critical,
        })
    }

    #[test]
    fn without_thresholds_every_result_counts() {
        let mut guard = guard(0, 0, 0);
        for status in [
            Status::Critical,
            Status::Passing,
            Status::Warning,
            Status::Critical,
        ] {
            assert_eq!(guard.judge(status), Verdict::Report(status));
        }
    }

    #[test]
    fn passing_needs_its_successes_in_a_row() {
        let mut guard = guard(3, 0, 0);
        assert_eq!(
            guard.judge(Status::Passing),
            Verdict::TooFewSuccesses {
                count: 1,
                needed: 3
            }
        );
        assert_eq!(
            guard.judge(Status::Warning),
            Verdict::TooFewSuccesses {
                count: 2,
                needed: 3
            }
        );
        assert_eq!(
            guard.judge(Status::Critical),
            Verdict::Report(Status::Critical)
        );
        assert_eq!(
            guard.judge(Status::Passing),
            Verdict::TooFewSuccesses {
                count: 1,
                needed: 3
            }
        );
        assert_eq!(
            guard.judge(Status::Passing),
            Verdict::TooFewSuccesses {
                count: 2,
                needed: 3
            }
        );
        assert_eq!(
            guard.judge(Status::Passing),
            Verdict::Report(Status::Passing)
        );
        assert_eq!(
            guard.judge(Status::Warning),
            Verdict::Report(Status::Warning)
        );
    }

    #[test]
    fn failures_warn_first_when_asked_to() {
        let mut guard = guard(0, 2, 3);
        assert_eq!(
            guard.judge(Status::Critical),
            Verdict::TooFewFailures {
                count: 1,
                needed: 3
            }
        );
        assert_eq!(
            guard.judge(Status::Critical),
            Verdict::Report(Status::Warning)
        );
        assert_eq!(
            guard.judge(Status::Critical),
            Verdict::Report(Status::Critical)
        );
        assert_eq!(
            guard.judge(Status::Passing),
            Verdict::Report(Status::Passing)
        );
        assert_eq!(
            guard.judge(Status::Critical),
            Verdict::TooFewFailures {
                count: 1,
                needed: 3
            }
        );
    }
}
