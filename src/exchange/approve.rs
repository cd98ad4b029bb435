//! Consents: who is asked, what they said, and the release that follows.

use serde::Serialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::hold::Hold;
use super::refusal::Refusal;
use super::settle::item_name;
use super::{Exchange, Tx, record};
use crate::handling::{Approver, BodyId, Seat};
use crate::store::ItemVersion;

/// A request for consent that the caller may answer.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The request's id.
    pub id: String,
    /// The report's id, or `None` for a posted object.
    pub report: Option<String>,
    /// The posted object's STIX id, or `None` for a report.
    pub object: Option<String>,
    /// In whose name an answer is given.
    pub approver: String,
    /// `silent`, `explicit`, `two_person`.
    pub mode: String,
    /// When the time to reply ends.
    pub due_at: Option<String>,
    /// Scheme, version and level.
    pub level: String,
    /// Why the item is held.
    pub holds: Vec<Hold>,
    /// Answers so far.
    pub votes: Vec<Value>,
}

/// What became of the item by an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Answered {
    /// The item: a report's id or a posted object's STIX id.
    pub item: String,
    /// `held`, `released`, `refused`.
    pub state: String,
    /// What still holds it.
    pub holds: Vec<Hold>,
}

impl Exchange {
    /// Requests for consent that wait for the caller, newest first, with the cursor of the rest.
    ///
    /// # Errors
    /// When the database fails, or the cursor is not one of the hub's.
    pub async fn approvals(
        &self,
        caller: &Caller,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Request>, Option<String>), Refusal> {
        let before = match cursor {
            None => i64::MAX,
            Some(cursor) => self.number("approvals", cursor)?,
        };
        let mut tx = self.db().read().await?;
        let mut waiting: Vec<(i64, Approver)> = Vec::new();
        let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        for seat in &caller.reader.seats {
            let Seat::Approver { body, role } = seat else {
                continue;
            };
            let approver = Approver::of(body, role);
            for (key, name) in tx.waiting_for(approver.as_str(), before, wanted).await? {
                waiting.push((key, Approver::from(name)));
            }
        }
        waiting.sort_by(|a, b| b.cmp(a));
        waiting.dedup();
        // A page ends between items, never between two approvers of one item.
        let mut keys: Vec<i64> = waiting.iter().map(|(key, _)| *key).collect();
        keys.dedup();
        let last = keys.get(limit.saturating_sub(1)).copied();
        let more = keys.len() > limit;
        let mut requests = Vec::new();
        for (key, approver) in waiting {
            if more && last.is_some_and(|last| key < last) {
                break;
            }
            let answered = tx.votes(key).await?.iter().any(|(who, by, ..)| {
                who == approver.as_str() && by == caller.principal.id.as_str()
            });
            if answered {
                continue; // it waits for somebody else
            }
            if let Some(version) = tx.item_version(key).await? {
                requests.push(self.request(&mut tx, &version, &approver).await?);
            }
        }
        let next = last
            .filter(|_| more)
            .map(|last| self.secret().seal("approvals", &last.to_be_bytes()));
        Ok((requests, next))
    }

    pub(super) fn number(&self, purpose: &str, sealed: &str) -> Result<i64, Refusal> {
        self.secret()
            .open(purpose, sealed)
            .and_then(|bytes| bytes.try_into().ok())
            .map(i64::from_be_bytes)
            .ok_or_else(|| {
                Refusal::fault(
                    "cursor",
                    "cursor",
                    "the cursor is not one this hub gave for this list",
                )
            })
    }

