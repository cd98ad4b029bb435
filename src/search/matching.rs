//! Decides whether a report matches a query, how well, and where. The score is a whole number made
//! of this report's text alone: how often a word is there, how much the place counts, whether it
//! stands as a word of its own, how near the words are. No number of other reports is in it.

use std::borrow::Cow;

use serde::Serialize;

use super::document::{Document, Field};
use super::fold::{Letter, Script, begins, ends, fold, same, unfold};
use super::index::Kept;
use super::query::{Literal, Query, Word};

/// So many places of one word in one text are looked at.
const PLACES_MAX: usize = 50;

/// So many texts are shown with what matched.
const TEXTS_MAX: usize = 6;

/// So many characters are shown around what matched, and of one text in all.
const AROUND: usize = 40;
const SHOWN_MAX: usize = 240;

/// A part of a text, and whether it is what matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// The words.
    pub text: String,
    /// Whether they matched.
    #[serde(rename = "match")]
    pub matched: bool,
}

/// Where a report matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Match {
    /// JSON pointer to the text.
    pub at: String,
    /// The text around what matched.
    pub segments: Vec<Segment>,
    /// Whether something of the text before the first segment is left out.
    pub cut_before: bool,
    /// Whether something after the last is.
    pub cut_after: bool,
}

/// How a report matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// How well.
    pub score: u64,
    /// Where, in bytes of each field.
    spans: Vec<(usize, usize, usize)>,
}

/// A place of a literal: field, first letter, letter behind the last, how much it is a word.
#[derive(Clone, Copy, Debug)]
struct Place {
    field: usize,
    from: usize,
    to: usize,
    whole: u64,
}

/// A report made ready to be compared.
#[derive(Debug)]
pub struct Prepared<'a> {
    document: Cow<'a, Document>,
    folded: Vec<Vec<Letter>>,
}

impl<'a> Prepared<'a> {
    /// Folds the texts of a report.
    #[must_use]
    pub fn of(document: &'a Document) -> Self {
        Self::new(Cow::Borrowed(document))
    }

