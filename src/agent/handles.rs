//! Narrow handles by which rooms reach the agent as a whole.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::model::agent::SelfConfig;
use crate::model::node::StringMap;

/// Orders that may wait; one person rarely gives two at once.
const ORDERS: usize = 8;

/// What the agent as a whole can be told to do.
#[derive(Debug)]
pub enum Order {
    /// Leave the cluster and stop; answered when the others know.
    Leave(oneshot::Sender<()>),
    /// Read the configuration again; answered with what is wrong with it.
    Reload(oneshot::Sender<Result<(), String>>),
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The agent is stopping already.
    #[error("the agent is shutting down")]
    Stopping,
    /// The configuration is wrong; the old one stays.
    #[error("{0}")]
    Configuration(String),
}

/// Gives orders to the agent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AgentControl {
    orders: mpsc::Sender<Order>,
}

impl AgentControl {
    /// A handle and the end where orders arrive.
    pub fn new() -> (Self, mpsc::Receiver<Order>) {
        let (orders, arriving) = mpsc::channel(ORDERS);
        (Self { orders }, arriving)
    }

    /// Leaves the cluster gracefully, which takes seconds; the agent stops afterwards.
    ///
    /// # Errors
    /// When the agent is stopping already.
    pub async fn leave(&self) -> Result<(), OrderError> {
        self.order(Order::Leave).await
    }

    /// Reads the configuration again and applies what can be changed while running.
    ///
    /// # Errors
    /// With all that is wrong; the old configuration stays.
    pub async fn reload(&self) -> Result<(), OrderError> {
        self.order(Order::Reload)
            .await?
            .map_err(OrderError::Configuration)
    }

    async fn order<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, OrderError> {
        let (done, answer) = oneshot::channel();
        self.orders
            .send(order(done))
            .await
            .map_err(|_| OrderError::Stopping)?;
        answer.await.map_err(|_| OrderError::Stopping)
    }
}

/// What the API tells of the agent itself.
#[derive(Debug)]
pub struct AgentFacts {
    /// The short configuration.
    pub config: SelfConfig,
    /// The whole configuration, secrets hidden; written at a reload.
    pub debug_config: ArcSwap<Value>,
    /// Node metadata; written at a reload.
    pub meta: ArcSwap<StringMap>,
    /// Whether JSON is always indented (`-dev`).
    pub always_pretty: bool,
}

/// The facts, shared.
pub type SharedFacts = Arc<AgentFacts>;
