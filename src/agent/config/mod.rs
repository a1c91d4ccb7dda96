//! Flags, JSON and HCL files: layers, merge, validation with all errors at once. Pure.
