//! Cases: the list, and one case with everything its reader has of it.

use askama::Template;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Value;

use super::directory::told;
use super::door::query;
use super::handling::{Plainly, plainly};
use super::language::{Language, Text};
use super::page::{Page, render};
use super::trouble::Trouble;
use super::visit::{Seated, Sent, encoded, once};
use super::words::word;
use crate::council::Directory;
use crate::exchange::feedback::{Feedback, FeedbackKind, FeedbackView};
use crate::exchange::hold::Hold;
use crate::exchange::read::{Desk, Explanation, Listing, ReportView};
use crate::handling::SectorCode;
use crate::http::Hub;
use crate::http::api::bundle;
use crate::report::Kind;

/// Rows of a page: what fits without losing one's place.
const ROWS: usize = 25;

/// So much feedback is shown with a case.
const FEEDBACK: usize = 100;

/// A report in a list.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its id, for this form.
    pub id: String,
    /// What it is, in words.
    pub kind: String,
    /// Its title.
    pub title: Text,
    /// Its summary.
    pub summary: Text,
    /// The sector it comes from, where that shows.
    pub sector: String,
    /// TLP label.
    pub tlp: String,
    /// In which form the reader has it, in words.
    pub form: String,
    /// When it was released to the reader.
    pub released_at: String,
    /// Severity as the council counts it, in words; empty where it has none.
    pub severity: String,
    /// Where it stands, in words, for its source's desk.
    pub state: String,
    /// Of an advisory: how urgent, in words.
    pub urgency: String,
    /// Of an advisory: until when an answer is asked for.
    pub due: String,
    /// Whether it is a drill.
    pub drill: bool,
}

/// The report itself, read.
pub fn content(report: &ReportView) -> Value {
    serde_json::from_str(report.report.get()).unwrap_or_default()
}

/// What a sector is called.
pub fn sector(language: Language, directory: &Directory, code: &str) -> String {
    directory
        .sector(&SectorCode::from(code))
        .map_or(code, |sector| language.name(&sector.name))
        .to_owned()
}

/// A report as a line of a list.
pub fn line(language: Language, directory: &Directory, report: &ReportView) -> Line {
    let body = content(report);
    let text = |name: &str| {
        body.get(name)
            .map(|value| language.text(value))
            .unwrap_or_default()
    };
    let plain = |pointer: &str| {
        let found = body.pointer(pointer);
        found.map_or_else(String::new, |value| match value {
            Value::String(words) => words.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        })
    };
    let code = plain("/sector");
    let level = plain("/severity/level");
    let urgency = plain("/advisory/urgency");
    Line {
        id: report.id.clone(),
        kind: word(language, "kind", &report.kind).to_owned(),
        title: text("title"),
        summary: text("summary"),
        sector: if code.is_empty() {
            code
        } else {
            sector(language, directory, &code)
        },
        tlp: report.tlp.clone(),
        form: word(language, "form", &report.form).to_owned(),
        released_at: report.released_at.clone(),
        severity: if level.is_empty() {
            level
        } else {
            word(language, "severity", &level).to_owned()
        },
        state: report.desk.as_ref().map_or_else(String::new, |desk| {
            word(language, "state", &desk.state).to_owned()
        }),
        urgency: if urgency.is_empty() {
            urgency
        } else {
            word(language, "urgency", &urgency).to_owned()
        },
        due: plain("/advisory/due"),
        drill: report.drill,
    }
}

/// The list's choice of kinds: what the address says, and the kinds it stands for.
pub struct Choice {
    /// The word in the address; empty for all.
    pub value: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// Whether it is chosen.
    pub chosen: bool,
}

const CHOICES: [(&str, &str, &str); 3] = [
    ("", "すべて", "All"),
    ("incident_cause", "障害の原因", "Incident causes"),
    ("best_practice", "ベストプラクティス", "Best practices"),
];

#[derive(Template)]
#[template(path = "console/cases.html")]
struct Cases {
    p: Page,
    choices: Vec<Choice>,
    lines: Vec<Line>,
    next: Option<String>,
    first: bool,
}

