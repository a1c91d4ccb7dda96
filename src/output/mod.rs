//! What commands print with: tables, JSON, colour, progress, confirmation.
