//! What a run amounts to: the level that each connector reached, and the certificate that anyone can check by running again.

mod built;
mod canonical;
pub mod document;
pub mod form;
pub mod key;
pub mod level;
pub mod summary;
pub mod tree;
pub mod verify;

pub use document::{Certificate, Issue};
pub use level::Level;
pub use summary::{Facts, Histogram, Mutation, Summary};

#[cfg(test)]
mod sources;
#[cfg(test)]
mod tests;
