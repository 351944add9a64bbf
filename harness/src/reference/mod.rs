//! The reference provider: a provider of the harness's own, by which the harness certifies itself.
//!
//! Its connector offers every operation of the contract over a small wire of its own. Without a bug it passes everything; with one of
//! [`BUGS`] planted it must fail, and that at the scenario or check that the bug names. It is no part of the catalogue.

mod beliefs;
mod bugs;
mod connector;
pub mod matrix;
mod plants;
mod wire;

use quittance::Entry;

pub use bugs::{BUGS, Bug, Planted, Stand};
pub use connector::{Credentials, Reference, Sound, Variant};

/// The id of the reference provider: its folder below `fixtures`, which belongs to no connector of the catalogue.
pub const ID: &str = "reference";

/// The line that the reference connector would have in a catalogue.
pub static ENTRY: Entry = Entry::of::<Reference>();
