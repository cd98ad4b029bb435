//! Renditions made anew when the rule of an item that is out was narrowed: what they name, carry and
//! strip follows the rule in force, and the former bytes go with it.
//!
//! A remade rendition keeps its id and gets a later `modified` (STIX 3.6: never two contents under
//! one id and version). Of an older version that is the next instant after its own, so that it stays
//! before its successor; where none is free, the rendition goes and none is made. An observable has
//! no version, and its markings are no part of its content.
//!
//! A rendition that was dropped for good, as a correction does, is not made again.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::anonymity::{self, ANONYMITY};
use super::gate::intern;
use super::hold::Hold;
use super::mapping::{Shown, render};
use super::parts::all_parts;
use super::portions::{Rules, form_of, is_made_at_release, rename, seen_of};
use super::publish::stored_rule;
use super::refusal::Refusal;
use super::release::{STANDIN, new_object, references_of, row_number};
use super::renditions::Renditions;
use super::settle::stored_origin;
use super::supports::{Supports, supports};
use super::{Exchange, Tx};
use crate::council::body::role;
use crate::council::{Directory, Origin};
use crate::handling::{ApprovalMode, Approver, Audience, BodyId, Form, Seat, Side, cut};
use crate::report::Report;
use crate::report::identity_check::{Finding, Mark};
use crate::stix::timestamp::format_stix;
use crate::stix::{StixId, timestamp, validate};
use crate::store::{ItemVersion, NewObject};

/// The form of a rendition that nobody gets before its source has confirmed it, before its own word.
pub(super) const UNCONFIRMED: &str = "unconfirmed ";
/// The form of what nobody gets any more.
pub(super) const WITHHELD: &str = "withheld";
/// STIX writes instants of the hub with milliseconds.
const MILLISECOND: i64 = 1000;

/// One version of an item whose rule was narrowed.
struct Narrowed<'a> {
    directory: &'a Directory,
    version: &'a ItemVersion,
    origin: Origin,
    before: &'a Rules,
    joined: &'a Rules,
    /// Renditions made now are older than this, in microseconds.
    below: Option<i64>,
    now: i64,
    rows: Vec<(i64, NewObject)>,
}

/// What takes the place of the present objects of some forms.
#[derive(Default)]
struct Made {
    forms: BTreeSet<String>,
    objects: Vec<NewObject>,
    findings: Vec<Finding>,
}

/// The form of a row, whether or not it was confirmed.
fn word(row: &NewObject) -> &str {
    row.form.strip_prefix(UNCONFIRMED).unwrap_or(&row.form)
}

fn instant(version: &str) -> Option<i64> {
    timestamp::Instant::parse(version).map(|instant| instant.micros())
}

impl Narrowed<'_> {
    fn all(&self) -> usize {
        self.joined.parts.len()
    }

    fn supports(&self, exchange: &Exchange, seen: usize, form: Form) -> Supports {
        let rule = self.joined.at(seen);
        supports(exchange.secret(), self.directory, &self.origin, rule, form)
    }

    /// Whether a rendition is to be made where there is none: somebody gets one now, and none was
    /// ever dropped.
    fn lacks_rendition(&self) -> bool {
        let rows = || self.rows.iter().map(|(_, row)| word(row));
        let any = rows().any(|form| form.starts_with(Form::Anonymised.word()) || form == WITHHELD);
        let access = &self.joined.whole.access;
        let own = &self.origin.ceptoar;
        let sides = [Side::Inside(own), Side::Outside(own)];
        let mut given = sides.into_iter().flat_map(|side| cut(access, side));
        !any && given.any(|(form, _)| form == Form::Anonymised)
    }

    /// The version of what is made now in the place of one modified at `former`; `None` where no
    /// instant is left for it.
    async fn next(&self, tx: &mut Tx, stix_id: &str, former: i64) -> Result<Option<i64>, Refusal> {
        let known = tx.versions_under(stix_id).await?;
        let later = known.iter().filter_map(|version| instant(version));
        let below = self
            .below
            .map(|below| below - below.rem_euclid(MILLISECOND));
        let bound = later.filter(|at| *at > former).chain(below).min();
        let next = former + MILLISECOND;
        Ok(match bound {
            Some(bound) => (next < bound).then_some(next),
            None => Some(next.max(self.now)),
        })
    }

    /// Takes a finished rendition over, if it is a valid object, with what in it would tell of the
    /// source.
    fn take(&self, made: &mut Made, form: &str, object: &Value, found: Vec<Finding>) {
        if validate(object).is_err() {
            return;
        }
        let mut row = new_object(Form::Anonymised, object, object.to_string());
        form.clone_into(&mut row.form);
        if form == STANDIN {
            if !found.is_empty() {
                return; // never held for it: a hold would tell that somebody else posted this id
            }
            let posted = self.rows.iter().map(|(_, row)| row);
            let mut posted = posted.filter(|row| row.form == Form::Identified.word());
            row.version_at = posted.next().map_or(row.version_at, |row| row.version_at);
        } else {
            made.findings.extend(found);
        }
        made.objects.push(row);
    }
}

