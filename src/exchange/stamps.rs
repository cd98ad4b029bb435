//! The stamps of entries and the numbers of rows that one act takes: which entry gets which stamp
//! follows from the act and from what its reader sees, never from what others see.

use std::collections::BTreeSet;

use super::Tx;
use super::refusal::Refusal;
use super::release::{STANDIN, carried, is_served, references_of};
use super::secret::sha256;
use crate::handling::Form;
use crate::store::NewObject;

/// Numbers taken from the stamp counter for one act.
///
/// Law 4: an entry's stamp is seen by its readers, so it depends on the act alone. Every entry the
/// act could make has a place of its own, taken or not; what may depend on others' items (the
/// stand-ins, the numbers of rows) comes after all of them. An object without some of its references
/// has as many places as it has numbers of references left.
pub(super) struct Numbers {
    pub first: i64,
    supports: i64,
    parts: i64,
    /// For each stored object, where its places begin and how many there are.
    places: Vec<(i64, i64)>,
    per_side: i64,
    /// Objects that the act alone makes.
    own: usize,
    next: i64,
    /// Where entries are spread that are decided anew, and how far.
    pub spread: Option<(i64, i64)>,
    used: BTreeSet<i64>,
}

/// TLP marking, obligations, PAP, creator; and markings as they were when the objects were made, where
/// the rule was narrowed since.
const SUPPORTS: usize = 7;
const SIDES: [&str; 3] = ["desk", "inside", "outside"];
/// Places for one number of references left, and the largest number told apart.
const SIGHTS: usize = 4;
const LEFT_MAX: usize = 15;
/// Over how many stamps one act spreads entries that are decided anew.
pub(super) const SPREAD: i64 = 1024;
/// The same for an act that may be about every item there is.
pub(super) const WIDE: i64 = 1 << 18;

/// How many numbers an envelope keeps for each object in it. One with many parts needs more.
const PLACE: i64 = 1024;

/// Where the numbers of an envelope begin. Each object has its place by its position: which of those
/// before it were taken, and what they are, moves no stamp behind them (law 4).
pub(super) struct Places(i64);

impl Places {
    /// Takes numbers for so many objects.
    pub async fn take(tx: &mut Tx, now: i64, objects: usize) -> Result<Self, Refusal> {
        Ok(Self(tx.take("stamp", now, count(objects) * PLACE).await?))
    }

    /// The first number of the object at a position.
    pub fn at(&self, position: usize) -> i64 {
        self.0 + count(position) * PLACE
    }
}

/// A range of stamps for entries that are decided anew, and which of them are used.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    first: i64,
    range: i64,
    used: BTreeSet<i64>,
}

impl Spread {
    /// Takes one. An act takes it whatever there is to decide, so that nothing after it tells.
    pub async fn take(tx: &mut Tx, now: i64, range: i64) -> Result<Self, Refusal> {
        Ok(Self {
            first: tx.take("stamp", now, 2 * range).await?,
            range,
            used: BTreeSet::new(),
        })
    }

    /// This one, or where it is so full that entries would not find their own place any more, another.
    pub async fn room(self, tx: &mut Tx, now: i64) -> Result<Self, Refusal> {
        if count(self.used.len()) > self.range / 3 {
            return Self::take(tx, now, self.range).await;
        }
        Ok(self)
    }
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX / 64)
}

impl Numbers {
    /// Takes numbers for an act with these objects, stand-ins among them or not: from `place`, where
    /// the envelope gave it one and they fit, else the next there are.
    pub async fn take(
        tx: &mut Tx,
        now: i64,
        kind: &str,
        objects: &[NewObject],
        parts: usize,
        place: Option<i64>,
    ) -> Result<Self, Refusal> {
        let mut numbers = Self::of(kind, objects, parts)?;
        let places = SIDES.len() as i64 * numbers.per_side;
        let all = 1 + places + numbers.rows();
        numbers.first = match place.filter(|_| all <= PLACE) {
            Some(place) => place,
            None => tx.take("stamp", now, all).await?,
        };
        numbers.next = numbers.first + 1 + places;
        Ok(numbers)
    }

    /// Numbers for entries that another act makes to be decided anew: spread, so that none tells how
    /// many others there are.
    pub fn again(
        kind: &str,
        objects: &[NewObject],
        parts: usize,
        spread: Spread,
    ) -> Result<Self, Refusal> {
        let mut numbers = Self::of(kind, objects, parts)?;
        numbers.spread = Some((spread.first, spread.range));
        // What does not fit goes behind it.
        let last = spread.used.last().map_or(0, |last| last + 1);
        numbers.next = last.max(spread.first + spread.range);
        numbers.used = spread.used;
        Ok(numbers)
    }

