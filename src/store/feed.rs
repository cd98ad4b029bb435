//! Reading the release log as one reader: ranges of the reader's audiences, merged.
//!
//! The cost of a page is the page: each audience contributes an index range no longer than the page,
//! so what is hidden costs nothing. On top of that, three things are one entry for one reader:
//! - an item the reader's own desk sees as submitted hides its renditions (`side`),
//! - a `shared` entry (a support object, the same content from two sources) shows only where no
//!   earlier entry of the same id and version shows; a support object is entered for each kind of
//!   item once, so that a view of one kind has what it needs and no more,
//! - a `standin` entry (the later of two contents under one id and version, as a rendition) shows
//!   only where an earlier entry of the original's id and version shows, and none of its content.
//!
//! All three depend only on entries the same reader sees, so what is hidden cannot matter (law 4).

use sqlx::QueryBuilder;

use super::db::{StoreError, Tx, on};
use crate::search::Kept;
use crate::stix::timestamp::format_stix;

pub(super) const QUERIES: &[&str] = &[NEWEST, STANDING];

const NEWEST: &str = "SELECT (SELECT MAX(stamp) FROM release), \
     (SELECT value FROM counter WHERE name = 'audience_change')";

const STANDING: &str = "SELECT (SELECT MAX(stamp) FROM release), \
     (SELECT value FROM counter WHERE name = 'audience_change'), (SELECT MAX(id) FROM audience), \
     EXISTS (SELECT 1 FROM latecomer WHERE principal = $1)";

/// How things stand for one reader, from one statement and so from one state of the database.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The stamp of the newest entry there is, for whomever.
    pub newest: Option<i64>,
    /// How often the members of audiences were changed.
    pub changes: i64,
    /// The audience made last.
    pub last_audience: Option<i64>,
    /// Whether the reader came late to any.
    pub late: bool,
}

/// Who reads: the audiences the reader is in.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// All of them, the desk's included.
    pub audiences: Vec<i64>,
    /// Those that are desk seats.
    pub desk: Vec<i64>,
    /// Of these audiences the reader sees only what is newer than the stamp.
    pub since: Vec<(i64, i64)>,
    /// Now, in microseconds.
    pub now: i64,
    /// The newest entry when the audiences were looked up; nothing later is read. An entry for an
    /// audience made since would be missed, and a mark set behind it would miss it for ever (law 5).
    pub newest: Option<i64>,
}

/// Which versions of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// The latest (TAXII's default).
    #[default]
    Last,
    /// All.
    All,
    /// The first, the last, and any of these instants in microseconds.
    Some {
        /// The first that the reader sees.
        first: bool,
        /// The last.
        last: bool,
        /// Exact ones.
        at: Vec<i64>,
    },
}

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// After this stamp (ascending) or before it (descending), exclusive.
    pub mark: Option<i64>,
    /// Newest first.
    pub descending: bool,
    /// At most so many entries.
    pub limit: usize,
    /// Only whole reports.
    pub reports: bool,
    /// What of each entry.
    pub content: Content,
    /// STIX ids, any of them; empty is all.
    pub ids: Vec<String>,
    /// STIX types, any of them; empty is all.
    pub types: Vec<String>,
    /// Item kinds, any of them; empty is all.
    pub kinds: Vec<String>,
    /// Which versions.
    pub versions: Versions,
}

/// What is read of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// The object and, where it ties one, the report.
    #[default]
    Both,
    /// The object.
    Objects,
    /// The report.
    Reports,
    /// What is counted and filtered by of the report; the report itself where that is not known.
    Facts,
    /// The same with its folded texts.
    Folded,
}

impl Content {
    const fn columns(self) -> &'static str {
        match self {
            Self::Both => "o.bytes, o.report, NULL, NULL, NULL",
            Self::Objects => "o.bytes, NULL, NULL, NULL, NULL",
            Self::Reports => "'', o.report, NULL, NULL, NULL",
            Self::Facts => "'', CASE WHEN t.facts IS NULL THEN o.report END, t.facts, NULL, NULL",
            Self::Folded => {
                "'', CASE WHEN t.letters IS NULL THEN o.report END, t.facts, t.body, t.letters"
            }
        }
    }

    const fn beside(self) -> &'static str {
        match self {
            Self::Facts | Self::Folded => " LEFT JOIN search_text t ON t.object = o.key",
            _ => "",
        }
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// TAXII's `date_added`, in microseconds.
    pub stamp: i64,
    /// The item version it belongs to.
    pub item_version: Option<i64>,
    /// `identified` or `anonymised`.
    pub form: String,
    /// `desk`, `inside`, `outside`, `support`.
    pub side: String,
    /// The item's kind.
    pub kind: String,
    /// STIX id.
    pub stix_id: String,
    /// Version as written.
    pub version: String,
    /// Version in microseconds.
    pub version_at: i64,
    /// The object's bytes.
    pub bytes: String,
    /// The report's bytes, where the entry ties one.
    pub report: Option<String>,
    /// What the index keeps of the report, where that was asked for and is there.
    pub kept: Option<Kept>,
}

