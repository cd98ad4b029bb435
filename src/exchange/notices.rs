//! Notices to those who had an item that its source took back: over REST with an acknowledgement,
//! and over TAXII as a note on the ids that the reader had.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::gate::intern;
use super::refusal::Refusal;
use super::release::new_object;
use super::supports::{id_of, withheld_creator};
use super::{Exchange, Tx, record};
use crate::handling::{Audience, Form, PrincipalId, Tlp};
use crate::stix::marking;
use crate::stix::timestamp::format_stix;
use crate::stix::timestamp::format_taxii;
use crate::store::receipts::Notice;
use crate::store::{ItemVersion, NewRelease};

/// Stamps of one note: its marking, its creator, itself.
const STAMPS: i64 = 3;

/// Places for the notes of one act.
const PLACES: i64 = 256;

/// So many notices are listed, the newest.
const LISTED_MAX: i64 = 1000;

/// A notice as its reader sees it.
#[derive(Clone, Debug, Serialize)]
pub struct NoticeView {
    /// Its id.
    pub id: String,
    /// `withdrawn`, or `recalled`, which asks for an acknowledgement.
    pub kind: String,
    /// The STIX ids that this reader had.
    pub objects: Value,
    /// What the source says.
    pub reason: String,
    /// When.
    pub at: String,
    /// When it was acknowledged.
    pub acknowledged_at: Option<String>,
}

impl Exchange {
    /// The caller's notices, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notices(&self, caller: &Caller) -> Result<Vec<NoticeView>, Refusal> {
        let mut tx = self.db().read().await?;
        let notices = tx
            .notices_to(caller.principal.id.as_str(), LISTED_MAX)
            .await?;
        notices
            .into_iter()
            .map(|notice| {
                Ok(NoticeView {
                    id: notice.id,
                    kind: notice.kind,
                    objects: serde_json::from_str(&notice.objects)?,
                    reason: notice.reason,
                    at: format_taxii(notice.at),
                    acknowledged_at: notice.acknowledged_at.map(format_taxii),
                })
            })
            .collect()
    }

    /// Acknowledges a notice: the reader says that the copies are gone.
    ///
    /// # Errors
    /// When the caller has no such notice, or has acknowledged it.
    pub async fn acknowledge(
        &self,
        caller: &Caller,
        id: &str,
        comment: &str,
    ) -> Result<(), Refusal> {
        let who = caller.principal.id.as_str();
        let notice = self.db().read().await?.notice(id, who).await?;
        let notice = notice.ok_or(Refusal::NotFound)?;
        if notice.acknowledged_at.is_some() {
            return Err(Refusal::Conflict(
                "the notice is acknowledged already".to_owned(),
            ));
        }
        let (who, body) = (caller.principal.id.to_string(), caller.body.id.to_string());
        let (id, comment, now) = (id.to_owned(), comment.to_owned(), self.clock().now_micros());
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    if tx.acknowledge(&id, &who, &comment, now).await? {
                        let decision = json!({
                            "decision": "notice.acknowledged", "notice": id, "by": who,
                        });
                        record(tx, now, &[&body], &decision).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Tells each reader who had entries of a version which ids to drop.
    pub(super) async fn notify(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        kind: &str,
        reason: &str,
        had: &BTreeMap<String, BTreeSet<String>>,
        now: i64,
    ) -> Result<(), Refusal> {
        let key = version.key.to_string();
        let mut groups: BTreeMap<&BTreeSet<String>, BTreeSet<PrincipalId>> = BTreeMap::new();
        for (who, ids) in had {
            let at = now.to_string();
            let notice = Notice {
                id: self.secret().uuid("notice", &[&key, who, &at]).to_string(),
                principal: who.clone(),
                item_version: version.key,
                kind: kind.to_owned(),
                objects: serde_json::to_string(ids)?,
                reason: reason.to_owned(),
                at: now,
                acknowledged_at: None,
                comment: None,
            };
            tx.notify(&notice).await?;
            let readers = groups.entry(ids).or_default();
            readers.insert(PrincipalId::from(who.as_str()));
        }
        // Each group's stamps have a place of their own, wherever the others are: what a reader is
        // told does not say how many others are told something else (law 4).
        let wanted = i64::try_from(groups.len()).unwrap_or(PLACES).max(1);
        let places = wanted.max(PLACES);
        let first = tx
            .take("stamp", now, places * STAMPS + wanted * STAMPS)
            .await?;
        let mut taken = BTreeSet::new();
        for (row, (ids, persons)) in (0..).zip(groups) {
            let list: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut place = self.secret().place("notice", &list, places);
            while !taken.insert(place) {
                place = (place + 1) % places;
            }
            let stamps = first + place * STAMPS;
            let rows = first + places * STAMPS + row * STAMPS;
            self.note(tx, version, kind, reason, ids, persons, (stamps, rows), now)
                .await?;
        }
        Ok(())
    }

    /// The note for clients that only speak TAXII.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call site; each is a fact of the note"
    )]
    async fn note(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        kind: &str,
        reason: &str,
        ids: &BTreeSet<String>,
        persons: BTreeSet<PrincipalId>,
        (first, row): (i64, i64),
        now: i64,
    ) -> Result<(), Refusal> {
        let list: Vec<&str> = ids.iter().map(String::as_str).collect();
        let key = version.key.to_string();
        let mut parts = vec![key.as_str()];
        parts.extend(&list);
        let creator = withheld_creator(self.secret());
        let tlp = marking::tlp_marking(Tlp::AmberStrict);
        let made = format_stix(now);
        let asks = match kind {
            "recalled" => " Delete every copy and acknowledge the notice on the hub.",
            _ => "",
        };
        let note = json!({
            "type": "note", "spec_version": "2.1",
            "id": self.secret().stix_id("note", "notice", &parts),
            "created_by_ref": id_of(&creator), "created": made, "modified": made,
            "abstract": format!("{kind} by its source"),
            "content": format!("The source has {kind} what this note refers to.{asks} {reason}").trim(),
            "object_refs": list,
            "object_marking_refs": [id_of(&tlp)],
        });
        let audience = intern(tx, &Audience::Persons { persons }).await?;
        for (position, (object, side)) in [(tlp, "support"), (creator, "support"), (note, "notice")]
            .into_iter()
            .enumerate()
        {
            let at = i64::try_from(position).unwrap_or_default();
            let stored = new_object(Form::Anonymised, &object, object.to_string());
            tx.add_object(row + at, None, &stored).await?;
            tx.add_release(&NewRelease {
                stamp: first + at,
                object: row + at,
                item_version: None,
                side,
                kind: "notice".to_owned(),
                twin: if side == "support" { "shared" } else { "" },
                not_after: None,
                live: true,
                report: false,
                audiences: vec![audience],
            })
            .await?;
        }
        Ok(())
    }
}
