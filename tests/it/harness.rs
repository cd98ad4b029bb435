//! A hub to test: on SQLite always, on PostgreSQL when `TEST_POSTGRES_URL` names a server.
//!
//! `both! { name => |hub| … }` makes `sqlite::name` and `postgres::name` of one body.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use sekisho::clock::Clock;
use sekisho::exchange::dry_run::Preview;
use sekisho::exchange::publish::{Published, Submission};
use sekisho::exchange::read::{Listing, ObjectEntry, ObjectQuery, ReportView};
use sekisho::exchange::{Caller, Credential, Exchange, Refusal};
use sekisho::handling::Channel;
use sekisho::store::Db;
use serde_json::Value;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Makes one test per database of one body.
macro_rules! both {
    ($($(#[$doc:meta])* $name:ident => |$hub:ident| $body:block)+) => {
        $($(#[$doc])* async fn $name($hub: $crate::harness::TestHub) $body)+
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let hub = $crate::harness::TestHub::open($crate::harness::Backend::Sqlite).await;
                if let Some(hub) = hub { super::$name(hub).await; }
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let hub = $crate::harness::TestHub::open($crate::harness::Backend::Postgres).await;
                if let Some(hub) = hub { super::$name(hub).await; }
            })+
        }
    };
}
pub(crate) use both;

pub struct TestHub {
    pub exchange: Exchange,
    pub clock: Clock,
    pub address: String,
    _dir: tempfile::TempDir,
}

pub fn start() -> DateTime<Utc> {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

static DATABASES: AtomicU32 = AtomicU32::new(0);

impl TestHub {
    /// `None` only for PostgreSQL in the quick loop, where no server is named; `tests/run` names
    /// one and demands it.
    pub async fn open(backend: Backend) -> Option<Self> {
        let hub = Self::open_bare(backend, None).await?;
        Some(hub.with_demo().await)
    }

    /// A hub of nothing with a given secret, so that two hubs can be compared byte for byte.
    pub async fn bare_with_secret(&self, secret: &[u8]) -> Self {
        let hub = Self::open_bare(self.backend(), Some(secret)).await.unwrap();
        hub.clock.advance_micros(1_000_000);
        hub
    }

    /// An empty hub with a given secret.
    pub async fn fresh_with_secret(&self, secret: &[u8]) -> Self {
        let hub = Self::open_bare(self.backend(), Some(secret)).await.unwrap();
        hub.with_demo().await
    }

    fn backend(&self) -> Backend {
        if self.address.starts_with("sqlite") {
            Backend::Sqlite
        } else {
            Backend::Postgres
        }
    }

    async fn open_bare(backend: Backend, secret: Option<&[u8]>) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let address = match backend {
            Backend::Sqlite => format!("sqlite:{}", dir.path().join("hub.sqlite").display()),
            Backend::Postgres => fresh_postgres().await?,
        };
        let clock = Clock::manual(start());
        let db = Db::open(&address).await.unwrap();
        if let Some(secret) = secret {
            let mut tx = db.write().await.unwrap();
            tx.secret("hub", secret).await.unwrap();
            tx.commit().await.unwrap();
        }
        let exchange = Exchange::open(db, clock.clone()).await.unwrap();
        Some(Self {
            exchange,
            clock,
            address,
            _dir: dir,
        })
    }

    async fn with_demo(self) -> Self {
        let council = self.exchange.apply_council(sekisho::demo::COUNCIL);
        council.await.unwrap();
        self.clock.advance_micros(1_000_000);
        self
    }

    /// An empty hub on the same kind of database.
    pub async fn fresh(&self) -> Self {
        let backend = if self.address.starts_with("sqlite") {
            Backend::Sqlite
        } else {
            Backend::Postgres
        };
        Self::open(backend).await.unwrap()
    }

    /// Another hub process' worth of hub on the same database.
    pub async fn another(&self) -> Exchange {
        let db = Db::open(&self.address).await.unwrap();
        Exchange::open(db, self.clock.clone()).await.unwrap()
    }

    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance_micros(by.num_microseconds().unwrap());
    }

    pub async fn caller(&self, name: &str) -> Caller {
        let caller = self.exchange.caller(name).await.unwrap();
        caller.unwrap_or_else(|| panic!("`{name}` is not in the demo council"))
    }

    /// Publishes, after the clock has moved.
    pub async fn publish(&self, who: &str, report: &Value) -> Result<Published, Refusal> {
        self.advance(TimeDelta::seconds(1));
        let caller = self.caller(who).await;
        let submission = Submission {
            bytes: report.to_string().into_bytes(),
            ..Submission::default()
        };
        self.exchange.publish(&caller, submission).await
    }

    /// What publishing this report would do.
    pub async fn dry_run(&self, who: &str, report: &Value) -> Preview {
        let caller = self.caller(who).await;
        let submission = Submission {
            bytes: report.to_string().into_bytes(),
            ..Submission::default()
        };
        self.exchange.dry_run(&caller, &submission).await.unwrap()
    }

    /// Answers yes for everyone an item waits for, in the directory's order, never one person twice.
    pub async fn approve(&self, report: &str) -> String {
        let mut state = "held".to_owned();
        let mut used = Vec::new();
        let names: Vec<String> = self
            .exchange
            .directory()
            .principals()
            .filter(|p| p.has("poc") || p.has("ot_lead") || p.has("member"))
            .map(|p| p.id.to_string())
            .collect();
        for name in names {
            let caller = self.caller(&name).await;
            let (requests, _) = self.exchange.approvals(&caller, None, 100).await.unwrap();
            for request in requests {
                let id = request.report.clone().or(request.object.clone()).unwrap();
                if id == report && !used.contains(&request.approver) {
                    self.advance(TimeDelta::seconds(1));
                    match self.exchange.answer(&caller, &request.id, true, "").await {
                        Ok(answered) => state = answered.state,
                        Err(Refusal::Forbidden(_)) => continue,
                        Err(other) => panic!("{other:?}"),
                    }
                    used.push(request.approver);
                }
            }
        }
        state
    }

    /// Every report a principal sees (`None`: without logging in), newest first, page by page.
    pub async fn reports(&self, who: Option<&str>) -> Vec<ReportView> {
        let caller = match who {
            Some(name) => Some(self.caller(name).await),
            None => None,
        };
        let view = self
            .exchange
            .view(caller.as_ref(), Channel::Rest)
            .await
            .unwrap();
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let listing = Listing {
                limit: 2,
                ..Listing::default()
            };
            let (page, next) = self
                .exchange
                .reports(&view, cursor.as_deref(), &listing)
                .await
                .unwrap();
            all.extend(page);
            cursor = next;
            if cursor.is_none() {
                return all;
            }
        }
    }

    /// Every object a principal sees over TAXII, oldest first, page by page.
    pub async fn objects(&self, who: Option<&str>) -> Vec<ObjectEntry> {
        let caller = match who {
            Some(name) => Some(self.caller(name).await),
            None => None,
        };
        let view = self
            .exchange
            .view(caller.as_ref(), Channel::Taxii)
            .await
            .unwrap();
        let mut all: Vec<ObjectEntry> = Vec::new();
        loop {
            let query = ObjectQuery {
                added_after: all.last().map(|last| last.added),
                limit: 7,
                ..ObjectQuery::default()
            };
            let (page, more) = self.exchange.objects(&view, &query).await.unwrap();
            all.extend(page);
            if !more {
                return all;
            }
        }
    }

    /// A key for a principal.
    pub async fn key(&self, who: &str) -> String {
        self.exchange.issue(who, Credential::Key).await.unwrap()
    }

    /// Serves the hub on a free port of this machine; the URL.
    pub async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = sekisho::http::router(self.exchange.clone());
        let streams = self.exchange.clone();
        tokio::spawn(async move { streams.serve_streams().await });
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

