//! The room as a whole: scripts of questions and answers, and the server on real sockets.

mod clients;
mod fixture;
mod golden;
mod recursors;
mod server;
