//! The gate, for readers: from who is calling to the set of interned audiences they are in.
//!
//! Law 3: the store's reading functions take a [`Scope`], and this is the only place that makes one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};

use super::access::Caller;
use super::refusal::Refusal;
use super::secret::sha256;
use super::{Exchange, Tx};
use crate::handling::{Audience, Channel, PrincipalId, Reader};
use crate::store::{Scope, Standing, StoreError};

/// What one caller may see through one channel at one time.
#[derive(Clone, Debug)]
pub struct View {
    pub(super) scope: Scope,
    /// Who is looking; nobody, without a login.
    pub(super) reader: Option<PrincipalId>,
}

impl View {
    /// The newest entry there was, for whomever, when the view was made; never shown to anybody.
    #[must_use]
    pub fn newest(&self) -> i64 {
        self.scope.newest.unwrap_or(0)
    }
}

/// Every interned audience this process knows, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Audiences(RwLock<Known>);

#[derive(Clone, Debug, Default)]
struct Known {
    /// How often audiences had changed when these were read.
    changes: i64,
    list: Arc<Vec<(i64, Audience)>>,
}

impl Audiences {
    fn known(&self) -> Known {
        match self.0.read() {
            Ok(known) => known.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// All of them, if none came and none changed since they were read.
    fn as_of(&self, standing: &Standing) -> Option<Arc<Vec<(i64, Audience)>>> {
        let known = self.known();
        let last = known.list.last().map(|(id, _)| *id);
        (known.changes == standing.changes && last == standing.last_audience).then_some(known.list)
    }

    /// All of them, as of this transaction.
    async fn load(
        &self,
        tx: &mut Tx,
        changes: i64,
    ) -> Result<Arc<Vec<(i64, Audience)>>, StoreError> {
        let mut known = self.known();
        if known.changes != changes {
            known = Known {
                changes,
                list: Arc::default(),
            };
        }
        let after = known.list.last().map_or(0, |(id, _)| *id);
        let fresh = tx.audiences_after(after).await?;
        if fresh.is_empty() {
            return Ok(known.list);
        }
        let mut all = known.list.as_ref().clone();
        for (id, definition) in fresh {
            all.push((id, serde_json::from_str(&definition)?));
        }
        let all = Arc::new(all);
        let mut slot = match self.0.write() {
            Ok(slot) => slot,
            Err(poisoned) => poisoned.into_inner(),
        };
        if (slot.changes, slot.list.len()) < (changes, all.len()) {
            *slot = Known {
                changes,
                list: Arc::clone(&all),
            };
        }
        Ok(all)
    }
}

/// The number of an audience; a new one is interned in the caller's transaction.
pub(super) async fn intern(tx: &mut Tx, audience: &Audience) -> Result<i64, Refusal> {
    let definition = serde_json::to_string(audience)?;
    let digest = sha256(definition.as_bytes());
    if let Some(id) = tx.audience(&digest).await? {
        return Ok(id);
    }
    let id = tx.take("audience", 0, 1).await?;
    tx.add_audience(id, &digest, &definition).await?;
    Ok(id)
}

impl Exchange {
    /// What the caller may see through `channel`, now. Nobody logged in is [`Reader::anybody`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn view(&self, caller: Option<&Caller>, channel: Channel) -> Result<View, Refusal> {
        let late = caller.filter(|_| channel.hands_over());
        let late = late.map(|caller| caller.principal.id.as_str());
        let standing = self.db().glance().await?.standing(late).await?;
        // Nearly always nothing has come since the last look, and one statement has said all.
        if let (Some(audiences), false) = (self.0.audiences.as_of(&standing), standing.late) {
            return Ok(self.seen(caller, channel, &audiences, standing.newest, Vec::new()));
        }
        let mut tx = self.db().read().await?;
        self.view_of(&mut tx, caller, channel).await
    }

    /// The same from the snapshot of a transaction.
    pub(super) async fn view_of(
        &self,
        tx: &mut Tx,
        caller: Option<&Caller>,
        channel: Channel,
    ) -> Result<View, Refusal> {
        // All from one snapshot: see `Scope::newest`.
        let (newest, changes) = tx.newest().await?;
        let audiences = self.0.audiences.load(tx, changes).await?;
        let since = match (caller, channel.hands_over()) {
            (Some(caller), true) => tx.late_in(caller.principal.id.as_str()).await?,
            _ => Vec::new(),
        };
        Ok(self.seen(caller, channel, &audiences, newest, since))
    }

    /// What a caller sees, where these are the audiences, the newest entry, and what the caller came
    /// late to, all of one state of the database.
    fn seen(
        &self,
        caller: Option<&Caller>,
        channel: Channel,
        audiences: &[(i64, Audience)],
        newest: Option<i64>,
        since: Vec<(i64, i64)>,
    ) -> View {
        let anybody = Reader::anybody();
        let reader = caller.map_or(&anybody, |caller| &caller.reader);
        let now = self.clock().now();
        let mut scope = Scope {
            now: now.timestamp_micros(),
            newest,
            since,
            ..Scope::default()
        };
        let mut among = BTreeSet::new();
        for (id, audience) in audiences {
            if audience.admits_among(reader, channel, now, &among) {
                scope.audiences.push(*id);
                among.insert(*id);
                if matches!(audience, Audience::Desk { .. }) {
                    scope.desk.push(*id);
                }
            }
        }
        View {
            scope,
            reader: caller.map(|caller| caller.principal.id.clone()),
        }
    }
}

/// The audiences that a reader is in, and of which of them only what is newer than a stamp.
type Sees = (BTreeSet<i64>, Vec<(i64, i64)>);

/// What several readers may see of what the log grew by, those who see the same together.
#[derive(Clone, Debug)]
pub(super) struct Together {
    /// The view of each of them, as far as these entries go; it names no reader.
    pub scope: Scope,
    /// Who, by position in the list that was asked about.
    pub readers: Vec<usize>,
}

impl Exchange {
    /// What each of `readers` may see of what was entered after `from` and up to `to`, asked of the
    /// audiences alone on which that depends.
    pub(super) async fn together(
        &self,
        tx: &mut Tx,
        readers: &[Reader],
        channel: Channel,
        (from, to): (i64, i64),
    ) -> Result<Vec<Together>, Refusal> {
        let now = self.clock().now();
        let (_, changes) = tx.newest().await?;
        let audiences = self.0.audiences.load(tx, changes).await?;
        let concerned = tx.concerned(from, to).await?;
        let concerned = with_what_they_hinge_on(&audiences, concerned);
        let ids: Vec<i64> = concerned.iter().map(|(id, _)| *id).collect();
        let mut late: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
        if channel.hands_over() {
            for (who, audience, since) in tx.late_in_any(&ids).await? {
                late.entry(who).or_default().push((audience, since));
            }
        }
        let mut groups: BTreeMap<Sees, Vec<usize>> = BTreeMap::new();
        for (at, reader) in readers.iter().enumerate() {
            let mut among = BTreeSet::new();
            for (id, audience) in &concerned {
                if audience.admits_among(reader, channel, now, &among) {
                    among.insert(*id);
                }
            }
            if among.is_empty() {
                continue;
            }
            let mut since = late
                .get(reader.principal.as_str())
                .cloned()
                .unwrap_or_default();
            since.retain(|(audience, _)| among.contains(audience));
            since.sort_unstable();
            groups.entry((among, since)).or_default().push(at);
        }
        let is_desk = |id: &i64| {
            let mut all = concerned.iter();
            all.any(|(known, audience)| known == id && matches!(audience, Audience::Desk { .. }))
        };
        Ok(groups
            .into_iter()
            .map(|((among, since), readers)| Together {
                scope: Scope {
                    desk: among.iter().copied().filter(is_desk).collect(),
                    audiences: among.into_iter().collect(),
                    since,
                    now: now.timestamp_micros(),
                    newest: Some(to),
                },
                readers,
            })
            .collect())
    }
}

/// Audiences by number, with those that parts of audiences refer to, in the order of their numbers.
fn with_what_they_hinge_on(all: &[(i64, Audience)], wanted: Vec<i64>) -> Vec<(i64, &Audience)> {
    let mut found = BTreeMap::new();
    let mut open = wanted;
    while let Some(id) = open.pop() {
        if found.contains_key(&id) {
            continue;
        }
        let place = all.binary_search_by_key(&id, |(known, _)| *known);
        let Some((_, audience)) = place.ok().and_then(|place| all.get(place)) else {
            continue; // interned after these were read: nobody has been told of it yet
        };
        if let Audience::Part { of, with, without } = audience {
            open.push(*of);
            open.extend(with.iter().chain(without).flatten());
        }
        found.insert(id, audience);
    }
    found.into_iter().collect()
}
