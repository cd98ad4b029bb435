//! Which parts of an item, and which of its references, each reader may see.
//!
//! Parts: the rules of an item form a chain, the whole's first and each part's joined with those
//! before it, so that what a reader sees is the whole and so many parts; one rendition each. Two
//! parts whose rules do not bound each other are both as strict as the later: rules only narrow.
//!
//! References: a reader gets the id of another object only where that reader has that object. An id
//! nobody posted and one that is hidden are the same to the reader (law 4), in every form.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Tx;
use super::access::Caller;
use super::anonymity;
use super::gate::intern;
use super::intake::{Asked, Handled, handle};
use super::publish::stored_rule;
use super::readers::Readers;
use super::refusal::Refusal;
use super::secret::Secret;
use super::stamps::Spread;
use crate::council::{Directory, Origin};
use crate::handling::{
    ApprovalMode, Audience, BodyId, Channel, Form, Join, Reader, Rule, Side, cut,
};
use crate::report::Report;
use crate::stix::{self, StixId, portion, validate};
use crate::store::{ItemVersion, NewItemVersion, NewObject};

/// More parts than this, each with a rule of its own, are refused.
pub const PARTS_MAX: usize = 8;

/// References that readers of one audience have or lack independently of each other are told apart
/// for everybody up to this many; beyond it for the readers there are.
const GROUPS_MAX: usize = 4;

/// The rules of one item version.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rules {
    /// Of the whole.
    pub whole: Rule,
    /// Of each part, joined with the whole's and those of the parts before it.
    pub parts: Vec<Rule>,
}

impl Rules {
    /// Those an item was accepted under, as narrowed since.
    pub async fn of(tx: &mut Tx, version: &ItemVersion) -> Result<Self, Refusal> {
        let mut rules = Vec::new();
        for text in tx.part_rules(version.key).await? {
            rules.push(serde_json::from_str::<Rule>(&text)?.normalised());
        }
        if rules.is_empty() {
            rules.push(stored_rule(version)?);
        }
        let whole = rules.remove(0);
        Ok(Self {
            whole,
            parts: rules,
        })
    }

    /// The rule that bounds whoever sees everything.
    pub fn strictest(&self) -> &Rule {
        self.parts.last().unwrap_or(&self.whole)
    }

    /// The rule of the whole with its first `seen` parts.
    pub fn at(&self, seen: usize) -> &Rule {
        match seen.checked_sub(1) {
            None => &self.whole,
            Some(at) => self.parts.get(at).unwrap_or_else(|| self.strictest()),
        }
    }

    /// The rule that binds a reader of an object of this form: it says nothing of parts not shown.
    pub fn shown(&self, form: &str) -> &Rule {
        seen_of(form).map_or_else(|| self.strictest(), |seen| self.at(seen))
    }

    /// Whether another rule takes anything from what these give, or asks more.
    pub fn asked_more_by(&self, rule: &Rule) -> bool {
        let plain = |rule: &Rule| {
            let mut rule = rule.clone();
            // A body that is listed with nothing has what one has that is not listed.
            rule.access.audience = rule.access.audience.only(|_, _| true);
            rule
        };
        let all = std::iter::once(&self.whole).chain(&self.parts);
        all.into_iter()
            .any(|own| plain(&own.join(rule)) != plain(own))
    }

    /// All of them joined with another.
    pub fn join(&self, rule: &Rule) -> Self {
        Self {
            whole: self.whole.join(rule),
            parts: self.parts.iter().map(|part| part.join(rule)).collect(),
        }
    }

    /// Puts them in force for a version.
    pub async fn put(&self, tx: &mut Tx, key: i64) -> Result<(), Refusal> {
        tx.set_rule(key, &serde_json::to_string(self.strictest())?)
            .await?;
        self.keep(tx, key).await
    }