/// `GET /console/cases`.
pub async fn list(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let (kind, cursor) = (query(&uri, "kind"), query(&uri, "cursor"));
    let kinds = match CHOICES.iter().find(|(value, ..)| *value == kind) {
        Some(("", ..)) => vec![Kind::IncidentCause, Kind::BestPractice],
        Some(_) if kind == Kind::IncidentCause.as_str() => vec![Kind::IncidentCause],
        Some(_) => vec![Kind::BestPractice],
        None => return Err(Trouble::not_found()),
    };
    let listing = Listing {
        limit: ROWS,
        kinds: kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
    };
    let view = seated.view(&hub).await?;
    let mark = (!cursor.is_empty()).then_some(cursor.as_str());
    let (reports, next) = hub.exchange.reports(&view, mark, &listing).await?;
    render(&Cases {
        p: Page::of(&seated.visit, "/console/cases"),
        choices: CHOICES
            .iter()
            .map(|(value, ja, en)| Choice {
                value,
                label: language.t(ja, en),
                chosen: *value == kind,
            })
            .collect(),
        lines: reports
            .iter()
            .map(|report| line(language, &caller.directory, report))
            .collect(),
        next: next.map(|next| format!("/console/cases?kind={kind}&cursor={}", encoded(&next))),
        first: mark.is_none(),
    })
}

/// One moment of a case.
pub struct Moment {
    /// When, as the report says.
    pub at: String,
    /// What.
    pub text: Text,
}

/// A list of a case under its heading.
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// Its points.
    pub points: Vec<Text>,
}

/// A fact of a case: what it is called and what it says.
pub struct Fact {
    /// The name.
    pub name: &'static str,
    /// The value.
    pub value: String,
}

/// A case as its page shows it.
pub struct Case {
    /// As in a list.
    pub line: Line,
    /// Facts of one line each.
    pub facts: Vec<Fact>,
    /// Paragraphs under headings.
    pub prose: Vec<Section>,
    /// What happened when.
    pub timeline: Vec<Moment>,
    /// Points under headings.
    pub lists: Vec<Section>,
    /// Indicators: type, value, note.
    pub indicators: Vec<(String, String, Text)>,
    /// Related cases that this reader has.
    pub related: Vec<Line>,
    /// Whose seat the reader has.
    pub desk: Option<Desk>,
    /// What the reader may do with it.
    pub plainly: Plainly,
    /// Whether the reader may look at it and not take it.
    pub view_only: bool,
}

#[derive(Template)]
#[template(path = "console/case.html")]
struct CasePage {
    p: Page,
    case: Case,
    explanation: Option<Explanation>,
    feedback: Vec<FeedbackView>,
    kinds: Vec<(&'static str, String)>,
    passes_on: bool,
    has_board: bool,
    /// The keys under which sending either form twice sends it once.
    once: [String; 2],
}

impl CasePage {
    fn holds(&self) -> &[Hold] {
        self.case.desk.as_ref().map_or(&[], |desk| &desk.holds)
    }

    fn said_kind(&self, one: &FeedbackView) -> String {
        let kind = one.said.get("type").and_then(Value::as_str);
        self.p.word("feedback", kind.unwrap_or_default())
    }

    /// What it says beside its kind.
    fn said(&self, one: &FeedbackView) -> String {
        let text = one.said.get("text").and_then(Value::as_str);
        let stars = one.said.get("usefulness").and_then(Value::as_u64);
        match (text, stars) {
            (Some(text), _) => text.to_owned(),
            (None, Some(stars)) => format!("{stars}/5"),
            (None, None) => String::new(),
        }
    }

    /// Who gave it, as far as the reader is told.
    fn giver(&self, one: &FeedbackView) -> String {
        let from = &one.from;
        if from.own {
            return self.p.t("あなた", "you").to_owned();
        }
        if let Some(name) = &from.name {
            return name.clone();
        }
        let sectors: Vec<&str> = from.sectors.iter().map(SectorCode::as_str).collect();
        if sectors.is_empty() {
            self.p
                .t("提供者は示されません", "a giver who is not named")
                .to_owned()
        } else {
            sectors.join(", ")
        }
    }

