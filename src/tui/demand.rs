//! What only some views need: asked while they are on the screen, and not a moment longer.

use std::time::Duration;

use super::kv::{Level, Opened};
use super::latency::Area;
use super::logs::LogLevel;
use super::page::{Page, View};
use super::snapshot::Fault;

/// What is on the screen and needs more than the picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Demand {
    /// Nothing more.
    #[default]
    Nothing,
    /// The keys and folders right below a prefix.
    Level(String),
    /// One key with its value.
    Value(String),
    /// The agent's log from a level on.
    Logs(LogLevel),
    /// How far datacenters are from each other.
    Areas,
}

impl Demand {
    /// What a page needs.
    pub fn of(page: &Page, level: LogLevel) -> Self {
        match page {
            Page::View(View::Kv) => Self::Level(String::new()),
            Page::Folder(prefix) => Self::Level(prefix.clone()),
            Page::Key(key) => Self::Value(key.clone()),
            Page::View(View::Logs) | Page::Line(_) => Self::Logs(level),
            Page::View(View::Latency) => Self::Areas,
            Page::View(_) | Page::Node(_) | Page::Service(_) | Page::Check(..) => Self::Nothing,
        }
    }
}

/// What came for a demand.
#[derive(Debug)]
pub enum Found {
    /// The keys below a prefix.
    Level(String, Result<Level, Fault>),
    /// A key; `None` where there is no such key.
    Value(String, Result<Option<Box<Opened>>, Fault>),
    /// Where the servers of every datacenter are.
    Areas(Result<Vec<Area>, Fault>),
    /// The log is followed.
    Following,
    /// Lines of the log, and how many were lost before them.
    Lines(Vec<String>, u64),
    /// The log cannot be followed; when it is tried again.
    Lost(Fault, Duration),
}
