//! The STIX form of a case as a drawing: the objects this reader would take, in layers by what they
//! are, with what leads from which to which; and the same as a table. Whoever may not take the STIX
//! form has no such page. The drawing follows from the objects alone, in the order they are served.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::response::Response;
use serde_json::Value;

use super::cases::{Line, content, id_of, line, strings};
use super::language::Language;
use super::page::{Page, render};
use super::trouble::Trouble;
use super::visit::Seated;
use super::words::word;
use crate::handling::Channel;
use crate::http::Hub;

/// So many objects are drawn; the table has all.
const DRAWN_MAX: usize = 120;

/// Sizes in the drawing's own units.
const BOX: (usize, usize) = (210, 46);
const STEP: (usize, usize) = (300, 66);
const EDGE: usize = 12;

/// So many letters of a name fit into a box.
const LETTERS: usize = 14;

/// What belongs in which layer; whatever is not here is an observable.
const LAYERS: &[&[&str]] = &[
    &["report", "grouping"],
    &["identity", "case", "note", "opinion"],
    &[
        "incident",
        "attack-pattern",
        "campaign",
        "intrusion-set",
        "threat-actor",
        "malware",
        "tool",
        "vulnerability",
        "course-of-action",
        "infrastructure",
        "location",
    ],
    &["indicator", "observed-data", "sighting", "malware-analysis"],
];

/// Objects that say how others are to be read; they are neither drawn nor listed.
const ASIDE: &[&str] = &[
    "relationship",
    "marking-definition",
    "extension-definition",
    "language-content",
];

/// One object.
#[derive(Debug, Default)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Its type in words.
    pub of: String,
    /// What it is called.
    pub name: String,
    /// As much of it as fits.
    pub short: String,
    /// Where it leads: its row, or a case.
    pub to: String,
    /// Place of its box; nothing where it is not drawn.
    pub at: Option<(usize, usize)>,
    /// What leads from it to what: the word, and the other's place in the list.
    pub leads: Vec<(String, usize)>,
}

/// A line between two boxes.
#[derive(Debug)]
pub struct Edge {
    /// Its path.
    pub path: String,
    /// The word at it, and where; a container's own lines have none.
    pub word: Option<(String, usize, usize)>,
}

/// Objects with their places.
#[derive(Debug, Default)]
pub struct Graph {
    /// The objects, in the order of the table.
    pub nodes: Vec<Node>,
    /// The lines.
    pub edges: Vec<Edge>,
    /// Width of the drawing.
    pub width: usize,
    /// And height.
    pub height: usize,
}

#[derive(Template)]
#[template(path = "console/graph.html")]
struct GraphPage {
    p: Page,
    line: Line,
    graph: Graph,
    drawn: usize,
}

impl GraphPage {
    fn name(&self, at: &usize) -> &str {
        self.graph
            .nodes
            .get(*at)
            .map_or("", |node| node.name.as_str())
    }
}

