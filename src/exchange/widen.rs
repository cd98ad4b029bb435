//! The only ways an item gets further than its rule first said: its own scheme's downgrade, and a
//! recorded consent of its source (law 2). Readers who have it keep what they have.

use chrono::DateTime;
use serde_json::json;

use super::portions::{self, Had, Rules};
use super::publish::stored_rule;
use super::readers::{Readers, SIDES};
use super::refusal::Refusal;
use super::settle::stored_origin;
use super::{Exchange, Tx};
use crate::council::resolve::Narrowing;
use crate::council::{Directory, Resolved, Subject, resolve_level};
use crate::handling::{
    ApprovalMode, Approver, BodyId, Consent, Level, PrincipalId, Rule, Scheme, Vote, consent,
};
use crate::store::{Due, ItemVersion};

/// The level an item is under: its scheme in the version in force at its release, and the level.
pub(super) fn stored_level<'a>(
    directory: &'a Directory,
    version: &ItemVersion,
) -> Option<(&'a Scheme, &'a Level)> {
    let mut words = version.value.level.splitn(3, ' ');
    let (scheme, number, level) = (words.next()?, words.next()?, words.next()?);
    let number: u32 = number.strip_prefix('v')?.parse().ok()?;
    let schemes = &directory.file().schemes;
    let scheme = schemes
        .iter()
        .find(|known| known.id == scheme && known.version == number)?;
    Some((scheme, scheme.level(level)?))
}

impl Exchange {
    /// Age makes an item looser: it goes on under its scheme's next looser level.
    pub(super) async fn downgraded(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        due: &Due,
    ) -> Result<(), Refusal> {
        let latest = tx.latest_version(&version.value.item).await?;
        if version.value.state != "released"
            || latest.is_some_and(|latest| latest.key != version.key)
        {
            return Ok(());
        }
        let directory = self.directory();
        let parts = tx.part_rules(version.key).await?;
        let made_of_parts = !tx.parts(version.key).await?.is_empty() || !parts.is_empty();
        if made_of_parts || stored_rule(version)?.access.view_only {
            // Its own level alone would shed its parts' rules, or the way out that was agreed.
            let more = json!({ "why": "it is not its level alone that binds it" });
            return self
                .record_time(tx, version, due, "downgrade.not_done", more)
                .await;
        }
        let Some((scheme, level)) = stored_level(&directory, version) else {
            let more = json!({ "why": "the scheme's version is no longer in the council file" });
            return self
                .record_time(tx, version, due, "downgrade.not_done", more)
                .await;
        };
        let Some(next) = scheme.next_looser(level) else {
            let more = json!({ "why": "the scheme has no looser level" });
            return self
                .record_time(tx, version, due, "downgrade.not_done", more)
                .await;
        };
        let before = stored_rule(version)?;
        let now = self.clock().now_micros();
        // The item as it is, under the level it comes to.
        let subject = self
            .facts_of(tx, version.key)
            .await?
            .map(|subject| Subject {
                level: next.level.clone(),
                ..subject
            });
        let marked = marked_beside(&directory, version, &before, level, now);
        let levels = (scheme, next);
        let resolved = resolve_again(&directory, version, &before, levels, marked, subject, now);
        if let Some(why) = self.not_agreed(tx, version, &resolved).await? {
            let more = json!({ "why": why });
            return self
                .record_time(tx, version, due, "downgrade.not_done", more)
                .await;
        }
        let name = format!("{} v{} {}", scheme.id, scheme.version, next.level);
        let clauses = serde_json::to_string(&resolved.clauses)?;
        tx.set_level(version.key, &name, &clauses).await?;
        let more = json!({ "from": version.value.level, "to": name });
        self.record_time(tx, version, due, "downgraded", more)
            .await?;
        self.widen(tx, &directory, version, &before, &resolved.rule, now)
            .await?;
        if let Some(days) = resolved.rule.downgrade.days() {
            let at = now + i64::from(days) * 24 * super::time::HOUR_MICROS;
            tx.add_due(&Due { at, ..due.clone() }).await?;
        }
        Ok(())
    }

    /// What the charter's policies were told of an item.
    pub(super) async fn facts_of(&self, tx: &mut Tx, key: i64) -> Result<Option<Subject>, Refusal> {
        Ok(match tx.facts(key).await? {
            Some(text) => Some(serde_json::from_str(&text)?),
            None => None,
        })
    }

