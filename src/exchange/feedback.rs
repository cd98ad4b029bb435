//! Giving back: what a reader says of something received, how it reaches the source, and the answer
//! to a question.
//!
//! Law 7: feedback carries the item's rule joined with the giver's own default level. It reaches the
//! source's own people whatever that rule gives others, and names the giver no further than the rule
//! does (`giver`). What STIX has a word for is also released as an object (`object`). A giver is
//! told of nobody else's feedback.

mod answer;
pub(super) mod giver;
mod object;
mod said;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::Caller;
use super::gate::View;
use super::once::Said;
use super::refusal::{Fault, Refusal};
use super::{Exchange, Tx, record};
use crate::council::body::role;
use crate::council::{Directory, PrincipalKind};
use crate::handling::{Channel, Form, Rule};
use crate::stix::timestamp::format_taxii;
use crate::store::feed::Query;
use crate::store::feedback::FeedbackRow;
use crate::store::receipts::Notice;
use crate::store::{Entry, ItemVersion};
use giver::Giver;

pub use said::{Feedback, FeedbackKind};

/// So often one principal may speak of one item: a correspondence, and no store.
const PER_ITEM_MAX: i64 = 100;

/// What the giver is told of an act of feedback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Its id.
    pub id: String,
    /// Of what kind it is.
    #[serde(rename = "type")]
    pub kind: FeedbackKind,
    /// When it was taken.
    pub at: String,
}

/// The source's answer to a question.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// In words.
    pub text: String,
    /// When.
    pub at: String,
}

/// Feedback as one reader sees it.
#[derive(Clone, Debug, Serialize)]
pub struct FeedbackView {
    /// Its id.
    pub id: String,
    /// Who gave it, as far as the reader is told.
    pub from: Giver,
    /// When it was given.
    pub at: String,
    /// What it says; without anything once the item's content is erased.
    #[serde(flatten)]
    pub said: Value,
    /// What the source answered to a question.
    pub answer: Option<Answer>,
}

/// One thing a reader has: the entry, and the version behind it.
pub(super) struct Received {
    pub entry: Entry,
    pub version: ItemVersion,
}

impl Received {
    /// The `advisory` member of the report in the form the reader has.
    pub fn advisory(&self) -> Result<Value, Refusal> {
        let report = self.entry.report.as_deref().unwrap_or("null");
        let mut report: Value = serde_json::from_str(report)?;
        let advisory = report.get_mut("advisory").map(Value::take);
        Ok(advisory.unwrap_or_default())
    }

    /// The form the reader has it in.
    pub fn form(&self) -> Form {
        if self.entry.form == Form::Identified.word() {
            Form::Identified
        } else {
            Form::Anonymised
        }
    }
}

/// Whether the caller speaks for the source of an item: at its desk, or as the point of contact of
/// its CEPTOAR.
pub(super) fn speaks_for_source(caller: &Caller, version: &ItemVersion) -> bool {
    let body = caller.body.id.as_str();
    let own =
        version.value.submitter_body == body || version.value.operator.as_deref() == Some(body);
    let sends = caller.has(role::PUBLISHER) || caller.has(role::ADVISOR);
    own && (sends || caller.has(role::POC))
        || version.value.ceptoar == body && caller.has(role::POC)
}

/// The persons and services who speak for the source of an item.
fn sources<'a>(
    directory: &'a Directory,
    version: &'a ItemVersion,
) -> impl Iterator<Item = &'a crate::council::Principal> {
    let value = &version.value;
    directory.principals().filter(move |principal| {
        let body = principal.body.as_str();
        let own = value.submitter_body == body || value.operator.as_deref() == Some(body);
        own && (principal.has(role::PUBLISHER) || principal.has(role::ADVISOR))
            || value.ceptoar == body && principal.has(role::POC)
    })
}

/// See [`Exchange::received`].
async fn received_in(tx: &mut Tx, view: &View, id: &str) -> Result<Option<Received>, Refusal> {
    let posted = id.contains("--");
    let query = Query {
        descending: true,
        limit: 1,
        reports: !posted,
        ids: vec![if posted {
            id.to_owned()
        } else {
            format!("report--{id}")
        }],
        ..Query::default()
    };
    let (entries, _) = tx.page(&view.scope, &query).await?;
    let Some(entry) = entries.into_iter().next() else {
        return Ok(None);
    };
    let Some(key) = entry.item_version else {
        return Ok(None);
    };
    let version = tx.item_version(key).await?;
    Ok(version.map(|version| Received { entry, version }))
}

impl Exchange {
    /// A report by its id, or an object by its STIX id, as a view has it.
    pub(super) async fn received(
        &self,
        view: &View,
        id: &str,
    ) -> Result<Option<Received>, Refusal> {
        received_in(&mut self.db().read().await?, view, id).await
    }

