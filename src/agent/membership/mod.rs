//! What the agent makes of gossip: Consul's tags, who may be a member, whom to join, who is a server.

mod census;
mod flood;
mod founding;
mod join;
mod policy;
mod pool_kind;
mod pools;
mod retry;
pub mod server_tags;
pub mod tags;
mod wan_coordinates;
mod watch;

pub use census::{known_datacenters, known_servers};
pub use flood::flood;
pub use founding::{Founding, founding};
pub use join::{JoinErrors, join};
pub use policy::{LanPolicy, WanPolicy};
pub use pool_kind::PoolKind;
pub use pools::{KeyError, Pools, encrypts, pools};
pub use retry::{RetryExhausted, RetryJoin, retry_join};
pub use server_tags::ServerInfo;
pub use tags::NEW_LEADER;
pub use wan_coordinates::wan_coordinates;
pub use watch::{Watch, watch};
