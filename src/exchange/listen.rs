//! Open streams: who listens, and how news reaches all of them when the log grows.
//!
//! What a listener gets is what a page would give; but a thousand listeners do not ask a thousand
//! pages. The readers of new entries are found once, those who see the same are served by one page
//! ([`super::gate`], `together`), and a line is made once. Nothing here decides who may see what.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::gate::View;
use super::news::News;
use super::refusal::Refusal;
use super::search::Wish;
use super::{Exchange, Tx, access};
use crate::handling::{Channel, PrincipalId, Reader};

/// So many lines wait for a listener who reads slowly; then it is cut off and may resume.
const WAITING_MAX: usize = 2048;

/// So many streams one principal may have at one process.
const STREAMS_MAX: usize = 32;

/// So often the log is looked at for what other processes entered.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// So many entries are read at once.
const READ_AT_ONCE: usize = 500;

/// A listener who has been told everything up to `position`.
#[derive(Debug)]
struct Follower {
    principal: PrincipalId,
    wish: Arc<Wish>,
    position: i64,
    to: mpsc::Sender<News>,
}

/// The listeners of this process, and up to where they have been told.
#[derive(Debug, Default)]
pub(super) struct Followers {
    list: Mutex<Vec<Follower>>,
    closed: AtomicBool,
    looked: AtomicI64,
}

/// Tells that the log may have grown.
#[derive(Clone, Debug)]
pub(super) struct Growth(watch::Sender<u64>);

impl Default for Growth {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Growth {
    /// Says so.
    pub fn tell(&self) {
        self.0.send_modify(|times| *times = times.wrapping_add(1));
    }

    /// Hears of it from now on.
    pub fn hear(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// Waits for word of growth, or until it is time to look all the same.
pub(super) async fn next_look(grown: &mut watch::Receiver<u64>) {
    let _ = tokio::time::timeout(LOOK_EVERY, grown.changed()).await;
    grown.mark_unchanged();
}

impl Followers {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Follower>) -> T) -> T {
        match self.list.lock() {
            Ok(mut list) => act(&mut list),
            // The list is whole whatever panicked while it was held.
            Err(poisoned) => act(&mut poisoned.into_inner()),
        }
    }
}

impl Exchange {
    /// Listens for what is entered after `position`, of what `principal` may see at each moment. The
    /// channel ends when its reader is too slow.
    #[must_use]
    pub fn listen(
        &self,
        principal: &PrincipalId,
        wish: &Arc<Wish>,
        position: i64,
    ) -> mpsc::Receiver<News> {
        let (to, from) = mpsc::channel(WAITING_MAX);
        let follower = Follower {
            principal: principal.clone(),
            wish: Arc::clone(wish),
            position,
            to,
        };
        if !self.0.followers.closed.load(Ordering::SeqCst) {
            self.0.followers.with(|list| list.push(follower));
        }
        self.0.growth.tell(); // the log may have grown since the position was looked up
        from
    }

    /// Ends every stream, since the process is about to end: clients go on at another one.
    pub fn close_streams(&self) {
        self.0.followers.closed.store(true, Ordering::SeqCst);
        self.0.followers.with(Vec::clear);
    }

    /// Whether somebody has as many streams at this process as one may.
    #[must_use]
    pub fn listens_enough(&self, principal: &PrincipalId) -> bool {
        let own = |list: &mut Vec<Follower>| {
            let mut open = list.iter().filter(|one| one.principal == *principal);
            open.by_ref().filter(|one| !one.to.is_closed()).count()
        };
        self.0.followers.with(own) >= STREAMS_MAX
    }

    /// Tells listeners what is new, again and again, for as long as it is awaited.
    pub async fn serve_streams(&self) {
        let mut grown = self.0.growth.hear();
        loop {
            if let Err(error) = self.tell_listeners().await {
                tracing::error!(%error, "listeners could not be told; trying again");
            }
            next_look(&mut grown).await;
        }
    }

    /// Tells every listener what was entered since, those who were told the same so far together.
    ///
    /// # Errors
    /// When the database fails; they are told the next time.
    pub async fn tell_listeners(&self) -> Result<(), Refusal> {
        // Taken out while they are told: whoever comes meanwhile has a position of its own.
        let mut followers = self.0.followers.with(std::mem::take);
        followers.retain(|one| !one.to.is_closed());
        let looked = self.0.followers.looked.load(Ordering::SeqCst);
        let told = self.tell_all(&mut followers, looked).await;
        if !self.0.followers.closed.load(Ordering::SeqCst) {
            self.0.followers.with(|list| list.append(&mut followers));
        }
        self.0.followers.looked.store(told?, Ordering::SeqCst);
        Ok(())
    }

