//! Logs (ring, files, syslog, monitor) and metrics (in memory, Prometheus text).
