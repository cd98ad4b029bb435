//! Reading: reports and objects, as one view sees them. Nothing here decides who may see what; a
//! [`View`] has decided already.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::gate::View;
use super::hold::Hold;
use super::refusal::Refusal;
use super::supports::obligations_of;
use super::{Exchange, Tx};
use crate::report::{Kind, drill};
use crate::stix::timestamp::format_taxii;
use crate::store::Entry;
use crate::store::feed::{Content, Query};

pub use crate::store::Versions;

/// So often a page is read anew because something of it was taken back while it was read.
pub(super) const READS_MAX: usize = 16;

/// Pages are at most this long.
pub const PAGE_MAX: usize = 1000;

/// A report as one reader has it.
#[derive(Debug, Serialize)]
pub struct ReportView {
    /// Its id, for this form.
    pub id: String,
    /// `incident_cause`, `best_practice`, ….
    pub kind: String,
    /// Whether it is a drill.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drill: bool,
    /// `identified` or `anonymised`.
    pub form: String,
    /// When it was released to this reader.
    pub released_at: String,
    /// TLP label.
    pub tlp: String,
    /// What the reader is bound to.
    pub obligations: Value,
    /// Where it stands; for the source's desk alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desk: Option<Desk>,
    /// The report: the source's bytes, or the rendition.
    pub report: Box<RawValue>,
}

impl ReportView {
    /// The CSAF document that an advisory was issued as, as it came.
    #[must_use]
    pub fn csaf(&self) -> Option<String> {
        let report: Value = serde_json::from_str(self.report.get()).ok()?;
        Some(report.pointer("/advisory/csaf")?.as_str()?.to_owned())
    }
}

/// What only the source's own desk sees of a report.
#[derive(Debug, Serialize)]
pub struct Desk {
    /// Version, 1 for the first.
    pub version: i64,
    /// `released`, `held`, `refused`.
    pub state: String,
    /// Why it is held.
    pub holds: Vec<Hold>,
    /// Scheme, version and level.
    pub level: String,
    /// Who submitted it; another sector's people are not named to an approver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub submitter: String,
    /// The report this one re-tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generalises: Option<String>,
}

/// Why a report goes where it goes; for the source's desk alone.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Scheme, version and level.
    pub level: String,
    /// `released`, `held`, `refused`.
    pub state: String,
    /// Why it is held.
    pub holds: Vec<Hold>,
    /// For every dimension of the rule, whose clause decided it.
    pub clauses: Value,
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// At most so many, 1 to [`PAGE_MAX`].
    pub limit: usize,
    /// Only these kinds; empty is all.
    pub kinds: Vec<String>,
}

/// One version of an object, as one reader has it.
#[derive(Clone, Debug)]
pub struct ObjectEntry {
    /// TAXII's `date_added`, in microseconds.
    pub added: i64,
    /// STIX id.
    pub id: String,
    /// Version, as the object writes it.
    pub version: String,
    /// The bytes.
    pub bytes: String,
}

/// Which objects to read.
#[derive(Clone, Debug, Default)]
pub struct ObjectQuery {
    /// Strictly after this stamp, in microseconds.
    pub added_after: Option<i64>,
    /// At most so many.
    pub limit: usize,
    /// Any of these STIX ids; empty is all.
    pub ids: Vec<String>,
    /// Any of these STIX types; empty is all.
    pub types: Vec<String>,
    /// Item kinds; empty is all.
    pub kinds: Vec<String>,
    /// Which versions.
    pub versions: Versions,
    /// Whether the page ends where a millisecond ends: with fewer entries than its limit, or with
    /// more where one millisecond alone has more.
    pub whole_milliseconds: bool,
}

impl Exchange {
    /// A page of reports, newest first, with the cursor of the rest.
    ///
    /// # Errors
    /// When the database fails, or the cursor is not one of the hub's.
    pub async fn reports(
        &self,
        view: &View,
        cursor: Option<&str>,
        listing: &Listing,
    ) -> Result<(Vec<ReportView>, Option<String>), Refusal> {
        for _ in 0..READS_MAX {
            let (reports, next, stamps) = self.reports_once(view, cursor, listing).await?;
            if self.hand_over(view, stamps).await? {
                return Ok((reports, next));
            }
        }
        Err(changing())
    }

    async fn reports_once(
        &self,
        view: &View,
        cursor: Option<&str>,
        listing: &Listing,
    ) -> Result<(Vec<ReportView>, Option<String>, Vec<i64>), Refusal> {
        let mark = match cursor {
            None => None,
            Some(cursor) => Some(self.number("reports", cursor)?),
        };
        let query = Query {
            mark,
            descending: true,
            limit: listing.limit.clamp(1, PAGE_MAX),
            reports: true,
            kinds: listing.kinds.clone(),
            ..Query::default()
        };
        let mut tx = self.db().read().await?;
        let (entries, more) = tx.page(&view.scope, &query).await?;
        // The cursor is a function of the last item shown, never of anything else (law 4).
        let next = entries
            .last()
            .filter(|_| more)
            .map(|last| self.secret().seal("reports", &last.stamp.to_be_bytes()));
        let stamps = entries.iter().map(|entry| entry.stamp).collect();
        let mut reports = Vec::with_capacity(entries.len());
        for entry in entries {
            reports.push(self.report_view(&mut tx, view, entry).await?);
        }
        Ok((reports, next, stamps))
    }

