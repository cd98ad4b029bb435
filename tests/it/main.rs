//! The integration tests: one binary, each module one noun.

mod handling_laws;
mod handling_vectors;
mod taxii_smoke;
