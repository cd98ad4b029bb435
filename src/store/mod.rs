//! The only SQL. One text for both databases; what differs sits in `dialect`.
//!
//! Functions take a transaction ([`Tx`]) and plain values; who may see what is decided above, and
//! arrives here as a set of audience numbers.

mod councils;
pub mod credentials;
pub mod db;
mod dialect;
pub mod feed;
pub mod items;
pub mod ledgers;
mod objects;
mod statuses;

pub use db::{Db, StoreError, Tx};
pub use feed::{Entry, Scope, Versions};
pub use items::{ItemVersion, NewItemVersion};
pub use objects::{NewObject, NewRelease};

/// Every static statement, by file: `tests/it/store.rs` prepares each on each database.
pub const QUERIES: &[(&str, &[&str])] = &[
    ("councils", councils::QUERIES),
    ("credentials", credentials::QUERIES),
    ("db", db::QUERIES),
    ("feed", feed::QUERIES),
    ("items", items::QUERIES),
    ("ledgers", ledgers::QUERIES),
    ("objects", objects::QUERIES),
    ("statuses", statuses::QUERIES),
];
