//! Acts that a client may send twice, and acts that hold only for the version the client has seen:
//! what `Idempotency-Key` and `If-Match` say of taking back, narrowing, a way out, an override, and
//! what a page that was looked at says of an answer to it.
//! Publishing says it for itself.

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::Caller;
use super::refusal::Refusal;
use super::secret::sha256;
use super::{Exchange, Tx};

/// What a client says of an act beside the act.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The client's key for this act; a repeat under it answers as the first did.
    pub idempotency_key: Option<String>,
    /// The version the item must be at.
    pub expected: Option<i64>,
    /// What the client has looked at, by when it was released to them (`released_at`).
    pub seen: Option<String>,
}

impl Exchange {
    /// Does something to an item once. `act` is all that tells it from another act of the caller's.
    ///
    /// Whether the caller may do it at all is answered first, so that the version says nothing to
    /// whoever may not (law 4): where it is another, what was done is undone.
    pub(super) async fn once<T, F>(
        &self,
        caller: &Caller,
        item: &str,
        (act, said): (&(impl Serialize + Sync), Said),
        job: F,
    ) -> Result<T, Refusal>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Refusal>> + Send + 'static,
    {
        let act = sha256(&serde_json::to_vec(&(item, act))?);
        let (who, item) = (caller.principal.id.to_string(), item.to_owned());
        let now = self.clock().now_micros();
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(key) = &said.idempotency_key
                        && let Some((earlier, answer)) = tx.answered(&who, key).await?
                    {
                        if earlier != act {
                            return Err(Refusal::Conflict(
                                "the Idempotency-Key was used for another act".to_owned(),
                            ));
                        }
                        return Ok(serde_json::from_str(&answer)?);
                    }
                    let present = tx.latest_version(&item).await?;
                    let done = job(tx).await?;
                    let present = present.map(|version| version.value.version);
                    if said.expected.is_some() && said.expected != present {
                        return Err(Refusal::Stale);
                    }
                    if let Some(key) = &said.idempotency_key {
                        let answer = serde_json::to_string(&done)?;
                        tx.remember(&who, key, &act, &answer, now).await?;
                    }
                    Ok(done)
                })
            })
            .await
    }
}
