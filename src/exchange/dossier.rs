//! Several of a reader's reports as one document: an export, a brief, a comparison. It carries the
//! join of its parts (law 7), and parts that cannot meet under one rule make none.
//!
//! Whether they meet is a function of what the reader is told of each and of the reader's own place
//! in each rule. Whom else the rules admit is not looked at: the answer would tell of it (law 4).

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::gate::View;
use super::parts::join_of;
use super::portions::Rules;
use super::read::{ObjectEntry, READS_MAX, ReportView, changing, objects_tied, present};
use super::refusal::{Fault, Refusal};
use super::supports::{id_of, markings, obligations_of, withheld_creator};
use super::{Exchange, Tx};
use crate::handling::{Channel, Conflict, Decision, Parties, Reader, Rule, conflicts, decide};
use crate::stix::timestamp::{format_stix, format_taxii};

/// So many reports make one document, at most.
pub const DOSSIER_MAX: usize = 200;

/// The rule that an id breaks which is no report of the reader's, whatever the reason.
pub const MISSING: &str = "dossier.id";

/// Entries are noted as handed over so many at a time.
const NOTED_AT_ONCE: usize = 500;

/// Reports of one reader under the rule that they carry together.
#[derive(Debug, Serialize)]
pub struct Dossier {
    /// When they were put together.
    pub made_at: String,
    /// Strictest TLP label of the parts.
    pub tlp: String,
    /// What binds whoever has the document.
    pub obligations: Value,
    /// When the document is to be gone: as soon as one part is; absent where none has to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_by: Option<String>,
    /// Whether they are drills, all of them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drill: bool,
    /// The reports, in the order asked for.
    pub items: Vec<ReportView>,
    #[serde(skip)]
    rule: Rule,
}

/// One report, with what decides whether it can meet others.
struct Part {
    report: ReportView,
    rule: Rule,
    stamp: i64,
}

impl Exchange {
    /// Puts reports together for the caller, as they go through `channel`.
    ///
    /// # Errors
    /// A fault for each id that is no report of this reader's there, or that cannot be in one document
    /// with another; when there are none or too many.
    pub async fn dossier(
        &self,
        caller: &Caller,
        channel: Channel,
        ids: &[String],
    ) -> Result<Dossier, Refusal> {
        let (dossier, _) = self.put_together(caller, channel, ids, false).await?;
        Ok(dossier)
    }

    /// The same as objects: a grouping that carries the markings of the whole, then every object of
    /// every report as this reader has it over TAXII, each once.
    ///
    /// # Errors
    /// As [`Exchange::dossier`].
    pub async fn dossier_as_stix(
        &self,
        caller: &Caller,
        ids: &[String],
    ) -> Result<(Dossier, Vec<String>), Refusal> {
        let (dossier, objects) = self.put_together(caller, Channel::Rest, ids, true).await?;
        let reader = caller.principal.id.as_str();
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for object in self.head(&dossier, reader) {
            seen.extend(id_of(&object).map(str::to_owned));
            all.push(object.to_string());
        }
        // What goes with several of them goes once, and the head's markings may be a part's own.
        for object in objects {
            if seen.insert(object.id) {
                all.push(object.bytes);
            }
        }
        Ok((dossier, all))
    }

    /// What says of a bundle how the whole of it is handled: a bundle has no markings of its own.
    fn head(&self, dossier: &Dossier, reader: &str) -> Vec<Value> {
        let secret = self.secret();
        let (marks, creator) = (markings(secret, &dossier.rule), withheld_creator(secret));
        let refs: Vec<String> = dossier
            .items
            .iter()
            .map(|item| format!("report--{}", item.id))
            .collect();
        let mut of = vec![reader, dossier.made_at.as_str()];
        of.extend(refs.iter().map(String::as_str));
        let delete_by = dossier.delete_by.as_ref();
        let delete_by = delete_by.map_or_else(String::new, |at| format!(" Delete by {at}."));
        let grouping = json!({
            "type": "grouping",
            "spec_version": "2.1",
            "id": secret.stix_id("grouping", "dossier", &of),
            "created_by_ref": id_of(&creator),
            "created": dossier.made_at,
            "modified": dossier.made_at,
            "name": format!("{} reports, {} as a whole", refs.len(), dossier.tlp),
            "description": format!(
                "The whole carries the strictest of its parts; each part keeps its own markings.{delete_by}"
            ),
            "context": "unspecified",
            "object_refs": refs,
            "object_marking_refs": marks.iter().filter_map(id_of).collect::<Vec<_>>(),
        });
        marks.into_iter().chain([creator, grouping]).collect()
    }

