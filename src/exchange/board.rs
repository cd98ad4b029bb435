//! The board of an advisory: how far it has arrived. A CEPTOAR's point of contact sees its operators
//! by name; who issued it sees counts per CEPTOAR, without small ones ([`suppress`]), and names those
//! operators whose own rule names them. Nobody else has a board.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::access::Caller;
use super::arrival::{ANSWERS, Arrival, Arrivals, is_advisory};
use super::feedback::giver::{is_named, origin_of};
use super::feedback::{Received, speaks_for_source};
use super::gate::View;
use super::publish::stored_rule;
use super::read::Listing;
use super::refusal::Refusal;
use super::suppress::{self, Counts, Told};
use super::{Exchange, Tx};
use crate::council::body::role;
use crate::council::{Body, BodyKind, Directory};
use crate::handling::{BodyId, Channel, Join, Rule};
use crate::report::{Kind, drill};
use crate::stix::timestamp::format_taxii;
use crate::store::ItemVersion;

const MICROS: i64 = 1_000_000;

/// One body that is named.
#[derive(Clone, Debug, Serialize)]
pub struct Named {
    /// The body.
    pub body: BodyId,
    /// Its name.
    pub name: String,
    /// When it was first handed over to anybody of it.
    pub delivered_at: Option<String>,
    /// When a person first opened it.
    pub opened_at: Option<String>,
    /// When a person first acknowledged or answered it.
    pub acknowledged_at: Option<String>,
    /// What was answered last: `applicable`, `not_applicable`, `under_study`, `action_taken`,
    /// `prevented`.
    pub answer: Option<String>,
    /// Until when the body means to do or know it.
    pub due: Option<DateTime<Utc>>,
}

/// Counts of bodies; null is one that is not told.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// Whom it concerns and who may read it.
    pub concerned: Option<u64>,
    /// Of those, who was handed it.
    pub delivered: Option<u64>,
    /// Of those, where a person opened it.
    pub opened: Option<u64>,
    /// Of those, where a person acknowledged it.
    pub acknowledged: Option<u64>,
    /// Of those, who answered.
    pub answered: Option<u64>,
    /// By answer.
    pub answers: BTreeMap<&'static str, Option<u64>>,
}

impl From<Told> for Tally {
    fn from(told: Told) -> Self {
        let mut chain = told.chain.into_iter();
        let mut next = || chain.next().flatten();
        Self {
            concerned: next(),
            delivered: next(),
            opened: next(),
            acknowledged: next(),
            answered: next(),
            answers: ANSWERS
                .iter()
                .map(|kind| kind.word())
                .zip(told.split)
                .collect(),
        }
    }
}

/// One CEPTOAR, for who issued the advisory.
#[derive(Clone, Debug, Serialize)]
pub struct Hop {
    /// The CEPTOAR itself.
    pub ceptoar: Named,
    /// When it passed the advisory on to its operators.
    pub passed_on_at: Option<String>,
    /// Its operators that are not named, in counts.
    #[serde(flatten)]
    pub operators: Tally,
    /// Its operators whose own rule names them to the reader.
    pub named: Vec<Named>,
}

/// How many seconds it took until a share of those concerned had acknowledged it; null until then,
/// and where that share is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TimeTo {
    /// Half of them.
    pub percent_50: Option<i64>,
    /// Nine in ten.
    pub percent_90: Option<i64>,
    /// All of them.
    pub percent_100: Option<i64>,
}

/// A board.
#[derive(Clone, Debug, Serialize)]
pub struct Board {
    /// The advisory, as its reader has it.
    pub id: String,
    /// Its version, for who issued it: a new one is acknowledged anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Of which type it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// How urgent it is.
    pub urgency: String,
    /// Until when an answer is asked for.
    pub due: Option<String>,
    /// When it was first out; for a CEPTOAR, when it was out for this reader.
    pub issued_at: String,
    /// Since when another one that the reader has goes on with it or ends it: nothing is waited for
    /// any more.
    pub closed_at: Option<String>,
    /// Whether it is a drill.
    pub drill: bool,
    /// Seconds since it was out.
    pub age_seconds: i64,
    /// All that the reader is told of, together.
    pub total: Tally,
    /// Who among those has not acknowledged it.
    pub outstanding: Option<u64>,
    /// How long it took.
    pub time_to: TimeTo,
    /// The reader's own operators, and its own CEPTOAR.
    pub operators: Vec<Named>,
    /// Every CEPTOAR it concerns, for who issued it.
    pub ceptoars: Vec<Hop>,
}