impl Exchange {
    /// Makes the renditions of a version anew where its narrowed rule asks for others; what in them
    /// would still point at the source. Nobody gets those before its source has confirmed them.
    ///
    /// `below` is given where a newer version is about to be written, at that instant.
    pub(super) async fn remake(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        (before, joined): (&Rules, &Rules),
        below: Option<i64>,
    ) -> Result<Vec<Finding>, Refusal> {
        let narrowed = Narrowed {
            directory,
            version,
            origin: stored_origin(version, joined.strictest()),
            before,
            joined,
            below,
            now: self.clock().now_micros(),
            rows: tx.objects_of(version.key).await?,
        };
        let posted = version.value.kind == "stix";
        let mut made = Made::default();
        let state = version.value.state.as_str();
        if ["released", "held", "refused", "superseded"].contains(&state) {
            made = if posted {
                self.remake_posted(tx, &narrowed).await?
            } else {
                self.remake_report(tx, &narrowed).await?
            };
        } else if before.strictest().attribution != joined.strictest().attribution
            || before.strictest().anonymise != joined.strictest().anonymise
        {
            tx.withhold(version.key).await?;
        }
        for (key, row) in &narrowed.rows {
            let of = word(row).trim_end_matches('+');
            if made.forms.contains(of) {
                tx.withhold_object(*key).await?;
            }
        }
        let waits = ["released", "held"].contains(&state);
        for mut object in made.objects {
            if !made.findings.is_empty() && object.form.starts_with(Form::Anonymised.word()) {
                if !waits {
                    continue; // nobody is asked about it any more
                }
                object.form = format!("{UNCONFIRMED}{}", object.form);
            }
            let key = row_number(tx).await?;
            tx.add_object(key, Some(version.key), &object).await?;
            let named = references_of(&version.value.kind, &object)?;
            tx.add_references(key, named.iter()).await?;
        }
        if !waits {
            made.findings.clear();
        }
        Ok(made.findings)
    }

    async fn remake_report(&self, tx: &mut Tx, of: &Narrowed<'_>) -> Result<Made, Refusal> {
        let mut made = Made::default();
        let tie = |form: Form, seen: usize| {
            let form = form_of(form, seen, of.all());
            let rows = of.rows.iter().map(|(_, row)| row);
            let mut ties = rows.filter(|row| row.report.is_some() && word(row) == form);
            ties.next()
        };
        let text = |row: &NewObject| row.report.clone().unwrap_or_default();
        let Some(submitted) = tie(Form::Identified, of.all()) else {
            return Ok(made);
        };
        let submitted = text(submitted);
        let report = Report::parse(submitted.as_bytes());
        let marks = self.marks_of(tx, of).await?;
        let lacking = of.lacks_rendition();
        for form in [Form::Identified, Form::Anonymised] {
            for seen in 0..=of.all() {
                let present = tie(form, seen);
                let changed = match present {
                    None => form == Form::Anonymised && lacking,
                    Some(row) => {
                        let object: Value = serde_json::from_str(&row.bytes).unwrap_or_default();
                        let goes_with = of.supports(self, seen, form);
                        let strips = |rules: &Rules| rules.at(seen).anonymise.clone();
                        named_by(&object) != goes_with.marking_refs
                            || text_of(&object, "created_by_ref") != Some(&goes_with.creator_id)
                            || form == Form::Anonymised && strips(of.before) != strips(of.joined)
                    }
                };
                if !changed {
                    continue;
                }
                made.forms.insert(form_of(form, seen, of.all()));
                // The report as its readers have it, or had it before it was rendered.
                let rest = match (&report, tie(Form::Identified, seen)) {
                    (Ok(report), Some(_)) if seen == of.all() => Ok(report.clone()),
                    (Ok(report), Some(row)) => {
                        let rest = serde_json::from_str(&text(row)).unwrap_or_default();
                        report.to_anonymise(rest)
                    }
                    _ => continue, // what cannot be read cannot be rendered
                };
                let Ok(rest) = rest else { continue };
                let modified = match present {
                    None => Some(of.now),
                    Some(row) => {
                        let former = instant(&row.version).unwrap_or(of.now);
                        of.next(tx, &row.stix_id, former).await?
                    }
                };
                let Some(modified) = modified else { continue };
                let (shown, served) = if form == Form::Anonymised {
                    let (rule, day) = (of.joined.at(seen), self.clock().now().date_naive());
                    let source = (of.directory, &of.origin);
                    let (rendition, mut found) = render(source, &marks, &rest, rule, day);
                    found.extend(anonymity::own_reports(tx, &of.origin, &rendition).await?);
                    found.retain(|one| !made.findings.contains(one));
                    made.findings.extend(found);
                    let served = rendition.to_string();
                    (rendition, served)
                } else {
                    // As it is served: the source's own bytes, where it shows all.
                    let served = present.map(text).unwrap_or_default();
                    (serde_json::from_str(&served).unwrap_or_default(), served)
                };
                let shown = Shown {
                    form,
                    seen,
                    report: &shown,
                    served,
                };
                let item = &of.version.value.item;
                let objects = self
                    .map_report(
                        tx,
                        (of.directory, &of.origin),
                        of.joined,
                        item,
                        &shown,
                        (of.now, Some(modified)),
                    )
                    .await?;
                made.objects.extend(objects);
            }
        }
        Ok(made)
    }

