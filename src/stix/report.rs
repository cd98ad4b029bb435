//! A report as STIX 2.1 objects, and back without loss (but for the CSAF document of an advisory).
//!
//! Whatever STIX has a place for goes there: title and summary are name and description, the other
//! language a `language-content`, measures and practices are `course-of-action` objects, indicators
//! carry patterns, the source's number is an external reference, and one `report` object ties all.
//! What has no place goes into the hub's own property extension on the object it speaks of. The
//! module mints nothing: ids, times, creator and markings come from its caller.

mod pattern;
mod read;
#[cfg(test)]
mod tests;
mod words;

use serde_json::{Map, Value, json};

use crate::report::drill::is_drill;

pub use read::{FromStixError, from_stix};
use words::Spoken;

/// The hub's property extension for what STIX has no place for.
pub const REPORT_EXTENSION: &str = "extension-definition--5b6a7f0e-3f0c-4c5e-9d0b-6d8f5a1c2e47";
/// The Incident Core extension of the OASIS common object repository.
pub const INCIDENT_CORE_EXTENSION: &str =
    "extension-definition--ef765651-680c-498d-9894-99799f2fa126";
/// `source_name` of the external reference that holds the source's own number.
const REFERENCE_SOURCE: &str = "source-reference";
/// Longest measure that is shown whole as the name of its object, in characters.
const NAME_MAX: usize = 120;

/// Members of a report that speak of the incident itself; they go on the `incident` object.
const INCIDENT_MEMBERS: [&str; 9] = [
    "event_types",
    "cause_types",
    "sub_cause",
    "malicious",
    "severity",
    "impact",
    "timeline",
    "root_cause",
    "contributing_factors",
];
/// Members that speak of the practice; they go on its `course-of-action`.
const PRACTICE_MEMBERS: [&str; 5] = [
    "preconditions",
    "cost",
    "effect",
    "worked_in_sectors",
    "prevents_causes",
];

/// What the caller decides about the objects of one report.
pub struct Mapping<'a> {
    /// Gives the STIX id for an object type and a role inside the report, such as `indicator` and
    /// `indicator/0`; the same pair must always give the same id.
    pub id: &'a dyn Fn(&str, &str) -> String,
    /// STIX timestamp of the first version.
    pub created: String,
    /// STIX timestamp of this version.
    pub modified: String,
    /// Identity object that is put first and named as the creator of all others.
    pub creator: Option<Value>,
    /// Markings that every object carries.
    pub object_marking_refs: Vec<String>,
}

/// Makes the STIX objects of a report that has passed its checks, as submitted or anonymised.
///
/// Roles passed to `Mapping::id`: `report`, `incident`, `measure/interim/N`,
/// `measure/permanent/N`, `practice`, `practice/N`, `advisory`, `indicator/N`, and `language/` before each of
/// them for its `language-content`; `N` counts from 0.
pub fn to_stix(report: &Value, ctx: &Mapping<'_>) -> Vec<Value> {
    let mut rest = report.as_object().cloned().unwrap_or_default();
    let (empty_lists, empty_objects) = prune(&mut rest);
    let mut take = |key: &str| rest.shift_remove(key);
    let kind = take("kind");
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
    let (title, summary) = (
        take("title").unwrap_or_default(),
        take("summary").unwrap_or_default(),
    );
    let mut out = Writer {
        ctx,
        objects: ctx.creator.iter().cloned().collect(),
        refs: Vec::new(),
    };

    if kind == "incident_cause" {
        let members = INCIDENT_MEMBERS
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), take(key)?)))
            .collect();
        let spoken = words::speak(&[("name", &title), ("description", &summary)]);
        out.incident(spoken, members, report);
        let measures = take("countermeasures").unwrap_or_default();
        for list in ["interim", "permanent"] {
            for (position, text) in items(measures.get(list)).enumerate() {
                out.measure(&format!("measure/{list}/{position}"), text, list, position);
            }
        }
    } else if kind == "advisory" {
        let mut advisory = take("advisory").unwrap_or_default();
        // The document it was read from is served as it came, beside the STIX form.
        advisory
            .as_object_mut()
            .map(|members| members.shift_remove("csaf"));
        let extension = Map::from_iter([
            ("role".to_owned(), json!("advisory")),
            ("advisory".to_owned(), advisory),
        ]);
        let spoken = words::speak(&[("name", &title), ("description", &summary)]);
        out.push(
            "course-of-action",
            "advisory",
            spoken,
            Map::new(),
            extension,
        );
    } else {
        let practice = take("practice").unwrap_or_default();
        let members = PRACTICE_MEMBERS
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), take(key)?)));
        let extension = std::iter::once(("role".to_owned(), json!("practice")))
            .chain(members)
            .collect();
        let spoken = words::speak(&[("name", &title), ("description", &practice)]);
        out.push(
            "course-of-action",
            "practice",
            spoken,
            Map::new(),
            extension,
        );
    }
    for (position, text) in items(take("best_practices").as_ref()).enumerate() {
        out.measure(
            &format!("practice/{position}"),
            text,
            "best_practice",
            position,
        );
    }
    let mut others = Vec::new();
    for (position, item) in items(take("indicators").as_ref()).enumerate() {
        if !out.indicator(position, item) {
            let mut item = item.as_object().cloned().unwrap_or_default();
            item.insert("position".to_owned(), json!(position));
            others.push(Value::Object(item));
        }
    }

    let mut standard = Map::new();
    if let Some(reference) = take("reference") {
        let reference = json!([{"source_name": REFERENCE_SOURCE, "external_id": reference}]);
        standard.insert("external_references".to_owned(), reference);
    }
    standard.insert("report_types".to_owned(), json!([kind.replace('_', "-")]));
    standard.insert("published".to_owned(), json!(ctx.created));
    standard.insert("object_refs".to_owned(), json!(out.refs));
    for (key, list) in [
        ("other_indicators", others),
        ("empty_lists", empty_lists),
        ("empty_objects", empty_objects),
    ] {
        if !list.is_empty() {
            rest.insert(key.to_owned(), Value::Array(list));
        }
    }
    let spoken = words::speak(&[("name", &title), ("description", &summary)]);
    out.push("report", "report", spoken, standard, rest);
    if is_drill(report) {
        let own = |object: &&mut Value| object.get("type") != Some(&json!("identity"));
        for object in out.objects.iter_mut().filter(own) {
            if let Some(members) = object.as_object_mut() {
                members.insert("labels".to_owned(), json!(["drill"]));
            }
        }
    }
    out.objects
}

