//! Tapes: what a provider expects and answers for one scenario, and the player that holds a connector to it.
//!
//! A [`Tape`] is read and checked once and shared; a [`Player`] is one run of it. The format is described in `specs/formats.md`.

mod answer;
mod compile;
mod fields;
mod json;
pub mod matcher;
pub mod model;
mod player;
mod redact;
mod signature;
mod template;
mod values;
mod xml;

pub use compile::{Exchange, Settle, Tape, Webhook};
pub use matcher::Mismatch;
pub use player::{Delivery, Player, Record, RunValues, ShownRecord};
pub use signature::{Algorithm, KeyEncoding, Recipe, RecipeModel};
pub use template::{Encoding, Shape};
pub use values::StepValues;

pub(crate) use template::{Hole, Template};
