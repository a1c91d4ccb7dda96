//! What the dashboard can change, and the one gate that every change passes.

/// A change of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Declares a failed member to have left.
    ForceLeave {
        /// The member.
        node: String,
    },
    /// Maintenance of the node of the agent that is asked.
    NodeMaintenance {
        /// The node.
        node: String,
        /// Whether it begins.
        on: bool,
    },
    /// Removes an instance of a service.
    Deregister {
        /// The node that it is on.
        node: String,
        /// Its id.
        id: String,
        /// Whether the agent that is asked has it; the catalog is asked otherwise.
        own: bool,
    },
    /// Maintenance of an instance that the agent which is asked has.
    ServiceMaintenance {
        /// Its id.
        id: String,
        /// Whether it begins.
        on: bool,
    },
    /// Hands the leadership over.
    TransferLeader {
        /// Name and id of the server that is to lead; the leader chooses without.
        to: Option<(String, String)>,
        /// Who leads.
        from: String,
    },
    /// Removes a server from the raft configuration.
    RemovePeer {
        /// Its name.
        name: String,
        /// Its id.
        id: String,
        /// Whether it is a member that is alive.
        alive: bool,
    },
}

impl Change {
    /// What it is done to; typing this confirms it.
    pub fn name(&self) -> &str {
        match self {
            Self::ForceLeave { node } | Self::NodeMaintenance { node, .. } => node,
            Self::Deregister { id, .. } | Self::ServiceMaintenance { id, .. } => id,
            Self::TransferLeader {
                to: Some((name, _)),
                ..
            }
            | Self::TransferLeader {
                to: None,
                from: name,
            }
            | Self::RemovePeer { name, .. } => name,
        }
    }

    /// What is done, in a few words: `force-leave web-7`.
    pub fn title(&self) -> String {
        match self {
            Self::ForceLeave { node } => format!("force-leave {node}"),
            Self::NodeMaintenance { node, on } => format!("maintenance {} for {node}", word(*on)),
            Self::Deregister { node, id, .. } => format!("deregister {id} on {node}"),
            Self::ServiceMaintenance { id, on } => {
                format!("maintenance {} for service {id}", word(*on))
            }
            Self::TransferLeader {
                to: Some((name, _)),
                ..
            } => format!("hand the leadership to {name}"),
            Self::TransferLeader { to: None, from } => {
                format!("hand the leadership of {from} to another server")
            }
            Self::RemovePeer { name, .. } => format!("remove raft peer {name}"),
        }
    }

    /// What comes of it.
    pub fn consequence(&self) -> &'static str {
        match self {
            Self::ForceLeave { .. } => {
                "The member is shown as left, and its services leave the catalog. One that is alive after all says so and stays."
            }
            Self::NodeMaintenance { on: true, .. } => {
                "Neither DNS nor health queries name the node's instances, until maintenance ends."
            }
            Self::NodeMaintenance { on: false, .. } => {
                "DNS and health queries name the node's instances again."
            }
            Self::Deregister { own: true, .. } => {
                "The agent forgets the instance and its checks, over restarts too."
            }
            Self::Deregister { own: false, .. } => {
                "The instance and its checks leave the catalog. An agent that still has it registers it again within minutes: remove it there."
            }
            Self::ServiceMaintenance { on: true, .. } => {
                "Neither DNS nor health queries name the instance, until maintenance ends."
            }
            Self::ServiceMaintenance { on: false, .. } => {
                "DNS and health queries name the instance again."
            }
            Self::TransferLeader { .. } => {
                "Writes wait for a moment while another server takes over."
            }
            Self::RemovePeer { alive: true, .. } => {
                "The server has no vote any more; it still runs, where `consulctl leave` on it would be the orderly way. A cluster that loses too many votes cannot write."
            }
            Self::RemovePeer { alive: false, .. } => {
                "The server has no vote any more. A cluster that loses too many votes cannot write."
            }
        }
    }

    /// The command line that does the same at the agent at `address`.
    pub fn command(&self, address: &str) -> String {
        let to = if address == "http://127.0.0.1:8500" {
            String::new()
        } else {
            format!(" -http-addr={}", shell_word(address))
        };
        let switch = |on: &bool| if *on { "-enable" } else { "-disable" };
        match self {
            Self::ForceLeave { node } => {
                format!("consulctl force-leave{to} {}", shell_word(node))
            }
            Self::NodeMaintenance { on, .. } => format!("consulctl maint{to} {}", switch(on)),
            Self::Deregister { id, own: true, .. } => {
                format!("consulctl services deregister{to} -id={}", shell_word(id))
            }
            Self::Deregister {
                node,
                id,
                own: false,
            } => {
                let body = serde_json::json!({"Node": node, "ServiceID": id}).to_string();
                let body = shell_word(&body);
                format!("curl -X PUT -d {body} {address}/v1/catalog/deregister")
            }
            Self::ServiceMaintenance { id, on } => {
                let id = shell_word(id);
                format!("consulctl maint{to} {} -service={id}", switch(on))
            }
            Self::TransferLeader { to: server, .. } => {
                let id = server.as_ref().map(|(_, id)| format!(" -id={id}"));
                let id = id.unwrap_or_default();
                format!("consulctl operator raft transfer-leader{to}{id}")
            }
            Self::RemovePeer { id, .. } => {
                format!("consulctl operator raft remove-peer{to} -id={id}")
            }
        }
    }
}

const fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A word as a shell reads it back.
fn shell_word(text: &str) -> String {
    let harmless = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(harmless) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A change that passed the gate. There is no other way to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    change: Change,
}

impl Order {
    /// What is to be done.
    pub fn change(&self) -> &Change {
        &self.change
    }
}

/// Why a change does not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing may be changed.
    #[error("read-only: start `consulctl top -write` to change something")]
    ReadOnly,
    /// One at a time.
    #[error("still at it: {0}")]
    Busy(String),
}

/// Whether something may be changed, and what is being changed.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    writable: bool,
    under_way: Option<Change>,
}

impl Gate {
    /// A gate that lets changes pass, one at a time; the default one lets none.
    pub fn open() -> Self {
        Self {
            writable: true,
            under_way: None,
        }
    }

    /// Whether changes may pass at all.
    pub fn is_open(&self) -> bool {
        self.writable
    }

    /// Opens or closes it; what is under way goes on.
    pub fn set(&mut self, writable: bool) {
        self.writable = writable;
    }

    /// Whether a change could pass now.
    ///
    /// # Errors
    ///
    /// Nothing may be changed, or a change is under way.
    pub fn ready(&self) -> Result<(), Refusal> {
        match &self.under_way {
            _ if !self.writable => Err(Refusal::ReadOnly),
            Some(change) => Err(Refusal::Busy(change.title())),
            None => Ok(()),
        }
    }

    /// Makes an order of a change: the only function that does.
    ///
    /// # Errors
    ///
    /// As [`Self::ready`].
    pub fn pass(&mut self, change: Change) -> Result<Order, Refusal> {
        self.ready()?;
        self.under_way = Some(change.clone());
        Ok(Order { change })
    }

    /// The change that was under way is over.
    pub fn over(&mut self) -> Option<Change> {
        self.under_way.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn force_leave() -> Change {
        Change::ForceLeave {
            node: "web-7".to_owned(),
        }
    }

    #[test]
    fn the_gate_refuses_when_shut_and_when_busy() {
        let mut shut = Gate::default();
        assert_eq!(shut.pass(force_leave()), Err(Refusal::ReadOnly));
        assert_eq!(shut.over(), None);
        let mut open = Gate::open();
        assert_eq!(open.pass(force_leave()).unwrap().change(), &force_leave());
        let busy = Refusal::Busy("force-leave web-7".to_owned());
        assert_eq!(open.pass(force_leave()), Err(busy));
        assert_eq!(open.over(), Some(force_leave()));
        assert!(open.pass(force_leave()).is_ok());
    }

    #[test]
    fn commands_can_be_pasted() {
        let local = "http://127.0.0.1:8500";
        let command = |change: &Change| change.command(local);
        assert_eq!(command(&force_leave()), "consulctl force-leave web-7");
        assert_eq!(
            force_leave().command("https://a:1"),
            "consulctl force-leave -http-addr=https://a:1 web-7"
        );
        let mut change = Change::Deregister {
            node: "n1".to_owned(),
            id: "it's $HOME".to_owned(),
            own: true,
        };
        assert_eq!(
            command(&change),
            r"consulctl services deregister -id='it'\''s $HOME'"
        );
        if let Change::Deregister { own, .. } = &mut change {
            *own = false;
        }
        assert_eq!(
            command(&change),
            r#"curl -X PUT -d '{"Node":"n1","ServiceID":"it'\''s $HOME"}' http://127.0.0.1:8500/v1/catalog/deregister"#
        );
        let change = Change::TransferLeader {
            to: None,
            from: "s1".to_owned(),
        };
        assert_eq!(command(&change), "consulctl operator raft transfer-leader");
        assert_eq!(change.name(), "s1");
    }
}
