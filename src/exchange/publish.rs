//! Publishing: from a handled item to entries in the release log, in one transaction with the
//! consents asked, the outbox and the ledger.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::access::Caller;
use super::intake::{Asked, Handled, Hold, asked_by, handle, marks, origin};
use super::portions::{self, AskedPart, Had, Rules, form_of, handle_parts};
use super::refusal::{Fault, Refusal};
use super::release::{Clash, Release, new_object, references_of};
use super::secret::sha256;
use super::stamps::Numbers;
use super::supports::{id_of, supports};
use super::{Exchange, Tx, record};
use crate::council::Directory;
use crate::handling::{Form, Join, Rule};
use crate::report::Report;
use crate::report::anonymise::anonymise_for;
use crate::report::identity_check::find_identity;
use crate::stix::json::{Limits, parse};
use crate::stix::report::{Mapping, to_stix};
use crate::store::{ItemVersion, NewItemVersion, NewObject};

/// The largest report: what a person writes, with every bound of the schema at its end.
pub const REPORT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A report to publish.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// The report's JSON.
    pub bytes: Vec<u8>,
    /// The report that this is a new version of.
    pub replaces: Option<String>,
    /// The report that this re-tells for a wider audience.
    pub generalises: Option<String>,
    /// The client's key for this act; a repeat under it answers as the first did.
    pub idempotency_key: Option<String>,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Published {
    /// The report's id, for its source.
    pub id: String,
    /// 1 for the first.
    pub version: i64,
    /// `released` or `held`.
    pub state: String,
    /// Why it is held.
    pub holds: Vec<Hold>,
    /// Scheme, version and level.
    pub level: String,
}

/// An item that is ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub handled: Handled,
    pub item: NewItemVersion,
    pub objects: Vec<NewObject>,
    /// Whether the later of two contents under one id also goes out as a rendition.
    pub clash: Clash,
    /// Whether a newer version is out already.
    pub late: bool,
    /// What a report lists to be stripped.
    pub strips: Option<BTreeSet<String>>,
}

/// A report, checked, with what follows from it; nothing of it is stored yet.
pub(super) struct Checked {
    pub report: Report,
    pub handled: Handled,
    pub anonymised: Option<Value>,
    /// What readers of its first so many parts get, in both forms.
    pub cuts: Vec<(Value, Option<Value>)>,
}

impl Exchange {
    /// Checks a report and resolves its handling.
    pub(super) fn check(&self, caller: &Caller, bytes: &[u8]) -> Result<Checked, Refusal> {
        if bytes.len() > REPORT_BYTES_MAX {
            return Err(Refusal::TooLarge {
                limit: REPORT_BYTES_MAX,
            });
        }
        let limits = Limits {
            bytes_max: REPORT_BYTES_MAX,
            ..Limits::default()
        };
        parse(bytes, &limits).map_err(|fault| Refusal::Malformed(vec![fault.into()]))?;
        let report = Report::parse(bytes)
            .map_err(|faults| Refusal::Invalid(faults.into_iter().map(Fault::from).collect()))?;
        let now = self.clock().now();
        let from = origin(
            caller,
            report.source_operator(),
            Some(report.sector()),
            &report.useful_for_sectors(),
            now,
        )?;
        let marks = marks(&caller.directory, &from);
        let asked = asked_by(&report)?;
        let mut handled = handle(caller, from, &asked, "/handling", now)?;
        let parts = asked_parts(&report);
        let places = handle_parts(caller, &mut handled, parts, "/handling/portions", now)?;
        let rules = handled.rules();
        let anonymise = |report: &Report, rule: &Rule| -> Result<Option<Value>, Refusal> {
            if !handled.forms().contains(&Form::Anonymised) {
                return Ok(None);
            }
            let rendition = anonymise_for(report, &rule.anonymise, &marks);
            let found = find_identity(&rendition, &marks);
            if !found.is_empty() {
                let faults = found.into_iter().map(Fault::from);
                return Err(Refusal::Invalid(faults.collect()));
            }
            Ok(Some(rendition))
        };
        let mut cuts = Vec::with_capacity(places.len());
        for seen in 0..places.len() {
            let hidden = places.iter().skip(seen).flatten().cloned().collect();
            let rest = report.without(&hidden).map_err(|faults| {
                Refusal::Invalid(faults.into_iter().map(Fault::from).collect())
            })?;
            cuts.push((rest.without_list(), anonymise(&rest, rules.at(seen))?));
        }
        let anonymised = anonymise(&report, rules.strictest())?;
        Ok(Checked {
            report,
            handled,
            anonymised,
            cuts,
        })
    }

