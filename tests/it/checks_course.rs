//! The course that checks of every type run: passing, warning, critical and back, with thresholds.

use serde_json::{Value, json};

use crate::support::counterparts::{Counterpart, Health};
use crate::support::{TestAgent, until};

/// What decides a check's result.
pub(crate) enum Target {
    Counterpart(Counterpart),
    Other(Box<dyn Fn(Health)>),
}

/// A check, what it is aimed at, and what it says when it is passing, warning (unless the type
/// knows no warning) and critical.
pub(crate) struct Subject {
    /// The name of its service.
    pub(crate) name: &'static str,
    /// The definition, without interval and thresholds.
    pub(crate) check: Value,
    pub(crate) target: Target,
    pub(crate) passing: String,
    pub(crate) warning: Option<String>,
    pub(crate) critical: String,
}

impl Subject {
    fn turn(&self, health: Health) {
        match &self.target {
            Target::Counterpart(counterpart) => counterpart.turn(health),
            Target::Other(turn) => turn(health),
        }
    }

    fn register(&self, agent: &TestAgent) {
        let mut check = self.check.clone();
        check["Interval"] = json!("1s");
        check["SuccessBeforePassing"] = json!(2);
        check["FailuresBeforeWarning"] = json!(2);
        check["FailuresBeforeCritical"] = json!(3);
        let service = json!({"Name": self.name, "Check": check});
        agent.put("/v1/agent/service/register", &service.to_string());
    }

    /// Waits until the catalog says so.
    fn wait(&self, agent: &TestAgent, status: &str, output: &str) {
        let path = format!("/v1/health/checks/{}", self.name);
        agent.wait_json(&path, |found| {
            let check = &found[0];
            let said = check["Output"].as_str().unwrap_or_default();
            check["Status"] == json!(status) && said.contains(output)
        });
    }

    /// What the agent has logged of this check since a line: `count` failures or successes that do
    /// not count yet, and statuses.
    fn history(&self, agent: &TestAgent, from: usize) -> Vec<String> {
        let own = format!("check=service:{}", self.name);
        let is_own = |line: &&str| line.split(' ').any(|word| word == own);
        let printed = agent.printed();
        let lines = printed.lines().skip(from).filter(is_own);
        lines.filter_map(event).collect()
    }

    fn assert_thresholds(&self, agent: &TestAgent, from: usize) {
        let after = |first: &str, count: usize| {
            let history = self.history(agent, from);
            let skipped = history.into_iter().skip_while(|event| event != first);
            skipped.take(count).collect::<Vec<_>>()
        };
        let down = ["failure 1 of 3", "warning", "critical"];
        let up = ["success 1 of 2", "passing"];
        // The catalog may know before the log's reader does.
        until("the log has it all", || {
            after(up[0], up.len()).len() == up.len()
        });
        assert_eq!(after(down[0], down.len()), down, "{}", self.name);
        assert_eq!(after(up[0], up.len()), up, "{}", self.name);
    }
}

/// A line of the log in short.
fn event(line: &str) -> Option<String> {
    let value = |name: &str| {
        let word = line.split(' ').find_map(|word| word.strip_prefix(name));
        word.unwrap_or("?").to_owned()
    };
    let counted = |what: &str| {
        let (count, needed) = (format!("{what}_count="), format!("{what}_threshold="));
        Some(format!("{what} {} of {}", value(&count), value(&needed)))
    };
    if line.contains("Check status updated") {
        Some(value("status="))
    } else if line.contains("Check is now critical") {
        Some("critical".to_owned())
    } else if line.contains("Check failed but has not reached failure threshold") {
        counted("failure")
    } else if line.contains("Check passed but has not reached success threshold") {
        counted("success")
    } else {
        None
    }
}

/// Runs all of them through the course at once. The agent logs at level debug.
pub(crate) fn run(agent: &TestAgent, subjects: &[Subject]) {
    for subject in subjects {
        subject.register(agent);
    }
    for subject in subjects {
        subject.wait(agent, "passing", &subject.passing);
    }
    for subject in subjects.iter().filter(|it| it.warning.is_some()) {
        subject.turn(Health::Poor);
    }
    for subject in subjects {
        if let Some(output) = &subject.warning {
            subject.wait(agent, "warning", output);
        }
    }
    let mark = agent.line_count();
    for (health, status) in [(Health::Bad, "critical"), (Health::Good, "passing")] {
        for subject in subjects {
            subject.turn(health);
        }
        for subject in subjects {
            let output = match health {
                Health::Good => &subject.passing,
                Health::Poor | Health::Bad => &subject.critical,
            };
            subject.wait(agent, status, output);
        }
    }
    for subject in subjects {
        subject.assert_thresholds(agent, mark);
    }
    agent.assert_healthy();
}