    /// Keeps those of the parts with a version.
    pub async fn keep(&self, tx: &mut Tx, key: i64) -> Result<(), Refusal> {
        if self.parts.is_empty() {
            return Ok(());
        }
        for (at, rule) in std::iter::once(&self.whole).chain(&self.parts).enumerate() {
            let at = i64::try_from(at).unwrap_or(i64::MAX);
            tx.set_part_rule(key, at, &serde_json::to_string(rule)?)
                .await?;
        }
        Ok(())
    }
}

/// Who read what under some ids before an act, and the stamps the act gives to what it decides anew.
#[derive(Default)]
pub(super) struct Had {
    pub before: BTreeMap<String, Vec<i64>>,
    pub spread: Option<Spread>,
}

impl Had {
    /// For an act that may decide more anew than what it is about: it takes its stamps at once,
    /// whatever there will be to decide.
    pub async fn ready(tx: &mut Tx, now: i64, range: i64) -> Result<Self, Refusal> {
        Ok(Self {
            before: BTreeMap::new(),
            spread: Some(Spread::take(tx, now, range).await?),
        })
    }
}

/// Notes who reads what under the ids of these objects now, where it is not noted yet.
pub(super) async fn note_audiences(
    tx: &mut Tx,
    had: &mut Had,
    objects: &[NewObject],
) -> Result<(), Refusal> {
    for object in objects {
        if !had.before.contains_key(&object.stix_id) {
            let audiences = tx.audiences_of(&object.stix_id).await?;
            had.before.insert(object.stix_id.clone(), audiences);
        }
    }
    Ok(())
}

/// The same for every object of a version, in all its forms.
pub(super) async fn note_version(tx: &mut Tx, had: &mut Had, key: i64) -> Result<(), Refusal> {
    let objects = tx.objects_of(key).await?;
    let objects: Vec<NewObject> = objects.into_iter().map(|(_, object)| object).collect();
    note_audiences(tx, had, &objects).await
}

/// The form of a stored object that shows so many of an item's parts.
pub(super) fn form_of(form: Form, seen: usize, parts: usize) -> String {
    if seen >= parts {
        form.word().to_owned()
    } else {
        format!("{}/{seen}", form.word())
    }
}

/// The form of an object without some of its references.
pub(super) fn without_some(form: &str) -> String {
    format!("{form}+")
}

/// Whether an object is one that others are made from at release.
pub(super) fn is_made_at_release(form: &str) -> bool {
    form.ends_with('+')
}

/// How many parts an object of this form shows; `None` is all.
pub(super) fn seen_of(form: &str) -> Option<usize> {
    let (_, seen) = form.trim_end_matches('+').split_once('/')?;
    seen.parse().ok()
}

/// The form as a reader is told it: not how much of it is missing.
#[must_use]
pub fn told(form: &str) -> &str {
    form.split(['/', '+']).next().unwrap_or(form)
}

/// A part as it asks to be handled.
pub(super) struct AskedPart<'a> {
    pub asked: Asked<'a>,
    /// Where it says so.
    pub at: String,
    /// What it is made of: selectors, or JSON pointers.
    pub places: BTreeSet<String>,
}

/// The parts a report wants handled by a level of their own, in the scheme of the whole.
pub(super) fn asked_parts<'r>(report: &'r Report, whole: &Asked<'_>) -> Vec<AskedPart<'r>> {
    let level = report.handling().and_then(|handling| handling.level);
    let parts = report.portions().into_iter().enumerate();
    parts
        .map(|(at, portion)| AskedPart {
            asked: Asked {
                level: level.map(|(scheme, _)| (scheme, portion.level)),
                facts: whole.facts.clone(),
                ..Asked::default()
            },
            at: format!("/handling/portions/{at}"),
            places: portion.fields,
        })
        .collect()
}

