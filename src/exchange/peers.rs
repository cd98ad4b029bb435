//! Where the hub stands with its peers: who of several processes is at a collection, how far it got,
//! what failed. What arrives is in `peer_arrival`, what leaves in `peer_outgoing`; the talking is done
//! in `peer`. Nothing here knows how a peer is reached.

use serde::Serialize;

use super::Exchange;
use super::access::Caller;
use super::refusal::Refusal;
use crate::council::body::role;
use crate::stix::timestamp::format_taxii;
use crate::store::PeerRow;

pub use super::peer_arrival::{Arrival, Arrived};
pub use super::peer_outgoing::{Leaving, Outgoing, Towards};
pub use crate::store::{PeerPlace, PeerRefused};

/// From a peer to the hub.
pub const PULL: &str = "pull";
/// From the hub to a peer.
pub const PUSH: &str = "push";

/// So many refusals of each peer are kept, the newest: enough to see what is wrong with it.
const REFUSED_KEPT: i64 = 1000;

/// A place that a process holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// The place.
    pub place: PeerPlace,
    /// The process.
    pub holder: String,
    /// For how long it holds the place after each sign of life, in microseconds.
    pub for_micros: i64,
}

/// How far a place got when it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The mark, as [`Step`] left it.
    pub mark: Option<String>,
    /// How often it failed since it last succeeded.
    pub failures: i64,
}

/// A page that is done: where the mark is now, what passed with it, what did not.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// The mark.
    pub mark: Option<String>,
    /// STIX ids and digests of the content.
    pub passed: Vec<(String, Vec<u8>)>,
    /// What did not pass.
    pub refused: Vec<PeerRefused>,
    /// How many of those that passed were news.
    pub news: usize,
}

/// A collection of a peer, as whoever runs the hub sees it: how it goes, and nothing of any content.
#[derive(Debug, Serialize)]
pub struct PeerView {
    /// Peer, collection and way.
    pub id: String,
    /// The peer, by its name in the settings.
    pub peer: String,
    /// The collection, as the settings write it.
    pub collection: String,
    /// `pull` or `push`.
    pub direction: String,
    /// When it was tried last.
    pub tried_at: Option<String>,
    /// The last round that came to its end.
    pub succeeded_at: Option<String>,
    /// The last time that something passed.
    pub moved_at: Option<String>,
    /// Not tried again before.
    pub next_at: String,
    /// How often it failed since it last succeeded.
    pub failures: i64,
    /// The last failure, also one that is over.
    pub last_failure: Option<String>,
    /// Whether a process is at it now.
    pub running: bool,
    /// Objects that passed, in all.
    pub passed: i64,
    /// Objects that did not, of those that are remembered.
    pub refused: i64,
}