    /// The range with what was used of it, for the next item to be decided anew.
    pub fn into_spread(self) -> Option<Spread> {
        let (first, range) = self.spread?;
        let used = self.used;
        Some(Spread { first, range, used })
    }

    fn of(kind: &str, objects: &[NewObject], parts: usize) -> Result<Self, Refusal> {
        let (identified, anonymised) = (Form::Identified, Form::Anonymised);
        let carried = carried(kind, objects.iter(), identified, identified.word())?.len()
            + carried(kind, objects.iter(), anonymised, anonymised.word())?.len();
        let supports = count(SUPPORTS + carried);
        let parts = count(parts + 1);
        let mut places = Vec::with_capacity(objects.len());
        let mut at = 2 * supports * parts;
        for object in objects {
            let width = match references_of(kind, object)?.len() {
                0 => 1,
                named => count(SIGHTS * (named.min(LEFT_MAX) + 1)),
            };
            // A stand-in has none: that there is one depends on others' items.
            let width = if object.form == STANDIN || !is_served(object) {
                0
            } else {
                width
            };
            places.push((at, width));
            at += width;
        }
        Ok(Self {
            first: 0,
            supports,
            parts,
            places,
            per_side: at,
            own: objects
                .iter()
                .filter(|object| object.form != STANDIN)
                .count(),
            next: 0,
            spread: None,
            used: BTreeSet::new(),
        })
    }

    /// The version's own rows, and as if every object had a stand-in: a row, and a stamp on each side
    /// in each form.
    fn rows(&self) -> i64 {
        1 + count(self.own) * (2 + SIDES.len() as i64 * 2)
    }

    /// The number of a row, or the stamp of a stand-in: the next after every place.
    pub fn next(&mut self) -> i64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// The stamp of a support object of those who see so many parts.
    pub fn support(
        &mut self,
        (item, side): (&str, &str),
        form: Form,
        seen: usize,
        at: usize,
    ) -> i64 {
        let of_form = i64::from(form == Form::Anonymised) * self.parts + count(seen);
        let place = of_form * self.supports + count(at);
        self.stamp((item, side), place, 1, 0, "")
    }

    /// The stamp of an object of which so many references are left.
    pub fn object(&mut self, of: (&str, &str), row: usize, kept: &BTreeSet<String>) -> i64 {
        let (at, width) = self.places.get(row).copied().unwrap_or_default();
        let shown: Vec<&str> = kept.iter().map(String::as_str).collect();
        let left = count(SIGHTS * kept.len().min(LEFT_MAX));
        let from = if width > 1 { left } else { 0 };
        self.stamp(of, at, width, from, &shown.join(" "))
    }

    /// The stamp of an entry that is made a second time, behind what goes with it.
    pub fn again_at(&mut self, of: (&str, &str), stix_id: &str) -> i64 {
        let at = 2 * self.supports * self.parts;
        self.stamp(of, at, 1, 0, stix_id)
    }

    fn stamp(
        &mut self,
        (item, side): (&str, &str),
        at: i64,
        width: i64,
        from: i64,
        shown: &str,
    ) -> i64 {
        let digest = sha256(format!("{item} {side} {at} {shown}").as_bytes());
        let hash = digest
            .iter()
            .take(4)
            .fold(0_i64, |hash, byte| hash << 8 | i64::from(*byte));
        let (first, range, start) = match self.spread {
            // What goes with objects comes before all of them.
            Some((first, range)) => {
                let objects_from = 2 * self.supports * self.parts;
                let half = range / 2;
                let first = if at < objects_from {
                    first
                } else {
                    first + half
                };
                (first, half, hash % half)
            }
            None => {
                let block = SIDES.iter().position(|name| *name == side).unwrap_or(0);
                let first = self.first + 1 + count(block) * self.per_side + at;
                let slot = if width > 1 { hash % count(SIGHTS) } else { 0 };
                (first, width.max(1), from + slot)
            }
        };
        let free = (0..range)
            .map(|step| first + (start + step) % range)
            .find(|stamp| !self.used.contains(stamp));
        let stamp = free.unwrap_or_else(|| self.next());
        self.used.insert(stamp);
        stamp
    }
}
