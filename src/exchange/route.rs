//! The way of an advisory: through the CEPTOARs, each of which passes it on to its operators, or in an
//! emergency direct; and what it goes on with or ends.
//!
//! The way through is a bound joined into the rule, so nothing reaches an operator by any surface.
//! Passing on takes the bound from one CEPTOAR and gives it no more than the rule without the bound
//! does: it widens nothing that the source did not give.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::Caller;
use super::arrival::is_advisory;
use super::feedback::Received;
use super::gate::View;
use super::once::Said;
use super::publish::{Checked, stored_rule};
use super::refusal::Refusal;
use super::settle::stored_origin;
use super::{Exchange, Tx, record};
use crate::council::body::role;
use crate::council::plan::asks;
use crate::council::{Body, BodyKind, Directory, PrincipalKind};
use crate::handling::{
    Access, BodyId, Channel, Column, Columns, Depth, Form, Grant, Join, Relative, Rule,
};
use crate::report::drill::is_drill;
use crate::report::{Kind, Report};
use crate::stix::timestamp::format_taxii;
use crate::store::ItemVersion;
use crate::store::feed::Query;

/// What became of passing on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PassedOn {
    /// The advisory, as the point of contact has it.
    pub id: String,
    /// When it was passed on.
    pub at: String,
}

/// The bound of a report's way: of every CEPTOAR but its source's own, no deeper than its analysts.
/// None where it goes direct, or is no advisory.
pub(super) fn bound(report: &Report, directory: &Directory, own: &BodyId) -> Option<Rule> {
    let route = report.to_value().pointer("/advisory/route");
    let direct = route.and_then(Value::as_str) == Some("direct");
    if report.kind() != Kind::Advisory || direct {
        return None;
    }
    let mut bound = Rule::unrestricted();
    let analysts = Grant::new(Depth::Analyst, Form::Identified);
    for body in directory.bodies() {
        if body.kind == BodyKind::Ceptoar && body.id != *own {
            bound.access.audience.set(body.id.clone(), analysts);
        }
    }
    // A CEPTOAR that comes later, or comes to stand in another column, is given that: as far as here.
    let columns = Columns::widest()
        .with(Column::OtherCeptoars, analysts)
        .with(Column::Observers, analysts);
    bound.access.relative = Relative::One {
        own: own.clone(),
        columns,
    };
    Some(bound)
}

/// Whether a rule is still the one it was, but for bodies that stand elsewhere since: its list follows
/// those.
fn is_as_issued(directory: &Directory, rule: &Rule, issued: &Rule, day: NaiveDate) -> bool {
    let mut followed = issued.clone();
    for body in directory.bodies() {
        let now = rule.access.audience.get(&body.id);
        if now == given_today(directory, &issued.access, body, day) {
            followed.access.audience.set(body.id.clone(), now);
        }
    }
    // A body that is listed with nothing has what one that is not listed has.
    let listed = |rule: &Rule| {
        let mut rule = rule.clone();
        rule.access.audience = rule.access.audience.only(|_, _| true);
        rule
    };
    listed(rule) == listed(&followed)
}

/// What a body is given where it stands today: the rule's own list says where it stood when the rule
/// was made.
fn given_today(directory: &Directory, access: &Access, body: &Body, day: NaiveDate) -> Grant {
    let Relative::One { own, columns } = &access.relative else {
        return access.audience.get(&body.id);
    };
    let column = directory.column(body, own, day);
    let grant = column.map_or(Grant::NONE, |column| columns.get(column));
    if directory.has_operators(&body.id) || grant.depth() >= Depth::Analyst {
        grant
    } else {
        Grant::new(Depth::Analyst, grant.form())
    }
}

