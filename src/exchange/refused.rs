//! A refusal is a decision too (law 9): what was sent and not taken leaves a record of who sent it
//! and which rules it broke. Nothing of what was sent is in it.

use std::collections::BTreeSet;

use serde_json::json;

use super::access::Caller;
use super::refusal::{Fault, Refusal};
use super::{Exchange, record};

impl Exchange {
    /// Records that something of the caller's was refused; nothing where nothing was.
    pub(super) async fn note_refusal(
        &self,
        caller: &Caller,
        faults: &[Fault],
    ) -> Result<(), Refusal> {
        let rules: BTreeSet<String> = faults.iter().map(|fault| fault.rule.clone()).collect();
        if rules.is_empty() {
            return Ok(());
        }
        let decision = json!({
            "decision": "refused.input", "by": caller.principal.id, "rules": rules,
        });
        let (body, now) = (caller.body.id.to_string(), self.clock().now_micros());
        self.writer()
            .write(move |tx| Box::pin(async move { record(tx, now, &[&body], &decision).await }))
            .await
    }
}
