//! The checks of a report: the published JSON Schema, then the rules a schema cannot state.
//!
//! Messages are made here from the kind of the violation, not from the validator's own text, which
//! would quote the submitted value: narratives and strings to be stripped must not reach a log.

use std::fmt::Write as _;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use jsonschema::error::ValidationErrorKind as Violation;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::fold::Folded;
use super::{FAULTS_MAX, Fault};

/// Longest piece of submitted text that a message repeats, in characters.
const QUOTE_MAX: usize = 120;

static SCHEMA: LazyLock<Result<Validator, String>> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(include_str!("../../schemas/report.schema.json"))
        .map_err(|error| error.to_string())?;
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(&schema)
        .map_err(|error| error.to_string())
});

/// Lists what is wrong with a submitted value, at most [`FAULTS_MAX`] faults.
pub(super) fn faults(value: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    match &*SCHEMA {
        Ok(schema) => {
            for error in schema.iter_errors(value).take(FAULTS_MAX) {
                describe(&error, &mut faults);
            }
        }
        // A hub without its schema accepts nothing.
        Err(_) => faults.push(fault(
            "",
            "schema",
            "`report` cannot be checked: the schema does not compile",
        )),
    }
    if faults.is_empty() {
        code_rules(value, &mut faults);
        super::portion::check_portions(value, &mut faults);
    }
    faults.truncate(FAULTS_MAX);
    faults
}

/// Tells whether a value passes the schema.
pub(super) fn schema_holds(value: &Value) -> bool {
    SCHEMA.as_ref().is_ok_and(|schema| schema.is_valid(value))
}

/// Reads an RFC 3339 instant.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|at| at.with_timezone(&Utc))
}

fn fault(pointer: &str, rule: &str, message: &str) -> Fault {
    Fault {
        pointer: pointer.to_owned(),
        rule: format!("report.{rule}"),
        message: message.to_owned(),
    }
}

fn describe(error: &ValidationError<'_>, faults: &mut Vec<Fault>) {
    let pointer = error.instance_path().as_str();
    let name = match pointer.strip_prefix('/') {
        Some(path) => quoted(path),
        None => "`report`".to_owned(),
    };
    let (rule, message) = match error.kind() {
        Violation::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            let message = format!("{} is required", quoted(property));
            return faults.push(fault(&member(pointer, property), "required", &message));
        }
        Violation::AdditionalProperties { unexpected } => {
            return faults.extend(unexpected.iter().take(FAULTS_MAX).map(|property| {
                let message = format!("{} is not known in {name}", quoted(property));
                fault(&member(pointer, property), "unknown_property", &message)
            }));
        }
        Violation::FalseSchema => (
            "not_for_kind",
            format!("{name} does not belong to this kind of report"),
        ),
        Violation::Type { .. } => ("type", format!("{name} is of the wrong type")),
        Violation::Enum { options } => {
            ("enum", format!("{name} must be one of {}", listed(options)))
        }
        Violation::Constant { expected_value } => (
            "enum",
            format!("{name} as a string must be {}", listed(expected_value)),
        ),
        Violation::Pattern { pattern } if pattern == r"\S" => {
            ("blank", format!("{name} must not be blank"))
        }
        Violation::Pattern { pattern } => {
            ("pattern", format!("{name} must match {}", quoted(pattern)))
        }
        Violation::Format { format } => (
            "format",
            format!("{name} must be a valid {}", quoted(format)),
        ),
        Violation::MaxLength { limit } => (
            "length",
            format!("{name} is longer than {limit} characters"),
        ),
        Violation::MinLength { limit } => (
            "length",
            format!("{name} is shorter than {limit} characters"),
        ),
        Violation::MaxItems { limit } => {
            ("too_many", format!("{name} has more than {limit} entries"))
        }
        Violation::MinItems { limit } => {
            ("too_few", format!("{name} needs at least {limit} entries"))
        }
        Violation::MinProperties { limit } => {
            ("too_few", format!("{name} needs at least {limit} members"))
        }
        Violation::Maximum { limit } => ("range", format!("{name} must be at most {limit}")),
        Violation::Minimum { limit } => ("range", format!("{name} must be at least {limit}")),
        Violation::UniqueItems => ("unique", format!("{name} has the same entry twice")),
        other => (
            "schema",
            format!("{name} breaks the rule `{}`", other.keyword()),
        ),
    };
    faults.push(fault(pointer, rule, &message));
}

