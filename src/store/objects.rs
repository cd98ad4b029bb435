//! Objects and their entries in the release log.

use std::collections::BTreeSet;

use sqlx::QueryBuilder;

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    OBJECTS_OF,
    RELEASES_OF,
    SUPERSEDE,
    SIDES_OF,
    READERS_OF,
    EXPIRE,
    ENTRIES_OF,
    RETIRE,
    ERASE,
    UNFEED_ALL,
    UNFEED_OTHERS,
    AT_DESK,
    FORGET,
    SAME_VERSION,
    FIRST_CREATED,
    SUPPORTED,
    SUPPORT_ENTRIES,
    FIRST_POSTED,
    FIRST_SUPPORT,
];

const OBJECTS_OF: &str = "SELECT key, form, stix_id, type, version, version_at, digest, bytes, report \
     FROM object WHERE item_version = $1 ORDER BY key";
const RELEASES_OF: &str = "SELECT r.stamp, r.side, o.form, o.report IS NOT NULL, \
     EXISTS (SELECT 1 FROM feed f WHERE f.stamp = r.stamp AND f.live = TRUE) \
     FROM release r JOIN object o ON o.key = r.object WHERE r.item_version = $1 \
     AND EXISTS (SELECT 1 FROM feed f WHERE f.stamp = r.stamp) ORDER BY r.stamp";
const READERS_OF: &str = "SELECT a.id, a.definition FROM feed f JOIN audience a ON a.id = f.audience \
     WHERE f.stamp = $1 ORDER BY a.id";
const EXPIRE: &str = "UPDATE release SET not_after = $1 WHERE item_version = $2 AND side <> 'desk' \
     AND (not_after IS NULL OR not_after > $1)";
const SUPERSEDE: &str = "UPDATE feed SET live = FALSE WHERE live = TRUE AND stamp IN \
     (SELECT stamp FROM release WHERE item_version = $1 AND side = $2)";
const SIDES_OF: &str = "SELECT side FROM release WHERE item_version = $1 \
     UNION SELECT side FROM released_to WHERE item_version = $1 ORDER BY side";
const ENTRIES_OF: &str = "SELECT r.stamp, o.stix_id FROM release r JOIN object o ON o.key = r.object \
     WHERE r.item_version = $1 AND r.side <> 'desk' ORDER BY r.stamp";
// An identity goes with the items it made: where an audience has none left that names it, it names
// somebody for no reason.
const RETIRE: &str = "DELETE FROM feed WHERE stamp IN (SELECT sr.stamp FROM release sr \
     JOIN object so ON so.key = sr.object WHERE sr.side = 'support' AND so.stix_id = $1) \
     AND NOT EXISTS (SELECT 1 FROM feed f JOIN release fr ON fr.stamp = f.stamp \
     JOIN object fo ON fo.key = fr.object JOIN item_version v ON v.key = fr.item_version \
     WHERE f.audience = feed.audience AND fo.form LIKE 'identified%' \
     AND COALESCE(v.operator, v.submitter_body) = $2)";
const ERASE: &str = "UPDATE object SET bytes = '', report = NULL WHERE item_version = $1";
const UNFEED_ALL: &str = "DELETE FROM feed WHERE stamp IN \
     (SELECT stamp FROM release WHERE item_version = $1)";
const UNFEED_OTHERS: &str = "DELETE FROM feed WHERE stamp IN \
     (SELECT stamp FROM release WHERE item_version = $1 AND side <> 'desk')";
const AT_DESK: &str = "SELECT COUNT(*) FROM release r JOIN feed f ON f.stamp = r.stamp \
     WHERE r.item_version = $1 AND r.side = 'desk'";
const FORGET: &str = "DELETE FROM feed WHERE stamp = $1";
const SAME_VERSION: &str = "SELECT o.digest, o.item_version FROM object o \
     JOIN item_version v ON v.key = o.item_version \
     WHERE o.stix_id = $1 AND o.version_at = $2 AND v.item <> $3 ORDER BY o.key";
const FIRST_CREATED: &str = "SELECT bytes FROM object WHERE stix_id = $1 ORDER BY key LIMIT 1";
// From the id to its few entries, never from all that the audience holds: see `feed`.
const SUPPORTED: &str = "SELECT DISTINCT f.audience FROM object o CROSS JOIN release r CROSS JOIN feed f \
     WHERE r.object = o.key AND f.stamp = r.stamp AND o.stix_id = $1 AND o.digest = $2 \
     AND r.side IN ('support', 'marking') AND r.kind = $3 AND f.live = TRUE";
