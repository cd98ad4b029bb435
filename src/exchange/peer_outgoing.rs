//! What leaves for a peer: the release log as the service reads it that stands for the peer, in
//! order, every version, and nothing that it has only from a seat at a desk. Nothing goes back to where it came from, in any form; what marks an object
//! goes before it; and an object whose own markings ask less than the rule it is under stays, since a
//! peer would have nothing to go by.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::gate::View;
use super::peers::{PULL, PUSH, PeerRefused};
use super::portions::Rules;
use super::read::PAGE_MAX;
use super::refusal::Refusal;
use super::release::new_object;
use super::{Exchange, Tx};
use crate::handling::{Channel, Form, Tlp};
use crate::stix::marking::{self, Label};
use crate::store::ItemVersion;
use crate::store::feed::{Entry, Query, Versions};

/// So often a page is read anew because something of it was taken back while it was read.
const READS_MAX: usize = 16;

/// Markings that mark markings are followed so far.
const MARKINGS_DEEP: usize = 4;

/// Whom it goes to, and as whom it is read.
#[derive(Clone, Copy, Debug)]
pub struct Towards<'a> {
    /// The peer, by its name in the settings.
    pub peer: &'a str,
    /// The directory's service that stands for the peer.
    pub principal: &'a str,
    /// Services whose items are not passed on: those that stand for other peers.
    pub elsewhere: &'a BTreeSet<String>,
}

/// One object, as it leaves.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// STIX id.
    pub id: String,
    /// Version, as written.
    pub version: String,
    /// Digest of the content.
    pub digest: Vec<u8>,
    /// The bytes.
    pub bytes: String,
}

/// A page that leaves.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// In the order they are to arrive.
    pub objects: Vec<Leaving>,
    /// What stays, and why.
    pub kept: Vec<PeerRefused>,
    /// The stamp of the last entry that was looked at, in microseconds.
    pub mark: Option<i64>,
    /// Whether more follows.
    pub more: bool,
}

