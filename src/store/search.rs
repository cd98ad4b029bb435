//! The full text index: what is kept of each report that somebody reads, and the candidates it names.
//!
//! It holds texts and no rights: who reads a candidate is asked of the log, as for every other page
//! (see `feed`), and whether it matches is decided above. So nothing here changes when audiences do.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::QueryBuilder;

use super::db::{On, StoreError, Tx, on};
use super::dialect::{
    ASK_POSTGRES, ASK_SQLITE, PUT_GRAMS_POSTGRES, PUT_GRAMS_SQLITE, TEXT_POSTGRES, TEXT_SQLITE,
};
use super::feed::{Content, Entry, Query, Scope, push_list};
use crate::search::index::plain;
use crate::search::{Indexed, Wanted};

pub(super) const QUERIES: &[&str] = &[
    OBJECT_OF,
    UNINDEX,
    UNINDEX_TEXT,
    UNINDEX_ENTRY,
    UNINDEX_ENTRY_TEXT,
    NOT_INDEXED,
];

const OBJECT_OF: &str = "SELECT object FROM release WHERE stamp = $1";
const UNINDEX: &str = "DELETE FROM search_gram WHERE rowid IN (SELECT r.stamp FROM release r \
     WHERE r.item_version = $1 AND NOT EXISTS (SELECT 1 FROM feed f WHERE f.stamp = r.stamp AND f.live = TRUE))";
const UNINDEX_TEXT: &str = "DELETE FROM search_text WHERE object IN (\
     SELECT o.key FROM object o WHERE o.item_version = $1) AND NOT EXISTS (SELECT 1 FROM release r \
     JOIN feed f ON f.stamp = r.stamp AND f.live = TRUE WHERE r.object = search_text.object)";
const UNINDEX_ENTRY: &str = "DELETE FROM search_gram WHERE rowid = $1 \
     AND NOT EXISTS (SELECT 1 FROM feed f WHERE f.stamp = $1 AND f.live = TRUE)";
const UNINDEX_ENTRY_TEXT: &str = "DELETE FROM search_text WHERE object IN (\
     SELECT w.object FROM release w WHERE w.stamp = $1) AND NOT EXISTS (SELECT 1 FROM release r \
     JOIN feed f ON f.stamp = r.stamp AND f.live = TRUE WHERE r.object = search_text.object)";
const NOT_INDEXED: &str = "SELECT r.stamp, r.object FROM release r WHERE r.stamp < $1 \
     AND EXISTS (SELECT 1 FROM feed f WHERE f.stamp = r.stamp AND f.live = TRUE AND f.report = TRUE) \
     ORDER BY r.stamp DESC LIMIT $2";

const WITHOUT_PARTS: &str =
    ") AND NOT EXISTS (SELECT 1 FROM portion p WHERE p.item_version = v.key)";

/// So many values one statement carries at most.
const VALUES_PER_STATEMENT: usize = 400;

/// What a walk looks for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// What candidates must have.
    pub wanted: &'a Wanted,
    /// Kinds of report; never empty.
    pub kinds: &'a [String],
    /// What is needed of each entry.
    pub content: Content,
}

/// Where a walk through the newest entries has come to.
#[derive(Clone, Debug)]
pub struct Step {
    /// The entries found, newest first.
    pub entries: Vec<Entry>,
    /// Everything from here on is behind the walk; nothing where it has come to the end.
    pub mark: Option<i64>,
}

