//! STIX 2.1.

pub mod report;