impl Exchange {
    /// Takes a place for a process, where it is due and no other is at it. `early` takes it before it
    /// is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_peer(&self, held: &Held, early: bool) -> Result<Option<Taken>, Refusal> {
        let now = self.clock().now_micros();
        let due = if early { i64::MAX } else { now };
        // Most looks find nothing due, and need not write.
        let rows = self.db().read().await?.peers().await?;
        let row = rows.iter().find(|row| is_at(row, &held.place));
        let free = |row: &PeerRow| {
            let other = row.held.as_ref();
            other.is_none_or(|(holder, until)| *holder == held.holder || *until <= now)
        };
        if row.is_some_and(|row| row.next_at > due || !free(row)) {
            return Ok(None);
        }
        let known = row.is_some();
        let held = held.clone();
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    if !known {
                        tx.add_peer(&held.place).await?;
                    }
                    let until = now.saturating_add(held.for_micros);
                    let taken = tx
                        .take_peer(&held.place, &held.holder, until, (now, due))
                        .await?;
                    Ok(taken.map(|(mark, failures)| Taken { mark, failures }))
                })
            })
            .await
    }

    /// Says that a process is still at its place; `false` where the place is another's by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_peer(&self, held: &Held) -> Result<bool, Refusal> {
        let until = self.clock().now_micros().saturating_add(held.for_micros);
        let held = held.clone();
        self.writer()
            .write(move |tx| {
                Box::pin(async move { Ok(tx.keep_peer(&held.place, &held.holder, until).await?) })
            })
            .await
    }

    /// Notes that a page is done, after what it brought has been committed: a crash before this
    /// repeats the page, and repeats nothing. `false` where the place is another's by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step_peer(&self, held: &Held, step: Step) -> Result<bool, Refusal> {
        let now = self.clock().now_micros();
        let held = held.clone();
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    let until = now.saturating_add(held.for_micros);
                    let news = i64::try_from(step.news).unwrap_or(i64::MAX);
                    let (place, holder) = (&held.place, (held.holder.as_str(), until));
                    let mark = step.mark.as_deref();
                    if !tx.move_peer(place, holder, mark, now, news).await? {
                        return Ok(false);
                    }
                    let way = (place.peer.as_str(), place.way);
                    for (id, digest) in &step.passed {
                        tx.add_passed(way, id, digest, now).await?;
                    }
                    for refused in &step.refused {
                        tx.add_peer_refused(way, refused, now, REFUSED_KEPT).await?;
                    }
                    Ok(true)
                })
            })
            .await
    }

    /// Ends a round and gives the place back: when the next is due, in microseconds, and what went
    /// wrong, where something did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_peer(
        &self,
        held: &Held,
        next_at: i64,
        failure: Option<String>,
    ) -> Result<(), Refusal> {
        let (now, held) = (self.clock().now_micros(), held.clone());
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    let failure = failure.as_deref();
                    Ok(tx
                        .end_peer(&held.place, &held.holder, next_at, failure, now)
                        .await?)
                })
            })
            .await
    }

    /// How it goes with every peer, for who runs the hub.
    ///
    /// # Errors
    /// When the caller is no `admin`.
    pub async fn peers(&self, caller: &Caller) -> Result<Vec<PeerView>, Refusal> {
        if !caller.has(role::ADMIN) {
            return Err(Refusal::Forbidden(
                "looking after peers needs the role `admin`".to_owned(),
            ));
        }
        self.all_peers().await
    }

    /// The same for the operator at the machine, who needs no login.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_peers(&self) -> Result<Vec<PeerView>, Refusal> {
        let now = self.clock().now_micros();
        let mut tx = self.db().read().await?;
        let counts = tx.peer_refused_counts().await?;
        let rows = tx.peers().await?;
        let view = |row: PeerRow| {
            let refused = counts.iter().find(|(peer, way, _)| {
                (peer.as_str(), way.as_str()) == (row.peer.as_str(), row.way.as_str())
            });
            PeerView {
                id: format!("{} {} {}", row.peer, row.collection, row.way),
                refused: refused.map_or(0, |(_, _, count)| *count),
                running: row.held.is_some_and(|(_, until)| until > now),
                tried_at: row.tried_at.map(format_taxii),
                succeeded_at: row.done_at.map(format_taxii),
                moved_at: row.moved_at.map(format_taxii),
                next_at: format_taxii(row.next_at),
                failures: row.failures,
                last_failure: row.failure,
                passed: row.passed,
                peer: row.peer,
                collection: row.collection,
                direction: row.way,
            }
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// What did not pass between the hub and a peer, newest first: way, object, instant. It names
    /// items whoever may see them, so it is for the operator at the machine alone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn peer_refused(
        &self,
        peer: &str,
    ) -> Result<Vec<(String, PeerRefused, i64)>, Refusal> {
        let mut tx = self.db().read().await?;
        Ok(tx.peer_refused(peer, REFUSED_KEPT).await?)
    }
}

fn is_at(row: &PeerRow, place: &PeerPlace) -> bool {
    row.peer == place.peer && row.collection == place.collection && row.way == place.way
}
