//! One suite for every store: what each must do, and that both do the same on random commits.

mod conformance;
mod random;
pub(crate) mod sample;
mod thread;
