//! Searches that a principal keeps under a name: what there is new of them since they were last
//! looked at. Nothing is noted when an item is released; what is new is searched for when it is
//! asked, among what this reader may read then, in the form they read it (laws 3 and 4). Being told
//! without asking is a subscription with the same search in its filter.

use serde::Serialize;

use super::super::access::Caller;
use super::super::gate::View;
use super::super::refusal::{Fault, Refusal};
use super::asked::Pairs;
use super::walk::{Beside, walk};
use super::{Count, Found, Search, place};
use crate::exchange::{Exchange, Tx};
use crate::stix::timestamp::format_taxii;
use crate::store::{Entry, SavedSearch};

/// So many searches one principal may keep.
pub const PER_PRINCIPAL: usize = 50;

/// Longest name, in characters.
pub const NAME_MAX: usize = 100;

/// New ones are counted up to so many.
pub const NEW_MAX: usize = 100;

/// And among so many of the newest reports that the reader has: a search that asks about each of
/// them may find none, and several are counted for one page.
pub const AMONG_MAX: usize = 2000;

const MARK: &str = "looked";
const PLACE: &str = "new";

/// A search as its owner sees it.
#[derive(Clone, Debug, Serialize)]
pub struct SavedView {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Words and filters, by their names at `GET /v1/search`.
    pub search: Pairs,
    /// When it was saved.
    pub created_at: String,
    /// When its owner last looked at what was new.
    pub looked_at: String,
    /// How many are new since then, counted up to [`NEW_MAX`] and among the newest [`AMONG_MAX`]
    /// reports alone.
    pub new: Count,
}

/// What is new of a search.
#[derive(Debug, Serialize)]
pub struct New {
    /// A page of it, newest first.
    #[serde(flatten)]
    pub found: Found,
    /// What to send back when all pages of it were looked at: the same on each, so that what came
    /// since the first is not taken for seen.
    pub mark: String,
}

