//! The search page: what the box leads to, with filters to add and take away as links, so that it
//! works without a script. What matches, how well and how often, the exchange says.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query as Pairs, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::cases::{Line, line};
use super::language::{Language, Text};
use super::page::{Page, render, render_as};
use super::trouble::Trouble;
use super::visit::{Seated, encoded};
use super::{searches, terms};
use crate::council::Directory;
use crate::exchange::search::saved::NAME_MAX;
use crate::exchange::search::{Count, Hit, Search, Sort};
use crate::http::Hub;
use crate::http::api::asked_at;
use crate::search::Query;
use crate::search::matching::{Match, Segment};

/// Cards of a page.
const ROWS: usize = 20;

/// Values of a facet that are shown; the most frequent.
const VALUES: usize = 12;

/// By what it is counted, and so what there are links for.
const FACETS: &[&str] = &[
    "kind",
    "sector",
    "cause_type",
    "event_type",
    "severity",
    "ripple_to",
    "tlp",
    "level",
    "form",
];

/// Own feedback to filter by; what each would find is not counted.
const FEEDBACK: &[&str] = &["none", "ack", "applicable", "prevented", "action_taken"];

/// An address as it was asked, to be changed in one place.
#[derive(Clone, Debug)]
pub struct Asked {
    path: &'static str,
    pairs: Vec<(String, String)>,
}

impl Asked {
    /// What the address says, but for the place in the list.
    pub fn of(path: &'static str, uri: &Uri) -> Self {
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(uri);
        let mut pairs = pairs.map(|pairs| pairs.0).unwrap_or_default();
        pairs.retain(|(name, _)| name != "cursor");
        Self { path, pairs }
    }

    /// The value of a parameter, as it was typed; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        let found = self.pairs.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// All of it, as it was typed.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.pairs.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What of it can be saved, as the query of an address, and a name for it; empty where nothing can.
    fn to_save(&self, language: Language, directory: &Directory) -> (String, String) {
        let pairs = searches::pairs_of(self);
        if Search::kept(&pairs).is_err() {
            return (String::new(), String::new());
        }
        let parts = pairs.iter();
        let parts = parts.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let mut words = vec![self.get("q").trim().to_owned()];
        let filters = self.filters(language, directory).into_iter();
        words.extend(filters.map(|filter| filter.value));
        words.retain(|word| !word.is_empty());
        let name = words.join(" · ").chars().take(NAME_MAX).collect();
        (parts.collect::<Vec<_>>().join("&"), name)
    }

    fn values(&self, name: &str) -> Vec<&str> {
        let values = self.get(name).split(',');
        values.filter(|value| !value.is_empty()).collect()
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.values(name).iter().any(|have| same(name, have, value))
    }

    /// The address with a parameter set to something else; to nothing it is left out.
    pub fn with(&self, name: &str, value: &str) -> String {
        let others = self.pairs.iter().filter(|(known, _)| known != name);
        let mut parts: Vec<String> = others
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        if !value.is_empty() {
            parts.push(format!("{name}={}", encoded(value)));
        }
        if parts.is_empty() {
            return self.path.to_owned();
        }
        format!("{}?{}", self.path, parts.join("&"))
    }

    /// The same words and filters on another page, which has no order of its own.
    pub fn on(&self, path: &'static str) -> String {
        let there = Self {
            path,
            pairs: self.pairs.clone(),
        };
        there.with("sort", "")
    }

    fn adding(&self, name: &str, value: &str) -> String {
        let mut values = self.values(name);
        values.push(value);
        self.with(name, &values.join(","))
    }

    fn removing(&self, name: &str, value: &str) -> String {
        let mut values = self.values(name);
        values.retain(|have| !same(name, have, value));
        self.with(name, &values.join(","))
    }

    /// The filters that are on, each with the way to take it off.
    pub fn filters(&self, language: Language, directory: &Directory) -> Vec<Filter> {
        let names = self.pairs.iter().map(|(name, _)| name.as_str());
        let names = names.filter(|name| !["q", "sort"].contains(name));
        names
            .flat_map(|name| {
                let values = self.values(name).into_iter();
                values.map(move |value| Filter {
                    name: terms::name(language, name).to_owned(),
                    value: terms::value(language, directory, name, value),
                    without: self.removing(name, value),
                })
            })
            .collect()
    }
}