    async fn put_together(
        &self,
        caller: &Caller,
        channel: Channel,
        ids: &[String],
        objects: bool,
    ) -> Result<(Dossier, Vec<ObjectEntry>), Refusal> {
        if ids.is_empty() || ids.len() > DOSSIER_MAX {
            let message = format!("is a list of 1 to {DOSSIER_MAX} reports");
            return Err(Refusal::fault("/ids", "dossier.count", message));
        }
        let view = self.view(Some(caller), channel).await?;
        for _ in 0..READS_MAX {
            let mut tx = self.db().read().await?;
            let parts = self.parts_read(&mut tx, &view, ids).await?;
            let mut stamps: BTreeSet<i64> = parts.iter().map(|part| part.stamp).collect();
            let mut tied = Vec::new();
            if objects {
                for id in ids {
                    if let Some(tie) = present(&mut tx, &view, id).await? {
                        tied.extend(objects_tied(&mut tx, &view, &tie).await?);
                    }
                }
            }
            drop(tx);
            stamps.extend(tied.iter().map(|object| object.added));
            let dossier = self.whole(&caller.reader, channel, parts)?;
            if self.note_all(&view, stamps).await? {
                return Ok((dossier, tied));
            }
        }
        Err(changing())
    }

    /// Notes every entry as handed over; `false` where one was taken back meanwhile.
    async fn note_all(&self, view: &View, stamps: BTreeSet<i64>) -> Result<bool, Refusal> {
        let stamps: Vec<i64> = stamps.into_iter().collect();
        for some in stamps.chunks(NOTED_AT_ONCE) {
            if !self.hand_over(view, some.to_vec()).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn parts_read(
        &self,
        tx: &mut Tx,
        view: &View,
        ids: &[String],
    ) -> Result<Vec<Part>, Refusal> {
        let mut parts: Vec<Part> = Vec::with_capacity(ids.len());
        let mut faults = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            if ids.iter().take(at).any(|earlier| earlier == id) {
                let message = "is in the list already";
                faults.push(Fault::at(place(at), "dossier.twice", message));
                continue;
            }
            let entry = present(tx, view, id).await?;
            let version = match entry.as_ref().and_then(|entry| entry.item_version) {
                Some(key) => tx.item_version(key).await?,
                None => None,
            };
            let (Some(entry), Some(version)) = (entry, version) else {
                let message = "is no report that you may have here";
                faults.push(Fault::at(place(at), MISSING, message));
                continue;
            };
            let rules = Rules::of(tx, &version).await?;
            parts.push(Part {
                rule: rules.shown(&entry.form).clone(),
                stamp: entry.stamp,
                report: self.report_view(tx, view, entry).await?,
            });
        }
        if faults.is_empty() {
            Ok(parts)
        } else {
            Err(Refusal::Invalid(faults))
        }
    }

    fn whole(
        &self,
        reader: &Reader,
        channel: Channel,
        parts: Vec<Part>,
    ) -> Result<Dossier, Refusal> {
        let now = self.clock().now();
        let drills = parts.iter().filter(|part| part.report.drill).count();
        if drills > 0 && drills < parts.len() {
            let message = "drills and what is real are never in one document";
            return Err(Refusal::fault("/ids", "dossier.drill", message));
        }
        let looker = (reader, channel, now);
        if let Some(why) = cannot_meet(&parts.iter().collect::<Vec<_>>(), looker) {
            return Err(Refusal::Invalid(who_cannot(&parts, &why, looker)));
        }
        let rule = join_of(parts.iter().map(|part| &part.rule)).ok_or(Refusal::NotFound)?;
        Ok(Dossier {
            made_at: format_stix(now.timestamp_micros()),
            tlp: rule.access.tlp.to_string(),
            obligations: obligations_of(&rule),
            delete_by: parts.iter().filter_map(delete_by).min().map(format_taxii),
            drill: drills > 0,
            items: parts.into_iter().map(|part| part.report).collect(),
            rule,
        })
    }
}

fn place(at: usize) -> String {
    format!("/ids/{at}")
}

/// When copies of a part are to be gone, in microseconds.
fn delete_by(part: &Part) -> Option<i64> {
    let days = TimeDelta::try_days(i64::from(part.rule.retention_max_days?))?;
    let from = DateTime::<Utc>::from_timestamp_micros(part.stamp)?;
    Some(from.checked_add_signed(days)?.timestamp_micros())
}

/// Why parts cannot be in one document of this reader's. One alone always can.
fn cannot_meet(
    parts: &[&Part],
    (reader, channel, now): (&Reader, Channel, DateTime<Utc>),
) -> Option<Conflict> {
    let (first, more) = parts.split_first()?;
    if more.is_empty() {
        return None;
    }
    let join = join_of(parts.iter().map(|part| &part.rule))?;
    let nobody = Parties {
        origins: Vec::new(),
        is_ceptoar: &|_| false,
        is_government: &|_| false,
    };
    let told =
        |conflict: &Conflict| matches!(conflict, Conflict::Retention | Conflict::NoCommonPurpose);
    let bound = obligations_of(&first.rule);
    let differ = more.iter().any(|part| obligations_of(&part.rule) != bound);
    if differ && let Some(conflict) = conflicts(&join, &nobody).into_iter().find(told) {
        return Some(conflict);
    }
    // What is read from a seat, or as a person who was named, is not read by the rule.
    let by_rule = |part: &&&Part| {
        let decision = decide(&part.rule.access, reader, channel, now);
        matches!(decision, Decision::Pass { .. })
    };
    let join = join_of(parts.iter().filter(by_rule).map(|part| &part.rule))?;
    match decide(&join.access, reader, channel, now) {
        Decision::Pass { .. } => None,
        Decision::Deny(_) => Some(Conflict::EmptyAudience),
    }
}

/// Those of the parts that cannot meet: a smallest group of them, and whichever would do for one of
/// that group. It follows from [`cannot_meet`] alone, as the answer does.
fn who_cannot(
    parts: &[Part],
    why: &Conflict,
    looker: (&Reader, Channel, DateTime<Utc>),
) -> Vec<Fault> {
    let of =
        |some: &[usize]| -> Vec<&Part> { some.iter().filter_map(|at| parts.get(*at)).collect() };
    let apart = |some: &[usize]| cannot_meet(&of(some), looker).is_some();
    // Each of the group is the last of the shortest list, behind those found, that cannot meet.
    let mut group: Vec<usize> = Vec::new();
    while !apart(&group) && group.len() < parts.len() {
        let behind = |count: usize| Vec::from_iter(group.iter().copied().chain(0..count));
        let (mut can, mut cannot) = (0, parts.len());
        while cannot - can > 1 {
            let middle = usize::midpoint(can, cannot);
            match apart(&behind(middle)) {
                true => cannot = middle,
                false => can = middle,
            }
        }
        group.push(can);
    }
    let would_do = |at: usize| {
        (0..group.len()).any(|place| {
            let mut other = group.clone();
            if let Some(member) = other.get_mut(place) {
                *member = at;
            }
            apart(&other)
        })
    };
    let message = match why {
        Conflict::Retention => {
            "cannot be in one document with the others named: one must be kept longer than another may be"
        }
        Conflict::NoCommonPurpose => {
            "cannot be in one document with the others named: no purpose is allowed for all of them"
        }
        _ => {
            "cannot be in one document with the others named: their common rule would not admit you"
        }
    };
    (0..parts.len())
        .filter(|at| group.contains(at) || would_do(*at))
        .map(|at| Fault::at(place(at), format!("dossier.{why}"), message))
        .collect()
}
