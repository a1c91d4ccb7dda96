//! Does what somebody at the keys asked for, each in a task of its own, and brings back what came of it. The screen
//! never waits for it.

use std::fs;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use super::acting::{ActError, Arrival, Instances};
use super::actions::{Instance, Lookup, MAX_INSTANCES};
use super::shot;
use super::snapshot::Millis;
use super::words::one_line;
use super::write::{Change, Order};
use crate::api::{ApiError, Client, ErrorClass, QueryOptions};
use crate::model::check::{SERVICE_MAINTENANCE_PREFIX, Status};

/// How long a request may take. Longer than a server holds one while nobody leads, which is 7 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// Files of one second, but for the first.
const MAX_AGAIN: u32 = 99;

/// What a task ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Order,
    Other,
}

/// What comes back.
pub enum Came {
    /// Something for the dashboard.
    Arrival(Arrival),
    /// Another agent to ask, and the context that it is of, if one was asked for.
    Agent(Box<Client>, Option<String>),
}

/// Makes a client of a context, by its name. May take a while.
pub type Opener = Arc<dyn Fn(&str) -> Result<Client, ActError> + Send + Sync>;

/// The tasks; they end when it is dropped.
pub struct Worker {
    client: Client,
    tasks: JoinSet<Came>,
    /// The task of the order that is under way.
    order: Option<tokio::task::Id>,
    /// The task that makes the client which was asked for last.
    going: Option<tokio::task::Id>,
    opener: Opener,
}

impl Worker {
    /// A worker at an agent; `opener` leads to others.
    pub fn new(client: &Client, opener: Opener) -> Self {
        Self {
            opener,
            going: None,
            client: client.clone(),
            tasks: JoinSet::new(),
            order: None,
        }
    }

    /// Carries out an order. The gate gives one at a time.
    pub fn order(&mut self, order: Order) {
        let client = self.client.clone();
        let task = self.tasks.spawn(async move {
            let done = within(perform(&client, order.change())).await;
            Came::Arrival(Arrival::Done(done))
        });
        self.order = Some(task.id());
    }

    /// Asks for the instances of a service.
    pub fn look(&mut self, lookup: Lookup) {
        let client = self.client.clone();
        self.tasks.spawn(async move {
            let found = within(instances(&client, &lookup)).await;
            Came::Arrival(Arrival::Instances(lookup, found))
        });
    }

    /// Makes a client of another agent. Reads certificates and may ask for names: not a thing for the loop.
    pub fn connect(&mut self, address: String) {
        let client = self.client.clone();
        let task = self
            .tasks
            .spawn_blocking(move || match client.elsewhere(&address) {
                Ok(client) => Came::Agent(Box::new(client), None),
                Err(error) => Came::Arrival(Arrival::NotMoved(address, error.into())),
            });
        self.going = Some(task.id());
    }

    /// Makes a client of a context's agent.
    pub fn enter(&mut self, name: String) {
        let opener = Arc::clone(&self.opener);
        let task = self.tasks.spawn_blocking(move || match opener(&name) {
            Ok(client) => Came::Agent(Box::new(client), Some(name)),
            Err(error) => {
                let what = format!("the context {name}");
                Came::Arrival(Arrival::NotMoved(what, error))
            }
        });
        self.going = Some(task.id());
    }

    /// Writes a picture of the screen into the folder that one is in; a file that is there already stays.
    pub fn save(&mut self, text: String, at: Millis) {
        self.tasks.spawn_blocking(move || {
            Came::Arrival(Arrival::Saved(save(&text, at).map_err(|it| it.to_string())))
        });
    }

    /// From now on asks this agent. What is under way is not affected.
    pub fn moved(&mut self, client: &Client) {
        self.client = client.clone();
    }

    /// What comes back next; `None` while nothing is under way.
    pub async fn next(&mut self) -> Option<Came> {
        loop {
            match self.tasks.join_next_with_id().await? {
                Ok((id, came)) => {
                    let is_move =
                        matches!(came, Came::Agent(..) | Came::Arrival(Arrival::NotMoved(..)));
                    // Somebody wanted to go elsewhere in the meantime.
                    if is_move && self.going != Some(id) {
                        continue;
                    }
                    self.over(id);
                    return Some(came);
                }
                // A task that panicked. Others than orders are asked for again by whoever wants them.
                Err(error) if self.over(error.id()) == Kind::Order => {
                    return Some(Came::Arrival(Arrival::Done(Err(ActError::Lost))));
                }
                Err(_) => {}
            }
        }
    }

    fn over(&mut self, id: tokio::task::Id) -> Kind {
        if self.order == Some(id) {
            self.order = None;
            Kind::Order
        } else {
            Kind::Other
        }
    }
}

