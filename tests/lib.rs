//! Nothing: the tests are in `workspace`.
