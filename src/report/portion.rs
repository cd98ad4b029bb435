//! A report without some of its fields, for readers who may see the rest. Which fields, and who may
//! see them, is decided by the source's own levels elsewhere.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::check;
use super::{Fault, Report};

/// What is never a part by itself: how the report is handled, from where it comes, what is stripped.
const WHOLE: [&str; 5] = [
    "kind",
    "sector",
    "handling",
    "source_operator",
    "must_anonymise",
];

/// What tells of the source and is in no anonymised form: what these say is stripped from the rest,
/// whoever may see them.
const TELLING: [&str; 5] = [
    "must_anonymise",
    "organisation",
    "reference",
    "source_operator",
    "related",
];

/// A part of a report that is handled by a level of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion<'a> {
    /// JSON pointers to its fields.
    pub fields: BTreeSet<String>,
    /// Name of a level in the source's scheme.
    pub level: &'a str,
}

impl Report {
    /// Returns the parts the source wants handled more strictly, in the source's order.
    pub fn portions(&self) -> Vec<Portion<'_>> {
        entries(self.to_value())
            .iter()
            .filter_map(|entry| {
                let fields = entry.get("fields")?.as_array()?.iter();
                Some(Portion {
                    fields: fields
                        .filter_map(|f| f.as_str().map(str::to_owned))
                        .collect(),
                    level: entry.get("level")?.as_str()?,
                })
            })
            .collect()
    }

    /// The report without these fields, as a source that never wrote them would have sent it; what
    /// it lists to be stripped is kept for the anonymised form.
    ///
    /// # Errors
    /// When a report needs one of them.
    pub fn without(&self, fields: &BTreeSet<String>) -> Result<Self, Vec<Fault>> {
        Self::from_value(rest(self.to_value(), fields))
    }

    /// What readers of only a part have, for the anonymised form to be made of: with all that the
    /// whole says of its source, so that it is stripped from what is left. Nobody is served this.
    ///
    /// # Errors
    /// When it is no report.
    pub fn to_anonymise(&self, mut rest: Value) -> Result<Self, Vec<Fault>> {
        for name in TELLING {
            let told = self.to_value().get(name);
            if let (Some(told), Some(members)) = (told, rest.as_object_mut()) {
                members.insert(name.to_owned(), told.clone());
            }
        }
        let advisory = rest.get_mut("advisory").and_then(Value::as_object_mut);
        if let (Some(document), Some(advisory)) = (self.csaf(), advisory) {
            advisory.insert("csaf".to_owned(), document.into());
        }
        Self::from_value(rest)
    }

    /// The report as readers of only a part get it in the identified form: a list of what is to be
    /// stripped would name what is not there.
    pub fn without_list(&self) -> Value {
        let mut value = self.to_value().clone();
        if let Some(members) = value.as_object_mut() {
            members.shift_remove("must_anonymise");
        }
        value
    }
}

fn entries(report: &Value) -> &[Value] {
    let portions = report
        .get("handling")
        .and_then(|handling| handling.get("portions"));
    portions
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Checks that each pointer names a field that is there, and that the report is one without it.
pub(super) fn check_portions(report: &Value, faults: &mut Vec<Fault>) {
    for (at, entry) in entries(report).iter().enumerate() {
        let fields = entry.get("fields").and_then(Value::as_array);
        for (of, field) in fields.into_iter().flatten().enumerate() {
            let field = field.as_str().unwrap_or_default();
            let top = field.split('/').nth(1).unwrap_or_default();
            let message = if report.pointer(field).is_none() || top.is_empty() {
                "names no field of the report"
            } else if WHOLE.contains(&top) {
                "is about the whole report"
            } else if !check::schema_holds(&rest(report, &BTreeSet::from([field.to_owned()]))) {
                "is needed in every report of this kind"
            } else {
                continue;
            };
            faults.push(Fault {
                pointer: format!("/handling/portions/{at}/fields/{of}"),
                rule: "report.portion".to_owned(),
                message: format!("`handling/portions/{at}/fields/{of}` {message}"),
            });
        }
    }
    let all = entries(report)
        .iter()
        .filter_map(|entry| entry.get("fields")?.as_array())
        .flatten()
        .filter_map(|field| field.as_str().map(str::to_owned));
    let all: BTreeSet<String> = all.collect();
    if faults.is_empty() && !all.is_empty() && !check::schema_holds(&rest(report, &all)) {
        faults.push(Fault {
            pointer: "/handling/portions".to_owned(),
            rule: "report.portion".to_owned(),
            message: "`handling/portions` leave nothing that is a report".to_owned(),
        });
    }
}

/// The report without the fields, and without a word that there were any.
fn rest(report: &Value, fields: &BTreeSet<String>) -> Value {
    let mut kept = left(report, String::new(), fields).unwrap_or_else(|| Value::Object(Map::new()));
    if let Some(handling) = kept.get_mut("handling").and_then(Value::as_object_mut) {
        handling.shift_remove("portions");
    }
    // The document an advisory was issued as says everything over again.
    if let Some(advisory) = kept.get_mut("advisory").and_then(Value::as_object_mut) {
        advisory.shift_remove("csaf");
    }
    kept
}

fn left(value: &Value, pointer: String, fields: &BTreeSet<String>) -> Option<Value> {
    if fields.contains(&pointer) {
        return None;
    }
    match value {
        Value::Object(members) => {
            let kept: Map<String, Value> = members
                .iter()
                .filter_map(|(name, member)| {
                    // The schema lets no name pass that a pointer would have to escape.
                    Some((
                        name.clone(),
                        left(member, format!("{pointer}/{name}"), fields)?,
                    ))
                })
                .collect();
            (!kept.is_empty() || members.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<Value> = items
                .iter()
                .enumerate()
                .filter_map(|(at, item)| left(item, format!("{pointer}/{at}"), fields))
                .collect();
            (!kept.is_empty() || items.is_empty()).then_some(Value::Array(kept))
        }
        other => Some(other.clone()),
    }
}