    /// What the sources of an item are known by: its own, and those of what it was made of.
    async fn marks_of(&self, tx: &mut Tx, of: &Narrowed<'_>) -> Result<Vec<Mark>, Refusal> {
        let mut marks = anonymity::body_marks(of.directory, &of.origin);
        let mut parts = all_parts(tx, of.version.key).await?;
        if let Some(original) = &of.version.value.generalises
            && let Some(original) = tx.latest_version(original).await?
        {
            parts.extend(all_parts(tx, original.key).await?);
        }
        for part in parts {
            let origin = stored_origin(&part, &stored_rule(&part)?);
            marks.extend(anonymity::body_marks(of.directory, &origin));
        }
        Ok(marks)
    }

    /// A posted object's renditions differ by rule in creator and markings alone; what was stripped
    /// when its envelope was rendered stays stripped.
    async fn remake_posted(&self, tx: &mut Tx, of: &Narrowed<'_>) -> Result<Made, Refusal> {
        let mut made = Made::default();
        let marks = anonymity::body_marks(of.directory, &of.origin);
        let check = anonymity::check(of.directory, &of.origin, marks);
        let rows = || of.rows.iter().map(|(_, row)| row);
        let words = rows().filter(|row| row.form == super::markings::MARKING_RENDERED);
        let words: BTreeSet<&str> = words.map(|row| row.stix_id.as_str()).collect();
        for row in rows() {
            let form = word(row);
            let rendition = form.starts_with(Form::Anonymised.word()) || form == STANDIN;
            if !rendition || is_made_at_release(form) {
                continue;
            }
            let seen = seen_of(form).unwrap_or_else(|| of.all());
            let goes_with = of.supports(self, seen, Form::Anonymised);
            let object: Value = serde_json::from_str(&row.bytes).unwrap_or_default();
            let mut fresh = object.clone();
            let mut markings = goes_with.marking_refs;
            markings.extend(
                named_by(&object)
                    .into_iter()
                    .filter(|id| words.contains(id.as_str())),
            );
            let Some(members) = fresh.as_object_mut() else {
                continue;
            };
            if members.contains_key("created_by_ref") {
                members.insert("created_by_ref".to_owned(), goes_with.creator_id.into());
            }
            members.insert("object_marking_refs".to_owned(), markings.into());
            if fresh == object {
                continue;
            }
            made.forms.insert(form.to_owned());
            if let Some(former) = text_of(&object, "modified").and_then(instant) {
                let Some(next) = of.next(tx, &row.stix_id, former).await? else {
                    continue;
                };
                if let Some(members) = fresh.as_object_mut() {
                    members.insert("modified".to_owned(), format_stix(next).into());
                }
            }
            let mut found = check.find(&fresh);
            let (rule, day) = (of.joined.at(seen), self.clock().now().date_naive());
            found.extend(anonymity::small_group(
                of.directory,
                &of.origin,
                rule,
                &fresh,
                day,
            ));
            of.take(&mut made, form, &fresh, found);
        }
        if of.lacks_rendition() {
            self.render_posted(tx, of, &mut made).await?;
        }
        Ok(made)
    }

