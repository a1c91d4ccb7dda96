//! The dispatcher behind a real port, over consensus in memory.

mod golden;
mod hostile;
mod methods;
mod noise;
mod refusals;
mod snapshots;
mod support;
