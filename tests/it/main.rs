//! The integration tests: one binary, each module one noun.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails by panicking"
)]

mod advisories;
mod anonymity;
mod api_schemas;
mod api_smoke;
mod board;
mod chaos;
mod charter;
mod conflicts;
mod console;
mod console_answers;
mod console_plan;
mod console_search;
mod control;
mod deliveries;
mod exports;
mod feedback;
mod gaps;
mod grants;
mod handling_laws;
mod handling_vectors;
mod harness;
mod hostile;
mod hostile_parts;
mod identity_variants;
mod in_force;
mod join_proof;
mod latecomers;
mod latecomers_two_hubs;
mod law_change;
mod laws;
mod ledger;
mod ledger_export;
mod levels;
mod machine;
mod mail;
mod mail_content;
mod mail_smtp;
mod markings;
mod mended;
mod once;
mod peers;
mod peers_arrival;
mod peers_medallion;
mod peers_quirks;
mod plan;
mod plan_rules;
mod portions;
mod portions_follow;
mod prove;
mod questions;
mod remade;
mod reminders;
mod route;
mod saved_bounds;
mod saved_searches;
mod search;
mod search_quality;
mod sets;
mod standing;
mod store;
mod story;
mod streams;
mod tables;
mod taxii;
mod taxii_smoke;
mod time;
mod trust;
mod walks;