const SUPPORT_ENTRIES: &str = "SELECT r.stamp, f.audience FROM object o CROSS JOIN release r CROSS JOIN feed f \
     WHERE r.object = o.key AND f.stamp = r.stamp AND o.stix_id = $1 AND o.digest = $2 \
     AND r.side IN ('support', 'marking') AND r.kind = $3 AND f.live = TRUE ORDER BY r.stamp, f.audience";
const FIRST_SUPPORT: &str = "SELECT bytes FROM object WHERE stix_id = $1 AND item_version IS NULL \
     AND bytes <> '' ORDER BY key LIMIT 1";
const FIRST_POSTED: &str = "SELECT o.bytes FROM object o JOIN item_version v ON v.key = o.item_version \
     WHERE v.item = $1 AND o.form = 'identified' AND o.bytes <> '' ORDER BY v.version, o.key LIMIT 1";

/// So many rows one insert writes at most: well below what either database binds in a statement.
const ROWS_PER_INSERT: usize = 400;

/// An object to store: the bytes as they will be served.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// `identified` or `anonymised`.
    pub form: String,
    /// Its STIX id.
    pub stix_id: String,
    /// Its STIX type.
    pub object_type: String,
    /// `modified`, else `created`, else the hub's own stable choice, as written.
    pub version: String,
    /// The same instant in microseconds.
    pub version_at: i64,
    /// Digest of the canonical content.
    pub digest: Vec<u8>,
    /// The bytes.
    pub bytes: String,
    /// The whole report, on the STIX report that ties it.
    pub report: Option<String>,
}

/// An entry of the release log.
#[derive(Clone, Debug)]
pub struct NewRelease {
    /// When; unique, in commit order.
    pub stamp: i64,
    /// Which object.
    pub object: i64,
    /// Of which version; none for a support object.
    pub item_version: Option<i64>,
    /// `desk`, `inside`, `outside`, `support`.
    pub side: &'static str,
    /// The item's kind.
    pub kind: String,
    /// How it behaves beside another entry under the same id; see [`super::feed`].
    pub twin: &'static str,
    /// From when on it is no longer served, in microseconds.
    pub not_after: Option<i64>,
    /// Whether it is a live entry: no newer version is out.
    pub live: bool,
    /// Whether it ties a whole report.
    pub report: bool,
    /// The audiences that read it.
    pub audiences: Vec<i64>,
}

type ObjectRow = (
    i64,
    String,
    String,
    String,
    String,
    i64,
    Vec<u8>,
    String,
    Option<String>,
);

