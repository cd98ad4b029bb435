//! Connections, transactions and migrations.
//!
//! Traps this file keeps us out of: SQLite upgrades a read lock badly, so a write transaction
//! starts with `BEGIN IMMEDIATE` on the only writing connection; a sequence is no commit order, so
//! numbers come from a counter row inside the transaction; times are whole microseconds.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Database, Postgres, SqlStr, Sqlite, Transaction};

use super::dialect;
use super::memo::Memo;

/// The database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is neither `sqlite:…` nor `postgres://…`.
    #[error("`{0}` is no database address; use sqlite:FILE or postgres://…")]
    Address(String),
    /// What is stored does not read as what it should be.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// Any other failure of the database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error(transparent)]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}

/// So many prepared statements each connection keeps.
const STATEMENTS: usize = 300;

/// So many rows of an answer SQLite's thread makes ahead of who reads them: a whole page.
const ROWS_WAITING: usize = 1024;

/// One of the two databases.
#[derive(Clone, Debug)]
pub enum Db {
    /// Embedded: one writer, a few readers.
    Sqlite {
        /// The only connection that writes.
        write: SqlitePool,
        /// Connections that read.
        read: SqlitePool,
    },
    /// A server shared by any number of hubs.
    Postgres(PgPool),
}

/// A transaction on either database, with what it has learnt.
pub struct Tx {
    pub(super) on: On,
    pub(super) memo: Memo,
}

/// Which database a transaction is on.
pub(super) enum On {
    Sqlite(Conn<Sqlite>),
    Postgres(Conn<Postgres>),
}

/// A connection for several statements that see one state, or for one, which is a transaction of its own.
pub(super) enum Conn<D: Database> {
    Within(Transaction<'static, D>),
    Alone(PoolConnection<D>),
}

impl<D: Database> Conn<D> {
    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Within(tx) => tx.commit().await,
            Self::Alone(_) => Ok(()),
        }
    }
}

impl<D: Database> Deref for Conn<D> {
    type Target = D::Connection;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Within(tx) => tx,
            Self::Alone(conn) => conn,
        }
    }
}

impl<D: Database> DerefMut for Conn<D> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Within(tx) => tx,
            Self::Alone(conn) => conn,
        }
    }
}

impl From<On> for Tx {
    fn from(on: On) -> Self {
        let memo = Memo::default();
        Self { on, memo }
    }
}

/// Runs one body on whichever database the transaction is on.
macro_rules! on {
    ($tx:expr, $conn:ident => $body:expr) => {
        match &mut $tx.on {
            $crate::store::db::On::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            $crate::store::db::On::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
}
pub(super) use on;

/// A migration of both folders by its number and name. Append, never edit.
macro_rules! migration {
    ($folder:literal, $number:literal, $name:literal, $file:literal) => {
        (
            $number,
            $name,
            include_str!(concat!("../../migrations/", $folder, $file)),
        )
    };
}

macro_rules! migrations {
    ($folder:literal) => {
        &[
            migration!($folder, 1, "checkpoint", "/0001_checkpoint.sql"),
            migration!($folder, 2, "time", "/0002_time.sql"),
            migration!($folder, 3, "latecomers", "/0003_latecomers.sql"),
            migration!($folder, 4, "charter facts", "/0004_charter_facts.sql"),
            migration!($folder, 5, "ledger", "/0005_ledger.sql"),
            migration!($folder, 6, "portions", "/0006_portions.sql"),
            migration!($folder, 7, "subscriptions", "/0007_subscriptions.sql"),
            migration!($folder, 8, "peers", "/0008_peers.sql"),
            migration!($folder, 9, "feedback", "/0009_feedback.sql"),
            migration!($folder, 10, "mail", "/0010_mail.sql"),
            migration!($folder, 11, "told", "/0011_told.sql"),
            migration!($folder, 12, "search", "/0012_search.sql"),
            migration!($folder, 13, "sessions", "/0013_sessions.sql"),
            migration!($folder, 14, "working sets", "/0014_working_sets.sql"),
            migration!($folder, 15, "saved searches", "/0015_saved_searches.sql"),
            migration!($folder, 16, "facts", "/0016_facts.sql"),
        ]
    };
}

/// A migration: number, name, text.
pub type MigrationText = (i64, &'static str, &'static str);
const SQLITE: &[MigrationText] = migrations!("sqlite");
const POSTGRES: &[MigrationText] = migrations!("postgres");

/// The migrations of both folders, number, name and text, in the order they run.
pub const MIGRATIONS: [&[MigrationText]; 2] = [SQLITE, POSTGRES];

fn migrator(list: &'static [MigrationText]) -> Migrator {
    Migrator::with_migrations(
        list.iter()
            .map(|(number, name, sql)| {
                Migration::new(
                    *number,
                    (*name).into(),
                    MigrationType::Simple,
                    SqlStr::from_static(sql),
                    false,
                )
            })
            .collect(),
    )
}

impl Db {
    /// Opens a database by address and brings its tables up to date.
    ///
    /// `sqlite:FILE` is made where it does not exist; `sqlite::memory:` lives as long as the hub.
    ///
    /// # Errors
    /// When the address is none, or the database cannot be opened or migrated.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        let db = if address.starts_with("sqlite:") {
            Self::open_sqlite(address).await?
        } else if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(address)?
                .application_name("sekisho")
                .statement_cache_capacity(STATEMENTS);
            Self::Postgres(
                PgPoolOptions::new()
                    .max_connections(16)
                    .connect_with(options)
                    .await?,
            )
        } else {
            return Err(StoreError::Address(address.to_owned()));
        };
        match &db {
            Self::Sqlite { write, .. } => migrator(SQLITE).run(write).await?,
            Self::Postgres(pool) => migrator(POSTGRES).run(pool).await?,
        }
        Ok(db)
    }

    async fn open_sqlite(address: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(address)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: an acknowledged publish survives a power cut (law 5).
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            // A page of rows comes in one go, not with a wait of both threads every fifty rows.
            .row_buffer_size(ROWS_WAITING)
            // Inserts of several rows are a statement for each number of rows.
            .statement_cache_capacity(STATEMENTS)
            .foreign_keys(true);
        make_private(&options);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        let read = if address.contains(":memory:") {
            write.clone() // a second connection would be a second, empty database
        } else {
            SqlitePoolOptions::new()
                .max_connections(4)
                .connect_with(options)
                .await?
        };
        Ok(Self::Sqlite { write, read })
    }

    /// Starts a transaction that writes.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { write, .. } => On::Sqlite(Conn::Within(
                write.begin_with(dialect::BEGIN_WRITE_SQLITE).await?,
            )),
            Self::Postgres(pool) => On::Postgres(Conn::Within(pool.begin().await?)),
        }
        .into())
    }

    /// Starts a transaction that only reads.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => On::Sqlite(Conn::Within(read.begin().await?)),
            Self::Postgres(pool) => {
                let begun = pool.begin_with(dialect::BEGIN_READ_POSTGRES).await?;
                On::Postgres(Conn::Within(begun))
            }
        }
        .into())
    }

    /// For one statement that reads: it sees one state by itself, and is spared a transaction's
    /// beginning and end. What several of them say may be of different states.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn glance(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => On::Sqlite(Conn::Alone(read.acquire().await?)),
            Self::Postgres(pool) => On::Postgres(Conn::Alone(pool.acquire().await?)),
        }
        .into())
    }

    /// The database's name, for messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Prepares a statement without running it.
    ///
    /// # Errors
    /// When the database does not accept it.
    pub async fn prepare(&self, sql: &'static str) -> Result<(), StoreError> {
        use sqlx::Executor;
        let sql = SqlStr::from_static(sql);
        match self {
            Self::Sqlite { write, .. } => drop(write.prepare(sql).await?),
            Self::Postgres(pool) => drop(pool.prepare(sql).await?),
        }
        Ok(())
    }
}

