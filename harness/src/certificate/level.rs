//! The levels, and which check belongs to which.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a connector has come. A level holds everything that the levels below it hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It compiles, its profile is valid, and what it declares is what it implements.
    Draft,
    /// Wire-true: every scenario that applies, with exact requests, on both tiers and with two seeds, and no secret comes out.
    Bronze,
    /// Fault-true: no fault, spoilt answer, crash or forged delivery makes it report what is not known.
    Silver,
    /// Live-true: the answers were recorded from the vendor's environment in the last [`LIVE_DAYS`] days, and a second party ran
    /// everything again. No run gives it: the second party's signature does.
    Gold,
}

/// How long a recording counts as live, in days.
pub const LIVE_DAYS: i32 = 90;

/// The check that needs the vendors' descriptions, which not everybody has: it counts when it was run.
pub const OPTIONAL: &str = "descriptions";

/// The level to which each check belongs, by the check's name. A check that does not stand here denies every level.
pub const BELONGS: &[(&str, Level)] = &[
    ("spec", Level::Draft),
    ("fixtures", Level::Draft),
    ("credentials_schema", Level::Draft),
    ("undeclared", Level::Draft),
    ("answers", Level::Bronze),
    ("currency", Level::Bronze),
    ("idempotency", Level::Bronze),
    ("two_runs", Level::Bronze),
    ("two_seeds", Level::Bronze),
    ("tiers", Level::Bronze),
    ("environments", Level::Bronze),
    ("canary", Level::Bronze),
    ("money", Level::Bronze),
    ("coverage", Level::Bronze),
    ("filled", Level::Bronze),
    (OPTIONAL, Level::Bronze),
    ("faults", Level::Silver),
    ("hostile", Level::Silver),
    ("hostile_answers", Level::Silver),
    ("mutation", Level::Silver),
    ("unrecognised", Level::Silver),
    ("crash", Level::Silver),
    ("sequences", Level::Silver),
    ("tokens", Level::Silver),
    ("places", Level::Silver),
    ("webhooks", Level::Silver),
];

impl Level {
    /// Every level, the lowest first.
    pub const ALL: [Level; 4] = [Level::Draft, Level::Bronze, Level::Silver, Level::Gold];

    /// The level in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Draft => "draft",
            Level::Bronze => "bronze",
            Level::Silver => "silver",
            Level::Gold => "gold",
        }
    }

    /// What the level says of a connector.
    pub const fn claim(self) -> &'static str {
        match self {
            Level::Draft => "declared is implemented",
            Level::Bronze => "wire-true",
            Level::Silver => "fault-true",
            Level::Gold => "live-true",
        }
    }

    /// The level to which a check belongs.
    pub fn of_check(name: &str) -> Option<Level> {
        BELONGS.iter().find(|(check, _)| *check == name).map(|(_, level)| *level)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::checks::{CHECKS, FURTHER};

    /// A check without a level would count for nothing, and a level without its check would ask for nothing.
    #[test]
    fn every_check_belongs_to_one_level() {
        for (name, _) in BELONGS {
            let exists = CHECKS.iter().any(|check| check.name == *name) || FURTHER.contains(name);
            assert!(exists, "the table of levels names a check `{name}` that does not exist");
        }
        for name in CHECKS.iter().map(|check| check.name).chain(FURTHER.iter().copied()) {
            let rows = BELONGS.iter().filter(|(check, _)| *check == name).count();
            assert_eq!(rows, 1, "`{name}` stands {rows} times in the table of levels");
        }
    }
}
