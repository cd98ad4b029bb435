//! Subscriptions: made, changed, paused and ended by the principal whose they are. What one tells is
//! what that principal may see when it is sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde::Serialize;
use serde_json::json;

use super::access::Caller;
use super::once::Said;
use super::refusal::{Fault, Refusal};
use super::{Exchange, Tx, record, search};
use crate::stix::timestamp::format_taxii;
use crate::store::{Attempt, Delivery, Subscription};
use crate::subscription::{Channel, Definition, Signature};

/// So many subscriptions one principal may have.
const PER_PRINCIPAL: i64 = 50;

/// A signing secret that was replaced signs too for so long, so that no receiver misses the change.
const RETIRING_MICROS: i64 = 24 * super::time::HOUR_MICROS;

/// A subscription as its owner sees it.
#[derive(Debug, Serialize)]
pub struct SubscriptionView {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created_at: String,
    /// `pending` (its mail address has not confirmed), `active`, `behind` (catching up), `paused`,
    /// `stopped`.
    pub state: String,
    /// Why the hub stopped it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Attempts that failed since one succeeded.
    pub failures: i64,
    /// No attempt before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<String>,
    /// What, where to and when.
    #[serde(flatten)]
    pub definition: Definition,
    /// What deliveries are signed with, where it was just made or replaced: `whsec_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What deliveries are verified with, for `ed25519`: `whpk_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// A delivery as its subscriber sees it.
#[derive(Debug, Serialize)]
pub struct DeliveryView {
    /// Its id, the same over all attempts.
    pub id: String,
    /// Its place among the subscription's deliveries, from 1.
    pub number: i64,
    /// `waiting`, `delivered`, `withheld`, `dead`.
    pub state: String,
    /// When it was made.
    pub created_at: String,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
    /// Each attempt and how it ended.
    pub attempts: Vec<AttemptView>,
}

/// One attempt.
#[derive(Debug, Serialize)]
pub struct AttemptView {
    /// When it began.
    pub at: String,
    /// How many milliseconds it took; absent where it did not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<i64>,
    /// `sending`, `delivered`, or why not.
    pub outcome: String,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            at: format_taxii(attempt.at),
            milliseconds: attempt.ended_at.map(|end| (end - attempt.at) / 1000),
            outcome: attempt.outcome,
        }
    }
}

/// What its owner does with a subscription.
#[derive(Clone, Debug)]
pub enum Change {
    /// Another filter, address or time.
    Define(Box<Definition>),
    /// Nothing more for now; what comes meanwhile is told afterwards.
    Pause,
    /// Goes on where it was.
    Resume,
    /// Another signing secret.
    Rotate,
    /// No more, and what waits is dropped.
    End,
}

impl Exchange {
    /// Makes a subscription of the caller's.
    ///
    /// # Errors
    /// Each fault of the definition with its place; too many subscriptions; the database's failure.
    pub async fn subscribe(
        &self,
        caller: &Caller,
        definition: Definition,
    ) -> Result<SubscriptionView, Refusal> {
        self.subscribe_once(caller, definition, Said::default())
            .await
    }

    /// The same, once for each key of the client's.
    ///
    /// # Errors
    /// As for [`Exchange::subscribe`]; a key that was used for another act.
    pub async fn subscribe_once(
        &self,
        caller: &Caller,
        definition: Definition,
        said: Said,
    ) -> Result<SubscriptionView, Refusal> {
        self.check_definition(&definition)?;
        let (who, body) = (caller.principal.id.to_string(), caller.body.id.to_string());
        let (now, text) = (
            self.clock().now_micros(),
            serde_json::to_string(&definition)?,
        );
        let (this, secret) = (self.clone(), self.secret().clone());
        let act = text.clone();
        let id: String = self
            .once(caller, "subscription", (&act, said), move |tx| {
                Box::pin(async move {
                    let count = tx.count_subscriptions(&who).await?;
                    if count >= PER_PRINCIPAL {
                        return Err(Refusal::Conflict(format!(
                            "at most {PER_PRINCIPAL} subscriptions; end one first"
                        )));
                    }
                    // From the act and what its owner has, so that it tells nothing of others'.
                    let act = [&who, &now.to_string(), &text, &count.to_string()];
                    let made = secret
                        .uuid("subscription", &act.map(String::as_str))
                        .to_string();
                    let newest = tx.newest().await?.0.unwrap_or(0);
                    let agreed = this.agreed(tx, &who, &definition).await?;
                    let state = if agreed { "active" } else { "pending" };
                    tx.add_subscription(&made, &who, now, &text, (newest, state))
                        .await?;
                    this.ask_where_pending(tx, &made, (now, false)).await?;
                    record(
                        tx,
                        now,
                        &[&body],
                        &json!({
                            "decision": "subscription.made", "subscription": made, "by": who,
                        }),
                    )
                    .await?;
                    Ok(made)
                })
            })
            .await?;
        self.0.deliverable.notify_one();
        let made = self.db().read().await?.subscription(&id).await?;
        self.subscription_view(made.ok_or(Refusal::NotFound)?, true)
    }

