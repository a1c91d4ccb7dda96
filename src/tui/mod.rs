//! `consulctl top`: the cluster in a terminal, over the HTTP API of any agent.
//!
//! Answers become an immutable snapshot; one pure derivation makes the picture that the screen, `-once`, JSON and
//! `-check` share. Keys and answers change the state of the [`App`], which is pure, too; the runtime drives it.

pub mod acting;
pub mod actions;
pub mod app;
pub mod asker;
pub mod check;
pub mod clipboard;
pub mod confirm;
pub mod contexts;
pub mod data_table;
pub mod demand;
pub mod derive;
pub mod facts;
pub mod fetch;
pub mod history;
pub mod journal;
pub mod keymap;
pub mod kv;
pub mod latency;
pub mod lenient;
pub mod logs;
pub mod mouse;
pub mod observed;
pub mod once;
pub mod page;
pub mod panes;
pub mod picker;
pub mod poller;
pub mod prompt;
pub mod report;
pub mod runtime;
pub mod shot;
pub mod snapshot;
pub mod stream;
pub mod subject;
pub mod summary;
pub mod terminal;
pub mod theme;
pub mod thresholds;
pub mod timeline;
pub mod toast;
pub mod value;
pub mod via;
pub mod views;
pub mod words;
pub mod worker;
pub mod write;

pub use acting::ActError;
pub use app::App;
pub use contexts::{Accent, Contexts, Place};
pub use derive::{Picture, Verdict, derive};
pub use fetch::everything;
pub use history::History;
pub use observed::Observations;
pub use page::View;
pub use report::{Report, report};
pub use runtime::{Surroundings, run};
pub use snapshot::{ClusterSnapshot, Millis};
pub use stream::Stream;
pub use theme::{Palette, Theme};
pub use thresholds::Thresholds;
pub use worker::Opener;
pub use write::Gate;
#[cfg(test)]
mod large_cluster_tests;
#[cfg(test)]
mod outputs_tests;
