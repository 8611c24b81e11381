//! Properties of every input from outside, tried on random ones. The properties themselves stand
//! in `fuzz/src`, where the fuzz targets try them too; here are the inputs: texts near to good
//! ones, since of arbitrary ones nearly all are refused at their first letter.

#[path = "../../fuzz/src/lib.rs"]
pub mod properties;

mod answers;
mod documents;
mod reasons;
mod rows;
mod texts;

use proptest::prelude::*;

/// So many inputs each. No file of failures: what fails is shrunk, and becomes a case of its own.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
