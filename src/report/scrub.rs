//! Replaces, in every string of a report, what must not be read there.
//!
//! Three things go: the strings the source listed, the names and numbers the report gives of its
//! own source, and the marks the directory knows of it. It knows strings and texts; which member of
//! a report is kept at all is for `anonymise`.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::Report;
use super::find::{Edges, Finder, Gaps};
use super::fold::Folded;
use super::identity_check::Mark;
use super::name::name_forms;
use super::plain_marks::PlainMarks;

/// Stands where the source gave no replacement.
const REMOVED: &str = "[removed]";
/// A replacement that means "leave nothing".
const DELETED_JA: &str = "(削除)";
/// Passes that replace; a later pass deletes, so that replacing always comes to an end.
const PASSES_REPLACING: usize = 4;
/// Passes in all; a text that still is not clean was made to keep the hub busy, and goes whole.
const PASSES_MAX: usize = 24;
/// Longest text the schema admits, in characters.
const TEXT_MAX: usize = 20_000;
/// Shortest reference or body id that is stripped from running text, in folded characters.
const ID_MIN: usize = 4;
/// Which replacement a string takes.
#[derive(Clone, Copy)]
enum Tongue {
    Japanese,
    /// English, and strings of no language.
    Other,
}

struct Replacement {
    ja: String,
    other: String,
}

/// Everything that has to go from the strings of one report.
pub(super) struct Scrubber {
    finder: Finder,
    replacements: Vec<Replacement>,
    own: PlainMarks,
}

impl Report {
    /// Whether a text says nothing that the report lists to be stripped or gives of its own source.
    #[must_use]
    pub fn strips_nothing_of(&self, text: &str) -> bool {
        Scrubber::new(self, &[]).is_clean_text(text)
    }
}

impl Scrubber {
    pub(super) fn new(report: &Report, own: &[Mark]) -> Self {
        let own = [own, &report.publisher_marks()].concat();
        let mut scrubber = Self {
            finder: Finder::default(),
            replacements: Vec::new(),
            own: PlainMarks::new(&own),
        };
        let listed = report.must_anonymise();
        for entry in &listed {
            let (ja, en) = (wanted(entry.replace_ja), wanted(entry.replace_en));
            scrubber.add(&Folded::new(entry.text), Edges::Any, Gaps::Words, ja, en);
        }
        // The report names its own source: these go even if the source forgot to list them.
        let alias = listed.iter().find(|entry| entry.kind == "org");
        let ja = wanted(alias.and_then(|entry| entry.replace_ja));
        let en = wanted(alias.and_then(|entry| entry.replace_en));
        let organisation = report.to_value().get("organisation");
        for name in ["ja", "en"]
            .iter()
            .filter_map(|tag| organisation?.get(*tag)?.as_str())
        {
            for form in name_forms(name) {
                scrubber.add(&form, Edges::Word, Gaps::Loose, ja, en);
            }
        }
        for id in [report.source_operator(), report.reference()]
            .into_iter()
            .flatten()
        {
            let id = Folded::new(id);
            if id.glyphs().len() >= ID_MIN {
                scrubber.add(&id, Edges::Word, Gaps::Words, REMOVED, REMOVED);
            }
        }
        scrubber.disarm();
        scrubber
    }

    fn add(&mut self, text: &Folded, edges: Edges, gaps: Gaps, ja: &str, other: &str) {
        if self.finder.add(text, edges, gaps).is_some() {
            self.replacements.push(Replacement {
                ja: ja.to_owned(),
                other: other.to_owned(),
            });
        }
    }

    /// A replacement must not bring back what another entry strips.
    fn disarm(&mut self) {
        let mut replacements = std::mem::take(&mut self.replacements);
        for replacement in &mut replacements {
            for text in [&mut replacement.ja, &mut replacement.other] {
                for safer in [REMOVED, ""] {
                    if !self.is_clean_text(text) {
                        *text = safer.to_owned();
                    }
                }
            }
        }
        self.replacements = replacements;
    }

    pub(super) fn is_clean(&self, value: &Value) -> bool {
        value.as_str().is_none_or(|text| self.is_clean_text(text))
    }

