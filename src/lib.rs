pub mod report;
pub mod stix;