/// How a caller may look at a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    Ceptoar,
    Issuer,
}

/// A CEPTOAR's own item is seen by its point of contact as by any: by name, for they are its own.
fn seat_of(caller: &Caller, version: &ItemVersion) -> Option<Seat> {
    let poc = caller.has(role::POC) && caller.body.kind == BodyKind::Ceptoar;
    if poc {
        return Some(Seat::Ceptoar);
    }
    speaks_for_source(caller, version).then_some(Seat::Issuer)
}

fn named(body: &Body, arrival: &Arrival) -> Named {
    let answer = arrival.answer.as_ref().map(|(said, _)| said);
    Named {
        body: body.id.clone(),
        name: body.name.ja_or_en().to_owned(),
        delivered_at: arrival.delivered.map(format_taxii),
        opened_at: arrival.opened.map(format_taxii),
        acknowledged_at: arrival.acknowledged.map(format_taxii),
        answer: answer.map(|said| said.kind.word().to_owned()),
        due: answer.and_then(|said| said.due),
    }
}

fn count<'a>(k: u32, arrivals: impl Iterator<Item = &'a Arrival> + Clone) -> Counts {
    let of = |holds: fn(&Arrival) -> bool| -> u64 {
        let all = arrivals.clone().filter(|arrival| holds(arrival));
        u64::try_from(all.count()).unwrap_or(u64::MAX)
    };
    let said = |kind| {
        let same = |arrival: &&Arrival| {
            arrival
                .answer
                .as_ref()
                .is_some_and(|(said, _)| said.kind == kind)
        };
        u64::try_from(arrivals.clone().filter(same).count()).unwrap_or(u64::MAX)
    };
    Counts {
        k: u64::from(k),
        chain: vec![
            of(|_| true),
            of(|arrival| arrival.delivered.is_some()),
            of(|arrival| arrival.opened.is_some()),
            of(|arrival| arrival.acknowledged.is_some()),
            of(|arrival| arrival.answer.is_some()),
        ],
        split: ANSWERS.into_iter().map(said).collect(),
    }
}

/// Seconds until a share of `all` had acknowledged, from the instants of those who did.
fn time_to(issued: i64, mut acknowledged: Vec<i64>, all: usize) -> TimeTo {
    acknowledged.sort_unstable();
    let after = |percent: usize| {
        let needed = (all * percent).div_ceil(100);
        let at = acknowledged.get(needed.checked_sub(1)?)?;
        Some((at - issued).max(0) / MICROS)
    };
    TimeTo {
        percent_50: after(50),
        percent_90: after(90),
        percent_100: after(100),
    }
}

