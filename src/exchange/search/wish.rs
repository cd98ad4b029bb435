//! What a subscriber or a listener wants to be told, made ready to be asked of one item after the
//! other: a filter, and the search in it. Both look at the form that this reader gets, so nobody is
//! told of an item for a word that only the original has (law 4).

use super::super::Exchange;
use super::super::news::News;
use super::asked::Pairs;
use super::walk::Beside;
use super::{Search, kinds};
use crate::search::{Document, matching::Prepared};
use crate::subscription::Filter;

/// A filter with its search understood.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    filter: Filter,
    search: Option<Search>,
    /// A search that this hub does not understand (any more) finds nothing.
    nothing: bool,
}

impl Exchange {
    /// Makes a filter ready.
    #[must_use]
    pub fn wish(&self, filter: Filter) -> Wish {
        let kept = (!filter.search.is_empty()).then(|| Search::kept(&filter.search));
        let nothing = matches!(kept, Some(Err(_)));
        let search = kept.and_then(Result::ok);
        Wish {
            search: search.map(|search| self.understood(&search)),
            filter,
            nothing,
        }
    }
}

impl Wish {
    /// Whether an item is wanted.
    #[must_use]
    pub fn wants(&self, news: &News) -> bool {
        !self.nothing && news.wanted(&self.filter) && self.finds(news)
    }

    /// Whether the search in it, if there is one, finds an item: among reports alone.
    #[must_use]
    pub fn finds(&self, news: &News) -> bool {
        let Some(search) = &self.search else {
            return !self.nothing;
        };
        if !news.is_report() || !kinds(search.filters.drill).contains(&news.kind) {
            return false;
        }
        let prepared = news.prepared();
        let beside = Beside {
            tlp: Some(news.tlp.to_string()),
            ..Beside::default()
        };
        search
            .filters
            .pass((news.stamp, &news.form), &beside, prepared.document())
            && prepared.matches(&search.query).is_some()
    }
}

/// A report made ready to be searched.
pub(in crate::exchange) fn prepared(report: &serde_json::Value) -> Prepared<'static> {
    Prepared::owned(Document::of(report))
}

/// What is wrong with the search in a filter: its place and in words.
pub(in crate::exchange) fn not_subscribed(pairs: &Pairs) -> Option<(String, String)> {
    if pairs.is_empty() {
        return None;
    }
    // Nobody has said anything of what is just released.
    let said = pairs.contains_key("feedback").then(|| {
        let message = "is not asked of what is just released";
        ("feedback".to_owned(), message.to_owned())
    });
    let wrong = said.or_else(|| {
        let wrong = Search::kept(pairs).err()?;
        Some((wrong.name, wrong.message))
    })?;
    Some((place("/filter/search", &wrong.0), wrong.1))
}

/// The JSON pointer of a name in an object of a search.
pub(in crate::exchange) fn place(at: &str, name: &str) -> String {
    if name.is_empty() {
        return at.to_owned();
    }
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}
