//! Playing scenarios: planning, requests, the stage in memory and on the wire, and the judgement.

pub mod built;
pub mod case;
pub mod course;
pub mod delivery;
pub mod echo;
pub mod finding;
pub mod input;
pub mod judge;
pub mod objects;
pub mod plan;
pub mod sample;
pub mod settle;
pub mod stage;
pub mod wire;