/// Joins the parts' handling to the whole's; the places of each part, in the order of
/// [`Handled::parts`].
///
/// A part that leaves the CEPTOAR at all needs the consents of its own level too, and the item
/// waits for them; what is unknown about a part holds the whole.
pub(super) fn handle_parts(
    caller: &Caller,
    handled: &mut Handled,
    parts: Vec<AskedPart<'_>>,
    at: &str,
    now: DateTime<Utc>,
) -> Result<Vec<BTreeSet<String>>, Refusal> {
    let mut found: Vec<(Handled, BTreeSet<String>)> = Vec::new();
    for part in merged(parts) {
        let own = handle(caller, handled.origin.clone(), &part.asked, &part.at, now)?;
        found.push((own, part.places));
    }
    found.sort_by_key(|(part, _)| strictness(&part.resolved.rule));
    let mut places: Vec<BTreeSet<String>> = Vec::new();
    for (part, of) in found {
        let before = handled.parts.last().unwrap_or(&handled.resolved.rule);
        let joined = before.join(&part.resolved.rule);
        let loose = joined == *before;
        if loose && handled.parts.is_empty() {
            continue; // no stricter than the whole
        }
        if loose {
            places
                .last_mut()
                .into_iter()
                .for_each(|last| last.extend(of.clone()));
            continue;
        }
        if places.len() == PARTS_MAX {
            return Err(Refusal::fault(
                at,
                "portions.max",
                format!("an item has at most {PARTS_MAX} parts that are handled differently"),
            ));
        }
        let leaves = !cut(&joined.access, Side::Outside(&handled.origin.ceptoar)).is_empty();
        handled.parts.push(joined);
        places.push(of);
        handled.ask(&part, leaves);
    }
    Ok(places)
}

/// Parts that ask for the same, as one: an object may have thousands of markings, and what each
/// asks is costly to find out. What else a marking says of a part binds the whole already.
fn merged(parts: Vec<AskedPart<'_>>) -> Vec<AskedPart<'_>> {
    let asks = |part: &AskedPart<'_>| {
        let of = &part.asked;
        (
            of.level
                .map(|(scheme, level)| (scheme.to_owned(), level.to_owned())),
            of.tlp,
            of.unknown_marking,
        )
    };
    let mut merged: BTreeMap<_, AskedPart<'_>> = BTreeMap::new();
    for part in parts {
        match merged.entry(asks(&part)) {
            Entry::Occupied(mut known) => known.get_mut().places.extend(part.places),
            Entry::Vacant(new) => {
                new.insert(part);
            }
        }
    }
    merged.into_values().collect()
}

/// Loose to strict, and the same for the same rule.
fn strictness(rule: &Rule) -> (crate::handling::Tlp, usize, String) {
    let granted = rule.access.audience.iter();
    let denied = granted.filter(|(_, grant)| grant.is_none()).count();
    (
        rule.access.tlp,
        denied,
        serde_json::to_string(rule).unwrap_or_default(),
    )
}

impl Handled {
    /// The rules it is under.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            whole: self.resolved.rule.clone(),
            parts: self.parts.clone(),
        }
    }

    /// Takes over what a part holds and asks.
    fn ask(&mut self, part: &Self, leaves: bool) {
        let asks = |hold: &super::hold::Hold| hold.code == "APPROVAL";
        for hold in part.holds.iter().filter(|hold| hold.confirmable) {
            let known = self.holds.iter().any(|own| own.message == hold.message);
            if !known && (leaves || !asks(hold)) {
                self.holds.push(hold.clone());
            }
        }
        let held = part
            .holds
            .iter()
            .any(|hold| hold.confirmable && !asks(hold));
        if !leaves && !held {
            return;
        }
        for (who, mode) in &part.approvals {
            let own = self
                .approvals
                .entry(who.clone())
                .or_insert(ApprovalMode::None);
            *own = (*own).max(*mode);
        }
        for seat in &part.desk {
            if !self.desk.contains(seat) {
                self.desk.push(seat.clone());
            }
        }
    }
}

/// An audience, and the one it was split from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub audience: i64,
    of: i64,
}

