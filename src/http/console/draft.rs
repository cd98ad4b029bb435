//! From a form to the report it stands for: the same JSON a program would send. It checks nothing; the
//! hub does, and its faults lead back to the fields by their places.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::visit::Fields;
use crate::report::Kind;

/// A text in the language it was written in, or in both.
fn both(fields: &Fields, name: &str) -> Option<Value> {
    let mut text = Map::new();
    for language in ["ja", "en"] {
        let words = fields.get(&format!("{name}_{language}"));
        if !words.is_empty() {
            text.insert(language.to_owned(), json!(words));
        }
    }
    (!text.is_empty()).then_some(Value::Object(text))
}

fn written_in(fields: &Fields) -> &'static str {
    if fields.get("written_in") == "en" {
        "en"
    } else {
        "ja"
    }
}

fn one(fields: &Fields, name: &str) -> Option<Value> {
    let words = fields.get(name);
    (!words.is_empty()).then(|| json!({ written_in(fields): words }))
}

fn lines<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    let all = fields.get(name).lines().map(str::trim);
    all.filter(|line| !line.is_empty()).collect()
}

fn texts(fields: &Fields, name: &str) -> Option<Value> {
    let language = written_in(fields);
    let list: Vec<Value> = lines(fields, name)
        .into_iter()
        .map(|line| json!({ language: line }))
        .collect();
    (!list.is_empty()).then_some(Value::Array(list))
}

fn codes(fields: &Fields, name: &str) -> Option<Value> {
    let list: Vec<&str> = fields.all(name).collect();
    (!list.is_empty()).then(|| json!(list))
}

fn plain(fields: &Fields, name: &str) -> Option<Value> {
    let words = fields.get(name);
    (!words.is_empty()).then(|| json!(words))
}

fn number(fields: &Fields, name: &str) -> Option<Value> {
    let words = fields.get(name);
    match words {
        "" => None,
        "unknown" => Some(json!("unknown")),
        // What is no number goes as it is, and the schema says so.
        _ => Some(
            words
                .parse::<i64>()
                .map_or_else(|_| json!(words), |n| json!(n)),
        ),
    }
}

/// A moment of Japan's time as the form has it, `2026-11-22T09:12` or with a space between.
fn moment(text: &str) -> Option<String> {
    let text = text.trim().replace(' ', "T");
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok())?;
    Some(local.format("%Y-%m-%dT%H:%M:%S+09:00").to_string())
}

/// Lines of `time words`; a line without a time keeps its words, and the schema asks for the time.
fn timeline(fields: &Fields) -> Option<Value> {
    let language = written_in(fields);
    let entries: Vec<Value> = lines(fields, "timeline")
        .into_iter()
        .map(|line| {
            // Ten letters of a date, five of a time, and what stands between.
            let cut = line.char_indices().nth(16).map_or(line.len(), |(at, _)| at);
            let (head, rest) = line.split_at(cut);
            match moment(head) {
                Some(at) => json!({ "at": at, "text": { language: rest.trim() } }),
                None => json!({ "text": { language: line } }),
            }
        })
        .collect();
    (!entries.is_empty()).then_some(Value::Array(entries))
}

/// Lines of `text => replacement`.
fn must_anonymise(fields: &Fields) -> Option<Value> {
    let list: Vec<Value> = lines(fields, "must_anonymise")
        .into_iter()
        .map(|line| {
            let (text, replacement) = line.split_once("=>").unwrap_or((line, ""));
            let replacement = replacement.trim();
            let mut one = Map::new();
            one.insert("text".to_owned(), json!(text.trim()));
            one.insert("type".to_owned(), json!("other"));
            if !replacement.is_empty() {
                one.insert(
                    format!("replace_{}", written_in(fields)),
                    json!(replacement),
                );
            }
            Value::Object(one)
        })
        .collect();
    (!list.is_empty()).then_some(Value::Array(list))
}

/// `scheme level`, as the choice of a level is written.
fn handling(fields: &Fields) -> Option<Value> {
    let (scheme, level) = fields.get("level").split_once(' ')?;
    Some(json!({ "scheme": scheme, "level": level }))
}

fn severity(fields: &Fields) -> Option<Value> {
    let views = ["continuity", "safety", "trust"];
    if views.iter().all(|view| fields.get(view).is_empty()) {
        return None;
    }
    let mut severity = Map::new();
    let mut highest = Some(0);
    for view in views {
        let level = number(fields, view).unwrap_or_else(|| json!("unknown"));
        highest = highest.zip(level.as_i64()).map(|(a, b)| a.max(b));
        severity.insert(view.to_owned(), level);
    }
    let level = highest.map_or_else(|| json!("unknown"), |level| json!(level));
    severity.insert("level".to_owned(), level);
    severity.insert("basis".to_owned(), json!("provisional_self_assessment"));
    Some(Value::Object(severity))
}

fn put(to: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        to.insert(name.to_owned(), value);
    }
}

