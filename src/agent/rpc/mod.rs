//! Requests to servers: forwarding to the leader and to other datacenters, consistency, blocking.
