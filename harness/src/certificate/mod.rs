//! What a run amounts to: the level that each connector reached, and the certificate that anyone can check by running again.

pub mod level;
pub mod summary;

pub use level::Level;
pub use summary::{Facts, Histogram, Mutation, Summary};