    /// The same for a report that is kept with it.
    #[must_use]
    pub fn owned(document: Document) -> Prepared<'static> {
        Prepared::new(Cow::Owned(document))
    }

    /// The same from what the index keeps, which tells whether and how well a report matches, and not
    /// where; nothing where the folded texts are not there.
    #[must_use]
    pub fn kept(kept: &Kept) -> Option<Prepared<'static>> {
        let (body, letters) = kept.folded.as_ref()?;
        let mut document = Document::of_facts(&kept.facts)?;
        let written: Vec<(String, u64, String)> = serde_json::from_str(letters).ok()?;
        let mut folded = Vec::with_capacity(written.len());
        for ((pointer, weight, scripts), text) in written.into_iter().zip(body.split('\n')) {
            folded.push(unfold(text, &scripts)?);
            document.fields.push(Field {
                pointer,
                text: String::new(),
                weight,
            });
        }
        Some(Prepared {
            document: Cow::Owned(document),
            folded,
        })
    }

    /// The folded texts, with their places.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &[Letter])> {
        let places = self.document.fields.iter();
        let places = places.map(|field| field.pointer.as_str());
        places.zip(self.folded.iter().map(Vec::as_slice))
    }

    /// The report.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    fn new(document: Cow<'a, Document>) -> Self {
        let folded = document
            .fields
            .iter()
            .map(|field| fold(&field.text))
            .collect();
        Self { document, folded }
    }

    /// How the report matches; `None` where it does not.
    #[must_use]
    pub fn matches(&self, query: &Query) -> Option<Matched> {
        let mut matched = Matched::default();
        let mut firsts: Vec<Vec<Place>> = Vec::new();
        for word in &query.words {
            let (score, places) = self.word(word)?;
            matched.score += score;
            let spans = places.iter().filter_map(|place| self.span(*place));
            matched.spans.extend(spans);
            firsts.push(places);
        }
        for literal in &query.without {
            if !self.places(literal).is_empty() {
                return None;
            }
        }
        matched.score += self.closeness(&firsts);
        matched.spans.sort_unstable();
        Some(matched)
    }

    fn word(&self, word: &Word) -> Option<(u64, Vec<Place>)> {
        let mut best: Option<(u64, Vec<Place>)> = None;
        for way in &word.ways {
            let mut parts = Vec::with_capacity(way.len());
            for literal in way {
                parts.push(self.places(literal));
            }
            if parts.iter().any(Vec::is_empty) {
                continue;
            }
            let mut score: u64 = parts.iter().map(|places| self.score(places)).sum();
            if let Some(count) = u64::try_from(parts.len()).ok().filter(|count| *count > 1) {
                // In parts is less than as a whole; more where they stand together.
                score = score / count / 2 + self.closeness(&parts) / 2;
            }
            if best.as_ref().is_none_or(|(known, _)| score > *known) {
                best = Some((score, parts.concat()));
            }
        }
        let marked = word
            .marks
            .iter()
            .any(|mark| self.document.marks.contains(mark));
        match best {
            Some((score, places)) => Some((score + if marked { 1000 } else { 0 }, places)),
            None => marked.then(|| (1000, Vec::new())),
        }
    }

    /// Where a literal is.
    fn places(&self, literal: &Literal) -> Vec<Place> {
        let wanted = literal.letters.as_slice();
        let mut places = Vec::new();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return places;
        };
        for (field, letters) in self.folded.iter().enumerate() {
            let mut here = 0;
            for (from, window) in letters.windows(wanted.len()).enumerate() {
                let to = from + wanted.len();
                let (left, right) = (begins(letters, from), ends(letters, to));
                if window.first().is_none_or(|letter| letter.ch != first.ch)
                    || first.script == Script::Latin && !left
                    || last.script == Script::Latin && !right && !literal.prefix
                    || !same(wanted, window)
                {
                    continue;
                }
                let whole = 2 + u64::from(left) + u64::from(right);
                places.push(Place {
                    field,
                    from,
                    to,
                    whole,
                });
                here += 1;
                if here >= PLACES_MAX {
                    break;
                }
            }
        }
        places
    }

    fn weight(&self, field: usize) -> u64 {
        self.document
            .fields
            .get(field)
            .map_or(0, |field| field.weight)
    }

    fn length(&self, field: usize) -> u64 {
        let length = self.folded.get(field).map_or(0, Vec::len);
        u64::try_from(length).unwrap_or(u64::MAX)
    }

    /// What the places of one literal count: the second in a text less than the first, and each less
    /// in a long text.
    fn score(&self, places: &[Place]) -> u64 {
        let mut sum = 0;
        for group in places.chunk_by(|a, b| a.field == b.field) {
            let Some(field) = group.first().map(|place| place.field) else {
                continue;
            };
            let often: u64 = group.iter().map(|place| place.whole).sum();
            let length = 4 + self.length(field).min(2000) / 50;
            sum += self.weight(field) * 1000 * often / (often + length);
        }
        sum
    }

    /// What it counts that several words stand near each other in one text.
    fn closeness(&self, words: &[Vec<Place>]) -> u64 {
        let mut sum = 0;
        for (one, other) in words.iter().zip(words.iter().skip(1)) {
            let mut best = 0;
            for a in one {
                for b in other.iter().filter(|b| b.field == a.field) {
                    let apart = if a.from < b.from {
                        b.from.saturating_sub(a.to)
                    } else {
                        a.from.saturating_sub(b.to)
                    };
                    let apart = u64::try_from(apart).unwrap_or(u64::MAX).min(1000);
                    best = best.max(self.weight(a.field) * 400 / (4 + apart));
                }
            }
            sum += best;
        }
        sum
    }

    /// The bytes of a place.
    fn span(&self, place: Place) -> Option<(usize, usize, usize)> {
        let letters = self.folded.get(place.field)?.get(place.from..place.to)?;
        Some((place.field, letters.first()?.from, letters.last()?.to))
    }

    /// Where it matched, with what stands around: the places that count most first.
    #[must_use]
    pub fn shown(&self, matched: &Matched) -> Vec<Match> {
        let mut fields: Vec<usize> = matched.spans.iter().map(|(field, ..)| *field).collect();
        fields.dedup();
        fields.sort_by_key(|field| (std::cmp::Reverse(self.weight(*field)), *field));
        fields.truncate(TEXTS_MAX);
        let spans = |field: usize| {
            let spans = matched.spans.iter().filter(move |(of, ..)| *of == field);
            spans.map(|(_, from, to)| (*from, *to)).collect::<Vec<_>>()
        };
        fields
            .into_iter()
            .filter_map(|at| {
                let field = self.document.fields.get(at)?;
                Some(around(&field.pointer, &field.text, &spans(at)))
            })
            .collect()
    }
}

