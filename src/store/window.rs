//! Which entries come next for a reader: stamps alone, in order. What shows of them is read in [`super::feed`].

use std::collections::BTreeSet;

use sqlx::QueryBuilder;

use super::db::{StoreError, Tx, on};
use super::feed::{Query, Scope, Versions, push_list, push_reader};

/// SQLite allows 500 terms in a compound select; the rest goes in a further one.
const TERMS_PER_SELECT: usize = 400;

/// So many values one statement carries at most.
const VALUES_PER_STATEMENT: usize = 400;

/// Where few entries are wanted of many, a step looks at so many at most.
const STEP_MAX: usize = 6400;

impl Tx {
    /// The next stamps after `mark` in any of the reader's audiences, in order, of whatever type and kind.
    pub(super) async fn window(
        &mut self,
        scope: &Scope,
        query: &Query,
        mark: Option<i64>,
        newest: i64,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        // Written out: bound, it has SQLite plan the statement anew each time.
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (compare, order) = if query.descending {
            (" AND stamp < ", "DESC")
        } else {
            (" AND stamp > ", "ASC")
        };
        let mark = mark.unwrap_or(if query.descending { i64::MAX } else { i64::MIN });
        let lives: &[bool] = if query.versions == Versions::Last {
            &[true]
        } else {
            &[true, false]
        };
        let mut stamps: Vec<i64> = Vec::new();
        for chunk in scope.audiences.chunks(TERMS_PER_SELECT / lives.len()) {
            let rows: Vec<(i64,)> = on!(self, conn => {
                let mut select = QueryBuilder::new("SELECT stamp FROM (");
                let mut first = true;
                for audience in chunk {
                    for live in lives {
                        select.push(if first { "SELECT stamp FROM (" } else { " UNION SELECT stamp FROM (" });
                        first = false;
                        select.push("SELECT stamp FROM feed WHERE audience = ").push_bind(*audience);
                        select.push(if *live { " AND live = TRUE" } else { " AND live = FALSE" });
                        if query.reports {
                            select.push(" AND report = TRUE");
                        }
                        select.push(compare).push_bind(mark);
                        select.push(" AND stamp <= ").push_bind(newest);
                        if let Some((_, since)) = scope.since.iter().find(|(late, _)| late == audience) {
                            select.push(" AND stamp > ").push_bind(*since);
                        }
                        select.push(" ORDER BY stamp ").push(order).push(" LIMIT ").push(limit);
                        select.push(") AS part");
                    }
                }
                select.push(") AS merged ORDER BY stamp ").push(order).push(" LIMIT ").push(limit);
                select.build_query_as().fetch_all(conn).await?
            });
            stamps.extend(rows.into_iter().map(|(stamp,)| stamp));
        }
        stamps.sort_unstable();
        stamps.dedup();
        if query.descending {
            stamps.reverse();
        }
        stamps.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(stamps)
    }