/// Makes the extension-definition object of [`REPORT_EXTENSION`]; `created` is a STIX timestamp.
pub fn extension_definition(creator_id: &str, created: &str) -> Value {
    json!({
        "type": "extension-definition", "spec_version": "2.1", "id": REPORT_EXTENSION,
        "created_by_ref": creator_id, "created": created, "modified": created,
        "name": "Sekisho report",
        "description": "Members of an incident cause or best practice report that STIX has no property for.",
        "schema": "https://sekisho.example/schemas/report.schema.json",
        "version": "1.0.0", "extension_types": ["property-extension"]
    })
}

struct Writer<'a> {
    ctx: &'a Mapping<'a>,
    objects: Vec<Value>,
    refs: Vec<String>,
}

impl Writer<'_> {
    fn incident(&mut self, spoken: Spoken, mut members: Map<String, Value>, report: &Value) {
        let first = report.get("stage").and_then(Value::as_str) == Some("first");
        let closed = report
            .get("stage")
            .and_then(Value::as_str)
            .unwrap_or("final")
            == "final";
        let near_miss = members.get("event_types") == Some(&json!(["near_miss"]));
        let mut core = json!({
            "extension_type": "property-extension",
            "determination": if first || near_miss { "suspected" } else { "confirmed" },
            "investigation_status": if closed { "closed" } else { "open" },
        });
        // `severity` is a reserved property name (STIX 3.8).
        if let Some(severity) = members.shift_remove("severity") {
            if let Some(level) = severity.get("level").filter(|level| level.is_number()) {
                let meaning = "0 to 4: the highest of continuity, safety and trust";
                let score =
                    json!([{"name": "severity-level", "value": level, "description": meaning}]);
                core.as_object_mut()
                    .map(|core| core.insert("scores".to_owned(), score));
            }
            members.insert("severity_assessment".to_owned(), severity);
        }
        let mut standard = Map::new();
        standard.insert(
            "extensions".to_owned(),
            json!({ INCIDENT_CORE_EXTENSION: core }),
        );
        self.push("incident", "incident", spoken, standard, members);
    }

    fn measure(&mut self, role: &str, text: &Value, part: &str, position: usize) {
        let name = short_name(text);
        let parts = [
            ("name", name.as_ref().unwrap_or(text)),
            ("description", text),
        ];
        let spoken = words::speak(if name.is_some() {
            &parts
        } else {
            parts.get(..1).unwrap_or_default()
        });
        let extension = Map::from_iter([
            ("role".to_owned(), json!(part)),
            ("position".to_owned(), json!(position)),
        ]);
        self.push("course-of-action", role, spoken, Map::new(), extension);
    }

    /// Writes an indicator that STIX can express; `false` says that it cannot.
    fn indicator(&mut self, position: usize, item: &Value) -> bool {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, value) = (text("type"), text("value"));
        let spoken = item
            .get("note")
            .map(|note| words::speak(&[("description", note)]))
            .unwrap_or_default();
        let mut extension = Map::from_iter([("position".to_owned(), json!(position))]);
        let role = format!("indicator/{position}");
        if kind == "cve" && pattern::is_cve(value) {
            let standard = Map::from_iter([
                ("name".to_owned(), json!(value)),
                (
                    "external_references".to_owned(),
                    json!([{"source_name": "cve", "external_id": value}]),
                ),
            ]);
            // The name of a vulnerability is its number; only the note has a language.
            self.push("vulnerability", &role, spoken, standard, extension);
            return true;
        }
        let Some(pattern) = pattern::write(kind, value) else {
            return false;
        };
        if pattern::read(&pattern).is_none_or(|read| read != (kind, value.to_owned())) {
            extension.insert("submitted_value".to_owned(), json!(value));
        }
        let standard = Map::from_iter([
            ("pattern".to_owned(), json!(pattern)),
            ("pattern_type".to_owned(), json!("stix")),
            ("valid_from".to_owned(), json!(self.ctx.created)),
        ]);
        self.push("indicator", &role, spoken, standard, extension);
        true
    }

    fn push(
        &mut self,
        kind: &str,
        role: &str,
        spoken: Spoken,
        standard: Map<String, Value>,
        extension: Map<String, Value>,
    ) {
        let mut object = self.envelope(kind, role);
        let id = object.get("id").cloned().unwrap_or_default();
        object.extend(spoken.properties);
        object.extend(standard);
        let body = std::iter::once(("extension_type".to_owned(), json!("property-extension")))
            .chain(extension);
        let body = Value::Object(body.collect());
        let extensions = object.entry("extensions").or_insert_with(|| json!({}));
        extensions
            .as_object_mut()
            .map(|all| all.insert(REPORT_EXTENSION.to_owned(), body));
        self.refs.extend(id.as_str().map(str::to_owned));
        self.objects.push(Value::Object(object));
        if !spoken.translations.is_empty() {
            let mut language = self.envelope("language-content", &format!("language/{role}"));
            language.insert("object_ref".to_owned(), id);
            language.insert("object_modified".to_owned(), json!(self.ctx.modified));
            language.insert("contents".to_owned(), Value::Object(spoken.translations));
            self.objects.push(Value::Object(language));
        }
    }

    fn envelope(&self, kind: &str, role: &str) -> Map<String, Value> {
        let mut object = Map::from_iter([
            ("type".to_owned(), json!(kind)),
            ("spec_version".to_owned(), json!("2.1")),
            ("id".to_owned(), json!((self.ctx.id)(kind, role))),
        ]);
        if let Some(creator) = self
            .ctx
            .creator
            .as_ref()
            .and_then(|creator| creator.get("id"))
        {
            object.insert("created_by_ref".to_owned(), creator.clone());
        }
        object.insert("created".to_owned(), json!(self.ctx.created));
        object.insert("modified".to_owned(), json!(self.ctx.modified));
        if !self.ctx.object_marking_refs.is_empty() {
            object.insert(
                "object_marking_refs".to_owned(),
                json!(self.ctx.object_marking_refs),
            );
        }
        object
    }
}

