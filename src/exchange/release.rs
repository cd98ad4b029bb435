//! Entering an item version in the release log: a stamp for each object on each side, for the
//! audiences that read it, with the support objects that go with it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::Value;

use super::Tx;
use super::gate::intern;
use super::markings::{Beside, MARKING, MARKING_LEVEL, MARKING_RENDERED, markings_of};
use super::portions::{
    Class, Rules, classes, form_of, sights, telling, whole_classes, without, without_some,
};
use super::readers::Readers;
use super::refusal::Refusal;
use super::remake::WITHHELD;
use super::secret::{Secret, sha256};
use super::stamps::Numbers;
use super::supports::id_of;
use super::versions::version_of;
use crate::council::Directory;
use crate::handling::{Audience, Form, Rule, within};
use crate::stix::{self, StixId, marking, portion, rendition, timestamp};
use crate::store::{EntryRow, NewItemVersion, NewObject, NewRelease};

/// The form of an object that stands in for an original in front of a reader of both.
pub(super) const STANDIN: &str = "standin";

/// How an object stands to what others posted under its id and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// Nobody did.
    Free,
    /// The same content: one entry for a reader of both.
    Same,
    /// Other content: a reader of both gets this one as a rendition.
    Other,
}

/// What a stored object refers to, of which a reader may have some and not others. What a report is
/// mapped to goes together.
pub(super) fn references_of(kind: &str, object: &NewObject) -> Result<BTreeSet<String>, Refusal> {
    if kind != "stix" || !is_served(object) {
        return Ok(BTreeSet::new());
    }
    Ok(portion::references(&serde_json::from_str(&object.bytes)?))
}

fn is_observable(stix_id: &str) -> bool {
    StixId::parse(stix_id).is_some_and(|id| id.class() == stix::Class::Sco)
}

fn is_marking(stix_id: &str) -> bool {
    stix_id.starts_with("marking-definition--")
}

/// The markings that a posted object brings along; what the hub makes has its own.
pub(super) fn carried<'a>(
    kind: &str,
    objects: impl Iterator<Item = &'a NewObject>,
    form: Form,
    of: &str,
) -> Result<Vec<Beside>, Refusal> {
    if kind == "stix" {
        markings_of(objects, form, of)
    } else {
        Ok(Vec::new())
    }
}

/// Whether an object has an entry of its own; a marking that goes with another has none.
pub(super) fn is_served(object: &NewObject) -> bool {
    ![MARKING, MARKING_LEVEL, MARKING_RENDERED].contains(&object.form.as_str())
}

/// The entries of one item version.
pub(super) struct Release<'a> {
    pub secret: &'a Secret,
    pub directory: &'a Directory,
    pub now: i64,
    pub key: i64,
    pub item: &'a NewItemVersion,
    pub rules: &'a Rules,
    pub live: bool,
    pub clash: Clash,
    /// Whether readers who have the version already may be among those it is entered for.
    pub again: bool,
    /// To whom it is released.
    pub readers: &'a Readers,
    pub keyed: Vec<(i64, NewObject)>,
    /// Objects that were made of those at release.
    pub made: Vec<(i64, NewObject)>,
    /// Entries there are already, when it is decided anew.
    pub entries: Vec<EntryRow>,
    /// Entries that are decided and not yet written.
    pub decided: Vec<NewRelease>,
    pub numbers: Numbers,
}

/// The support objects of one form under a rule, the creator last.
pub(super) type GoesWith<'a> = dyn Fn(Form, &Rule) -> Vec<Value> + Sync + 'a;

/// An object and those who are to read it.
struct Wanted {
    row: usize,
    key: i64,
    kept: BTreeSet<String>,
    audiences: Vec<i64>,
}