    /// Publishes a report.
    ///
    /// # Errors
    /// A refusal that names the place and the rule; then nothing was stored.
    pub async fn publish(
        &self,
        caller: &Caller,
        submission: Submission,
    ) -> Result<Published, Refusal> {
        let checked = self.check(caller, &submission.bytes)?;
        for linked in submission.replaces.iter().chain(&submission.generalises) {
            self.own_report(caller, linked).await?;
        }
        let (exchange, caller) = (self.clone(), caller.clone());
        self.writer()
            .write(move |tx| {
                Box::pin(async move { exchange.publish_in(tx, &caller, submission, checked).await })
            })
            .await
    }

    pub(super) async fn publish_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        submission: Submission,
        checked: Checked,
    ) -> Result<Published, Refusal> {
        let who = caller.principal.id.as_str();
        let digest = sha256(&submission.bytes);
        // The act is the bytes and what they were said of, so a key repeated elsewhere is no repeat.
        let links = (&submission.replaces, &submission.generalises);
        let act = sha256(&serde_json::to_vec(&(super::hex(&digest), links))?);
        if let Some(key) = &submission.idempotency_key
            && let Some((earlier, answer)) = tx.answered(who, key).await?
        {
            if earlier != act {
                return Err(Refusal::Conflict(
                    "the Idempotency-Key was used for another act".to_owned(),
                ));
            }
            return Ok(serde_json::from_str(&answer)?);
        }
        let now = self.clock().now_micros();
        let previous = match &submission.replaces {
            Some(item) => tx.latest_version(item).await?,
            None => None,
        };
        let item = match &previous {
            Some(previous) => previous.value.item.clone(),
            None => self.new_item(tx, who, now, &digest).await?,
        };
        let draft = self
            .draft_report(
                tx,
                caller,
                &checked,
                item,
                previous.as_ref(),
                submission.generalises,
                now,
            )
            .await?;
        let (directory, mut had) = (&caller.directory, Had::new());
        let published = self
            .write_draft(tx, directory, draft, previous.as_ref(), &mut had, now)
            .await?;
        self.arrived(tx, directory, had, now).await?;
        if let Some(key) = &submission.idempotency_key {
            let answer = serde_json::to_string(&published)?;
            tx.remember(who, key, &act, &answer, now).await?;
        }
        Ok(published)
    }

    /// A new item's id, from the secret and the act. The same act in the same microsecond is told
    /// apart by the actor's own number of tries, which depends on nobody else.
    async fn new_item(
        &self,
        tx: &mut Tx,
        who: &str,
        now: i64,
        digest: &[u8],
    ) -> Result<String, Refusal> {
        let (at, digest) = (now.to_string(), super::hex(digest));
        for attempt in 0..u32::MAX {
            let id = self
                .secret()
                .uuid("report", &[who, &at, &digest, &attempt.to_string()])
                .to_string();
            if tx.latest_version(&id).await?.is_none() {
                return Ok(id);
            }
        }
        Err(Refusal::Conflict(
            "no id is free for this report".to_owned(),
        ))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call site; each is a fact of the draft"
    )]
    async fn draft_report(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        checked: &Checked,
        item: String,
        previous: Option<&ItemVersion>,
        generalises: Option<String>,
        now: i64,
    ) -> Result<Draft, Refusal> {
        let handled = &checked.handled;
        let version = previous.map_or(1, |previous| previous.value.version + 1);
        let mut objects = Vec::new();
        let raw = String::from_utf8_lossy(checked.report.bytes()).into_owned();
        let rules = handled.rules();
        let all = checked.cuts.len();
        let mut forms = vec![(Form::Identified, all, checked.report.to_value(), raw)];
        let rendition = checked.anonymised.as_ref();
        forms.extend(rendition.map(|r| (Form::Anonymised, all, r, r.to_string())));
        for (seen, (identified, anonymised)) in checked.cuts.iter().enumerate() {
            forms.push((Form::Identified, seen, identified, identified.to_string()));
            let rendition = anonymised.as_ref();
            forms.extend(rendition.map(|r| (Form::Anonymised, seen, r, r.to_string())));
        }
        for (form, seen, report, served) in forms {
            let of = form_of(form, seen, all);
            let report_id = self.report_id(&item, &of);
            let created = match tx.first_bytes(&report_id).await? {
                Some(first) => created_of(&first),
                None => None,
            };
            let created = created.unwrap_or_else(|| milliseconds(now));
            let goes_with = supports(
                self.secret(),
                &caller.directory,
                &handled.origin,
                rules.at(seen),
                form,
            );
            let mapping = Mapping {
                id: &|object_type, part| {
                    if part == "report" {
                        report_id.clone()
                    } else {
                        self.secret().stix_id(object_type, &of, &[&item, part])
                    }
                },
                created: created.clone(),
                modified: if previous.is_some() {
                    milliseconds(now)
                } else {
                    created
                },
                creator: Some(goes_with.creator.clone()),
                object_marking_refs: goes_with.marking_refs,
            };
            for object in to_stix(report, &mapping) {
                if id_of(&object) == Some(&goes_with.creator_id) {
                    continue; // served once, as a support object
                }
                let ties = id_of(&object) == Some(&report_id);
                let mut stored = new_object(form, &object, object.to_string());
                stored.form.clone_from(&of);
                stored.report = ties.then(|| served.clone());
                objects.push(stored);
            }
        }
        Ok(Draft {
            item: new_version(
                caller,
                handled,
                item,
                version,
                checked.report.kind().as_str(),
                generalises,
                now,
            )?,
            handled: handled.clone(),
            objects,
            clash: Clash::Free,
            late: false,
            strips: Some(strips(checked.report.to_value())),
        })
    }

    /// The STIX id of a report in one form; its UUID is the report's id on the REST API.
    #[must_use]
    fn report_id(&self, item: &str, form: &str) -> String {
        if form == Form::Identified.word() {
            format!("report--{item}")
        } else {
            self.secret().stix_id("report", form, &[item])
        }
    }

    /// Writes an item version with everything that follows from it.
    pub(super) async fn write_draft(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        draft: Draft,
        previous: Option<&ItemVersion>,
        had: &mut Had,
        now: i64,
    ) -> Result<Published, Refusal> {
        let Draft {
            handled,
            mut item,
            objects,
            clash,
            late,
            strips,
        } = draft;
        let held = !handled.holds.is_empty();
        item.state = if held { "held" } else { "released" }.to_owned();
        let rule = &handled.resolved.rule;
        let rules = handled.rules();
        portions::note_audiences(tx, had, &objects).await?;
        let numbers = Numbers::take(tx, now, &item.kind, &objects, rules.parts.len()).await?;
        let key = numbers.first;
        tx.add_item_version(key, &item).await?;
        rules.keep(tx, key).await?;
        if let (Some(previous), false) = (previous, late) {
            self.narrow(tx, directory, previous, rules.strictest(), strips.as_ref())
                .await?;
        }
        let mut release = Release {
            secret: self.secret(),
            directory,
            now,
            key,
            item: &item,
            rules: &rules,
            live: !late,
            clash,
            keyed: Vec::with_capacity(objects.len()),
            made: Vec::new(),
            entries: Vec::new(),
            numbers,
        };
        for object in objects {
            let number = release.numbers.next();
            tx.add_object(number, Some(key), &object).await?;
            let named = references_of(&item.kind, &object)?;
            tx.add_references(number, named.iter()).await?;
            release.keyed.push((number, object));
        }
        let goes_with = |form: Form, rule: &Rule| {
            supports(self.secret(), directory, &handled.origin, rule, form).objects
        };
        let desk: Vec<_> = handled
            .desk
            .iter()
            .map(|seat| (Form::Identified, seat.clone()))
            .collect();
        release.side(tx, "desk", &desk, &goes_with).await?;
        let mut sides = vec!["desk"];
        if !handled.held_inside() {
            release
                .side(tx, "inside", &handled.inside, &goes_with)
                .await?;
            sides.push("inside");
        }
        if !held {
            release
                .side(tx, "outside", &handled.outside, &goes_with)
                .await?;
            sides.push("outside");
        }
        if let (Some(previous), false) = (previous, late) {
            for side in &sides {
                tx.supersede(previous.key, side).await?;
            }
        }
        for (who, mode) in &handled.approvals {
            let due = rule
                .reply_hours
                .get(who)
                .map(|hours| now + i64::from(*hours) * 3_600_000_000);
            tx.ask(key, who.as_str(), mode.word(), due).await?;
        }
        tx.post_outbox(key, key, "accepted").await?;
        record(
            tx,
            now,
            &item.parties(),
            &json!({
                "decision": if held { "held" } else { "released" },
                "item": item.item, "version": item.version, "level": item.level,
                "sides": sides, "holds": handled.holds, "clauses": handled.resolved.clauses,
            }),
        )
        .await?;
        Ok(Published {
            id: item.item,
            version: item.version,
            state: item.state,
            holds: handled.holds,
            level: item.level,
        })
    }

    /// Law 8: a new version's rule applies to the older versions at once, and only where stricter.
    ///
    /// Where the new version strips more, names less or drops more, the older renditions go: their
    /// bytes are what it corrects.
    async fn narrow(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        previous: &ItemVersion,
        rule: &Rule,
        strips: Option<&BTreeSet<String>>,
    ) -> Result<(), Refusal> {
        let now = self.clock().now_micros();
        for key in tx.versions_of(&previous.value.item).await? {
            let Some(older) = tx.item_version(key).await? else {
                continue;
            };
            if older.value.state == "held" && key == previous.key {
                // What waits for consent waits no more: its successor asks for itself.
                tx.set_state(key, "superseded", "[]").await?;
            }
            let rules = Rules::of(tx, &older).await?;
            let (before, joined) = (rules.strictest(), rules.strictest().join(rule));
            let mut hides_more =
                joined.attribution != before.attribution || joined.anonymise != before.anonymise;
            if let Some(strips) = strips {
                hides_more |= !strips.is_subset(&stripped_by(tx, key).await?);
            }
            if rules.whole.join(rule) == rules.whole && joined == *before && !hides_more {
                continue;
            }
            if hides_more {
                tx.withhold(key).await?;
            }
            // Kept, so that a looser third version cannot widen what the second narrowed.
            tx.set_rule(key, &serde_json::to_string(&joined)?).await?;
            rules.join(rule).keep(tx, key).await?;
            self.decide_anew(tx, directory, key, now).await?;
        }
        Ok(())
    }
}

