//! The CSAF document inside an advisory: a report is made of it, or it is checked where the whole
//! report is. What it says of its handling bounds the report's: a report looser than its document
//! would contradict itself, and that never widens (law 1).

use uuid::Uuid;

use super::Exchange;
use super::access::Caller;
use super::intake::{may_issue, own_scheme};
use super::publish::Submission;
use super::refusal::{Fault, Refusal};
use crate::csaf::{self, Beside, Document};
use crate::handling::Rule;
use crate::report::Report;

/// Where a report has its document.
const PLACE: &str = "/advisory/csaf";

impl Exchange {
    /// The submission that a CSAF document makes, checked as a document; `level` is a level's name in
    /// the caller's scheme.
    ///
    /// # Errors
    /// When the caller may not issue advisories, before anything is read; then every fault of the
    /// document.
    pub async fn submission_of_document(
        &self,
        caller: &Caller,
        bytes: Vec<u8>,
        level: Option<String>,
        mut beside: Beside,
    ) -> Result<Submission, Refusal> {
        may_issue(caller)?;
        // Some hundred thousand comparisons: on a thread where nobody else's request waits behind it.
        let document = tokio::task::spawn_blocking(move || Document::parse(&bytes))
            .await
            .map_err(|error| Refusal::Internal(error.into()))?
            .map_err(|faults| Refusal::Invalid(faults.into_iter().map(Fault::from).collect()))?;
        if let Some(level) = level {
            let (ceptoar, now) = (
                caller.directory.ceptoar_of(&caller.body),
                self.clock().now(),
            );
            let bodies = (ceptoar, &caller.body.id);
            let scheme = own_scheme(&caller.directory, bodies, "/handling", now)?;
            beside.level = Some((scheme.id.clone(), level));
        }
        Ok(Submission {
            bytes: csaf::report(&document, &beside).to_string().into_bytes(),
            document: Some(document),
            ..Submission::default()
        })
    }
}

/// Checks the document, if the report has one and it is not the `checked` one, against the rule the
/// report was given.
///
/// # Errors
/// For a document that is none, and for one that is stricter than the report.
pub(super) fn bounds(
    report: &Report,
    checked: Option<&Document>,
    rule: &Rule,
) -> Result<(), Refusal> {
    let Some(text) = report.csaf() else {
        return Ok(());
    };
    let own;
    let document = match checked.filter(|document| document.text() == text) {
        Some(document) => document,
        None => {
            own = Document::parse(text.as_bytes()).map_err(|faults| {
                let inside = |fault: crate::report::Fault| {
                    let message =
                        format!("{} (at `{}` in the document)", fault.message, fault.pointer);
                    Fault::at(PLACE, fault.rule, message)
                };
                Refusal::Invalid(faults.into_iter().map(inside).collect())
            })?;
            &own
        }
    };
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
