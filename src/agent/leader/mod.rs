//! What only the leader does: members into the catalog, tombstones, autopilot.