    /// One report by id; `None` where there is none for this reader, whatever the reason.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn report(&self, view: &View, id: &str) -> Result<Option<ReportView>, Refusal> {
        for _ in 0..READS_MAX {
            let Some((report, stamp)) = self.report_once(view, id).await? else {
                return Ok(None);
            };
            if self.hand_over(view, vec![stamp]).await? {
                return Ok(Some(report));
            }
        }
        Err(changing())
    }

    async fn report_once(
        &self,
        view: &View,
        id: &str,
    ) -> Result<Option<(ReportView, i64)>, Refusal> {
        let mut tx = self.db().read().await?;
        let Some(entry) = present(&mut tx, view, id).await? else {
            return Ok(None);
        };
        let stamp = entry.stamp;
        let report = self.report_view(&mut tx, view, entry).await?;
        Ok(Some((report, stamp)))
    }

    /// Why a report goes where it goes; `None` for whoever does not read it at its source's desk.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn explain(&self, view: &View, id: &str) -> Result<Option<Explanation>, Refusal> {
        let mut tx = self.db().read().await?;
        let Some(key) = version_at_desk(&mut tx, view, id).await? else {
            return Ok(None);
        };
        let Some(version) = tx.item_version(key).await? else {
            return Ok(None);
        };
        Ok(Some(Explanation {
            level: version.value.level,
            state: version.value.state,
            holds: serde_json::from_str(&version.value.holds)?,
            clauses: serde_json::from_str(&version.value.clauses)?,
        }))
    }

    /// The STIX form of a report: every object of it that this reader has, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn report_objects(
        &self,
        view: &View,
        id: &str,
    ) -> Result<Option<Vec<ObjectEntry>>, Refusal> {
        for _ in 0..READS_MAX {
            let Some(objects) = self.report_objects_once(view, id).await? else {
                return Ok(None);
            };
            let stamps = objects.iter().map(|object| object.added).collect();
            if self.hand_over(view, stamps).await? {
                return Ok(Some(objects));
            }
        }
        Err(changing())
    }

    async fn report_objects_once(
        &self,
        view: &View,
        id: &str,
    ) -> Result<Option<Vec<ObjectEntry>>, Refusal> {
        let mut tx = self.db().read().await?;
        let Some(tie) = present(&mut tx, view, id).await? else {
            return Ok(None);
        };
        let objects = objects_tied(&mut tx, view, &tie).await?;
        Ok(Some(objects))
    }

    pub(super) async fn report_view(
        &self,
        tx: &mut Tx,
        view: &View,
        entry: Entry,
    ) -> Result<ReportView, Refusal> {
        let missing = || Refusal::Internal(anyhow::anyhow!("entry {} ties no report", entry.stamp));
        let key = entry.item_version.ok_or_else(missing)?;
        let version = tx.item_version(key).await?.ok_or_else(missing)?;
        // What binds a reader of some parts says nothing of the others.
        let rules = super::portions::Rules::of(tx, &version).await?;
        let rule = rules.shown(&entry.form);
        let parties: Vec<String> = version
            .value
            .parties()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let desk = match entry.side.as_str() {
            "desk" => Some(Desk {
                version: version.value.version,
                state: version.value.state,
                holds: serde_json::from_str(&version.value.holds)?,
                level: version.value.level,
                submitter: {
                    let directory = self.directory();
                    let reader = view
                        .reader
                        .as_ref()
                        .and_then(|who| directory.principal(who));
                    let own = reader.is_some_and(|reader| {
                        parties.iter().any(|body| body == reader.body.as_str())
                    });
                    if own {
                        version.value.submitter
                    } else {
                        String::new()
                    }
                },
                generalises: version.value.generalises,
            }),
            _ => None,
        };
        let body = entry.report.clone().ok_or_else(missing)?;
        Ok(ReportView {
            id: entry.stix_id.trim_start_matches("report--").to_owned(),
            drill: entry.kind == drill::KIND,
            kind: if entry.kind == drill::KIND {
                Kind::Advisory.as_str().to_owned()
            } else {
                entry.kind
            },
            form: super::portions::told(&entry.form).to_owned(),
            released_at: format_taxii(entry.stamp),
            tlp: rule.access.tlp.to_string(),
            obligations: obligations_of(rule),
            desk,
            report: RawValue::from_string(body)?,
        })
    }

    /// A page of objects, oldest first, and whether more follow.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn objects(
        &self,
        view: &View,
        query: &ObjectQuery,
    ) -> Result<(Vec<ObjectEntry>, bool), Refusal> {
        let whole_milliseconds = query.whole_milliseconds;
        let query = Query {
            mark: query.added_after,
            limit: query.limit.clamp(1, PAGE_MAX),
            content: Content::Objects,
            ids: query.ids.clone(),
            types: query.types.clone(),
            kinds: query.kinds.clone(),
            versions: query.versions.clone(),
            ..Query::default()
        };
        for _ in 0..READS_MAX {
            let mut tx = self.db().read().await?;
            let (mut entries, mut more) = tx.page(&view.scope, &query).await?;
            if whole_milliseconds && more {
                more = end_millisecond(&mut tx, view, &query, &mut entries).await?;
            }
            drop(tx);
            let stamps = entries.iter().map(|entry| entry.stamp).collect();
            if self.hand_over(view, stamps).await? {
                return Ok((entries.into_iter().map(object_entry).collect(), more));
            }
        }
        Err(changing())
    }

    /// Keeps a TAXII status for whom it answers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_status(&self, principal: &str, id: &str, body: &str) -> Result<(), Refusal> {
        let (principal, id, body) = (principal.to_owned(), id.to_owned(), body.to_owned());
        let now = self.clock().now_micros();
        self.writer()
            .write(move |tx| {
                Box::pin(async move { Ok(tx.put_status(&id, &principal, now, &body).await?) })
            })
            .await
    }

    /// A TAXII status, for whom it answers, kept for a day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn status(&self, principal: &str, id: &str) -> Result<Option<String>, Refusal> {
        let since = self.clock().now_micros() - 25 * 3_600_000_000;
        Ok(self.db().read().await?.status(id, principal, since).await?)
    }
}

