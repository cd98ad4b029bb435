//! The source's answer to a question, which reaches the asker without saying whose it is.

use serde_json::{Value, json};

use super::said::TEXT_MAX;
use super::{FeedbackKind, speaks_for_source};
use crate::council::Directory;
use crate::exchange::access::Caller;
use crate::exchange::anonymity;
use crate::exchange::once::Said;
use crate::exchange::parts::all_parts;
use crate::exchange::publish::stored_rule;
use crate::exchange::refusal::{Fault, Refusal};
use crate::exchange::settle::stored_origin;
use crate::exchange::{Exchange, Tx, record};
use crate::handling::Form;
use crate::report::Report;
use crate::report::identity_check::Finding;
use crate::store::ItemVersion;

impl Exchange {
    /// Answers a question about an item of the caller's, without telling whose it is.
    ///
    /// # Errors
    /// When there is no such question for the caller; when the text would name the source to
    /// somebody who has the item without its name; when it is answered already.
    pub async fn answer_question(
        &self,
        caller: &Caller,
        id: &str,
        text: &str,
        said: Said,
    ) -> Result<(), Refusal> {
        let (exchange, by) = (self.clone(), caller.clone());
        let (of, answer) = (id.to_owned(), text.trim().to_owned());
        let act = ("answer", answer.clone());
        self.once(caller, id, (&act, said), move |tx| {
            Box::pin(async move { exchange.answer_feedback_in(tx, &by, &of, &answer).await })
        })
        .await
    }

    async fn answer_feedback_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        id: &str,
        text: &str,
    ) -> Result<(), Refusal> {
        let row = tx.feedback(id).await?.ok_or(Refusal::NotFound)?;
        let version = tx.item_version(row.item_version).await?;
        let version = version.ok_or(Refusal::NotFound)?;
        if row.kind != FeedbackKind::Question.word() || !speaks_for_source(caller, &version) {
            return Err(Refusal::NotFound);
        }
        if text.is_empty() || text.chars().count() > TEXT_MAX {
            let message = format!("`text` has 1 to {TEXT_MAX} characters");
            return Err(Refusal::fault("/text", "feedback", message));
        }
        if row.form != Form::Identified.word() {
            let found = self
                .names_source(tx, &caller.directory, &version, text)
                .await?;
            if !found.is_empty() {
                let fault = |found: Finding| Fault::at(found.pointer, "anonymity", found.what);
                return Err(Refusal::Invalid(found.into_iter().map(fault).collect()));
            }
        }
        let now = self.clock().now_micros();
        if !tx.answer_feedback(id, text, now).await? {
            return Err(Refusal::Conflict(
                "the question is answered already".to_owned(),
            ));
        }
        let objects = json!([row.known_as]);
        self.tell(
            tx,
            version.key,
            &row.principal,
            ("answer", id),
            objects,
            ("question", now),
        )
        .await?;
        let answered = json!({
            "decision": "question.answered", "item": version.value.item, "feedback": id,
            "by": caller.principal.id,
        });
        record(tx, now, &version.value.parties(), &answered).await?;
        // The asker's record does not say by whom.
        let told = json!({ "decision": "question.answered", "feedback": id });
        record(tx, now, &[&row.body], &told).await
    }

    /// What in a text would tell of an item's source, or of a source of its parts.
    async fn names_source(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        text: &str,
    ) -> Result<Vec<Finding>, Refusal> {
        let origin = stored_origin(version, &stored_rule(version)?);
        let mut marks = anonymity::body_marks(directory, &origin);
        for part in all_parts(tx, version.key).await? {
            let origin = stored_origin(&part, &stored_rule(&part)?);
            marks.extend(anonymity::body_marks(directory, &origin));
        }
        let objects = tx.objects_of(version.key).await?;
        let report = |form: Form| {
            let mut rows = objects.iter().map(|(_, object)| object);
            rows.find(|object| object.form == form.word() && object.report.is_some())
                .and_then(|object| object.report.as_deref())
        };
        if let Some(original) = report(Form::Identified)
            && let Ok(original) = Report::parse(original.as_bytes())
        {
            let rendition = report(Form::Anonymised).unwrap_or("null");
            let rendition: Value = serde_json::from_str(rendition)?;
            marks.extend(anonymity::report_marks(&original, &rendition));
        }
        Ok(anonymity::check(directory, &origin, marks).find(&json!({ "text": text })))
    }
}
