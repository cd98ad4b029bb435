//! From a peer to the hub: page by page after the mark, which moves once what a page brought is
//! committed. What a server leaves out is made up for, as long as nothing is lost by it: an object too
//! many is no news, an object too few would be.

use std::collections::BTreeSet;

use chrono::DateTime;

use super::Round;
use super::client::{Answer, Trouble};
use super::page::{Mark, Page, last_in_manifest};
use crate::exchange::peers::{Arrived, Step};
use crate::exchange::secret::sha256;

/// So many objects are asked for at once.
const LIMIT: usize = 200;

/// So many where a page of fewer ends before the next instant.
const LIMIT_MAX: usize = 10_000;

/// A round ends after so many pages; the next goes on from there.
const PAGES_MAX: usize = 10_000;

/// Where a server gives no marks, a round begins so long before the last one began: an object that was
/// being added then is asked for again.
const OVERLAP_MICROS: i64 = 300 * 1_000_000;

impl Round<'_> {
    /// One round. The mark is a peer's time stamp.
    pub(super) async fn pull(&self, mark: Option<String>) -> Result<(), Trouble> {
        let mut mark = mark.as_deref().and_then(Mark::read);
        // Of pages, how far they reached; the mark stays just before that while more follows, since
        // the rest of one instant may be on the next page.
        let mut reached = mark.clone();
        let mut after = mark.clone();
        let mut next: Option<String> = None;
        let mut seen = BTreeSet::new();
        let mut limit = LIMIT;
        let mut began = None;
        let mut without_marks = false;
        for _ in 0..PAGES_MAX {
            let answer = match self.page(after.as_ref(), next.as_deref(), limit).await {
                Err(Trouble::TooLong) if limit > 1 => {
                    limit = (limit / 4).max(1);
                    continue;
                }
                other => other?,
            };
            let began = *began.get_or_insert_with(|| self.server_time(&answer));
            let page = Page::read(&answer)?;
            let mut last = page.last.clone();
            let ahead = |last: &Option<Mark>, mark: &Option<Mark>| {
                let last = last.as_ref().map(|last| last.micros);
                last.is_some() && last > mark.as_ref().map(|mark| mark.micros)
            };
            // No mark, or one that is cut and so does not lead beyond this page.
            let stuck = page.more && page.next.is_none() && !ahead(&last, &reached);
            if !page.objects.is_empty() && !without_marks && (last.is_none() || stuck) {
                let manifest = self
                    .manifest(after.as_ref(), next.as_deref(), limit)
                    .await?;
                last = manifest
                    .and_then(|manifest| last_in_manifest(&manifest, &page))
                    .or(last);
                without_marks |= last.is_none();
            }
            let moved = ahead(&last, &reached);
            let empty = page.objects.is_empty();
            // The same cursor with other objects is the next page: medallion keeps one for all.
            let anew = seen.insert((page.next.clone(), sha256(&answer.body)));
            let arrived = match empty {
                true => Arrived::default(),
                false => self.exchange.arrive(&self.arrival(), page.objects).await?,
            };
            let done = !page.more;
            if moved {
                reached = last;
            }
            let so_far = match (&reached, done) {
                (Some(reached), false) => Some(reached.before()),
                (reached, _) => reached.clone(),
            };
            if !without_marks && ahead(&so_far, &mark) {
                mark = so_far;
            } else if done && without_marks {
                // The server's own clock, so that nobody's clock is compared with another's.
                let own = Mark::at(began.saturating_sub(OVERLAP_MICROS));
                if ahead(&Some(own.clone()), &mark) {
                    mark = Some(own);
                }
            }
            self.step(Step {
                mark: mark.as_ref().map(|mark| mark.text.clone()),
                passed: arrived.passed,
                refused: arrived.refused,
                news: arrived.news,
            })
            .await?;
            if done {
                return Ok(());
            }
            match page.next {
                // The same filters with every cursor: some servers forget them, some insist.
                Some(cursor) if anew => next = Some(cursor),
                Some(_) => return Err(Trouble::Repeats("it gives the same page again")),
                None if moved && !without_marks => {
                    after = reached.as_ref().map(Mark::before);
                    next = None;
                    limit = LIMIT;
                }
                None if without_marks => {
                    return Err(Trouble::Repeats(
                        "it says that there is more, and gives neither cursor nor mark",
                    ));
                }
                None if !empty && limit < LIMIT_MAX => limit *= 4,
                None => {
                    return Err(Trouble::Repeats(
                        "it says that there is more, and its mark stays where it is",
                    ));
                }
            }
        }
        Ok(())
    }

    async fn page(
        &self,
        after: Option<&Mark>,
        next: Option<&str>,
        limit: usize,
    ) -> Result<Answer, Trouble> {
        self.list("objects", after, next, limit).await
    }

    /// The manifest of the same page; many servers have none, or none that helps.
    async fn manifest(
        &self,
        after: Option<&Mark>,
        next: Option<&str>,
        limit: usize,
    ) -> Result<Option<Answer>, Trouble> {
        match self.list("manifest", after, next, limit).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Trouble::Status { status, .. }) if status.is_client_error() => Ok(None),
            Err(Trouble::Unreadable(_) | Trouble::TooLong | Trouble::Elsewhere) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn list(
        &self,
        what: &str,
        after: Option<&Mark>,
        next: Option<&str>,
        limit: usize,
    ) -> Result<Answer, Trouble> {
        let limit = limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(after.map(|mark| ("added_after", mark.text.as_str())));
        query.extend(next.map(|next| ("next", next)));
        let collection = &self.held.place.collection;
        let path = format!("collections/{collection}/{what}");
        self.client.get(&path, &query).await
    }

    /// When the server says that it answered; else the hub's own time.
    fn server_time(&self, answer: &Answer) -> i64 {
        let date = answer.header("date");
        date.and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .map_or_else(
                || self.exchange.clock().now_micros(),
                |date| date.timestamp_micros(),
            )
    }
}