fn code_rules(value: &Value, faults: &mut Vec<Fault>) {
    refuse_nul(value, &mut String::new(), faults);
    severity(value, faults);
    timeline(value, faults);
    handling_times(value, faults);
    super::drill::check(value, faults);
    for (index, entry) in entries(value.get("must_anonymise")).enumerate() {
        let text = entry
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or_default();
        // A string of invisible characters alone would match nowhere and so hide nothing.
        if Folded::new(text).is_empty() {
            let pointer = format!("/must_anonymise/{index}/text");
            faults.push(fault(
                &pointer,
                "blank",
                &format!("{} must not be blank", quoted(&pointer)),
            ));
        }
    }
}

/// U+0000 is legal JSON, but PostgreSQL cannot keep it in text.
fn refuse_nul(value: &Value, pointer: &mut String, faults: &mut Vec<Fault>) {
    let length = pointer.len();
    match value {
        Value::String(text) if text.contains('\0') => {
            let name = quoted(pointer.trim_start_matches('/'));
            faults.push(fault(
                pointer,
                "nul",
                &format!("{name} contains the character U+0000"),
            ));
        }
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                let _ = write!(pointer, "/{index}");
                refuse_nul(item, pointer, faults);
                pointer.truncate(length);
            }
        }
        Value::Object(members) => {
            // Keys need no escaping: the schema has let only its own pass.
            for (key, item) in members {
                let _ = write!(pointer, "/{key}");
                refuse_nul(item, pointer, faults);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

fn severity(value: &Value, faults: &mut Vec<Fault>) {
    let Some(severity) = value.get("severity") else {
        return;
    };
    let degree = |key| severity.get(key).and_then(Value::as_f64);
    let viewpoints = ["continuity", "safety", "trust"].map(degree);
    let highest = viewpoints
        .into_iter()
        .flatten()
        .fold(None, |top: Option<f64>, next| {
            Some(top.map_or(next, |top| top.max(next)))
        });
    let Some(highest) = highest else { return };
    let agrees = if viewpoints.iter().all(Option::is_some) {
        degree("level") == Some(highest)
    } else {
        // A viewpoint that is still open may raise the level, never lower it.
        degree("level").is_none_or(|level| level >= highest)
    };
    if !agrees {
        let message = "`severity/level` must be the highest of `continuity`, `safety` and `trust`";
        faults.push(fault("/severity/level", "severity_level", message));
    }
}

fn timeline(value: &Value, faults: &mut Vec<Fault>) {
    let mut before = None;
    for (index, entry) in entries(value.get("timeline")).enumerate() {
        let pointer = format!("/timeline/{index}/at");
        let Some(at) = entry.get("at").and_then(Value::as_str).and_then(instant) else {
            faults.push(fault(
                &pointer,
                "format",
                &format!("`timeline/{index}/at` must be a valid `date-time`"),
            ));
            continue;
        };
        if before.is_some_and(|before| at < before) {
            let message = format!("`timeline/{index}/at` is earlier than the entry before it");
            faults.push(fault(&pointer, "timeline_order", &message));
        }
        before = Some(at);
    }
}

fn handling_times(value: &Value, faults: &mut Vec<Fault>) {
    let Some(handling) = value.get("handling") else {
        return;
    };
    let mut read = |key: &str| {
        let at = instant(handling.get(key)?.as_str()?);
        if at.is_none() {
            let message = format!("`handling/{key}` must be a valid `date-time`");
            faults.push(fault(&format!("/handling/{key}"), "format", &message));
        }
        at
    };
    let (not_before, not_after) = (read("not_before"), read("not_after"));
    if let (Some(from), Some(to)) = (not_before, not_after)
        && to <= from
    {
        let message = "`handling/not_after` must be later than `handling/not_before`";
        faults.push(fault("/handling/not_after", "time_order", message));
    }
}

fn entries(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

fn member(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Puts text between back-ticks, cut to [`QUOTE_MAX`] characters.
fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    let mut rest = text.chars();
    out.extend(
        rest.by_ref()
            .take(QUOTE_MAX)
            .map(|c| if c.is_control() || c == '`' { '?' } else { c }),
    );
    out.push_str(if rest.next().is_some() { "…`" } else { "`" });
    out
}

fn listed(options: &Value) -> String {
    let one = std::slice::from_ref(options);
    let options = options.as_array().map_or(one, Vec::as_slice);
    let names: Vec<String> = options
        .iter()
        .map(|o| quoted(o.as_str().unwrap_or_default()))
        .collect();
    names.join(", ")
}
