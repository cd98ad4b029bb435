//! The ways out of a conflict: the sources that exclude another agree to widen for this one item;
//! it is split into its parts; or it may only be looked at. The fourth, a re-telling under a level of
//! its own, is a new report that names the one it generalises.
//!
//! Each is the recorded consent of the points of contact concerned, one act by each of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::Caller;
use super::hold::Hold;
use super::once::Said;
use super::parts::Parts;
use super::portions::Rules;
use super::publish::stored_rule;
use super::refusal::Refusal;
use super::{Exchange, Tx, record};
use crate::council::body::role;
use crate::council::resolve::conflicts_of;
use crate::handling::{BodyId, Depth, Form, Grant, Join, Rule, Tlp};
use crate::store::ItemVersion;

/// A way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case", deny_unknown_fields)]
pub enum WayOut {
    /// The CEPTOAR that could not read it gets an anonymised form at its analysts.
    Widen {
        /// Which, as the conflict's code names it.
        body: String,
    },
    /// The combination is given up; each part goes on under its own rule.
    Split,
    /// It is released to be looked at on the hub's pages, and handed over to nobody.
    ViewOnly,
}

/// A source of the item: its own CEPTOAR, whose rule is the whole's, and each part's.
struct Source {
    name: String,
    body: BodyId,
    rule: Option<Rule>,
}

/// Where the item stands after one more consent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WayTaken {
    /// The report's id.
    pub id: String,
    /// `held`, `released`, `split`.
    pub state: String,
    /// What still holds it.
    pub holds: Vec<Hold>,
    /// How many points of contact still have to agree to this way.
    pub waiting: usize,
}

impl Exchange {
    /// Agrees to a way out of an item's conflict, as the point of contact of one of its sources.
    ///
    /// # Errors
    /// When the caller is none of them, or the item is in no conflict that this way ends.
    pub async fn take_way_out(
        &self,
        caller: &Caller,
        id: &str,
        way: WayOut,
    ) -> Result<WayTaken, Refusal> {
        self.take_way_out_once(caller, id, way, Said::default())
            .await
    }

    /// The same, with what the client says of the act.
    ///
    /// # Errors
    /// As [`Exchange::take_way_out`]; and where the item is at another version than expected.
    pub async fn take_way_out_once(
        &self,
        caller: &Caller,
        id: &str,
        way: WayOut,
        said: Said,
    ) -> Result<WayTaken, Refusal> {
        let (exchange, by, of) = (self.clone(), caller.clone(), id.to_owned());
        let act = ("way out", way.clone());
        self.once(caller, id, (&act, said), move |tx| {
            Box::pin(async move { exchange.take_way_out_in(tx, &by, &of, &way).await })
        })
        .await
    }

