//! What every page shares: language, who is signed in, where one is, and how times and labels are
//! written. Templates ask it and decide nothing.

use askama::Template;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, FixedOffset};

use super::door::query;
use super::files::{CSS_PATH, ICON_PATH, JS_PATH};
use super::language::Language;
use super::trouble::Trouble;
use super::visit::Visit;
use super::words;
use crate::council::body::role;
use crate::exchange::Refusal;

/// Japan has one time and no summer time.
const JAPAN_SECONDS: i32 = 9 * 3600;

/// One entry of the menu.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it leads.
    pub to: &'static str,
    /// What it says.
    pub label: &'static str,
    /// Whether the page belongs to it.
    pub here: bool,
}

/// What a page is given beside its own content.
#[derive(Clone, Debug)]
pub struct Page {
    /// The language.
    pub language: Language,
    /// Path and query of the page.
    pub place: String,
    /// Who is signed in, as the directory names them; empty where nobody is.
    pub who: String,
    /// Their body's name.
    pub body: String,
    /// What the session's forms carry.
    pub token: String,
    /// The menu.
    pub menu: Vec<Entry>,
    /// What the search box holds.
    pub words: String,
    /// What was just done.
    pub done: Option<&'static str>,
}

/// Pages of the menu: what each is called, and who has it (everyone, or a role).
type Menu = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const MENU: &[Menu] = &[
    ("/console", "ホーム", "Home", &[]),
    ("/console/cases", "事例", "Cases", &[]),
    ("/console/advisories", "注意喚起", "Advisories", &[]),
    ("/console/approvals", "同意の依頼", "Approvals", &[]),
    ("/console/publish", "提供する", "Publish", PUBLISHES),
    ("/console/sets", "作業セット", "Working sets", &[]),
    ("/console/statistics", "統計", "Statistics", &[]),
    ("/console/notices", "回収・取下げ", "Notices", &[]),
    ("/console/directory", "名簿", "Directory", &[]),
    ("/console/rules", "取扱規則", "Rules", &[]),
    ("/console/ledger", "台帳", "Ledger", &[]),
];

/// Who publishes has a page for it in the menu; the hub decides when something is sent.
const PUBLISHES: &[&str] = &[role::PUBLISHER];

/// What was just done, by the word in the address.
const DONE: &[(&str, &str, &str)] = &[
    ("released", "公開しました。", "Done: it is released."),
    (
        "held",
        "受け付けました。まだ保留中です。",
        "Taken. Something still holds it.",
    ),
    (
        "refused",
        "公開しないと決まりました。",
        "It will not be released.",
    ),
    ("said", "提供元へ送りました。", "Sent to the source."),
    ("kept", "検索を保存しました。", "The search is saved."),
    ("looked", "見たことにしました。", "Marked as seen."),
    (
        "forgotten",
        "検索を削除しました。",
        "The search is deleted.",
    ),
    (
        "told",
        "新着を知らせます。",
        "You will be told of what is new.",
    ),
    (
        "quiet",
        "通知を止めました。",
        "You will not be told any more.",
    ),
    (
        "asked",
        "確認の番号をメールで送りました。届いた番号を入れると通知が始まります。",
        "A code was mailed. Notifications begin when you enter it.",
    ),
    (
        "passed-on",
        "会員へ展開しました。",
        "Passed on to your operators.",
    ),
    (
        "set-made",
        "作業セットを作りました。",
        "The working set is made.",
    ),
    (
        "set-added",
        "作業セットに入れました。",
        "Added to the working set.",
    ),
    ("set-saved", "保存しました。", "Saved."),
    (
        "set-ended",
        "作業セットを消しました。",
        "The working set is deleted.",
    ),
    (
        "acknowledged",
        "確認を送りました。",
        "Your confirmation was sent.",
    ),
];