async fn fresh_postgres() -> Option<String> {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
        assert!(
            std::env::var("SEKISHO_REQUIRE_POSTGRES").is_err(),
            "PostgreSQL is demanded and TEST_POSTGRES_URL is not set"
        );
        return None;
    };
    let name = format!(
        "t{}_{}",
        std::process::id(),
        DATABASES.fetch_add(1, Ordering::SeqCst)
    );
    let pool = sqlx::PgPool::connect(&server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    Some(server.replacen("/postgres?", &format!("/{name}?"), 1))
}

/// A sample case's report, as the demo publishes it.
/// The demo's cases: who publishes, and what.
pub fn cases() -> Vec<(String, Value)> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../demo/cases.json")).unwrap();
    let case = |case: Value| {
        let who = case["publisher"].as_str().unwrap().to_owned();
        (who, case["report"].clone())
    };
    cases.into_iter().map(case).collect()
}

pub fn sample(reference: &str) -> Value {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../demo/cases.json")).unwrap();
    let case = cases
        .into_iter()
        .find(|case| case["report"]["reference"] == reference)
        .unwrap_or_else(|| panic!("no sample case {reference}"));
    case["report"].clone()
}

/// A council file without its charter's table of cases: a change of the directory may make them
/// come out otherwise, which is a fault of the file and not what the test is about.
pub fn without_cases(text: &str) -> String {
    let mut file: toml::Table = toml::from_str(text).unwrap();
    if let Some(charter) = file.get_mut("charter").and_then(toml::Value::as_table_mut) {
        charter.remove("cases");
    }
    toml::to_string(&file).unwrap()
}
