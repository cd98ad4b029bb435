//! Use cases. They own the transactions, ask the rule, and are all that any surface calls.
//!
//! [`access`] says who is calling, [`gate`] what the caller may see, [`intake`] checks and resolves
//! what is sent, [`publish`] writes it, [`approve`] lets it leave its CEPTOAR, [`read`] serves it.

pub mod access;
mod anew;
pub mod anonymity;
pub mod approve;
pub mod arrival;
pub mod audience;
pub mod board;
pub mod compare;
mod cut;
pub mod delete;
pub mod deliveries;
mod document;
pub mod dossier;
pub mod dry_run;
mod facts;
pub mod fan_out;
pub mod feedback;
mod forms;
pub mod gate;
pub mod hold;
mod in_force;
pub mod intake;
mod latecomers;
mod listen;
pub mod mail;
mod mapping;
pub mod markings;
pub mod narrow;
pub mod news;
pub mod notices;
pub mod objects;
pub mod once;
mod parts;
mod peer_arrival;
mod peer_outgoing;
pub mod peers;
pub mod plan;
mod portions;
pub mod proof;
pub mod publish;
pub mod read;
mod readers;
mod receipts;
pub mod refusal;
mod refused;
mod release;
mod remake;
mod reminders;
mod renditions;
pub mod revise;
pub mod route;
mod safety;
pub mod scheme_plan;
pub mod search;
pub mod secret;
pub mod sessions;
pub mod sets;
mod settle;
mod sharing_group;
mod stamps;
mod stand_in;
mod stricter;
pub mod subscriptions;
mod supports;
pub mod suppress;
pub mod time;
mod versions;
pub mod view_only;
pub mod ways_out;
mod widen;
pub mod withdraw;
mod writer;

use std::sync::{Arc, OnceLock, RwLock};

use serde_json::Value;

use crate::clock::{Clock, random};
use crate::council::{CouncilFile, Directory};
use crate::store::{Db, StoreError, Tx};
use crate::subscription::{Mailing, Receivers};

pub use access::{Caller, Credential, Presented};
pub use gate::View;
pub use refusal::{Fault, Refusal};

use gate::Audiences;
use secret::Secret;
use writer::Writer;

/// The hub: a database, a clock, the directory in force, and the one that writes.
#[derive(Clone, Debug)]
pub struct Exchange(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Clock,
    secret: Secret,
    writer: Writer,
    directory: RwLock<Arc<Directory>>,
    audiences: Audiences,
    noted: receipts::Noted,
    followers: listen::Followers,
    growth: listen::Growth,
    deliverable: tokio::sync::Notify,
    receivers: OnceLock<Receivers>,
    mailing: OnceLock<Mailing>,
    session_limits: OnceLock<sessions::Limits>,
    /// Walks through many reports that are under way: each holds a connection that others want.
    walking: tokio::sync::Semaphore,
    /// Plans of drafts under way, which nothing stops: each takes a core.
    planning: Arc<tokio::sync::Semaphore>,
}

