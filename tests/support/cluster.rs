//! Several agents that make one cluster, killed and started again by a test.

use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, TestAgent, own_address, until};

/// An agent's name, address and data, kept over its restarts.
pub(crate) struct Seat {
    /// The node's name.
    pub(crate) name: String,
    /// Its address for everything.
    pub(crate) ip: Ipv4Addr,
    data: TempDir,
    args: Vec<String>,
}

impl Seat {
    /// A seat with what the agent is started with besides name, address and data folder.
    pub(crate) fn new(name: &str, args: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            ip: own_address(),
            data: tempfile::tempdir().expect("a folder"),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        }
    }

    /// Starts the agent with further arguments, and waits until it runs.
    pub(crate) fn start(&self, further: &[&str]) -> TestAgent {
        let mut words = self.words();
        words.extend(further);
        TestAgent::start(self.ip, &words)
    }

    /// All arguments but the addresses.
    pub(crate) fn words(&self) -> Vec<&str> {
        let data = self
            .data()
            .to_str()
            .expect("temporary folders have UTF-8 names");
        let own = ["-node", self.name.as_str(), "-data-dir", data];
        own.into_iter()
            .chain(self.args.iter().map(String::as_str))
            .collect()
    }

    /// The same seat for an agent that is told nothing.
    pub(crate) fn without_arguments(self) -> Self {
        Self {
            args: Vec::new(),
            ..self
        }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }
}

/// Seats and the agents that run on them.
pub(crate) struct TestCluster {
    seats: Vec<Seat>,
    agents: Vec<Option<TestAgent>>,
}

/// What makes tests of elections quick: the timeouts of Consul's own production advice.
pub(crate) const QUICK: &str = "performance { raft_multiplier = 1 }";

impl TestCluster {
    /// As many servers, each of which expects all, joined to each other, with a leader.
    pub(crate) fn servers(count: usize) -> Self {
        Self::servers_with(count, &[])
    }

    /// As [`Self::servers`], with further arguments.
    pub(crate) fn servers_with(count: usize, args: &[&str]) -> Self {
        let expect = format!("-bootstrap-expect={count}");
        let own = ["-server", &expect, "-hcl", QUICK];
        let args: Vec<&str> = own.iter().chain(args).copied().collect();
        let seats = (1..=count).map(|n| Seat::new(&format!("s{n}"), &args));
        let mut cluster = Self {
            seats: seats.collect(),
            agents: Vec::new(),
        };
        for at in 0..count {
            cluster.agents.push(None);
            cluster.start(at);
        }
        cluster.leader();
        cluster
    }

    /// Adds an agent, joined to the others, and returns its number.
    pub(crate) fn add(&mut self, name: &str, args: &[&str]) -> usize {
        let own = ["-hcl", QUICK];
        let args: Vec<&str> = own.iter().chain(args).copied().collect();
        self.seats.push(Seat::new(name, &args));
        self.agents.push(None);
        let at = self.seats.len() - 1;
        self.start(at);
        at
    }

    /// Starts an agent that is not running, joined to those that are.
    pub(crate) fn start(&mut self, at: usize) {
        let running = self.agents.iter().flatten();
        let joins: Vec<String> = running.map(|a| format!("-retry-join={}", a.ip)).collect();
        let joins: Vec<&str> = joins.iter().map(String::as_str).collect();
        self.agents[at] = Some(self.seats[at].start(&joins));
    }

    /// Kills an agent without warning.
    pub(crate) fn kill(&mut self, at: usize) {
        self.take(at).kill();
    }

    /// Takes an agent out of the cluster's care, its seat stays.
    pub(crate) fn take(&mut self, at: usize) -> TestAgent {
        self.agents[at].take().expect("it runs")
    }

    /// A running agent.
    pub(crate) fn agent(&self, at: usize) -> &TestAgent {
        self.agents[at].as_ref().expect("it runs")
    }

    /// A seat.
    pub(crate) fn seat(&self, at: usize) -> &Seat {
        &self.seats[at]
    }

    /// Gives a seat another address; its agent does not run.
    pub(crate) fn relocate(&mut self, at: usize) {
        assert!(self.agents[at].is_none(), "it runs");
        self.seats[at].ip = own_address();
    }

    /// Those that run, with their numbers.
    pub(crate) fn running(&self) -> impl Iterator<Item = (usize, &TestAgent)> {
        let agents = self.agents.iter().enumerate();
        agents.filter_map(|(at, agent)| Some((at, agent.as_ref()?)))
    }

    /// Waits until all who run agree on a leader that runs, and returns its number.
    pub(crate) fn leader(&self) -> usize {
        let mut found = None;
        until("all agree on a leader", || {
            found = self.agreed_leader();
            found.is_some()
        });
        found.expect("waited for")
    }

    /// The leader on whom all who run agree.
    pub(crate) fn agreed_leader(&self) -> Option<usize> {
        let told = self.running().map(|(_, agent)| {
            let answer = agent.send("GET", "/v1/status/leader", "");
            (answer.status == 200).then(|| answer.text())
        });
        let told: Option<Vec<String>> = told.collect();
        let told = told?;
        let first = told.first()?;
        if told.iter().any(|other| other != first) {
            return None;
        }
        let (at, _) = self
            .running()
            .find(|(_, agent)| *first == format!("\"{}:8300\"", agent.ip))?;
        Some(at)
    }

    /// A request that is to succeed before patience ends: whoever leads may be about to change.
    pub(crate) fn eventually(&self, at: usize, method: &str, path: &str, body: &str) -> Answer {
        let mut last = None;
        until(path, || {
            let answer = self.agent(at).send(method, path, body);
            let done = answer.status == 200;
            last = Some(answer);
            done
        });
        last.expect("asked at least once")
    }

    /// A read that is to be answered with a status before patience ends.
    pub(crate) fn eventually_answers(&self, at: usize, path: &str, status: u16) -> Answer {
        let mut last = None;
        until(path, || {
            let answer = self.agent(at).send("GET", path, "");
            let done = answer.status == status;
            last = Some(answer);
            done
        });
        last.expect("asked at least once")
    }

    /// The raft servers as an agent shows them: name, whether it votes.
    pub(crate) fn voters(&self, at: usize) -> Vec<(String, bool)> {
        let answer = self
            .agent(at)
            .send("GET", "/v1/operator/raft/configuration", "");
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let servers = value["Servers"].as_array().cloned().unwrap_or_default();
        let mut servers: Vec<(String, bool)> = servers
            .iter()
            .map(|server| {
                let name = server["Node"].as_str().unwrap_or_default().to_owned();
                (name, server["Voter"] == true)
            })
            .collect();
        servers.sort();
        servers
    }
}
