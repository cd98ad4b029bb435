//! From deliveries to what is sent. A delivery is taken for one attempt by one process; what is sent
//! is asked of the gate at that moment, and how the attempt ended is noted. Which deliveries there are
//! is `fan_out`'s.

use std::sync::Arc;

use serde_json::{Value, json};

use super::arrival::ADVISORIES;
use super::gate::View;
use super::mail::{self, Postmark};
use super::refusal::Refusal;
use super::{Exchange, Tx, access};
use crate::council::Directory;
use crate::handling::{Channel, PrincipalId, Tlp};
use crate::store::Delivery;
use crate::subscription::Definition;
use crate::subscription::retry::{self, Outcome};

/// So long one process keeps a delivery to itself: longer than any attempt takes.
const CLAIM_MICROS: i64 = 60_000_000;

/// What found no line free is due again after so long, and up to a second more: others come first.
const NOT_MADE_MICROS: i64 = 4_000_000;

/// Settled deliveries are kept so long for their subscriber to look at.
const KEPT_MICROS: i64 = 30 * 24 * super::time::HOUR_MICROS;

/// After so many deliveries in a row that were given up, a subscription is stopped.
const DEAD_MAX: usize = 3;

/// One attempt to make, with what is to be told as the gate says now.
#[derive(Debug)]
pub struct Sending {
    /// The delivery's id, the same over all attempts.
    pub id: String,
    /// Which attempt, from 1.
    pub attempt: i64,
    /// The subscription's id.
    pub subscription: String,
    /// What, where to and when.
    pub definition: Definition,
    /// The signing secrets, the one in use first.
    pub secrets: Vec<[u8; 32]>,
    /// What a mail needs beside what is told.
    pub postmark: Postmark,
    /// What is told, in the order of release; empty where the gate lets nothing through any more.
    pub items: Vec<Told>,
    /// Now, in microseconds.
    pub at: i64,
}

/// One item that is told.
#[derive(Debug)]
pub struct Told {
    /// The thin line.
    pub line: Arc<Value>,
    /// The item itself and what binds its reader, where the item is wanted.
    pub content: Option<(Value, Value)>,
    /// Its TLP label.
    pub tlp: Tlp,
}

impl Exchange {
    pub(super) async fn view_for(
        &self,
        tx: &mut Tx,
        principal: &str,
    ) -> Result<Option<(Arc<Directory>, View)>, Refusal> {
        let directory = self.refresh().await?;
        let who = PrincipalId::from(principal);
        let Some(caller) = access::caller(&directory, &who, self.clock().now()) else {
            return Ok(None);
        };
        let view = self.view_of(tx, Some(&caller), Channel::Rest).await?;
        Ok(Some((directory, view)))
    }

