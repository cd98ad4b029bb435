//! STIX 2.1 as the hub needs it: reading untrusted JSON, ids and timestamps, the ingest validator,
//! markings, the anonymised rendition of a posted object, and reports as STIX and back. Pure: no
//! IO, no clock, no ids of its own; whatever is minted comes from a function the caller hands in.

mod consistency;
mod form;
pub mod id;
pub mod json;
pub mod marking;
pub mod pattern;
pub mod portion;
mod property;
pub mod rendition;
pub mod report;
mod selector;
mod shape;
mod strip;
pub mod timestamp;
pub mod validate;

pub use id::{Class, StixId};
pub use selector::resolve_selector;
pub use validate::{Violation, validate};
