//! What differs between the two databases, each a named thing with its reason.

/// SQLite: takes the write lock at once, since upgrading a read lock later fails with BUSY.
pub const BEGIN_WRITE_SQLITE: &str = "BEGIN IMMEDIATE";

/// PostgreSQL: all statements of one answer see one snapshot, as they do on SQLite by itself.
pub const BEGIN_READ_POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