impl Release<'_> {
    /// Enters every object as submitted for seats at the desk.
    pub async fn desk(
        &mut self,
        tx: &mut Tx,
        seats: &[Audience],
        goes_with: &GoesWith<'_>,
    ) -> Result<(), Refusal> {
        let mut audiences = Vec::with_capacity(seats.len());
        for seat in seats {
            audiences.push(intern(tx, seat).await?);
        }
        if audiences.is_empty() {
            return Ok(());
        }
        let all = (Form::Identified, self.rules.parts.len());
        let classes = whole_classes(audiences);
        let wanted = self.class(tx, "desk", all, &classes, goes_with).await?;
        self.enter(tx, "desk", wanted).await?;
        Ok(())
    }

    /// Enters what was made in the place of objects at the desk for the seats that read those.
    pub async fn desk_again(
        &mut self,
        tx: &mut Tx,
        goes_with: &GoesWith<'_>,
    ) -> Result<bool, Refusal> {
        let gone = |key: &i64| {
            let mut rows = self.keyed.iter();
            rows.any(|(known, row)| known == key && row.form == WITHHELD)
        };
        let desk = self
            .entries
            .iter()
            .filter(|(_, _, side, ..)| side == "desk");
        let desk: Vec<&EntryRow> = desk.collect();
        if !desk.iter().any(|(_, key, ..)| gone(key)) {
            return Ok(false);
        }
        let seats: BTreeSet<i64> = desk.iter().filter_map(|(.., seat, _)| *seat).collect();
        let all = (Form::Identified, self.rules.parts.len());
        let classes = whole_classes(seats.into_iter().collect());
        let wanted = self.class(tx, "desk", all, &classes, goes_with).await?;
        self.enter(tx, "desk", wanted).await
    }

    /// Enters every object for one side, each form for its audiences, support objects first. Of
    /// entries that are there already, takes away what is no longer for anybody; whether anything
    /// changed.
    pub async fn side(
        &mut self,
        tx: &mut Tx,
        side: &'static str,
        goes_with: &GoesWith<'_>,
    ) -> Result<bool, Refusal> {
        let parts = self.rules.parts.len();
        let mut wanted = Vec::new();
        for form in [Form::Identified, Form::Anonymised] {
            for seen in 0..=parts {
                let classes = classes(tx, self.readers, side, form, (seen, parts)).await?;
                if !classes.is_empty() {
                    let more = self
                        .class(tx, side, (form, seen), &classes, goes_with)
                        .await?;
                    wanted.extend(more);
                }
            }
        }
        self.enter(tx, side, wanted).await
    }

    /// What readers who see so many parts are to get, with the support objects entered.
    async fn class(
        &mut self,
        tx: &mut Tx,
        side: &'static str,
        (form, seen): (Form, usize),
        classes: &[Class],
        goes_with: &GoesWith<'_>,
    ) -> Result<Vec<Wanted>, Refusal> {
        let whole: Vec<i64> = classes.iter().map(|class| class.audience).collect();
        let all_parts = seen == self.rules.parts.len();
        let of_form = form_of(form, seen, self.rules.parts.len());
        let hubs = goes_with(form, self.rules.at(seen));
        let creator = hubs.last().cloned();
        let creator_id = creator.as_ref().and_then(id_of).map(str::to_owned);
        let mut wanted = Vec::new();
        for row in 0..self.keyed.len() {
            let Some((key, stored)) = self.keyed.get(row).cloned() else {
                continue;
            };
            let standin = stored.form == STANDIN;
            let stands_in = standin
                && all_parts
                && (form == Form::Identified || is_observable(&stored.stix_id));
            if stored.form != of_form && !stands_in {
                continue;
            }
            let named = references_of(&self.item.kind, &stored)?;
            if side == "desk" || named.is_empty() {
                wanted.push(Wanted {
                    row,
                    key,
                    kept: named,
                    audiences: whole.clone(),
                });
                continue;
            }
            // Who reads what is asked of the log.
            self.write(tx).await?;
            let now = DateTime::from_timestamp_micros(self.now).unwrap_or_default();
            let mut told = named.clone();
            if form == Form::Anonymised {
                let telling = telling(tx, self.directory, self.item, &named).await?;
                told.retain(|id| !telling.contains(id));
            }
            for sight in sights(tx, self.directory, now, &told, classes).await? {
                let key = if sight.kept == named {
                    Some(key)
                } else {
                    self.make(tx, &stored, &sight.kept, creator_id.as_deref())
                        .await?
                };
                wanted.extend(key.map(|key| Wanted {
                    row,
                    key,
                    kept: sight.kept,
                    audiences: sight.audiences,
                }));
            }
        }
        // Posted identified objects carry their own markings; everything the hub makes carries the
        // hub's, which go with it. Of what the hub made of a posted one only the maker is its own.
        let posted = form == Form::Identified && self.item.kind == "stix";
        let stored = self.keyed.iter().map(|(_, object)| object);
        let mut supports = carried(&self.item.kind, stored, form, &of_form)?;
        let own = supports.len();
        let hubs = if posted {
            Vec::from_iter(creator)
        } else {
            self.named_by(tx, &wanted, hubs).await?
        };
        supports.extend(hubs.into_iter().map(|object| {
            let stored = new_object(form, &object, object.to_string());
            ("support", stored)
        }));
        // Who gets nothing gets nothing beside it.
        let audiences = wanted.iter().flat_map(|one| one.audiences.iter().copied());
        let audiences: Vec<i64> = audiences.collect::<BTreeSet<i64>>().into_iter().collect();
        let made = wanted
            .iter()
            .filter(|one| !all_parts || self.made.iter().any(|(key, _)| *key == one.key))
            .flat_map(|one| one.audiences.iter().copied());
        let made: Vec<i64> = made.collect();
        for (at, beside) in supports.iter().enumerate() {
            let to = if posted && at >= own {
                &made
            } else {
                &audiences
            };
            let of = (self.item.item.as_str(), side);
            let stamp = self.numbers.support(of, form, seen, at);
            self.support(tx, stamp, beside, to).await?;
        }
        Ok(wanted)
    }

    /// Of the hub's support objects those that the wanted ones name, and the creator. Where the rule
    /// was narrowed since they were made they name others, which are there already.
    async fn named_by(
        &self,
        tx: &mut Tx,
        wanted: &[Wanted],
        mut hubs: Vec<Value>,
    ) -> Result<Vec<Value>, Refusal> {
        let mut named: BTreeSet<String> = BTreeSet::new();
        for one in wanted {
            if let Some((_, stored)) = self.keyed.get(one.row) {
                let object: Value = serde_json::from_str(&stored.bytes)?;
                named.extend(marking::references(&object));
            }
        }
        hubs.retain(|object| id_of(object).is_some_and(|id| !is_marking(id) || named.contains(id)));
        let known: BTreeSet<String> = hubs.iter().filter_map(id_of).map(str::to_owned).collect();
        for id in named.difference(&known) {
            if let Some(bytes) = tx.first_support(id).await? {
                hubs.insert(0, serde_json::from_str(&bytes)?);
            }
        }
        Ok(hubs)
    }

    /// The stored object that `stored` is without some of its references, made where there is none.
    async fn make(
        &mut self,
        tx: &mut Tx,
        stored: &NewObject,
        kept: &BTreeSet<String>,
        creator: Option<&str>,
    ) -> Result<Option<i64>, Refusal> {
        let owner = self.item.submitter_body.as_str();
        let Some(rest) = without(self.secret, owner, stored, kept, creator)? else {
            return Ok(None);
        };
        let mut made = new_object(Form::Identified, &rest, rest.to_string());
        made.form = without_some(&stored.form);
        let same = |(_, known): &&(i64, NewObject)| {
            known.stix_id == made.stix_id && known.digest == made.digest
        };
        if let Some((key, _)) = self.made.iter().find(same) {
            return Ok(Some(*key));
        }
        let key = row_number(tx).await?;
        tx.add_object(key, Some(self.key), &made).await?;
        self.made.push((key, made));
        Ok(Some(key))
    }

    async fn enter(
        &mut self,
        tx: &mut Tx,
        side: &'static str,
        wanted: Vec<Wanted>,
    ) -> Result<bool, Refusal> {
        let mut changed = self.take_away(tx, side, &wanted).await?;
        let known = self.known(tx).await?;
        for one in wanted {
            let mut audiences = one.audiences;
            let mut again = false;
            for (_, object, of, audience, _) in &self.entries {
                if let (Some(audience), true) = (audience, *object == one.key && of == side) {
                    again = true;
                    audiences.retain(|new| !within(*new, *audience, &known));
                }
            }
            if audiences.is_empty() {
                continue;
            }
            let Some((_, stored)) = self.keyed.get(one.row) else {
                continue;
            };
            let standin = stored.form == STANDIN;
            let twin = match self.clash {
                _ if standin => STANDIN,
                // Who had it before under another entry has it already.
                _ if again || self.again => "shared",
                // An observable keeps its id in every form, so sources can meet under it.
                _ if is_observable(&stored.stix_id) => "shared",
                // It may have gone with another item before.
                _ if is_marking(&stored.stix_id) => "shared",
                Clash::Free => "",
                Clash::Same | Clash::Other if stored.form == Form::Identified.word() => "shared",
                Clash::Same | Clash::Other => "",
            };
            let report = stored.report.is_some();
            let of = (self.item.item.as_str(), side);
            let stamp = if standin && self.numbers.spread.is_none() {
                self.numbers.next()
            } else {
                self.numbers.object(of, one.row, &one.kept)
            };
            // The desk keeps what it sent; what expires is what others were given.
            let not_after = self.rules.whole.access.not_after;
            let not_after = not_after.filter(|_| side != "desk");
            self.decided.push(NewRelease {
                stamp,
                object: one.key,
                item_version: Some(self.key),
                side,
                kind: self.item.kind.clone(),
                twin,
                not_after: not_after.map(|until| until.timestamp_micros()),
                live: self.live,
                report,
                audiences,
            });
            changed = true;
        }
        Ok(changed)
    }

    /// Writes what is decided. An act ends with this.
    pub async fn write(&mut self, tx: &mut Tx) -> Result<(), Refusal> {
        Ok(tx.add_releases(&std::mem::take(&mut self.decided)).await?)
    }

    /// Of the entries that are there, takes away what is not wanted any more. Who keeps an object
    /// keeps its entry, under the stamp it has: nobody is told that others lost theirs.
    async fn take_away(
        &mut self,
        tx: &mut Tx,
        side: &str,
        wanted: &[Wanted],
    ) -> Result<bool, Refusal> {
        let known = self.known(tx).await?;
        let (mut changed, mut kept) = (false, Vec::with_capacity(self.entries.len()));
        for entry in std::mem::take(&mut self.entries) {
            let (stamp, object, of, had, live) = entry.clone();
            let (Some(had), true) = (had, of == side) else {
                kept.push(entry);
                continue;
            };
            let new: Vec<i64> = wanted
                .iter()
                .filter(|one| one.key == object)
                .flat_map(|one| one.audiences.iter().copied())
                .collect();
            if new.iter().any(|new| within(had, *new, &known)) {
                kept.push(entry);
                continue;
            }
            let to = self.left_of(tx, had, &new, &known).await?;
            let rows = self.keyed.iter().chain(&self.made);
            let report = rows
                .filter(|(key, _)| *key == object)
                .any(|(_, stored)| stored.report.is_some());
            tx.take_away(stamp, had).await?;
            tx.add_feed(stamp, live.unwrap_or(self.live), report, &to)
                .await?;
            kept.extend(
                to.into_iter()
                    .map(|new| (stamp, object, of.clone(), Some(new), live)),
            );
            changed = true;
        }
        self.entries = kept;
        Ok(changed)
    }

    /// Of new audiences, those that an entry goes on to: who is certainly of the former one, or is
    /// of both. Those who came late to that one came late to these.
    async fn left_of(
        &self,
        tx: &mut Tx,
        had: i64,
        new: &[i64],
        known: &BTreeMap<i64, Audience>,
    ) -> Result<Vec<i64>, Refusal> {
        let mut left = Vec::new();
        for new in new {
            if within(*new, had, known) {
                tx.inherit_latecomers(*new, had).await?;
                left.push(*new);
                continue;
            }
            // Others may have come to the new one for whom it is news; who was here is not told.
            if let Some(both) = known.get(&had).and_then(|had| had.common(*new, known)) {
                let both = intern(tx, &both).await?;
                tx.inherit_latecomers(both, had).await?;
                left.push(both);
                continue;
            }
            let (Some(Audience::Late { persons, of }), Some(part)) =
                (known.get(&had), known.get(new))
            else {
                continue;
            };
            if part.is_within(of, known) {
                let late = Audience::Late {
                    persons: persons.clone(),
                    of: Box::new(part.clone()),
                };
                left.push(intern(tx, &late).await?);
            }
        }
        Ok(left)
    }

    /// The definitions of audiences, where there are entries to compare.
    async fn known(&self, tx: &mut Tx) -> Result<BTreeMap<i64, Audience>, Refusal> {
        let mut known = BTreeMap::new();
        if !self.entries.is_empty() {
            for (id, definition) in tx.audiences_after(0).await? {
                known.insert(id, serde_json::from_str(&definition)?);
            }
        }
        Ok(known)
    }

    async fn support(
        &mut self,
        tx: &mut Tx,
        stamp: i64,
        (side, stored): &Beside,
        audiences: &[i64],
    ) -> Result<(), Refusal> {
        let kind = &self.item.kind;
        let had = tx.supported(&stored.stix_id, &stored.digest, kind).await?;
        let lacking = audiences.iter().filter(|audience| !had.contains(audience));
        let mut lacking: Vec<i64> = lacking.copied().collect();
        if lacking.is_empty() {
            return Ok(());
        }
        self.inherit_support(tx, stored, &mut lacking).await?;
        if lacking.is_empty() {
            return Ok(());
        }
        let number = row_number(tx).await?;
        tx.add_object(number, None, stored).await?;
        tx.add_release(&NewRelease {
            stamp,
            object: number,
            item_version: None,
            side,
            kind: self.item.kind.clone(),
            twin: "shared",
            not_after: None,
            live: true,
            report: false,
            audiences: lacking,
        })
        .await?;
        Ok(())
    }
}

