//! Searching reports, as far as it needs no database: folding text, reading a query, deciding whether
//! a report matches, how well, and where (law 4: from the reader's text alone).
//!
//! The store's full text index only names candidates; [`matching`] decides, so that both databases
//! give the same bytes. Who may read what is not asked here.

pub mod document;
pub mod fold;
pub mod index;
pub mod matching;
pub mod query;
pub mod similar;
pub mod words;

pub use document::Document;
pub use index::{Indexed, Kept, Token, Wanted};
pub use matching::{Match, Matched, Segment};
pub use query::{Fault, Query};
pub use words::Vocabulary;
