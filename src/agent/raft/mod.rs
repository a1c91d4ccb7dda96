//! Consensus: the openraft glue, the log store, the state machine, snapshots. No openraft type leaves this room.
