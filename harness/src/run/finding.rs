//! What does not hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that does not hold, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The step, from 1; 0 for the case as a whole.
    pub step: u32,
    /// The path: `$.amount.value`, `header idempotency-key`, `expect.state`.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.step > 0 {
            write!(f, "step {}: ", self.step)?;
        }
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}
