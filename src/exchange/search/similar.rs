//! Similar cases: which of the reader's other reports share what with one of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::super::gate::View;
use super::super::read::{READS_MAX, ReportView, changing, present};
use super::super::refusal::Refusal;
use super::walk::{Beside, Look, prepared_of, walk};
use super::{Count, Filters, LOOKED_AT_MAX, PAGE_MAX, kinds};
use crate::exchange::Exchange;
use crate::search::similar::Traits;
use crate::store::Entry;
use crate::store::feed::Content;

/// Something that both reports have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// `sub_cause`, `cause_type`, `event_type`, `product`, `indicator`, `word`, ….
    pub shared: String,
    /// What.
    pub value: String,
}

/// A report that is like another.
#[derive(Debug, Serialize)]
pub struct Like {
    /// Its id, for this reader.
    pub id: String,
    /// How much both share.
    pub score: u64,
    /// What they share.
    pub reasons: Vec<Reason>,
    /// The report as this reader has it.
    pub report: ReportView,
}

/// The reports that are like one, most alike first.
#[derive(Debug, Serialize)]
pub struct Similar {
    /// They.
    pub items: Vec<Like>,
    /// Always nothing: what is least alike is not asked for.
    pub next: Option<String>,
    /// How many were compared.
    pub matches: Count,
}

impl Exchange {
    /// The reader's reports that are like one of them; `None` where there is no such report for this
    /// reader.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn similar(
        &self,
        view: &View,
        id: &str,
        limit: usize,
    ) -> Result<Option<Similar>, Refusal> {
        for _ in 0..READS_MAX {
            let Some((similar, stamps)) = self.similar_once(view, id, limit).await? else {
                return Ok(None);
            };
            if self.hand_over(view, stamps).await? {
                return Ok(Some(similar));
            }
        }
        Err(changing())
    }

    async fn similar_once(
        &self,
        view: &View,
        id: &str,
        limit: usize,
    ) -> Result<Option<(Similar, Vec<i64>)>, Refusal> {
        let _turn = self.turn().await?;
        let mut tx = self.db().read().await?;
        let Some(own) = present(&mut tx, view, id).await? else {
            return Ok(None);
        };
        let traits = |entry: &Entry| Traits::of(&prepared_of(entry));
        let these = traits(&own);
        let judge = |entry: Entry, _: Beside| {
            let others = traits(&entry);
            let other = entry.stix_id != own.stix_id && these.compares(&others);
            other.then_some((entry, others))
        };
        let mut similar = Similar {
            items: Vec::new(),
            next: None,
            matches: Count {
                counted: 0,
                complete: true,
            },
        };
        let Some(wanted) = these.wanted() else {
            return Ok(Some((similar, Vec::new())));
        };
        let look = Look {
            wanted,
            kinds: kinds(own.kind == crate::report::drill::KIND),
            mark: None,
            from: None,
            filters: Filters::default(),
            limit: LOOKED_AT_MAX,
            content: Content::Folded,
            tlp: false,
            feedback: None,
        };
        let mut found = walk(&mut tx, &view.scope, &look, &judge).await?;
        let complete = found.len() <= LOOKED_AT_MAX;
        found.truncate(LOOKED_AT_MAX);
        let counted = found.len();
        let all = std::iter::once(&these).chain(found.iter().map(|(_, traits)| traits));
        let having = Traits::having(all);
        let mut scored: Vec<_> = found
            .into_iter()
            .map(|(entry, others)| (these.shared(&others, counted + 1, &having), entry))
            .collect();
        scored.sort_by_key(|(shared, entry)| (Reverse(shared.score), Reverse(entry.stamp)));
        scored.truncate(limit.clamp(1, PAGE_MAX));
        // What they share is of this one too.
        let mut stamps = vec![own.stamp];
        similar.matches = Count { counted, complete };
        let wanted: Vec<i64> = scored.iter().map(|(_, entry)| entry.stamp).collect();
        let whole = tx.with_reports(&view.scope, &look.kinds, &wanted).await?;
        let mut whole: BTreeMap<i64, Entry> = whole.into_iter().map(|e| (e.stamp, e)).collect();
        for (shared, entry) in scored {
            let Some(entry) = whole.remove(&entry.stamp) else {
                continue;
            };
            stamps.push(entry.stamp);
            let report = self.report_view(&mut tx, view, entry).await?;
            let reasons = shared.reasons.into_iter();
            similar.items.push(Like {
                id: report.id.clone(),
                score: shared.score,
                reasons: reasons
                    .map(|(shared, value)| Reason { shared, value })
                    .collect(),
                report,
            });
        }
        Ok(Some((similar, stamps)))
    }
}