    /// Dimension, value and whose clause decided, but for single bodies.
    fn clauses(&self, why: &Explanation) -> Vec<(String, String, String)> {
        let clauses = why.clauses.as_array();
        clauses
            .into_iter()
            .flatten()
            .filter_map(|clause| {
                let dimension = clause.get("dimension")?.as_str()?.to_owned();
                let value = clause.get("value")?;
                let value = told(&self.p, value);
                let by = strings(clause.get("decided_by")).join(", ");
                let words = self.p.word("dimension", &dimension);
                (!dimension.starts_with("audience.")).then_some((words, value, by))
            })
            .collect()
    }
}

/// The id in a path; one that is not even text is an id of nothing.
pub fn id_of(params: Result<RawPathParams, RawPathParamsRejection>) -> Result<String, Trouble> {
    let params = params.map_err(|_| Trouble::not_found())?;
    let found = params.iter().find(|(name, _)| *name == "id");
    found
        .map(|(_, id)| id.to_owned())
        .ok_or_else(Trouble::not_found)
}

/// `GET /console/cases/{id}`.
pub async fn show(
    State(hub): State<Hub>,
    seated: Seated,
    uri: Uri,
    params: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let (caller, language) = (seated.caller(), seated.language());
    let view = seated.view(&hub).await?;
    let report = hub.exchange.report(&view, &id).await?;
    let report = report.ok_or_else(Trouble::not_found)?;
    let advisory = report.kind == Kind::Advisory.as_str();
    if advisory {
        hub.exchange.note_opened(caller, &view, &id).await?;
    }
    let mut case = case(language, &caller.directory, &report);
    for related in strings(content(&report).get("related")) {
        if let Some(other) = hub.exchange.report(&view, &related).await? {
            case.related.push(line(language, &caller.directory, &other));
        }
    }
    let copies = hub
        .exchange
        .view(Some(caller), crate::handling::Channel::Rest)
        .await?;
    case.view_only = hub.exchange.report(&copies, &id).await?.is_none();
    let explanation = hub.exchange.explain(&view, &id).await?;
    let feedback = hub.exchange.feedback(caller, &id, None, FEEDBACK).await?;
    let board = if advisory {
        hub.exchange.board(caller, &id).await?
    } else {
        None
    };
    let menu = if advisory {
        "/console/advisories"
    } else {
        "/console/cases"
    };
    render(&CasePage {
        p: Page::of(&seated.visit, menu).with_done(&uri),
        passes_on: advisory && board.is_some() && case.desk.is_none(),
        has_board: board.is_some(),
        once: [once()?, once()?],
        case,
        explanation,
        feedback: feedback.map(|(said, _)| said).unwrap_or_default(),
        kinds: FeedbackKind::ALL
            .iter()
            .map(|kind| {
                (
                    kind.word(),
                    word(language, "feedback", kind.word()).to_owned(),
                )
            })
            .collect(),
    })
}

/// `GET /console/cases/{id}/stix`: the same answer as the API's, for whoever may take a copy.
pub async fn stix(
    State(hub): State<Hub>,
    seated: Seated,
    params: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let bundle = bundle(&hub, seated.caller(), &id).await?;
    Ok(bundle.ok_or_else(Trouble::not_found)?.into_response())
}

/// `POST /console/cases/{id}/feedback`.
pub async fn say(
    State(hub): State<Hub>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let kind = FeedbackKind::of(sent.fields.get("type")).ok_or_else(Trouble::unreadable)?;
    let text = sent.fields.get("text");
    let mut feedback = Feedback::new(kind, (!text.is_empty()).then(|| text.to_owned()));
    feedback.usefulness = sent.fields.get("usefulness").parse().ok();
    let caller = sent.by.caller();
    let given = hub
        .exchange
        .give_feedback(caller, &id, feedback, sent.fields.said());
    given.await?;
    Ok(Redirect::to(&format!("/console/cases/{}?done=said", encoded(&id))).into_response())
}

pub fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// What a page shows of a report.
pub fn case(language: Language, directory: &Directory, report: &ReportView) -> Case {
    let body = content(report);
    let texts = |pointer: &str| -> Vec<Text> {
        match body.pointer(pointer) {
            Some(Value::Array(list)) => list.iter().map(|text| language.text(text)).collect(),
            Some(one) => vec![language.text(one)],
            None => Vec::new(),
        }
    };
    let section = |title: (&'static str, &'static str), pointer: &str| Section {
        title: language.t(title.0, title.1),
        points: texts(pointer),
    };
    let worth = |sections: Vec<Section>| -> Vec<Section> {
        let full = sections
            .into_iter()
            .filter(|section| !section.points.is_empty());
        full.collect()
    };
    let timeline = body.get("timeline").and_then(Value::as_array);
    let indicators = body.get("indicators").and_then(Value::as_array);
    Case {
        line: line(language, directory, report),
        facts: facts(language, directory, &body),
        prose: worth(vec![
            section(("経緯", "What happened"), "/narrative"),
            section(("影響", "Impact"), "/impact/description"),
            section(("根本原因", "Root cause"), "/root_cause"),
            section(("取組み", "Practice"), "/practice"),
            section(("効果", "Effect"), "/effect"),
            section(("費用", "Cost"), "/cost"),
            section(("教訓", "Lesson"), "/lesson"),
        ]),
        timeline: timeline
            .into_iter()
            .flatten()
            .map(|moment| Moment {
                at: moment
                    .get("at")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                text: moment
                    .get("text")
                    .map(|text| language.text(text))
                    .unwrap_or_default(),
            })
            .collect(),
        lists: worth(vec![
            section(
                ("背景要因", "Contributing factors"),
                "/contributing_factors",
            ),
            section(("暫定対策", "Interim measures"), "/countermeasures/interim"),
            section(
                ("恒久対策", "Permanent measures"),
                "/countermeasures/permanent",
            ),
            section(("前提条件", "Preconditions"), "/preconditions"),
            section(("ベストプラクティス", "Best practices"), "/best_practices"),
            section(("求める対応", "Measures asked for"), "/advisory/measures"),
        ]),
        indicators: indicators
            .into_iter()
            .flatten()
            .map(|one| {
                let text = |name: &str| {
                    one.get(name)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                let note = one
                    .get("note")
                    .map(|note| language.text(note))
                    .unwrap_or_default();
                (text("type"), text("value"), note)
            })
            .collect(),
        related: Vec::new(),
        desk: report.desk.as_ref().map(|desk| Desk {
            version: desk.version,
            state: desk.state.clone(),
            holds: desk.holds.clone(),
            level: desk.level.clone(),
            submitter: desk.submitter.clone(),
            generalises: desk.generalises.clone(),
        }),
        plainly: plainly(
            language,
            &report.tlp,
            &report.obligations,
            &report.released_at,
        ),
        view_only: false,
    }
}

fn facts(language: Language, directory: &Directory, body: &Value) -> Vec<Fact> {
    let separator = language.t("、", ", ");
    let mut facts = Vec::new();
    let mut add = |ja: &'static str, en: &'static str, value: String| {
        if !value.is_empty() {
            facts.push(Fact {
                name: language.t(ja, en),
                value,
            });
        }
    };
    let plain = |pointer: &str| match body.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let coded = |group: &str, pointer: &str| {
        let codes = match body.pointer(pointer) {
            Some(Value::String(code)) => vec![code.clone()],
            list => strings(list),
        };
        let words: Vec<&str> = codes
            .iter()
            .map(|code| word(language, group, code))
            .collect();
        words.join(separator)
    };
    let sectors = |pointer: &str| {
        let codes = strings(body.pointer(pointer));
        let names: Vec<String> = codes
            .iter()
            .map(|code| sector(language, directory, code))
            .collect();
        names.join(separator)
    };
    add(
        "提供元の組織",
        "Organisation",
        body.get("organisation")
            .map(|text| language.text(text).words)
            .unwrap_or_default(),
    );
    add("発生した事象", "Event", coded("event", "/event_types"));
    add("原因", "Cause", coded("cause", "/cause_types"));
    add("原因の細目", "Sub-cause", plain("/sub_cause"));
    add("攻撃か", "Attack", coded("malicious", "/malicious"));
    let level = plain("/severity/level");
    if !level.is_empty() {
        add(
            "深刻度",
            "Severity",
            format!("{level}（{}）", word(language, "severity", &level)),
        );
    }
    let minutes = body
        .pointer("/impact/duration_minutes")
        .and_then(Value::as_i64);
    if let Some(minutes) = minutes {
        let (hours, rest) = (minutes.div_euclid(60), minutes.rem_euclid(60));
        add(
            "継続時間",
            "Duration",
            match language {
                Language::Ja => format!("{hours}時間{rest}分"),
                Language::En => format!("{hours} h {rest} min"),
            },
        );
    }
    add("影響の規模", "Affected", plain("/impact/affected_band"));
    add("波及した分野", "Rippled to", sectors("/impact/ripple_to"));
    add("役立つ分野", "Useful for", sectors("/useful_for_sectors"));
    add(
        "効果のあった分野",
        "Worked in",
        sectors("/worked_in_sectors"),
    );
    add("防げる原因", "Prevents", coded("cause", "/prevents_causes"));
    add("種別", "Type", coded("advisory", "/advisory/type"));
    add("緊急度", "Urgency", coded("urgency", "/advisory/urgency"));
    add("経路", "Route", coded("route", "/advisory/route"));
    add("段階", "Stage", coded("stage", "/stage"));
    add("整理番号", "Reference", plain("/reference"));
    facts
}