fn object(members: Vec<(&str, Option<Value>)>) -> Option<Value> {
    let mut out = Map::new();
    for (name, value) in members {
        put(&mut out, name, value);
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// The report that a form of this kind stands for.
pub fn report(kind: Kind, fields: &Fields) -> Value {
    let mut out = Map::new();
    out.insert("kind".to_owned(), json!(kind.as_str()));
    put(&mut out, "handling", handling(fields));
    put(&mut out, "reference", plain(fields, "reference"));
    put(
        &mut out,
        "source_operator",
        plain(fields, "source_operator"),
    );
    put(&mut out, "title", both(fields, "title"));
    put(&mut out, "summary", both(fields, "summary"));
    put(&mut out, "must_anonymise", must_anonymise(fields));
    if kind == Kind::Advisory {
        put(&mut out, "advisory", advisory(fields));
        return Value::Object(out);
    }
    put(&mut out, "stage", plain(fields, "stage"));
    put(&mut out, "sector", plain(fields, "sector"));
    put(&mut out, "useful_for_sectors", codes(fields, "useful_for"));
    put(&mut out, "organisation", one(fields, "organisation"));
    put(&mut out, "narrative", one(fields, "narrative"));
    put(&mut out, "lesson", one(fields, "lesson"));
    put(
        &mut out,
        "contributing_factors",
        texts(fields, "contributing_factors"),
    );
    put(&mut out, "best_practices", texts(fields, "best_practices"));
    if kind == Kind::BestPractice {
        put(&mut out, "practice", one(fields, "practice"));
        put(&mut out, "preconditions", texts(fields, "preconditions"));
        put(&mut out, "cost", one(fields, "cost"));
        put(&mut out, "effect", one(fields, "effect"));
        put(&mut out, "worked_in_sectors", codes(fields, "worked_in"));
        put(&mut out, "prevents_causes", codes(fields, "prevents"));
        return Value::Object(out);
    }
    put(&mut out, "event_types", codes(fields, "event_types"));
    put(&mut out, "cause_types", codes(fields, "cause_types"));
    put(&mut out, "sub_cause", plain(fields, "sub_cause"));
    put(&mut out, "malicious", plain(fields, "malicious"));
    put(&mut out, "severity", severity(fields));
    let impact = object(vec![
        ("description", one(fields, "impact")),
        ("duration_minutes", number(fields, "duration_minutes")),
        ("affected_count", number(fields, "affected_count")),
        ("ripple_to", codes(fields, "ripple_to")),
    ]);
    put(&mut out, "impact", impact);
    put(&mut out, "timeline", timeline(fields));
    put(&mut out, "root_cause", one(fields, "root_cause"));
    let measures = object(vec![
        ("interim", texts(fields, "interim")),
        ("permanent", texts(fields, "permanent")),
    ]);
    put(&mut out, "countermeasures", measures);
    Value::Object(out)
}

fn advisory(fields: &Fields) -> Option<Value> {
    let due = fields.get("due");
    let due = (!due.is_empty()).then(|| json!(moment(due).unwrap_or_else(|| due.to_owned())));
    object(vec![
        ("type", plain(fields, "type")),
        ("urgency", plain(fields, "urgency")),
        ("route", plain(fields, "route")),
        (
            "targets",
            object(vec![("sectors", codes(fields, "sectors"))]),
        ),
        ("measures", texts(fields, "measures")),
        ("due", due),
    ])
}

/// The field that a place of the report was written in; empty for none.
pub fn field_of(pointer: &str) -> &'static str {
    const PLACES: &[(&str, &str)] = &[
        ("/handling", "level"),
        ("/title", "title_ja"),
        ("/summary", "summary_ja"),
        ("/sector", "sector"),
        ("/source_operator", "source_operator"),
        ("/event_types", "event_types"),
        ("/cause_types", "cause_types"),
        ("/sub_cause", "sub_cause"),
        ("/severity", "continuity"),
        ("/impact/duration_minutes", "duration_minutes"),
        ("/impact/affected_count", "affected_count"),
        ("/impact", "impact"),
        ("/timeline", "timeline"),
        ("/must_anonymise", "must_anonymise"),
        ("/practice", "practice"),
        ("/narrative", "narrative"),
        ("/reference", "reference"),
        ("/advisory/type", "type"),
        ("/advisory/due", "due"),
        ("/advisory/measures", "measures"),
        ("/advisory/route", "route"),
        ("/advisory/urgency", "urgency"),
    ];
    let found = PLACES.iter().find(|(place, _)| pointer.starts_with(place));
    found.map_or("", |(_, field)| field)
}

/// A day after now, as a form's field for a moment has it.
pub fn in_a_day(now: DateTime<Utc>) -> String {
    let japan = now + TimeDelta::hours(9 + 24);
    japan.format("%Y-%m-%dT%H:00").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_the_report_a_program_would_send() {
        let fields = Fields(
            [
                ("level", "S3 丙"),
                ("title_ja", "停止"),
                ("summary_en", "stopped"),
                ("sector", "power"),
                ("event_types", "near_miss"),
                ("event_types", "info_leak"),
                ("cause_types", "unknown"),
                ("continuity", "2"),
                ("safety", "0"),
                ("trust", "1"),
                ("duration_minutes", "90"),
                ("timeline", "2026-11-22 09:12 検知\r\n\r\nいつか"),
                ("must_anonymise", "架空電力 => A社\n西町"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        );
        assert_eq!(
            report(Kind::IncidentCause, &fields),
            json!({
                "kind": "incident_cause", "handling": {"scheme": "S3", "level": "丙"},
                "title": {"ja": "停止"}, "summary": {"en": "stopped"},
                "must_anonymise": [
                    {"text": "架空電力", "type": "other", "replace_ja": "A社"}, {"text": "西町", "type": "other"},
                ],
                "sector": "power", "event_types": ["near_miss", "info_leak"], "cause_types": ["unknown"],
                "severity": {"continuity": 2, "safety": 0, "trust": 1, "level": 2, "basis": "provisional_self_assessment"},
                "impact": {"duration_minutes": 90},
                "timeline": [{"at": "2026-11-22T09:12:00+09:00", "text": {"ja": "検知"}}, {"text": {"ja": "いつか"}}],
            })
        );
    }
}
