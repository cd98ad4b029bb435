//! From the release log to deliveries, and from deliveries to what is sent.
//!
//! The log is the outbox (ADR 0016): what a transaction released is in it, so a delivery is lost only
//! with the release. One counter says up to where the log has become deliveries; whoever moves it
//! writes the deliveries of that window in the same transaction, so each is written once, whichever
//! process does it. What is sent is asked of the gate again when it is sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::gate::View;
use super::listen::next_look;
use super::news::News;
use super::refusal::Refusal;
use super::{Exchange, Tx, access};
use crate::council::Directory;
use crate::handling::{Channel, PrincipalId, Reader, Tlp};
use crate::store::{Delivery, Subscription};
use crate::subscription::retry::{self, Outcome};
use crate::subscription::{Content, Definition};

/// So long one process keeps a delivery to itself: longer than any attempt takes.
const CLAIM_MICROS: i64 = 60_000_000;

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
    /// The item itself, where it is wanted and its rule lets it leave by this channel.
    pub content: Option<Value>,
    /// Its TLP label.
    pub tlp: Tlp,
}

/// A delivery to write.
struct Matched {
    subscription: String,
    lane: i64,
    next_at: i64,
    stamps: Vec<i64>,
}

impl Exchange {
    /// Makes deliveries of what was released, again and again, for as long as it is awaited.
    pub async fn fan_out(&self) {
        let mut grown = self.0.growth.hear();
        loop {
            if let Err(error) = self.fan_out_now().await {
                tracing::error!(%error, "releases could not become deliveries; trying again");
            }
            next_look(&mut grown).await;
        }
    }

    /// Makes deliveries of everything that was released until now.
    ///
    /// # Errors
    /// When the database fails; nothing is written in part.
    pub async fn fan_out_now(&self) -> Result<(), Refusal> {
        self.catch_up_subscriptions().await?;
        loop {
            let mut tx = self.db().read().await?;
            let from = tx.fanned_out().await?;
            let to = tx.newest().await?.0.unwrap_or(0);
            if from >= to {
                return Ok(());
            }
            let active = tx.subscriptions_in("active").await?;
            let matched = self.match_window(&mut tx, &active, (from, to)).await?;
            drop(tx);
            let exchange = self.clone();
            let moved = self
                .writer()
                .write(move |tx| {
                    Box::pin(async move {
                        if !tx.fan_out(from, to).await? {
                            return Ok(false); // another process has done this window
                        }
                        exchange.write_deliveries(tx, matched, "active").await?;
                        Ok(true)
                    })
                })
                .await?;
            if moved {
                self.0.deliverable.notify_one();
            }
        }
    }

    /// What a window of the log is for these subscriptions.
    async fn match_window(
        &self,
        tx: &mut Tx,
        active: &[Subscription],
        window: (i64, i64),
    ) -> Result<Vec<Matched>, Refusal> {
        let directory = self.refresh().await?;
        let now = self.clock().now();
        let mut whose: BTreeMap<&str, Vec<(&Subscription, Definition)>> = BTreeMap::new();
        for one in active.iter().filter(|one| one.mark < window.1) {
            let definition = serde_json::from_str(&one.definition)?;
            whose
                .entry(&one.principal)
                .or_default()
                .push((one, definition));
        }
        let readers: Vec<(&str, Reader)> = whose
            .keys()
            .filter_map(|who| {
                let caller = access::caller(&directory, &PrincipalId::from(*who), now)?;
                Some((*who, caller.reader))
            })
            .collect();
        let mut matched = Vec::new();
        for (who, news) in self.news_together(tx, &readers, window).await? {
            for (one, definition) in whose.get(who).into_iter().flatten() {
                let fresh = news.iter().filter(|news| news.stamp > one.mark);
                matched.extend(self.matched(one, definition, fresh));
            }
        }
        Ok(matched)
    }