impl Exchange {
    /// Checks what an advisory goes on with or ends: one of the caller's own, real as this one is.
    ///
    /// # Errors
    /// Where it names none, though its type needs it, or one that is not there for the caller.
    pub(super) async fn check_replaced(
        &self,
        caller: &Caller,
        report: &Report,
    ) -> Result<(), Refusal> {
        let value = report.to_value();
        let kind = value.pointer("/advisory/type").and_then(Value::as_str);
        let replaces = value.pointer("/advisory/replaces").and_then(Value::as_str);
        let fault = |message: &str| {
            Err(Refusal::fault(
                "/advisory/replaces",
                "advisory.replaces",
                message,
            ))
        };
        let Some(replaces) = replaces else {
            return match kind {
                Some("update" | "stand_down") => {
                    fault("it names the advisory it goes on with or ends")
                }
                _ => Ok(()),
            };
        };
        let found = self.db().read().await?.latest_version(replaces).await?;
        let own = found.filter(|version| {
            version.value.submitter_body == caller.body.id.as_str() && is_advisory(version)
        });
        let Some(replaced) = own else {
            return fault("it is no advisory of yours");
        };
        if (replaced.value.kind == crate::report::drill::KIND) != is_drill(value) {
            return fault("a drill goes on with drills alone, and what is real with what is real");
        }
        Ok(())
    }

    /// Keeps what an advisory needs beside its item, once it is written.
    pub(super) async fn keep_advisory(
        &self,
        tx: &mut Tx,
        item: &str,
        checked: &Checked,
        now: i64,
    ) -> Result<(), Refusal> {
        if checked.report.kind() != Kind::Advisory {
            return Ok(());
        }
        let Some(version) = tx.latest_version(item).await? else {
            return Ok(());
        };
        if let Some(whole) = &checked.whole {
            tx.add_route(
                version.key,
                &serde_json::to_string(whole)?,
                &version.value.rule,
            )
            .await?;
        }
        self.plan_reminders(tx, version.key, checked, now).await?;
        let value = checked.report.to_value();
        if let Some(ended) = value.pointer("/advisory/replaces").and_then(Value::as_str) {
            tx.add_end(ended, item, now).await?;
        }
        Ok(())
    }

    /// What ends an advisory and is out: each one's latest version, and since when, in microseconds.
    pub(super) async fn ends(
        &self,
        tx: &mut Tx,
        item: &str,
    ) -> Result<Vec<(ItemVersion, i64)>, Refusal> {
        let mut ends = Vec::new();
        for (by, at) in tx.ends_of(item).await? {
            let by = tx.latest_version(&by).await?;
            ends.extend(
                by.filter(|by| by.value.state == "released")
                    .map(|by| (by, at)),
            );
        }
        Ok(ends)
    }

    /// Since when an advisory is ended by one that this reader has, in microseconds.
    pub(super) async fn ended_for(
        &self,
        tx: &mut Tx,
        view: &View,
        item: &str,
    ) -> Result<Option<i64>, Refusal> {
        for (by, _) in self.ends(tx, item).await? {
            let objects = tx.objects_of(by.key).await?.into_iter();
            let ties = objects.filter(|(_, object)| object.report.is_some());
            let query = Query {
                limit: 1,
                reports: true,
                ids: ties.map(|(_, object)| object.stix_id).collect(),
                ..Query::default()
            };
            if query.ids.is_empty() {
                continue;
            }
            let (entries, _) = tx.page(&view.scope, &query).await?;
            if let Some(entry) = entries.first() {
                return Ok(Some(entry.stamp));
            }
        }
        Ok(None)
    }

    /// Passes an advisory on to the operators of the caller's CEPTOAR, as its point of contact.
    ///
    /// # Errors
    /// When the caller has no such advisory or is no such person; when it is passed on already, went
    /// direct, or its source has narrowed it since.
    pub async fn pass_on(
        &self,
        caller: &Caller,
        id: &str,
        said: Said,
    ) -> Result<PassedOn, Refusal> {
        let view = self.view(Some(caller), Channel::Console).await?;
        let received = self.received(&view, id).await?;
        let received = received.filter(|received| is_advisory(&received.version));
        let received = received.ok_or(Refusal::NotFound)?;
        let poc = caller.has(role::POC) && caller.principal.kind == PrincipalKind::Person;
        if !poc || caller.body.kind != BodyKind::Ceptoar {
            return Err(Refusal::Forbidden(
                "an advisory is passed on by a point of contact of a CEPTOAR".to_owned(),
            ));
        }
        let (exchange, by) = (self.clone(), caller.clone());
        let (seen, shown) = (said.seen.clone(), id.to_owned());
        self.once(caller, id, (&"pass on", said), move |tx| {
            Box::pin(async move {
                exchange.as_seen(tx, (&by, &shown), seen.as_deref()).await?;
                exchange.pass_on_in(tx, &by, &received).await
            })
        })
        .await
    }

