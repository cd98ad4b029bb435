//! Publishing: from a handled item to entries in the release log, in one transaction with the
//! consents asked and the ledger.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::access::Caller;
use super::anonymity;
use super::hold::Hold;
use super::in_force::still_in_force;
use super::intake::{Handled, asked_by, concerned, handle, origin};
use super::mapping::{Shown, render};
use super::narrow::strips;
use super::parts::Parts;
use super::portions::{self, Had, asked_parts, handle_parts};
use super::readers::Readers;
use super::refusal::{Fault, Refusal};
use super::release::{Clash, Release, references_of};
use super::secret::sha256;
use super::stamps::{Numbers, SPREAD, Spread};
use super::supports::supports;
use super::{Exchange, Tx, document, record, route, sharing_group, time};
use crate::council::Directory;
use crate::csaf::Document;
use crate::handling::{Form, Rule, Tlp};
use crate::report::Report;
use crate::report::identity_check::Finding;
use crate::stix::json::{Limits, parse};
use crate::store::{ItemVersion, NewItemVersion, NewObject};

/// The largest report: what a person writes, with every bound of the schema at its end.
pub const REPORT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A report to publish.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// The report's JSON.
    pub bytes: Vec<u8>,
    /// The CSAF document that the report was made of, where it has been checked already.
    pub document: Option<Document>,
    /// The report that this is a new version of.
    pub replaces: Option<String>,
    /// The report that this re-tells for a wider audience.
    pub generalises: Option<String>,
    /// The reports it is made of, by the ids under which the caller reads them.
    pub derived_from: Vec<String>,
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
    /// The first of the numbers that are kept for it.
    pub place: Option<i64>,
}

/// A report, checked, with what follows from it; nothing of it is stored yet.
pub(super) struct Checked {
    pub parts: Parts,
    pub report: Report,
    pub handled: Handled,
    pub anonymised: Option<Value>,
    /// The rule without the bound of an advisory's way.
    pub whole: Option<Rule>,
    /// What readers of its first so many parts get, in both forms.
    pub cuts: Vec<(Value, Option<Value>)>,
    /// What in the anonymised forms would still point at the source.
    pub findings: Vec<Finding>,
}

impl Exchange {
    /// Checks a report and resolves its handling.
    pub(super) fn check(
        &self,
        caller: &Caller,
        submission: &Submission,
        parts: Parts,
    ) -> Result<Checked, Refusal> {
        let bytes = submission.bytes.as_slice();
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
            report.sector(),
            &concerned(caller, &report)?,
            now,
        )?;
        let mut asked = asked_by(&report)?;
        let group = report
            .handling()
            .and_then(|handling| handling.sharing_group);
        sharing_group::limit(&caller.directory, group, &mut asked.narrowing)?;
        if asked.narrowing.not_after.is_some_and(|until| until <= now) {
            let message = "it would have expired before it was released";
            return Err(Refusal::fault(
                "/handling/not_after",
                "handling.not_after",
                message,
            ));
        }
        asked.wholes.clone_from(&parts.wholes);
        asked.retells.clone_from(&parts.retells);
        let mut whole = None;
        if let Some(bound) = route::bound(&report, &caller.directory, &from.ceptoar) {
            let unbound = handle(caller, from.clone(), &asked, "/handling", now)?;
            // Anybody reads what is CLEAR, without a login: there is nothing to wait for.
            if unbound.resolved.rule.access.tlp != Tlp::Clear {
                whole = Some(unbound.resolved.rule);
                asked.narrowing.marked = Some(Box::new(bound));
            }
        }
        let mut handled = handle(caller, from, &asked, "/handling", now)?;
        let document = submission.document.as_ref();
        document::bounds(&report, document, &handled.resolved.rule)?;
        let portions = asked_parts(&report, &asked);
        let places = handle_parts(caller, &mut handled, portions, "/handling/portions", now)?;
        let rules = handled.rules();
        let wanted = handled.forms().contains(&Form::Anonymised);
        let (directory, day) = (&caller.directory, now.date_naive());
        let mut marks = anonymity::body_marks(directory, &handled.origin);
        for origin in &parts.origins {
            marks.extend(anonymity::body_marks(directory, origin));
        }
        let mut findings: Vec<Finding> = Vec::new();
        let mut anonymise = |report: &Report, rule: &Rule| {
            if !wanted {
                return None;
            }
            let source = (directory.as_ref(), &handled.origin);
            let (rendition, mut found) = render(source, &marks, report, rule, day);
            found.retain(|one| !findings.contains(one));
            findings.extend(found);
            Some(rendition)
        };
        let mut cuts = Vec::with_capacity(places.len());
        let anonymised = anonymise(&report, rules.strictest());
        for seen in 0..places.len() {
            let hidden = places.iter().skip(seen).flatten().cloned().collect();
            let rest = report.without(&hidden).map_err(|faults| {
                Refusal::Invalid(faults.into_iter().map(Fault::from).collect())
            })?;
            let told = report
                .to_anonymise(rest.to_value().clone())
                .map_err(|faults| {
                    Refusal::Invalid(faults.into_iter().map(Fault::from).collect())
                })?;
            let rendition = anonymise(&told, rules.at(seen));
            cuts.push((rest.without_list(), rendition));
        }
        anonymity::hold(&mut handled, &findings);
        Ok(Checked {
            parts,
            report,
            handled,
            anonymised,
            whole,
            cuts,
            findings,
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
        let act = |caller: Caller| -> BoxFuture<'_, _> {
            let submission = submission.clone();
            Box::pin(async move { self.publish_valid(&caller, submission).await })
        };
        let outcome = self.as_in_force(caller, act).await;
        if let Err(Refusal::Invalid(faults)) = &outcome {
            self.note_refusal(caller, faults).await?;
        }
        outcome
    }