impl Release<'_> {
    /// Who certainly has a support object already, as one of a wider audience that had the item
    /// before, keeps it under the stamp it has: it goes on before what names it, also when it is
    /// taken from the wider one.
    async fn inherit_support(
        &self,
        tx: &mut Tx,
        stored: &NewObject,
        lacking: &mut Vec<i64>,
    ) -> Result<(), Refusal> {
        let known = self.known(tx).await?;
        if known.is_empty() || lacking.is_empty() {
            return Ok(());
        }
        let kind = &self.item.kind;
        let there = tx
            .support_entries(&stored.stix_id, &stored.digest, kind)
            .await?;
        let mut open = Vec::new();
        for audience in lacking.drain(..) {
            let wider = there.iter().find(|(_, had)| within(audience, *had, &known));
            let Some((stamp, had)) = wider else {
                open.push(audience);
                continue;
            };
            tx.inherit_latecomers(audience, *had).await?;
            tx.add_feed(*stamp, true, false, &[audience]).await?;
        }
        *lacking = open;
        Ok(())
    }
}

/// The number of a row that depends on others' items: from a counter of its own, so that taking it
/// moves no stamp (law 4). Stamps are microseconds since 1970, far above.
pub(super) async fn row_number(tx: &mut Tx) -> Result<i64, Refusal> {
    Ok(tx.take("row", 0, 1).await?)
}

/// The row of an object, as it will be served.
pub(super) fn new_object(form: Form, object: &Value, bytes: String) -> NewObject {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let version = version_of(object);
    let mut content = Cow::Borrowed(object);
    if text("id").is_some_and(is_observable)
        && let Some(members) = content.to_mut().as_object_mut()
    {
        // Two sources' handling of one observable is not another content.
        members.remove("object_marking_refs");
        members.remove("granular_markings");
    }
    NewObject {
        form: form.word().to_owned(),
        stix_id: text("id").unwrap_or_default().to_owned(),
        object_type: text("type").unwrap_or_default().to_owned(),
        version: version.to_owned(),
        version_at: timestamp::Instant::parse(version)
            .filter(|_| text("type") != Some("marking-definition"))
            .map_or(0, |instant| instant.micros()),
        digest: sha256(&rendition::canonical(&content)),
        bytes,
        report: None,
    }
}
