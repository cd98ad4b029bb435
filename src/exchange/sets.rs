//! Working sets: what a principal gathers for a piece of work, with notes. Private to that principal.
//!
//! A set remembers ids; what is in it is what its owner reads of these now. What was taken back,
//! narrowed or has expired is absent as if it had never been put there (law 4). The note on it is its
//! owner's own words, and is kept beside.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::Caller;
use super::gate::View;
use super::once::Said;
use super::read::{READS_MAX, ReportView, changing, present};
use super::refusal::{Fault, Refusal};
use super::{Exchange, Tx};
use crate::handling::Channel;
use crate::stix::timestamp::format_taxii;
use crate::store::sets::{SetItemRow, SetRow};

/// So many sets one principal has.
pub const PER_PRINCIPAL: i64 = 50;

/// So many reports are in one set.
pub const ITEMS_MAX: usize = super::dossier::DOSSIER_MAX;

/// Longest name, in characters.
pub const NAME_MAX: usize = 100;

/// Longest note, in characters.
pub const NOTE_MAX: usize = 4000;

/// A set as its owner lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetView {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The note on the whole.
    pub note: String,
    /// Counted from 1, by each change.
    pub version: i64,
    /// When it was made.
    pub created_at: String,
    /// When it was last changed.
    pub changed_at: String,
}

/// A set with what is in it.
#[derive(Debug, Serialize)]
pub struct SetPage {
    /// The set.
    #[serde(flatten)]
    pub set: SetView,
    /// What its owner reads of it, in the order it was put there.
    pub items: Vec<SetItem>,
    /// Notes on what its owner does not read now, under the ids that were put there.
    pub left_notes: Vec<LeftNote>,
}

/// A report in a set.
#[derive(Debug, Serialize)]
pub struct SetItem {
    /// The note on it.
    pub note: String,
    /// When it was put there.
    pub added_at: String,
    /// The report as its owner has it.
    #[serde(flatten)]
    pub report: Head,
    /// The whole of it.
    #[serde(skip)]
    pub whole: ReportView,
}

/// Of a report what a list shows.
#[derive(Debug, Serialize)]
pub struct Head {
    /// Its id, for this form.
    pub id: String,
    /// `incident_cause`, `best_practice`, ….
    pub kind: String,
    /// Its title, by language.
    pub title: Value,
    /// TLP label.
    pub tlp: String,
    /// `identified` or `anonymised`.
    pub form: String,
    /// When it was released to its reader.
    pub released_at: String,
}

/// A note without its report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftNote {
    /// The id that was put there.
    pub id: String,
    /// The note.
    pub note: String,
}

/// What its owner does with a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetChange {
    /// Another name.
    pub name: Option<String>,
    /// Another note on the whole.
    pub note: Option<String>,
    /// Reports to put there that are not there yet.
    pub add: Vec<String>,
    /// Notes on what is there, by report.
    pub notes: Vec<(String, String)>,
    /// Reports to take out, with their notes.
    pub remove: Vec<String>,
}

impl From<SetRow> for SetView {
    fn from(row: SetRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            note: row.note,
            version: row.version,
            created_at: format_taxii(row.created_at),
            changed_at: format_taxii(row.changed_at),
        }
    }
}

impl SetChange {
    fn check(&self) -> Result<(), Refusal> {
        let mut faults = Vec::new();
        if let Some(name) = &self.name {
            let length = name.chars().count();
            if !(1..=NAME_MAX).contains(&length) || name.chars().any(char::is_control) {
                let message = format!("is one line of 1 to {NAME_MAX} characters");
                faults.push(Fault::at("/name", "set.name", message));
            }
        }
        let notes = self.notes.iter().map(|(_, note)| note);
        let unfit = |note: &String| note.chars().count() > NOTE_MAX || note.contains('\0');
        if self.note.iter().chain(notes).any(unfit) {
            let message = format!("has at most {NOTE_MAX} characters, and none of them U+0000");
            faults.push(Fault::at("/note", "set.note", message));
        }
        let noted = self.notes.iter().map(|(report, _)| report);
        if !few(self.add.iter()) || !few(self.remove.iter()) || !few(noted) {
            let message = format!("names at most {ITEMS_MAX} reports, each once");
            faults.push(Fault::at("/items", "set.items", message));
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Invalid(faults))
        }
    }
}

/// Whether they are no more than a set holds, and none comes twice.
fn few<'a>(reports: impl ExactSizeIterator<Item = &'a String>) -> bool {
    let count = reports.len();
    count <= ITEMS_MAX && BTreeSet::from_iter(reports).len() == count
}