/// Of the readers of a form on a side, those who see exactly `seen` parts.
pub(super) async fn classes(
    tx: &mut Tx,
    readers: &Readers,
    side: &str,
    form: Form,
    (seen, parts): (usize, usize),
) -> Result<Vec<Class>, Refusal> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    if seen > 0 {
        with.push(readers.at_least(side, form, seen));
    }
    if seen < parts {
        let more = readers.at_least(side, form, seen + 1);
        without.extend((!more.is_empty()).then_some(more));
    }
    if with.iter().any(Vec::is_empty) {
        return Ok(Vec::new()); // nobody sees that part
    }
    let base = readers.of_form(side, form);
    let mut classes = Vec::with_capacity(base.len());
    for of in base {
        classes.push(Class {
            audience: part(tx, of, &with, &without).await?,
            of,
        });
    }
    Ok(classes)
}

/// Audiences that are not split.
pub(super) fn whole_classes(audiences: Vec<i64>) -> Vec<Class> {
    let whole = |audience| Class {
        audience,
        of: audience,
    };
    audiences.into_iter().map(whole).collect()
}

async fn part(
    tx: &mut Tx,
    of: i64,
    with: &[Vec<i64>],
    without: &[Vec<i64>],
) -> Result<i64, Refusal> {
    if with.is_empty() && without.is_empty() {
        return Ok(of);
    }
    let audience = Audience::Part {
        of,
        with: with.to_vec(),
        without: without.to_vec(),
    };
    intern(tx, &audience).await
}

/// The readers who have the same of an object's references.
#[derive(Debug)]
pub(super) struct Sight {
    /// References they have.
    pub kept: BTreeSet<String>,
    /// Who they are.
    pub audiences: Vec<i64>,
}

/// Splits the readers of an object by which of its references they have.
pub(super) async fn sights(
    tx: &mut Tx,
    directory: &Directory,
    now: DateTime<Utc>,
    references: &BTreeSet<String>,
    classes: &[Class],
) -> Result<Vec<Sight>, Refusal> {
    let mut groups: BTreeMap<Vec<i64>, Vec<&String>> = BTreeMap::new();
    for reference in references {
        let audiences = tx.audiences_of(reference).await?;
        // Nobody has it, or it is not there: nobody learns the difference.
        if !audiences.is_empty() {
            groups.entry(audiences).or_default().push(reference);
        }
    }
    let mut found: BTreeMap<BTreeSet<String>, Vec<i64>> = BTreeMap::new();
    for class in classes {
        let certain = |has: &Vec<i64>| has.contains(&class.audience) || has.contains(&class.of);
        let (always, open): (Vec<_>, Vec<_>) = groups.iter().partition(|(has, _)| certain(has));
        let always: BTreeSet<String> = always
            .into_iter()
            .flat_map(|(_, references)| references.iter().map(|id| (*id).clone()))
            .collect();
        let has: Vec<&Vec<i64>> = open.iter().map(|(has, _)| *has).collect();
        let mut taken = Vec::new();
        let (patterns, rest) = if has.len() <= GROUPS_MAX {
            (every_pattern(has.len()), false)
        } else {
            (
                inhabited(tx, directory, now, class.audience, &has).await?,
                true,
            )
        };
        for pattern in patterns {
            let split = |wanted: bool| -> Vec<Vec<i64>> {
                let both = has.iter().zip(&pattern);
                both.filter(|(_, seen)| **seen == wanted)
                    .map(|(has, _)| (*has).clone())
                    .collect()
            };
            let audience = part(tx, class.audience, &split(true), &split(false)).await?;
            let mut kept = always.clone();
            for ((_, references), seen) in open.iter().zip(&pattern) {
                if *seen {
                    kept.extend(references.iter().map(|id| (*id).clone()));
                }
            }
            taken.push(audience);
            found.entry(kept).or_default().push(audience);
        }
        if rest {
            // Whoever comes later sees what everybody sees, until it is decided anew.
            let audience = part(tx, class.audience, &[], &[taken]).await?;
            found.entry(always).or_default().push(audience);
        }
    }
    let sights = found.into_iter();
    Ok(sights
        .map(|(kept, audiences)| Sight { kept, audiences })
        .collect())
}