/// `GET /console/cases/{id}/graph`.
pub async fn show(
    State(hub): State<Hub>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    seated: Seated,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let (caller, language) = (seated.caller(), seated.language());
    // As for the STIX form itself: through the channel by which copies are taken.
    let copies = hub.exchange.view(Some(caller), Channel::Rest).await?;
    let report = hub.exchange.report(&copies, &id).await?;
    let report = report.ok_or_else(Trouble::not_found)?;
    let objects = hub.exchange.report_objects(&copies, &id).await?;
    let objects = objects.ok_or_else(Trouble::not_found)?.into_iter();
    let objects: Vec<Value> = objects
        .filter_map(|object| serde_json::from_str(&object.bytes).ok())
        .collect();
    let view = seated.view(&hub).await?;
    let mut related = Vec::new();
    for other in strings(content(&report).get("related")) {
        if let Some(other) = hub.exchange.report(&view, &other).await? {
            let title = line(language, &caller.directory, &other).title.words;
            related.push((other.id, title));
        }
    }
    let line = line(language, &caller.directory, &report);
    let graph = graph(language, &objects, &line.id, &related);
    render(&GraphPage {
        p: Page::of(&seated.visit, "/console/cases"),
        drawn: graph.nodes.iter().filter(|node| node.at.is_some()).count(),
        graph,
        line,
    })
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What an object is called: its name, or what it holds.
fn called(object: &Value) -> String {
    let names = [
        "name", "value", "pattern", "path", "abstract", "opinion", "key", "user_id", "number",
    ];
    let mut named = names.iter().filter_map(|name| match object.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    named
        .find(|name| !name.is_empty())
        .or_else(|| {
            let hashes = object.get("hashes")?.as_object()?;
            Some(hashes.values().next()?.as_str()?.to_owned())
        })
        .unwrap_or_else(|| text(object, "id").to_owned())
}

/// Every reference of an object but those to markings: the word of it, and the id.
fn references(object: &Value) -> Vec<(String, String)> {
    let members = object.as_object().into_iter().flatten();
    let mut found = Vec::new();
    for (name, value) in members {
        let Some(plain) = name
            .strip_suffix("_refs")
            .or_else(|| name.strip_suffix("_ref"))
        else {
            continue;
        };
        if plain == "object_marking" {
            continue;
        }
        let word = plain.replace('_', "-");
        found.extend(
            strings(Some(value))
                .into_iter()
                .map(|id| (word.clone(), id)),
        );
        found.extend(value.as_str().map(|id| (word.clone(), id.to_owned())));
    }
    found.dedup();
    found
}

fn short(name: &str) -> String {
    let mut letters = name.chars();
    let start: String = letters.by_ref().take(LETTERS).collect();
    if letters.next().is_some() {
        format!("{start}…")
    } else {
        start
    }
}

/// The graph of some objects: a function of them, their order and the language.
fn graph(language: Language, objects: &[Value], own: &str, related: &[(String, String)]) -> Graph {
    let mut graph = Graph::default();
    for object in objects {
        let kind = text(object, "type");
        if ASIDE.contains(&kind) {
            continue;
        }
        let name = called(object);
        graph.nodes.push(Node {
            id: text(object, "id").to_owned(),
            kind: kind.to_owned(),
            of: word(language, "stix", kind).to_owned(),
            short: short(&name),
            name,
            ..Node::default()
        });
    }
    let first = graph.nodes.len();
    for (other, title) in related {
        graph.nodes.push(Node {
            id: format!("report--{other}"),
            kind: "case".to_owned(),
            of: word(language, "stix", "case").to_owned(),
            name: title.clone(),
            short: short(title),
            to: format!("/console/cases/{other}"),
            ..Node::default()
        });
    }
    // By layer and then as served; the table has the same order.
    let layer = |kind: &str| {
        let known = LAYERS.iter().position(|layer| layer.contains(&kind));
        known.unwrap_or(LAYERS.len())
    };
    let others: Vec<String> = graph
        .nodes
        .iter()
        .skip(first)
        .map(|node| node.id.clone())
        .collect();
    graph.nodes.sort_by_key(|node| layer(&node.kind));
    let places: HashMap<String, usize> = graph
        .nodes
        .iter()
        .enumerate()
        .map(|(at, node)| (node.id.clone(), at))
        .collect();
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, node) in graph.nodes.iter_mut().enumerate() {
        if node.to.is_empty() {
            node.to = if node.id == format!("report--{}", own) {
                format!("/console/cases/{}", own)
            } else {
                format!("#object-{at}")
            };
        }
        if at >= DRAWN_MAX {
            continue;
        }
        let column = layer(&node.kind);
        let row = rows.entry(column).or_default();
        node.at = Some((EDGE + column * STEP.0, EDGE + *row * STEP.1));
        *row += 1;
    }
    let mut leads: Vec<(usize, String, usize)> = Vec::new();
    let mut lead = |from: &str, word: &str, to: &str| {
        if let (Some(from), Some(to)) = (places.get(from), places.get(to)) {
            leads.push((*from, word.to_owned(), *to));
        }
    };
    for object in objects {
        let id = text(object, "id");
        if text(object, "type") == "relationship" {
            let (from, to) = (text(object, "source_ref"), text(object, "target_ref"));
            lead(from, text(object, "relationship_type"), to);
            continue;
        }
        for (word, other) in references(object) {
            lead(id, &word, &other);
        }
    }
    for other in &others {
        lead(&format!("report--{}", own), "related", other);
    }
    for (from, word, to) in leads {
        let place = |at: usize| graph.nodes.get(at).and_then(|node| node.at);
        // Everything has a creator: drawn for the report alone, the table has it for all.
        let container = graph
            .nodes
            .get(from)
            .is_some_and(|node| layer(&node.kind) == 0);
        let drawn = container || word != "created-by";
        if let (Some(one), Some(other), true) = (place(from), place(to), drawn) {
            graph.edges.push(edge(one, other, &word));
        }
        if let Some(node) = graph.nodes.get_mut(from) {
            node.leads.push((word, to));
        }
    }
    let columns = rows.keys().next_back().map_or(1, |last| last + 1);
    let longest = rows.values().copied().max().unwrap_or(1);
    graph.width = 2 * EDGE + (columns - 1) * STEP.0 + BOX.0;
    graph.height = 2 * EDGE + (longest - 1) * STEP.1 + BOX.1;
    graph
}

/// A line from one box to another, out at its right and in at the left; backwards the other way
/// round, and within a layer along the left side.
fn edge((x, y): (usize, usize), (to_x, to_y): (usize, usize), word: &str) -> Edge {
    let half = BOX.1 / 2;
    let (from, to) = if x < to_x {
        ((x + BOX.0, y + half), (to_x, to_y + half))
    } else if x > to_x {
        ((x, y + half), (to_x + BOX.0, to_y + half))
    } else {
        ((x, y + half), (to_x, to_y + half))
    };
    let middle = if x == to_x {
        x.saturating_sub(EDGE)
    } else {
        usize::midpoint(from.0, to.0)
    };
    let path = format!(
        "M{} {}C{middle} {} {middle} {} {} {}",
        from.0, from.1, from.1, to.1, to.0, to.1
    );
    let told = !["object", "created-by"].contains(&word);
    Edge {
        path,
        word: told.then(|| (word.to_owned(), middle, usize::midpoint(from.1, to.1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_there_is_drawn_and_what_is_not_leaves_no_line() {
        let objects = [
            json!({"type": "report", "id": "report--1", "name": "事例", "object_refs": ["indicator--1", "malware--9"], "object_marking_refs": ["marking-definition--1"]}),
            json!({"type": "indicator", "id": "indicator--1", "pattern": "[ipv4-addr:value = '198.51.100.7']"}),
            json!({"type": "marking-definition", "id": "marking-definition--1"}),
            json!({"type": "relationship", "id": "relationship--1", "source_ref": "indicator--1", "target_ref": "malware--9", "relationship_type": "indicates"}),
            json!({"type": "relationship", "id": "relationship--2", "source_ref": "indicator--1", "target_ref": "report--1", "relationship_type": "related-to"}),
        ];
        let one = graph(Language::En, &objects, "1", &[]);
        let names: Vec<&str> = one.nodes.iter().map(|node| node.kind.as_str()).collect();
        assert_eq!(names, ["report", "indicator"]);
        let leads: Vec<_> = one.nodes.iter().map(|node| node.leads.clone()).collect();
        assert_eq!(
            leads,
            [
                vec![("object".to_owned(), 1)],
                vec![("related-to".to_owned(), 0)]
            ]
        );
        assert_eq!(one.edges.len(), 2);
        let again = graph(Language::En, &objects, "1", &[]);
        assert_eq!(format!("{one:?}"), format!("{again:?}"));
    }
}
