//! Cases side by side: for each thing that reports tell, what each of these says of it. It compares
//! what the reader has of each, and nothing else.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::Exchange;
use super::access::Caller;
use super::dossier::{Dossier, MISSING};
use super::refusal::Refusal;
use crate::handling::Channel;
use crate::search::Document;
use crate::search::document::MARKS;

/// So many cases are compared, at least and at most.
pub const COMPARED: std::ops::RangeInclusive<usize> = 2..=6;

/// What reports tell in words, by name and place.
const TEXTS: &[(&str, &str)] = &[
    ("summary", "/summary"),
    ("narrative", "/narrative"),
    ("impact", "/impact/description"),
    ("root_cause", "/root_cause"),
    ("contributing_factors", "/contributing_factors"),
    ("interim", "/countermeasures/interim"),
    ("permanent", "/countermeasures/permanent"),
    ("practice", "/practice"),
    ("preconditions", "/preconditions"),
    ("effect", "/effect"),
    ("cost", "/cost"),
    ("best_practices", "/best_practices"),
    ("measures", "/advisory/measures"),
    ("lesson", "/lesson"),
];

/// One thing that reports tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What it is: the name of a filter, `duration_minutes`, `indicator`, or a text's.
    pub field: &'static str,
    /// What each case says, in the order asked for: codes, numbers or texts; empty for nothing.
    pub values: Vec<Vec<Value>>,
    /// Whether all say the same.
    pub same: bool,
    /// What at least two of them say.
    pub shared: Vec<Value>,
}

/// Cases side by side, under the rule they carry together.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The cases, and how the whole is handled.
    #[serde(flatten)]
    pub dossier: Dossier,
    /// What they say; where none says anything there is no row.
    pub rows: Vec<Row>,
}

impl Exchange {
    /// Compares some of the caller's reports, as they go through `channel`.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where one of the ids is no report of this reader's there; a fault for each
    /// that cannot be in one document with another; when there are too few or too many.
    pub async fn compare(
        &self,
        caller: &Caller,
        channel: Channel,
        ids: &[String],
    ) -> Result<Comparison, Refusal> {
        if !COMPARED.contains(&ids.len()) {
            let message = format!("is a list of {} to {}", COMPARED.start(), COMPARED.end());
            return Err(Refusal::fault("/ids", "compare.count", message));
        }
        let dossier = match self.dossier(caller, channel, ids).await {
            Err(Refusal::Invalid(faults)) if faults.iter().any(|fault| fault.rule == MISSING) => {
                return Err(Refusal::NotFound);
            }
            other => other?,
        };
        let reports = dossier.items.iter();
        let reports = reports.map(|item| serde_json::from_str(item.report.get()));
        let reports: Vec<Value> = reports.collect::<Result<_, _>>()?;
        Ok(Comparison {
            dossier,
            rows: rows(&reports),
        })
    }
}

/// What these reports say, beside each other.
fn rows(reports: &[Value]) -> Vec<Row> {
    let documents: Vec<Document> = reports.iter().map(Document::of).collect();
    let mut rows = Vec::new();
    let mut add = |field: &'static str, values: Vec<Vec<Value>>| {
        if values.iter().any(|said| !said.is_empty()) {
            rows.push(row(field, values));
        }
    };
    for name in MARKS {
        let said = |document: &Document| document.values(name).map(Value::from).collect();
        add(name, documents.iter().map(said).collect());
    }
    let minutes = |document: &Document| document.duration_minutes.map(Value::from);
    let minutes = documents
        .iter()
        .map(|one| minutes(one).into_iter().collect());
    add("duration_minutes", minutes.collect());
    add("indicator", reports.iter().map(indicators).collect());
    for (name, pointer) in TEXTS {
        let said = |report: &Value| match report.pointer(pointer) {
            Some(Value::Array(list)) => list.clone(),
            Some(Value::Null) | None => Vec::new(),
            Some(one) => vec![one.clone()],
        };
        add(name, reports.iter().map(said).collect());
    }
    rows
}

/// Indicators by type and value: what a source notes beside does not make another of one.
fn indicators(report: &Value) -> Vec<Value> {
    let list = report.get("indicators").and_then(Value::as_array);
    let mut found: Vec<Value> = Vec::new();
    for one in list.into_iter().flatten() {
        let plain = json!({"type": one.get("type"), "value": one.get("value")});
        if !found.contains(&plain) {
            found.push(plain);
        }
    }
    found
}

fn row(field: &'static str, values: Vec<Vec<Value>>) -> Row {
    let set = |said: &Vec<Value>| said.iter().map(Value::to_string).collect::<BTreeSet<_>>();
    let sets: Vec<BTreeSet<String>> = values.iter().map(set).collect();
    let mut shared: Vec<Value> = Vec::new();
    for value in values.iter().flatten() {
        let text = value.to_string();
        let count = sets.iter().filter(|set| set.contains(&text)).count();
        if count > 1 && !shared.contains(value) {
            shared.push(value.clone());
        }
    }
    Row {
        field,
        same: sets.windows(2).all(|two| two.first() == two.last()),
        shared,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_all_say_and_what_some_do() {
        let report = |causes: &[&str], lesson: &str| json!({"kind": "incident_cause", "cause_types": causes, "lesson": {"ja": lesson}});
        let rows = rows(&[
            report(&["insider", "user_error"], "教訓"),
            report(&["insider"], "教訓"),
            report(&["equipment_failure"], "別"),
        ]);
        let row = |name| rows.iter().find(|row| row.field == name).unwrap();
        assert!(row("kind").same && row("kind").shared == [json!("incident_cause")]);
        assert!(!row("cause_type").same && row("cause_type").shared == [json!("insider")]);
        assert_eq!(row("cause_type").values[2], [json!("equipment_failure")]);
        assert!(!row("lesson").same && row("lesson").shared == [json!({"ja": "教訓"})]);
        assert!(rows.iter().all(|row| row.field != "cost"));
    }
}
