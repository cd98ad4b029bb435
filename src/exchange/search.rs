//! Finding reports: what of a reader's own reports matches a query, how well, and counted by what.
//!
//! Everything here is a function of the reports this reader may read, in the form they read them
//! (law 4): the index names candidates, the log says which of them the reader has, and the match is
//! decided and weighed on the text the reader gets. Nothing counts over anybody else's.

pub mod asked;
mod rules;
pub mod saved;
mod similar;
mod stats;
mod walk;
mod wish;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tokio::sync::SemaphorePermit;

use super::gate::View;
use super::portions::told;
use super::read::{READS_MAX, ReportView, changing};
use super::refusal::Refusal;
use super::{Exchange, Tx, access};
use crate::report::{Kind, drill};
use crate::search::document::mark;
use crate::search::matching::Prepared;
use crate::search::{Document, Match, Query, Vocabulary, Wanted};
use crate::store::feed::Content;
use crate::store::{Due, Entry};
pub use similar::{Like, Reason, Similar};
pub use stats::{Row, Stats, Table};
use walk::{Beside, Look, document_of, prepared_of, walk};
pub use wish::Wish;
pub(super) use wish::{not_subscribed, place, prepared};

/// So many walks through many reports are under way at once, in one process.
pub(super) const WALKS_AT_ONCE: usize = 2;

/// A page has at most so many reports.
pub const PAGE_MAX: usize = 100;

/// Relevance and counts look at so many of the newest that match, at most.
pub const LOOKED_AT_MAX: usize = 1000;

/// Enters what was there before there was an index.
pub(super) const INDEX: &str = "index";
const INDEX_BATCH: i64 = 200;

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The newest first.
    #[default]
    Date,
    /// What matches best first; of equals the newest.
    Relevance,
}

/// What is asked beside the words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Marks by name, of each any one.
    pub marks: BTreeMap<String, Vec<String>>,
    /// TLP labels, any of them; empty is all.
    pub tlp: Vec<String>,
    /// Forms, any of them; empty is all.
    pub form: Vec<String>,
    /// Levels as the report states them to this reader, `LEVEL` or `SCHEME/LEVEL`, any of them.
    pub level: Vec<String>,
    /// Kinds of feedback on this reader's list for the report, or `none`, any of them.
    pub feedback: Vec<String>,
    /// Released to this reader not before, in microseconds.
    pub from: Option<i64>,
    /// And before.
    pub until: Option<i64>,
    /// Lasted so many minutes at least.
    pub minutes_min: Option<u64>,
    /// And at most.
    pub minutes_max: Option<u64>,
    /// Drills instead of what is real.
    pub drill: bool,
}

/// A search.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The words.
    pub query: Query,
    /// The filters.
    pub filters: Filters,
    /// The order.
    pub sort: Sort,
    /// By what to count what matches.
    pub facets: Vec<String>,
    /// At most so many, 1 to [`PAGE_MAX`].
    pub limit: usize,
}

/// A report that was found.
#[derive(Debug, Serialize)]
pub struct Hit {
    /// Its id, for this reader.
    pub id: String,
    /// How well it matches.
    pub score: u64,
    /// Where it matches.
    pub highlight: Vec<Match>,
    /// The report as this reader has it.
    pub report: ReportView,
}

/// How many matched, as far as it was looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// So many.
    pub counted: usize,
    /// Whether these are all; else they are the newest.
    pub complete: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Found {
    /// A page of it.
    pub items: Vec<Hit>,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// How many there are in all, where that was looked at: by relevance, or with facets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<Count>,
    /// By each name that was asked for, the values and how many of the matches have them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facets: BTreeMap<String, BTreeMap<String, usize>>,
}

/// An entry that matches.
struct Candidate {
    entry: Entry,
    document: Document,
    score: u64,
    beside: Beside,
}

/// Where a page begins: behind the last item shown, by its score and stamp.
#[derive(Clone, Copy, Debug)]
struct After {
    score: u64,
    stamp: i64,
}

