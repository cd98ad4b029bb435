//! The safety override: where a scheme has one and people are in danger, a named person may release
//! the anonymised mitigation of an item at once, and nothing else of it. The source and the
//! secretariat are told in the same transaction, with the person and the reason.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::access::Caller;
use super::anonymity;
use super::intake::{Asked, handle};
use super::once::Said;
use super::parts::{Parts, all_parts};
use super::portions::Had;
use super::publish::{Checked, Published, stored_rule};
use super::refusal::{Fault, Refusal};
use super::secret::sha256;
use super::settle::stored_origin;
use super::widen::stored_level;
use super::withdraw::is_gone;
use super::{Exchange, Tx, record};
use crate::council::body::role;
use crate::council::{Origin, PrincipalKind};
use crate::report::Report;
use crate::report::anonymise::anonymise_for;
use crate::report::identity_check::Finding;
use crate::store::ItemVersion;
use crate::store::receipts::Notice;

impl Exchange {
    /// Releases the mitigation of a report of the caller's CEPTOAR.
    ///
    /// # Errors
    /// When the scheme has no override, the caller is not the person it names, no reason is given,
    /// or the report holds no mitigation.
    pub async fn override_for_safety(
        &self,
        caller: &Caller,
        id: &str,
        reason: &str,
    ) -> Result<Published, Refusal> {
        self.override_once(caller, id, reason, Said::default())
            .await
    }

    /// The same, with what the client says of the act.
    ///
    /// # Errors
    /// As [`Exchange::override_for_safety`]; and where the item is at another version than expected.
    pub async fn override_once(
        &self,
        caller: &Caller,
        id: &str,
        reason: &str,
        said: Said,
    ) -> Result<Published, Refusal> {
        if reason.trim().is_empty() {
            let message = "an override needs its reason";
            return Err(Refusal::fault("/reason", "handling.override", message));
        }
        let (exchange, by, of) = (self.clone(), caller.clone(), id.to_owned());
        let reason = reason.trim().to_owned();
        let act = ("override", reason.clone());
        self.once(caller, id, (&act, said), move |tx| {
            Box::pin(async move { exchange.override_in(tx, &by, &of, &reason).await })
        })
        .await
    }