    async fn take_way_out_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        id: &str,
        way: &WayOut,
    ) -> Result<WayTaken, Refusal> {
        let version = tx.latest_version(id).await?.ok_or(Refusal::NotFound)?;
        let mut parts = Parts::default();
        for key in tx.parts(version.key).await? {
            if let Some(part) = tx.item_version(key).await? {
                parts.add(&part, Form::Identified)?;
            }
        }
        let item_own = BodyId::from(version.value.ceptoar.as_str());
        let mut sources = vec![Source {
            name: item_own.to_string(),
            body: item_own,
            rule: None,
        }];
        sources.extend(parts.wholes.into_iter().map(|whole| Source {
            name: whole.name,
            body: whole.ceptoar,
            rule: Some(whole.rule),
        }));
        let own = &caller.body.id;
        if !caller.has(role::POC) || !sources.iter().any(|source| source.body == *own) {
            return Err(Refusal::NotFound);
        }
        let mut holds: Vec<Hold> = serde_json::from_str(&version.value.holds)?;
        let ends = |hold: &Hold| ends_hold(way, hold);
        if version.value.state != "held" || !holds.iter().any(ends) {
            return Err(Refusal::Conflict(
                "the item is in no conflict that this way would end".to_owned(),
            ));
        }
        if version.value.submitter == caller.principal.id.as_str() {
            return Err(Refusal::Forbidden(
                "a submitter never approves the own item".to_owned(),
            ));
        }
        let rule = stored_rule(&version)?;
        let needed = needed(way, &sources, &rule)?;
        let now = self.clock().now_micros();
        let name = serde_json::to_string(way)?;
        tx.agree(
            version.key,
            &name,
            own.as_str(),
            caller.principal.id.as_str(),
            now,
        )
        .await?;
        let agreed = tx.agreed(version.key, &name).await?;
        let waiting = needed
            .iter()
            .filter(|body| !agreed.iter().any(|yes| yes == body.as_str()))
            .count();
        let agreed = |body: Option<&BodyId>, item: Option<&str>| {
            json!({
                "decision": "way_out.agreed", "item": item, "way": way, "body": body,
                "waiting": waiting,
            })
        };
        let parties = version.value.parties();
        let known = parties.contains(&own.as_str());
        if !known {
            // As with votes: neither side learns from the record whom the other is.
            record(tx, now, &[own.as_str()], &agreed(Some(own), None)).await?;
        }
        let body = Some(own).filter(|_| known);
        record(tx, now, &parties, &agreed(body, Some(&version.value.item))).await?;
        let state = if waiting > 0 {
            version.value.state.clone()
        } else {
            holds.retain(|hold| !ends(hold));
            self.follow_way(tx, caller, &version, way, &mut holds, &sources, now)
                .await?
        };
        Ok(WayTaken {
            id: id.to_owned(),
            state,
            holds,
            waiting,
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call site; each is a fact of the act"
    )]
    async fn follow_way(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        version: &ItemVersion,
        way: &WayOut,
        holds: &mut Vec<Hold>,
        sources: &[Source],
        now: i64,
    ) -> Result<String, Refusal> {
        let directory = &caller.directory;
        if *way == WayOut::Split {
            tx.set_state(version.key, "split", "[]").await?;
            tx.cancel_due(version.key).await?;
            holds.clear();
            return Ok("split".to_owned());
        }
        let mut rules = Rules::of(tx, version).await?;
        let mut after = rules.whole.clone();
        match way {
            WayOut::Widen { body: name } => {
                let grant = Grant::new(Depth::Analyst, Form::Anonymised);
                let widened = sources.iter().find(|source| source.name == *name);
                let widened = widened.ok_or(Refusal::NotFound)?.body.clone();
                after.access.audience.set(widened.clone(), grant);
                let day = self.clock().now().date_naive();
                let subject = self.facts_of(tx, version.key).await?;
                let taken = directory.charter_takes(subject.as_ref(), &after, day);
                after = taken.iter().fold(after, |sum, part| sum.join(&part.rule));
                if after.access.audience.get(&widened).is_none() {
                    let message = "the charter gives it to nobody of that body";
                    return Err(Refusal::Conflict(message.to_owned()));
                }
                let origins = sources
                    .iter()
                    .map(|source| (source.body.clone(), source.name.clone()));
                let left = conflicts_of(directory, &after, origins.collect());
                // What is still wrong with the widened rule goes on holding it.
                holds.retain(|hold| {
                    !is_conflict(hold) || left.iter().any(|code| code.to_string() == hold.code)
                });
            }
            WayOut::ViewOnly | WayOut::Split => after.access.view_only = true,
        }
        // A wider whole widens no part of it; what may only be looked at may so in every part.
        let view_only = after.access.view_only;
        rules.whole = after;
        for part in &mut rules.parts {
            part.access.view_only |= view_only;
        }
        rules.put(tx, version.key).await?;
        let mut changed = version.clone();
        changed.value.rule = serde_json::to_string(rules.strictest())?;
        changed.value.holds = serde_json::to_string(holds)?;
        let objects = tx.objects_of(version.key).await?;
        let has = |form: Form| objects.iter().any(|(_, object)| object.form == form.word());
        if matches!(way, WayOut::Widen { .. }) && !has(Form::Anonymised) {
            return Err(Refusal::Conflict(
                "no anonymised form of it was made; send a new version".to_owned(),
            ));
        }
        self.settle(tx, directory, &changed, holds, now).await
    }
}

fn is_conflict(hold: &Hold) -> bool {
    let code = hold.code.as_str();
    [
        "RETENTION_CONFLICT",
        "NO_COMMON_PURPOSE",
        "EMPTY_AUDIENCE",
        "GOVERNMENT_ONLY",
    ]
    .contains(&code)
        || code.starts_with("ORIGIN_EXCLUDED:")
}

/// Which conflicts a way ends.
fn ends_hold(way: &WayOut, hold: &Hold) -> bool {
    match way {
        WayOut::Widen { body } => hold.code == format!("ORIGIN_EXCLUDED:{body}"),
        WayOut::Split => is_conflict(hold),
        // Nobody at all cannot look either.
        WayOut::ViewOnly => is_conflict(hold) && hold.code != "EMPTY_AUDIENCE",
    }
}

/// Whose points of contact must agree.
fn needed(way: &WayOut, sources: &[Source], rule: &Rule) -> Result<BTreeSet<BodyId>, Refusal> {
    let all = || sources.iter().map(|source| source.body.clone());
    match way {
        // Whose item it is gives it up; a part's source refuses by its consent.
        WayOut::Split => Ok(all().take(1).collect()),
        WayOut::ViewOnly => Ok(all().collect()),
        WayOut::Widen { body } => {
            if rule.access.tlp == Tlp::Red {
                let message = "RED is for named persons; it is widened to no body";
                return Err(Refusal::Conflict(message.to_owned()));
            }
            let widened = sources.iter().find(|source| source.name == *body);
            let widened = &widened.ok_or(Refusal::NotFound)?.body;
            // Those whose own clause gives it nothing; the item's own CEPTOAR speaks for its level.
            let excludes = |source: &&Source| {
                let part = source.rule.as_ref();
                source.body != *widened
                    && part.is_none_or(|part| part.access.audience.get(widened).is_none())
            };
            let excluding = sources.iter().filter(excludes);
            Ok(excluding.map(|source| source.body.clone()).collect())
        }
    }
}
