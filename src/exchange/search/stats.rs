//! Statistics over the reports a reader may read: tables of counts that carry the join of what they
//! are made of (law 7), and in which no count follows that is smaller than that rule allows.
//!
//! Each table divides groups that another one counts, so a group is counted once, and its parts are
//! told only where no small one follows from the others (`suppress`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Datelike};
use fixedbitset::FixedBitSet;
use serde::Serialize;
use serde_json::Value;

use super::super::gate::View;
use super::super::parts::join_of;
use super::super::read::{READS_MAX, changing};
use super::super::refusal::Refusal;
use super::super::supports::obligations_of;
use super::super::suppress::divided;
use super::Search;
use super::rules::{different_wholes, parted};
use super::walk::{Beside, document_of, walk};
use crate::exchange::Exchange;
use crate::report::Kind;
use crate::search::Document;
use crate::store::Entry;

/// Statistics are made of so many of the newest reports, at most.
pub const COUNTED_MAX: usize = 5000;

/// So many of the newest best practices are looked at, at most.
const PRACTICES_MAX: usize = 200;

/// Durations, in minutes, up to which each class goes.
const DURATIONS: &[(u64, &str)] = &[
    (60, "under_1h"),
    (240, "1h_to_4h"),
    (1440, "4h_to_24h"),
    (10_080, "1d_to_7d"),
    (u64::MAX, "over_7d"),
];

/// One count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// A value for each column.
    pub values: Vec<String>,
    /// How many; nothing where that is not told.
    pub cases: Option<u64>,
}

/// A table of counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What its values are of.
    pub columns: &'static [&'static str],
    /// Its rows, in the order of their values.
    pub rows: Vec<Row>,
}

/// Statistics, under the rule they carry.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// How many reports they are made of, where that may be told.
    pub reports: Option<u64>,
    /// Whether that is all that was asked for; else it is the newest.
    pub complete: bool,
    /// The smallest count that is told.
    pub k: u32,
    /// TLP label of the whole; the strictest of its parts. Nothing where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tlp: Option<String>,
    /// What binds whoever has it.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub obligations: Value,
    /// The tables.
    pub tables: Vec<Table>,
}

/// What is counted of one report.
struct Case {
    stamp: i64,
    version: i64,
    form: String,
    id: String,
    quarter: String,
    document: Document,
}

impl Exchange {
    /// Statistics over the reader's reports that match.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stats(&self, view: &View, search: &Search) -> Result<Stats, Refusal> {
        for _ in 0..READS_MAX {
            let (stats, named) = self.stats_once(view, search).await?;
            if self.hand_over(view, named).await? {
                return Ok(stats);
            }
        }
        Err(changing())
    }

    /// With the entries whose titles it names.
    async fn stats_once(&self, view: &View, search: &Search) -> Result<(Stats, Vec<i64>), Refusal> {
        let search = &self.understood(search);
        let judge = |entry: Entry, beside: Beside| case(search, entry, &beside);
        let _turn = self.turn().await?;
        let mut tx = self.db().read().await?;
        let look = self.look(view, search, None, COUNTED_MAX);
        let mut cases = walk(&mut tx, &view.scope, &look, &judge).await?;
        let complete = cases.len() <= COUNTED_MAX;
        cases.truncate(COUNTED_MAX);
        let keys: BTreeSet<i64> = cases.iter().map(|case| case.version).collect();
        let wholes = different_wholes(&mut tx, &keys).await?;
        let parted = parted(&mut tx, &keys).await?;
        let shown = cases.iter().filter_map(|case| {
            let rules = parted.get(&case.version)?;
            Some(rules.shown(&case.form))
        });
        let shown = wholes.iter().chain(shown);
        let join = join_of(shown);
        let k = join.as_ref().map_or(0, |rule| rule.k);
        let named = cases.iter().filter(|case| case.is(Kind::BestPractice));
        let named: Vec<i64> = named.take(PRACTICES_MAX).map(|case| case.stamp).collect();
        let entries = tx.with_reports(&view.scope, &look.kinds, &named).await?;
        let titles = entries.iter().map(|entry| (entry.stamp, title(entry)));
        let titles: HashMap<i64, String> = titles.collect();
        let stats = Stats {
            reports: enough(cases.len(), k),
            complete,
            k,
            tlp: join.as_ref().map(|rule| rule.access.tlp.to_string()),
            obligations: join.as_ref().map_or(Value::Null, obligations_of),
            tables: tables(&cases, &titles, u64::from(k)),
        };
        Ok((stats, named))
    }
}