    /// Refuses where the caller speaks of another entry than the one they have now. It is asked where
    /// what they say is written, so that nothing comes between.
    pub(super) async fn as_seen(
        &self,
        tx: &mut Tx,
        (caller, id): (&Caller, &str),
        seen: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(seen) = seen else {
            return Ok(());
        };
        let view = self.view_of(tx, Some(caller), Channel::Console).await?;
        let received = received_in(tx, &view, id).await?;
        let received = received.ok_or(Refusal::NotFound)?;
        if format_taxii(received.entry.stamp) == seen {
            Ok(())
        } else {
            Err(Refusal::Stale)
        }
    }

    /// Takes what the caller says of something received.
    ///
    /// # Errors
    /// When the caller has no such thing, whatever the reason; when what is said breaks a rule or
    /// would name the caller; when a service acknowledges.
    pub async fn give_feedback(
        &self,
        caller: &Caller,
        id: &str,
        feedback: Feedback,
        said: Said,
    ) -> Result<Given, Refusal> {
        // What may only be looked at was received too.
        let view = self.view(Some(caller), Channel::Console).await?;
        let received = self.received(&view, id).await?.ok_or(Refusal::NotFound)?;
        if feedback.kind == FeedbackKind::Ack && caller.principal.kind == PrincipalKind::Service {
            return Err(Refusal::Forbidden(
                "an acknowledgement says that it reached a person: a service cannot give it"
                    .to_owned(),
            ));
        }
        let now = self.clock().now();
        feedback.check(now)?;
        if let Some(text) = &feedback.text {
            // Always, and not only where the source is another's: a refusal would tell whose it is.
            giver::unnamed(caller, text, now)?;
        }
        let (exchange, by) = (self.clone(), caller.clone());
        let act = ("feedback", feedback.clone());
        let (seen, shown) = (said.seen.clone(), id.to_owned());
        self.once(caller, id, (&act, said), move |tx| {
            Box::pin(async move {
                exchange.as_seen(tx, (&by, &shown), seen.as_deref()).await?;
                exchange.give_in(tx, &by, &view, received, feedback).await
            })
        })
        .await
    }