impl Search {
    fn purpose(&self) -> &'static str {
        match self.sort {
            Sort::Date => "search",
            Sort::Relevance => "search-relevance",
        }
    }

    fn wanted(&self) -> Wanted {
        let marks = self.filters.marks.iter();
        let marks =
            marks.map(|(name, values)| values.iter().map(|value| mark(name, value)).collect());
        Wanted::of(&self.query, &marks.collect::<Vec<_>>())
    }

    /// What judging needs of each report: where no words are asked for, not its texts.
    fn judged(&self) -> Content {
        if self.query.is_empty() {
            Content::Facts
        } else {
            Content::Folded
        }
    }

    /// How well a report matches; nothing where it does not.
    fn score(&self, entry: &Entry) -> Option<u64> {
        if self.query.is_empty() {
            return Some(0);
        }
        let matched = prepared_of(entry).matches(&self.query)?;
        Some(matched.score)
    }

    fn counts_by(&self, name: &str) -> bool {
        self.facets.iter().any(|facet| facet == name)
    }

    /// Whether an entry matches, and how.
    fn judge(&self, entry: Entry, beside: Beside) -> Option<Candidate> {
        let document = document_of(&entry);
        let entered = (entry.stamp, entry.form.as_str());
        if !self.filters.pass(entered, &beside, &document) {
            return None;
        }
        let score = self.score(&entry)?;
        Some(Candidate {
            entry,
            document,
            score,
            beside,
        })
    }
}

/// Drills never mix with what is real.
fn kinds(drill: bool) -> Vec<String> {
    if drill {
        return vec![drill::KIND.to_owned()];
    }
    Kind::ALL.map(|kind| kind.as_str().to_owned()).to_vec()
}

impl Filters {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a report passes that was released at this stamp in this form.
    fn pass(&self, entered: (i64, &str), beside: &Beside, document: &Document) -> bool {
        let labelled = |tlp: &String| self.tlp.contains(tlp);
        self.pass_alone(entered, document)
            && (self.tlp.is_empty() || beside.tlp.as_ref().is_some_and(labelled))
            && (self.feedback.is_empty()
                || self
                    .feedback
                    .iter()
                    .any(|kind| beside.feedback.contains(kind)))
    }

    /// The same, for what is in the entry itself.
    fn pass_alone(&self, (stamp, form): (i64, &str), document: &Document) -> bool {
        let form = told(form);
        let marks = self.marks.iter().all(|(name, values)| {
            let mut values = values.iter();
            values.any(|value| document.marks.contains(&mark(name, value)))
        });
        let minutes = document.duration_minutes;
        marks
            && (self.level.is_empty() || self.level.iter().any(|level| document.states(level)))
            && (self.form.is_empty() || self.form.iter().any(|wanted| wanted == form))
            && self.from.is_none_or(|from| stamp >= from)
            && self.until.is_none_or(|until| stamp < until)
            && self
                .minutes_min
                .is_none_or(|min| minutes.is_some_and(|have| have >= min))
            && self
                .minutes_max
                .is_none_or(|max| minutes.is_some_and(|have| have <= max))
    }
}

impl Exchange {
    /// What of the reader's reports matches: a page, with the cursor of the rest.
    ///
    /// # Errors
    /// When the database fails, or the cursor is not one of the hub's for this order.
    pub async fn search(
        &self,
        view: &View,
        search: &Search,
        cursor: Option<&str>,
    ) -> Result<Found, Refusal> {
        for _ in 0..READS_MAX {
            let (found, stamps) = self.search_once(view, search, cursor).await?;
            if self.hand_over(view, stamps).await? {
                return Ok(found);
            }
        }
        Err(changing())
    }

