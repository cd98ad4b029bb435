//! Who has what: every entry handed over is noted before it leaves, so that a recall reaches all who
//! had it (law 8); and a reader's acceptance of the obligations that came with it.

use std::collections::HashSet;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::Caller;
use super::gate::View;
use super::portions::Rules;
use super::read::present;
use super::refusal::Refusal;
use super::secret::sha256;
use super::supports::obligations_of;
use super::{Exchange, Tx, record};
use crate::store::Due;

/// So many pages are remembered as noted; more only costs noting one again, which changes nothing.
const REMEMBERED_MAX: usize = 100_000;

/// Pages this process knows to be noted: the same page read again costs no write.
#[derive(Debug, Default)]
pub(super) struct Noted(Mutex<HashSet<Vec<u8>>>);

/// The event that forgets pages.
pub(super) const FORGET_PAGES: &str = "forget_pages";

/// So many pages are looked at in one transaction.
const PAGES_AT_ONCE: i64 = 200;

/// Which pages are still to be looked at.
#[derive(Debug, Serialize, Deserialize)]
struct Pages {
    until: i64,
    high: i64,
    digest: Vec<u8>,
}

impl Noted {
    fn forget(&self, page: &[u8]) {
        if let Ok(mut noted) = self.0.lock() {
            noted.remove(page);
        }
    }

    fn holds(&self, page: &[u8]) -> bool {
        self.0.lock().is_ok_and(|noted| noted.contains(page))
    }

    fn add(&self, page: Vec<u8>) {
        if let Ok(mut noted) = self.0.lock() {
            if noted.len() >= REMEMBERED_MAX {
                noted.clear();
            }
            noted.insert(page);
        }
    }
}

impl Exchange {
    /// Notes that these entries go to the reader, before they do; `false` where one of them was taken
    /// from the reader since they were read: then the page is to be read anew. So whoever gets an
    /// entry is known to whoever takes it back. Nobody logged in is nobody to tell.
    pub(super) async fn hand_over(&self, view: &View, stamps: Vec<i64>) -> Result<bool, Refusal> {
        let Some(reader) = view.reader.clone().filter(|_| !stamps.is_empty()) else {
            return Ok(true);
        };
        let page = sha256(&serde_json::to_vec(&(reader.as_str(), &stamps))?);
        if self.0.noted.holds(&page) {
            return Ok(true);
        }
        let scope = view.scope.clone();
        let (now, digest) = (self.clock().now_micros(), page.clone());
        let noted = self
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.still_read(&scope, &stamps).await? {
                        return Ok(false);
                    }
                    tx.add_served(reader.as_str(), &digest, now, &stamps)
                        .await?;
                    Ok(true)
                })
            })
            .await?;
        if noted {
            self.0.noted.add(page);
        }
        Ok(noted)
    }

    /// Lets the pages be forgotten that an erased version was on, once it is time.
    pub(super) async fn forget_pages_later(
        &self,
        tx: &mut Tx,
        key: i64,
        now: i64,
    ) -> Result<(), Refusal> {
        let entries = tx.rows_of(key).await?;
        let stamps = || entries.iter().map(|(stamp, ..)| *stamp);
        let (Some(low), Some(until)) = (stamps().min(), stamps().max()) else {
            return Ok(());
        };
        self.look_at_pages(
            tx,
            key,
            now,
            &Pages {
                until,
                high: low,
                digest: Vec::new(),
            },
        )
        .await
    }

    async fn look_at_pages(
        &self,
        tx: &mut Tx,
        key: i64,
        at: i64,
        pages: &Pages,
    ) -> Result<(), Refusal> {
        let due = Due {
            at,
            item_version: key,
            event: FORGET_PAGES.to_owned(),
            subject: serde_json::to_string(pages)?,
        };
        Ok(tx.add_due(&due).await?)
    }

    /// Forgets pages that hold nothing any more of which anybody could have to be told: a page goes
    /// when the last item on it was erased. So many at a time; the rest is due at once.
    pub(super) async fn forget_pages(&self, tx: &mut Tx, due: &Due) -> Result<(), Refusal> {
        let from: Pages = serde_json::from_str(&due.subject)?;
        let after = (from.high, from.digest.as_slice());
        let pages = tx.pages(from.until, after, PAGES_AT_ONCE).await?;
        let more = i64::try_from(pages.len()).is_ok_and(|found| found == PAGES_AT_ONCE);
        let last = pages
            .last()
            .map(|(_, digest, high, _)| (*high, digest.clone()));
        for (who, digest, _, stamps) in pages {
            if !tx.to_be_told(&stamps).await? {
                tx.forget_page(&who, &digest).await?;
                // Handed over again, it would be noted again.
                self.0.noted.forget(&digest);
            }
        }
        match last.filter(|_| more) {
            Some((high, digest)) => {
                let rest = Pages {
                    until: from.until,
                    high,
                    digest,
                };
                self.look_at_pages(tx, due.item_version, due.at, &rest)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Records that the caller accepts the obligations a report carries for it; `None` where the
    /// caller reads no such report.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accept_obligations(
        &self,
        caller: &Caller,
        view: &View,
        id: &str,
    ) -> Result<Option<serde_json::Value>, Refusal> {
        let mut tx = self.db().read().await?;
        let Some(entry) = present(&mut tx, view, id).await? else {
            return Ok(None);
        };
        let key = entry.item_version.unwrap_or_default();
        let Some(version) = tx.item_version(key).await? else {
            return Ok(None);
        };
        let rules = Rules::of(&mut tx, &version).await?;
        drop(tx);
        let obligations = obligations_of(rules.shown(&entry.form));
        let digest = sha256(obligations.to_string().as_bytes());
        let (who, body) = (caller.principal.id.to_string(), caller.body.id.to_string());
        let now = self.clock().now_micros();
        // Of the report only the id that this reader has: the source's own is not the reader's.
        let decision = json!({
            "decision": "obligations.accepted", "report": id, "by": who, "obligations": obligations,
        });
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    if tx.accept(key, &who, &digest, now).await? {
                        record(tx, now, &[&body], &decision).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(Some(json!({
            "report": id,
            "obligations": obligations,
            "accepted_at": crate::stix::timestamp::format_taxii(now),
        })))
    }
}