    async fn tell_all(&self, followers: &mut Vec<Follower>, looked: i64) -> Result<i64, Refusal> {
        let mut tx = self.db().read().await?;
        let newest = tx.newest().await?.0.unwrap_or(0);
        if followers.iter().all(|one| one.position >= newest) {
            return Ok(newest);
        }
        let directory = self.refresh().await?;
        let now = self.clock().now();
        let mut queues: Vec<VecDeque<News>> = vec![VecDeque::new(); followers.len()];
        let mut together: Vec<(usize, Reader)> = Vec::new();
        let mut gone = vec![false; followers.len()];
        for (at, one) in followers
            .iter()
            .enumerate()
            .filter(|(_, one)| one.position < newest)
        {
            let Some(caller) = access::caller(&directory, &one.principal, now) else {
                set(&mut gone, at); // no longer in the directory
                continue;
            };
            if one.position == looked {
                together.push((at, caller.reader));
                continue;
            }
            let view = self.view_of(&mut tx, Some(&caller), Channel::Rest).await?;
            let news = self
                .everything_after(&mut tx, &view, one.position, newest)
                .await?;
            if let Some(queue) = queues.get_mut(at) {
                queue.extend(news);
            }
        }
        for (at, news) in self
            .news_together(&mut tx, &together, (looked, newest))
            .await?
        {
            if let Some(queue) = queues.get_mut(at) {
                queue.extend(news.iter().cloned());
            }
        }
        drop(tx);
        let mut queues = queues.into_iter().zip(gone);
        followers.retain_mut(|one| {
            let Some((news, gone)) = queues.next() else {
                return false;
            };
            one.position = one.position.max(newest);
            !gone
                && news
                    .into_iter()
                    .filter(|news| one.wish.wants(news))
                    .all(|news| one.to.try_send(news).is_ok())
        });
        Ok(newest)
    }

    /// What each of these readers is to be told of a window, those who see the same through one page.
    pub(super) async fn news_together<T: Copy>(
        &self,
        tx: &mut Tx,
        readers: &[(T, Reader)],
        window: (i64, i64),
    ) -> Result<Vec<(T, Arc<Vec<News>>)>, Refusal> {
        let mut told = Vec::with_capacity(readers.len());
        if readers.is_empty() || window.0 >= window.1 {
            return Ok(told);
        }
        let whom: Vec<Reader> = readers.iter().map(|(_, reader)| reader.clone()).collect();
        for group in self.together(tx, &whom, Channel::Rest, window).await? {
            let mut all = Vec::new();
            let mut mark = window.0;
            loop {
                let (found, more) = self
                    .news_within(tx, &group.scope, Some(mark), READ_AT_ONCE)
                    .await?;
                mark = found.last().map_or(mark, |(stamp, _)| *stamp);
                all.extend(found.into_iter().filter_map(|(_, news)| news));
                if !more {
                    break;
                }
            }
            let all = Arc::new(all);
            let whom = group.readers.iter().filter_map(|at| readers.get(*at));
            told.extend(whom.map(|(who, _)| (*who, Arc::clone(&all))));
        }
        Ok(told)
    }

    /// What one reader is to be told between a position and the newest entry.
    pub(super) async fn everything_after(
        &self,
        tx: &mut Tx,
        view: &View,
        position: i64,
        newest: i64,
    ) -> Result<Vec<News>, Refusal> {
        let mut scope = view.scope.clone();
        scope.newest = Some(newest);
        let (mut all, mut mark) = (Vec::new(), position);
        loop {
            let (found, more) = self
                .news_within(tx, &scope, Some(mark), READ_AT_ONCE)
                .await?;
            mark = found.last().map_or(mark, |(stamp, _)| *stamp);
            all.extend(found.into_iter().filter_map(|(_, news)| news));
            if !more {
                return Ok(all);
            }
        }
    }
}

fn set(flags: &mut [bool], at: usize) {
    if let Some(flag) = flags.get_mut(at) {
        *flag = true;
    }
}