    /// Waits for a turn to walk through many reports, kept until what is returned is dropped: few
    /// walks at once leave connections for those who poll, sign in and publish.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let turn = self.0.walking.acquire().await;
        turn.map_err(|_| Refusal::Internal(anyhow::anyhow!("the hub is stopping")))
    }

    async fn search_once(
        &self,
        view: &View,
        search: &Search,
        cursor: Option<&str>,
    ) -> Result<(Found, Vec<i64>), Refusal> {
        let after = cursor
            .map(|cursor| self.place_in(search, cursor))
            .transpose()?;
        let search = &self.understood(search);
        let limit = search.limit.clamp(1, PAGE_MAX);
        let _turn = self.turn().await?;
        let mut tx = self.db().read().await?;
        let counts = search.sort == Sort::Relevance || !search.facets.is_empty();
        let mut found = Found {
            items: Vec::new(),
            next: None,
            matches: None,
            facets: BTreeMap::new(),
        };
        let mut page = Vec::new();
        let judge = |entry: Entry, beside: Beside| search.judge(entry, beside);
        if counts {
            let look = self.look(view, search, None, LOOKED_AT_MAX);
            let mut all = walk(&mut tx, &view.scope, &look, &judge).await?;
            let complete = all.len() <= LOOKED_AT_MAX;
            all.truncate(LOOKED_AT_MAX);
            found.matches = Some(Count {
                counted: all.len(),
                complete,
            });
            found.facets = facets(&search.facets, &all);
            if search.sort == Sort::Relevance {
                all.sort_by_key(|one| {
                    (
                        std::cmp::Reverse(one.score),
                        std::cmp::Reverse(one.entry.stamp),
                    )
                });
                if let Some(after) = after {
                    all.retain(|one| (one.score, one.entry.stamp) < (after.score, after.stamp));
                }
                page = all;
            }
        }
        if search.sort == Sort::Date {
            let mark = after.map(|after| after.stamp);
            let look = self.look(view, search, mark, limit);
            page = walk(&mut tx, &view.scope, &look, &judge).await?;
        }
        let more = page.len() > limit;
        page.truncate(limit);
        found.next = page.last().filter(|_| more).map(|last| {
            let mut place = last.score.to_be_bytes().to_vec();
            place.extend(last.entry.stamp.to_be_bytes());
            self.secret().seal(search.purpose(), &place)
        });
        let stamps: Vec<i64> = page.iter().map(|one| one.entry.stamp).collect();
        let kinds = kinds(search.filters.drill);
        let whole = tx.with_reports(&view.scope, &kinds, &stamps).await?;
        let mut whole: BTreeMap<i64, Entry> = whole.into_iter().map(|e| (e.stamp, e)).collect();
        for one in page {
            let Some(entry) = whole.remove(&one.entry.stamp) else {
                continue;
            };
            let document = Document::read(entry.report.as_deref().unwrap_or_default());
            let prepared = Prepared::of(&document);
            let matched = prepared.matches(&search.query).unwrap_or_default();
            let highlight = prepared.shown(&matched);
            let report = self.report_view(&mut tx, view, entry).await?;
            found.items.push(Hit {
                id: report.id.clone(),
                score: one.score,
                highlight,
                report,
            });
        }
        Ok((found, stamps))
    }

    /// What to walk through for a search, behind `mark`.
    fn look(&self, view: &View, search: &Search, mark: Option<i64>, limit: usize) -> Look {
        let filters = &search.filters;
        let listed = !filters.feedback.is_empty() || search.counts_by("feedback");
        let who = view.reader.as_ref().filter(|_| listed);
        Look {
            wanted: search.wanted(),
            kinds: kinds(filters.drill),
            mark: match (mark, filters.until) {
                (Some(mark), Some(until)) => Some(mark.min(until)),
                (mark, until) => mark.or(until),
            },
            from: filters.from,
            filters: filters.clone(),
            limit,
            content: search.judged(),
            tlp: !filters.tlp.is_empty() || search.counts_by("tlp"),
            feedback: who
                .and_then(|who| access::caller(&self.directory(), who, self.clock().now())),
        }
    }

    /// The same search with what its words are names of: sectors as the council names them, types of
    /// events and causes.
    fn understood(&self, search: &Search) -> Search {
        let mut search = search.clone();
        let directory = self.directory();
        let sectors = directory.file().sectors.iter();
        let names = sectors.flat_map(|sector| {
            let code = sector.code.as_str();
            let names = sector.name.texts().chain([code]);
            names.map(move |name| (name, mark("sector", code)))
        });
        search.query.name(&Vocabulary::new(names));
        search
    }

    fn place_in(&self, search: &Search, cursor: &str) -> Result<After, Refusal> {
        let place = self.secret().open(search.purpose(), cursor);
        let place = place.and_then(|bytes| {
            let (score, stamp) = bytes.split_at_checked(8)?;
            Some(After {
                score: u64::from_be_bytes(score.try_into().ok()?),
                stamp: i64::from_be_bytes(stamp.try_into().ok()?),
            })
        });
        place.ok_or_else(|| {
            let message = "the cursor is not one this hub gave for this list";
            Refusal::fault("cursor", "cursor", message)
        })
    }

    /// Enters what was there before there was an index, so many at a time, newest first.
    pub(super) async fn index_older(&self, tx: &mut Tx, due: &Due) -> Result<(), Refusal> {
        let mark = due.subject.parse().unwrap_or(i64::MAX);
        if let Some(next) = tx.index_older(mark, INDEX_BATCH).await? {
            let rest = Due {
                subject: next.to_string(),
                ..due.clone()
            };
            tx.add_due(&rest).await?;
        }
        Ok(())
    }
}

fn facets(names: &[String], all: &[Candidate]) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut facets = BTreeMap::new();
    for name in names {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for one in all {
            let values: BTreeSet<String> = match name.as_str() {
                "tlp" => one.beside.tlp.iter().cloned().collect(),
                "feedback" => one.beside.feedback.clone(),
                "level" => one.document.level.iter().cloned().collect(),
                "form" => BTreeSet::from([told(&one.entry.form).to_owned()]),
                name => one.document.values(name).map(str::to_owned).collect(),
            };
            for value in values {
                *counts.entry(value).or_default() += 1;
            }
        }
        facets.insert(name.clone(), counts);
    }
    facets
}
