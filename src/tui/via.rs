//! Asking another agent: from what is typed after `:via` to an address. Pure.

use std::net::IpAddr;

use super::derive::Picture;
use super::prompt::{self, MAX_CANDIDATES};
use crate::model::member::MemberStatus;

/// Port of an agent where the present address has none.
const DEFAULT_PORT: &str = "8500";
/// Members that are kept as other agents to ask.
const MAX_AGENTS: usize = 5000;
/// Leads back to the agent that was asked first.
const HOME: &str = "-";

/// Why no other agent can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViaError {
    /// Nothing was typed.
    #[error("whom to ask? :via NODE, :via HOST:PORT or :via -")]
    Nobody,
    /// It is the name of no member.
    #[error("no member is named {0}; an address is HOST:PORT")]
    Unknown(String),
}

/// An agent that could be asked: a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The node's name.
    pub name: String,
    /// Its address without a port.
    pub host: String,
}

/// Where one is, and where one could be.
#[derive(Debug, Clone, Default)]
pub struct Via {
    /// The agent that was asked first.
    home: String,
    /// Members of the last list, servers first: kept where a new agent does not answer.
    agents: Vec<Agent>,
}

impl Via {
    /// At the agent at `home`.
    pub fn new(home: &str) -> Self {
        Self {
            home: home.to_owned(),
            agents: Vec::new(),
        }
    }

    /// Keeps the members that could be asked.
    pub fn keep(&mut self, picture: &Picture) {
        let found = agents(picture);
        if !found.is_empty() {
            self.agents = found;
        }
    }

    fn agents(&self, picture: &Picture) -> Vec<Agent> {
        match agents(picture) {
            found if found.is_empty() => self.agents.clone(),
            found => found,
        }
    }

    /// The address that a word means while the agent at `present` is asked.
    ///
    /// # Errors
    ///
    /// It is neither a member nor looks like an address. Whether it is one is seen when it is asked.
    pub fn address(
        &self,
        word: &str,
        present: &str,
        picture: &Picture,
    ) -> Result<String, ViaError> {
        let word = word.trim();
        if word.is_empty() {
            return Err(ViaError::Nobody);
        }
        if word == HOME {
            return Ok(self.home.clone());
        }
        let agents = self.agents(picture);
        let (scheme, port) = scheme_and_port(present);
        let at = |agent: &Agent| format!("{scheme}://{}:{port}", agent.host);
        if let Some(agent) = agents.iter().find(|agent| agent.name == word) {
            return Ok(at(agent));
        }
        if let Some(address) = as_address(word, scheme, port) {
            return Ok(address);
        }
        let best = prompt::best(names(&agents), word).into_iter().next();
        let found = agents.iter().find(|agent| Some(&*agent.name) == best);
        let found = found.ok_or_else(|| ViaError::Unknown(word.to_owned()))?;
        Ok(at(found))
    }

    /// What the word after `:via` may mean, best first.
    pub fn candidates(&self, word: &str, present: &str, picture: &Picture) -> Vec<String> {
        let agents = self.agents(picture);
        let found = prompt::best(names(&agents), word).into_iter();
        let mut found: Vec<String> = found.map(|name| format!("via {name}")).collect();
        if present != self.home && (word.is_empty() || word == HOME) {
            found.insert(0, format!("via {HOME}"));
            found.truncate(MAX_CANDIDATES);
        }
        found
    }

    /// A member to ask while the agent of node `own` is away: the first server that is not the same.
    pub fn offer(&self, own: Option<&str>, picture: &Picture) -> Option<String> {
        let agents = self.agents(picture);
        let other = agents.into_iter().find(|agent| Some(&*agent.name) != own);
        other.map(|agent| agent.name)
    }
}

/// The members that are alive, servers first, as the picture lists them.
fn agents(picture: &Picture) -> Vec<Agent> {
    let alive = picture
        .nodes
        .iter()
        .filter(|node| node.status == MemberStatus::Alive && node.role != "unknown");
    let agent = |node: &super::derive::NodeRow| Agent {
        name: node.name.clone(),
        host: match node.address.rsplit_once(':') {
            Some((host, _)) => host.to_owned(),
            None => node.address.clone(),
        },
    };
    alive.take(MAX_AGENTS).map(agent).collect()
}

