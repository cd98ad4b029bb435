//! The dry run: who would get a report, in what form, when and why; nothing is stored (law 8).

use serde::Serialize;
use serde_json::Value;

use super::Exchange;
use super::access::Caller;
use super::intake::Hold;
use super::refusal::Refusal;
use crate::handling::{BodyId, Clause, Form};
use crate::report::identity_check::Finding;

/// The answer to "who would get it".
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// Scheme, version and level.
    pub level: String,
    /// The TLP label.
    pub tlp: String,
    /// `released` or `held`: what would become of it.
    pub state: String,
    /// What would hold it.
    pub holds: Vec<Hold>,
    /// Every body, with what it would get.
    pub audience: Vec<Share>,
    /// The joined rule, dimension by dimension, with whose clause decided.
    pub rule: Vec<Clause>,
    /// The anonymised form, where anyone would get it.
    pub anonymised: Option<Value>,
    /// Each place of it that would still point at the source.
    pub findings: Vec<Finding>,
}

/// What one body would get.
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
    /// `at once`, `after consent`, `held`, or `never`.
    pub when: String,
    /// Whether it could only be looked at, since the body has not declared that it can honour the rule.
    pub view_only: bool,
    /// Whose clause decided.
    pub why: Vec<String>,
}

impl Exchange {
    /// Answers what publishing this report would do.
    ///
    /// # Errors
    /// Exactly those publishing it would meet.
    pub fn dry_run(&self, caller: &Caller, bytes: &[u8]) -> Result<Preview, Refusal> {
        let checked = self.check(caller, bytes)?;
        let handled = checked.handled;
        let access = &handled.resolved.rule.access;
        let directory = &caller.directory;
        let held = !handled.holds.is_empty();
        let audience = access
            .audience
            .iter()
            .map(|(id, grant)| {
                let body = directory.body(id);
                let own = *id == handled.origin.ceptoar;
                let when = match (grant.form(), own) {
                    (Form::None, _) => "never",
                    _ if handled.held_inside() => "held",
                    (_, true) => "at once",
                    (_, false) if held => "after consent",
                    (_, false) => "at once",
                };
                let capability = body.and_then(|body| body.capability).unwrap_or_default();
                let dimension = format!("audience.{id}");
                Share {
                    body: id.clone(),
                    kind: body.map_or("anybody", |body| body.kind.word()).to_owned(),
                    name: body
                        .map_or("anybody", |body| body.name.ja_or_en())
                        .to_owned(),
                    depth: grant.depth().word().to_owned(),
                    form: grant.form().word().to_owned(),
                    when: when.to_owned(),
                    view_only: !grant.is_none()
                        && (access.storage_jp_only && !capability.storage_jp
                            || access.retention_min_days > capability.retention_min_days),
                    why: handled
                        .resolved
                        .clauses
                        .iter()
                        .find(|clause| clause.dimension == dimension)
                        .map(|clause| clause.decided_by.clone())
                        .unwrap_or_default(),
                }
            })
            .collect();
        Ok(Preview {
            level: handled.level.clone(),
            tlp: access.tlp.to_string(),
            state: if held { "held" } else { "released" }.to_owned(),
            audience,
            rule: handled
                .resolved
                .clauses
                .iter()
                .filter(|clause| !clause.dimension.starts_with("audience."))
                .cloned()
                .collect(),
            holds: handled.holds,
            anonymised: checked.anonymised,
            findings: checked.findings,
        })
    }
}
