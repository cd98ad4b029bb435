//! Sekisho (関所): the information sharing hub of a council of critical-infrastructure sectors.
//!
//! `docs/ARCHITECTURE.md` walks one report through these modules.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod council;
pub mod csaf;
pub mod delivery;
pub mod demo;
pub mod exchange;
pub mod handling;
pub mod http;
pub mod ledger;
pub mod peer;
pub mod report;
pub mod search;
pub mod stix;
pub mod store;
pub mod subscription;
pub mod verifier;