fn names(agents: &[Agent]) -> impl Iterator<Item = &str> {
    agents.iter().map(|agent| &*agent.name)
}

/// Scheme and port of `http://127.0.0.1:8500`; the defaults where there are none, as with a socket.
fn scheme_and_port(address: &str) -> (&str, &str) {
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let authority = rest.split('/').next().unwrap_or_default();
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let port = port.filter(|port| !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()));
    (scheme, port.unwrap_or(DEFAULT_PORT))
}

/// The word as a whole address, if it looks like one.
fn as_address(word: &str, scheme: &str, port: &str) -> Option<String> {
    if word.contains("://") {
        return Some(word.to_owned());
    }
    if let Ok(ip) = word.parse::<IpAddr>() {
        return Some(match ip {
            IpAddr::V4(_) => format!("{scheme}://{word}:{port}"),
            IpAddr::V6(_) => format!("{scheme}://[{word}]:{port}"),
        });
    }
    let has_port = word.rsplit_once(':').is_some_and(|(_, tail)| {
        !tail.is_empty() && !tail.contains(']') && tail.bytes().all(|it| it.is_ascii_digit())
    });
    match word {
        _ if has_port => Some(format!("{scheme}://{word}")),
        _ if word.contains(['.', '[', ':']) => Some(format!("{scheme}://{word}:{port}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::derive::bad_cluster::bad_picture;

    const PRESENT: &str = "http://127.0.0.1:8500";

    #[test]
    fn members_and_addresses_can_be_asked() {
        let (_, picture) = bad_picture();
        let via = Via::new(PRESENT);
        let at = |word: &str, present: &str| via.address(word, present, &picture);
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(at("srv-1", PRESENT), ok("http://10.0.0.1:8500"));
        assert_eq!(at("srv-3", "https://a:8501"), ok("https://10.0.0.3:8501"));
        assert_eq!(at("s1", PRESENT), ok("http://10.0.0.1:8500"));
        assert_eq!(at("10.0.0.9", PRESENT), ok("http://10.0.0.9:8500"));
        assert_eq!(at("::1", PRESENT), ok("http://[::1]:8500"));
        assert_eq!(at("[::1]:1", PRESENT), ok("http://[::1]:1"));
        assert_eq!(
            at("consul.example", "http://%2Fsock"),
            ok("http://consul.example:8500")
        );
        assert_eq!(at("localhost:1", PRESENT), ok("http://localhost:1"));
        assert_eq!(at("unix:///a/b", PRESENT), ok("unix:///a/b"));
        assert_eq!(at(" - ", "http://other:1"), ok(PRESENT));
        assert_eq!(at("", PRESENT), Err(ViaError::Nobody));
        let unknown = |word: &str| Err(ViaError::Unknown(word.to_owned()));
        assert_eq!(at("nosuch", PRESENT), unknown("nosuch"));
        assert_eq!(at("web-7", PRESENT), unknown("web-7"), "it failed");
        assert_eq!(
            at("ftp://x", PRESENT),
            ok("ftp://x"),
            "whoever asks it will say"
        );
    }

    #[test]
    fn the_last_members_are_kept_for_when_nobody_answers() {
        let (_, picture) = bad_picture();
        let mut via = Via::new(PRESENT);
        let nothing = Picture::default();
        assert_eq!(via.offer(None, &nothing), None);
        via.keep(&picture);
        via.keep(&nothing);
        assert_eq!(via.offer(Some("srv-1"), &nothing).as_deref(), Some("srv-2"));
        let found = via.candidates("", "http://10.0.0.1:8500", &nothing);
        assert_eq!(found[..2], ["via -", "via srv-1"]);
        let found = via.candidates("3", PRESENT, &nothing);
        assert_eq!(found, ["via srv-3", "via web-3"]);
    }
}