    async fn give_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        view: &View,
        received: Received,
        feedback: Feedback,
    ) -> Result<Given, Refusal> {
        let who = caller.principal.id.as_str();
        let value = &received.version.value;
        let before = tx.feedback_count(who, &value.item).await?;
        if before >= PER_ITEM_MAX {
            return Err(Refusal::Conflict(format!(
                "one reader speaks of one item at most {PER_ITEM_MAX} times"
            )));
        }
        let now = self.clock().now_micros();
        let bound = self.bind_feedback(caller, &received, &feedback)?;
        let known_as = received.entry.stix_id.clone();
        // From what the giver has and how often it spoke of it, so that it depends on nobody else.
        let parts = [who, &known_as, &now.to_string(), &before.to_string()];
        let id = self.secret().uuid("feedback", &parts).to_string();
        tx.add_feedback(&FeedbackRow {
            id: id.clone(),
            item: value.item.clone(),
            item_version: received.version.key,
            known_as: known_as.clone(),
            form: received.entry.form.clone(),
            kind: feedback.kind.word().to_owned(),
            principal: who.to_owned(),
            body: caller.body.id.to_string(),
            content: serde_json::to_string(&feedback)?,
            rule: serde_json::to_string(&bound.rule)?,
            at: now,
            answer: None,
            answered_at: None,
        })
        .await?;
        let given = json!({
            "decision": "feedback.given", "object": known_as, "feedback": id,
            "type": feedback.kind, "by": who,
        });
        record(tx, now, &[caller.body.id.as_str()], &given).await?;
        // The source's record does not say who: what it may know is on its page.
        let taken = json!({
            "decision": "feedback.received", "item": value.item, "version": value.version,
            "feedback": id, "type": feedback.kind,
        });
        record(tx, now, &value.parties(), &taken).await?;
        if feedback.kind.asks() {
            self.tell_sources(tx, caller, &received.version, &feedback, &id, now)
                .await?;
        }
        self.release_feedback(tx, caller, view, &received, bound, (&feedback, &id), now)
            .await?;
        Ok(Given {
            id,
            kind: feedback.kind,
            at: format_taxii(now),
        })
    }

    /// Tells those who can act on it that it is there; of a breach the secretariat too, and nothing
    /// of the item.
    async fn tell_sources(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        version: &ItemVersion,
        feedback: &Feedback,
        id: &str,
        now: i64,
    ) -> Result<(), Refusal> {
        let desk = [
            Some(version.value.submitter_body.as_str()),
            version.value.operator.as_deref(),
        ];
        let mut told = Vec::new();
        for principal in sources(&caller.directory, version) {
            // The point of contact may have it under another id, or not at all.
            let at_desk =
                desk.contains(&Some(principal.body.as_str())) && !version.value.item.contains(' ');
            let objects = if at_desk {
                json!([format!("report--{}", version.value.item)])
            } else {
                json!([])
            };
            told.push((principal.id.to_string(), objects));
        }
        if feedback.kind == FeedbackKind::BreachReport {
            let office = caller.directory.principals();
            let office = office.filter(|principal| principal.has(role::SECRETARIAT));
            told.extend(office.map(|principal| (principal.id.to_string(), json!([]))));
        }
        for (who, objects) in told {
            self.tell(
                tx,
                version.key,
                &who,
                ("feedback", id),
                objects,
                (feedback.kind.word(), now),
            )
            .await?;
        }
        Ok(())
    }

    /// Leaves a notice of `kind` about one thing (`of`) for a person; in words, `reason`.
    pub(super) async fn tell(
        &self,
        tx: &mut Tx,
        item_version: i64,
        who: &str,
        (kind, of): (&str, &str),
        objects: Value,
        (reason, now): (&str, i64),
    ) -> Result<(), Refusal> {
        // Nothing of it counts what others do: its reader sees the id.
        let about = objects.to_string();
        let act = [kind, of, who, &about, &now.to_string()];
        let id = self.secret().uuid("told", &act);
        tx.notify(&Notice {
            id: id.to_string(),
            principal: who.to_owned(),
            item_version,
            kind: kind.to_owned(),
            objects: about,
            reason: format!("{reason} {of}"),
            at: now,
            acknowledged_at: None,
            comment: None,
        })
        .await?;
        Ok(())
    }

    /// Feedback on something received, oldest first, with the cursor of the rest: for its source all
    /// of it, for anybody else the caller's own; `None` where the caller has no such thing.
    ///
    /// # Errors
    /// When the database fails, or the cursor is not one of the hub's.
    pub async fn feedback(
        &self,
        caller: &Caller,
        id: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Option<(Vec<FeedbackView>, Option<String>)>, Refusal> {
        let view = self.view(Some(caller), Channel::Console).await?;
        let Some(received) = self.received(&view, id).await? else {
            return Ok(None);
        };
        let version = &received.version;
        let source = speaks_for_source(caller, version);
        let giver = (!source).then(|| caller.principal.id.as_str());
        let after = match cursor {
            None => (i64::MIN, String::new()),
            Some(cursor) => self.after(cursor)?,
        };
        let asked = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let mut tx = self.db().read().await?;
        let mut rows = tx
            .feedback_of(&version.value.item, giver, (after.0, &after.1), asked)
            .await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|last| {
            let mut content = last.at.to_be_bytes().to_vec();
            content.extend_from_slice(last.id.as_bytes());
            self.secret().seal("feedback", &content)
        });
        let views = rows
            .into_iter()
            .map(|row| self.feedback_view(caller, version, row));
        Ok(Some((views.collect::<Result<_, _>>()?, next)))
    }

    fn after(&self, cursor: &str) -> Result<(i64, String), Refusal> {
        let opened = self.secret().open("feedback", cursor);
        let parsed = opened.as_deref().and_then(|bytes| {
            let (at, id) = bytes.split_first_chunk::<8>()?;
            Some((
                i64::from_be_bytes(*at),
                String::from_utf8(id.to_vec()).ok()?,
            ))
        });
        parsed.ok_or_else(|| {
            Refusal::Malformed(vec![Fault::at(
                "cursor",
                "cursor",
                "`cursor` is none of the hub's",
            )])
        })
    }

    fn feedback_view(
        &self,
        caller: &Caller,
        version: &ItemVersion,
        row: FeedbackRow,
    ) -> Result<FeedbackView, Refusal> {
        let own = row.principal == caller.principal.id.as_str();
        let rule = serde_json::from_str::<Rule>(&row.rule)?.normalised();
        let from = if own {
            Giver::own(caller)
        } else {
            let now = self.clock().now();
            giver::told(caller, &rule, &row.body, &version.value.ceptoar, now)
        };
        let mut said: Value = serde_json::from_str(&row.content)?;
        if let Some(members) = said.as_object_mut() {
            members.insert("type".to_owned(), row.kind.into());
        }
        let answer = row.answer.zip(row.answered_at);
        Ok(FeedbackView {
            id: row.id,
            from,
            at: format_taxii(row.at),
            said,
            answer: answer.map(|(text, at)| Answer {
                text,
                at: format_taxii(at),
            }),
        })
    }
}

impl Exchange {
    /// Notes that a person opened an advisory; who sits at its desk has written it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_opened(&self, caller: &Caller, view: &View, id: &str) -> Result<(), Refusal> {
        if caller.principal.kind != PrincipalKind::Person {
            return Ok(());
        }
        let Some(received) = self.received(view, id).await? else {
            return Ok(());
        };
        let key = received.version.key;
        let who = caller.principal.id.to_string();
        let known = self.db().read().await?.opened(key).await?;
        if received.entry.side == "desk" || known.iter().any(|(person, _)| *person == who) {
            return Ok(());
        }
        let now = self.clock().now_micros();
        self.writer()
            .write(move |tx| Box::pin(async move { Ok(tx.note_opened(key, &who, now).await?) }))
            .await
    }
}