    /// The same for the entries of some ids, which are few.
    pub(super) async fn window_of_ids(
        &mut self,
        scope: &Scope,
        query: &Query,
        mark: Option<i64>,
        newest: i64,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        if query.ids.iter().all(|id| self.is_unused(id)) {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (compare, order) = if query.descending {
            (" AND r.stamp < ", "DESC")
        } else {
            (" AND r.stamp > ", "ASC")
        };
        let mark = mark.unwrap_or(if query.descending { i64::MAX } else { i64::MIN });
        let rows: Vec<(i64,)> = on!(self, conn => {
            let mut select = QueryBuilder::new(
                "SELECT DISTINCT r.stamp FROM object o CROSS JOIN release r CROSS JOIN feed f \
                 WHERE r.object = o.key AND f.stamp = r.stamp AND o.stix_id IN (");
            push_list(&mut select, query.ids.iter().cloned());
            select.push(") AND ");
            push_reader(&mut select, "f", scope);
            let live = if query.versions == Versions::Last { " AND f.live = TRUE" } else { " AND f.live IN (TRUE, FALSE)" };
            select.push(live);
            if query.reports {
                select.push(" AND f.report = TRUE");
            }
            select.push(compare).push_bind(mark);
            select.push(" AND r.stamp <= ").push_bind(newest);
            select.push(" ORDER BY r.stamp ").push(order).push(" LIMIT ").push(limit);
            select.build_query_as().fetch_all(conn).await?
        });
        Ok(rows.into_iter().map(|(stamp,)| stamp).collect())
    }

    /// The same for the entries of some types or kinds, which may be few among those the reader has, as
    /// these may be few among those of the kind. So two walks take turns, through the one and through the
    /// other, and the first to find enough or to come to its end is right: both find the same stamps in the
    /// same order. What is hidden decides only which of them that is.
    pub(super) async fn window_of_few(
        &mut self,
        scope: &Scope,
        query: &Query,
        mark: Option<i64>,
        newest: i64,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let (mut by_reader, mut by_kind) = (Vec::new(), Vec::new());
        let (mut reader_at, mut kind_at) = (mark, mark);
        let mut count = limit.clamp(1, STEP_MAX);
        loop {
            let step = self.window(scope, query, reader_at, newest, count).await?;
            let ended = step.len() < count;
            reader_at = step.last().copied().or(reader_at);
            by_reader.extend(self.of_kind(query, &step).await?);
            if ended || by_reader.len() >= limit {
                by_reader.truncate(limit);
                return Ok(by_reader);
            }
            let step = self.kind_window(query, kind_at, newest, count).await?;
            let ended = step.len() < count;
            kind_at = step.last().copied().or(kind_at);
            // It was chosen by types, or by kinds where there are none.
            let step = match (query.types.is_empty(), query.kinds.is_empty()) {
                (false, false) => self.of_kind(query, &step).await?,
                _ => step,
            };
            by_kind.extend(self.read_of(scope, query, &step).await?);
            if ended || by_kind.len() >= limit {
                by_kind.truncate(limit);
                return Ok(by_kind);
            }
            count = (count * 2).min(STEP_MAX);
        }
    }

    /// The next stamps of the types asked for, or else of the kinds, for whomever they are.
    async fn kind_window(
        &mut self,
        query: &Query,
        mark: Option<i64>,
        newest: i64,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (column, values) = if query.types.is_empty() {
            ("kind", query.kinds.clone())
        } else {
            ("type", types(query))
        };
        let (compare, order) = if query.descending {
            (" AND stamp < ", "DESC")
        } else {
            (" AND stamp > ", "ASC")
        };
        let mark = mark.unwrap_or(if query.descending { i64::MAX } else { i64::MIN });
        let mut stamps: Vec<i64> = Vec::new();
        for chunk in values.chunks(TERMS_PER_SELECT) {
            let rows: Vec<(i64,)> = on!(self, conn => {
                let mut select = QueryBuilder::new("SELECT stamp FROM (");
                for (at, value) in chunk.iter().enumerate() {
                    select.push(if at == 0 { "" } else { " UNION " });
                    select.push("SELECT stamp FROM (SELECT stamp FROM release WHERE ").push(column);
                    select.push(" = ").push_bind(value.clone()).push(compare).push_bind(mark);
                    select.push(" AND stamp <= ").push_bind(newest);
                    select.push(" ORDER BY stamp ").push(order).push(" LIMIT ").push(limit).push(") AS part");
                }
                select.push(") AS merged ORDER BY stamp ").push(order).push(" LIMIT ").push(limit);
                select.build_query_as().fetch_all(conn).await?
            });
            stamps.extend(rows.into_iter().map(|(stamp,)| stamp));
        }
        stamps.sort_unstable();
        stamps.dedup();
        if query.descending {
            stamps.reverse();
        }
        stamps.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(stamps)
    }

    /// Of these entries those of the types and kinds asked for, in their order.
    async fn of_kind(&mut self, query: &Query, stamps: &[i64]) -> Result<Vec<i64>, StoreError> {
        let mut of_kind = BTreeSet::new();
        for chunk in stamps.chunks(VALUES_PER_STATEMENT) {
            let rows: Vec<(i64,)> = on!(self, conn => {
                let mut select = QueryBuilder::new("SELECT stamp FROM release WHERE stamp IN (");
                push_list(&mut select, chunk.iter().copied());
                for (column, values) in [("type", types(query)), ("kind", query.kinds.clone())] {
                    if !values.is_empty() {
                        select.push(") AND ").push(column).push(" IN (");
                        push_list(&mut select, values.into_iter());
                    }
                }
                select.push(")");
                select.build_query_as().fetch_all(conn).await?
            });
            of_kind.extend(rows.into_iter().map(|(stamp,)| stamp));
        }
        Ok(kept(stamps, &of_kind))
    }

    /// Of these entries those that are entered for the reader, in their order.
    pub(super) async fn read_of(
        &mut self,
        scope: &Scope,
        query: &Query,
        stamps: &[i64],
    ) -> Result<Vec<i64>, StoreError> {
        let mut read = BTreeSet::new();
        for chunk in stamps.chunks(VALUES_PER_STATEMENT) {
            let rows: Vec<(i64,)> = on!(self, conn => {
                let mut select = QueryBuilder::new("SELECT f.stamp FROM feed f WHERE f.stamp IN (");
                push_list(&mut select, chunk.iter().copied());
                let last = query.versions == Versions::Last;
                select.push(if last { ") AND f.live = TRUE" } else { ") AND f.live IN (TRUE, FALSE)" });
                select.push(if query.reports { " AND f.report = TRUE AND " } else { " AND " });
                push_reader(&mut select, "f", scope);
                select.build_query_as().fetch_all(conn).await?
            });
            read.extend(rows.into_iter().map(|(stamp,)| stamp));
        }
        Ok(kept(stamps, &read))
    }
}

/// The types asked for, and the one of entries whose type a hub of before did not note.
fn types(query: &Query) -> Vec<String> {
    if query.types.is_empty() {
        return Vec::new();
    }
    let unknown = std::iter::once(String::new());
    unknown.chain(query.types.iter().cloned()).collect()
}

fn kept(stamps: &[i64], of: &BTreeSet<i64>) -> Vec<i64> {
    let mut kept = stamps.to_vec();
    kept.retain(|stamp| of.contains(stamp));
    kept
}