fn enough(count: usize, k: u32) -> Option<u64> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    (count == 0 || count >= u64::from(k)).then_some(count)
}

fn title(entry: &Entry) -> String {
    let report = entry.report.as_deref().unwrap_or_default();
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let mut titles = ["/title/ja", "/title/en"].into_iter();
    let title = titles.find_map(|at| report.pointer(at)?.as_str());
    title.unwrap_or_default().to_owned()
}

fn case(search: &Search, entry: Entry, beside: &Beside) -> Option<Case> {
    let document = document_of(&entry);
    let entered = (entry.stamp, entry.form.as_str());
    if !search.filters.pass(entered, beside, &document) {
        return None;
    }
    search.score(&entry)?;
    let at = DateTime::from_timestamp_micros(entry.stamp).unwrap_or_default();
    Some(Case {
        id: entry.stix_id.trim_start_matches("report--").to_owned(),
        quarter: format!("{}-Q{}", at.year(), at.month0() / 3 + 1),
        document,
        stamp: entry.stamp,
        version: entry.item_version.unwrap_or_default(),
        form: entry.form,
    })
}

impl Case {
    fn is(&self, kind: Kind) -> bool {
        self.document
            .values("kind")
            .any(|value| value == kind.as_str())
    }

    fn sector(&self) -> String {
        let mut sectors = self.document.values("sector");
        sectors.next().unwrap_or("unknown").to_owned()
    }

    fn values(&self, name: &str) -> BTreeSet<String> {
        let mut values: BTreeSet<String> = self.document.values(name).map(str::to_owned).collect();
        if values.is_empty() {
            values.insert("none".to_owned());
        }
        values
    }

    fn duration(&self) -> BTreeSet<String> {
        let class = self.document.duration_minutes.map_or("unknown", |minutes| {
            let mut classes = DURATIONS.iter();
            let class = classes.find(|(to, _)| minutes < *to);
            class.map_or("over_7d", |(_, name)| *name)
        });
        BTreeSet::from([class.to_owned()])
    }

    fn near_miss(&self) -> BTreeSet<String> {
        let near = self
            .document
            .values("event_type")
            .any(|value| value == "near_miss");
        BTreeSet::from([if near { "near_miss" } else { "happened" }.to_owned()])
    }
}

/// Groups of cases by the values that name them; those that may be counted, and those that may not.
type Groups<'a> = BTreeMap<Vec<String>, (Vec<&'a Case>, bool)>;

/// Divides groups by what their cases have; parts of a group that is not told are not told.
fn divide<'a>(groups: &Groups<'a>, by: &dyn Fn(&Case) -> BTreeSet<String>, k: u64) -> Groups<'a> {
    let mut parts: Groups<'a> = BTreeMap::new();
    for (name, (cases, counted)) in groups {
        let mut of: BTreeMap<String, Vec<&'a Case>> = BTreeMap::new();
        for case in cases {
            for value in by(case) {
                of.entry(value).or_default().push(case);
            }
        }
        let sizes: Vec<u64> = of.values().map(|cases| size(cases)).collect();
        for ((value, of_value), shown) in of.into_iter().zip(divided(&sizes, k)) {
            // A case may have several values: those without this one are no small number either.
            let without = size(cases).saturating_sub(size(&of_value));
            let mut name = name.clone();
            name.push(value);
            let counted = *counted && shown.is_some() && !small(without, k);
            parts.insert(name, (of_value, counted));
        }
    }
    parts
}

/// Whether a number tells of few.
const fn small(count: u64, k: u64) -> bool {
    count > 0 && count < k
}

fn size(cases: &[&Case]) -> u64 {
    u64::try_from(cases.len()).unwrap_or(u64::MAX)
}