    /// Why the votes there are do not carry the looser rule; `None` where they do.
    async fn not_agreed(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        resolved: &Resolved,
    ) -> Result<Option<String>, Refusal> {
        if let Some(conflict) = resolved.conflicts.first() {
            return Ok(Some(format!("the looser rule conflicts: {conflict}")));
        }
        let mut required = resolved.rule.approvals.clone();
        required.retain(|_, mode| *mode != ApprovalMode::None);
        let asked = tx.asked(version.key).await?;
        let silent = asked
            .into_iter()
            .filter(|asked| matches!(asked.outcome.as_deref(), Some("agreed" | "released")))
            .map(|asked| Approver::from(asked.approver))
            .collect();
        let votes = tx.votes(version.key).await?;
        let votes: Vec<Vote> = votes
            .into_iter()
            .map(|(who, by, yes, ..)| Vote {
                approver: Approver::from(who),
                by: PrincipalId::from(by),
                yes,
            })
            .collect();
        let submitter = PrincipalId::from(version.value.submitter.as_str());
        Ok(match consent(&required, &votes, &silent, &submitter) {
            Consent::Given => None,
            Consent::Refused => Some("consent was refused".to_owned()),
            Consent::Pending(who) => {
                let who: Vec<String> = who.iter().map(ToString::to_string).collect();
                Some(format!("{} has not agreed", who.join(", ")))
            }
        })
    }

    /// Puts a looser rule in force for a released version. Who has it keeps that entry; who gets it
    /// now gets a new one, behind every mark; who gets another form of it loses the former.
    pub(super) async fn widen(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        before: &Rule,
        after: &Rule,
        now: i64,
    ) -> Result<(), Refusal> {
        let rules = |rule: &Rule| Rules {
            whole: rule.clone(),
            parts: Vec::new(),
        };
        rules(after).put(tx, version.key).await?;
        let mut had = Had::default();
        portions::note_version(tx, &mut had, version.key).await?;
        let own = BodyId::from(version.value.ceptoar.as_str());
        let mut kept = before.clone();
        kept.access.audience = kept
            .access
            .audience
            .only(|body, grant| after.access.audience.get(body).form() == grant.form());
        let mut readers = Readers::default();
        for side in SIDES {
            readers.open(tx, side, &own, &rules(&kept)).await?;
            readers.open(tx, side, &own, &rules(after)).await?;
        }
        readers.keep(tx, version.key).await?;
        self.decide_anew(tx, directory, version.key, &mut had, now)
            .await?;
        self.arrived(tx, directory, had, now).await
    }
}

/// What a posted object's own markings ask beside its level, as far as its rule shows: age makes its
/// level looser and nothing else that its source said.
fn marked_beside(
    directory: &Directory,
    version: &ItemVersion,
    before: &Rule,
    level: &Level,
    now: i64,
) -> Rule {
    let mut marked = Rule::unrestricted();
    if version.value.kind == "stix" {
        let origin = stored_origin(version, before);
        let at = DateTime::from_timestamp_micros(now).unwrap_or_default();
        let own = directory.level_rule(level, &origin, at);
        if before.pap != own.pap {
            marked.pap = before.pap;
        }
        if before.attribution != own.attribution {
            marked.attribution = before.attribution;
        }
        let prohibited = &before.purposes_prohibited - &own.purposes_prohibited;
        marked.purposes_prohibited = prohibited;
    }
    super::route::no_deeper(version, before, &mut marked);
    marked
}

/// The rule of a stored item under another level of its scheme, with what its source narrowed.
fn resolve_again(
    directory: &Directory,
    version: &ItemVersion,
    before: &Rule,
    (scheme, level): (&Scheme, &Level),
    marked: Rule,
    subject: Option<Subject>,
    now: i64,
) -> Resolved {
    let narrowing = Narrowing {
        named: before.access.named.clone(),
        not_before: None,
        not_after: before.access.not_after,
        marked: Some(Box::new(marked)),
    };
    let origin = stored_origin(version, before);
    let at = DateTime::from_timestamp_micros(now).unwrap_or_default();
    let scheme = (scheme.id.as_str(), scheme.version);
    resolve_level(directory, scheme, level, &origin, &narrowing, at)
        .under_policies(directory, &origin, subject, at)
}
