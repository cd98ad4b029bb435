//! The plan of a change of the rules: a text that somebody pasted, and what it would change in the
//! schemes that everyone sees on the rules page. Nothing is stored.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::directory::told;
use super::page::{Page, render, render_as};
use super::trouble::Trouble;
use super::visit::{Seated, Sent};
use crate::council::plan::{Direction, Fate, LevelChange, SchemeChange, Turn};
use crate::exchange::scheme_plan::{Meeting, SchemePlan, TEXT_BYTES_MAX, may_plan_schemes};
use crate::exchange::{Fault, Refusal};
use crate::http::Hub;

/// Faults on one page; who has more corrects these first.
const FAULTS_MAX: usize = 50;

/// A dimension that turns.
struct Turned {
    dimension: String,
    from: String,
    to: String,
    way: &'static str,
}

/// A level of a version.
struct LevelShown {
    name: String,
    fate: &'static str,
    gone: bool,
    turns: Vec<Turned>,
    /// With which level, and what turns there.
    met: Vec<(String, Turned)>,
}

/// A version of a scheme.
struct Change {
    title: String,
    fate: &'static str,
    gone: bool,
    /// Altered under its own number.
    altered: bool,
    in_force: bool,
    effective: String,
    compared_with: Option<u32>,
    /// What differs beside the levels, before and after.
    fields: Vec<(String, String, String)>,
    levels: Vec<LevelShown>,
}

/// The answer.
struct Planned {
    whole: bool,
    changes: Vec<Change>,
    stricter: usize,
    looser: usize,
    both: usize,
    left_out: usize,
}

#[derive(Template)]
#[template(path = "console/plan.html")]
struct PlanPage {
    p: Page,
    text: String,
    too_large: bool,
    limit: usize,
    faults: Vec<Fault>,
    more_faults: usize,
    planned: Option<Planned>,
}

impl PlanPage {
    fn of(seated: &Seated) -> Self {
        Self {
            p: Page::of(&seated.visit, "/console/rules"),
            text: String::new(),
            too_large: false,
            limit: TEXT_BYTES_MAX / 1024,
            faults: Vec::new(),
            more_faults: 0,
            planned: None,
        }
    }
}

/// `GET /console/rules/plan`.
pub async fn ask(State(_): State<Hub>, seated: Seated) -> Result<Response, Trouble> {
    if !may_plan_schemes(seated.caller()) {
        return Err(Trouble::not_found());
    }
    render(&PlanPage::of(&seated))
}

