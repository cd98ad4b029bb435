//! The only SQL. One text for both databases; what differs sits in `dialect`.
//!
//! Functions take a transaction ([`Tx`]) and plain values; who may see what is decided above, and
//! arrives here as a set of audience numbers.

mod advisories;
mod approvals;
mod councils;
pub mod credentials;
pub mod db;
pub mod deliveries;
mod dialect;
pub mod due;
pub mod feed;
pub mod feedback;
mod growth;
pub mod items;
mod latecomers;
pub mod ledgers;
pub mod mail;
mod memo;
mod objects;
pub mod peers;
mod plan;
mod portions;
pub mod receipts;
pub mod saved_searches;
pub mod search;
pub mod sessions;
pub mod sets;
mod statuses;
pub mod subscriptions;
mod window;

pub use approvals::Asked;
pub use db::{Db, MIGRATIONS, StoreError, Tx};
pub use deliveries::{Attempt, Delivery};
pub use due::Due;
pub use feed::{Entry, Scope, Standing, Versions};
pub use items::{ItemVersion, NewItemVersion};
pub use mail::MailAddress;
pub use objects::{NewObject, NewRelease};
pub use peers::{PeerPlace, PeerRefused, PeerRow};
pub use portions::{EntryRow, ReadersRow};
pub use saved_searches::SavedSearch;
pub use subscriptions::Subscription;

/// Every static statement, by file: `tests/it/store.rs` prepares each on each database.
pub const QUERIES: &[(&str, &[&str])] = &[
    ("advisories", advisories::QUERIES),
    ("approvals", approvals::QUERIES),
    ("councils", councils::QUERIES),
    ("credentials", credentials::QUERIES),
    ("db", db::QUERIES),
    ("deliveries", deliveries::QUERIES),
    ("due", due::QUERIES),
    ("feed", feed::QUERIES),
    ("growth", growth::QUERIES),
    ("feedback", feedback::QUERIES),
    ("items", items::QUERIES),
    ("latecomers", latecomers::QUERIES),
    ("ledgers", ledgers::QUERIES),
    ("mail", mail::QUERIES),
    ("objects", objects::QUERIES),
    ("saved_searches", saved_searches::QUERIES),
    ("peers", peers::QUERIES),
    ("portions", portions::QUERIES),
    ("receipts", receipts::QUERIES),
    ("sessions", sessions::QUERIES),
    ("sets", sets::QUERIES),
    ("plan", plan::QUERIES),
    ("search", search::QUERIES),
    ("statuses", statuses::QUERIES),
    ("subscriptions", subscriptions::QUERIES),
];