impl Tx {
    /// Keeps what is searched of the reports that entries tie: stamps with their objects.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn index(&mut self, entries: &[(i64, i64)]) -> Result<(), StoreError> {
        for chunk in entries.chunks(VALUES_PER_STATEMENT) {
            let objects: BTreeSet<i64> = chunk.iter().map(|(_, object)| *object).collect();
            let reports: Vec<(i64, String)> = on!(self, conn => {
                let mut select = QueryBuilder::new(
                    "SELECT key, report FROM object WHERE report IS NOT NULL AND key IN (");
                push_list(&mut select, objects.iter().copied());
                select.push(")");
                select.build_query_as().fetch_all(conn).await?
            });
            let there: Vec<(i64,)> = on!(self, conn => {
                let mut select = QueryBuilder::new("SELECT rowid FROM search_gram WHERE rowid IN (");
                push_list(&mut select, chunk.iter().map(|(stamp, _)| *stamp));
                select.push(")");
                select.build_query_as().fetch_all(conn).await?
            });
            let there: BTreeSet<i64> = there.into_iter().map(|(stamp,)| stamp).collect();
            let mut grams = BTreeMap::new();
            for (object, report) in reports {
                let indexed = Indexed::read(&report);
                on!(self, conn => {
                    let mut insert = QueryBuilder::new(
                        "INSERT INTO search_text (object, body, marks, facts, letters) VALUES (");
                    let mut values = insert.separated(", ");
                    values.push_bind(object).push_bind(indexed.body.clone())
                        .push_bind(indexed.marks.clone()).push_bind(indexed.facts.clone())
                        .push_bind(indexed.letters.clone());
                    // Rows of before have no facts; whatever is there beside them is of this object too.
                    insert.push(") ON CONFLICT (object) DO UPDATE SET body = excluded.body, \
                        marks = excluded.marks, facts = excluded.facts, letters = excluded.letters \
                        WHERE search_text.facts IS NULL");
                    insert.build().execute(conn).await?;
                });
                let tokens: Vec<String> = indexed.tokens.into_iter().collect();
                grams.insert(object, tokens.join(" "));
            }
            let put = match self.on {
                On::Sqlite(_) => PUT_GRAMS_SQLITE,
                On::Postgres(_) => PUT_GRAMS_POSTGRES,
            };
            for (stamp, object) in chunk.iter().filter(|(stamp, _)| !there.contains(stamp)) {
                if let Some(grams) = grams.get(object) {
                    on!(self, conn => { sqlx::query(put).bind(*stamp).bind(grams).execute(conn).await?; });
                }
            }
        }
        Ok(())
    }

    /// The same for an entry that is there, whose readers changed.
    pub(super) async fn index_again(&mut self, stamp: i64) -> Result<(), StoreError> {
        let row: Option<(i64,)> =
            on!(self, conn => sqlx::query_as(OBJECT_OF).bind(stamp).fetch_optional(conn).await?);
        match row {
            Some((object,)) => self.index(&[(stamp, object)]).await,
            None => Ok(()),
        }
    }

    /// Forgets what is kept of a version's entries that nobody reads any more, or only as older ones.
    pub(super) async fn unindex(&mut self, item_version: i64) -> Result<(), StoreError> {
        for forget in [UNINDEX, UNINDEX_TEXT] {
            on!(self, conn => { sqlx::query(forget).bind(item_version).execute(conn).await?; });
        }
        Ok(())
    }

    /// The same for one entry.
    pub(super) async fn unindex_entry(&mut self, stamp: i64) -> Result<(), StoreError> {
        for forget in [UNINDEX_ENTRY, UNINDEX_ENTRY_TEXT] {
            on!(self, conn => { sqlx::query(forget).bind(stamp).execute(conn).await?; });
        }
        Ok(())
    }

    /// Keeps what is searched of the newest entries before `mark`, so many; where to go on, or
    /// nothing when that was all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn index_older(&mut self, mark: i64, count: i64) -> Result<Option<i64>, StoreError> {
        let rows: Vec<(i64, i64)> = on!(self, conn => sqlx::query_as(NOT_INDEXED).bind(mark)
            .bind(count).fetch_all(conn).await?);
        self.index(&rows).await?;
        let last = rows.last().map(|(stamp, _)| *stamp);
        Ok(last.filter(|_| i64::try_from(rows.len()).is_ok_and(|found| found == count)))
    }

    /// Looks through the next `count` entries that the reader has, newest first, for what is wanted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step_by_reader(
        &mut self,
        scope: &Scope,
        asked: &Asked<'_>,
        mark: Option<i64>,
        count: usize,
    ) -> Result<Step, StoreError> {
        let (Some(newest), false) = (scope.newest, scope.audiences.is_empty()) else {
            return Ok(Step::end());
        };
        let all = reports(&[]);
        let window = self.window(scope, &all, mark, newest, count).await?;
        let next = window.last().copied().filter(|_| window.len() >= count);
        let found = self.holding(&window, asked.wanted).await?;
        self.step(scope, asked, found, next).await
    }

    /// Looks through the next `count` entries that the index names, newest first, for those that the
    /// reader has. Nothing where what is wanted has no words.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step_by_text(
        &mut self,
        scope: &Scope,
        asked: &Asked<'_>,
        mark: Option<i64>,
        count: usize,
    ) -> Result<Option<Step>, StoreError> {
        let (text, query) = match self.on {
            On::Sqlite(_) => (ASK_SQLITE.text(asked.wanted), TEXT_SQLITE),
            On::Postgres(_) => (ASK_POSTGRES.text(asked.wanted), TEXT_POSTGRES),
        };
        let Some(text) = text else {
            return Ok(None);
        };
        let (Some(newest), false) = (scope.newest, scope.audiences.is_empty()) else {
            return Ok(Some(Step::end()));
        };
        let before = mark.unwrap_or(i64::MAX).min(newest.saturating_add(1));
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        let rows: Vec<(i64,)> = on!(self, conn => sqlx::query_as(query).bind(text).bind(before)
            .bind(limit).fetch_all(conn).await?);
        let stamps: Vec<i64> = rows.into_iter().map(|(stamp,)| stamp).collect();
        let next = stamps.last().copied().filter(|_| stamps.len() >= count);
        let read = self.read_of(scope, &reports(&[]), &stamps).await?;
        Ok(Some(self.step(scope, asked, read, next).await?))
    }

    /// The stamp of the oldest of the `count` newest reports that the reader has; nothing where they
    /// have no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn floor_of(
        &mut self,
        scope: &Scope,
        count: usize,
    ) -> Result<Option<i64>, StoreError> {
        let (Some(newest), false) = (scope.newest, scope.audiences.is_empty()) else {
            return Ok(None);
        };
        let more = count.saturating_add(1);
        let window = self
            .window(scope, &reports(&[]), None, newest, more)
            .await?;
        Ok(window
            .get(count.saturating_sub(1))
            .copied()
            .filter(|_| window.len() > count))
    }

    /// The rules of versions that have parts: number, position (0 the whole's), rule, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules_of_parts(
        &mut self,
        versions: &BTreeSet<i64>,
    ) -> Result<Vec<(i64, i64, String)>, StoreError> {
        let versions: Vec<i64> = versions.iter().copied().collect();
        let mut rules = Vec::new();
        for chunk in versions.chunks(VALUES_PER_STATEMENT) {
            let rows: Vec<(i64, i64, String)> = on!(self, conn => {
                let mut select = QueryBuilder::new(
                    "SELECT item_version, position, rule FROM portion WHERE item_version IN (");
                push_list(&mut select, chunk.iter().copied());
                select.push(") ORDER BY item_version, position");
                select.build_query_as().fetch_all(conn).await?
            });
            rules.extend(rows);
        }
        Ok(rules)
    }

    /// The rules of versions that have none, by number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules_of_wholes(
        &mut self,
        versions: &BTreeSet<i64>,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let versions: Vec<i64> = versions.iter().copied().collect();
        let mut rules = Vec::new();
        for chunk in versions.chunks(VALUES_PER_STATEMENT) {
            let rows: Vec<(i64, String)> = on!(self, conn => {
                let mut select = QueryBuilder::new("SELECT v.key, v.rule FROM item_version v WHERE v.key IN (");
                push_list(&mut select, chunk.iter().copied());
                select.push(WITHOUT_PARTS);
                select.build_query_as().fetch_all(conn).await?
            });
            rules.extend(rows);
        }
        Ok(rules)
    }

    /// The same, each different one once: of many reports few have a rule of their own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn different_rules_of_wholes(
        &mut self,
        versions: &BTreeSet<i64>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let versions: Vec<i64> = versions.iter().copied().collect();
        let mut rules = BTreeSet::new();
        for chunk in versions.chunks(VALUES_PER_STATEMENT) {
            let rows: Vec<(String,)> = on!(self, conn => {
                let mut select = QueryBuilder::new("SELECT DISTINCT v.rule FROM item_version v WHERE v.key IN (");
                push_list(&mut select, chunk.iter().copied());
                select.push(WITHOUT_PARTS);
                select.build_query_as().fetch_all(conn).await?
            });
            rules.extend(rows.into_iter().map(|(rule,)| rule));
        }
        Ok(rules)
    }

    /// Entries that a walk found, with their reports.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn with_reports(
        &mut self,
        scope: &Scope,
        kinds: &[String],
        stamps: &[i64],
    ) -> Result<Vec<Entry>, StoreError> {
        let mut query = reports(kinds);
        query.content = Content::Reports;
        let mut entries = Vec::new();
        for chunk in stamps.chunks(VALUES_PER_STATEMENT) {
            entries.extend(self.shown(scope, &query, chunk).await?);
        }
        Ok(entries)
    }

    async fn step(
        &mut self,
        scope: &Scope,
        asked: &Asked<'_>,
        stamps: Vec<i64>,
        mark: Option<i64>,
    ) -> Result<Step, StoreError> {
        let mut query = reports(asked.kinds);
        query.content = asked.content;
        let mut entries = Vec::new();
        for chunk in stamps.chunks(VALUES_PER_STATEMENT) {
            entries.extend(self.shown(scope, &query, chunk).await?);
        }
        Ok(Step { entries, mark })
    }

    /// Of these entries those whose reports hold what is wanted, in their order.
    async fn holding(&mut self, stamps: &[i64], wanted: &Wanted) -> Result<Vec<i64>, StoreError> {
        if wanted.is_everything() {
            return Ok(stamps.to_vec());
        }
        let mut found = BTreeSet::new();
        for chunk in stamps.chunks(VALUES_PER_STATEMENT) {
            let rows: Vec<(i64,)> = on!(self, conn => {
                let mut select = QueryBuilder::new(
                    "SELECT r.stamp FROM release r CROSS JOIN search_text t WHERE t.object = r.object \
                     AND r.stamp IN (");
                push_list(&mut select, chunk.iter().copied());
                select.push(") AND ");
                push_wanted(&mut select, wanted);
                select.build_query_as().fetch_all(conn).await?
            });
            found.extend(rows.into_iter().map(|(stamp,)| stamp));
        }
        Ok(stamps
            .iter()
            .copied()
            .filter(|stamp| found.contains(stamp))
            .collect())
    }
}

