//! What the reference sends and understands, and what nobody should send.

mod golden;
mod noise;
mod rounds;
mod tree;
