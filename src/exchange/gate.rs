//! The gate, for readers: from who is calling to the set of interned audiences they are in.
//!
//! Law 3: the store's reading functions take a [`Scope`], and this is the only place that makes one.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use super::access::Caller;
use super::refusal::Refusal;
use super::secret::sha256;
use super::{Exchange, Tx};
use crate::handling::{Audience, Channel, PrincipalId, Reader};
use crate::store::{Scope, StoreError};

/// What one caller may see through one channel at one time.
#[derive(Clone, Debug)]
pub struct View {
    pub(super) scope: Scope,
    /// Who is looking; nobody, without a login.
    pub(super) reader: Option<PrincipalId>,
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
        let anybody = Reader::anybody();
        let reader = caller.map_or(&anybody, |caller| &caller.reader);
        let now = self.clock().now();
        let mut tx = self.db().read().await?;
        // Both from one snapshot: see `Scope::newest`.
        let (newest, changes) = tx.newest().await?;
        let audiences = self.0.audiences.load(&mut tx, changes).await?;
        let mut scope = Scope {
            now: now.timestamp_micros(),
            newest,
            ..Scope::default()
        };
        if let (Some(caller), true) = (caller, channel.hands_over()) {
            scope.since = tx.late_in(caller.principal.id.as_str()).await?;
        }
        let mut among = BTreeSet::new();
        for (id, audience) in audiences.iter() {
            if audience.admits_among(reader, channel, now, &among) {
                scope.audiences.push(*id);
                among.insert(*id);
                if matches!(audience, Audience::Desk { .. }) {
                    scope.desk.push(*id);
                }
            }
        }
        Ok(View {
            scope,
            reader: caller.map(|caller| caller.principal.id.clone()),
        })
    }
}
