//! Replaces what a source wants out of every text: names, domains, networks. Comparison ignores
//! case, compatibility forms (full-width letters, half-width kana) and invisible characters, since
//! people write one name in all of these ways; it never cuts a character in two. What it gives back
//! holds none of the texts any more, whatever the replacements are.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Stands where the replacement asked for holds itself what must go.
const REMOVED: &str = "[removed]";
/// Passes that replace; later ones delete, so that replacing always comes to an end.
const PASSES_REPLACING: usize = 4;
/// Passes in all; a text that still is not clean was made to keep the hub busy, and goes whole.
const PASSES_MAX: usize = 24;

/// The texts to find and what stands in their place.
pub(super) struct Strip<'a> {
    /// Folded needles with their replacements, longest first, so that `acme.example` is replaced
    /// before `acme`.
    needles: Vec<(Vec<char>, &'a str)>,
}

/// A folded character and the byte where its original begins.
type Folded = Vec<(char, usize)>;

impl<'a> Strip<'a> {
    pub(super) fn new(pairs: &'a [(String, String)]) -> Self {
        let mut needles: Vec<_> = pairs
            .iter()
            .map(|(text, replacement)| {
                let folded = fold(text.trim())
                    .into_iter()
                    .map(|(char, _)| char)
                    .collect();
                (folded, replacement.as_str())
            })
            .filter(|(needle, _): &(Vec<char>, _)| !needle.is_empty())
            .collect();
        needles.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
        let mut strip = Self { needles };
        let safe = |strip: &Self, wanted: &'a str| {
            let clean = [wanted, REMOVED]
                .into_iter()
                .find(|text| !strip.finds(text));
            clean.unwrap_or("")
        };
        let replacements: Vec<_> = strip
            .needles
            .iter()
            .map(|(_, text)| safe(&strip, text))
            .collect();
        for (needle, replacement) in strip.needles.iter_mut().zip(replacements) {
            needle.1 = replacement;
        }
        strip
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// Tells whether anything would be replaced.
    pub(super) fn finds(&self, text: &str) -> bool {
        !self.is_empty() && self.pass(text, true, &|_, _| {}).is_some()
    }

    /// Replaces every needle, the longest first where several begin.
    pub(super) fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.apply_with(text, |replacement, out| out.push_str(replacement))
    }

    /// Like [`Strip::apply`], with a say in how a replacement is written.
    pub(super) fn apply_with<'t>(
        &self,
        text: &'t str,
        write: impl Fn(&str, &mut String),
    ) -> Cow<'t, str> {
        let mut current = Cow::Borrowed(text);
        if self.is_empty() {
            return current;
        }
        // What stands left and right of a replacement may make up a needle again.
        for pass in 0..PASSES_MAX {
            match self.pass(&current, pass < PASSES_REPLACING, &write) {
                None => return current,
                Some(next) => current = Cow::Owned(next),
            }
        }
        Cow::Owned(String::new())
    }

    /// One pass from left to right; `None` if nothing was found.
    fn pass(
        &self,
        text: &str,
        replace: bool,
        write: &impl Fn(&str, &mut String),
    ) -> Option<String> {
        let folded = fold(text);
        let mut out = String::new();
        let (mut at, mut copied, mut changed) = (0, 0, false);
        while let Some(&(_, start)) = folded.get(at) {
            let found = self
                .needles
                .iter()
                .find(|(needle, _)| matches(&folded, at, needle));
            let Some((needle, replacement)) = found else {
                at += 1;
                continue;
            };
            at += needle.len();
            let end = folded.get(at).map_or(text.len(), |&(_, next)| next);
            out.push_str(text.get(copied..start).unwrap_or_default());
            if replace {
                write(replacement, &mut out);
            }
            (copied, changed) = (end, true);
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        changed.then_some(out)
    }
}

/// A match begins and ends where characters of the text do.
fn matches(folded: &Folded, at: usize, needle: &[char]) -> bool {
    let Some(window) = folded.get(at..at + needle.len()) else {
        return false;
    };
    if !window.iter().map(|(char, _)| char).eq(needle) {
        return false;
    }
    let origin = |index: usize| folded.get(index).map(|&(_, byte)| byte);
    let begins = at == 0 || origin(at) != origin(at - 1);
    let ends = origin(at + needle.len()) != origin(at + needle.len() - 1);
    begins && ends
}

fn fold(text: &str) -> Folded {
    let mut folded = Vec::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        if char.is_ascii() {
            folded.push((char.to_ascii_lowercase(), at));
        } else if !is_invisible(char) {
            // Decomposed, so that half-width ｶﾞ (two characters) equals ガ (one); by way of upper
            // case, so that ß equals SS.
            let parts = std::iter::once(char)
                .nfkd()
                .flat_map(char::to_uppercase)
                .flat_map(char::to_lowercase);
            folded.extend(parts.map(|part| (part, at)));
        }
    }
    folded
}

/// Characters that take no room (of Unicode's default ignorable ones, those that occur in text).
const fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(pairs: &[(&str, &str)], text: &str) -> String {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|&(a, b)| (a.to_owned(), b.to_owned()))
            .collect();
        Strip::new(&pairs).apply(text).into_owned()
    }

    #[test]
    fn every_occurrence_goes_in_any_case_and_width() {
        let pairs = [("acme", "[removed]")];
        assert_eq!(
            apply(&pairs, "Acme, ＡＣＭＥ and xacmex"),
            "[removed], [removed] and x[removed]x"
        );
        assert_eq!(apply(&[("ガス", "")], "東京ｶﾞｽ、東京ガス"), "東京、東京");
        assert_eq!(apply(&pairs, "acm e"), "acm e");
    }

    #[test]
    fn the_longest_text_wins() {
        let pairs = [("acme", "utility"), ("acme.example", "host")];
        assert_eq!(apply(&pairs, "acme.example acme"), "host utility");
    }

    #[test]
    fn nothing_brings_a_text_back() {
        assert_eq!(apply(&[("acme", "the acme group")], "acme"), "[removed]");
        assert_eq!(
            apply(&[("acme", "foo"), ("foo", "x")], "acme foo"),
            "[removed] x"
        );
        assert_eq!(apply(&[("acme", "acme"), ("removed", "")], "acme"), "");
        assert_eq!(apply(&[("ab", "")], "aabb"), "");
        let nested = format!("{}{}", "a".repeat(100), "b".repeat(100));
        assert_eq!(apply(&[("ab", "")], &nested), "");
    }

    #[test]
    fn invisible_characters_do_not_hide_a_text() {
        assert_eq!(apply(&[("acme", "x")], "a\u{200b}cm\u{ad}e!"), "x!");
        assert_eq!(apply(&[("straße", "x")], "STRASSE"), "x");
    }

    #[test]
    fn no_character_is_cut_in_two() {
        assert_eq!(apply(&[("カ", "x")], "ガカ"), "ガx");
        assert_eq!(apply(&[("f", "x")], "ﬀf"), "ﬀx", "a ligature holds two");
        assert_eq!(apply(&[("ff", "x")], "ﬀ"), "x");
    }

    #[test]
    fn nothing_to_find_changes_nothing() {
        assert_eq!(apply(&[], "a"), "a");
        assert_eq!(apply(&[("", "x"), (" ", "y")], "a b"), "a b");
        assert!(!Strip::new(&[("a".into(), "a".into())]).finds("b"));
    }
}