impl Exchange {
    /// Makes a set of the caller's, without anything in it.
    ///
    /// # Errors
    /// Each fault of name and note; too many sets; the database's failure.
    pub async fn make_set(
        &self,
        caller: &Caller,
        (name, note): (&str, &str),
        said: Said,
    ) -> Result<SetView, Refusal> {
        let (name, note) = (name.trim().to_owned(), note.to_owned());
        let checked = SetChange {
            name: Some(name.clone()),
            note: Some(note.clone()),
            ..SetChange::default()
        };
        checked.check()?;
        let act = ("working set", name.clone(), note.clone());
        let (who, now) = (caller.principal.id.to_string(), self.clock().now_micros());
        let secret = self.secret().clone();
        self.once(caller, "", (&act, said), move |tx| {
            Box::pin(async move {
                let count = tx.count_sets(&who).await?;
                if count >= PER_PRINCIPAL {
                    let message = format!("at most {PER_PRINCIPAL} working sets; delete one first");
                    return Err(Refusal::Conflict(message));
                }
                // From the act and what its owner has, so that it tells nothing of others'.
                let parts = [&who, &now.to_string(), &name, &count.to_string()];
                let id = secret.uuid("working-set", &parts.map(String::as_str));
                let id = id.to_string();
                tx.add_set(&id, &who, (&name, &note), now).await?;
                let made = tx.set_of(&id, &who).await?.ok_or(Refusal::NotFound)?;
                Ok(SetView::from(made))
            })
        })
        .await
    }

    /// The caller's sets, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sets(&self, caller: &Caller) -> Result<Vec<SetView>, Refusal> {
        let rows = self
            .db()
            .read()
            .await?
            .sets_of(caller.principal.id.as_str())
            .await?;
        Ok(rows.into_iter().map(SetView::from).collect())
    }

    /// One of the caller's sets with what the caller reads of it through `channel`.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for any other.
    pub async fn set(
        &self,
        caller: &Caller,
        channel: Channel,
        id: &str,
    ) -> Result<SetPage, Refusal> {
        let view = self.view(Some(caller), channel).await?;
        for _ in 0..READS_MAX {
            let (page, stamps) = self.set_once(caller, &view, id).await?;
            if self.hand_over(&view, stamps).await? {
                return Ok(page);
            }
        }
        Err(changing())
    }

    async fn set_once(
        &self,
        caller: &Caller,
        view: &View,
        id: &str,
    ) -> Result<(SetPage, Vec<i64>), Refusal> {
        let mut tx = self.db().read().await?;
        let row = tx.set_of(id, caller.principal.id.as_str()).await?;
        let row = row.ok_or(Refusal::NotFound)?;
        let mut page = SetPage {
            set: SetView::from(row),
            items: Vec::new(),
            left_notes: Vec::new(),
        };
        let mut stamps = Vec::new();
        for SetItemRow {
            report,
            note,
            added_at,
        } in tx.set_items(id).await?
        {
            let Some(entry) = present(&mut tx, view, &report).await? else {
                if !note.is_empty() {
                    page.left_notes.push(LeftNote { id: report, note });
                }
                continue;
            };
            stamps.push(entry.stamp);
            let whole = self.report_view(&mut tx, view, entry).await?;
            page.items.push(SetItem {
                note,
                added_at: format_taxii(added_at),
                report: head(&whole),
                whole,
            });
        }
        Ok((page, stamps))
    }

    /// What the caller reads of one of the caller's sets through `channel`, by id.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a set that is not the caller's.
    pub async fn ids_in_set(
        &self,
        caller: &Caller,
        channel: Channel,
        id: &str,
    ) -> Result<Vec<String>, Refusal> {
        let view = self.view(Some(caller), channel).await?;
        let mut tx = self.db().read().await?;
        let row = tx.set_of(id, caller.principal.id.as_str()).await?;
        row.ok_or(Refusal::NotFound)?;
        let mut ids = Vec::new();
        for item in tx.set_items(id).await? {
            if present(&mut tx, &view, &item.report).await?.is_some() {
                ids.push(item.report);
            }
        }
        Ok(ids)
    }

    /// Changes one of the caller's sets, where it is at the `expected` version.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a set that is not the caller's, a report to add that the caller does
    /// not read through `channel`, and one to note or remove that is not there; [`Refusal::Stale`];
    /// what is too long or too many.
    pub async fn change_set(
        &self,
        caller: &Caller,
        channel: Channel,
        id: &str,
        (change, expected): (SetChange, Option<i64>),
    ) -> Result<SetView, Refusal> {
        change.check()?;
        let (this, by, id) = (self.clone(), caller.clone(), id.to_owned());
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    let present = own_set(tx, &by, &id, expected).await?;
                    this.change_set_in(tx, (&by, channel), &present, &change)
                        .await
                })
            })
            .await
    }

    async fn change_set_in(
        &self,
        tx: &mut Tx,
        (caller, channel): (&Caller, Channel),
        set: &SetRow,
        change: &SetChange,
    ) -> Result<SetView, Refusal> {
        let now = self.clock().now_micros();
        let id = set.id.as_str();
        for report in &change.remove {
            if !tx.take_from_set(id, report).await? {
                return Err(Refusal::NotFound);
            }
        }
        if !change.add.is_empty() {
            let view = self.view_of(tx, Some(caller), channel).await?;
            for report in &change.add {
                if present(tx, &view, report).await?.is_none() {
                    return Err(Refusal::NotFound);
                }
            }
            // Also what may only be looked at is there, through whichever channel one adds.
            let looks = self.view_of(tx, Some(caller), Channel::Console).await?;
            make_room(tx, &looks, id, &change.add).await?;
            // A microsecond apart, so that they stay in the order in which they were put there.
            for (report, at) in change.add.iter().zip(now..) {
                tx.put_in_set(id, report, at).await?;
            }
        }
        let known: BTreeSet<String> = match change.notes.is_empty() {
            true => BTreeSet::new(),
            false => {
                let items = tx.set_items(id).await?.into_iter();
                items.map(|item| item.report).collect()
            }
        };
        for (report, note) in &change.notes {
            if !known.contains(report) {
                return Err(Refusal::NotFound);
            }
            tx.note_in_set(id, report, note).await?;
        }
        let name = change.name.as_ref().unwrap_or(&set.name);
        let note = change.note.as_ref().unwrap_or(&set.note);
        tx.change_set(id, (name, note), now).await?;
        let who = caller.principal.id.as_str();
        let changed = tx.set_of(id, who).await?.ok_or(Refusal::NotFound)?;
        Ok(SetView::from(changed))
    }

    /// Deletes one of the caller's sets with its notes.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for any other; [`Refusal::Stale`] where it is at another version.
    pub async fn end_set(
        &self,
        caller: &Caller,
        id: &str,
        expected: Option<i64>,
    ) -> Result<(), Refusal> {
        let (by, id) = (caller.clone(), id.to_owned());
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    own_set(tx, &by, &id, expected).await?;
                    Ok(tx.end_set(&id).await?)
                })
            })
            .await
    }
}