    fn is_clean_text(&self, text: &str) -> bool {
        self.finder.find_all(&Folded::new(text)).is_empty() && self.own.hits(text).is_empty()
    }

    /// Scrubs a text in each of its languages; nothing where no word is left.
    pub(super) fn text(&self, text: &Value) -> Option<Value> {
        let scrubbed = text.as_object()?.iter().filter_map(|(lang, words)| {
            let tongue = if lang == "ja" {
                Tongue::Japanese
            } else {
                Tongue::Other
            };
            Some((
                lang.clone(),
                Value::String(self.scrub(words.as_str()?, tongue)?),
            ))
        });
        let scrubbed: Map<_, _> = scrubbed.collect();
        (!scrubbed.is_empty()).then_some(Value::Object(scrubbed))
    }

    /// Stands for a required text of which nothing is left.
    pub(super) fn placeholder(&self) -> Value {
        let clean = [REMOVED, "***", "―"]
            .into_iter()
            .find(|text| self.is_clean_text(text));
        json!({ "en": clean.unwrap_or(REMOVED) })
    }

    pub(super) fn texts(&self, list: &Value) -> Value {
        list.as_array()
            .into_iter()
            .flatten()
            .filter_map(|text| self.text(text))
            .collect()
    }

    pub(super) fn neutral(&self, text: &str) -> Option<String> {
        self.scrub(text, Tongue::Other)
    }

    fn scrub(&self, text: &str, tongue: Tongue) -> Option<String> {
        let mut text = text.to_owned();
        let mut pass = 0;
        while let Some(next) = self.pass(&text, tongue, pass >= PASSES_REPLACING) {
            if pass >= PASSES_MAX {
                return None;
            }
            text = next;
            pass += 1;
        }
        if Folded::new(&text).is_empty() {
            return None;
        }
        if let Some((cut, _)) = text.char_indices().nth(TEXT_MAX) {
            text.truncate(cut);
        }
        Some(text)
    }

    /// Replaces what is there now, longest first; `None` where nothing is. What a replacement and
    /// its surroundings make together is found by the next pass.
    fn pass(&self, text: &str, tongue: Tongue, delete: bool) -> Option<String> {
        let folded = Folded::new(text);
        let mut hits: Vec<_> = self
            .finder
            .find_all(&folded)
            .into_iter()
            .filter_map(|hit| {
                let with = self
                    .replacements
                    .get(hit.needle)
                    .map_or(REMOVED, |replacement| match tongue {
                        Tongue::Japanese => &replacement.ja,
                        Tongue::Other => &replacement.other,
                    });
                Some((hit.glyphs.len(), folded.bytes(&hit.glyphs)?, with))
            })
            .collect();
        hits.extend(
            self.own
                .hits(text)
                .into_iter()
                .map(|(bytes, _)| (bytes.len(), bytes, REMOVED)),
        );
        if hits.is_empty() {
            return None;
        }
        hits.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.start.cmp(&b.1.start)));
        let mut taken: Vec<(Range<usize>, &str)> = Vec::new();
        for (_, bytes, with) in hits {
            let at = taken.partition_point(|(other, _)| other.start < bytes.start);
            let clear = taken
                .get(at)
                .is_none_or(|(next, _)| bytes.end <= next.start)
                && at
                    .checked_sub(1)
                    .and_then(|i| taken.get(i))
                    .is_none_or(|(last, _)| last.end <= bytes.start);
            if clear {
                taken.insert(at, (bytes, if delete { "" } else { with }));
            }
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for (bytes, with) in taken {
            out.push_str(text.get(from..bytes.start).unwrap_or_default());
            out.push_str(with);
            from = bytes.end;
            if out.len() > TEXT_MAX * 4 {
                // The rest would be cut off in any case, and a short string may expand 500-fold.
                return Some(out);
            }
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Some(out)
    }
}

fn wanted(replacement: Option<&str>) -> &str {
    match replacement {
        None => REMOVED,
        Some(DELETED_JA | "（削除）") => "",
        Some(text) => text,
    }
}
