//! Health checks: the scheduler and outcomes (pure) and one runner a file.
