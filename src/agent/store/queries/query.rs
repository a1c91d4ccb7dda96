//! What all reads have in common.

use crate::agent::store::{State, WatchSet};
use crate::model::access::{Guard, Requirement};

/// A read of the state. It is a value, so that it can be forwarded to another server.
pub trait Query: Send + Sync {
    /// What the read gives.
    type Answer: Send;

    /// Consul's RPC method for this read, such as `KVS.Get`.
    const METHOD: &'static str;

    /// The permission that the read as a whole needs.
    fn requirement(&self) -> Requirement<'_> {
        Requirement::OPEN
    }

    /// The permission that an answer needs beside [`Self::requirement`].
    fn guard(_answer: &Self::Answer) -> Option<Guard<'_>> {
        None
    }

    /// Reads. Returns the index that the answer carries (`X-Consul-Index`) and the answer, and
    /// notes in `watch` what must change before the answer can.
    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer);
}
