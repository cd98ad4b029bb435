//! CSAF 2.0 and 2.1, the format that vendors and national centres write advisories in: a document
//! checked, read as a report of the kind `advisory`, and offered as a CSAF provider does.
//!
//! The schema and the tests of section 6.1 are the crate `csaf-rs`'s. Nothing here decides who may
//! read what; the module does no input or output.

mod advisory;
mod document;
mod relations;

pub mod provider;

pub use advisory::{Beside, report};
pub use document::Document;