fn table(name: &'static str, columns: &'static [&'static str], groups: &Groups<'_>) -> Table {
    let rows = groups.iter().map(|(values, (cases, counted))| Row {
        values: values.clone(),
        cases: counted.then(|| size(cases)),
    });
    Table {
        name,
        columns,
        rows: rows.collect(),
    }
}

fn tables(cases: &[Case], titles: &HashMap<i64, String>, k: u64) -> Vec<Table> {
    let whole: Vec<&Case> = cases.iter().collect();
    let all: Groups<'_> = BTreeMap::from([(Vec::new(), (whole, size_of(cases) >= k))]);
    let kinds = divide(&all, &|case| case.values("kind"), k);
    let incidents: Groups<'_> = kinds
        .iter()
        .filter(|(name, _)| name.iter().any(|kind| kind == Kind::IncidentCause.as_str()))
        .map(|(_, group)| (Vec::new(), group.clone()))
        .collect();
    let sectors = divide(&incidents, &|case| BTreeSet::from([case.sector()]), k);
    let quarters = divide(&sectors, &|case| BTreeSet::from([case.quarter.clone()]), k);
    let causes = divide(&quarters, &|case| case.values("cause_type"), k);
    let near_misses = divide(&quarters, &|case| case.near_miss(), k);
    // Near misses are told by quarter, and not once more in other sums.
    let happened = |case: &Case| {
        let mut values = case.values("event_type");
        values.remove("near_miss");
        values
    };
    let events = divide(&sectors, &happened, k);
    let durations = divide(&sectors, &Case::duration, k);
    let ripples = divide(&sectors, &|case| case.values("ripple_to"), k);
    vec![
        table("kinds", &["kind"], &kinds),
        table("sectors", &["sector"], &sectors),
        table("quarters", &["sector", "quarter"], &quarters),
        table("causes", &["sector", "quarter", "cause_type"], &causes),
        table(
            "near_misses",
            &["sector", "quarter", "outcome"],
            &near_misses,
        ),
        table("events", &["sector", "event_type"], &events),
        table("durations", &["sector", "duration"], &durations),
        table("ripples", &["sector", "ripple_to"], &ripples),
        practices((cases, titles), &causes, k),
    ]
}

fn size_of(cases: &[Case]) -> u64 {
    u64::try_from(cases.len()).unwrap_or(u64::MAX)
}

/// How many of the cases each best practice would have helped against: those with a cause that it
/// prevents. Where what it prevents is more than what another prevents, or less than all cases, the
/// difference is no small number either; and it adds up no cells of causes that are not told.
fn practices(
    (cases, titles): (&[Case], &HashMap<i64, String>),
    causes: &Groups<'_>,
    k: u64,
) -> Table {
    let count = |set: &FixedBitSet| u64::try_from(set.count_ones(..)).unwrap_or(u64::MAX);
    let mut incidents = FixedBitSet::with_capacity(cases.len());
    let mut having: HashMap<&str, FixedBitSet> = HashMap::new();
    for (at, case) in cases.iter().enumerate() {
        if !case.is(Kind::IncidentCause) {
            continue;
        }
        incidents.insert(at);
        for cause in case.document.values("cause_type") {
            let none = || FixedBitSet::with_capacity(cases.len());
            having.entry(cause).or_insert_with(none).insert(at);
        }
    }
    let incidents = count(&incidents);
    let small = |count: u64| small(count, k);
    // Of practices that prevent the same, the first speaks for all.
    let mut known: HashMap<BTreeSet<&str>, Option<u64>> = HashMap::new();
    let mut told: Vec<FixedBitSet> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    let practices = cases.iter().filter(|case| case.is(Kind::BestPractice));
    for practice in practices.take(PRACTICES_MAX) {
        let prevented: BTreeSet<&str> = practice.document.values("prevents").collect();
        let cases = match known.get(&prevented) {
            Some(cases) => *cases,
            None => {
                let mut set = FixedBitSet::with_capacity(cases.len());
                for cause in &prevented {
                    having
                        .get(cause)
                        .into_iter()
                        .for_each(|of| set.union_with(of));
                }
                let helped = count(&set);
                let cells = causes.iter().all(|(name, (_, counted))| {
                    let prevents = name
                        .last()
                        .is_some_and(|cause| prevented.contains(cause.as_str()));
                    *counted || !prevents
                });
                let apart = |a: &FixedBitSet, b: &FixedBitSet| {
                    u64::try_from(a.difference_count(b)).unwrap_or(u64::MAX)
                };
                let beside = told.iter().all(|other| {
                    !(other.is_subset(&set) && small(apart(&set, other))
                        || set.is_subset(other) && small(apart(other, &set)))
                });
                let shown =
                    cells && beside && !small(helped) && !small(incidents.saturating_sub(helped));
                if shown {
                    told.push(set);
                }
                let cases = shown.then_some(helped);
                known.insert(prevented, cases);
                cases
            }
        };
        let title = titles.get(&practice.stamp).cloned().unwrap_or_default();
        rows.push(Row {
            values: vec![practice.id.clone(), title],
            cases,
        });
    }
    rows.sort_by(|a, b| a.values.cmp(&b.values));
    Table {
        name: "practices",
        columns: &["id", "title"],
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn incidents(quarter: &str, count: usize, causes: &[&str], events: &[&str]) -> Vec<Case> {
        let one = |_| Case {
            stamp: 0,
            version: 0,
            form: String::new(),
            id: String::new(),
            quarter: quarter.to_owned(),
            document: Document::of(&json!({
                "kind": "incident_cause", "sector": "ict", "cause_types": causes, "event_types": events,
            })),
        };
        (0..count).map(one).collect()
    }

    fn tables(cases: &[Case], k: u64) -> Vec<Table> {
        super::tables(cases, &HashMap::new(), k)
    }

    fn told(tables: &[Table], table: &str, values: &[&str]) -> Option<u64> {
        let table = tables.iter().find(|one| one.name == table).unwrap();
        let row = table.rows.iter().find(|row| row.values == values);
        row.unwrap().cases
    }

    #[test]
    fn those_without_a_value_are_no_small_number_either() {
        let mut cases = incidents("2026-Q4", 9, &["user_error", "insider"], &["outage"]);
        let enough = tables(&cases, 5);
        assert_eq!(
            told(&enough, "causes", &["ict", "2026-Q4", "insider"]),
            Some(9)
        );
        cases.extend(incidents("2026-Q4", 1, &["user_error"], &["outage"]));
        let tables = tables(&cases, 5);
        assert_eq!(
            told(&tables, "causes", &["ict", "2026-Q4", "user_error"]),
            Some(10)
        );
        assert_eq!(
            told(&tables, "causes", &["ict", "2026-Q4", "insider"]),
            None
        );
    }

    #[test]
    fn near_misses_of_a_quarter_do_not_follow_from_those_of_all() {
        let mut cases = incidents("2026-Q3", 6, &["insider"], &["near_miss"]);
        cases.extend(incidents("2026-Q3", 14, &["insider"], &["outage"]));
        cases.extend(incidents("2026-Q4", 1, &["insider"], &["near_miss"]));
        cases.extend(incidents("2026-Q4", 19, &["insider"], &["outage"]));
        let tables = tables(&cases, 5);
        let near = |quarter| told(&tables, "near_misses", &["ict", quarter, "near_miss"]);
        assert_eq!((near("2026-Q3"), near("2026-Q4")), (Some(6), None));
        let events = tables.iter().find(|table| table.name == "events").unwrap();
        assert!(
            events
                .rows
                .iter()
                .all(|row| row.values != ["ict", "near_miss"])
        );
    }

    #[test]
    fn what_a_practice_does_not_help_against_is_no_small_number_either() {
        let practice = |causes: &[&str]| {
            let mut one = incidents("2026-Q4", 1, &[], &[]).remove(0);
            one.document = Document::of(
                &json!({"kind": "best_practice", "sector": "ict", "prevents_causes": causes}),
            );
            one
        };
        let count = |other: usize| {
            let mut cases = incidents("2026-Q4", 9, &["insider"], &["outage"]);
            cases.extend(incidents("2026-Q4", other, &["user_error"], &["outage"]));
            cases.extend((0..6).map(|_| practice(&["insider"])));
            told(&tables(&cases, 5), "practices", &["", ""])
        };
        assert_eq!((count(6), count(2)), (Some(9), None));
    }
}