    async fn publish_valid(
        &self,
        caller: &Caller,
        submission: Submission,
    ) -> Result<Published, Refusal> {
        let parts = self.parts_of_submission(caller, &submission).await?;
        let checked = self.check(caller, &submission, parts)?;
        self.check_replaced(caller, &checked.report).await?;
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
        mut checked: Checked,
    ) -> Result<Published, Refusal> {
        let who = caller.principal.id.as_str();
        let digest = sha256(&submission.bytes);
        // The act is the bytes and what they were said of, so a key repeated elsewhere is no repeat.
        let links = (
            &submission.replaces,
            &submission.generalises,
            &submission.derived_from,
        );
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
        still_in_force(tx, &caller.directory).await?;
        let cuts = checked.cuts.iter().filter_map(|(_, cut)| cut.as_ref());
        for rendition in checked.anonymised.iter().chain(cuts) {
            let own = anonymity::own_reports(tx, &checked.handled.origin, rendition).await?;
            let known = checked.findings.len();
            for finding in own {
                if !checked.findings.contains(&finding) {
                    checked.findings.push(finding);
                }
            }
            if checked.findings.len() > known {
                anonymity::hold(&mut checked.handled, &checked.findings);
            }
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
        // What an older version is left with comes before the newer one, which may lean on a marking
        // that came with it; what names the newer one comes behind it.
        let mut had = Had::ready(tx, now, SPREAD).await?;
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
        let directory = &caller.directory;
        let behind = Spread::take(tx, now, SPREAD).await?;
        let published = self
            .write_draft(tx, directory, draft, previous.as_ref(), &mut had, now)
            .await?;
        if let (false, Some(version)) = (
            checked.parts.keys.is_empty(),
            tx.latest_version(&published.id).await?,
        ) {
            self.tie_parts(tx, version.key, &checked.parts).await?;
        }
        self.keep_advisory(tx, &published.id, &checked, now).await?;
        had.spread = Some(behind);
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
    pub(super) async fn draft_report(
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
            let shown = Shown {
                form,
                seen,
                report,
                served,
            };
            let modified = previous.is_some().then_some(now);
            let (directory, origin) = (&caller.directory, &handled.origin);
            let mapped = self
                .map_report(
                    tx,
                    (directory, origin),
                    &rules,
                    &item,
                    &shown,
                    (now, modified),
                )
                .await?;
            objects.extend(mapped);
        }
        Ok(Draft {
            item: new_version(
                caller,
                handled,
                item,
                version,
                checked.report.stored_kind(),
                generalises,
                now,
            )?,
            handled: handled.clone(),
            objects,
            clash: Clash::Free,
            late: false,
            strips: Some(strips(checked.report.to_value())),
            place: None,
        })
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
            place,
        } = draft;
        let held = !handled.holds.is_empty();
        item.state = if held { "held" } else { "released" }.to_owned();
        let rules = handled.rules();
        let rule = rules.strictest();
        portions::note_audiences(tx, had, &objects).await?;
        let parts = rules.parts.len();
        let numbers = Numbers::take(tx, now, &item.kind, &objects, parts, place).await?;
        let key = numbers.first;
        tx.add_item_version(key, &item).await?;
        rules.keep(tx, key).await?;
        if let (Some(previous), false) = (previous, late) {
            self.narrow(tx, directory, previous, rule, strips.as_ref(), had)
                .await?;
        }
        let mut sides = vec!["desk"];
        sides.extend((!handled.held_inside()).then_some("inside"));
        sides.extend((!held).then_some("outside"));
        let mut readers = Readers::default();
        for side in &sides {
            let own = &handled.origin.ceptoar;
            readers.open(tx, side, own, &rules).await?;
        }
        readers.note(tx, key).await?;
        let mut release = Release {
            secret: self.secret(),
            directory,
            now,
            key,
            item: &item,
            rules: &rules,
            live: !late,
            clash,
            again: false,
            readers: &readers,
            keyed: Vec::with_capacity(objects.len()),
            made: Vec::new(),
            entries: Vec::new(),
            decided: Vec::new(),
            numbers,
        };
        for object in objects {
            let number = release.numbers.next();
            release.keyed.push((number, object));
        }
        let rows = release
            .keyed
            .iter()
            .map(|(number, object)| (*number, object));
        tx.add_objects(Some(key), &rows.collect::<Vec<_>>()).await?;
        for (number, object) in &release.keyed {
            let named = references_of(&item.kind, object)?;
            tx.add_references(*number, named.iter()).await?;
        }
        let goes_with = |form: Form, rule: &Rule| {
            supports(self.secret(), directory, &handled.origin, rule, form).objects
        };
        let (older, newer) = match previous {
            Some(_) => self.neighbours(tx, &item.item, key).await?,
            None => Default::default(),
        };
        release.live = !newer.contains("desk");
        release.desk(tx, &handled.desk, &goes_with).await?;
        for side in readers.sides() {
            release.live = !newer.contains(side);
            release.side(tx, side, &goes_with).await?;
        }
        release.write(tx).await?;
        // Every older one: the previous may be held on a side where one before it shows.
        for older in older {
            for side in &sides {
                tx.supersede(older, side).await?;
            }
        }
        if held {
            for (who, mode) in &handled.approvals {
                let due = rule
                    .reply_hours
                    .get(who)
                    .map(|hours| now + i64::from(*hours) * time::HOUR_MICROS);
                tx.ask(key, who.as_str(), mode.word(), due).await?;
            }
        }
        self.schedule(tx, key, rule, &handled, now).await?;
        // What a hold says in words may quote the item; the record holds no content.
        let codes: Vec<Value> = handled
            .holds
            .iter()
            .map(|hold| json!({ "code": hold.code, "decided_by": hold.decided_by }))
            .collect();
        record(
            tx,
            now,
            &item.parties(),
            &json!({
                "decision": if held { "held" } else { "released" },
                "item": item.item, "version": item.version, "level": item.level,
                "sides": sides, "holds": codes, "clauses": handled.resolved.clauses,
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
        facts: match &handled.resolved.subject {
            Some(subject) => Some(serde_json::to_string(subject)?),
            None => None,
        },
    })
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