/// Cuts a text to what stands around its first places.
fn around(pointer: &str, text: &str, spans: &[(usize, usize)]) -> Match {
    let first = spans.first().map_or(0, |(from, _)| *from);
    let back = text.get(..first).unwrap_or_default().char_indices().rev();
    let from = back.take(AROUND).last().map_or(first, |(at, _)| at);
    let rest = text.get(from..).unwrap_or_default();
    let to = rest
        .char_indices()
        .nth(SHOWN_MAX)
        .map_or(text.len(), |(at, _)| from + at);
    let mut segments: Vec<Segment> = Vec::new();
    let mut put = |from: usize, to: usize, matched: bool| {
        let Some(part) = text.get(from..to).filter(|part| !part.is_empty()) else {
            return;
        };
        match segments.last_mut().filter(|last| last.matched == matched) {
            Some(last) => last.text.push_str(part),
            None => segments.push(Segment {
                text: part.to_owned(),
                matched,
            }),
        }
    };
    let mut at = from;
    for (begin, end) in spans {
        let (begin, end) = ((*begin).max(at).min(to), (*end).min(to));
        if begin < end {
            put(at, begin, false);
            put(begin, end, true);
            at = end;
        }
    }
    put(at, to, false);
    Match {
        at: pointer.to_owned(),
        segments,
        cut_before: from > 0,
        cut_after: to < text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn score(report: &serde_json::Value, query: &str) -> Option<u64> {
        let document = Document::of(report);
        let prepared = Prepared::of(&document);
        prepared
            .matches(&Query::parse(query).unwrap())
            .map(|matched| matched.score)
    }

    fn score_of(report: &serde_json::Value, query: &Query) -> Option<u64> {
        let document = Document::of(report);
        let matched = Prepared::of(&document).matches(query);
        matched.map(|matched| matched.score)
    }

    fn found(text: &str, query: &str) -> bool {
        score(&json!({"summary": {"ja": text}}), query).is_some()
    }

    #[test]
    fn what_is_found_and_its_nearest_neighbour_that_is_not() {
        for (text, query) in [
            ("大規模な停電により電力供給が止まった", "電力"),
            ("電力の供給に障害", "電力供給"),
            ("サーバーが停止", "サーバ"),
            ("サーバルームの空調", "サーバールーム"),
            ("ﾗﾝｻﾑｳｪｱに感染", "ランサムウェア"),
            ("CVE-2026-1234の悪用", "cve-2026-1234"),
            ("通信先 198[.]51[.]100[.]7 を遮断", "198.51.100.7"),
            ("the backup server", "backups"),
            ("VPN 装置の更新", "VPN装置"),
            ("FortiGateの更新", "forti"),
            ("水道の濁り", "水"),
            ("断水", "水"),
        ] {
            assert!(found(text, query), "{query} in {text}");
        }
        for (text, query) in [
            ("電気の供給に障害", "電力供給"),
            ("電力の供給に障害", "\"電力供給\""),
            ("ビールの出荷", "ビル"),
            ("CVE-2026-12345の悪用", "cve-2026-1234"),
            ("198.51.100.70", "198.51.100.7"),
            ("the item", "it"),
            ("sslvpn", "vpn"),
            ("障害の訓練", "障害 -訓練"),
            ("のと", "ノート"),
        ] {
            assert!(!found(text, query), "{query} in {text}");
        }
    }

    #[test]
    fn the_title_counts_more_and_so_does_a_word_of_its_own() {
        let title = json!({"title": {"ja": "停電"}, "summary": {"ja": "設備の故障"}});
        let body = json!({"title": {"ja": "設備の故障"}, "summary": {"ja": "停電"}});
        assert!(score(&title, "停電") > score(&body, "停電"));
        let own = json!({"summary": {"ja": "京都の事業者"}});
        let inside = json!({"summary": {"ja": "東京都事業者"}});
        assert!(score(&own, "京都") > score(&inside, "京都"));
        let near = json!({"summary": {"ja": "電力の障害。設備の点検を行った"}});
        let far = json!({"summary": {"ja": "電力設備の点検を行った。障害だ"}});
        assert!(score(&near, "電力 障害") > score(&far, "電力 障害"));
    }

    #[test]
    fn what_is_shown_is_the_text_cut_in_segments() {
        let long = format!("{}ｻｰﾊﾞｰ障害{}", "前".repeat(60), "後".repeat(300));
        let document = Document::of(&json!({"summary": {"ja": long}}));
        let prepared = Prepared::of(&document);
        let matched = prepared
            .matches(&Query::parse("サーバ 障害").unwrap())
            .unwrap();
        let shown = prepared.shown(&matched);
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].at, "/summary/ja");
        assert!(shown[0].cut_before && shown[0].cut_after);
        let marked: Vec<&str> = shown[0]
            .segments
            .iter()
            .filter(|s| s.matched)
            .map(|s| s.text.as_str())
            .collect();
        assert_eq!(marked, ["ｻｰﾊﾞｰ障害"]);
        let all: String = shown[0].segments.iter().map(|s| s.text.as_str()).collect();
        assert!(long.contains(&all));
    }

    proptest::proptest! {
        /// The index may only narrow down: what matches is among the candidates, by its tokens and
        /// by its folded text.
        #[test]
        fn whatever_matches_is_a_candidate(
            text in "[電力障害サーバーのア・ A-b1。s]{0,30}",
            query in "[電力障害サーバーのア・ A-b1s]{1,8}",
        ) {
            use crate::search::index::{Indexed, Wanted};
            let report = json!({"title": {"ja": text}});
            let Ok(query) = Query::parse(&query) else { return Ok(()) };
            if score(&report, "").is_none() || Prepared::of(&Document::of(&report)).matches(&query).is_none() {
                return Ok(());
            }
            fn holds(index: &Indexed, wanted: &Wanted) -> bool {
                match wanted {
                    Wanted::All(all) => all.iter().all(|one| holds(index, one)),
                    Wanted::Any(any) => any.iter().any(|one| holds(index, one)),
                    Wanted::Text(text, tokens) => index.body.contains(text)
                        && tokens.iter().all(|token| index.tokens.iter().any(|known|
                            known == &token.text || token.prefix && known.starts_with(&token.text))),
                    Wanted::Mark(mark) => index.marks.contains(&format!(" {mark} ")),
                }
            }
            let index = Indexed::read(&report.to_string());
            proptest::prop_assert!(holds(&index, &Wanted::of(&query, &[])));
            // What is kept matches as the report does.
            let kept = Kept { facts: index.facts, folded: Some((index.body, index.letters)) };
            let kept = Prepared::kept(&kept).unwrap().matches(&query);
            proptest::prop_assert_eq!(kept.map(|matched| matched.score), score_of(&report, &query));
        }

        #[test]
        fn no_text_and_no_query_breaks_it(text in "\\PC{0,60}", query in "\\PC{0,20}") {
            let document = Document::of(&json!({"title": {"ja": text}}));
            let prepared = Prepared::of(&document);
            if let Ok(query) = Query::parse(&query)
                && let Some(matched) = prepared.matches(&query)
            {
                let shown = prepared.shown(&matched);
                for field in shown {
                    let all: String = field.segments.iter().map(|s| s.text.as_str()).collect();
                    proptest::prop_assert!(text.contains(&all));
                }
            }
        }
    }
}
