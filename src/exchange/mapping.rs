//! A report in one of its forms: the anonymised text with what in it would still tell of its source,
//! and the STIX objects that the hub serves for it. Who gets which is decided elsewhere.

use chrono::NaiveDate;
use serde_json::Value;

use super::anonymity;
use super::portions::Rules;
use super::portions::form_of;
use super::refusal::Refusal;
use super::release::new_object;
use super::supports::{id_of, supports};
use super::versions::created_of;
use super::{Exchange, Tx};
use crate::council::{Directory, Origin};
use crate::handling::{Form, Rule};
use crate::report::Report;
use crate::report::anonymise::anonymise_for;
use crate::report::identity_check::{Finding, Mark};
use crate::stix::report::{Mapping, to_stix};
use crate::stix::timestamp::format_stix;
use crate::store::NewObject;

/// The anonymised form of a report under a rule, and what in it would still point at its source;
/// `marks` are what the sources are known by.
pub(super) fn render(
    (directory, origin): (&Directory, &Origin),
    marks: &[Mark],
    report: &Report,
    rule: &Rule,
    day: NaiveDate,
) -> (Value, Vec<Finding>) {
    let rendition = anonymise_for(report, &rule.anonymise, marks);
    let mut marks = marks.to_vec();
    marks.extend(anonymity::report_marks(report, &rendition));
    let mut found = anonymity::check(directory, origin, marks).find(&rendition);
    found.extend(anonymity::small_group(
        directory, origin, rule, &rendition, day,
    ));
    (rendition, found)
}

/// A report as some readers get it.
pub(super) struct Shown<'a> {
    pub form: Form,
    /// How many of its parts it shows.
    pub seen: usize,
    pub report: &'a Value,
    /// Its text, as it is served.
    pub served: String,
}

impl Exchange {
    /// The objects of a report in one form, with the markings and the creator that its rule gives.
    /// They are new at `now`, or a version modified at another instant (microseconds).
    pub(super) async fn map_report(
        &self,
        tx: &mut Tx,
        (directory, origin): (&Directory, &Origin),
        rules: &Rules,
        item: &str,
        shown: &Shown<'_>,
        (now, modified): (i64, Option<i64>),
    ) -> Result<Vec<NewObject>, Refusal> {
        let of = form_of(shown.form, shown.seen, rules.parts.len());
        let report_id = self.report_id(item, &of);
        let created = match tx.first_bytes(&report_id).await? {
            Some(first) => created_of(&first),
            None => None,
        };
        let created = created.unwrap_or_else(|| format_stix(now));
        let rule = rules.at(shown.seen);
        let goes_with = supports(self.secret(), directory, origin, rule, shown.form);
        let mapping = Mapping {
            id: &|object_type, part| {
                if part == "report" {
                    report_id.clone()
                } else {
                    self.secret().stix_id(object_type, &of, &[item, part])
                }
            },
            created: created.clone(),
            modified: modified.map_or(created, format_stix),
            creator: Some(goes_with.creator.clone()),
            object_marking_refs: goes_with.marking_refs,
        };
        let mut objects = Vec::new();
        for object in to_stix(shown.report, &mapping) {
            if id_of(&object) == Some(&goes_with.creator_id) {
                continue; // served once, as a support object
            }
            let ties = id_of(&object) == Some(&report_id);
            let mut stored = new_object(shown.form, &object, object.to_string());
            stored.form.clone_from(&of);
            stored.report = ties.then(|| shown.served.clone());
            objects.push(stored);
        }
        Ok(objects)
    }

    /// The STIX id of a report in one form; its UUID is the report's id on the REST API.
    fn report_id(&self, item: &str, form: &str) -> String {
        if form == Form::Identified.word() {
            format!("report--{item}")
        } else {
            self.secret().stix_id("report", form, &[item])
        }
    }
}