/// Whether two values of a filter are one; a label may be written without its prefix.
fn same(name: &str, one: &str, other: &str) -> bool {
    let plain = |label: &str| label.trim_start_matches("TLP:").to_owned();
    one == other || name == "tlp" && plain(one) == plain(other)
}

/// A filter that is on.
pub struct Filter {
    /// What it is called.
    pub name: String,
    /// Its value in words.
    pub value: String,
    /// The address without it.
    pub without: String,
}

/// A value that can be filtered by.
struct Choice {
    label: String,
    count: Option<usize>,
    on: bool,
    to: String,
}

/// A facet: what it is called, and its values.
struct Facet {
    name: &'static str,
    label: String,
    choices: Vec<Choice>,
}

/// A passage that matched.
struct Passage {
    place: String,
    lang: &'static str,
    found: Match,
}

/// A report that was found.
struct Card {
    line: Line,
    /// The title with what matched in it; empty where nothing did.
    title: Vec<Segment>,
    passages: Vec<Passage>,
}

#[derive(Template)]
#[template(path = "console/search.html")]
struct Results {
    p: Page,
    words: String,
    filters: Vec<Filter>,
    clear: String,
    cards: Vec<Card>,
    facets: Vec<Facet>,
    matches: Option<Count>,
    sorts: Vec<(String, &'static str, bool)>,
    drills: bool,
    other_drills: String,
    statistics: String,
    next: Option<String>,
    first: String,
    later: bool,
    days: [String; 2],
    kept: Vec<(String, String)>,
    /// What can be saved of it, and a name for that.
    save: (String, String),
    wrong: Option<Wrong>,
}

/// A query that cannot be understood: where, and by which rule.
struct Wrong {
    before: String,
    at: String,
    after: String,
    character: usize,
    rule: &'static str,
}

impl Results {
    /// The page before anything was found.
    fn empty(seated: &Seated, asked: &Asked) -> Self {
        let language = seated.language();
        let mut p = Page::of(&seated.visit, "");
        asked.get("q").clone_into(&mut p.words);
        let drills = asked.get("drill") == "true";
        let all = Asked {
            path: asked.path,
            pairs: Vec::new(),
        };
        Self {
            words: asked.get("q").trim().to_owned(),
            filters: asked.filters(language, &seated.caller().directory),
            clear: all.with("q", asked.get("q")),
            cards: Vec::new(),
            facets: Vec::new(),
            matches: None,
            sorts: Vec::new(),
            drills,
            other_drills: asked.with("drill", if drills { "" } else { "true" }),
            statistics: asked.on("/console/statistics"),
            next: None,
            first: asked.with("cursor", ""),
            later: false,
            days: ["from", "to"].map(|name| asked.get(name).to_owned()),
            kept: asked
                .pairs
                .iter()
                .filter(|(name, value)| {
                    !["from", "to"].contains(&name.as_str()) && !value.is_empty()
                })
                .cloned()
                .collect(),
            save: asked.to_save(language, &seated.caller().directory),
            wrong: None,
            p,
        }
    }
}

/// `GET /console/search`.
pub async fn show(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let asked = Asked::of("/console/search", &uri);
    let mut page = Results::empty(&seated, &asked);
    if let Err(fault) = Query::parse(asked.get("q")) {
        let letters: Vec<char> = asked.get("q").chars().collect();
        let (before, rest) = letters.split_at(fault.place.min(letters.len()));
        page.wrong = Some(Wrong {
            before: before.iter().collect(),
            at: rest.iter().take(1).collect(),
            after: rest.iter().skip(1).collect(),
            character: fault.place + 1,
            rule: terms::rule(language, fault.rule),
        });
        return Ok(render_as(StatusCode::BAD_REQUEST, &page));
    }
    let mut search = asked_at(&uri, true).map_err(|problem| Trouble::asked(&problem))?;
    search.limit = ROWS;
    search.facets = FACETS.iter().map(|name| (*name).to_owned()).collect();
    let cursor = super::door::query(&uri, "cursor");
    let mark = (!cursor.is_empty()).then_some(cursor.as_str());
    let view = seated.view(&hub).await?;
    let found = hub.exchange.search(&view, &search, mark).await?;
    let directory = &caller.directory;
    page.facets = facets(language, directory, &asked, &found.facets);
    page.matches = found.matches;
    page.cards = found
        .items
        .into_iter()
        .map(|hit| card(language, directory, hit))
        .collect();
    if !search.query.words.is_empty() {
        page.sorts = [
            (
                "relevance",
                Sort::Relevance,
                ("よく合う順", "Best match first"),
            ),
            ("date", Sort::Date, ("新しい順", "Newest first")),
        ]
        .map(|(word, sort, (ja, en))| {
            (
                asked.with("sort", word),
                language.t(ja, en),
                sort == search.sort,
            )
        })
        .to_vec();
    }
    page.next = found.next.map(|next| asked.with("cursor", &next));
    page.later = mark.is_some();
    render(&page)
}

fn facets(
    language: Language,
    directory: &Directory,
    asked: &Asked,
    counts: &BTreeMap<String, BTreeMap<String, usize>>,
) -> Vec<Facet> {
    let facets = FACETS.iter().filter_map(|name| {
        let mut counts: Vec<(&String, &usize)> = counts.get(*name)?.iter().collect();
        counts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let choices: Vec<Choice> = counts
            .into_iter()
            .take(VALUES)
            .map(|(value, count)| {
                let on = asked.has(name, value);
                Choice {
                    label: terms::value(language, directory, name, value),
                    count: Some(*count),
                    on,
                    to: if on {
                        asked.removing(name, value)
                    } else {
                        asked.adding(name, value)
                    },
                }
            })
            .collect();
        (!choices.is_empty()).then(|| Facet {
            name,
            label: terms::name(language, name).to_owned(),
            choices,
        })
    });
    let feedback = FEEDBACK.iter().map(|kind| {
        let on = asked.has("feedback", kind);
        Choice {
            label: terms::value(language, directory, "feedback", kind),
            count: None,
            on,
            to: if on {
                asked.removing("feedback", kind)
            } else {
                asked.adding("feedback", kind)
            },
        }
    });
    let feedback = Facet {
        name: "feedback",
        label: terms::name(language, "feedback").to_owned(),
        choices: feedback.collect(),
    };
    facets.chain([feedback]).collect()
}

fn card(language: Language, directory: &Directory, hit: Hit) -> Card {
    let line = line(language, directory, &hit.report);
    let shown = format!("/title/{}", line.title.lang);
    let (titles, passages): (Vec<Match>, Vec<Match>) = hit
        .highlight
        .into_iter()
        .partition(|found| found.at == shown && !found.cut_before && !found.cut_after);
    Card {
        title: titles
            .into_iter()
            .next()
            .map(|found| found.segments)
            .unwrap_or_default(),
        passages: passages
            .into_iter()
            .map(|found| Passage {
                place: terms::place(language, &found.at).to_owned(),
                lang: tongue(&found.at, &line.title),
                found,
            })
            .collect(),
        line,
    }
}

/// The language of a place: as its pointer says, else the title's.
fn tongue(pointer: &str, title: &Text) -> &'static str {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    Language::of(last).map_or(title.lang, Language::tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(address: &'static str) -> Asked {
        Asked::of("/console/search", &Uri::from_static(address))
    }

    #[test]
    fn a_filter_is_added_and_taken_away_and_the_rest_stays() {
        let at = asked("/console/search?q=a%26b&sector=ict,gas&tlp=GREEN&cursor=x");
        assert!(at.has("tlp", "TLP:GREEN") && at.has("sector", "gas") && !at.has("sector", "g"));
        assert_eq!(
            at.removing("tlp", "TLP:GREEN"),
            "/console/search?q=a%26b&sector=ict%2Cgas"
        );
        assert_eq!(
            at.removing("sector", "ict"),
            "/console/search?q=a%26b&tlp=GREEN&sector=gas"
        );
        assert_eq!(
            asked("/console/search?q=a").adding("kind", "advisory"),
            "/console/search?q=a&kind=advisory"
        );
        assert_eq!(
            asked("/console/search?kind=b").removing("kind", "b"),
            "/console/search"
        );
    }
}
