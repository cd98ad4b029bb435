//! A new version of a report, on condition that the one it replaces is still the present one.

use futures_util::future::BoxFuture;

use super::Exchange;
use super::access::Caller;
use super::publish::{Published, Submission};
use super::refusal::Refusal;

impl Exchange {
    /// Publishes a version of the report that the submission replaces; `None` where `expected` is
    /// given and is not the present version's number.
    ///
    /// The number is compared in the transaction that writes, so of two clients that read the same
    /// version one is told. A repeat under an `Idempotency-Key` answers as the first did, although
    /// its own first try has moved the version on.
    ///
    /// # Errors
    /// As [`Exchange::publish`].
    pub async fn revise(
        &self,
        caller: &Caller,
        submission: Submission,
        expected: Option<i64>,
    ) -> Result<Option<Published>, Refusal> {
        let act = |caller: Caller| -> BoxFuture<'_, _> {
            let submission = submission.clone();
            Box::pin(async move { self.revise_as_known(&caller, submission, expected).await })
        };
        self.as_in_force(caller, act).await
    }

    async fn revise_as_known(
        &self,
        caller: &Caller,
        submission: Submission,
        expected: Option<i64>,
    ) -> Result<Option<Published>, Refusal> {
        let parts = self.parts_of_submission(caller, &submission).await?;
        let checked = self.check(caller, &submission, parts)?;
        let replaced = submission.replaces.clone().ok_or(Refusal::NotFound)?;
        self.own_report(caller, &replaced).await?;
        let (exchange, caller) = (self.clone(), caller.clone());
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    let who = caller.principal.id.as_str();
                    let repeated = match &submission.idempotency_key {
                        Some(key) => tx.answered(who, key).await?.is_some(),
                        None => false,
                    };
                    if let (Some(expected), false) = (expected, repeated) {
                        let present = tx.latest_version(&replaced).await?;
                        if present.is_none_or(|present| present.value.version != expected) {
                            return Ok(None);
                        }
                    }
                    exchange
                        .publish_in(tx, &caller, submission, checked)
                        .await
                        .map(Some)
                })
            })
            .await
    }
}