impl Exchange {
    /// Keeps a search of the caller's.
    ///
    /// # Errors
    /// Each fault of name and search with its place; a name the caller has, too many searches.
    pub async fn save_search(
        &self,
        caller: &Caller,
        view: &View,
        name: &str,
        search: Pairs,
    ) -> Result<SavedView, Refusal> {
        let mut faults: Vec<Fault> = bad_name(name).into_iter().collect();
        if let Err(wrong) = Search::kept(&search) {
            let at = place("/search", &wrong.name);
            faults.push(Fault::at(at, "search", wrong.message));
        }
        if !faults.is_empty() {
            return Err(Refusal::Invalid(faults));
        }
        // The last entry the owner has: of those, nothing is new.
        let mark = self.news_start(view).await?;
        let (who, name) = (caller.principal.id.to_string(), name.trim().to_owned());
        let (now, secret) = (self.clock().now_micros(), self.secret().clone());
        let text = serde_json::to_string(&search)?;
        let saved = self
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let count = tx.saved_searches(&who).await?.len();
                    if count >= PER_PRINCIPAL {
                        return Err(Refusal::Conflict(format!(
                            "at most {PER_PRINCIPAL} saved searches; delete one first"
                        )));
                    }
                    free(tx, &who, &name, None).await?;
                    // From the act and what its owner has, so that it tells nothing of others'.
                    let act = [who.as_str(), &now.to_string(), &name, &count.to_string()];
                    let saved = SavedSearch {
                        id: secret.uuid("saved search", &act).to_string(),
                        principal: who.clone(),
                        name: name.clone(),
                        search: text,
                        created_at: now,
                        mark,
                        looked_at: now,
                    };
                    tx.save_search(&saved).await?;
                    Ok(saved)
                })
            })
            .await?;
        self.saved_view(view, saved).await
    }

    /// The caller's searches, in the order they were saved, at most the first `limit`; what is new is
    /// counted among the newest `among` reports the caller has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn saved_searches(
        &self,
        caller: &Caller,
        view: &View,
        (limit, among): (usize, usize),
    ) -> Result<Vec<SavedView>, Refusal> {
        let mut tx = self.db().read().await?;
        let all = tx.saved_searches(caller.principal.id.as_str()).await?;
        let floor = tx.floor_of(&view.scope, among).await?;
        drop(tx);
        let mut views = Vec::with_capacity(all.len());
        for one in all.into_iter().take(limit) {
            views.push(self.counted(view, one, floor).await?);
        }
        Ok(views)
    }

    /// One of the caller's searches.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for any other.
    pub async fn saved_search(
        &self,
        caller: &Caller,
        view: &View,
        id: &str,
    ) -> Result<SavedView, Refusal> {
        let saved = self.own_search(caller, id).await?;
        self.saved_view(view, saved).await
    }

    /// The words and filters of one of the caller's searches.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for any other.
    pub async fn saved_pairs(&self, caller: &Caller, id: &str) -> Result<Pairs, Refusal> {
        let saved = self.own_search(caller, id).await?;
        Ok(serde_json::from_str(&saved.search)?)
    }

    /// Whether the caller keeps a search with these words and filters.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keeps_search(&self, caller: &Caller, search: &Pairs) -> Result<bool, Refusal> {
        let mut tx = self.db().read().await?;
        let all = tx.saved_searches(caller.principal.id.as_str()).await?;
        let mut all = all.iter();
        Ok(all
            .any(|one| serde_json::from_str::<Pairs>(&one.search).is_ok_and(|one| one == *search)))
    }

    /// Calls one of the caller's searches something else.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for one that is not the caller's; a name that is none or is taken.
    pub async fn rename_search(
        &self,
        caller: &Caller,
        view: &View,
        id: &str,
        name: &str,
    ) -> Result<SavedView, Refusal> {
        let (who, owned) = (caller.principal.id.to_string(), id.to_owned());
        let (fault, name) = (bad_name(name), name.trim().to_owned());
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    let own = tx.saved_search(&owned, &who).await?;
                    own.ok_or(Refusal::NotFound)?;
                    if let Some(fault) = fault {
                        return Err(Refusal::Invalid(vec![fault]));
                    }
                    free(tx, &who, &name, Some(&owned)).await?;
                    Ok(tx.rename_search(&owned, &name).await?)
                })
            })
            .await?;
        self.saved_search(caller, view, id).await
    }

    /// Forgets one of the caller's searches.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for one that is not the caller's.
    pub async fn forget_search(&self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        let (who, id) = (caller.principal.id.to_string(), id.to_owned());
        let job = self
            .writer()
            .write(move |tx| Box::pin(async move { Ok(tx.forget_search(&id, &who).await?) }));
        if job.await? {
            Ok(())
        } else {
            Err(Refusal::NotFound)
        }
    }

    /// What is new of one of the caller's searches since it was last looked at.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for one that is not the caller's; a cursor that is none of the hub's.
    pub async fn new_of_search(
        &self,
        caller: &Caller,
        view: &View,
        id: &str,
        (cursor, limit): (Option<&str>, usize),
    ) -> Result<New, Refusal> {
        let saved = self.own_search(caller, id).await?;
        let mut search = since(&saved).map_err(|wrong| {
            let why = format!("the hub no longer understands this search: {wrong}");
            Refusal::Conflict(why)
        })?;
        search.limit = limit;
        let (mark, cursor) = match cursor {
            Some(cursor) => {
                let (mark, place) = self.place_in_new(cursor)?;
                (mark, Some(place))
            }
            // What the reader has, and nothing of what others have: it is the same whatever is hidden.
            None => (self.news_start(view).await?.max(saved.mark), None),
        };
        let mut found = self.search(view, &search, cursor.as_deref()).await?;
        found.next = found.next.map(|next| {
            let place = [&mark.to_be_bytes(), next.as_bytes()].concat();
            self.secret().seal(PLACE, &place)
        });
        Ok(New {
            found,
            mark: self.secret().seal(MARK, &mark.to_be_bytes()),
        })
    }

    /// The mark of a first page, and where the next one begins.
    fn place_in_new(&self, cursor: &str) -> Result<(i64, String), Refusal> {
        let place = self.secret().open(PLACE, cursor);
        let place = place.and_then(|bytes| {
            let (mark, next) = bytes.split_at_checked(8)?;
            let mark = i64::from_be_bytes(mark.try_into().ok()?);
            Some((mark, String::from_utf8(next.to_vec()).ok()?))
        });
        place.ok_or_else(|| {
            let message = "the cursor is not one this hub gave for this list";
            Refusal::fault("cursor", "cursor", message)
        })
    }

    /// Notes that the caller has looked at what was new, up to a mark from [`New`].
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for one that is not the caller's; a mark that is none of the hub's.
    pub async fn looked_at_search(
        &self,
        caller: &Caller,
        view: &View,
        id: &str,
        mark: &str,
    ) -> Result<SavedView, Refusal> {
        let known = self.own_search(caller, id).await?;
        let mark = self.secret().open(MARK, mark);
        let mark = mark.and_then(|bytes| Some(i64::from_be_bytes(bytes.try_into().ok()?)));
        let mark = mark.ok_or_else(|| {
            Refusal::fault(
                "/mark",
                "mark",
                "is not one this hub gave for a saved search",
            )
        })?;
        let now = self.clock().now_micros();
        self.writer()
            .write(move |tx| {
                Box::pin(async move { Ok(tx.looked_at_search(&known.id, mark, now).await?) })
            })
            .await?;
        self.saved_search(caller, view, id).await
    }

    async fn own_search(&self, caller: &Caller, id: &str) -> Result<SavedSearch, Refusal> {
        let mut tx = self.db().read().await?;
        let saved = tx.saved_search(id, caller.principal.id.as_str()).await?;
        saved.ok_or(Refusal::NotFound)
    }

    async fn saved_view(&self, view: &View, saved: SavedSearch) -> Result<SavedView, Refusal> {
        let mut tx = self.db().read().await?;
        let floor = tx.floor_of(&view.scope, AMONG_MAX).await?;
        drop(tx);
        self.counted(view, saved, floor).await
    }

    /// A search with what is new of it, from the stamp `floor` on.
    async fn counted(
        &self,
        view: &View,
        saved: SavedSearch,
        floor: Option<i64>,
    ) -> Result<SavedView, Refusal> {
        let new = match since(&saved) {
            Ok(search) => self.count_new(view, &search, floor).await?,
            // Kept by another version of the hub: its owner still sees it, and can delete it.
            Err(_) => Count {
                counted: 0,
                complete: false,
            },
        };
        Ok(SavedView {
            search: serde_json::from_str(&saved.search).unwrap_or_default(),
            id: saved.id,
            name: saved.name,
            created_at: format_taxii(saved.created_at),
            looked_at: format_taxii(saved.looked_at),
            new,
        })
    }

    async fn count_new(
        &self,
        view: &View,
        search: &Search,
        floor: Option<i64>,
    ) -> Result<Count, Refusal> {
        let search = self.understood(search);
        let judge = |entry: Entry, beside: Beside| search.judge(entry, beside).map(|_| ());
        let mut look = self.look(view, &search, None, NEW_MAX);
        let all = floor.is_none_or(|floor| look.from.is_some_and(|from| floor <= from));
        look.from = look.from.max(floor);
        let _turn = self.turn().await?;
        let mut tx = self.db().read().await?;
        let new = walk(&mut tx, &view.scope, &look, &judge).await?.len();
        Ok(Count {
            counted: new.min(NEW_MAX),
            complete: all && new <= NEW_MAX,
        })
    }
}

/// The search, of what was released behind its mark alone; or the name in it that is not understood.
fn since(saved: &SavedSearch) -> Result<Search, String> {
    let pairs: Pairs = serde_json::from_str(&saved.search).map_err(|_| "search".to_owned())?;
    let mut search = Search::kept(&pairs).map_err(|wrong| wrong.name)?;
    let after = saved.mark.saturating_add(1);
    search.filters.from = Some(search.filters.from.map_or(after, |from| from.max(after)));
    Ok(search)
}

fn bad_name(name: &str) -> Option<Fault> {
    let name = name.trim();
    let long = name.chars().count() > NAME_MAX || name.chars().any(char::is_control);
    (name.is_empty() || long).then(|| {
        let message = format!("is 1 to {NAME_MAX} characters on one line");
        Fault::at("/name", "name", message)
    })
}

async fn free(tx: &mut Tx, who: &str, name: &str, own: Option<&str>) -> Result<(), Refusal> {
    let taken = tx.saved_search_named(who, name).await?;
    if taken.is_some_and(|taken| Some(taken.id.as_str()) != own) {
        let why = "you have a saved search of this name".to_owned();
        return Err(Refusal::Conflict(why));
    }
    Ok(())
}