impl Exchange {
    /// Opens a hub on a database. Without a council it starts, and knows nobody.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn open(db: Db, clock: Clock) -> Result<Self, Refusal> {
        let fresh = random::<32>()?;
        let mut tx = db.write().await?;
        let secret = Secret::new(&tx.secret("hub", &fresh).await?);
        let council = tx.council().await?;
        tx.commit().await?;
        let directory = match council {
            Some((version, text)) => parse(version, &text)?,
            None => empty_directory(&secret),
        };
        let growth = listen::Growth::default();
        Ok(Self(Arc::new(Inner {
            writer: Writer::start(db.clone(), growth.clone()),
            db,
            clock,
            secret,
            directory: RwLock::new(Arc::new(directory)),
            audiences: Audiences::default(),
            noted: receipts::Noted::default(),
            followers: listen::Followers::default(),
            growth,
            deliverable: tokio::sync::Notify::new(),
            receivers: OnceLock::new(),
            mailing: OnceLock::new(),
            session_limits: OnceLock::new(),
            walking: tokio::sync::Semaphore::new(search::WALKS_AT_ONCE),
            planning: Arc::new(tokio::sync::Semaphore::new(1)),
        })))
    }

    /// The hub's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The hub's secret, for sealing cursors.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0.secret
    }

    fn db(&self) -> &Db {
        &self.0.db
    }

    fn writer(&self) -> &Writer {
        &self.0.writer
    }

    /// Says where deliveries may go beside public addresses; once, before serving.
    pub fn allow_receivers(&self, receivers: Receivers) {
        let _ = self.0.receivers.set(receivers);
    }

    /// Where deliveries may go.
    #[must_use]
    pub fn receivers(&self) -> Receivers {
        self.0.receivers.get().cloned().unwrap_or_default()
    }

    /// Says how long sessions last; once, before serving.
    pub fn limit_sessions(&self, limits: sessions::Limits) {
        let _ = self.0.session_limits.set(limits);
    }

    /// How long sessions last, and how their cookie is sent.
    #[must_use]
    pub fn session_limits(&self) -> sessions::Limits {
        self.0.session_limits.get().copied().unwrap_or_default()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ready(&self) -> Result<(), Refusal> {
        self.refresh().await.map(|_| ())
    }

    /// The directory as this process last saw it.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        match self.0.directory.read() {
            Ok(directory) => Arc::clone(&directory),
            // A writer that panicked left a whole directory behind: it swaps one pointer.
            Err(poisoned) => Arc::clone(&poisoned.into_inner()),
        }
    }

    /// The directory in force, whichever hub applied it.
    ///
    /// # Errors
    /// When the database fails, or holds a file that does not parse.
    pub async fn refresh(&self) -> Result<Arc<Directory>, Refusal> {
        let version = self.db().glance().await?.council_version().await?;
        self.directory_of(version).await
    }

    /// The directory in force, where this version of the council file was just seen to be it.
    pub(crate) async fn directory_of(&self, version: i64) -> Result<Arc<Directory>, Refusal> {
        let known = self.directory();
        if version == known.version() {
            return Ok(known);
        }
        let Some((version, text)) = self.db().glance().await?.council().await? else {
            return Ok(known);
        };
        let directory = Arc::new(parse(version, &text)?);
        self.install(&directory);
        Ok(directory)
    }

    fn install(&self, directory: &Arc<Directory>) {
        let mut slot = match self.0.directory.write() {
            Ok(slot) => slot,
            Err(poisoned) => poisoned.into_inner(),
        };
        *slot = Arc::clone(directory);
    }

    /// Puts a council file in force; one that is in force already changes nothing.
    ///
    /// # Errors
    /// Every fault of the file, or the database's failure.
    pub async fn apply_council(&self, text: &str) -> Result<i64, Refusal> {
        let file = CouncilFile::parse(text).map_err(|faults| {
            let fault =
                |fault: crate::council::Fault| Fault::at(fault.place, "council", fault.message);
            Refusal::Invalid(faults.into_iter().map(fault).collect())
        })?;
        let (text, now) = (text.to_owned(), self.clock().now_micros());
        let (exchange, next) = (self.clone(), file.clone());
        let version = self
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    if let Some((version, in_force)) = tx.council().await?
                        && in_force == text
                    {
                        return Ok(version);
                    }
                    let former = tx.council().await?;
                    let version = tx.council_version().await? + 1;
                    tx.apply_council(version, now, &text).await?;
                    let next = Directory::new(version, next);
                    exchange.changed(tx, former, &next, now).await?;
                    let digest = secret::sha256(text.as_bytes());
                    record(tx, now, &[], &serde_json::json!({
                        "decision": "council.applied", "version": version, "sha256": hex(&digest),
                    }))
                    .await?;
                    Ok(version)
                })
            })
            .await?;
        self.install(&Arc::new(Directory::new(version, file)));
        Ok(version)
    }
}

impl Exchange {
    /// What follows at once from a council file that takes another's place.
    async fn changed(
        &self,
        tx: &mut Tx,
        former: Option<(i64, String)>,
        next: &Directory,
        now: i64,
    ) -> Result<(), Refusal> {
        self.next_midnight(tx, now).await?;
        let Some((version, text)) = former else {
            return Ok(());
        };
        let known = self.directory();
        let former = if known.version() == version {
            known
        } else {
            Arc::new(parse(version, &text)?) // applied by another hub since
        };
        let at = chrono::DateTime::from_timestamp_micros(now).unwrap_or_default();
        self.tighten_all(tx, (&former, at), (next, at), now).await?;
        self.welcome(tx, (&former, at), (next, at), now).await
    }
}

fn parse(version: i64, text: &str) -> Result<Directory, StoreError> {
    CouncilFile::parse(text)
        .map(|file| Directory::new(version, file))
        .map_err(|faults| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            StoreError::Corrupt(format!("council version {version}: {first}"))
        })
}

fn empty_directory(secret: &Secret) -> Directory {
    Directory::new(
        0,
        CouncilFile {
            council: crate::council::file::CouncilEntry {
                name: crate::council::Localised::default(),
                namespace: secret.uuid("namespace", &[]),
            },
            sectors: Vec::new(),
            schemes: Vec::new(),
            charter: crate::council::charter::Charter::default(),
            bodies: Vec::new(),
            principals: Vec::new(),
            sharing_groups: Vec::new(),
        },
    )
}

/// Appends one decision to the ledger, in the transaction that carries it out (law 9).
///
/// `parties` are the bodies that took part in it; [`proof`] says who of them may open it.
async fn record(tx: &mut Tx, at: i64, parties: &[&str], decision: &Value) -> Result<(), Refusal> {
    proof::record(tx, at, parties, decision).await
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