impl Step {
    const fn end() -> Self {
        Self {
            entries: Vec::new(),
            mark: None,
        }
    }
}

fn reports(kinds: &[String]) -> Query {
    Query {
        descending: true,
        reports: true,
        kinds: kinds.to_vec(),
        ..Query::default()
    }
}

/// What candidates must have, as a condition on `search_text t`. Folded texts hold letters, digits
/// and blanks alone; in a mark an underscore stands for any letter, which only names more candidates.
/// It also stands for a backslash, which PostgreSQL takes for an escape and SQLite does not.
fn push_wanted<DB>(select: &mut QueryBuilder<DB>, wanted: &Wanted)
where
    DB: sqlx::Database,
    String: for<'q> sqlx::Encode<'q, DB> + sqlx::Type<DB>,
{
    match wanted {
        Wanted::All(parts) | Wanted::Any(parts) => {
            let (none, join) = match wanted {
                Wanted::All(_) => ("TRUE", " AND "),
                _ => ("FALSE", " OR "),
            };
            select.push("(").push(none);
            for part in parts {
                select.push(join);
                push_wanted(select, part);
            }
            select.push(")");
        }
        Wanted::Text(text, _) => {
            select.push("t.body LIKE ").push_bind(format!("%{text}%"));
        }
        Wanted::Mark(mark) => {
            let mark = plain(mark).replace(['%', '\\'], "_");
            select
                .push("t.marks LIKE ")
                .push_bind(format!("% {mark} %"));
        }
    }
}