impl Tx {
    /// Stores an object under a number already taken.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_object(
        &mut self,
        key: i64,
        item_version: Option<i64>,
        object: &NewObject,
    ) -> Result<(), StoreError> {
        self.add_objects(item_version, &[(key, object)]).await
    }

    /// Stores objects of one version under numbers already taken.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_objects(
        &mut self,
        item_version: Option<i64>,
        objects: &[(i64, &NewObject)],
    ) -> Result<(), StoreError> {
        for chunk in objects.chunks(ROWS_PER_INSERT) {
            for (_, object) in chunk {
                self.memo.unused.remove(&object.stix_id);
            }
            on!(self, conn => {
                let mut insert = QueryBuilder::new("INSERT INTO object (key, item_version, form, stix_id, type, \
                     version, version_at, digest, bytes, report) ");
                insert.push_values(chunk, |mut row, (key, o)| {
                    row.push_bind(*key).push_bind(item_version).push_bind(&o.form).push_bind(&o.stix_id)
                        .push_bind(&o.object_type).push_bind(&o.version).push_bind(o.version_at)
                        .push_bind(&o.digest).push_bind(&o.bytes).push_bind(&o.report);
                });
                insert.build().execute(conn).await?;
            });
        }
        Ok(())
    }

    /// Enters an object in the release log for its audiences. No audience is nobody.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_release(&mut self, release: &NewRelease) -> Result<(), StoreError> {
        self.add_releases(std::slice::from_ref(release)).await
    }

    /// Enters objects in the release log, each for its audiences.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_releases(&mut self, releases: &[NewRelease]) -> Result<(), StoreError> {
        if releases.iter().any(|r| r.item_version.is_none()) {
            self.memo.supported.clear();
        }
        for chunk in releases.chunks(ROWS_PER_INSERT) {
            on!(self, conn => {
                let mut insert = QueryBuilder::new(
                    "INSERT INTO release (stamp, object, item_version, side, kind, twin, not_after, type) ");
                insert.push_values(chunk, |mut row, r| {
                    row.push_bind(r.stamp).push_bind(r.object).push_bind(r.item_version).push_bind(r.side)
                        .push_bind(&r.kind).push_bind(r.twin).push_bind(r.not_after)
                        .push("(SELECT o.type FROM object o WHERE o.key = ").push_bind_unseparated(r.object)
                        .push_unseparated(")");
                });
                insert.build().execute(conn).await?;
            });
        }
        let entry = |r: &NewRelease, audience: &i64| (*audience, r.live, r.stamp, r.report);
        let entries = releases
            .iter()
            .flat_map(|r| r.audiences.iter().map(move |a| entry(r, a)));
        self.feed(&entries.collect::<Vec<_>>()).await?;
        let found = releases
            .iter()
            .filter(|r| r.report && r.live && !r.audiences.is_empty());
        let found: Vec<(i64, i64)> = found.map(|r| (r.stamp, r.object)).collect();
        self.index(&found).await
    }

    /// Lets audiences read an entry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_feed(
        &mut self,
        stamp: i64,
        live: bool,
        report: bool,
        audiences: &[i64],
    ) -> Result<(), StoreError> {
        self.memo.supported.clear();
        let entries = audiences
            .iter()
            .map(|audience| (*audience, live, stamp, report));
        self.feed(&entries.collect::<Vec<_>>()).await?;
        if report && live && !audiences.is_empty() {
            self.index_again(stamp).await?;
        }
        Ok(())
    }

    /// Writes the feed's rows: audience, whether it is live, stamp, whether it ties a report.
    async fn feed(&mut self, entries: &[(i64, bool, i64, bool)]) -> Result<(), StoreError> {
        for chunk in entries.chunks(ROWS_PER_INSERT) {
            on!(self, conn => {
                let mut insert = QueryBuilder::new("INSERT INTO feed (audience, live, stamp, report) ");
                insert.push_values(chunk, |mut row, (audience, live, stamp, report)| {
                    row.push_bind(*audience).push_bind(*live).push_bind(*stamp).push_bind(*report);
                });
                insert.push(" ON CONFLICT (audience, live, stamp) DO NOTHING");
                insert.build().execute(conn).await?;
            });
        }
        Ok(())
    }

    /// The objects of a version, with their numbers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn objects_of(
        &mut self,
        item_version: i64,
    ) -> Result<Vec<(i64, NewObject)>, StoreError> {
        let rows: Vec<ObjectRow> =
            on!(self, conn => sqlx::query_as(OBJECTS_OF).bind(item_version).fetch_all(conn).await?);
        Ok(rows
            .into_iter()
            .map(
                |(key, form, stix_id, object_type, version, version_at, digest, bytes, report)| {
                    (
                        key,
                        NewObject {
                            form,
                            stix_id,
                            object_type,
                            version,
                            version_at,
                            digest,
                            bytes,
                            report,
                        },
                    )
                },
            )
            .collect())
    }

    /// The audiences that read an entry, with their definitions.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn readers_of(&mut self, stamp: i64) -> Result<Vec<(i64, String)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(READERS_OF).bind(stamp).fetch_all(conn).await?))
    }

    /// Ends the serving of a version's entries at an instant, in microseconds, or earlier.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire(&mut self, item_version: i64, until: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(EXPIRE).bind(until).bind(item_version).execute(conn).await?; });
        Ok(())
    }

    /// The entries of a version that somebody reads: stamp, side, form, whether it ties a report, whether it is live.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn releases_of(
        &mut self,
        item_version: i64,
    ) -> Result<Vec<(i64, String, String, bool, bool)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(RELEASES_OF).bind(item_version).fetch_all(conn).await?))
    }

    /// Marks a version's entries on one side as no longer the latest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn supersede(&mut self, item_version: i64, side: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SUPERSEDE).bind(item_version).bind(side).execute(conn).await?; });
        self.unindex(item_version).await
    }

    /// The sides on which a version was entered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sides_of(&mut self, item_version: i64) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> =
            on!(self, conn => sqlx::query_as(SIDES_OF).bind(item_version).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(side,)| side).collect())
    }

    /// The entries of a version outside its desk, with the STIX id each is served under.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn entries_of(
        &mut self,
        item_version: i64,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(ENTRIES_OF).bind(item_version).fetch_all(conn).await?))
    }

    /// Stops serving the identity of a source to audiences that have no item naming it any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retire_creator(&mut self, stix_id: &str, source: &str) -> Result<(), StoreError> {
        self.memo.supported.clear();
        on!(self, conn => { sqlx::query(RETIRE).bind(stix_id).bind(source).execute(conn).await?; });
        Ok(())
    }

    /// Erases the content of a version and takes it from everybody; that it was stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erase(&mut self, item_version: i64) -> Result<(), StoreError> {
        self.memo.supported.clear();
        on!(self, conn => { sqlx::query(UNFEED_ALL).bind(item_version).execute(conn).await?; });
        on!(self, conn => { sqlx::query(ERASE).bind(item_version).execute(conn).await?; });
        self.unindex(item_version).await
    }

    /// Takes a version from everybody but its desk.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_back(&mut self, item_version: i64) -> Result<(), StoreError> {
        self.memo.supported.clear();
        on!(self, conn => { sqlx::query(UNFEED_OTHERS).bind(item_version).execute(conn).await?; });
        self.unindex(item_version).await
    }

    /// Takes a version from everybody, its desk too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_from_all(&mut self, item_version: i64) -> Result<(), StoreError> {
        self.memo.supported.clear();
        on!(self, conn => { sqlx::query(UNFEED_ALL).bind(item_version).execute(conn).await?; });
        self.unindex(item_version).await
    }

    /// Whether somebody reads a version at its desk.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_at_desk(&mut self, item_version: i64) -> Result<bool, StoreError> {
        let (count,): (i64,) =
            on!(self, conn => sqlx::query_as(AT_DESK).bind(item_version).fetch_one(conn).await?);
        Ok(count > 0)
    }

    /// Takes an entry away from every reader.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget(&mut self, stamp: i64) -> Result<(), StoreError> {
        self.memo.supported.clear();
        on!(self, conn => { sqlx::query(FORGET).bind(stamp).execute(conn).await?; });
        self.unindex_entry(stamp).await
    }

    /// Content of other items under the same id and version, in whatever form: digest and version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn same_version(
        &mut self,
        stix_id: &str,
        version_at: i64,
        item: &str,
    ) -> Result<Vec<(Vec<u8>, Option<i64>)>, StoreError> {
        if self.is_unused(stix_id) {
            return Ok(Vec::new());
        }
        Ok(
            on!(self, conn => sqlx::query_as(SAME_VERSION).bind(stix_id).bind(version_at).bind(item)
            .fetch_all(conn).await?),
        )
    }

    /// The bytes of the first object ever stored under an id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_bytes(&mut self, stix_id: &str) -> Result<Option<String>, StoreError> {
        if self.is_unused(stix_id) {
            return Ok(None);
        }
        let row: Option<(String,)> = on!(self, conn => sqlx::query_as(FIRST_CREATED).bind(stix_id).fetch_optional(conn).await?);
        Ok(row.map(|(bytes,)| bytes))
    }

    /// The bytes of a support object as it was first served.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_support(&mut self, stix_id: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = on!(self, conn => sqlx::query_as(FIRST_SUPPORT).bind(stix_id).fetch_optional(conn).await?);
        Ok(row.map(|(bytes,)| bytes))
    }

    /// The bytes of an item as it was first posted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_posted(&mut self, item: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> =
            on!(self, conn => sqlx::query_as(FIRST_POSTED).bind(item).fetch_optional(conn).await?);
        Ok(row.map(|(bytes,)| bytes))
    }

    /// The entries of a support object among the items of a kind, each with an audience.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn support_entries(
        &mut self,
        stix_id: &str,
        digest: &[u8],
        kind: &str,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(SUPPORT_ENTRIES).bind(stix_id).bind(digest).bind(kind)
            .fetch_all(conn).await?),
        )
    }

    /// The audiences that have this support object already among the items of a kind.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn supported(
        &mut self,
        stix_id: &str,
        digest: &[u8],
        kind: &str,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let key = (stix_id.to_owned(), digest.to_vec(), kind.to_owned());
        if let Some(known) = self.memo.supported.get(&key) {
            return Ok(known.clone());
        }
        let rows: Vec<(i64,)> = on!(self, conn => sqlx::query_as(SUPPORTED).bind(stix_id).bind(digest)
            .bind(kind).fetch_all(conn).await?);
        let known: BTreeSet<i64> = rows.into_iter().map(|(audience,)| audience).collect();
        self.memo.supported.insert(key, known.clone());
        Ok(known)
    }
}