/// `POST /console/rules/plan`.
pub async fn show(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    let mut page = PlanPage::of(&sent.by);
    // As it was pasted, since faults name lines; browsers send two characters for the end of one.
    let mut fields = sent.fields.0.into_iter();
    let text = fields.find(|(name, _)| name == "text");
    let text = text.map_or_else(String::new, |(_, text)| text.replace("\r\n", "\n"));
    let planned = hub.exchange.plan_schemes(sent.by.caller(), text.clone());
    match planned.await {
        Ok(plan) => {
            page.planned = Some(planned_in_words(&page.p, &plan));
            page.text = text;
            render(&page)
        }
        Err(Refusal::Invalid(mut faults)) => {
            page.more_faults = faults.len().saturating_sub(FAULTS_MAX);
            faults.truncate(FAULTS_MAX);
            page.faults = faults;
            page.text = text;
            Ok(render_as(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(Refusal::TooLarge { .. }) => {
            page.too_large = true;
            Ok(render_as(StatusCode::PAYLOAD_TOO_LARGE, &page))
        }
        Err(other) => Err(other.into()),
    }
}

fn planned_in_words(p: &Page, plan: &SchemePlan) -> Planned {
    let levels = plan.schemes.iter().flat_map(|change| &change.levels);
    let turns: Vec<&Turn> = levels.flat_map(|level| &level.turns).collect();
    let count = |way| turns.iter().filter(|turn| turn.direction == way).count();
    Planned {
        whole: plan.whole,
        stricter: count(Direction::Stricter),
        looser: count(Direction::Looser),
        both: count(Direction::Both),
        left_out: plan.left_out,
        changes: plan
            .schemes
            .iter()
            .map(|one| change(p, one, &plan.meetings))
            .collect(),
    }
}

fn change(p: &Page, change: &SchemeChange, meetings: &[Meeting]) -> Change {
    let fields = change.fields.iter().map(|field| {
        let (from, to) = (told(p, &field.from), told(p, &field.to));
        (p.word("dimension", &field.field), from, to)
    });
    Change {
        title: match p.lang() {
            "ja" => format!("{} 第{}版", change.scheme, change.version),
            _ => format!("{} version {}", change.scheme, change.version),
        },
        fate: fate(p, change.fate),
        gone: change.fate == Fate::Removed,
        altered: change.fate == Fate::Changed,
        in_force: change.in_force,
        effective: change.effective.to_string(),
        compared_with: change.compared_with,
        // What a scheme that is new says is no change of anything.
        fields: if change.compared_with.is_some() {
            fields.collect()
        } else {
            Vec::new()
        },
        levels: change
            .levels
            .iter()
            .map(|level| level_shown(p, change, level, meetings))
            .collect(),
    }
}

fn level_shown(
    p: &Page,
    change: &SchemeChange,
    level: &LevelChange,
    meetings: &[Meeting],
) -> LevelShown {
    let met = meetings.iter().filter(|meeting| {
        let (scheme, version, name) = &meeting.of;
        *scheme == change.scheme && *version == change.version && *name == level.level
    });
    LevelShown {
        name: level.level.clone(),
        fate: fate(p, level.fate),
        gone: level.fate == Fate::Removed,
        turns: turned(p, &level.turns),
        met: met.flat_map(|meeting| met_rows(p, meeting)).collect(),
    }
}

/// Where two levels meet: conflicts first, then each dimension.
fn met_rows(p: &Page, meeting: &Meeting) -> Vec<(String, Turned)> {
    let with = format!("{} {}", meeting.with.0, meeting.with.1);
    let none = || told(p, &Value::Null);
    let conflict = |from, to, way| Turned {
        dimension: p.t("両立", "Conflict").to_owned(),
        from,
        to,
        way,
    };
    let begins = p.language.t("両立しなくなる", "cannot work any more");
    let ends = p.language.t("両立するようになる", "works from then on");
    let new = meeting.new_conflicts.iter();
    let ended = meeting.ended_conflicts.iter();
    new.map(|code| conflict(none(), code.clone(), begins))
        .chain(ended.map(|code| conflict(code.clone(), none(), ends)))
        .chain(turned(p, &meeting.turns))
        .map(|turned| (with.clone(), turned))
        .collect()
}

fn turned(p: &Page, turns: &[Turn]) -> Vec<Turned> {
    let each = turns.iter().map(|turn| {
        let name = turn.dimension.as_str();
        let (head, of) = name.split_once('.').unwrap_or((name, ""));
        let mut dimension = p.word("dimension", head);
        if !of.is_empty() {
            dimension = format!("{dimension}: {}", p.word("value", of));
        }
        Turned {
            dimension,
            from: told(p, &turn.from),
            to: told(p, &turn.to),
            way: way(p, turn.direction),
        }
    });
    each.collect()
}

fn fate(p: &Page, fate: Fate) -> &'static str {
    match fate {
        Fate::Added => p.language.t("新しい", "new"),
        Fate::Removed => p.language.t("なくなる", "gone"),
        Fate::Changed => p.language.t("変わる", "changed"),
    }
}

fn way(p: &Page, direction: Direction) -> &'static str {
    match direction {
        Direction::Stricter => p.language.t("厳しくなる", "stricter"),
        Direction::Looser => p.language.t("緩くなる", "looser"),
        Direction::Both => p.language.t("どちらとも言えない", "neither"),
    }
}