/// What a version of a report listed to be stripped; nothing for a posted object.
async fn stripped_by(tx: &mut Tx, key: i64) -> Result<BTreeSet<String>, Refusal> {
    let objects = tx.objects_of(key).await?;
    let submitted = objects
        .into_iter()
        .find(|(_, object)| object.form == Form::Identified.word() && object.report.is_some());
    let Some(text) = submitted.and_then(|(_, object)| object.report) else {
        return Ok(BTreeSet::new());
    };
    Ok(strips(&serde_json::from_str(&text)?))
}

/// The parts a report wants handled by a level of their own, in the scheme of the whole.
fn asked_parts(report: &Report) -> Vec<AskedPart<'_>> {
    let scheme = report.handling().map(|handling| handling.scheme);
    let parts = report.portions().into_iter().enumerate();
    parts
        .map(|(at, portion)| AskedPart {
            asked: Asked {
                level: scheme.map(|scheme| (scheme, portion.level)),
                ..Asked::default()
            },
            at: format!("/handling/portions/{at}"),
            places: portion.fields,
        })
        .collect()
}

fn strips(report: &Value) -> BTreeSet<String> {
    let list = report.get("must_anonymise").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|item| item.get("text")?.as_str().map(str::to_owned))
        .collect()
}

/// The rule an item version was accepted under.
pub(super) fn stored_rule(version: &ItemVersion) -> Result<Rule, Refusal> {
    Ok(serde_json::from_str::<Rule>(&version.value.rule)?.normalised())
}

