//! The CSAF document inside an advisory, where the whole report is checked: it passes the tests that
//! it would have to pass by itself, and what it says of its handling bounds the report's. A report
//! looser than its document would contradict itself, and that never widens (law 1).

use uuid::Uuid;

use super::refusal::{Fault, Refusal};
use crate::csaf::Document;
use crate::handling::Rule;
use crate::report::Report;

/// Where a report has its document.
const PLACE: &str = "/advisory/csaf";

/// Checks the document, if the report has one, against the rule the report was given.
///
/// # Errors
/// For a document that is none, and for one that is stricter than the report.
pub(super) fn bounds(report: &Report, rule: &Rule) -> Result<(), Refusal> {
    let Some(text) = report.csaf() else {
        return Ok(());
    };
    let document = Document::parse(text.as_bytes()).map_err(|faults| {
        let inside = |fault: crate::report::Fault| {
            let message = format!("{} (at `{}` in the document)", fault.message, fault.pointer);
            Fault::at(PLACE, fault.rule, message)
        };
        Refusal::Invalid(faults.into_iter().map(inside).collect())
    })?;
    if let Some(label) = document.tlp().filter(|label| *label > rule.access.tlp) {
        let message = format!(
            "the document is {label}, and the report is {}",
            rule.access.tlp
        );
        return Err(Refusal::fault(PLACE, "handling.tlp", message));
    }
    let asked = |text: Option<&str>| text.and_then(|text| Uuid::parse_str(text).ok());
    let group = asked(document.sharing_group()).filter(|group| !group.is_max());
    let own = report
        .handling()
        .and_then(|handling| handling.sharing_group);
    if group.is_some() && group != asked(own) {
        let message = "the document is for a sharing group that the report does not name";
        return Err(Refusal::fault(PLACE, "handling.sharing_group", message));
    }
    Ok(())
}