    async fn request(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        approver: &Approver,
    ) -> Result<Request, Refusal> {
        let asked = tx.asked(version.key).await?;
        let this = asked.iter().find(|one| one.approver == approver.as_str());
        let votes = tx.votes(version.key).await?;
        let object = version
            .value
            .item
            .split_once(' ')
            .map(|(_, id)| id.to_owned());
        Ok(Request {
            id: self
                .secret()
                .seal("approval", format!("{} {approver}", version.key).as_bytes()),
            report: object.is_none().then(|| version.value.item.clone()),
            object,
            approver: approver.to_string(),
            mode: this.map(|one| one.mode.clone()).unwrap_or_default(),
            due_at: this
                .and_then(|one| one.due_at)
                .map(crate::stix::timestamp::format_taxii),
            level: version.value.level.clone(),
            holds: serde_json::from_str(&version.value.holds)?,
            votes: votes
                .into_iter()
                .map(|(who, by, yes, comment, at)| {
                    // Another body's people are its own; that it answered is all that shows.
                    let own = body_of(&who) == body_of(approver.as_str());
                    json!({
                        "approver": own.then_some(who), "by": own.then_some(by), "yes": yes,
                        "comment": own.then_some(comment),
                        "at": crate::stix::timestamp::format_taxii(at),
                    })
                })
                .collect(),
        })
    }

    /// Answers a request for consent.
    ///
    /// # Errors
    /// When there is no such request for the caller, it is the caller's own item, or it was
    /// answered before.
    pub async fn answer(
        &self,
        caller: &Caller,
        request: &str,
        yes: bool,
        comment: &str,
    ) -> Result<Answered, Refusal> {
        let opened = self
            .secret()
            .open("approval", request)
            .ok_or(Refusal::NotFound)?;
        let text = String::from_utf8(opened).map_err(|_| Refusal::NotFound)?;
        let (key, approver) = text.split_once(' ').ok_or(Refusal::NotFound)?;
        let key: i64 = key.parse().map_err(|_| Refusal::NotFound)?;
        let approver = Approver::from(approver);
        let (exchange, caller, comment) = (self.clone(), caller.clone(), comment.to_owned());
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    exchange
                        .answer_in(tx, &caller, key, &approver, yes, &comment)
                        .await
                })
            })
            .await
    }

    async fn answer_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        key: i64,
        approver: &Approver,
        yes: bool,
        comment: &str,
    ) -> Result<Answered, Refusal> {
        let version = tx.item_version(key).await?.ok_or(Refusal::NotFound)?;
        let asked = tx.asked(key).await?;
        let asked = asked.iter().find(|one| one.approver == approver.as_str());
        let instead = asked
            .and_then(|one| one.superior.as_deref())
            .map(Approver::from);
        let may = |who: &Approver| caller.directory.may_answer_for(&caller.principal, who);
        if !may(approver) && !instead.as_ref().is_some_and(may) {
            return Err(Refusal::NotFound);
        }
        if version.value.submitter == caller.principal.id.as_str() {
            return Err(Refusal::Forbidden(
                "a submitter never approves the own item".to_owned(),
            ));
        }
        if version.value.state != "held" {
            return Err(Refusal::Conflict(format!(
                "the item is {} already",
                version.value.state
            )));
        }
        let now = self.clock().now_micros();
        let name = caller.principal.id.as_str();
        if !tx
            .vote(key, approver.as_str(), name, yes, comment, now)
            .await?
        {
            return Err(Refusal::Conflict(
                "you have answered this request before".to_owned(),
            ));
        }
        let (parties, own) = (version.value.parties(), caller.body.id.as_str());
        let known = parties.contains(&own);
        let vote = |item: bool, people: bool| {
            json!({
                "decision": "vote", "yes": yes, "version": version.value.version,
                "item": item.then_some(&version.value.item),
                "approver": people.then_some(approver), "by": people.then_some(name),
                "instead": instead.as_ref().filter(|_| people),
            })
        };
        if !known {
            // The approver's body and the item's learn of each other no more than they did: the one
            // not the item's name, the other not whose people answered.
            record(tx, now, &[own], &vote(false, true)).await?;
        }
        record(tx, now, &parties, &vote(true, known)).await?;
        let directory = &caller.directory;
        let (state, holds) = self.settle_consents(tx, directory, &version, now).await?;
        Ok(Answered {
            item: item_name(&version),
            state,
            holds,
        })
    }
}

/// The body an approver speaks for.
fn body_of(approver: &str) -> Option<BodyId> {
    let approver = Approver::from(approver);
    approver.parts().map(|(body, _)| BodyId::from(body))
}
