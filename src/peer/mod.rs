//! The hub as a TAXII client: it pulls from the peers that the settings name, and pushes to them.
//!
//! [`client`] speaks HTTP and puts up with what servers do, `page` reads what they answer, `pull` and
//! `push` are the two ways, and this file takes turns. What arrives and what leaves is decided in
//! `exchange`: nothing here sees an item that the gate has not let out, nor decides where one goes.

pub mod client;
mod page;
mod pull;
mod push;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use anyhow::Context;

use crate::clock::{Clock, random};
use crate::config::peers::{Direction, PeerSettings};
use crate::exchange::peers::{Arrival, Held, PULL, PUSH, PeerPlace, Step, Towards};
use crate::exchange::{Exchange, Refusal};
use client::{Client, Trouble};

/// How often it is looked whether a peer is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Whoever shows no sign of life for so long beyond two requests has lost its place.
const SILENT_SECONDS: u64 = 60;

/// After the first failure it is tried again in so long, then in twice that, and so on.
const RETRY_SECONDS: u64 = 5;

/// It is never waited longer, whatever the peer asks.
const WAIT_SECONDS_MAX: u64 = 3600;

const NOT_FOUND: u16 = 404;
const MICROS: u64 = 1_000_000;

/// A peer, and how it is reached.
#[derive(Debug)]
struct Peer {
    settings: PeerSettings,
    client: Client,
    /// Services that stand for other peers, unless what they bring is to be passed on.
    elsewhere: BTreeSet<String>,
}

/// All peers of a deployment, for one process.
#[derive(Debug)]
pub struct Peers {
    exchange: Exchange,
    peers: Vec<Peer>,
    holder: String,
}

/// What became of one turn.
#[derive(Debug)]
pub struct Turn {
    /// Whose.
    pub place: PeerPlace,
    /// What went wrong, in words.
    pub failure: Option<String>,
}

/// One collection of a peer, one way, held by this process.
struct Round<'a> {
    exchange: &'a Exchange,
    peer: &'a Peer,
    client: Client,
    held: &'a Held,
}

impl Peers {
    /// Reads the secrets and makes the clients.
    ///
    /// # Errors
    /// When a secret or a CA file cannot be read, or an address is none that the hub would ask.
    pub fn open(exchange: Exchange, settings: &[PeerSettings]) -> anyhow::Result<Self> {
        crate::config::peers::check(settings)?;
        let mut holder = String::new();
        for byte in random::<8>()? {
            let _ = write!(holder, "{byte:02x}");
        }
        let mut peers = Vec::with_capacity(settings.len());
        for own in settings {
            let client = Client::new(own).with_context(|| format!("peer `{}`", own.id))?;
            let others = settings
                .iter()
                .filter(|other| other.id != own.id && !own.forward);
            peers.push(Peer {
                settings: own.clone(),
                client,
                elsewhere: others.map(|other| other.principal.clone()).collect(),
            });
        }
        Ok(Self {
            exchange,
            peers,
            holder,
        })
    }