/// Of what an anonymised object refers to, the observables that tell of its source by what they say:
/// their ids can be guessed back to it, so no reader gets them, whoever else they come from.
pub(super) async fn telling(
    tx: &mut Tx,
    directory: &Directory,
    item: &NewItemVersion,
    references: &BTreeSet<String>,
) -> Result<BTreeSet<String>, Refusal> {
    let mut telling = BTreeSet::new();
    let mut check = None;
    for id in references {
        if StixId::parse(id).is_none_or(|id| id.class() != stix::Class::Sco) {
            continue;
        }
        let Some(bytes) = tx.first_bytes(id).await? else {
            continue;
        };
        let content: Value = serde_json::from_str(&bytes).unwrap_or_default();
        let check = check.get_or_insert_with(|| {
            let origin = Origin {
                ceptoar: BodyId::from(item.ceptoar.as_str()),
                submitter: BodyId::from(item.submitter_body.as_str()),
                operator: item.operator.as_deref().map(BodyId::from),
                sectors: BTreeSet::new(),
            };
            anonymity::check(
                directory,
                &origin,
                anonymity::body_marks(directory, &origin),
            )
        });
        if !check.find(&content).is_empty() {
            telling.insert(id.clone());
        }
    }
    Ok(telling)
}

fn every_pattern(groups: usize) -> Vec<Vec<bool>> {
    (0..1_usize << groups)
        .map(|bits| (0..groups).map(|at| bits >> at & 1 == 1).collect())
        .collect()
}

/// What the readers there are in an audience have of some groups.
async fn inhabited(
    tx: &mut Tx,
    directory: &Directory,
    now: DateTime<Utc>,
    of: i64,
    groups: &[&Vec<i64>],
) -> Result<Vec<Vec<bool>>, Refusal> {
    let mut audiences: Vec<(i64, Audience)> = Vec::new();
    for (id, definition) in tx.audiences_after(0).await? {
        audiences.push((id, serde_json::from_str(&definition)?));
    }
    let known = directory.principals();
    let readers = known.filter_map(|principal| directory.reader(principal, now));
    let mut patterns = BTreeSet::new();
    for reader in readers.chain([Reader::anybody()]) {
        for channel in [Channel::Console, Channel::Taxii] {
            let mut among = BTreeSet::new();
            for (id, audience) in &audiences {
                if audience.admits_among(&reader, channel, now, &among) {
                    among.insert(*id);
                }
            }
            if among.contains(&of) {
                let has = |group: &&Vec<i64>| group.iter().any(|id| among.contains(id));
                patterns.insert(groups.iter().map(has).collect::<Vec<bool>>());
            }
        }
    }
    Ok(patterns.into_iter().collect())
}

/// A stored object without the references that its readers lack: a new object, in the name of
/// `creator` where its source made it. `None` where nothing valid is left: then they get nothing.
pub(super) fn without(
    secret: &Secret,
    owner: &str,
    stored: &NewObject,
    kept: &BTreeSet<String>,
    creator: Option<&str>,
) -> Result<Option<Value>, Refusal> {
    let object: Value = serde_json::from_str(&stored.bytes)?;
    let hidden = portion::references(&object);
    let hidden: BTreeSet<String> = hidden.difference(kept).cloned().collect();
    let mut rest = portion::without_references(&object, &hidden);
    let shown: Vec<&str> = kept.iter().map(String::as_str).collect();
    let id = secret.stix_id(
        &stored.object_type,
        "without",
        &[owner, &stored.stix_id, &stored.form, &shown.join(" ")],
    );
    rename(
        &mut rest,
        id,
        creator.filter(|_| told(&stored.form) == Form::Identified.word()),
    );
    Ok(validate(&rest).is_ok().then_some(rest))
}

/// Gives what is left of an object an id of its own, and its maker.
pub(super) fn rename(rest: &mut Value, id: String, creator: Option<&str>) {
    let Some(members) = rest.as_object_mut() else {
        return;
    };
    members.insert("id".to_owned(), id.into());
    if let (Some(creator), true) = (creator, members.contains_key("created_by_ref")) {
        members.insert("created_by_ref".to_owned(), creator.into());
    }
}
