//! A CSAF document as a report of the kind `advisory`: what it says of itself goes to the members
//! people search and read; the document goes along whole.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Document;

/// What the sender states beside the document, since CSAF has no place for it.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The type of advisory; by default it follows from the document's category.
    pub kind: Option<String>,
    /// How urgent it is.
    pub urgency: Option<String>,
    /// By which way it goes.
    pub route: Option<String>,
    /// The sectors it is for.
    pub sectors: Vec<String>,
    /// Scheme and level of the sender, where the document's label is not to choose it.
    pub level: Option<(String, String)>,
}

/// The most entries of one list that a report takes from a document.
const ENTRIES_MAX: usize = 200;
const WORDS_MAX: usize = 20_000;
const REFERENCE_MAX: usize = 100;

/// Makes the report; it has still to pass the checks of one.
#[must_use]
pub fn report(document: &Document, beside: &Beside) -> Value {
    let mut advisory = Map::new();
    let kind = beside.kind.as_deref().unwrap_or_else(|| kind(document));
    advisory.insert("type".to_owned(), json!(kind));
    for (key, value) in [("urgency", &beside.urgency), ("route", &beside.route)] {
        advisory.extend(value.as_ref().map(|value| (key.to_owned(), json!(value))));
    }
    let mut targets = Map::new();
    if !beside.sectors.is_empty() {
        targets.insert("sectors".to_owned(), json!(beside.sectors));
    }
    let lists = |into: &mut Map<String, Value>, key: &str, list: Vec<Value>| {
        if !list.is_empty() {
            into.insert(key.to_owned(), Value::Array(list));
        }
    };
    lists(&mut targets, "products", products(document));
    if !targets.is_empty() {
        advisory.insert("targets".to_owned(), Value::Object(targets));
    }
    lists(&mut advisory, "measures", measures(document));
    lists(&mut advisory, "references", references(document));
    advisory.insert("csaf".to_owned(), json!(document.text()));

    let title = document.string("/document/title").unwrap_or_default();
    let mut report = Map::from_iter([
        ("kind".to_owned(), json!("advisory")),
        ("title".to_owned(), words(document, title)),
        ("summary".to_owned(), summary(document, title)),
        ("stage".to_owned(), json!(stage(document))),
        ("advisory".to_owned(), Value::Object(advisory)),
    ]);
    let number = document.tracking_id();
    if number.chars().count() <= REFERENCE_MAX {
        report.insert("reference".to_owned(), json!(number));
    }
    lists(&mut report, "indicators", vulnerabilities(document));
    let mut handling = Map::new();
    if let Some((scheme, level)) = &beside.level {
        handling.insert("scheme".to_owned(), json!(scheme));
        handling.insert("level".to_owned(), json!(level));
    }
    if let Some(tlp) = document.tlp() {
        handling.insert("tlp".to_owned(), json!(tlp.word()));
    }
    if let Some(group) = document.sharing_group() {
        handling.insert("sharing_group".to_owned(), json!(group));
    }
    if !handling.is_empty() {
        report.insert("handling".to_owned(), Value::Object(handling));
    }
    Value::Object(report)
}

/// By the profile the document names (section 4).
fn kind(document: &Document) -> &'static str {
    match document.string("/document/category").unwrap_or_default() {
        "csaf_security_advisory" | "csaf_vex" | "csaf_deprecated_security_advisory" => {
            "vulnerability"
        }
        "csaf_informational_advisory" => "reference",
        _ => "alert",
    }
}

fn stage(document: &Document) -> &'static str {
    match document.string("/document/tracking/status") {
        Some("final") => "final",
        _ => "follow_up",
    }
}

/// Words in the document's language; what is not Japanese stands where English does.
fn words(document: &Document, text: &str) -> Value {
    let lang = document.string("/document/lang").unwrap_or_default();
    let japanese = lang.split('-').next() == Some("ja");
    let text: String = text.chars().take(WORDS_MAX).collect();
    json!({ if japanese { "ja" } else { "en" }: text })
}

fn summary(document: &Document, title: &str) -> Value {
    let notes = || items(document.value().pointer("/document/notes"));
    let of = |category: &str| {
        notes().find_map(|note| {
            (note.get("category")?.as_str()? == category)
                .then(|| note.get("text")?.as_str())
                .flatten()
        })
    };
    let text = ["summary", "description", "general", "details"]
        .into_iter()
        .find_map(of);
    words(document, text.unwrap_or(title))
}

fn measures(document: &Document) -> Vec<Value> {
    let found = items(document.value().get("vulnerabilities"))
        .flat_map(|one| items(one.get("remediations")))
        .filter_map(|one| one.get("details")?.as_str());
    distinct(found, WORDS_MAX)
        .iter()
        .map(|text| words(document, text))
        .collect()
}

fn vulnerabilities(document: &Document) -> Vec<Value> {
    let found =
        items(document.value().get("vulnerabilities")).filter_map(|one| one.get("cve")?.as_str());
    distinct(found, 100)
        .iter()
        .map(|cve| json!({ "type": "cve", "value": cve }))
        .collect()
}

fn references(document: &Document) -> Vec<Value> {
    let found = items(document.value().pointer("/document/references"));
    found
        .filter_map(|one| {
            let (title, url) = (one.get("summary")?.as_str()?, one.get("url")?.as_str()?);
            (url.len() <= 2000).then(
                || json!({ "title": title.chars().take(1000).collect::<String>(), "url": url }),
            )
        })
        .take(ENTRIES_MAX)
        .collect()
}

/// The names of products, wherever in the tree they stand (section 3.1.3.3).
fn products(document: &Document) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    let mut open: Vec<&Value> = document.value().get("product_tree").into_iter().collect();
    while let Some(node) = open.pop() {
        match node {
            Value::Object(members) => {
                let is_product = members.contains_key("product_id");
                let name = members.get("name").and_then(Value::as_str);
                names.extend(name.filter(|_| is_product));
                open.extend(members.values());
            }
            Value::Array(list) => open.extend(list.iter().rev()),
            _ => {}
        }
    }
    let names = distinct(names.into_iter(), 500);
    names.into_iter().map(Value::from).collect()
}

/// What is there, once each, in the order it came.
fn distinct<'a>(words: impl Iterator<Item = &'a str>, longest: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    words
        .map(|text| text.chars().take(longest).collect::<String>())
        .filter(|text| !text.trim().is_empty() && seen.insert(text.clone()))
        .take(ENTRIES_MAX)
        .collect()
}

fn items(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}
