//! The integration tests: one binary, each module one noun.

mod api_schemas;
mod api_smoke;
mod handling_laws;
mod handling_vectors;
mod harness;
mod laws;
mod levels;
mod store;
mod story;
mod taxii_smoke;
