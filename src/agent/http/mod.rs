//! The HTTP API on port 8500: transport rules, parameters, blocking queries, one file an endpoint family.
