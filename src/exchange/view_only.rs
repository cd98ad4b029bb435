//! What a reader may look at and not take: listed without its content, with the reason, so that the
//! reader's own body knows what it would have to declare.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Exchange;
use super::access::Caller;
use super::portions::Rules;
use super::refusal::Refusal;
use crate::handling::{Channel, Decision, decide};
use crate::stix::timestamp::format_taxii;
use crate::store::feed::Query;

/// A report that the reader gets no copy of.
#[derive(Clone, Debug, Serialize)]
pub struct ViewOnly {
    /// Its id on the hub's pages.
    pub id: String,
    /// `incident_cause`, `best_practice`, ….
    pub kind: String,
    /// TLP label.
    pub tlp: String,
    /// When it was released.
    pub released_at: String,
    /// What the reader's body has not declared it can honour.
    pub because: String,
}

impl Exchange {
    /// Reports that the caller may only look at, newest first, with the cursor of the rest.
    ///
    /// # Errors
    /// When the database fails, or the cursor is not one of the hub's.
    pub async fn view_only(
        &self,
        caller: &Caller,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<ViewOnly>, Option<String>), Refusal> {
        let mark = match cursor {
            None => None,
            Some(cursor) => Some(self.number("view-only", cursor)?),
        };
        let copies = self.view(Some(caller), Channel::Rest).await?;
        let mut looks = self.view(Some(caller), Channel::Console).await?;
        let handed: BTreeSet<i64> = copies.scope.audiences.into_iter().collect();
        looks
            .scope
            .audiences
            .retain(|audience| !handed.contains(audience));
        let query = Query {
            mark,
            descending: true,
            limit,
            reports: true,
            ..Query::default()
        };
        let mut tx = self.db().read().await?;
        let (entries, more) = tx.page(&looks.scope, &query).await?;
        let next = entries
            .last()
            .filter(|_| more)
            .map(|last| self.secret().seal("view-only", &last.stamp.to_be_bytes()));
        let mut list = Vec::new();
        for entry in entries {
            let Some(version) = tx
                .item_version(entry.item_version.unwrap_or_default())
                .await?
            else {
                continue;
            };
            let rules = Rules::of(&mut tx, &version).await?;
            let access = &rules.shown(&entry.form).access;
            let now = self.clock().now();
            let Decision::Deny(why) = decide(access, &caller.reader, Channel::Rest, now) else {
                continue; // another of the reader's places takes a copy
            };
            list.push(ViewOnly {
                id: entry.stix_id.trim_start_matches("report--").to_owned(),
                kind: entry.kind,
                tlp: access.tlp.to_string(),
                released_at: format_taxii(entry.stamp),
                because: why.to_string(),
            });
        }
        Ok((list, next))
    }
}
