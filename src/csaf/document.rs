//! One CSAF document: read strictly, checked against its version's schema and the mandatory tests of
//! section 6.1, and kept byte for byte.

use csaf_rs::csaf::raw::RawDocument;
use csaf_rs::schema::{csaf2_0, csaf2_1};
use csaf_rs::validation::{CsafError, TestResultStatus, ValidationResult, validate_by_preset};
use serde_json::Value;

use crate::handling::Tlp;
use crate::report::{FAULTS_MAX, Fault};
use crate::stix::json::{Limits, parse};

/// The largest document, in bytes: it is kept inside the report that is made of it.
pub const CSAF_BYTES_MAX: usize = 1_000_000;

/// The schema, and every mandatory test of section 6.1.
const PRESET: &str = "basic";

/// What CSAF 2.0 documents say that carry a label of TLP 2.0 (CSAF 2.1, conformance clause 18).
const TLP_2_IN_TEXT: &str = "TLP v2.0: TLP:";

/// A document that has passed every check.
#[derive(Clone, Debug)]
pub struct Document {
    text: String,
    value: Value,
}

fn fault(pointer: &str, rule: &str, message: impl Into<String>) -> Fault {
    Fault {
        pointer: pointer.to_owned(),
        rule: format!("csaf.{rule}"),
        message: message.into(),
    }
}

impl Document {
    /// Whether a JSON value says that it is a CSAF document.
    #[must_use]
    pub fn is_one(value: &Value) -> bool {
        value.pointer("/document/csaf_version").is_some()
    }

    /// Checks the bytes and keeps them.
    ///
    /// # Errors
    /// Up to [`FAULTS_MAX`] faults, each with the test of section 6.1 that found it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        if bytes.len() > CSAF_BYTES_MAX {
            let message = format!("a document is at most {CSAF_BYTES_MAX} bytes long");
            return Err(vec![fault("", "size", message)]);
        }
        let limits = Limits {
            bytes_max: CSAF_BYTES_MAX,
            ..Limits::default()
        };
        let value = parse(bytes, &limits)
            .map_err(|found| vec![fault(&found.pointer, "json", found.message)])?;
        let text = String::from_utf8(bytes.to_vec())
            .map_err(|_| vec![fault("", "json", "it is not UTF-8")])?;
        let faults = faults(&value);
        if !faults.is_empty() {
            return Err(faults);
        }
        let document = Self { text, value };
        // Section 3.1.11.8.6: a draft is not for whom it has not been agreed with.
        if document.string("/document/tracking/status") == Some("draft") {
            let place = "/document/tracking/status";
            return Err(vec![fault(place, "draft", "a draft is not distributed")]);
        }
        Ok(document)
    }

    /// One that was checked when it came.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn kept(text: String) -> Result<Self, serde_json::Error> {
        let value = serde_json::from_str(&text)?;
        Ok(Self { text, value })
    }

    /// The bytes as they came.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says, as JSON.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// A string in it.
    #[must_use]
    pub fn string(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    /// The publisher's number of it (section 3.1.11.8.4).
    #[must_use]
    pub fn tracking_id(&self) -> &str {
        self.string("/document/tracking/id").unwrap_or_default()
    }

    /// Its label; none where it has none, which is no leave to share it. Where a document of version
    /// 2.0 also states a label of TLP 2.0 in words, the stricter.
    #[must_use]
    pub fn tlp(&self) -> Option<Tlp> {
        let label = self.string("/document/distribution/tlp/label");
        let label = label.and_then(|label| label.parse().ok());
        let text = self.string("/document/distribution/text").unwrap_or("");
        let in_text = text.split(TLP_2_IN_TEXT).nth(1).and_then(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '+');
            rest.get(..end.unwrap_or(rest.len()))?.parse().ok()
        });
        label.max(in_text)
    }

    /// The sharing group (version 2.1), as a UUID.
    #[must_use]
    pub fn sharing_group(&self) -> Option<&str> {
        self.string("/document/distribution/sharing_group/id")
    }

    /// The name of its file (section 5.1).
    #[must_use]
    pub fn file_name(&self) -> String {
        let mut name = String::new();
        for c in self.tracking_id().to_lowercase().chars() {
            let kept = c.is_ascii_lowercase() || c.is_ascii_digit() || c == '+' || c == '-';
            if kept {
                name.push(c);
            } else if !name.ends_with('_') {
                name.push('_');
            }
        }
        format!("{name}.json")
    }
}

fn faults(value: &Value) -> Vec<Fault> {
    if let Some(fault) = super::relations::fault(value) {
        return vec![fault];
    }
    let version = value.pointer("/document/csaf_version");
    let checked = match version.and_then(Value::as_str) {
        Some("2.0") => {
            type Raw = RawDocument<csaf2_0::schema::CommonSecurityAdvisoryFramework>;
            validate_by_preset(&Raw::new(value.clone()), "2.0", PRESET)
        }
        Some("2.1") => {
            type Raw = RawDocument<csaf2_1::schema::CommonSecurityAdvisoryFramework>;
            validate_by_preset(&Raw::new(value.clone()), "2.1", PRESET)
        }
        _ => {
            let place = "/document/csaf_version";
            return vec![fault(place, "version", "must be `2.0` or `2.1`")];
        }
    };
    found(checked)
}

fn found(checked: Result<ValidationResult, CsafError>) -> Vec<Fault> {
    let result = match checked {
        Ok(result) => result,
        Err(error) => return vec![fault("", "unchecked", error.to_string())],
    };
    let mut faults = Vec::new();
    for test in result.test_results {
        match test.status {
            TestResultStatus::Failure { errors, .. } => {
                let of_test = errors
                    .into_iter()
                    .map(|error| fault(&error.instance_path, &test.test_id, error.message));
                faults.extend(of_test);
            }
            // A test that was not run has not passed.
            TestResultStatus::NotFound => {
                faults.push(fault("", &test.test_id, "this test could not be run"));
            }
            TestResultStatus::Success | TestResultStatus::Skipped => {}
        }
    }
    faults.truncate(FAULTS_MAX);
    faults
}
