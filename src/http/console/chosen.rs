//! Several cases at once, as they were ticked in a list or stand in a working set: to print, as a file,
//! side by side. Where they cannot be in one document, a page says which and why.

use askama::Template;
use axum::extract::{Query as Pairs, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::cases::{Case, Line, case, line};
use super::door::query;
use super::handling::{Plainly, whole};
use super::language::{Language, Text};
use super::page::{Page, render, render_as};
use super::terms;
use super::trouble::Trouble;
use super::visit::{Seated, encoded};
use crate::council::Directory;
use crate::exchange::compare::{COMPARED, Row};
use crate::exchange::dossier::{Dossier, MISSING};
use crate::exchange::sets::SetPage;
use crate::exchange::{Fault, Refusal};
use crate::handling::Channel;
use crate::http::Hub;
use crate::http::export::{Format, file};

/// The ids of an address: `ids` once or often, each one or several with commas between.
pub fn ids(uri: &Uri) -> Vec<String> {
    let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(uri);
    let pairs = pairs.map(|pairs| pairs.0).unwrap_or_default();
    let mut ids: Vec<String> = Vec::new();
    for (_, value) in pairs.iter().filter(|(name, _)| name == "ids") {
        for id in value.split(',').map(str::trim) {
            if !id.is_empty() && !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
    }
    ids
}

/// Ids as an address has them.
pub fn asked(ids: &[String]) -> String {
    let pairs: Vec<String> = ids
        .iter()
        .map(|id| format!("ids={}", encoded(id)))
        .collect();
    pairs.join("&")
}

/// A case that cannot be in a document with others: how many-eth it was, and what the reader has of it.
struct Unfit {
    number: usize,
    line: Option<Line>,
}

#[derive(Template)]
#[template(path = "console/unfit.html")]
struct UnfitPage {
    p: Page,
    why: &'static str,
    cases: Vec<Unfit>,
}

/// Says why cases cannot be together: which they are, as far as their reader has them.
async fn unfit(
    hub: &Hub,
    seated: &Seated,
    ids: &[String],
    refusal: Refusal,
) -> Result<Response, Trouble> {
    let Refusal::Invalid(faults) = refusal else {
        return Err(refusal.into());
    };
    let language = seated.language();
    let missing = faults.iter().any(|fault| fault.rule == MISSING);
    let mut cases = Vec::new();
    for Fault { pointer, rule, .. } in &faults {
        let at = pointer.strip_prefix("/ids/").and_then(|at| at.parse().ok());
        let Some(at): Option<usize> = at.filter(|_| !missing || rule == MISSING) else {
            continue;
        };
        let report = match ids.get(at).filter(|_| !missing) {
            Some(id) => hub.exchange.report(&seated.view(hub).await?, id).await?,
            None => None,
        };
        let directory = &seated.caller().directory;
        cases.push(Unfit {
            number: at + 1,
            line: report.map(|report| line(language, directory, &report)),
        });
    }
    let rule = faults.first().map_or("", |fault| fault.rule.as_str());
    let status = match (missing, ids.is_empty()) {
        (true, _) => StatusCode::NOT_FOUND,
        // Nothing was ticked: the page says what to do.
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = UnfitPage {
        p: Page::of(&seated.visit, ""),
        why: reason(language, if missing { MISSING } else { rule }),
        cases,
    };
    Ok(render_as(status, &page))
}

fn reason(language: Language, rule: &str) -> &'static str {
    match rule {
        MISSING => language.t(
            "次のものは、ないか、あなたには持ち出せません（閲覧のみ、または回収された）。選択から外してください。",
            "These are not there, or not for you to take (to look at only, or taken back). Leave them out.",
        ),
        "compare.count" => language.t(
            "比べるには、2件から6件までの事例を選んでください。",
            "To compare, tick two to six cases.",
        ),
        "dossier.count" => language.t(
            "1件から200件までの事例を選んでください。",
            "Tick one to two hundred cases.",
        ),
        "dossier.drill" => language.t(
            "訓練と実際の事例は、一つの文書にまとめられません。",
            "Drills and what is real are never in one document.",
        ),
        "dossier.RETENTION_CONFLICT" => language.t(
            "次の事例は一つの文書にまとめられません。一方に求められる保存期間が、他方に許される保存期間より長いためです。分けて書き出してください。",
            "These cannot be in one document: one must be kept longer than another may be. Export them apart.",
        ),
        "dossier.NO_COMMON_PURPOSE" => language.t(
            "次の事例は一つの文書にまとめられません。すべてに共通して許された利用目的がないためです。分けて書き出してください。",
            "These cannot be in one document: no purpose is allowed for all of them. Export them apart.",
        ),
        _ => language.t(
            "次の事例は一つの文書にまとめられません。合わせた取扱いでは、あなたが読めなくなるためです。分けて書き出してください。",
            "These cannot be in one document: their common handling would not admit you. Export them apart.",
        ),
    }
}

/// What an address asks for: ticked cases, or a working set.
async fn wanted(
    hub: &Hub,
    seated: &Seated,
    uri: &Uri,
) -> Result<(Vec<String>, Option<SetPage>), Trouble> {
    let set = query(uri, "set");
    if set.is_empty() {
        return Ok((ids(uri), None));
    }
    let page = hub
        .exchange
        .set(seated.caller(), Channel::Rest, &set)
        .await?;
    let ids = page.items.iter().map(|item| item.report.id.clone());
    Ok((ids.collect(), Some(page)))
}

/// `GET /console/export`: the API's file, for the session.
pub async fn export(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let (ids, _) = wanted(&hub, &seated, &uri).await?;
    let format = match Format::of(&query(&uri, "format")) {
        Some(format) => format,
        None if ids.is_empty() => Format::Csv,
        None => return Err(Trouble::not_found()),
    };
    let made = file(&hub, seated.caller(), seated.language(), &ids, format).await;
    match made {
        Ok(file) => Ok(file.into_response()),
        Err(refusal) => unfit(&hub, &seated, &ids, refusal).await,
    }
}

#[derive(Template)]
#[template(path = "console/brief.html")]
struct Brief {
    p: Page,
    title: String,
    note: String,
    dossier: Dossier,
    whole: Plainly,
    /// Each with its owner's note.
    cases: Vec<(Case, String)>,
}

impl Brief {
    /// The handling of the whole on one line: it stands on every printed page.
    fn line(&self) -> String {
        let words = self.whole.sentences.iter().map(|one| one.words.as_str());
        words.collect::<Vec<_>>().join(self.p.t("／", " / "))
    }
}

/// `GET /console/brief`: to be printed, so it is made of what one may take.
pub async fn brief(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let (ids, set) = wanted(&hub, &seated, &uri).await?;
    let dossier = match hub.exchange.dossier(caller, Channel::Rest, &ids).await {
        Ok(dossier) => dossier,
        Err(refusal) => return unfit(&hub, &seated, &ids, refusal).await,
    };
    let noted = |id: &str| {
        let items = set.iter().flat_map(|set| &set.items);
        let item = items.into_iter().find(|item| item.report.id == id);
        item.map_or_else(String::new, |item| item.note.clone())
    };
    let cases = dossier.items.iter();
    let cases = cases.map(|report| (case(language, &caller.directory, report), noted(&report.id)));
    render(&Brief {
        p: Page::of(&seated.visit, "/console/cases"),
        title: set.as_ref().map_or_else(
            || language.t("事例のまとめ", "Brief of cases").to_owned(),
            |set| set.set.name.clone(),
        ),
        note: set
            .as_ref()
            .map_or_else(String::new, |set| set.set.note.clone()),
        whole: whole(language, &dossier),
        cases: cases.collect(),
        dossier,
    })
}

/// One value in a cell, and whether another case has it too.
struct Said {
    text: Text,
    shared: bool,
}

/// A row of the comparison as it is shown.
struct Shown {
    name: String,
    same: bool,
    cells: Vec<Vec<Said>>,
}

#[derive(Template)]
#[template(path = "console/compared.html")]
struct Compared {
    p: Page,
    whole: Plainly,
    tlp: String,
    /// Each with the address without it, where enough are left.
    lines: Vec<(Line, Option<String>)>,
    rows: Vec<Shown>,
    differences: bool,
    other: String,
    asked: String,
}

/// `GET /console/compare`.
pub async fn compare(
    State(hub): State<Hub>,
    seated: Seated,
    uri: Uri,
) -> Result<Response, Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let ids = ids(&uri);
    let compared = match hub.exchange.compare(caller, Channel::Console, &ids).await {
        Ok(compared) => compared,
        Err(refusal) => return unfit(&hub, &seated, &ids, refusal).await,
    };
    let differences = query(&uri, "only") == "differences";
    let rows = compared
        .rows
        .iter()
        .filter(|row| !(differences && row.same));
    let without = |id: &str| {
        let left: Vec<String> = ids.iter().filter(|known| *known != id).cloned().collect();
        COMPARED
            .contains(&left.len())
            .then(|| format!("/console/compare?{}", asked(&left)))
    };
    let asked = asked(&ids);
    let other = if differences { "" } else { "&only=differences" };
    render(&Compared {
        p: Page::of(&seated.visit, "/console/cases"),
        whole: whole(language, &compared.dossier),
        tlp: compared.dossier.tlp.clone(),
        lines: compared
            .dossier
            .items
            .iter()
            .map(|report| {
                (
                    line(language, &caller.directory, report),
                    without(&report.id),
                )
            })
            .collect(),
        rows: rows
            .map(|row| shown(language, &caller.directory, row))
            .collect(),
        differences,
        other: format!("/console/compare?{asked}{other}"),
        asked,
    })
}

fn shown(language: Language, directory: &Directory, row: &Row) -> Shown {
    let text = |value: &Value| match value {
        Value::String(code) => Text {
            words: terms::value(language, directory, row.field, code),
            lang: language.tag(),
        },
        Value::Object(object) if object.contains_key("value") => Text {
            words: ["type", "value"]
                .iter()
                .filter_map(|name| object.get(*name)?.as_str())
                .collect::<Vec<_>>()
                .join(" "),
            lang: language.tag(),
        },
        Value::Object(_) => language.text(value),
        other => Text {
            words: other.to_string(),
            lang: language.tag(),
        },
    };
    let said = |value: &Value| Said {
        text: text(value),
        shared: row.shared.contains(value),
    };
    let cells = row.values.iter();
    Shown {
        name: terms::row(language, row.field).to_owned(),
        same: row.same,
        cells: cells.map(|cell| cell.iter().map(said).collect()).collect(),
    }
}