    /// Takes deliveries that are due, each for one attempt, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_due_deliveries(&self, limit: i64) -> Result<Vec<Sending>, Refusal> {
        let now = self.clock().now_micros();
        let due = self.db().read().await?.deliveries_due(now, limit).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let claimed = self
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let mut claimed = Vec::with_capacity(due.len());
                    for delivery in due {
                        let until = now + CLAIM_MICROS;
                        if let Some(attempt) = tx.claim_delivery(&delivery.id, until, now).await? {
                            claimed.push((delivery, attempt));
                        }
                    }
                    Ok(claimed)
                })
            })
            .await?;
        let mut sendings = Vec::with_capacity(claimed.len());
        for (delivery, attempt) in claimed {
            let id = delivery.id.clone();
            match self.sending(delivery, attempt, now).await {
                Ok(sending) => sendings.extend(sending),
                // Its claim ends by itself; those taken with it do not wait for that.
                Err(error) => tracing::error!(%error, id, "a delivery could not be made ready"),
            }
        }
        Ok(sendings)
    }

    /// Asks the gate what of a delivery its subscriber may be told now.
    async fn sending(
        &self,
        delivery: Delivery,
        attempt: i64,
        now: i64,
    ) -> Result<Option<Sending>, Refusal> {
        let mut tx = self.db().read().await?;
        let Some(one) = tx.subscription(&delivery.subscription).await? else {
            return Ok(None);
        };
        let definition: Definition = serde_json::from_str(&one.definition)?;
        let mut secrets = vec![self.signing_secret(&one.id, one.secret)];
        if one.retiring.is_some_and(|until| until > now) {
            secrets.push(self.signing_secret(&one.id, one.secret - 1));
        }
        let mut sending = Sending {
            id: delivery.id.clone(),
            attempt,
            subscription: one.id.clone(),
            definition,
            secrets,
            postmark: Postmark::default(),
            items: Vec::new(),
            at: now,
        };
        let Some((_, view)) = self.view_for(&mut tx, &one.principal).await? else {
            return Ok(Some(sending));
        };
        let address = sending.definition.channel.mail_address();
        if let (Some(address), Some(mailing)) = (address, self.mailing())
            && !mailing.allows(&address)
        {
            return Ok(Some(sending)); // the settings have changed since it was asked for
        }
        let postmark = self
            .postmark(&mut tx, &one, &sending.definition, (&delivery, now))
            .await?;
        let Some(postmark) = postmark else {
            return Ok((delivery.lane == mail::LANE).then_some(sending));
        };
        sending.postmark = postmark;
        if delivery.lane == mail::LANE {
            return Ok(Some(sending));
        }
        let stamps: Vec<i64> = serde_json::from_str(&delivery.stamps)?;
        let mut items = Vec::with_capacity(stamps.len());
        // A word that was taken out of the reader's form meanwhile tells of nothing any more.
        let wish = self.wish(sending.definition.filter.clone());
        for stamp in stamps {
            if let Some(news) = self.news_at(&mut tx, &view.scope, stamp).await?
                && wish.finds(&news)
            {
                items.push((stamp, news));
            }
        }
        drop(tx);
        let channel = &sending.definition.channel;
        let kept: Vec<i64> = items
            .iter()
            .filter(|(_, news)| mail::carries(channel, self.mailing(), news))
            .map(|(stamp, _)| *stamp)
            .collect();
        // Whoever is handed an item is known to whoever takes it back, before it leaves (law 8).
        if !kept.is_empty() && !self.hand_over(&view, kept.clone()).await? {
            return Ok(None); // taken back this moment: the claim ends, and it is asked again
        }
        let told = items.into_iter().map(|(stamp, news)| Told {
            content: kept.contains(&stamp).then(|| news.content()),
            line: news.line,
            tlp: news.tlp,
        });
        sending.items = told.collect();
        Ok(Some(sending))
    }

    /// Notes how an attempt ended, and what follows: done, again later, given up, or no more at all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attempt_ended(
        &self,
        id: &str,
        subscription: &str,
        attempt: i64,
        outcome: Outcome,
    ) -> Result<(), Refusal> {
        let (id, subscription) = (id.to_owned(), subscription.to_owned());
        let now = self.clock().now_micros();
        let spread = self
            .secret()
            .place("spread", &[&id, &attempt.to_string()], 100);
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    match outcome {
                        Outcome::Delivered => {
                            tx.end_attempt(&id, attempt, now, "delivered").await?;
                            if let Some(delivery) = tx.delivery(&id).await?
                                && delivery.lane != mail::LANE
                            {
                                let stamps: Vec<i64> = serde_json::from_str(&delivery.stamps)?;
                                tx.note_told(&subscription, &stamps, &ADVISORIES, now)
                                    .await?;
                            }
                            tx.end_delivery(&id, attempt, "delivered").await?;
                            tx.subscription_worked(&subscription).await?;
                        }
                        Outcome::Withheld => {
                            tx.end_attempt(&id, attempt, now, "withheld").await?;
                            tx.end_delivery(&id, attempt, "withheld").await?;
                        }
                        Outcome::NotMade => {
                            let again = now + NOT_MADE_MICROS + spread * 10_000;
                            tx.unclaim_delivery(&id, attempt, again).await?;
                        }
                        Outcome::Refused { why } => {
                            tx.end_attempt(&id, attempt, now, &why).await?;
                            failed(tx, (&id, attempt), &subscription, None, now).await?;
                        }
                        Outcome::Gone => {
                            tx.end_attempt(&id, attempt, now, "status 410").await?;
                            tx.retry_delivery(&id, attempt, now).await?;
                            stop(
                                tx,
                                &subscription,
                                "the receiver answered that it is gone (410)",
                                now,
                            )
                            .await?;
                        }
                        Outcome::Failed { why, after } => {
                            tx.end_attempt(&id, attempt, now, &why).await?;
                            failed(
                                tx,
                                (&id, attempt),
                                &subscription,
                                retry::next(attempt, now, after, spread),
                                now,
                            )
                            .await?;
                        }
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Forgets settled deliveries that are older than a month, and mail addresses that nobody who
    /// subscribes has asked since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_old_deliveries(&self) -> Result<(), Refusal> {
        let before = self.clock().now_micros() - KEPT_MICROS;
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    tx.forget_old_deliveries(before).await?;
                    Ok(tx.forget_mail_addresses(mail::day_of(before)).await?)
                })
            })
            .await
    }

    /// Waits until there may be something to deliver, at most a fifth of a second.
    pub async fn deliverable(&self) {
        let wait = std::time::Duration::from_millis(200);
        let _ = tokio::time::timeout(wait, self.0.deliverable.notified()).await;
    }
}

async fn failed(
    tx: &mut Tx,
    (id, attempt): (&str, i64),
    subscription: &str,
    again: Option<i64>,
    now: i64,
) -> Result<(), Refusal> {
    if let Some(at) = again {
        tx.retry_delivery(id, attempt, at).await?;
        tx.rest_subscription(subscription, at).await?;
        return Ok(());
    }
    tx.end_delivery(id, attempt, "dead").await?;
    let latest = i64::try_from(DEAD_MAX).unwrap_or(i64::MAX);
    let latest = tx.latest_outcomes(subscription, latest).await?;
    if latest.len() == DEAD_MAX && latest.iter().all(|state| state == "dead") {
        stop(
            tx,
            subscription,
            "several deliveries in a row were given up",
            now,
        )
        .await?;
    }
    Ok(())
}

/// Stops a subscription where it is; its owner may let it go on.
pub(super) async fn stop(
    tx: &mut Tx,
    subscription: &str,
    reason: &str,
    now: i64,
) -> Result<(), Refusal> {
    let Some(one) = tx.subscription(subscription).await? else {
        return Ok(());
    };
    let mark = match one.state.as_str() {
        "active" => tx.fanned_out().await?.max(one.mark),
        "behind" => one.mark,
        _ => return Ok(()), // it keeps the mark it was paused or stopped at
    };
    tx.set_subscription(subscription, "stopped", reason, mark)
        .await?;
    let decision = json!({
        "decision": "subscription.stopped", "subscription": subscription, "reason": reason,
    });
    super::record(tx, now, &[], &decision).await
}