/// Cuts a measure to the length of a name; `None` where it is short enough in every language.
fn short_name(text: &Value) -> Option<Value> {
    let languages = text.as_object()?;
    let long = |words: &Value| {
        words
            .as_str()
            .is_some_and(|words| words.chars().nth(NAME_MAX).is_some())
    };
    if !languages.values().any(long) {
        return None;
    }
    let cut = |words: &Value| {
        let words = words.as_str().unwrap_or_default().trim_start();
        match words.char_indices().nth(NAME_MAX - 1) {
            Some((end, _)) if words.chars().nth(NAME_MAX).is_some() => {
                format!("{}…", words.get(..end).unwrap_or_default().trim_end())
            }
            _ => words.to_owned(),
        }
    };
    Some(
        languages
            .iter()
            .map(|(lang, words)| (lang.clone(), json!(cut(words))))
            .collect(),
    )
}

/// Takes out empty lists and objects, which STIX forbids, and returns pointers to them.
fn prune(report: &mut Map<String, Value>) -> (Vec<Value>, Vec<Value>) {
    fn walk(
        members: &mut Map<String, Value>,
        path: &str,
        lists: &mut Vec<Value>,
        objects: &mut Vec<Value>,
    ) {
        members.retain(|key, value| {
            let path = format!("{path}/{key}");
            match value {
                Value::Array(list) if list.is_empty() => lists.push(json!(path)),
                Value::Object(inner) => {
                    walk(inner, &path, lists, objects);
                    if !inner.is_empty() {
                        return true;
                    }
                    objects.push(json!(path));
                }
                _ => return true,
            }
            false
        });
    }
    let (mut lists, mut objects) = (Vec::new(), Vec::new());
    walk(report, "", &mut lists, &mut objects);
    (lists, objects)
}

fn items(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}
