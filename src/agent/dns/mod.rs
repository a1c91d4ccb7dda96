//! DNS on port 8600: names, answers and truncation (pure), the server and recursion.