/// Into a new file; its path.
fn save(text: &str, at: Millis) -> io::Result<String> {
    let mut again = 0;
    loop {
        let path = std::env::current_dir()?.join(shot::name(at, again));
        match fs::File::create_new(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                return Ok(path.display().to_string());
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && again < MAX_AGAIN => {
                again += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn within<T>(work: impl Future<Output = Result<T, ActError>>) -> Result<T, ActError> {
    let late = |_| ActError::Late(PATIENCE.as_secs());
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

async fn perform(client: &Client, change: &Change) -> Result<(), ActError> {
    let options = QueryOptions::default();
    match change {
        Change::ForceLeave { node } => client.agent_force_leave(node, false, false).await?,
        Change::NodeMaintenance { on, .. } => client.agent_node_maintenance(*on, "").await?,
        Change::Deregister { id, own: true, .. } => client.agent_service_deregister(id).await?,
        Change::Deregister {
            node,
            id,
            own: false,
        } => client.catalog_deregister_service(node, id).await?,
        Change::ServiceMaintenance { id, on } => {
            client.agent_service_maintenance(id, *on, "").await?;
        }
        Change::TransferLeader { to, .. } => {
            let id = to.as_ref().map(|(_, id)| id.as_str());
            if !client.raft_transfer_leader(id, &options).await? {
                return Err(ActError::NotMoved);
            }
        }
        Change::RemovePeer { id, .. } => client.raft_remove_peer_by_id(id, &options).await?,
    }
    Ok(())
}

async fn instances(client: &Client, lookup: &Lookup) -> Result<Instances, ActError> {
    let options = QueryOptions::default();
    let (rows, _) = client
        .health_service(&lookup.service, &[], false, &options)
        .await?;
    let own = client.agent_services().await?;
    let node = client.agent_node_name().await?;
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<Instance> = rows.iter().map(instance).collect();
    for instance in &mut found {
        instance.own = instance.node == node && own.contains_key(&instance.id);
    }
    if let Some((node, id)) = &lookup.only {
        found.retain(|instance| instance.node == *node && instance.id == *id);
    }
    // What this agent has, and what is worst, comes first.
    found.sort_by_key(|instance| std::cmp::Reverse((instance.own, instance.status)));
    let total = found.len();
    found.truncate(MAX_INSTANCES);
    Ok(Instances { found, total })
}

fn instance(row: &Value) -> Instance {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (node, service) = (&row["Node"], &row["Service"]);
    let mut address = text(&service["Address"]);
    if address.is_empty() {
        address = text(&node["Address"]);
    }
    if let Some(port) = service["Port"].as_u64().filter(|port| *port > 0) {
        address = format!("{address}:{port}");
    }
    let id = text(&service["ID"]);
    let checks = row["Checks"].as_array().map(Vec::as_slice);
    let checks = checks.unwrap_or_default();
    let status = |check: &Value| match check["Status"].as_str() {
        Some("passing") => Status::Passing,
        Some("warning") => Status::Warning,
        _ => Status::Critical,
    };
    let maintenance = format!("{SERVICE_MAINTENANCE_PREFIX}{id}");
    Instance {
        node: text(&node["Node"]),
        address,
        own: false,
        maintenance: checks.iter().any(|it| it["CheckID"] == *maintenance),
        status: checks.iter().map(status).max().unwrap_or(Status::Passing),
        id,
    }
}

impl From<ApiError> for ActError {
    fn from(error: ApiError) -> Self {
        let hint = match error.classify() {
            ErrorClass::Forbidden => "start top with a token that allows this",
            ErrorClass::NoLeader => "wait for a leader, then try again",
            ErrorClass::NotFound => "it may be gone already, ^r looks again",
            ErrorClass::Refused | ErrorClass::Timeout | ErrorClass::Slow | ErrorClass::Dns => {
                ":via asks another agent"
            }
            ErrorClass::TlsServer => "it speaks TLS: :via https://HOST:PORT",
            ErrorClass::PlainServer => "it speaks no TLS: :via http://HOST:PORT",
            _ => "",
        };
        let text = match &error {
            ApiError::Status { status, body, .. } => format!("{status} {body}"),
            ApiError::Transport { cause, .. } => cause.clone(),
            other => other.to_string(),
        };
        Self::Agent {
            text: one_line(&text),
            hint,
            source: error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_s_words_come_with_a_hint() {
        let refused = ApiError::Status {
            status: 403,
            body: "Permission\n\u{1b}[31mdenied".to_owned(),
            request: "x".to_owned(),
        };
        let ActError::Agent { text, hint, .. } = ActError::from(refused) else {
            panic!("another error");
        };
        assert_eq!(text, "403 Permission denied");
        assert_eq!(hint, "start top with a token that allows this");
    }

    #[test]
    fn an_instance_is_read_from_what_health_says() {
        let row = serde_json::json!({
            "Node": {"Node": "n1", "Address": "10.0.0.1"},
            "Service": {"ID": "web-1", "Address": "", "Port": 80},
            "Checks": [
                {"CheckID": "serfHealth", "Status": "passing"},
                {"CheckID": "_service_maintenance:web-1", "Status": "critical"},
            ],
        });
        let found = instance(&row);
        assert_eq!((found.node.as_str(), found.id.as_str()), ("n1", "web-1"));
        assert_eq!(found.address, "10.0.0.1:80");
        assert!(found.maintenance && !found.own);
        assert_eq!(found.status, Status::Critical);
        // Whatever else an agent says makes no instance of it, and no panic.
        assert_eq!(instance(&Value::Null).status, Status::Passing);
    }
}
