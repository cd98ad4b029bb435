//! Text as a reader would compare it: width, case and invisible characters folded away.
//!
//! Every folded character remembers which bytes of the original it stands for, so that a match can
//! be cut out of the original. The module finds strings; what a match means is for its callers.

use std::collections::HashMap;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, compose, decompose_compatible};

/// One folded character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glyph {
    pub(crate) ch: char,
    /// Bytes of the original it stands for.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// White space stood before it.
    pub(crate) gap: bool,
}

/// A string under NFKC and case folding, without white space and invisible characters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folded {
    glyphs: Vec<Glyph>,
}

impl Folded {
    /// Folds a string.
    pub(crate) fn new(text: &str) -> Self {
        let mut folded = Self {
            glyphs: Vec::with_capacity(text.len().min(4096)),
        };
        let mut cluster = String::new();
        let (mut start, mut end, mut gap) = (0, 0, false);
        for (at, ch) in text.char_indices() {
            if is_invisible(ch) {
                continue;
            }
            if ch.is_whitespace() || !joins(&cluster, ch) {
                folded.close(&mut cluster, start..end, &mut gap);
                start = at;
            }
            if ch.is_whitespace() {
                gap = true;
            } else {
                cluster.push(ch);
                end = at + ch.len_utf8();
            }
        }
        folded.close(&mut cluster, start..end, &mut gap);
        folded
    }

    /// Says whether nothing visible is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.glyphs.is_empty()
    }

    /// Returns the folded characters.
    pub(crate) fn glyphs(&self) -> &[Glyph] {
        &self.glyphs
    }

    /// Returns the bytes of the original that a range of glyphs stands for.
    pub(crate) fn bytes(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let glyphs = self.glyphs.get(range.clone())?;
        Some(glyphs.first()?.start..glyphs.last()?.end)
    }

    /// Undoes the brackets people put round the dots and colons of addresses (`192[.]0[.]2[.]1`).
    pub(crate) fn refanged(&self) -> Self {
        let mut glyphs: Vec<Glyph> = Vec::with_capacity(self.glyphs.len());
        let mut rest = self.glyphs.as_slice();
        while let Some((first, tail)) = rest.split_first() {
            let inner = [".", "dot", ":"]
                .into_iter()
                .find(|inner| bracketed(rest, inner));
            if let Some(inner) = inner {
                let (taken, after) = rest.split_at((inner.len() + 2).min(rest.len()));
                let ch = if inner == ":" { ':' } else { '.' };
                let end = taken.last().map_or(first.end, |last| last.end);
                glyphs.push(Glyph { ch, end, ..*first });
                rest = after;
            } else {
                glyphs.push(*first);
                rest = tail;
            }
        }
        Self { glyphs }
    }

    fn close(&mut self, cluster: &mut String, span: Range<usize>, gap: &mut bool) {
        for ch in cluster
            .nfkc()
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
        {
            if ch.is_whitespace() {
                *gap = true;
            } else {
                self.glyphs.push(Glyph {
                    ch,
                    start: span.start,
                    end: span.end,
                    gap: *gap,
                });
                *gap = false;
            }
        }
        cluster.clear();
    }
}

/// What may stand next to a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edges {
    /// Anything.
    Any,
    /// No Latin letter beside a letter, no digit beside a digit.
    Word,
    /// Nothing that would make it another domain; labels to the left belong to the match.
    Domain,
}

/// How white space counts inside a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// Not at all.
    Loose,
    /// Only between two characters of scripts that separate words by it.
    Words,
    /// There must be none.
    Tight,
}

#[derive(Debug)]
struct Needle {
    glyphs: Vec<Glyph>,
    edges: Edges,
    gaps: Gaps,
}

/// One place where a needle was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Range of glyphs.
    pub(crate) glyphs: Range<usize>,
    /// Number of the needle, as [`Finder::add`] returned it.
    pub(crate) needle: usize,
}

/// Looks for many strings in one pass.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    needles: Vec<Needle>,
    by_first: HashMap<char, Vec<usize>>,
}

