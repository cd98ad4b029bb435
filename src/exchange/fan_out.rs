//! From the release log to deliveries.
//!
//! The log is the outbox (ADR 0016): what a transaction released is in it, so a delivery is lost only
//! with the release. One counter says up to where the log has become deliveries; whoever moves it
//! writes the deliveries of that window in the same transaction, so each is written once, whichever
//! process does it. A subscriber for whom much waits already falls behind, and catches up by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::listen::next_look;
use super::news::News;
use super::refusal::Refusal;
use super::{Exchange, Tx, access};
use crate::handling::{PrincipalId, Reader};
use crate::store::{Delivery, Subscription};
use crate::subscription::Definition;

/// So many entries of the log become deliveries in one transaction.
const WINDOW: i64 = 2_000;

/// So many entries are caught up with at once.
const CATCH_UP: usize = 500;

/// When so many deliveries wait for one subscriber, no more are written for the time being: the log
/// keeps them.
const WAITING_MAX: i64 = 1_000;

/// One delivery, which is a digest, holds so many items at most.
const DIGEST_MAX: usize = 500;

/// A delivery to write.
struct Wanted {
    lane: i64,
    next_at: i64,
    /// Whether it may go with others that are due at the same instant.
    digest: bool,
    stamp: i64,
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
        loop {
            self.catch_up_subscriptions().await?;
            let mut tx = self.db().read().await?;
            let from = tx.fanned_out().await?;
            let newest = tx.newest().await?.0.unwrap_or(0);
            if from >= newest {
                return Ok(());
            }
            let to = tx.window_end(from, WINDOW).await?.unwrap_or(newest);
            let active = tx.subscriptions_in("active").await?;
            let matched = self.match_window(&mut tx, &active, (from, to)).await?;
            drop(tx);
            let asked: BTreeSet<String> = active.iter().map(|one| one.id.clone()).collect();
            let exchange = self.clone();
            let moved = self
                .writer()
                .write(move |tx| {
                    Box::pin(async move {
                        if !tx.fan_out(from, to).await? {
                            return Ok(false); // another process has done this window
                        }
                        // Who caught up since the window was looked at has not been asked about it.
                        for (id, mark) in tx.active_within(from, to).await? {
                            if !asked.contains(&id) {
                                tx.leave_behind(&id, mark).await?;
                            }
                        }
                        for (one, deliveries) in matched {
                            if tx.count_waiting(&one.id).await? >= WAITING_MAX {
                                tx.leave_behind(&one.id, from.max(one.mark)).await?;
                                continue;
                            }
                            exchange
                                .write_deliveries(tx, &one.id, deliveries, "active")
                                .await?;
                        }
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
    ) -> Result<Vec<(Subscription, Vec<Wanted>)>, Refusal> {
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
                let deliveries = self.wanted(definition, fresh);
                if !deliveries.is_empty() {
                    matched.push(((*one).clone(), deliveries));
                }
            }
        }
        Ok(matched)
    }

    /// What of some news a subscription wants, and when.
    fn wanted<'a>(
        &self,
        definition: &Definition,
        news: impl Iterator<Item = &'a News>,
    ) -> Vec<Wanted> {
        let now = self.clock().now_micros();
        let in_time = definition.when.next(now);
        let wish = self.wish(definition.filter.clone());
        let wanted = news.filter(|news| wish.wants(news));
        wanted
            .map(|news| {
                let urgent = news.urgency >= definition.when.urgent;
                let waits = in_time > now;
                Wanted {
                    lane: i64::from(urgent && waits),
                    next_at: if urgent { now } else { in_time },
                    digest: definition.when.digest_at.is_some() && !urgent,
                    stamp: news.stamp,
                }
            })
            .collect()
    }

    async fn write_deliveries(
        &self,
        tx: &mut Tx,
        subscription: &str,
        wanted: Vec<Wanted>,
        state: &str,
    ) -> Result<(), Refusal> {
        let now = self.clock().now_micros();
        for one in wanted {
            if one.digest && self.join_digest(tx, subscription, &one).await? {
                continue;
            }
            let Some(number) = tx.number_deliveries(subscription, 1, state).await? else {
                return Ok(()); // it ended since, or was paused before this window
            };
            // From the subscription and its own deliveries: it tells nothing of others' (law 4).
            let id = self
                .secret()
                .uuid("delivery", &[subscription, &number.to_string()]);
            tx.add_delivery(&Delivery {
                id: format!("msg_{id}"),
                subscription: subscription.to_owned(),
                number,
                lane: one.lane,
                stamps: serde_json::to_string(&[one.stamp])?,
                created_at: now,
                state: String::new(),
                next_at: one.next_at,
                attempts: 0,
            })
            .await?;
        }
        Ok(())
    }

    /// Adds an entry to the digest that waits for the same hour; `false` where there is none.
    async fn join_digest(
        &self,
        tx: &mut Tx,
        subscription: &str,
        one: &Wanted,
    ) -> Result<bool, Refusal> {
        let Some((id, stamps)) = tx.open_digest(subscription, one.next_at).await? else {
            return Ok(false);
        };
        let mut stamps: Vec<i64> = serde_json::from_str(&stamps)?;
        if stamps.len() >= DIGEST_MAX {
            return Ok(false);
        }
        stamps.push(one.stamp);
        tx.fill_digest(&id, &serde_json::to_string(&stamps)?)
            .await?;
        Ok(true)
    }

    /// Those that are behind go on, so many entries at a time. What goes wrong for one of them is not
    /// the others' concern.
    async fn catch_up_subscriptions(&self) -> Result<(), Refusal> {
        let behind = self.db().read().await?.subscriptions_in("behind").await?;
        for one in behind {
            let id = one.id.clone();
            if let Err(error) = self.catch_up_with(one).await {
                tracing::error!(%error, id, "a subscription could not catch up");
            }
        }
        Ok(())
    }

    async fn catch_up_with(&self, one: Subscription) -> Result<(), Refusal> {
        let mut tx = self.db().read().await?;
        if tx.count_waiting(&one.id).await? >= WAITING_MAX / 2 {
            return Ok(());
        }
        let (to, position) = (tx.fanned_out().await?, one.mark);
        let definition: Definition = serde_json::from_str(&one.definition)?;
        let (mut wanted, mut reached) = (Vec::new(), to);
        if let Some((_, view)) = self.view_for(&mut tx, &one.principal).await? {
            let mut scope = view.scope;
            scope.newest = Some(to);
            let (found, more) = self
                .news_within(&mut tx, &scope, Some(position), CATCH_UP)
                .await?;
            if let (true, Some((last, _))) = (more, found.last()) {
                reached = *last;
            }
            let news: Vec<News> = found.into_iter().filter_map(|(_, news)| news).collect();
            wanted = self.wanted(&definition, news.iter());
        }
        drop(tx);
        let exchange = self.clone();
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    let present = tx.subscription(&one.id).await?;
                    let same = |now: &Subscription| now.state == "behind" && now.mark == position;
                    if !present.is_some_and(|now| same(&now)) {
                        return Ok(()); // another process has gone on, or its owner paused it
                    }
                    exchange
                        .write_deliveries(tx, &one.id, wanted, "behind")
                        .await?;
                    // Active is who has all up to where the log has become deliveries.
                    let active = tx.fanned_out().await? == reached;
                    let state = if active { "active" } else { "behind" };
                    Ok(tx.advance_subscription(&one.id, reached, state).await?)
                })
            })
            .await?;
        self.0.deliverable.notify_one();
        Ok(())
    }
}
