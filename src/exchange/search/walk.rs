//! The walk through a reader's newest reports, for whatever is asked of them. Which entries these are,
//! the store's reading functions say.

use std::collections::BTreeSet;

use super::super::feedback::speaks_for_source;
use super::super::refusal::Refusal;
use super::Filters;
use super::asked::NO_FEEDBACK;
use super::rules::RulesOf;
use crate::exchange::{Caller, Tx};
use crate::search::matching::Prepared;
use crate::search::{Document, Wanted};
use crate::store::feed::Content;
use crate::store::search::{Asked, Step};
use crate::store::{Entry, Scope};

/// The first step looks at so many entries, each further one at twice as many.
const STEP_FIRST: usize = 200;
const STEP_MAX: usize = 6400;

/// What to walk through.
pub(super) struct Look {
    /// What candidates must have.
    pub wanted: Wanted,
    /// Kinds of report; never empty.
    pub kinds: Vec<String>,
    /// Behind this stamp.
    pub mark: Option<i64>,
    /// And not before this one.
    pub from: Option<i64>,
    /// What is judged of an entry before anything is asked about it.
    pub filters: Filters,
    /// So many.
    pub limit: usize,
    /// What is judged of an entry.
    pub content: Content,
    /// Whether the verdict needs the label a reader is told.
    pub tlp: bool,
    /// Where it needs what is on this reader's list of feedback: whose.
    pub feedback: Option<Caller>,
}

impl Look {
    /// Whether each entry is asked about.
    const fn asks(&self) -> bool {
        self.tlp || self.feedback.is_some()
    }

    fn may_pass(&self, entry: &Entry) -> bool {
        self.filters
            .pass_alone((entry.stamp, entry.form.as_str()), &document_of(entry))
    }
}

/// What was read of an entry's report: all of it, or its facts.
pub(super) fn document_of(entry: &Entry) -> Document {
    let kept = entry.kept.as_ref();
    let facts = kept.and_then(|kept| Document::of_facts(&kept.facts));
    facts.unwrap_or_else(|| Document::read(entry.report.as_deref().unwrap_or_default()))
}

/// The same with its texts folded, as the index keeps them or anew.
pub(super) fn prepared_of(entry: &Entry) -> Prepared<'static> {
    let kept = entry.kept.as_ref().and_then(Prepared::kept);
    kept.unwrap_or_else(|| {
        let report = entry.report.as_deref().unwrap_or_default();
        Prepared::owned(Document::read(report))
    })
}

/// What is not in an entry and a verdict may need.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    /// The label its reader is told.
    pub tlp: Option<String>,
    /// The kinds of feedback that are on the reader's list for it, or `none`; nothing where not asked.
    pub feedback: BTreeSet<String>,
}

/// What an entry comes to; nothing where it is not what is asked for. It must not say yes to what
/// does not have what candidates must have.
pub(super) type Judge<'a, T> = dyn Fn(Entry, Beside) -> Option<T> + Sync + 'a;

/// The newest entries that the judge takes: `limit`, and one more where there are more.
///
/// Two walks take turns, through what the reader has and through what the index names, and the first
/// to come to its end is right: both see the same entries in the same order. So the cost is that of
/// the shorter, and what is hidden decides only which one that is.
pub(super) async fn walk<T: Send>(
    tx: &mut Tx,
    scope: &Scope,
    look: &Look,
    judge: &Judge<'_, T>,
) -> Result<Vec<T>, Refusal> {
    let (mut by_reader, mut by_text) = (Walk::of(look), Walk::of(look));
    let (mut count, mut text) = (STEP_FIRST, true);
    loop {
        let asked = &Asked {
            wanted: &look.wanted,
            kinds: &look.kinds,
            content: look.content,
        };
        if text {
            let step = tx.step_by_text(scope, asked, by_text.mark, count).await?;
            match step {
                Some(step) => {
                    if by_text.take(tx, look, judge, step).await? {
                        return Ok(by_text.found);
                    }
                }
                None => text = false,
            }
        }
        let step = tx
            .step_by_reader(scope, asked, by_reader.mark, count)
            .await?;
        if by_reader.take(tx, look, judge, step).await? {
            return Ok(by_reader.found);
        }
        count = (count * 2).min(STEP_MAX);
    }
}

struct Walk<T> {
    mark: Option<i64>,
    found: Vec<T>,
}

impl<T: Send> Walk<T> {
    const fn of(look: &Look) -> Self {
        Self {
            mark: look.mark,
            found: Vec::new(),
        }
    }

    /// Takes what a step found; whether the walk is at its end.
    async fn take(
        &mut self,
        tx: &mut Tx,
        look: &Look,
        judge: &Judge<'_, T>,
        step: Step,
    ) -> Result<bool, Refusal> {
        let behind = |stamp: i64| look.from.is_some_and(|from| stamp < from);
        let mut entries = step.entries;
        let passed = entries.iter().position(|entry| behind(entry.stamp));
        entries.truncate(passed.unwrap_or(entries.len()));
        if look.asks() {
            entries.retain(|entry| look.may_pass(entry));
        }
        let rules = if look.tlp {
            let keys = entries.iter().filter_map(|entry| entry.item_version);
            RulesOf::versions(tx, &keys.collect()).await?
        } else {
            RulesOf::default()
        };
        for entry in entries {
            if self.found.len() > look.limit {
                return Ok(true);
            }
            let beside = beside(tx, look, &rules, &entry).await?;
            self.found.extend(judge(entry, beside));
        }
        self.mark = step.mark;
        Ok(passed.is_some() || self.found.len() > look.limit || step.mark.is_none_or(behind))
    }
}

async fn beside(
    tx: &mut Tx,
    look: &Look,
    rules: &RulesOf,
    entry: &Entry,
) -> Result<Beside, Refusal> {
    let key = entry.item_version.unwrap_or_default();
    let rule = rules.shown(key, &entry.form);
    let mut beside = Beside {
        tlp: rule.map(|rule| rule.access.tlp.to_string()),
        feedback: BTreeSet::new(),
    };
    let Some(caller) = &look.feedback else {
        return Ok(beside);
    };
    let Some(version) = tx.item_version(key).await? else {
        return Ok(beside);
    };
    // As the item's own list has it: all for who speaks for its source, else the reader's.
    let giver = (!speaks_for_source(caller, &version)).then(|| caller.principal.id.as_str());
    let kinds = tx.feedback_kinds(&version.value.item, giver).await?;
    beside.feedback.extend(kinds);
    if beside.feedback.is_empty() {
        beside.feedback.insert(NO_FEEDBACK.to_owned());
    }
    Ok(beside)
}