/// The row of a new version; its state is set when it is written.
pub(super) fn new_version(
    caller: &Caller,
    handled: &Handled,
    item: String,
    version: i64,
    kind: &str,
    generalises: Option<String>,
    now: i64,
) -> Result<NewItemVersion, Refusal> {
    Ok(NewItemVersion {
        item,
        version,
        kind: kind.to_owned(),
        ceptoar: handled.origin.ceptoar.to_string(),
        submitter_body: handled.origin.submitter.to_string(),
        submitter: caller.principal.id.to_string(),
        operator: handled.origin.operator.as_ref().map(ToString::to_string),
        level: handled.level.clone(),
        rule: serde_json::to_string(handled.rules().strictest())?,
        clauses: serde_json::to_string(&handled.resolved.clauses)?,
        state: String::new(),
        holds: serde_json::to_string(&handled.holds)?,
        generalises,
        received_at: now,
    })
}

/// A STIX timestamp with milliseconds.
pub(super) fn milliseconds(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

pub(super) fn created_of(bytes: &str) -> Option<String> {
    let object: Value = serde_json::from_str(bytes).ok()?;
    object
        .get("created")
        .and_then(Value::as_str)
        .map(str::to_owned)
}

impl Exchange {
    /// A report that the caller's body submitted; anything else does not exist for a publisher.
    pub(super) async fn own_report(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<ItemVersion, Refusal> {
        let found = self.db().read().await?.latest_version(id).await?;
        found
            .filter(|version| version.value.submitter_body == caller.body.id.as_str())
            .ok_or(Refusal::NotFound)
    }
}
