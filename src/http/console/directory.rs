//! The directory as its reader may know it, and the rule matrix: every level of every scheme, dimension
//! by dimension, and what two of them join to.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde_json::Value;

use super::door::query;
use super::page::{Page, render};
use super::trouble::Trouble;
use super::visit::Seated;
use crate::council::combine::{Term, combine};
use crate::exchange::Refusal;
use crate::exchange::scheme_plan::may_plan_schemes;
use crate::handling::Clause;
use crate::handling::scheme::{Level, Scheme};
use crate::http::Hub;

/// A body as a row.
struct Row {
    id: String,
    name: String,
    kind: &'static str,
    standing: String,
    sectors: String,
    scheme: String,
}

#[derive(Template)]
#[template(path = "console/directory.html")]
struct DirectoryPage {
    p: Page,
    rows: Vec<Row>,
}

/// `GET /console/directory`.
pub async fn show(State(hub): State<Hub>, seated: Seated) -> Result<Response, Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let day = hub.exchange.clock().now().date_naive();
    let directory = &caller.directory;
    let mut rows: Vec<Row> = directory
        .bodies()
        .filter(|body| caller.is_listed(body))
        .map(|body| {
            let sectors = directory.sectors_of(body, day);
            let names = sectors.iter().filter_map(|code| directory.sector(code));
            let names: Vec<&str> = names.map(|sector| language.name(&sector.name)).collect();
            let standing = serde_json::to_value(body.standing).unwrap_or_default();
            Row {
                id: body.id.to_string(),
                name: language.name(&body.name).to_owned(),
                kind: body.kind.word(),
                standing: standing.as_str().unwrap_or_default().to_owned(),
                sectors: names.join(language.t("、", ", ")),
                scheme: body.scheme.clone().unwrap_or_default(),
            }
        })
        .collect();
    rows.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    render(&DirectoryPage {
        p: Page::of(&seated.visit, "/console/directory"),
        rows,
    })
}

/// A scheme with its levels as columns.
struct Matrix {
    id: String,
    version: u32,
    default_level: String,
    levels: Vec<Level>,
    /// Dimension, its name in words, its value in each level.
    rows: Vec<(String, String, Vec<String>)>,
}

#[derive(Template)]
#[template(path = "console/rules.html")]
struct Rules {
    p: Page,
    schemes: Vec<Matrix>,
    choices: Vec<(String, String)>,
    first: String,
    second: String,
    joined: Option<Joined>,
    fault: String,
    /// Whether the reader drafts changes.
    plans: bool,
}

/// What two levels come to.
struct Joined {
    clauses: Vec<(String, String, String)>,
    audience: Vec<(String, String)>,
    conflicts: Vec<String>,
}

/// Every level of every scheme, as `scheme:level` and in words.
fn choices(schemes: &[&Scheme]) -> Vec<(String, String)> {
    let each = schemes.iter().flat_map(|scheme| {
        scheme.levels.iter().map(|level| {
            let value = format!("{}:{}", scheme.id, level.level);
            (value, format!("{} {}", scheme.id, level.level))
        })
    });
    each.collect()
}

/// A value of a rule in words.
pub fn told(p: &Page, value: &Value) -> String {
    let word = |text: &str| {
        let known = p.word("value", text);
        if known == text {
            p.word("purpose", text)
        } else {
            known
        }
    };
    match value {
        Value::Null => "—".to_owned(),
        Value::Bool(true) => p.t("はい", "yes").to_owned(),
        Value::Bool(false) => p.t("いいえ", "no").to_owned(),
        Value::String(text) => word(text),
        Value::Array(list) if list.is_empty() => "—".to_owned(),
        Value::Array(list) => {
            let words: Vec<String> = list.iter().map(|one| told(p, one)).collect();
            words.join(p.t("、", ", "))
        }
        Value::Object(members) if members.is_empty() => "—".to_owned(),
        Value::Object(members) => {
            if let (Some(depth), Some(form)) = (members.get("depth"), members.get("form")) {
                if form.as_str() == Some("none") {
                    return told(p, form);
                }
                return format!("{} · {}", told(p, depth), told(p, form));
            }
            let pairs: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", word(name), told(p, value)))
                .collect();
            pairs.join("\n")
        }
        other @ Value::Number(_) => other.to_string(),
    }
}

fn matrix(p: &Page, scheme: &Scheme) -> Matrix {
    let values: Vec<Value> = scheme
        .levels
        .iter()
        .map(|level| serde_json::to_value(level).unwrap_or_default())
        .collect();
    let names: Vec<String> = values
        .first()
        .and_then(Value::as_object)
        .map(|members| {
            members
                .keys()
                .filter(|name| *name != "level")
                .cloned()
                .collect()
        })
        .unwrap_or_default();
    Matrix {
        id: scheme.id.clone(),
        version: scheme.version,
        default_level: scheme.default_level.clone(),
        levels: scheme.levels.clone(),
        rows: names
            .into_iter()
            .map(|name| {
                let cells = values.iter().map(|level| level.get(&name));
                let cells = cells.map(|value| told(p, value.unwrap_or(&Value::Null)));
                let words = p.word("dimension", &name);
                let cells = cells.collect();
                (name, words, cells)
            })
            .collect(),
    }
}

/// `GET /console/rules`.
pub async fn rules(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let caller = seated.caller();
    let now = hub.exchange.clock().now();
    let p = Page::of(&seated.visit, "/console/rules");
    let (first, second) = (query(&uri, "first"), query(&uri, "second"));
    let terms: Vec<Term> = [&first, &second]
        .into_iter()
        .filter_map(|term| {
            let (who, level) = term.split_once(':')?;
            Some(Term {
                who: who.to_owned(),
                level: level.to_owned(),
            })
        })
        .collect();
    let (mut joined, mut fault) = (None, String::new());
    // Schemes alone: bodies would show the directory beyond what this reader is listed.
    let schemes = caller.directory.schemes(now.date_naive());
    let known = |term: &Term| schemes.iter().any(|scheme| scheme.id == term.who);
    if !terms.is_empty() && terms.iter().all(known) {
        match combine(&caller.directory, &terms, now) {
            Ok(answer) => {
                let value = |clause: &Clause| told(&p, &clause.value);
                let clauses = answer.clauses.iter();
                let (bodies, plain): (Vec<&Clause>, Vec<&Clause>) =
                    clauses.partition(|clause| clause.dimension.starts_with("audience."));
                joined = Some(Joined {
                    clauses: plain
                        .iter()
                        .map(|clause| {
                            let by = clause.decided_by.join(", ");
                            (p.word("dimension", &clause.dimension), value(clause), by)
                        })
                        .collect(),
                    audience: bodies
                        .iter()
                        .map(|clause| {
                            let body = clause.dimension.trim_start_matches("audience.");
                            (body.to_owned(), value(clause))
                        })
                        .collect(),
                    conflicts: answer.conflicts,
                });
            }
            Err(error) => fault = error.to_string(),
        }
    } else if !terms.is_empty() {
        return Err(Refusal::NotFound.into());
    }
    render(&Rules {
        choices: choices(&schemes),
        schemes: schemes.iter().map(|scheme| matrix(&p, scheme)).collect(),
        first,
        second,
        joined,
        fault,
        plans: may_plan_schemes(caller),
        p,
    })
}