impl Page {
    /// The frame of a page; `here` is the menu's entry it belongs to.
    pub fn of(visit: &Visit, here: &str) -> Self {
        let language = visit.language;
        let mut page = Self {
            language,
            place: super::visit::inside(&visit.place).to_owned(),
            who: String::new(),
            body: String::new(),
            token: String::new(),
            menu: Vec::new(),
            words: String::new(),
            done: None,
        };
        if let Some(session) = &visit.session {
            let caller = &session.caller;
            let own = language.name(&caller.principal.name);
            page.who = if own.is_empty() {
                caller.principal.id.to_string()
            } else {
                own.to_owned()
            };
            page.body = language.name(&caller.body.name).to_owned();
            page.token.clone_from(&session.token);
            page.menu = MENU
                .iter()
                .filter(|(.., roles)| roles.is_empty() || roles.iter().any(|role| caller.has(role)))
                .map(|(to, ja, en, _)| Entry {
                    to,
                    label: language.t(ja, en),
                    here: *to == here,
                })
                .collect();
        }
        page
    }

    /// Says what was just done, as the address has it.
    pub fn with_done(mut self, uri: &Uri) -> Self {
        let word = query(uri, "done");
        let done = DONE.iter().find(|(known, ..)| *known == word);
        self.done = done.map(|(_, ja, en)| self.language.t(ja, en));
        self
    }

    /// One of two wordings.
    pub fn t<'a>(&self, ja: &'a str, en: &'a str) -> &'a str {
        self.language.t(ja, en)
    }

    /// The language's tag.
    pub fn lang(&self) -> &'static str {
        self.language.tag()
    }

    /// The other language's tag, to change to.
    pub fn other(&self) -> &'static str {
        self.t("en", "ja")
    }

    /// The stylesheet.
    pub fn css(&self) -> &'static str {
        CSS_PATH.as_str()
    }

    /// The script.
    pub fn js(&self) -> &'static str {
        JS_PATH.as_str()
    }

    /// The icon.
    pub fn icon(&self) -> &'static str {
        ICON_PATH.as_str()
    }

    /// What a word of the hub's vocabulary is called.
    pub fn word(&self, group: &str, word: &str) -> String {
        words::word(self.language, group, word).to_owned()
    }

    /// A time in Japan, to the minute; what is no time stays as it is.
    pub fn time(&self, text: &str) -> String {
        time(text)
    }

    /// The day in Japan of a time.
    pub fn day(&self, text: &str) -> String {
        day(text)
    }

    /// The class of a TLP label, for its colour.
    pub fn tlp(&self, label: &str) -> &'static str {
        match label.trim_start_matches("TLP:") {
            "RED" => "red",
            "AMBER" | "AMBER+STRICT" => "amber",
            "GREEN" => "green",
            "CLEAR" => "clear",
            _ => "none",
        }
    }
}

/// A time in Japan, to the minute; what is no time stays as it is.
pub fn time(text: &str) -> String {
    in_japan(text).map_or_else(
        || text.to_owned(),
        |at| at.format("%Y-%m-%d %H:%M").to_string(),
    )
}

/// The day in Japan of a time.
pub fn day(text: &str) -> String {
    in_japan(text).map_or_else(|| text.to_owned(), |at| at.format("%Y-%m-%d").to_string())
}

fn in_japan(text: &str) -> Option<DateTime<FixedOffset>> {
    let japan = FixedOffset::east_opt(JAPAN_SECONDS)?;
    // A source writes its own offset; the hub writes UTC.
    Some(
        DateTime::parse_from_rfc3339(text)
            .ok()?
            .with_timezone(&japan),
    )
}

/// A page as an answer.
pub fn render(page: &impl Template) -> Result<Response, Trouble> {
    Ok(render_as(StatusCode::OK, page))
}

/// A page with a status of its own.
pub fn render_as(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (status, kind, html).into_response()
        }
        Err(error) => Trouble::from(Refusal::Internal(error.into())).into_response(),
    }
}