impl Finder {
    /// Adds a string to look for; one of nothing visible is refused.
    pub(crate) fn add(&mut self, text: &Folded, edges: Edges, gaps: Gaps) -> Option<usize> {
        let first = text.glyphs.first()?;
        let number = self.needles.len();
        self.needles.push(Needle {
            glyphs: text.glyphs.clone(),
            edges,
            gaps,
        });
        self.by_first.entry(first.ch).or_default().push(number);
        Some(number)
    }

    /// Finds every occurrence of every needle, overlapping ones too.
    pub(crate) fn find_all(&self, text: &Folded) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (at, glyph) in text.glyphs.iter().enumerate() {
            for number in self.by_first.get(&glyph.ch).into_iter().flatten() {
                if let Some(needle) = self.needles.get(*number)
                    && let Some(glyphs) = needle.matches_at(&text.glyphs, at)
                {
                    hits.push(Hit {
                        glyphs,
                        needle: *number,
                    });
                }
            }
        }
        hits
    }
}

impl Needle {
    fn matches_at(&self, hay: &[Glyph], at: usize) -> Option<Range<usize>> {
        let end = at + self.glyphs.len();
        let found = hay.get(at..end)?;
        let mut left: Option<char> = None;
        for (ours, theirs) in self.glyphs.iter().zip(found) {
            if ours.ch != theirs.ch {
                return None;
            }
            let inside = left.replace(ours.ch);
            let fits = match (self.gaps, inside) {
                (_, None) | (Gaps::Loose, _) => true,
                (Gaps::Tight, Some(_)) => !theirs.gap,
                (Gaps::Words, Some(left)) => {
                    ours.gap == theirs.gap || is_unspaced(left) || is_unspaced(ours.ch)
                }
            };
            if !fits {
                return None;
            }
        }
        let before = at
            .checked_sub(1)
            .and_then(|i| hay.get(i))
            .filter(|_| found.first().is_some_and(|g| !g.gap));
        let after = hay.get(end).filter(|glyph| !glyph.gap);
        let beyond = after
            .and_then(|_| hay.get(end + 1))
            .filter(|glyph| !glyph.gap);
        match self.edges {
            Edges::Any => {}
            Edges::Word => {
                let split = |a: Option<&Glyph>, b: Option<&Glyph>| {
                    a.zip(b).is_none_or(|(a, b)| word_ends(a.ch, b.ch))
                };
                if !split(before, found.first()) || !split(found.last(), after) {
                    return None;
                }
            }
            Edges::Domain => {
                let longer = after.is_some_and(|g| is_label(g.ch))
                    || (after.is_some_and(|g| g.ch == '.')
                        && beyond.is_some_and(|g| is_label(g.ch)));
                if longer || before.is_some_and(|g| is_label(g.ch)) {
                    return None;
                }
                return Some(whole_domain(hay, at)..end);
            }
        }
        Some(at..end)
    }
}

/// Goes left over the labels of a subdomain.
fn whole_domain(hay: &[Glyph], mut at: usize) -> usize {
    while let Some(before) = at.checked_sub(1).and_then(|i| hay.get(i))
        && hay.get(at).is_some_and(|g| !g.gap)
        && (is_label(before.ch) || before.ch == '.')
    {
        at -= 1;
    }
    at
}

fn is_label(ch: char) -> bool {
    ch.is_ascii_alphanumeric() || ch == '-'
}

fn word_ends(left: char, right: char) -> bool {
    let letter = |ch: char| ch.is_alphabetic() && !is_unspaced(ch);
    !(letter(left) && letter(right) || left.is_numeric() && right.is_numeric())
}

/// Scripts that run without spaces: Kana, Han and what is near them.
fn is_unspaced(ch: char) -> bool {
    ch >= '\u{2e80}'
}

fn bracketed(glyphs: &[Glyph], inner: &str) -> bool {
    let closing = match glyphs.first().map(|g| g.ch) {
        Some('[') => ']',
        Some('(') => ')',
        Some('{') => '}',
        _ => return false,
    };
    let mut rest = glyphs.iter().skip(1).map(|g| g.ch);
    inner.chars().all(|ch| rest.next() == Some(ch)) && rest.next() == Some(closing)
}