type Row = (
    i64,
    Option<i64>,
    String,
    String,
    String,
    String,
    String,
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

// CROSS JOIN: from the id to its few entries. SQLite keeps that order, where it might else begin with all
// that the reader's audiences hold. `live` is always said, so that the feed's key is looked up to its end.
const EARLIER: &str = "SELECT 1 FROM object e CROSS JOIN release er CROSS JOIN feed ef \
     WHERE er.object = e.key AND ef.stamp = er.stamp AND er.stamp < r.stamp AND e.version_at = o.version_at \
     AND (er.not_after IS NULL OR er.not_after > ";
const ORIGINAL_ID: &str = "(SELECT orig.stix_id FROM object orig \
     WHERE orig.item_version = o.item_version AND orig.form = 'identified' ORDER BY orig.key LIMIT 1)";
const ORIGINAL_DIGEST: &str = "(SELECT orig.digest FROM object orig \
     WHERE orig.item_version = o.item_version AND orig.form = 'identified' ORDER BY orig.key LIMIT 1)";

impl Query {
    /// Whether it asks for some types or kinds alone.
    pub(super) fn is_filtered(&self) -> bool {
        !self.types.is_empty() || !self.kinds.is_empty()
    }
}

impl Tx {
    /// The stamp of the newest entry there is, for whomever, and the number of times that the
    /// members of audiences were changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest(&mut self) -> Result<(Option<i64>, i64), StoreError> {
        Ok(on!(self, conn => sqlx::query_as(NEWEST).fetch_one(conn).await?))
    }

    /// How things stand, for a principal or for nobody.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing(&mut self, principal: Option<&str>) -> Result<Standing, StoreError> {
        let (newest, changes, last_audience, late) = on!(self, conn => sqlx::query_as(STANDING)
            .bind(principal).fetch_one(conn).await?);
        Ok(Standing {
            newest,
            changes,
            last_audience,
            late,
        })
    }

    /// A page: at most `query.limit` entries, and whether more follow.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page(
        &mut self,
        scope: &Scope,
        query: &Query,
    ) -> Result<(Vec<Entry>, bool), StoreError> {
        let wanted = query.limit.saturating_add(1);
        let mut page: Vec<Entry> = Vec::new();
        let mut mark = query.mark;
        let Some(newest) = scope.newest.filter(|_| !scope.audiences.is_empty()) else {
            return Ok((page, false));
        };
        loop {
            let window = if !query.ids.is_empty() {
                self.window_of_ids(scope, query, mark, newest, wanted)
                    .await?
            } else if query.is_filtered() {
                self.window_of_few(scope, query, mark, newest, wanted)
                    .await?
            } else {
                self.window(scope, query, mark, newest, wanted).await?
            };
            let ended = window.len() < wanted;
            mark = window.last().copied().or(mark);
            if !window.is_empty() {
                page.extend(self.shown(scope, query, &window).await?);
            }
            if page.len() > query.limit {
                page.truncate(query.limit);
                return Ok((page, true));
            }
            if ended {
                return Ok((page, false));
            }
        }
    }

    /// Whether every one of these entries is still entered for the reader.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn still_read(&mut self, scope: &Scope, stamps: &[i64]) -> Result<bool, StoreError> {
        let (count,): (i64,) = on!(self, conn => {
            let mut select =
                QueryBuilder::new("SELECT COUNT(DISTINCT f.stamp) FROM feed f WHERE f.stamp IN (");
            push_list(&mut select, stamps.iter().copied());
            select.push(") AND f.live IN (TRUE, FALSE) AND ");
            push_reader(&mut select, "f", scope);
            select.build_query_as().fetch_one(conn).await?
        });
        let distinct: std::collections::BTreeSet<&i64> = stamps.iter().collect();
        Ok(usize::try_from(count).unwrap_or_default() == distinct.len())
    }

    /// Of the stamps of a window, the entries that show and match.
    pub(super) async fn shown(
        &mut self,
        scope: &Scope,
        query: &Query,
        window: &[i64],
    ) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<Row> = on!(self, conn => {
            let mut select = QueryBuilder::new(
                "SELECT r.stamp, r.item_version, o.form, r.side, r.kind, o.stix_id, o.version, \
                 o.version_at, ");
            select.push(query.content.columns()).push(" FROM release r JOIN object o ON o.key = r.object");
            select.push(query.content.beside()).push(" WHERE r.stamp IN (");
            push_list(&mut select, window.iter().copied());
            select.push(") AND (r.not_after IS NULL OR r.not_after > ").push_bind(scope.now).push(")");
            if !scope.desk.is_empty() {
                select.push(" AND (r.side IN ('desk', 'support') OR NOT EXISTS (SELECT 1 FROM release d \
                     CROSS JOIN feed df WHERE df.stamp = d.stamp AND d.item_version = r.item_version \
                     AND d.side = 'desk' AND df.live IN (TRUE, FALSE) AND df.audience IN (");
                push_list(&mut select, scope.desk.iter().copied());
                select.push(")))");
            }
            // An entry that a newer version replaced does not show where only the latest are asked for.
            let shows = if query.versions == Versions::Last { ") AND ef.live = TRUE" } else { ") AND ef.live IN (TRUE, FALSE)" };
            // Earlier entries that show to the same reader, under the same id and version as this
            // one, or as the original this one stands in for.
            select.push(" AND (r.twin <> 'shared' OR NOT EXISTS (").push(EARLIER).push_bind(scope.now).push(shows);
            // A view of some kinds is complete by itself: an entry of another kind is no earlier one.
            if !query.kinds.is_empty() {
                select.push(" AND er.kind IN (");
                push_list(&mut select, query.kinds.iter().cloned());
                select.push(")");
            }
            // What the hub serves beside items gives way to nothing that anybody posts.
            select.push(" AND (r.side <> 'support' OR er.side = 'support')");
            // What a reader had of an item gives way to its desk's entry, so that one hides behind
            // nothing else of the item, or whoever takes a seat there would have neither.
            select.push(" AND (r.side <> 'desk' OR er.side = 'desk' OR er.item_version <> r.item_version)");
            select.push(" AND e.stix_id = o.stix_id AND ");
            push_reader(&mut select, "ef", scope);
            select.push(")) AND (r.twin <> 'standin' OR (EXISTS (").push(EARLIER).push_bind(scope.now).push(shows);
            select.push(" AND er.item_version <> r.item_version AND e.stix_id = ");
            select.push(ORIGINAL_ID).push(" AND ");
            push_reader(&mut select, "ef", scope);
            select.push(") AND NOT EXISTS (").push(EARLIER).push_bind(scope.now).push(shows);
            select.push(" AND er.item_version <> r.item_version AND e.digest = ").push(ORIGINAL_DIGEST);
            select.push(" AND e.stix_id = ").push(ORIGINAL_ID).push(" AND ");
            push_reader(&mut select, "ef", scope);
            select.push(")))");
            if !query.types.is_empty() {
                select.push(" AND o.type IN (");
                push_list(&mut select, query.types.iter().cloned());
                select.push(")");
            }
            if !query.kinds.is_empty() {
                select.push(" AND r.kind IN (");
                push_list(&mut select, query.kinds.iter().cloned());
                select.push(")");
            }
            if let Versions::Some { first, last, at } = &query.versions {
                select.push(" AND (FALSE");
                if *last {
                    select.push(" OR EXISTS (SELECT 1 FROM feed lf WHERE lf.stamp = r.stamp AND lf.live = TRUE)");
                }
                if *first {
                    select.push(" OR NOT EXISTS (SELECT 1 FROM object e CROSS JOIN release er CROSS JOIN feed ef \
                         WHERE er.object = e.key AND ef.stamp = er.stamp AND e.stix_id = o.stix_id \
                         AND ef.live IN (TRUE, FALSE) AND e.version_at < o.version_at AND ");
                    push_reader(&mut select, "ef", scope);
                    select.push(")");
                }
                if !at.is_empty() {
                    select.push(" OR o.version_at IN (");
                    push_list(&mut select, at.iter().copied());
                    // A marking has one version only, which is its `created`.
                    select.push(") OR o.type = 'marking-definition' AND o.version IN (");
                    push_list(&mut select, at.iter().map(|at| format_stix(*at)));
                    select.push(")");
                }
                select.push(")");
            }
            select.push(" ORDER BY r.stamp ").push(if query.descending { "DESC" } else { "ASC" });
            select.build_query_as().fetch_all(conn).await?
        });
        Ok(rows
            .into_iter()
            .map(
                |(
                    stamp,
                    item_version,
                    form,
                    side,
                    kind,
                    stix_id,
                    version,
                    version_at,
                    bytes,
                    report,
                    facts,
                    body,
                    letters,
                )| Entry {
                    stamp,
                    item_version,
                    form,
                    side,
                    kind,
                    stix_id,
                    version,
                    version_at,
                    bytes,
                    report,
                    kept: facts.map(|facts| Kept {
                        facts,
                        folded: body.zip(letters),
                    }),
                },
            )
            .collect())
    }
}

/// The rows of a feed that the reader of a scope reads.
pub(super) fn push_reader<DB>(query: &mut QueryBuilder<DB>, feed: &'static str, scope: &Scope)
where
    DB: sqlx::Database,
    i64: for<'q> sqlx::Encode<'q, DB> + sqlx::Type<DB>,
{
    query.push(feed).push(".audience IN (");
    push_list(query, scope.audiences.iter().copied());
    query.push(")");
    for (audience, since) in &scope.since {
        query.push(" AND NOT (").push(feed).push(".audience = ");
        query
            .push_bind(*audience)
            .push(" AND ")
            .push(feed)
            .push(".stamp <= ");
        query.push_bind(*since).push(")");
    }
}

pub(super) fn push_list<DB, T>(query: &mut QueryBuilder<DB>, values: impl Iterator<Item = T>)
where
    DB: sqlx::Database,
    T: for<'q> sqlx::Encode<'q, DB> + sqlx::Type<DB> + 'static,
{
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value);
    }
}