impl Exchange {
    /// The board of an advisory; `None` where the caller has no such advisory, or no seat at it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn board(&self, caller: &Caller, id: &str) -> Result<Option<Board>, Refusal> {
        let view = self.view(Some(caller), Channel::Console).await?;
        let Some(received) = self.received(&view, id).await? else {
            return Ok(None);
        };
        let mut tx = self.db().read().await?;
        self.board_of(&mut tx, caller, &view, &received).await
    }

    async fn board_of(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        view: &View,
        received: &Received,
    ) -> Result<Option<Board>, Refusal> {
        let version = &received.version;
        let seat = seat_of(caller, version);
        let Some(seat) = seat.filter(|_| is_advisory(version)) else {
            return Ok(None);
        };
        let mut arrivals = self.arrivals(tx, &caller.directory, version).await?;
        let closed = match seat {
            Seat::Issuer => self
                .ends(tx, &version.value.item)
                .await?
                .first()
                .map(|(_, at)| *at),
            Seat::Ceptoar => self.ended_for(tx, view, &version.value.item).await?,
        };
        if seat == Seat::Ceptoar {
            // What it is, and since when, is what this reader has of it.
            arrivals.issued = received.entry.stamp;
            arrivals.advisory = received.advisory()?;
        }
        let now = self.clock().now_micros();
        let text = |name: &str, otherwise: &str| {
            let found = arrivals.advisory.get(name).and_then(Value::as_str);
            found.unwrap_or(otherwise).to_owned()
        };
        let mut board = Board {
            id: received
                .entry
                .stix_id
                .trim_start_matches("report--")
                .to_owned(),
            version: (seat == Seat::Issuer).then_some(version.value.version),
            kind: text("type", ""),
            urgency: text("urgency", "normal"),
            due: arrivals
                .advisory
                .get("due")
                .and_then(Value::as_str)
                .map(str::to_owned),
            issued_at: format_taxii(arrivals.issued),
            closed_at: closed.map(format_taxii),
            drill: version.value.kind == drill::KIND,
            age_seconds: (closed.unwrap_or(now) - arrivals.issued).max(0) / MICROS,
            total: Tally::default(),
            outstanding: None,
            time_to: TimeTo::default(),
            operators: Vec::new(),
            ceptoars: Vec::new(),
        };
        match seat {
            Seat::Ceptoar => own_operators(&mut board, caller, &arrivals),
            Seat::Issuer => {
                let passed = tx.passed_on(version.key).await?;
                self.hops(&mut board, caller, version, (&arrivals, &passed))?;
            }
        }
        let both = board.total.concerned.zip(board.total.acknowledged);
        let left = both.map(|(all, done)| all.saturating_sub(done));
        board.outstanding = closed.map_or(left, |_| Some(0));
        Ok(Some(board))
    }

    /// Counts per CEPTOAR.
    fn hops(
        &self,
        board: &mut Board,
        caller: &Caller,
        version: &ItemVersion,
        (arrivals, passed): (&Arrivals, &[(String, i64)]),
    ) -> Result<(), Refusal> {
        let directory = &caller.directory;
        let rule = stored_rule(version)?;
        let reader = directory.ceptoar_of(&caller.body);
        let bodies = || {
            arrivals
                .bodies
                .iter()
                .filter_map(|(id, a)| Some((directory.body(id)?, a)))
        };
        let mut groups = Vec::new();
        let mut open = Vec::new();
        for ceptoar in directory
            .bodies()
            .filter(|body| body.kind == BodyKind::Ceptoar)
        {
            let own = bodies().filter(|(body, _)| directory.ceptoar_of(body) == &ceptoar.id);
            let own: Vec<(&Body, &Arrival)> = own
                .filter(|(body, _)| body.kind == BodyKind::Operator)
                .collect();
            let itself = arrivals.bodies.get(&ceptoar.id);
            if own.is_empty() && itself.is_none() {
                continue;
            }
            let (told, unnamed): (Vec<_>, Vec<_>) = own
                .into_iter()
                .partition(|(body, _)| self.is_told(caller, &rule, body, reader));
            let k = self.k_of(directory, &rule, ceptoar);
            let counts = count(k, unnamed.iter().map(|(_, arrival)| *arrival));
            let tally = if unnamed.is_empty() {
                // Nobody is left to count; a zero tells nothing of anybody.
                Tally::from(Told {
                    chain: vec![Some(0); counts.chain.len()],
                    split: vec![Some(0); counts.split.len()],
                })
            } else {
                groups.push(counts.clone());
                Tally::from(counts.told())
            };
            open.extend(told.iter().map(|(_, arrival)| (*arrival).clone()));
            board.ceptoars.push(Hop {
                passed_on_at: passed
                    .iter()
                    .find(|(body, _)| body == ceptoar.id.as_str())
                    .map(|(_, at)| format_taxii(*at)),
                ceptoar: named(ceptoar, itself.unwrap_or(&Arrival::default())),
                operators: tally,
                named: told
                    .into_iter()
                    .map(|(body, arrival)| named(body, arrival))
                    .collect(),
            });
        }
        let hidden = suppress::total(&groups);
        let told = count(0, open.iter());
        let plus = |one: Option<u64>, more: Option<&u64>| one.map(|one| one + more.unwrap_or(&0));
        let total = if groups.is_empty() {
            told.told()
        } else {
            Told {
                chain: (hidden.chain.iter().enumerate())
                    .map(|(at, one)| plus(*one, told.chain.get(at)))
                    .collect(),
                split: (hidden.split.iter().enumerate())
                    .map(|(at, one)| plus(*one, told.split.get(at)))
                    .collect(),
            }
        };
        board.total = Tally::from(total);
        if board.total.concerned.is_some() && board.total.acknowledged.is_some() {
            let operators = bodies().filter(|(body, _)| body.kind == BodyKind::Operator);
            let operators: Vec<&Arrival> = operators.map(|(_, arrival)| arrival).collect();
            let at = operators.iter().filter_map(|arrival| arrival.acknowledged);
            board.time_to = time_to(arrivals.issued, at.collect(), operators.len());
        }
        Ok(())
    }

    /// The rule under which an operator acknowledges: the advisory's joined with its own default.
    fn own_default(&self, directory: &Directory, body: &Body) -> Option<Rule> {
        let now = self.clock().now();
        let scheme = directory.scheme_of(&body.id, now.date_naive())?;
        let level = scheme.level(&scheme.default_level)?;
        let origin = origin_of(directory, body, now.date_naive());
        Some(directory.level_rule(level, &origin, now))
    }

    fn is_told(&self, caller: &Caller, rule: &Rule, body: &Body, reader: &BodyId) -> bool {
        let now = self.clock().now();
        self.own_default(&caller.directory, body)
            .is_some_and(|own| is_named(caller, &rule.join(&own), body, reader, now))
    }

    /// The smallest count that may be told of a CEPTOAR's operators: its own default and the
    /// advisory's rule both say.
    fn k_of(&self, directory: &Directory, rule: &Rule, ceptoar: &Body) -> u32 {
        let own = self.own_default(directory, ceptoar);
        rule.k.max(own.map_or(u32::MAX, |own| own.k))
    }

    /// What is outstanding: the boards of a page of advisories, or of `drills`, newest first.
    ///
    /// # Errors
    /// When the database fails, or the cursor is not one of the hub's.
    pub async fn boards(
        &self,
        caller: &Caller,
        view: &View,
        cursor: Option<&str>,
        (limit, drills): (usize, bool),
    ) -> Result<(Vec<Board>, Option<String>), Refusal> {
        let looks = [role::POC, role::PUBLISHER, role::ADVISOR];
        if !looks.iter().any(|role| caller.has(role)) {
            return Ok((Vec::new(), None));
        }
        let listing = Listing {
            limit,
            kinds: vec![
                if drills {
                    drill::KIND
                } else {
                    Kind::Advisory.as_str()
                }
                .to_owned(),
            ],
        };
        let (advisories, next) = self.reports(view, cursor, &listing).await?;
        let mut boards = Vec::with_capacity(advisories.len());
        for advisory in advisories {
            let Some(received) = self.received(view, &advisory.id).await? else {
                continue;
            };
            let mut tx = self.db().read().await?;
            boards.extend(self.board_of(&mut tx, caller, view, &received).await?);
        }
        Ok((boards, next))
    }
}

/// A CEPTOAR's own: its operators by name.
fn own_operators(board: &mut Board, caller: &Caller, arrivals: &Arrivals) {
    let directory = &caller.directory;
    let own = |body: &Body| body.id == caller.body.id || body.ceptoars.contains(&caller.body.id);
    let bodies = arrivals.bodies.iter();
    let bodies = bodies.filter_map(|(id, arrival)| Some((directory.body(id)?, arrival)));
    let bodies: Vec<(&Body, &Arrival)> = bodies.filter(|(body, _)| own(body)).collect();
    board.operators = bodies
        .iter()
        .map(|(body, arrival)| named(body, arrival))
        .collect();
    let operators = bodies
        .iter()
        .filter(|(body, _)| body.kind == BodyKind::Operator);
    let operators: Vec<&Arrival> = operators.map(|(_, arrival)| *arrival).collect();
    board.total = Tally::from(count(0, operators.iter().copied()).told());
    let at = operators.iter().filter_map(|arrival| arrival.acknowledged);
    board.time_to = time_to(arrivals.issued, at.collect(), operators.len());
}