    /// The renditions of an object whose readers all had it as posted so far.
    async fn render_posted(
        &self,
        tx: &mut Tx,
        of: &Narrowed<'_>,
        made: &mut Made,
    ) -> Result<(), Refusal> {
        let owner = of.version.value.submitter_body.as_str();
        let original = of.rows.iter().map(|(_, row)| row);
        let mut original = original.filter(|row| row.form == Form::Identified.word());
        let Some(original) = original.next() else {
            return Ok(());
        };
        let Some(id) = StixId::parse(&original.stix_id) else {
            return Ok(());
        };
        if id.object_type() == "marking-definition" {
            return Ok(()); // it goes, in the hub's words, with what it marks
        }
        let whole: Value = serde_json::from_str(&original.bytes).unwrap_or_default();
        let mut objects: Vec<((usize, usize), Value)> = Vec::new();
        // Whoever made it is a name of the source, as in the envelope it came in.
        if let Some(creator) = text_of(&whole, "created_by_ref") {
            let posted = tx.first_posted(&format!("{owner} {creator}")).await?;
            let posted = posted.and_then(|bytes| serde_json::from_str(&bytes).ok());
            objects.extend(posted.map(|identity| ((1, of.all()), identity)));
        }
        for seen in 0..of.all() {
            let form = form_of(Form::Identified, seen, of.all());
            let rest = of.rows.iter().find(|(_, row)| row.form == form);
            let rest = rest.and_then(|(_, row)| serde_json::from_str::<Value>(&row.bytes).ok());
            if let Some(mut rest) = rest {
                let creator = text_of(&whole, "created_by_ref").map(str::to_owned);
                rename(&mut rest, id.to_string(), creator.as_deref());
                objects.push(((0, seen), rest));
            }
        }
        objects.push(((0, of.all()), whole));
        let source = (owner, of.directory);
        let places: Vec<_> = objects.iter().map(|(place, _)| *place).collect();
        let batch = Renditions::make(self, tx, source, &of.origin, objects).await?;
        let mut words = Vec::new();
        for (_, row) in &of.rows {
            if row.form == super::markings::MARKING_RENDERED {
                words.push(row.stix_id.clone());
            }
        }
        for (at, seen) in places.into_iter().filter(|(at, _)| *at == 0) {
            let goes_with = of.supports(self, seen, Form::Anonymised);
            let mut markings = goes_with.marking_refs;
            markings.extend(words.clone());
            let Some(mut rendition) = batch.get((at, seen), &goes_with.creator_id, &markings, None)
            else {
                continue;
            };
            if seen < of.all() {
                let parts = [
                    owner,
                    id.as_str(),
                    Form::Anonymised.word(),
                    &seen.to_string(),
                ];
                let new = self.secret().stix_id(id.object_type(), "part", &parts);
                rename(&mut rendition, new, None);
            }
            let mut found = batch.check(&rendition);
            let (rule, day) = (of.joined.at(seen), self.clock().now().date_naive());
            found.extend(anonymity::small_group(
                of.directory,
                &of.origin,
                rule,
                &rendition,
                day,
            ));
            let form = form_of(Form::Anonymised, seen, of.all());
            of.take(made, &form, &rendition, found);
        }
        Ok(())
    }

    /// Holds what was found in remade renditions until the point of contact confirms it, by a yes
    /// given now: an earlier one was about other bytes.
    pub(super) async fn hold_remade(
        &self,
        tx: &mut Tx,
        version: &mut ItemVersion,
        findings: &[Finding],
        now: i64,
    ) -> Result<(), Refusal> {
        let mut holds: Vec<Hold> = serde_json::from_str(&version.value.holds)?;
        holds.retain(|hold| hold.code != ANONYMITY);
        let clauses: Vec<Value> = serde_json::from_str(&version.value.clauses)?;
        let clause = clauses.iter().find(|one| one["dimension"] == "anonymise");
        let by = clause.and_then(|one| serde_json::from_value(one["decided_by"].clone()).ok());
        let mut hold = anonymity::finding_hold(findings, by.unwrap_or_default());
        hold.inside_too = true;
        holds.push(hold);
        version.value.holds = serde_json::to_string(&holds)?;
        version.value.state = "held".to_owned();
        tx.set_state(version.key, "held", &version.value.holds)
            .await?;
        let poc = Approver::of(&BodyId::from(version.value.ceptoar.as_str()), role::POC);
        let explicit = ApprovalMode::Explicit;
        let asked = tx.asked(version.key).await?;
        if let Some(one) = asked.iter().find(|one| one.approver == poc.as_str()) {
            let mode: ApprovalMode = serde_json::from_value(json!(one.mode))?;
            tx.void_votes(version.key, poc.as_str()).await?;
            tx.ask_stricter(version.key, poc.as_str(), mode.max(explicit).word(), None)
                .await?;
        } else {
            tx.ask(version.key, poc.as_str(), explicit.word(), None)
                .await?;
        }
        let seat = Audience::Desk {
            seat: Seat::Approver {
                body: BodyId::from(version.value.ceptoar.as_str()),
                role: role::POC.to_owned(),
            },
        };
        let seat = intern(tx, &seat).await?;
        let entries = tx.rows_of(version.key).await?;
        if !entries
            .iter()
            .any(|(.., audience, _)| *audience == Some(seat))
        {
            self.seat(tx, version, &poc, now).await?;
        }
        Ok(())
    }
}

fn text_of<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// The markings an object carries, in its order.
fn named_by(object: &Value) -> Vec<String> {
    let list = object.get("object_marking_refs").and_then(Value::as_array);
    let list = list.into_iter().flatten().filter_map(Value::as_str);
    list.map(str::to_owned).collect()
}