async fn own_set(
    tx: &mut Tx,
    caller: &Caller,
    id: &str,
    expected: Option<i64>,
) -> Result<SetRow, Refusal> {
    let set = tx.set_of(id, caller.principal.id.as_str()).await?;
    let set = set.ok_or(Refusal::NotFound)?;
    match expected {
        Some(version) if version != set.version => Err(Refusal::Stale),
        _ => Ok(set),
    }
}

/// Refuses more than a set holds. What its owner does not read any more and noted nothing on takes no
/// room: a set that is full tells nothing of what was taken back.
async fn make_room(tx: &mut Tx, view: &View, id: &str, add: &[String]) -> Result<(), Refusal> {
    let items = tx.set_items(id).await?;
    let mut held: BTreeSet<&str> = items.iter().map(|item| item.report.as_str()).collect();
    held.extend(add.iter().map(String::as_str));
    let mut count = held.len();
    for item in items {
        if count <= ITEMS_MAX {
            break;
        }
        if item.note.is_empty() && present(tx, view, &item.report).await?.is_none() {
            tx.take_from_set(id, &item.report).await?;
            count -= 1;
        }
    }
    if count > ITEMS_MAX {
        let message = format!("a working set holds at most {ITEMS_MAX} reports and notes");
        return Err(Refusal::Conflict(message));
    }
    Ok(())
}

fn head(report: &ReportView) -> Head {
    let body: Value = serde_json::from_str(report.report.get()).unwrap_or_default();
    Head {
        id: report.id.clone(),
        kind: report.kind.clone(),
        title: body.get("title").cloned().unwrap_or_default(),
        tlp: report.tlp.clone(),
        form: report.form.clone(),
        released_at: report.released_at.clone(),
    }
}
