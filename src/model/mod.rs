//! The nouns that cross a boundary (HTTP, agent, command line), defined once. Pure.