    /// The deliveries of one subscription out of news.
    fn matched<'a>(
        &self,
        one: &Subscription,
        definition: &Definition,
        news: impl Iterator<Item = &'a News>,
    ) -> Vec<Matched> {
        let now = self.clock().now_micros();
        let in_time = definition.when.next(now);
        let mut deliveries: Vec<Matched> = Vec::new();
        for news in news.filter(|news| news.wanted(&definition.filter)) {
            let at_once = news.urgency >= definition.when.urgent || in_time <= now;
            let held = i64::from(at_once && in_time > now);
            let digest = definition.when.digest_at.is_some() && held == 0;
            let open = deliveries.iter_mut().find(|one| digest && one.lane == 0);
            match open {
                Some(open) => open.stamps.push(news.stamp),
                None => deliveries.push(Matched {
                    subscription: one.id.clone(),
                    lane: held,
                    next_at: if at_once { now } else { in_time },
                    stamps: vec![news.stamp],
                }),
            }
        }
        deliveries
    }

    async fn write_deliveries(
        &self,
        tx: &mut Tx,
        matched: Vec<Matched>,
        state: &str,
    ) -> Result<(), Refusal> {
        let now = self.clock().now_micros();
        let mut by_subscription: BTreeMap<String, Vec<Matched>> = BTreeMap::new();
        for one in matched {
            by_subscription
                .entry(one.subscription.clone())
                .or_default()
                .push(one);
        }
        for (subscription, deliveries) in by_subscription {
            let count = i64::try_from(deliveries.len()).unwrap_or(i64::MAX);
            let Some(first) = tx.number_deliveries(&subscription, count, state).await? else {
                continue; // it ended since, or was paused before this window
            };
            for (number, one) in (first..).zip(deliveries) {
                let stamps = serde_json::to_string(&one.stamps)?;
                // From the subscription and its own entries: it tells nothing of others' (law 4).
                let id = self
                    .secret()
                    .uuid("delivery", &[&subscription, &stamps])
                    .to_string();
                tx.add_delivery(&Delivery {
                    id: format!("msg_{id}"),
                    subscription: subscription.clone(),
                    number,
                    lane: one.lane,
                    stamps,
                    created_at: now,
                    state: String::new(),
                    next_at: one.next_at,
                    attempts: 0,
                })
                .await?;
            }
        }
        Ok(())
    }

    /// Those that were paused or stopped, and go on: what came meanwhile, page by page.
    async fn catch_up_subscriptions(&self) -> Result<(), Refusal> {
        let behind = self.db().read().await?.subscriptions_in("behind").await?;
        for one in behind {
            let mut tx = self.db().read().await?;
            let (to, position) = (tx.fanned_out().await?, one.mark);
            let definition: Definition = serde_json::from_str(&one.definition)?;
            let mut matched = Vec::new();
            if let Some((_, view)) = self.view_for(&mut tx, &one.principal).await? {
                let news = self.everything_after(&mut tx, &view, position, to).await?;
                matched = self.matched(&one, &definition, news.iter());
            }
            drop(tx);
            let exchange = self.clone();
            self.writer()
                .write(move |tx| {
                    Box::pin(async move {
                        let present = tx.subscription(&one.id).await?;
                        let same = present
                            .is_some_and(|now| now.state == "behind" && now.mark == position);
                        // What was released since is another window's, if nobody moved it since.
                        if !same || tx.fanned_out().await? != to {
                            return Ok(());
                        }
                        exchange.write_deliveries(tx, matched, "behind").await?;
                        Ok(tx.advance_subscription(&one.id, to, "active").await?)
                    })
                })
                .await?;
            self.0.deliverable.notify_one();
        }
        Ok(())
    }

    async fn view_for(
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
            sendings.extend(self.sending(delivery, attempt, now).await?);
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
        let stamps: Vec<i64> = serde_json::from_str(&delivery.stamps)?;
        let mut items = Vec::with_capacity(stamps.len());
        if let Some((_, view)) = self.view_for(&mut tx, &one.principal).await? {
            for stamp in stamps {
                if let Some(news) = self.news_at(&mut tx, &view.scope, stamp).await? {
                    items.push((stamp, news));
                }
            }
            drop(tx);
            let full = wants_content(&definition);
            let kept: Vec<i64> = items
                .iter()
                .filter(|_| full)
                .map(|(stamp, _)| *stamp)
                .collect();
            // Whoever is handed an item is known to whoever takes it back, before it leaves (law 8).
            if !kept.is_empty() && !self.hand_over(&view, kept.clone()).await? {
                return Ok(None); // taken back this moment: the claim ends, and it is asked again
            }
            return Ok(Some(Sending {
                id: delivery.id,
                attempt,
                subscription: one.id,
                definition,
                secrets,
                items: items
                    .into_iter()
                    .map(|(stamp, news)| Told {
                        content: kept.contains(&stamp).then(|| news.content()),
                        line: news.line,
                        tlp: news.tlp,
                    })
                    .collect(),
                at: now,
            }));
        }
        Ok(Some(Sending {
            id: delivery.id,
            attempt,
            subscription: one.id,
            definition,
            secrets,
            items: Vec::new(),
            at: now,
        }))
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
                            tx.end_delivery(&id, "delivered").await?;
                            tx.subscription_worked(&subscription).await?;
                        }
                        Outcome::Withheld => {
                            tx.end_attempt(&id, attempt, now, "withheld").await?;
                            tx.end_delivery(&id, "withheld").await?;
                        }
                        Outcome::Gone => {
                            tx.end_attempt(&id, attempt, now, "status 410").await?;
                            tx.retry_delivery(&id, now).await?;
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
                                &id,
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

    /// Forgets settled deliveries that are older than a month.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_old_deliveries(&self) -> Result<(), Refusal> {
        let before = self.clock().now_micros() - KEPT_MICROS;
        self.writer()
            .write(move |tx| Box::pin(async move { Ok(tx.forget_old_deliveries(before).await?) }))
            .await
    }

    /// Waits until there may be something to deliver, at most a fifth of a second.
    pub async fn deliverable(&self) {
        let wait = std::time::Duration::from_millis(200);
        let _ = tokio::time::timeout(wait, self.0.deliverable.notified()).await;
    }
}

/// Whether the item itself is wanted in a delivery, and not only that there is one.
fn wants_content(definition: &Definition) -> bool {
    let crate::subscription::Channel::Webhook { content, .. } = &definition.channel;
    *content == Content::Full
}

async fn failed(
    tx: &mut Tx,
    id: &str,
    subscription: &str,
    again: Option<i64>,
    now: i64,
) -> Result<(), Refusal> {
    if let Some(at) = again {
        tx.retry_delivery(id, at).await?;
        tx.rest_subscription(subscription, at).await?;
        return Ok(());
    }
    tx.end_delivery(id, "dead").await?;
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
async fn stop(tx: &mut Tx, subscription: &str, reason: &str, now: i64) -> Result<(), Refusal> {
    let Some(one) = tx.subscription(subscription).await? else {
        return Ok(());
    };
    let mark = if one.state == "behind" {
        one.mark
    } else {
        tx.fanned_out().await?.max(one.mark)
    };
    tx.set_subscription(subscription, "stopped", reason, mark)
        .await?;
    let decision = json!({
        "decision": "subscription.stopped", "subscription": subscription, "reason": reason,
    });
    super::record(tx, now, &[], &decision).await
}
