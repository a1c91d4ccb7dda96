//! `consulctl top`: the cluster in a terminal, over the HTTP API of any agent.
//!
//! Answers become an immutable snapshot; one pure derivation makes the picture that the screen, `-once`, JSON and
//! `-check` share.

pub mod derive;
pub mod facts;
pub mod fetch;
pub mod observed;
pub mod once;
pub mod report;
pub mod snapshot;
pub mod summary;
pub mod theme;
pub mod thresholds;
pub mod timeline;
pub mod words;

pub use derive::{Picture, Verdict, derive};
pub use fetch::everything;
pub use observed::Observations;
pub use report::{Report, report};
pub use snapshot::{ClusterSnapshot, Millis};
pub use theme::{Palette, Theme};
pub use thresholds::Thresholds;