    async fn pass_on_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        received: &Received,
    ) -> Result<PassedOn, Refusal> {
        let key = received.version.key;
        let version = tx.item_version(key).await?.ok_or(Refusal::NotFound)?;
        let conflict = |message: &str| Err(Refusal::Conflict(message.to_owned()));
        if version.value.state != "released" {
            return conflict("it is not released");
        }
        let Some((whole, bounded)) = tx.route(key).await? else {
            return conflict("it went to the operators directly");
        };
        let rule = |text: &str| serde_json::from_str::<Rule>(text).map(Rule::normalised);
        let (whole, bounded, before) = (rule(&whole)?, rule(&bounded)?, stored_rule(&version)?);
        let parts = !tx.part_rules(key).await?.is_empty() || !tx.parts(key).await?.is_empty();
        let day = self.clock().now().date_naive();
        if !is_as_issued(&caller.directory, &before, &bounded, day) || parts {
            return conflict("its rule is not the one it was issued under: ask its issuer");
        }
        // No more than its level, the charter and the charter's policies give today: whatever became
        // stricter since it was issued took from the whole too.
        let origin = stored_origin(&version, &before);
        let at = self.clock().now();
        let mut whole = whole.join(&asks(&version.value.level, &origin, &caller.directory, at));
        let subject = self.facts_of(tx, key).await?;
        for part in caller
            .directory
            .charter_takes(subject.as_ref(), &whole, day)
        {
            whole = whole.join(&part.rule);
        }
        let own = &caller.body.id;
        let had = before.access.audience.get(own);
        let given = if had == bounded.access.audience.get(own) {
            whole.access.audience.get(own)
        } else {
            given_today(&caller.directory, &whole.access, &caller.body, day)
        };
        // Depths go from wide to narrow.
        if had.is_none() || given.depth() >= had.depth() {
            return conflict("there is nothing more to pass on");
        }
        let mut after = before.clone();
        let grant = Grant::new(given.depth(), given.form().max(had.form()));
        after.access.audience.set(own.clone(), grant);
        let now = self.clock().now_micros();
        self.widen(tx, &caller.directory, &version, &before, &after, now)
            .await?;
        tx.set_route(key, &serde_json::to_string(&after)?).await?;
        tx.add_passed_on(key, own.as_str(), caller.principal.id.as_str(), now)
            .await?;
        let passed = json!({
            "decision": "advisory.passed_on", "object": received.entry.stix_id,
            "by": caller.principal.id,
        });
        record(tx, now, &[own.as_str()], &passed).await?;
        let passed = json!({
            "decision": "advisory.passed_on", "item": version.value.item,
            "version": version.value.version, "ceptoar": own, "depth": grant.depth().word(),
        });
        record(tx, now, &version.value.parties(), &passed).await?;
        Ok(PassedOn {
            id: received
                .entry
                .stix_id
                .trim_start_matches("report--")
                .to_owned(),
            at: format_taxii(now),
        })
    }
}

/// What a looser level may not shed of an advisory: how deep it went before. A CEPTOAR that has not
/// passed it on has not done so because it grew old.
pub(super) fn no_deeper(version: &ItemVersion, before: &Rule, marked: &mut Rule) {
    if !is_advisory(version) {
        return;
    }
    for (body, grant) in before.access.audience.iter() {
        if grant.depth() == Depth::Analyst {
            let bound = Grant::new(Depth::Analyst, Form::Identified);
            marked.access.audience.set(body.clone(), bound);
        }
    }
}
