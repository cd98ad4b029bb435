//! The dry run: who would get a report, in what form, when and why; nothing is stored (law 8).

use serde::Serialize;
use serde_json::Value;

use super::Exchange;
use super::access::Caller;
use super::audience::{Share, is_unnamed, level, shares};
use super::hold::Hold;
use super::publish::Submission;
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

impl Exchange {
    /// Answers what publishing this report would do.
    ///
    /// # Errors
    /// Exactly those publishing it would meet.
    pub async fn dry_run(
        &self,
        caller: &Caller,
        submission: &Submission,
    ) -> Result<Preview, Refusal> {
        let parts = self.parts_of_submission(caller, submission).await?;
        let checked = self.check(caller, submission, parts)?;
        self.check_replaced(caller, &checked.report).await?;
        let handled = checked.handled;
        let access = &handled.resolved.rule.access;
        let directory = &caller.directory;
        let held = !handled.holds.is_empty();
        let when = |id: &BodyId, form: Form| match (form, *id == handled.origin.ceptoar) {
            (Form::None, _) => "never",
            _ if handled.held_inside() => "held",
            (_, true) => "at once",
            (_, false) if held => "after consent",
            (_, false) => "at once",
        };
        let mut audience = shares(directory, access, &handled.resolved.clauses, &when);
        if checked.parts.stored.iter().any(is_unnamed) {
            level(&mut audience, &handled.origin.ceptoar);
        }
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