    async fn override_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        id: &str,
        reason: &str,
    ) -> Result<Published, Refusal> {
        let directory = &caller.directory;
        let version = tx.latest_version(id).await?.ok_or(Refusal::NotFound)?;
        let own = version.value.ceptoar == caller.body.id.as_str();
        let scheme = stored_level(directory, &version).map(|(scheme, _)| scheme);
        let (Some(scheme), true) = (scheme, own) else {
            return Err(Refusal::NotFound);
        };
        let named = scheme.safety_override.as_ref().filter(|safety| {
            caller.principal.kind == PrincipalKind::Person && caller.has(&safety.role)
        });
        let safety = named.ok_or(Refusal::NotFound)?;
        if is_gone(&version) {
            return Err(Refusal::Conflict("the item was taken back".to_owned()));
        }
        let rule = stored_rule(&version)?;
        let origin = stored_origin(&version, &rule);
        let mut marks = anonymity::body_marks(directory, &origin);
        let parts = all_parts(tx, version.key).await?;
        for part in &parts {
            let origin = stored_origin(part, &stored_rule(part)?);
            marks.extend(anonymity::body_marks(directory, &origin));
        }
        for key in tx.made_of(version.key).await? {
            let whole = tx.item_version(key).await?;
            if whole.is_some_and(|whole| {
                whole.value.generalises.as_deref() == Some(&version.value.item)
            }) {
                return Err(Refusal::Conflict(
                    "the mitigation was released already".to_owned(),
                ));
            }
        }
        let objects = tx.objects_of(version.key).await?;
        let submitted = objects
            .into_iter()
            .find_map(|(_, object)| object.report.filter(|_| object.form == "identified"))
            .ok_or(Refusal::NotFound)?;
        let invalid = |faults: Vec<crate::report::Fault>| {
            Refusal::Invalid(faults.into_iter().map(Fault::from).collect())
        };
        let original = Report::parse(submitted.as_bytes()).map_err(invalid)?;
        let rendition = anonymise_for(&original, &rule.anonymise, &marks);
        let mitigation = mitigation(&rendition, scheme.id.as_str(), &safety.level)
            .ok_or_else(|| Refusal::Conflict("the report holds no mitigation".to_owned()))?;
        marks.extend(anonymity::report_marks(&original, &rendition));
        let found = anonymity::check(directory, &origin, marks).find(&mitigation);
        if !found.is_empty() {
            let fault = |found: Finding| Fault::at(found.pointer, "anonymity", found.what);
            return Err(Refusal::Invalid(found.into_iter().map(fault).collect()));
        }
        let report = Report::parse(mitigation.to_string().as_bytes()).map_err(invalid)?;
        let from = Origin {
            submitter: caller.body.id.clone(),
            operator: None,
            ..origin
        };
        let asked = Asked {
            level: Some((&scheme.id, &safety.level)),
            facts: Some(super::facts::of_report(&report)),
            ..Asked::default()
        };
        let mut handled = handle(caller, from, &asked, "/handling", self.clock().now())?;
        // This is what is overridden: whose consent the level asks for.
        handled
            .holds
            .retain(|hold| hold.code != super::hold::Hold::APPROVAL);
        handled.approvals.clear();
        let now = self.clock().now_micros();
        let item = self
            .secret()
            .uuid(
                "override",
                &[id, caller.principal.id.as_str(), &now.to_string()],
            )
            .to_string();
        let checked = Checked {
            parts: Parts::default(),
            report,
            handled,
            anonymised: Some(mitigation),
            whole: None,
            cuts: Vec::new(),
            findings: Vec::new(),
        };
        let generalises = Some(version.value.item.clone());
        let draft = self
            .draft_report(tx, caller, &checked, item, None, generalises, now)
            .await?;
        let mut had = Had::default();
        let published = self
            .write_draft(tx, directory, draft, None, &mut had, now)
            .await?;
        // Tied to its original, and so to the original's parts: what is taken back takes it along.
        if let Some(released) = tx.latest_version(&published.id).await? {
            tx.add_part(released.key, version.key).await?;
        }
        self.arrived(tx, directory, had, now).await?;
        self.tell_of_override(tx, caller, &version, &parts, reason, now)
            .await?;
        Ok(published)
    }

    async fn tell_of_override(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        version: &ItemVersion,
        parts: &[ItemVersion],
        reason: &str,
        now: i64,
    ) -> Result<(), Refusal> {
        let bodies = |version: &'_ ItemVersion| -> BTreeSet<String> {
            let operator = version.value.operator.clone();
            let submitter = version.value.submitter_body.clone();
            operator.into_iter().chain([submitter]).collect()
        };
        let source = bodies(version);
        let part_sources: BTreeSet<String> = parts.iter().flat_map(bodies).collect();
        for principal in caller.directory.principals() {
            let of_source =
                source.contains(principal.body.as_str()) && principal.has(role::PUBLISHER);
            let of_part =
                part_sources.contains(principal.body.as_str()) && principal.has(role::PUBLISHER);
            if !of_source && !of_part && !principal.has(role::SECRETARIAT) {
                continue;
            }
            // The secretariat learns that it happened, by whom and why; it has no right to content.
            let objects = if of_source {
                json!([format!("report--{}", version.value.item)])
            } else {
                json!([])
            };
            let (key, at) = (version.key.to_string(), now.to_string());
            let who = principal.id.as_str();
            let id = self.secret().uuid("override notice", &[&key, who, &at]);
            tx.notify(&Notice {
                id: id.to_string(),
                principal: who.to_owned(),
                item_version: version.key,
                kind: "override".to_owned(),
                objects: objects.to_string(),
                reason: format!("{}: {reason}", caller.principal.id),
                at: now,
                acknowledged_at: None,
                comment: None,
            })
            .await?;
        }
        let decision = json!({
            "decision": "safety.override", "item": version.value.item,
            "version": version.value.version, "by": caller.principal.id,
            "reason_sha256": super::hex(&sha256(reason.as_bytes())),
        });
        record(tx, now, &version.value.parties(), &decision).await
    }
}

/// A report that holds the mitigation and nothing else of its original: what was done and is to be
/// done, as a practice.
fn mitigation(rendition: &Value, scheme: &str, level: &str) -> Option<Value> {
    let measures = rendition.get("countermeasures").and_then(Value::as_object);
    let measures = measures.into_iter().flat_map(|kinds| kinds.values());
    let practices = rendition.get("best_practices").into_iter();
    let listed = measures
        .chain(practices)
        .filter_map(Value::as_array)
        .flatten();
    let texts: Vec<&Value> = listed.chain(rendition.get("lesson")).collect();
    let mut practice = Map::new();
    for language in ["ja", "en"] {
        let lines: Vec<&str> = texts
            .iter()
            .filter_map(|text| text.get(language)?.as_str())
            .collect();
        if !lines.is_empty() {
            practice.insert(language.to_owned(), lines.join("\n").into());
        }
    }
    if practice.is_empty() {
        return None;
    }
    let text = json!({ "ja": "安全のための緊急の対策", "en": "Emergency measures for safety" });
    Some(json!({
        "kind": "best_practice", "handling": { "scheme": scheme, "level": level },
        "sector": rendition.get("sector")?, "title": text, "summary": text, "practice": practice,
    }))
}
