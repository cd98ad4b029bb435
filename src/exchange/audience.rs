//! How far an item went: for its own desk, body by body. What it tells of readers is what the
//! council's directory shows the source anyway (law 4): another CEPTOAR's members are never named.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::access::Caller;
use super::gate::View;
use super::hold::Hold;
use super::parts::all_parts;
use super::portions::Rules;
use super::publish::stored_rule;
use super::read::version_at_desk;
use super::readers::Readers;
use super::refusal::Refusal;
use super::{Exchange, Tx};
use crate::council::Directory;
use crate::handling::{
    Access, Attribution, Audience, BodyId, Capability, Clause, Depth, Form, Rule,
};
use crate::stix::timestamp::format_taxii;
use crate::store::ItemVersion;
use crate::store::receipts::Notice;

/// What one body gets.
#[derive(Clone, Debug, Serialize)]
pub struct Share {
    /// The body; `anybody` is whoever reads without logging in.
    pub body: BodyId,
    /// What it is.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How deep inside it.
    pub depth: String,
    /// In what form.
    pub form: String,
    /// `at once`, `after consent`, `held`, `never`; of an item that is out also `released`.
    pub when: String,
    /// `copy`: over REST and TAXII; `view only`: on the hub's pages; `none`.
    pub channel: String,
    /// Whether it could only be looked at.
    pub view_only: bool,
    /// Why not more than a look: what the body has not declared it can honour.
    pub view_only_because: Vec<String>,
    /// Whose clause decided.
    pub why: Vec<String>,
}

/// What a body has of an item that is out.
#[derive(Clone, Debug, Serialize)]
pub struct Reached {
    /// What the rule gives it.
    #[serde(flatten)]
    pub share: Share,
    /// When it was first handed over to anybody of the body or its members.
    pub fetched_at: Option<String>,
    /// Whether anybody there accepted the obligations.
    pub accepted: bool,
    /// Whether it was told that the item was taken back, and whether all who were acknowledged it.
    pub told: bool,
    /// See `told`.
    pub acknowledged: bool,
}

/// The answer to "how far did it go".
#[derive(Clone, Debug, Serialize)]
pub struct Reach {
    /// The report's id, for its source.
    pub id: String,
    /// Which version.
    pub version: i64,
    /// Where it stands.
    pub state: String,
    /// What holds it.
    pub holds: Vec<Hold>,
    /// Scheme, version and level.
    pub level: String,
    /// Every body.
    pub audience: Vec<Reached>,
}

/// What a body that the rule admits cannot honour, so that it may only look.
pub(super) fn cannot_honour(access: &Access, capability: Capability) -> Vec<String> {
    let mut because = Vec::new();
    if access.view_only {
        because.push("view_only: the sources agreed that it may only be looked at".to_owned());
    }
    if access.storage_jp_only && !capability.storage_jp {
        because.push("storage_jp_only: it has not declared storage in Japan".to_owned());
    }
    if access.retention_min_days > capability.retention_min_days {
        because.push(format!(
            "retention_min_days: it has not declared that it can keep it {} days",
            access.retention_min_days
        ));
    }
    because
}

/// What every body of the directory gets under a rule.
pub(super) fn shares(
    directory: &Directory,
    access: &Access,
    clauses: &[Clause],
    when: &dyn Fn(&BodyId, Form) -> &'static str,
) -> Vec<Share> {
    let share = |(id, grant): (&BodyId, crate::handling::Grant)| {
        let body = directory.body(id);
        let capability = body.and_then(|body| body.capability).unwrap_or_default();
        let because = if grant.is_none() {
            Vec::new()
        } else {
            cannot_honour(access, capability)
        };
        let dimension = format!("audience.{id}");
        let clause = clauses.iter().find(|clause| clause.dimension == dimension);
        Share {
            body: id.clone(),
            kind: body.map_or("anybody", |body| body.kind.word()).to_owned(),
            name: body
                .map_or("anybody", |body| body.name.ja_or_en())
                .to_owned(),
            depth: grant.depth().word().to_owned(),
            form: grant.form().word().to_owned(),
            when: when(id, grant.form()).to_owned(),
            channel: match (grant.is_none(), because.is_empty()) {
                (true, _) => "none",
                (false, true) => "copy",
                (false, false) => "view only",
            }
            .to_owned(),
            view_only: !because.is_empty(),
            view_only_because: because,
            why: clause
                .map(|clause| clause.decided_by.clone())
                .unwrap_or_default(),
        }
    };
    access.audience.iter().map(share).collect()
}

