//! A poller that runs all along with a mark of its own: it gets everything once, and nothing twice.

use std::collections::BTreeSet;

use super::check;
use super::surfaces::objects_path;
use super::world::World;

enum Mark {
    /// The last header's stamp, stored and used again.
    Stamp(Option<String>),
    /// The last cursor within a round; between rounds the stamp.
    Cursor(Option<String>),
}

/// What may come a second time.
#[derive(Clone, Copy)]
pub struct Again {
    /// GAP: whoever loses one column for another gets again what both columns give, in that moment
    /// and not later (ADR 0013).
    pub all: bool,
    /// GAP: a source's name and a marking go with the last that a reader has of them, and come again
    /// with the next.
    pub supports: bool,
}

/// One client, polling for one reader.
pub struct Poller {
    reader: String,
    limit: usize,
    mark: Mark,
    got: BTreeSet<String>,
    words: BTreeSet<String>,
}

impl Poller {
    pub fn by_mark(reader: &str, limit: usize) -> Self {
        Self {
            reader: reader.to_owned(),
            limit,
            mark: Mark::Stamp(None),
            got: BTreeSet::new(),
            words: BTreeSet::new(),
        }
    }

    pub fn by_next(reader: &str, limit: usize) -> Self {
        Self {
            mark: Mark::Cursor(None),
            ..Self::by_mark(reader, limit)
        }
    }

    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// Asks until there is no more. `desk` has the words of what its reader sits at the desk of.
    pub async fn poll(
        &mut self,
        world: &World,
        contested: &BTreeSet<String>,
        again: Again,
        desk: &BTreeSet<String>,
    ) -> Result<(), String> {
        let path = objects_path(&self.reader);
        let (Mark::Stamp(stored) | Mark::Cursor(stored)) = &self.mark;
        let mut stamp = stored.clone();
        let mut next: Option<String> = None;
        loop {
            let mut ask = format!("{path}?limit={}", self.limit);
            match (&next, &stamp) {
                (Some(next), _) => ask.push_str(&format!("&next={next}")),
                (None, Some(stamp)) => ask.push_str(&format!("&added_after={stamp}")),
                (None, None) => {}
            }
            let answer = world.get(&self.reader, &ask).await;
            for object in check::objects(&answer) {
                self.words.extend(object.token());
                let again = again.all
                    || again.supports && object.is_support()
                    // GAP: a note goes and comes with what it refers to.
                    || object.id().starts_with("note--")
                    // Who takes a seat at an item's desk gets the desk's entry, by which it is told.
                    || object.token().is_some_and(|token| desk.contains(&token));
                if !self.got.insert(object.raw.clone()) && !again {
                    return Err(format!("{} polls twice: {}", self.reader, object.raw));
                }
            }
            stamp = answer.header("x-taxii-date-added-last").map(str::to_owned);
            let body = answer.json();
            if body["more"] != true {
                break;
            }
            if matches!(self.mark, Mark::Cursor(_)) {
                next = body["next"].as_str().map(str::to_owned);
            }
        }
        self.mark = match self.mark {
            Mark::Stamp(_) => Mark::Stamp(stamp),
            Mark::Cursor(_) => Mark::Cursor(stamp),
        };
        let all = world.get(&self.reader, &format!("{path}?limit=1000")).await;
        // What goes may come again: a note with what it refers to, a version when the one behind it is
        // taken back.
        let there: BTreeSet<String> = check::objects(&all).into_iter().map(|o| o.raw).collect();
        self.got.retain(|raw| there.contains(raw));
        let words: BTreeSet<String> = check::objects(&all)
            .iter()
            .filter_map(check::Shown::token)
            .collect();
        self.words.retain(|word| words.contains(word));
        for object in check::objects(&all) {
            // Of two sources' contents under one id the reader has one as a rendition; which one may
            // turn when one of them is revised, and either says it all.
            let said = object
                .token()
                .is_some_and(|token| self.words.contains(&token) || contested.contains(&token));
            if !self.got.contains(&object.raw) && !said {
                return Err(format!(
                    "{} polls and never gets: {}",
                    self.reader, object.raw
                ));
            }
        }
        Ok(())
    }
}
