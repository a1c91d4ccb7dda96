//! The typed client of the HTTP API: all that the command line and the dashboard may speak.