/// The file holds the hub's secrets: a new one is its owner's alone.
fn make_private(options: &SqliteConnectOptions) {
    let mut file = std::fs::OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    if !options.get_filename().as_os_str().is_empty()
        && options
            .get_filename()
            .parent()
            .is_some_and(std::path::Path::is_dir)
    {
        let _ = file.open(options.get_filename()); // one that exists stays as it is
    }
}

pub(super) const QUERIES: &[&str] = &[NEXT, LOCK, SECRET, PUT_SECRET];

// INVARIANT: the row stays locked until commit, so numbers appear in commit order, and everything
// that must be seen in that order (stamps, audiences, ledger) takes its number here.
const NEXT: &str = "UPDATE counter SET value = \
     CASE WHEN value + 1 > $1 THEN value + $2 ELSE $1 + $2 - 1 END \
     WHERE name = $3 RETURNING value";
const LOCK: &str = "UPDATE counter SET value = value WHERE name = $1 RETURNING value";
const SECRET: &str = "SELECT value FROM hub WHERE name = $1";
const PUT_SECRET: &str =
    "INSERT INTO hub (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

impl Tx {
    /// Commits.
    ///
    /// # Errors
    /// When the database does not confirm.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.on {
            On::Sqlite(tx) => tx.commit().await?,
            On::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Takes `count` consecutive numbers of a counter, all at least `floor` and greater than any
    /// taken before; the first is returned. Holds the counter until commit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take(&mut self, counter: &str, floor: i64, count: i64) -> Result<i64, StoreError> {
        let (last,): (i64,) = on!(self, conn => sqlx::query_as(NEXT)
            .bind(floor).bind(count).bind(counter).fetch_one(conn).await?);
        Ok(last - count + 1)
    }

    /// Waits until no other transaction holds the counter, and holds it until commit; the last
    /// number taken.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lock(&mut self, counter: &str) -> Result<i64, StoreError> {
        let (last,): (i64,) =
            on!(self, conn => sqlx::query_as(LOCK).bind(counter).fetch_one(conn).await?);
        Ok(last)
    }

    /// A secret of the hub; the first to ask makes it from `fresh`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn secret(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        on!(self, conn => { sqlx::query(PUT_SECRET).bind(name).bind(fresh).execute(conn).await?; });
        let (value,): (Vec<u8>,) =
            on!(self, conn => sqlx::query_as(SECRET).bind(name).fetch_one(conn).await?);
        Ok(value)
    }

    /// Starts a part that can be undone alone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn savepoint(&mut self) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::raw_sql("SAVEPOINT part").execute(conn).await?; });
        Ok(())
    }

    /// Keeps the part.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep(&mut self) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::raw_sql("RELEASE SAVEPOINT part").execute(conn).await?; });
        Ok(())
    }

    /// Undoes the part.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn undo(&mut self) -> Result<(), StoreError> {
        self.memo = Memo::default(); // what was learnt may be of what is undone
        on!(self, conn => { sqlx::raw_sql("ROLLBACK TO SAVEPOINT part").execute(conn).await?; });
        Ok(())
    }
}
