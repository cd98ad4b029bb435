//! TAXII's delete (TAXII 5.7): the source takes a posted object back, and it leaves the source's own
//! desk too. What becomes of those who had it is [`super::withdraw`]'s; nothing is decided here but
//! which versions are meant, and by whom it may be asked.

use super::access::Caller;
use super::gate::View;
use super::portions::{self, Had};
use super::refusal::Refusal;
use super::stamps::SPREAD;
use super::withdraw::{Withdrawal, is_gone};
use super::{Exchange, Tx};
use crate::handling::Form;
use crate::store::feed::{Query, Versions};

/// What a delete comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is no longer there.
    Done,
    /// The caller reads an object of this id, and it is another's or a part of a report.
    Anothers,
    /// There is nothing of it for this caller.
    Absent,
}

impl Exchange {
    /// Takes back versions of an object that the caller's body posted. Without a filter TAXII 3.4.1
    /// means the latest; what was before it stands again, as after [`Exchange::withdraw`] of one
    /// version. The answer depends on what the caller reads and on nothing else (law 4).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_object(
        &self,
        caller: &Caller,
        view: &View,
        id: &str,
        versions: &Versions,
    ) -> Result<Deleted, Refusal> {
        let seen = Query {
            limit: 1,
            ids: vec![id.to_owned()],
            versions: Versions::All,
            ..Query::default()
        };
        let mut tx = self.db().read().await?;
        let (seen, _) = tx.page(&view.scope, &seen).await?;
        drop(tx);
        if seen.is_empty() {
            return Ok(Deleted::Absent);
        }
        let item = match self.own_item(caller, id).await {
            Ok(item) if item.contains(' ') => item,
            Ok(_) | Err(Refusal::NotFound) => return Ok(Deleted::Anothers),
            Err(other) => return Err(other),
        };
        let (exchange, caller, versions) = (self.clone(), caller.clone(), versions.clone());
        self.writer()
            .write(move |tx| {
                Box::pin(async move { exchange.delete_in(tx, &caller, &item, &versions).await })
            })
            .await
    }

    async fn delete_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        item: &str,
        versions: &Versions,
    ) -> Result<Deleted, Refusal> {
        let mut there = Vec::new();
        for key in tx.versions_of(item).await? {
            // Taken back over REST, a version is still at the desk: then it leaves only that.
            if !tx.is_at_desk(key).await? {
                continue;
            }
            let Some(version) = tx.item_version(key).await? else {
                continue;
            };
            let own = Form::Identified.word();
            let objects = tx.objects_of(key).await?;
            let at = objects.iter().find(|(_, object)| object.form == own);
            let at = at.map_or(i64::MIN, |(_, object)| object.version_at);
            there.push((key, at, version));
        }
        there.sort_by_key(|(key, at, _)| (*at, *key));
        let oldest = there.first().map(|(key, ..)| *key);
        let newest = there.last().map(|(key, ..)| *key);
        let meant = |key: i64, instant: i64| match versions {
            Versions::All => true,
            Versions::Last => newest == Some(key),
            Versions::Some { first, last, at } => {
                *first && oldest == Some(key)
                    || *last && newest == Some(key)
                    || at.contains(&instant)
            }
        };
        let (gone, left): (Vec<_>, Vec<_>) = there
            .iter()
            .partition(|(key, instant, _)| meant(*key, *instant));
        if gone.is_empty() {
            return Ok(Deleted::Absent);
        }
        let now = self.clock().now_micros();
        let mut had = Had::ready(tx, now, SPREAD).await?;
        for (key, _, version) in gone {
            if !is_gone(version) {
                let one = Withdrawal {
                    version: Some(version.value.version),
                    ..Withdrawal::default()
                };
                self.withdraw_in(tx, caller, item, &one).await?;
            }
            // Who had it at the desk has it no more: what names it is decided anew for them too.
            portions::note_version(tx, &mut had, *key).await?;
            tx.take_from_all(*key).await?;
        }
        // As outside: of what is left, the newest is the latest, also for who is past it.
        if let Some((key, ..)) = left.last() {
            self.enter_again(tx, *key, "desk", &mut had, now).await?;
        }
        self.arrived(tx, &caller.directory, had, now).await?;
        Ok(Deleted::Done)
    }
}