    /// The caller's subscriptions.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subscriptions(&self, caller: &Caller) -> Result<Vec<SubscriptionView>, Refusal> {
        let mut tx = self.db().read().await?;
        let all = tx.subscriptions_of(caller.principal.id.as_str()).await?;
        all.into_iter()
            .map(|one| self.subscription_view(one, false))
            .collect()
    }

    /// One of the caller's subscriptions.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for any other.
    pub async fn subscription(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<SubscriptionView, Refusal> {
        let one = self.db().read().await?.subscription(id).await?;
        let one = one.filter(|one| one.principal == caller.principal.id.as_str());
        self.subscription_view(one.ok_or(Refusal::NotFound)?, false)
    }

    /// Changes one of the caller's subscriptions; `None` where it has ended.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for one that is not the caller's; the definition's faults.
    pub async fn change_subscription(
        &self,
        caller: &Caller,
        id: &str,
        change: Change,
    ) -> Result<Option<SubscriptionView>, Refusal> {
        if let Change::Define(definition) = &change {
            self.check_definition(definition)?;
        }
        let (who, body) = (caller.principal.id.to_string(), caller.body.id.to_string());
        let (id, now) = (id.to_owned(), self.clock().now_micros());
        let (this, rotated) = (self.clone(), matches!(change, Change::Rotate));
        let changed = self
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let present = tx.subscription(&id).await?;
                    let present = present
                        .filter(|one| one.principal == who)
                        .ok_or(Refusal::NotFound)?;
                    let running = matches!(present.state.as_str(), "active" | "behind");
                    let word = match change {
                        Change::Define(definition) => {
                            let text = serde_json::to_string(&definition)?;
                            tx.define_subscription(&id, &text).await?;
                            this.settle_address(tx, &present, &definition, now).await?;
                            "subscription.defined"
                        }
                        Change::Pause if running => {
                            let mark = told_up_to(tx, &present).await?;
                            tx.set_subscription(&id, "paused", "", mark).await?;
                            "subscription.paused"
                        }
                        Change::Resume if !running => {
                            let definition = serde_json::from_str(&present.definition)?;
                            let agreed = this.agreed(tx, &who, &definition).await?;
                            let state = if agreed { "behind" } else { "pending" };
                            tx.set_subscription(&id, state, "", present.mark).await?;
                            this.ask_where_pending(tx, &id, (now, true)).await?;
                            "subscription.resumed"
                        }
                        Change::Pause | Change::Resume => return Ok(Some(present)),
                        Change::Rotate if is_mail(&present)? => {
                            return Err(Refusal::Conflict(
                                "a mail has no signing secret".to_owned(),
                            ));
                        }
                        Change::Rotate => {
                            tx.rotate_subscription(&id, now + RETIRING_MICROS).await?;
                            "subscription.rotated"
                        }
                        Change::End => {
                            tx.forget_deliveries(&id).await?;
                            tx.forget_subscription(&id).await?;
                            "subscription.ended"
                        }
                    };
                    record(
                        tx,
                        now,
                        &[&body],
                        &json!({
                            "decision": word, "subscription": id, "by": who,
                        }),
                    )
                    .await?;
                    Ok(tx.subscription(&id).await?)
                })
            })
            .await?;
        self.0.growth.tell(); // one that goes on has something to catch up with
        self.0.deliverable.notify_one();
        changed
            .map(|one| self.subscription_view(one, rotated))
            .transpose()
    }

    /// What became of a subscription's deliveries, the latest first, and the cursor of the rest.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a subscription that is not the caller's.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<DeliveryView>, Option<String>), Refusal> {
        self.subscription(caller, id).await?;
        let before = match cursor {
            Some(cursor) => self.number("deliveries", cursor)?,
            None => i64::MAX,
        };
        let mut tx = self.db().read().await?;
        let wanted = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
        let mut found = tx.deliveries_of(id, before, wanted).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more);
        let next = next.map(|last| self.secret().seal("deliveries", &last.number.to_be_bytes()));
        let mut views = Vec::with_capacity(found.len());
        for Delivery {
            id,
            number,
            state,
            created_at,
            next_at,
            ..
        } in found
        {
            let attempts = tx.attempts(&id).await?;
            let waits = state == "waiting";
            views.push(DeliveryView {
                id,
                number,
                state,
                created_at: format_taxii(created_at),
                next_at: waits.then(|| format_taxii(next_at)),
                attempts: attempts.into_iter().map(AttemptView::from).collect(),
            });
        }
        Ok((views, next))
    }

    /// Lets a delivery that was given up be tried again.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for one that is not the caller's or not given up.
    pub async fn replay(&self, caller: &Caller, id: &str, delivery: &str) -> Result<(), Refusal> {
        self.subscription(caller, id).await?;
        let (id, delivery) = (id.to_owned(), delivery.to_owned());
        let now = self.clock().now_micros();
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.revive_delivery(&delivery, &id, now).await? {
                        return Err(Refusal::NotFound);
                    }
                    tx.subscription_worked(&id).await?; // its owner says that it works again
                    Ok(())
                })
            })
            .await?;
        self.0.deliverable.notify_one();
        Ok(())
    }

    /// Another definition may go to an address that has not agreed, or no more to one.
    async fn settle_address(
        &self,
        tx: &mut Tx,
        present: &Subscription,
        definition: &Definition,
        now: i64,
    ) -> Result<(), Refusal> {
        let agreed = self.agreed(tx, &present.principal, definition).await?;
        let id = &present.id;
        match (present.state.as_str(), agreed) {
            ("pending", true) => {
                tx.set_subscription(id, "behind", "", present.mark).await?;
            }
            ("active" | "behind" | "pending", false) => {
                let mark = told_up_to(tx, present).await?;
                tx.set_subscription(id, "pending", "", mark).await?;
                self.ask_where_pending(tx, id, (now, false)).await?;
            }
            _ => {} // it goes on as it was, or is asked about when its owner resumes it
        }
        Ok(())
    }

    /// Mails a code where a subscription waits for its address.
    async fn ask_where_pending(
        &self,
        tx: &mut Tx,
        id: &str,
        when: (i64, bool),
    ) -> Result<(), Refusal> {
        let one = tx.subscription(id).await?.ok_or(Refusal::NotFound)?;
        let definition: Definition = serde_json::from_str(&one.definition)?;
        match definition.channel.mail_address() {
            Some(address) if one.state == "pending" => {
                self.ask_address(tx, &one, &address, when).await
            }
            _ => Ok(()),
        }
    }

    fn check_definition(&self, definition: &Definition) -> Result<(), Refusal> {
        let fault = |(place, message): (String, String)| Fault::at(place, "subscription", message);
        let checked = definition.check(&self.receivers(), self.mailing());
        let mut wrong = checked.err().unwrap_or_default();
        wrong.extend(search::not_subscribed(&definition.filter.search));
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Refusal::Invalid(wrong.into_iter().map(fault).collect()))
    }

    fn subscription_view(
        &self,
        one: Subscription,
        fresh: bool,
    ) -> Result<SubscriptionView, Refusal> {
        let definition: Definition = serde_json::from_str(&one.definition)?;
        let key = self.signing_secret(&one.id, one.secret);
        let (mut secret, mut public_key) = (None, None);
        let signature = match &definition.channel {
            Channel::Webhook { signature, .. } => Some(signature),
            Channel::Mail { .. } => None,
        };
        match signature {
            None => {}
            Some(Signature::Hmac) => {
                secret = fresh.then(|| format!("whsec_{}", STANDARD.encode(key)));
            }
            Some(Signature::Ed25519) => {
                let public = SigningKey::from_bytes(&key).verifying_key();
                public_key = Some(format!("whpk_{}", STANDARD.encode(public.as_bytes())));
            }
        }
        let resting = one.not_before > self.clock().now_micros();
        Ok(SubscriptionView {
            id: one.id,
            created_at: format_taxii(one.created_at),
            state: one.state,
            reason: one.reason,
            failures: one.failures,
            resting_until: resting.then(|| format_taxii(one.not_before)),
            definition,
            secret,
            public_key,
        })
    }

    /// The secret number `number` of a subscription: it follows from the hub's, so none is stored.
    pub(super) fn signing_secret(&self, subscription: &str, number: i64) -> [u8; 32] {
        self.secret()
            .key_for(&format!("webhook {subscription} {number}"))
    }
}

/// Up to where a subscription was told, as it is to be kept while it is not told.
async fn told_up_to(tx: &mut Tx, one: &Subscription) -> Result<i64, Refusal> {
    if one.state == "active" {
        return Ok(tx.fanned_out().await?.max(one.mark));
    }
    Ok(one.mark)
}

fn is_mail(one: &Subscription) -> Result<bool, Refusal> {
    let definition: Definition = serde_json::from_str(&one.definition)?;
    Ok(definition.channel.mail_address().is_some())
}