impl Exchange {
    /// The next page for a peer, after a stamp in microseconds. What it holds is noted as handed over.
    ///
    /// # Errors
    /// When the directory has no such service, or the database fails.
    pub async fn outgoing(
        &self,
        to: &Towards<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Outgoing, Refusal> {
        let Some(caller) = self.caller(to.principal).await? else {
            return Err(Refusal::Forbidden(format!(
                "`{}` is not in the directory",
                to.principal
            )));
        };
        for _ in 0..READS_MAX {
            // The gate decides for every page anew.
            let mut view = self.view(Some(&caller), Channel::Taxii).await?;
            // A seat at a desk is for the source's own acts, held items among them; what leaves for
            // another hub is what was released.
            let desk = std::mem::take(&mut view.scope.desk);
            view.scope.audiences.retain(|id| !desk.contains(id));
            let (page, stamps) = self.outgoing_once(&view, to, after, limit).await?;
            if self.hand_over(&view, stamps).await? {
                return Ok(page);
            }
        }
        Err(Refusal::Internal(anyhow::anyhow!(
            "the page kept changing while it was read"
        )))
    }

    async fn outgoing_once(
        &self,
        view: &View,
        to: &Towards<'_>,
        after: Option<i64>,
        limit: usize,
    ) -> Result<(Outgoing, Vec<i64>), Refusal> {
        let query = Query {
            mark: after,
            limit: limit.clamp(1, PAGE_MAX),
            versions: Versions::All,
            ..Query::default()
        };
        let mut tx = self.db().read().await?;
        let (entries, more) = tx.page(&view.scope, &query).await?;
        let mut page = Outgoing {
            mark: entries.last().map(|entry| entry.stamp),
            more,
            ..Outgoing::default()
        };
        let mut leaving = Vec::new();
        for entry in entries {
            let value: Value = serde_json::from_str(&entry.bytes)?;
            match self.leaves(&mut tx, to, &entry, &value).await? {
                Leaves::Yes => leaving.push((entry, value)),
                Leaves::Stays(reason) => page.kept.push(PeerRefused {
                    object: entry.stix_id,
                    version: entry.version,
                    reason,
                }),
                Leaves::NotItsOwn => {}
            }
        }
        let beside = beside(&mut tx, view, to, &leaving).await?;
        drop(tx);
        let mut stamps = Vec::new();
        let mut put = BTreeSet::new();
        for (entry, value) in &leaving {
            lay_down(
                entry,
                value,
                &beside,
                &mut put,
                &mut page.objects,
                &mut stamps,
            );
        }
        Ok((page, stamps))
    }

    async fn leaves(
        &self,
        tx: &mut Tx,
        to: &Towards<'_>,
        entry: &Entry,
        value: &Value,
    ) -> Result<Leaves, Refusal> {
        if is_beside(entry) {
            return Ok(Leaves::NotItsOwn); // it goes with what it marks
        }
        let digest = new_object(Form::Identified, value, String::new()).digest;
        let sent = tx.passed((to.peer, PUSH), &entry.stix_id).await?;
        if sent.contains(&digest) {
            return Ok(Leaves::NotItsOwn); // the peer has it
        }
        let Some(key) = entry.item_version else {
            return Ok(Leaves::Yes); // what the hub tells this reader: a notice
        };
        let Some(version) = tx.item_version(key).await? else {
            return Ok(Leaves::NotItsOwn);
        };
        if came_from(tx, to, &version).await? {
            return Ok(Leaves::NotItsOwn);
        }
        let rules = Rules::of(tx, &version).await?;
        let under = rules.shown(&entry.form).access.tlp;
        let marked = tlp_of(value);
        if entry.side != "marking" && marked < under {
            return Ok(Leaves::Stays(format!(
                "its own markings say {marked}, and it is handled as {under}: a peer could not know"
            )));
        }
        Ok(Leaves::Yes)
    }
}

enum Leaves {
    Yes,
    Stays(String),
    NotItsOwn,
}

/// Whether an item, and so every form of it, came from the peer or from one that is not passed on.
async fn came_from(tx: &mut Tx, to: &Towards<'_>, version: &ItemVersion) -> Result<bool, Refusal> {
    let submitter = &version.value.submitter;
    if submitter == to.principal || to.elsewhere.contains(submitter) {
        return Ok(true);
    }
    // Also what another service published when it stood for the peer.
    match version.value.item.split_once(' ') {
        Some((_, id)) if version.value.kind == "stix" => {
            let came = tx.passed((to.peer, PULL), id).await?;
            let objects = tx.objects_of(version.key).await?;
            Ok(objects
                .iter()
                .any(|(_, object)| came.contains(&object.digest)))
        }
        _ => Ok(false),
    }
}

/// What goes with other objects and never by itself.
fn is_beside(entry: &Entry) -> bool {
    entry.side == "support" || entry.side == "marking"
}

/// The TLP that an object's own markings and labels say, by what everybody knows of them.
fn tlp_of(value: &Value) -> Tlp {
    let labels = value.get("labels").and_then(Value::as_array);
    let labels = labels.into_iter().flatten().filter_map(Value::as_str);
    let labelled = labels.filter_map(|label| match marking::label(label) {
        Some(Label::Tlp(tlp)) => Some(tlp),
        _ => None,
    });
    let marked = value.get("object_marking_refs").and_then(Value::as_array);
    let marked = marked.into_iter().flatten().filter_map(Value::as_str);
    let marked = marked.filter_map(marking::tlp_of_marking);
    marked.chain(labelled).max().unwrap_or(Tlp::Clear)
}

/// Which objects an object is not to be read without: its markings, and who is named as its creator.
fn needs(value: &Value) -> Vec<String> {
    let mut ids = marking::references(value);
    let creator = value.get("created_by_ref").and_then(Value::as_str);
    ids.extend(creator.map(str::to_owned));
    ids
}

/// What goes with these objects and has not gone to the peer before, by its id.
async fn beside(
    tx: &mut Tx,
    view: &View,
    to: &Towards<'_>,
    leaving: &[(Entry, Value)],
) -> Result<BTreeMap<String, (Entry, Value)>, Refusal> {
    let mut found = BTreeMap::new();
    let mut wanted: BTreeSet<String> = leaving.iter().flat_map(|(_, value)| needs(value)).collect();
    let mut asked = BTreeSet::new();
    for _ in 0..MARKINGS_DEEP {
        let mut ids = Vec::new();
        for id in std::mem::take(&mut wanted) {
            if asked.insert(id.clone()) && tx.passed((to.peer, PUSH), &id).await?.is_empty() {
                ids.push(id);
            }
        }
        if ids.is_empty() {
            break;
        }
        let query = Query {
            limit: PAGE_MAX,
            ids,
            versions: Versions::All,
            ..Query::default()
        };
        let (entries, _) = tx.page(&view.scope, &query).await?;
        for entry in entries.into_iter().filter(is_beside) {
            let value: Value = serde_json::from_str(&entry.bytes)?;
            wanted.extend(needs(&value));
            found.insert(entry.stix_id.clone(), (entry, value));
        }
    }
    Ok(found)
}

/// Puts an object behind what it needs, each once.
fn lay_down(
    entry: &Entry,
    value: &Value,
    beside: &BTreeMap<String, (Entry, Value)>,
    put: &mut BTreeSet<i64>,
    objects: &mut Vec<Leaving>,
    stamps: &mut Vec<i64>,
) {
    if !put.insert(entry.stamp) {
        return;
    }
    for id in needs(value) {
        if let Some((entry, value)) = beside.get(&id) {
            lay_down(entry, value, beside, put, objects, stamps);
        }
    }
    stamps.push(entry.stamp);
    objects.push(Leaving {
        id: entry.stix_id.clone(),
        version: entry.version.clone(),
        digest: new_object(Form::Identified, value, String::new()).digest,
        bytes: entry.bytes.clone(),
    });
}