/// The report of an id as a view has it now.
///
/// # Errors
/// When the database fails.
pub(super) async fn present(tx: &mut Tx, view: &View, id: &str) -> Result<Option<Entry>, Refusal> {
    let query = Query {
        descending: true,
        limit: 1,
        reports: true,
        ids: vec![format!("report--{id}")],
        ..Query::default()
    };
    let (entries, _) = tx.page(&view.scope, &query).await?;
    Ok(entries.into_iter().next())
}

/// Every object that a view has of the form of a report that this entry ties, and what goes with it.
///
/// # Errors
/// When the database fails.
pub(super) async fn objects_tied(
    tx: &mut Tx,
    view: &View,
    tie: &Entry,
) -> Result<Vec<ObjectEntry>, Refusal> {
    let object: Value = serde_json::from_str(&tie.bytes)?;
    let markings = object.get("object_marking_refs").and_then(Value::as_array);
    let supports = markings
        .into_iter()
        .flatten()
        .chain(object.get("created_by_ref"));
    let mut ids: Vec<String> = supports
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    // Translations too, which the report does not list: every object of this form.
    for (_, stored) in tx.objects_of(tie.item_version.unwrap_or_default()).await? {
        if stored.form == tie.form {
            ids.push(stored.stix_id);
        }
    }
    let query = Query {
        limit: PAGE_MAX.max(ids.len()),
        ids,
        ..Query::default()
    };
    let (entries, _) = tx.page(&view.scope, &query).await?;
    Ok(entries.into_iter().map(object_entry).collect())
}

/// The version behind a report, where the view has it at its source's desk.
///
/// # Errors
/// When the database fails.
pub(super) async fn version_at_desk(
    tx: &mut Tx,
    view: &View,
    id: &str,
) -> Result<Option<i64>, Refusal> {
    let entry = present(tx, view, id).await?;
    let desk = entry.filter(|entry| entry.side == "desk");
    Ok(desk.and_then(|entry| entry.item_version))
}

/// Ends a page that more follows with a millisecond; whether more still follows.
async fn end_millisecond(
    tx: &mut Tx,
    view: &View,
    query: &Query,
    entries: &mut Vec<Entry>,
) -> Result<bool, Refusal> {
    let Some(last) = entries.last().map(|entry| entry.stamp) else {
        return Ok(false);
    };
    let within = |entry: &Entry| entry.stamp.div_euclid(1000) == last.div_euclid(1000);
    // A millisecond has a thousand stamps, so one page holds the rest of it.
    let query = Query {
        mark: Some(last),
        limit: PAGE_MAX,
        ..query.clone()
    };
    let (rest, further) = tx.page(&view.scope, &query).await?;
    if !rest.first().is_some_and(within) {
        return Ok(true);
    }
    let before = entries.iter().take_while(|entry| !within(entry)).count();
    if before > 0 {
        entries.truncate(before);
        return Ok(true);
    }
    let more = further || !rest.iter().all(within);
    entries.extend(rest.into_iter().take_while(within));
    Ok(more)
}

pub(super) fn changing() -> Refusal {
    Refusal::Internal(anyhow::anyhow!("the page kept changing while it was read"))
}

fn object_entry(entry: Entry) -> ObjectEntry {
    ObjectEntry {
        added: entry.stamp,
        id: entry.stix_id,
        version: entry.version,
        bytes: entry.bytes,
    }
}
