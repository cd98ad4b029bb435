//! The integration tests: one binary, each module one noun.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails by panicking"
)]

mod api_schemas;
mod api_smoke;
mod control;
mod handling_laws;
mod handling_vectors;
mod harness;
mod latecomers;
mod laws;
mod levels;
mod machine;
mod store;
mod story;
mod taxii_smoke;
mod time;
