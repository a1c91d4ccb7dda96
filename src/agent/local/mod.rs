//! This agent's own services and checks, their persistence and anti-entropy.
