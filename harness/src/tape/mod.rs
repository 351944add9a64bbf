//! Tapes: what a provider expects and answers for one scenario, and the player that holds a connector to it.
//!
//! A [`Tape`] is read and checked once and shared; a [`Player`] is one run of it. The format is described in `specs/formats.md`.

mod again;
mod answer;
mod closed;
mod compile;
mod deliver;
mod enclosed;
mod fields;
mod hole;
pub(crate) mod json;
mod key_pair;
pub mod matcher;
pub mod model;
mod pattern;
mod player;
mod qr;
mod redact;
mod seal;
mod shown;
mod signature;
mod stable;
mod stand_in;
mod template;
#[cfg(test)]
mod tests;
mod uses;
mod values;
pub(crate) mod xml;

pub use answer::Edit;
pub use compile::{Exchange, Return, Tape, Webhook};
pub use hole::{Encoding, Shape};
pub use matcher::Mismatch;
pub use player::{Delivery, Player, Record, RunValues, Settle};
pub use shown::ShownRecord;
pub use signature::{Algorithm, KeyEncoding, Proven, Recipe, RecipeModel};
pub use stand_in::StandIn;
pub use values::{Spoil, StepValues};

pub(crate) use answer::{part as rendered_part, response as rendered};
pub(crate) use closed::{speaks_of_money, speaks_of_proof};
pub(crate) use compile::{AnswerTemplate, BodyText, HeaderText};
pub(crate) use deliver::delivery as delivered;
pub(crate) use enclosed::{close as closed, inside as inside_base64, open as opened};
pub(crate) use hole::{Class, Hole, Place};
pub(crate) use redact::{MASK, NO_SECRETS, Redactor, hidden_credentials, is_secret_value, tokens_in};
pub(crate) use shown::shown_headers;
pub(crate) use stand_in::is_alike;
pub(crate) use template::{Escape, Part, Template, push_escaped};
pub(crate) use values::{Fills, Headers, Message, Named, NoSlots, Scope, mint};
