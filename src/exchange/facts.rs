//! What the charter's policies may ask of an item: read from a report or from a posted STIX object.
//! What is not known is left out, or said to be unsaid; nothing is guessed.

use serde_json::Value;

use super::access::Caller;
use crate::council::Facts;
use crate::handling::SectorCode;
use crate::report::Report;

/// The facts of a report.
pub(super) fn of_report(report: &Report) -> Facts {
    let value = report.to_value();
    let words = |name: &str| {
        let listed = value.get(name).and_then(Value::as_array);
        let words = listed.into_iter().flatten().filter_map(Value::as_str);
        words.map(str::to_owned).collect()
    };
    let useful_for = report.useful_for_sectors();
    Facts {
        kind: report.kind().as_str().to_owned(),
        stix_type: None,
        stage: report.stage().to_owned(),
        sectors: report.sector().map(SectorCode::from).into_iter().collect(),
        useful_for: useful_for.into_iter().map(SectorCode::from).collect(),
        event_types: words("event_types"),
        cause_types: words("cause_types"),
        severity: value
            .pointer("/severity/level")
            .and_then(Value::as_u64)
            .and_then(|level| u8::try_from(level).ok()),
    }
}

/// The facts of an object that `caller` posts on `day`: its sectors are those of its source.
pub(super) fn of_object(caller: &Caller, object: &Value, day: chrono::NaiveDate) -> Facts {
    let stix_type = object.get("type").and_then(Value::as_str);
    Facts {
        kind: "stix_object".to_owned(),
        stix_type: stix_type.map(str::to_owned),
        stage: "unsaid".to_owned(),
        sectors: caller.directory.sectors_of(&caller.body, day),
        useful_for: std::collections::BTreeSet::new(),
        event_types: std::collections::BTreeSet::new(),
        cause_types: std::collections::BTreeSet::new(),
        severity: None,
    }
}