/// Whether an item is made of others' whose source its publisher is not told.
async fn unnamed_parts(tx: &mut Tx, version: &ItemVersion) -> Result<bool, Refusal> {
    for part in all_parts(tx, version.key).await? {
        if part.value.ceptoar != version.value.ceptoar && is_unnamed(&stored_rule(&part)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether what is made of an item under this rule must not tell whose it was.
pub(super) fn is_unnamed(rule: &Rule) -> bool {
    matches!(
        rule.attribution,
        Attribution::Pseudonym | Attribution::Withheld
    )
}

/// Tells of bodies of one kind only what any of them gets at most: where a part's own CEPTOAR or
/// ministry gets more or less than the others, that would tell whose the part is.
pub(super) fn level(shares: &mut [Share], own: &BodyId) {
    let of_kind = |share: &Share, kind: &str| share.kind == kind && share.body != *own;
    let kinds: BTreeSet<String> = shares.iter().map(|share| share.kind.clone()).collect();
    for kind in kinds {
        let all = || shares.iter().filter(|share| of_kind(share, &kind));
        // Loose to strict.
        let depth = |share: &&Share| Depth::ALL.iter().position(|of| of.word() == share.depth);
        let Some(most) = all().min_by_key(depth) else {
            continue;
        };
        let widest = |share: &&Share| share.form != Form::None.word();
        let form = all().filter(widest).map(|share| share.form.clone()).max();
        let (depth, when) = (most.depth.clone(), most.when.clone());
        let channel = most.channel.clone();
        let form = form.unwrap_or_else(|| Form::None.word().to_owned());
        for share in shares.iter_mut() {
            if of_kind(share, &kind) {
                share.depth.clone_from(&depth);
                share.form.clone_from(&form);
                share.when.clone_from(&when);
                share.channel.clone_from(&channel);
                share.view_only = false;
                share.view_only_because.clear();
                share.why.clear();
            }
        }
    }
}

impl Exchange {
    /// How far an item went; `None` for whoever does not read it at its source's desk.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reach(
        &self,
        caller: &Caller,
        view: &View,
        id: &str,
    ) -> Result<Option<Reach>, Refusal> {
        let mut tx = self.db().read().await?;
        let Some(key) = version_at_desk(&mut tx, view, id).await? else {
            return Ok(None);
        };
        let Some(version) = tx.item_version(key).await? else {
            return Ok(None);
        };
        let mut fetched: BTreeMap<String, i64> = BTreeMap::new();
        let (mut accepted, mut told) = (BTreeSet::new(), BTreeSet::new());
        let mut open = BTreeSet::new();
        for key in tx.versions_of(&version.value.item).await? {
            let stamps: Vec<i64> = tx
                .entries_of(key)
                .await?
                .into_iter()
                .map(|(at, _)| at)
                .collect();
            for (who, at, _) in tx.who_had(&stamps).await? {
                if let Some(body) = self.told_as(caller, &who) {
                    let first = fetched.entry(body).or_insert(at);
                    *first = at.min(*first);
                }
            }
            for (who, _) in tx.accepted(key).await? {
                accepted.extend(self.told_as(caller, &who));
            }
            let taken_back = |notice: &Notice| ["withdrawn", "recalled"].contains(&&*notice.kind);
            for notice in tx.notices_of(key).await?.into_iter().filter(taken_back) {
                let body = self.told_as(caller, &notice.principal);
                told.extend(body.clone());
                if notice.acknowledged_at.is_none() {
                    open.extend(body);
                }
            }
        }
        let mut access = Rules::of(&mut tx, &version).await?.whole.access;
        // What is out says itself who reads it: bodies may have come and gone since.
        if !tx.releases_of(key).await?.is_empty() {
            for number in Readers::of(&mut tx, key).await?.all() {
                let Some(definition) = tx.definition(number).await? else {
                    continue;
                };
                let audience: Audience = serde_json::from_str(&definition)?;
                for (body, grant) in audience.grants() {
                    let known = access.audience.get(body);
                    if known.is_none() {
                        access.audience.set(body.clone(), grant);
                    }
                }
            }
        }
        let unnamed = unnamed_parts(&mut tx, &version).await?;
        let clauses: Vec<Clause> = serde_json::from_str(&version.value.clauses)?;
        let sides = tx.sides_of(key).await?;
        let state = version.value.state.clone();
        let own = BodyId::from(version.value.ceptoar.as_str());
        let when = |body: &BodyId, form: Form| {
            let side = if *body == own { "inside" } else { "outside" };
            match (form, state.as_str()) {
                (Form::None, _) => "never",
                (_, "released" | "held") if sides.iter().any(|done| done == side) => "released",
                (_, "held") => "held",
                _ => "never",
            }
        };
        let own = BodyId::from(version.value.ceptoar.as_str());
        let mut shares = shares(&caller.directory, &access, &clauses, &when);
        if unnamed {
            level(&mut shares, &own);
        }
        let audience = shares
            .into_iter()
            .map(|share| {
                let body = share.body.to_string();
                let members = |at: &String| {
                    let member = caller.directory.body(&at.as_str().into());
                    member.is_some_and(|member| member.ceptoars.contains(&share.body))
                };
                let any = |set: &BTreeSet<String>| set.contains(&body) || set.iter().any(members);
                let first = fetched
                    .iter()
                    .filter(|(who, _)| **who == body || members(who))
                    .map(|(_, at)| *at)
                    .min();
                Reached {
                    fetched_at: first.map(format_taxii),
                    accepted: any(&accepted),
                    told: any(&told),
                    acknowledged: any(&told) && !any(&open),
                    share,
                }
            })
            .collect();
        Ok(Some(Reach {
            id: id.to_owned(),
            version: version.value.version,
            state: version.value.state,
            holds: serde_json::from_str(&version.value.holds)?,
            level: version.value.level,
            audience,
        }))
    }
}
