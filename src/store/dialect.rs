//! What differs between the two databases, each a named thing with its reason.

use crate::search::Wanted;
use crate::search::index::mark_token;

/// SQLite: takes the write lock at once, since upgrading a read lock later fails with BUSY.
pub const BEGIN_WRITE_SQLITE: &str = "BEGIN IMMEDIATE";

/// PostgreSQL: all statements of one answer see one snapshot, as they do on SQLite by itself.
pub const BEGIN_READ_POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Full text: the newest entries before `$2` that have what `$1` asks. SQLite asks FTS5, which goes
/// through its rows by number; PostgreSQL asks a GIN index.
pub const TEXT_SQLITE: &str = "SELECT rowid FROM search_gram WHERE search_gram MATCH $1 AND rowid < $2 \
     ORDER BY rowid DESC LIMIT $3";
/// See [`TEXT_SQLITE`].
pub const TEXT_POSTGRES: &str = "SELECT rowid FROM search_gram WHERE grams @@ $1::tsquery AND rowid < $2 \
     ORDER BY rowid DESC LIMIT $3";

/// PostgreSQL: tokens, hexadecimal and with blanks between, as they are; it is told that they are no text.
pub const PUT_GRAMS_POSTGRES: &str =
    "INSERT INTO search_gram (rowid, grams) VALUES ($1, $2::tsvector)";
/// See [`PUT_GRAMS_POSTGRES`]; FTS5 cuts the text at its blanks.
pub const PUT_GRAMS_SQLITE: &str = "INSERT INTO search_gram (rowid, grams) VALUES ($1, $2)";

/// How each database writes a token, one that may go on, and what joins them.
pub struct Ask {
    token: (&'static str, &'static str),
    prefix: &'static str,
    and: &'static str,
    or: &'static str,
}

/// FTS5's query language.
pub const ASK_SQLITE: Ask = Ask {
    token: ("\"", "\""),
    prefix: " *",
    and: " AND ",
    or: " OR ",
};

/// PostgreSQL's `tsquery`.
pub const ASK_POSTGRES: Ask = Ask {
    token: ("'", "'"),
    prefix: ":*",
    and: " & ",
    or: " | ",
};

impl Ask {
    /// What candidates must have, in this database's words; nothing where that is nothing.
    pub fn text(&self, wanted: &Wanted) -> Option<String> {
        match wanted {
            Wanted::All(all) => {
                let parts = all.iter().filter_map(|one| self.text(one));
                joined(parts.collect(), self.and)
            }
            Wanted::Any(any) => {
                let parts: Option<Vec<String>> = any.iter().map(|one| self.text(one)).collect();
                joined(parts?, self.or)
            }
            Wanted::Text(_, tokens) => {
                let tokens = tokens
                    .iter()
                    .map(|token| self.token(&token.text, token.prefix));
                joined(tokens.collect(), self.and)
            }
            Wanted::Mark(mark) => Some(self.token(&mark_token(mark), false)),
        }
    }

    fn token(&self, token: &str, goes_on: bool) -> String {
        let (open, close) = self.token;
        let prefix = if goes_on { self.prefix } else { "" };
        format!("{open}{token}{close}{prefix}")
    }
}

fn joined(parts: Vec<String>, with: &str) -> Option<String> {
    match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", parts.join(with))),
    }
}
