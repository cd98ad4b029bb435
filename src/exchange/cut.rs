//! What the hub makes of a posted object for readers who see only some of its parts, and the words of
//! its markings as the hub passes them on.

use serde_json::Value;

use super::access::Caller;
use super::anonymity::small_group;
use super::intake::Handled;
use super::markings::{self, Definitions};
use super::portions::{form_of, rename};
use super::refusal::Refusal;
use super::release::new_object;
use super::renditions::Renditions;
use super::secret::Secret;
use super::supports::{self, supports};
use super::versions::created_of;
use super::{Exchange, Tx};
use crate::handling::Form;
use crate::report::identity_check::Finding;
use crate::stix::marking::{self, Meaning};
use crate::stix::{StixId, validate};
use crate::store::NewObject;

/// An object without its parts but the first `seen`.
pub(super) struct Cut<'a> {
    pub owner: &'a str,
    pub id: &'a StixId,
    pub at: usize,
    pub seen: usize,
    /// The source's own definitions that the whole object uses.
    pub markings: &'a Definitions,
}

impl Exchange {
    /// The objects for readers who see only some parts: each a new one, and none where what is left
    /// would be no valid object.
    pub(super) async fn cut(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        handled: &Handled,
        batch: &Renditions,
        of: &Cut<'_>,
        mut rest: Value,
    ) -> Result<(Vec<NewObject>, Vec<Finding>), Refusal> {
        let mut objects = Vec::new();
        let mut findings = Vec::new();
        let rules = handled.rules();
        let goes_with = |form| {
            let rule = rules.at(of.seen);
            supports(
                self.secret(),
                &caller.directory,
                &handled.origin,
                rule,
                form,
            )
        };
        let row = |form: Form, object: &Value| {
            let mut row = new_object(form, object, object.to_string());
            row.form = form_of(form, of.seen, rules.parts.len());
            row
        };
        let new_id = |form: Form| {
            let seen = of.seen.to_string();
            let parts = [of.owner, of.id.as_str(), form.word(), &seen];
            self.secret().stix_id(of.id.object_type(), "part", &parts)
        };
        if handled.forms().contains(&Form::Anonymised) {
            let id = new_id(Form::Anonymised);
            let created = match tx.first_bytes(&id).await? {
                Some(first) => created_of(&first),
                None => None,
            };
            let goes_with = goes_with(Form::Anonymised);
            let mut marking_refs = goes_with.marking_refs;
            let used = markings::carried(&rest, of.markings);
            for words in reworded(self.secret(), batch, &used) {
                marking_refs.extend(supports::id_of(&words).map(str::to_owned));
            }
            let place = (of.at, of.seen);
            if let Some(mut rendition) =
                batch.get(place, &goes_with.creator_id, &marking_refs, created)
            {
                rename(&mut rendition, id, None);
                if validate(&rendition).is_ok() {
                    let (directory, origin) = (&caller.directory, &handled.origin);
                    let (rule, day) = (rules.at(of.seen), self.clock().now().date_naive());
                    findings.extend(batch.check(&rendition));
                    findings.extend(small_group(directory, origin, rule, &rendition, day));
                    objects.push(row(Form::Anonymised, &rendition));
                }
            }
        }
        let creator = goes_with(Form::Identified).creator_id;
        rename(&mut rest, new_id(Form::Identified), Some(&creator));
        if validate(&rest).is_ok() {
            objects.push(row(Form::Identified, &rest));
        }
        Ok((objects, findings))
    }
}

/// The words of a marking that only passes words on.
fn statement_of(definition: &Value) -> Option<&str> {
    let words = definition.get("definition")?.get("statement")?.as_str()?;
    (marking::meaning(definition) == Meaning::Statement).then_some(words)
}

/// The statements among these markings as the hub words them.
pub(super) fn reworded(secret: &Secret, batch: &Renditions, own: &Definitions) -> Vec<Value> {
    own.values()
        .filter_map(|(_, own)| statement_of(own))
        .map(|words| supports::statement(secret, &batch.words(words)))
        .collect()
}

/// What in these statements would still name the source.
pub(super) fn unsaid(batch: &Renditions, words: &[Value]) -> Vec<Finding> {
    words
        .iter()
        .flat_map(|words| batch.check(words))
        .map(|finding| Finding {
            pointer: "/object_marking_refs".to_owned(),
            ..finding
        })
        .collect()
}

/// A marking that goes with an object of the same version.
pub(super) fn marking_row(form: &str, definition: &Value, bytes: String) -> NewObject {
    let mut row = new_object(Form::Identified, definition, bytes);
    form.clone_into(&mut row.form);
    row
}
