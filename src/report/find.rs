//! Looks for many strings in folded text in one pass. What a match means is for its callers.

use std::collections::HashMap;
use std::ops::Range;

use super::fold::{Folded, Glyph};
use super::name;

/// What may stand next to a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edges {
    /// Anything.
    Any,
    /// No Latin letter beside a letter, no digit beside a digit.
    Word,
    /// Like `Word`, and a short name of Kana or Kanji is no part of a longer word.
    Name,
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
    /// As a name allows: anywhere in a long one; in a short one nowhere, or spread over all of it.
    Name,
    /// A separator at most, no white space.
    Id,
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
        let first = text.glyphs().first()?;
        let number = self.needles.len();
        self.needles.push(Needle {
            glyphs: text.glyphs().to_vec(),
            edges,
            gaps,
        });
        self.by_first.entry(first.ch).or_default().push(number);
        Some(number)
    }

    /// Finds every occurrence of every needle, overlapping ones too.
    pub(crate) fn find_all(&self, text: &Folded) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (at, glyph) in text.glyphs().iter().enumerate() {
            for number in self.by_first.get(&glyph.ch).into_iter().flatten() {
                if let Some(needle) = self.needles.get(*number)
                    && let Some(glyphs) = needle.matches_at(text.glyphs(), at)
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
                (Gaps::Name, _) => true, // looked at as a whole, below
                (Gaps::Id, Some(_)) => !theirs.gap || theirs.joined,
            };
            if !fits {
                return None;
            }
        }
        if self.gaps == Gaps::Name && !name::gaps_fit(&self.glyphs, found) {
            return None;
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
            Edges::Word | Edges::Name => {
                if self.edges == Edges::Name && !name::edges_fit(found, before, after) {
                    return None;
                }
                // In `AkatsukiPortal` a capital begins the next word.
                let camel = |a: &Glyph, b: &Glyph| self.edges == Edges::Name && !a.upper && b.upper;
                let split = |a: Option<&Glyph>, b: Option<&Glyph>| {
                    a.zip(b)
                        .is_none_or(|(a, b)| word_ends(a.ch, b.ch) || camel(a, b))
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

pub(super) fn word_ends(left: char, right: char) -> bool {
    let letter = |ch: char| ch.is_alphabetic() && !is_unspaced(ch);
    !(letter(left) && letter(right) || left.is_numeric() && right.is_numeric())
}

/// Scripts that run without spaces: Kana, Han and what is near them.
fn is_unspaced(ch: char) -> bool {
    ch >= '\u{2e80}'
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
}