    /// Takes turns for as long as it is awaited.
    pub async fn keep(&self) {
        let places = self.peers.iter().flat_map(|peer| {
            let places = peer.places().into_iter();
            places.map(move |place| async move {
                loop {
                    if let Some(Turn {
                        failure: Some(why),
                        place,
                    }) = self.turn(peer, place.clone(), false).await
                    {
                        let (peer, way) = (&place.peer, place.way);
                        tracing::warn!(%peer, way, %why, "a peer was not reached; trying again");
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            })
        });
        futures_util::future::join_all(places).await;
    }

    /// One turn for every place that is due; with `early`, for every place that no other process is
    /// at. A place that was not taken has no turn.
    pub async fn once(&self, early: bool) -> Vec<Turn> {
        let mut turns = Vec::new();
        for peer in &self.peers {
            for place in peer.places() {
                turns.extend(self.turn(peer, place, early).await);
            }
        }
        turns
    }

    async fn turn(&self, peer: &Peer, place: PeerPlace, early: bool) -> Option<Turn> {
        let seconds = 2 * peer.settings.timeout_seconds + SILENT_SECONDS;
        let held = Held {
            place,
            holder: self.holder.clone(),
            for_micros: micros(seconds),
        };
        let failed = |error: Refusal| Turn {
            place: held.place.clone(),
            failure: Some(format!("the hub failed: {error}")),
        };
        let taken = match self.exchange.take_peer(&held, early).await {
            Ok(taken) => taken?,
            Err(error) => return Some(failed(error)),
        };
        let mut round = Round {
            exchange: &self.exchange,
            peer,
            client: peer.client.clone(),
            held: &held,
        };
        let mut ended = round.run(taken.mark.clone()).await;
        // Where there is nothing, the address may be that of the discovery.
        let absent = |ended: &Result<(), Trouble>| {
            let status = ended.as_ref().err().and_then(Trouble::status);
            status.is_some_and(|status| status == NOT_FOUND)
        };
        if absent(&ended)
            && let Ok(Some(client)) = round.client.discovered().await
        {
            round.client = client;
            ended = round.run(taken.mark).await;
        }
        let clock = self.exchange.clock();
        let (wait, failure) = match ended {
            Ok(()) => (spread(peer.settings.interval_seconds * MICROS, 20), None),
            Err(Trouble::Lost) => return None, // another process goes on
            Err(trouble) => {
                let wait = match trouble.asked_to_wait(clock.now()) {
                    Some(seconds) => micros(seconds.min(WAIT_SECONDS_MAX)),
                    None => backoff(taken.failures),
                };
                (wait, Some(trouble.to_string()))
            }
        };
        let next = next_at(clock, wait);
        match self.exchange.end_peer(&held, next, failure.clone()).await {
            Ok(()) => Some(Turn {
                place: held.place,
                failure,
            }),
            Err(error) => Some(failed(error)),
        }
    }
}

impl Peer {
    fn places(&self) -> Vec<PeerPlace> {
        let ways: &[&'static str] = match self.settings.direction {
            Direction::Pull => &[PULL],
            Direction::Push => &[PUSH],
            Direction::Both => &[PULL, PUSH],
        };
        let collections = self.settings.collections.iter();
        let place = |collection: &String, way: &'static str| PeerPlace {
            peer: self.settings.id.clone(),
            collection: collection.clone(),
            way,
        };
        collections
            .flat_map(|collection| ways.iter().map(move |way| place(collection, way)))
            .collect()
    }
}

impl Round<'_> {
    async fn run(&self, mark: Option<String>) -> Result<(), Trouble> {
        match self.held.place.way {
            PULL => self.pull(mark).await,
            _ => self.push(mark).await,
        }
    }

    fn arrival(&self) -> Arrival<'_> {
        let settings = &self.peer.settings;
        Arrival {
            peer: &settings.id,
            principal: &settings.principal,
            ceiling: settings.default_level.as_deref(),
        }
    }

    fn towards(&self) -> Towards<'_> {
        Towards {
            peer: &self.peer.settings.id,
            principal: &self.peer.settings.principal,
            elsewhere: &self.peer.elsewhere,
        }
    }

    /// Shows a sign of life.
    async fn keep(&self) -> Result<(), Trouble> {
        match self.exchange.keep_peer(self.held).await? {
            true => Ok(()),
            false => Err(Trouble::Lost),
        }
    }

    async fn step(&self, step: Step) -> Result<(), Trouble> {
        match self.exchange.step_peer(self.held, step).await? {
            true => Ok(()),
            false => Err(Trouble::Lost),
        }
    }
}

fn micros(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(MICROS)).unwrap_or(i64::MAX)
}

fn next_at(clock: &Clock, wait: i64) -> i64 {
    clock.now_micros().saturating_add(wait)
}

/// So long after so many failures before this one, in microseconds.
fn backoff(failures: i64) -> i64 {
    let doublings = u32::try_from(failures.clamp(0, 20)).unwrap_or_default();
    let seconds = RETRY_SECONDS.saturating_mul(2_u64.saturating_pow(doublings));
    spread(seconds.min(WAIT_SECONDS_MAX) * MICROS, 50)
}

/// Up to so many per cent less, at random: hubs that failed together do not come back together.
fn spread(wait: u64, percent: u64) -> i64 {
    let dice = random::<2>().map(u16::from_be_bytes).unwrap_or_default();
    let off = wait / 100 * percent * u64::from(dice) / u64::from(u16::MAX);
    i64::try_from(wait - off).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_waits_longer_up_to_an_hour_and_never_exactly_as_long() {
        let second = |wait: i64| wait / 1_000_000;
        for (failures, seconds) in [(0, 5), (1, 10), (4, 80), (30, 3600)] {
            for _ in 0..50 {
                let wait = second(backoff(failures));
                assert!(
                    (seconds / 2 - 1..=seconds).contains(&wait),
                    "{failures}: {wait}"
                );
            }
        }
        let waits: BTreeSet<i64> = (0..20).map(|_| backoff(5)).collect();
        assert!(waits.len() > 1);
    }
}
