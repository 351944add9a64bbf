//! The conformance harness of Quittance: scenarios, tapes and profiles, and what judges a connector by them.
//!
//! Scenarios ([`scenario`]) hold the only expectations; tapes ([`tape`]) hold a provider's bytes; a profile ([`profile`]) holds a connector's
//! dummy data and published tables. All three are TOML files that refuse unknown fields; what is wrong with one is a [`FileError`] with file, line and field.

pub mod bad_input;
pub mod profile;
pub mod tape;

pub use bad_input::FileError;