/// Says whether normalisation could merge a character with the cluster before it.
fn joins(cluster: &str, ch: char) -> bool {
    // Nearly all text ends here: ASCII, Kana and Han never merge leftwards, marks aside.
    if ch < '\u{300}' || ('\u{309b}'..='\u{9fff}').contains(&ch) || cluster.is_empty() {
        return false;
    }
    let mut first = None;
    decompose_compatible(ch, |part| first = first.or(Some(part)));
    let first = first.unwrap_or(ch);
    canonical_combining_class(first) != 0
        || cluster
            .nfkc()
            .last()
            .is_some_and(|last| compose(last, first).is_some())
}

/// Characters without a shape of their own (Unicode Default_Ignorable_Code_Point).
fn is_invisible(ch: char) -> bool {
    matches!(ch,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(needle: &str, edges: Edges, gaps: Gaps, hay: &str) -> Vec<String> {
        let mut finder = Finder::default();
        finder.add(&Folded::new(needle), edges, gaps).unwrap();
        let hay_folded = Folded::new(hay);
        let hits = finder.find_all(&hay_folded);
        hits.iter()
            .map(|hit| hay[hay_folded.bytes(&hit.glyphs).unwrap()].to_owned())
            .collect()
    }

    #[test]
    fn width_case_and_invisible_characters_do_not_hide_a_string() {
        for (needle, hay) in [
            ("TAMANET", "旧ｔａｍａＮＥＴ上で"),
            ("ガス", "ともしびｶﾞｽ"),
            ("ガス", "ともしびカ\u{3099}ス"),
            ("Straße", "in der STRASSE"),
            ("TG-SV12", "TG\u{2d}\u{200b}SV１２"),
            ("㈱甲", "(株)甲"),
            ("각", "\u{1100}\u{1161}\u{11a8}"),
        ] {
            assert_eq!(
                found(needle, Edges::Any, Gaps::Words, hay).len(),
                1,
                "{needle} in {hay}"
            );
        }
        assert!(found("カス", Edges::Any, Gaps::Words, "ともしびｶﾞｽ").is_empty());
    }

    #[test]
    fn a_match_covers_the_original_bytes() {
        assert_eq!(
            found("ガス会社", Edges::Any, Gaps::Words, "Aｶﾞ ｽ\u{3000}会社B"),
            ["ｶﾞ ｽ\u{3000}会社"]
        );
        assert_eq!(found("株式会社", Edges::Any, Gaps::Words, "A㍿B"), ["㍿"]);
    }

    #[test]
    fn white_space_counts_between_latin_words_only() {
        assert_eq!(found("12件", Edges::Any, Gaps::Words, "約12 件").len(), 1);
        assert_eq!(found("a b", Edges::Any, Gaps::Words, "a \n b").len(), 1);
        assert!(found("it", Edges::Any, Gaps::Words, "hi there").is_empty());
        assert_eq!(found("it", Edges::Any, Gaps::Loose, "hi there").len(), 1);
    }

    #[test]
    fn a_latin_name_is_found_as_a_word_only() {
        assert_eq!(
            found("sun", Edges::Word, Gaps::Loose, "旧Sun社と sun2").len(),
            2
        );
        assert!(found("sun", Edges::Word, Gaps::Loose, "Sunday, asun").is_empty());
        assert!(found("41", Edges::Word, Gaps::Loose, "412").is_empty());
    }

    #[test]
    fn a_domain_is_found_with_its_subdomains_and_not_in_others() {
        let domain = |hay| found("bank.example", Edges::Domain, Gaps::Tight, hay);
        assert_eq!(
            domain("https://Login.Bank.example/x"),
            ["Login.Bank.example"]
        );
        assert_eq!(domain("先bank.example。"), ["bank.example"]);
        assert_eq!(domain("a@bank.example."), ["bank.example"]);
        for other in [
            "my-bank.example",
            "bank.example.org",
            "bank.example-a",
            "bank. example",
        ] {
            assert!(domain(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn brackets_round_dots_are_undone() {
        let folded = Folded::new("a[.]b (dot) c{.}d [x]").refanged();
        let text: String = folded.glyphs().iter().map(|g| g.ch).collect();
        assert_eq!(text, "a.b.c.d[x]");
    }
}
