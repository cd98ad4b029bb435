//! Text as a reader would compare it: width, case and invisible characters folded away.
//!
//! Every folded character remembers which bytes of the original it stands for, so that a match can
//! be cut out of the original. Searching is for `find`, the tables are in `spelling`.

use std::ops::Range;

use super::spelling::{self, Script};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, compose, decompose_compatible};

/// One folded character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glyph {
    pub(crate) ch: char,
    /// Bytes of the original it stands for.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// White space stood before it; in loose folding also a separator.
    pub(crate) gap: bool,
    /// Loose folding: the gap is a separator inside a word, such as a middle dot.
    pub(crate) joined: bool,
    /// Loose folding: a sign of length or a dash follows.
    pub(crate) long: bool,
    /// It was written as a capital.
    pub(crate) upper: bool,
    /// The script it was written in.
    pub(crate) script: Script,
}

/// How far folding goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Width, case, invisible characters: what certainly is the same string.
    Plain,
    /// Also look-alike letters and accents: how a host name is read.
    Host,
    /// Also kana, old Kanji, signs of length and separators: how a name is read.
    Loose,
}

/// A string under NFKC and case folding, without white space and invisible characters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folded {
    glyphs: Vec<Glyph>,
}

impl Folded {
    /// Folds a string plainly.
    pub(crate) fn new(text: &str) -> Self {
        Self::deep(text, Depth::Plain)
    }

    /// Folds a string as deep as asked.
    pub(crate) fn deep(text: &str, depth: Depth) -> Self {
        let mut folded = Self {
            glyphs: Vec::with_capacity(text.len().min(4096)),
        };
        let mut cluster = String::new();
        let (mut start, mut end, mut gap) = (0, 0, Gap::default());
        for (at, written) in text.char_indices() {
            let ch = match depth {
                Depth::Plain => written,
                Depth::Host | Depth::Loose => spelling::look_alike(written),
            };
            let control = depth != Depth::Plain && ch.is_control() && !ch.is_whitespace();
            if is_invisible(ch) || control {
                continue;
            }
            if ch.is_whitespace() || !joins(&cluster, ch) {
                folded.close(&mut cluster, start..end, &mut gap, depth);
                start = at;
            }
            if ch.is_whitespace() {
                gap.space = true;
            } else {
                cluster.push(ch);
                end = at + written.len_utf8();
            }
        }
        folded.close(&mut cluster, start..end, &mut gap, depth);
        if depth == Depth::Loose {
            folded.between_kanji();
        }
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

    /// Undoes what people put round the dots and colons of addresses (`192[.]0[.]2[.]1`,
    /// `bank [dot] example`, `bank\.example`, `example[.com`).
    pub(crate) fn refanged(&self) -> Self {
        let mut glyphs: Vec<Glyph> = Vec::with_capacity(self.glyphs.len());
        let mut rest = self.glyphs.as_slice();
        let mut tight = false;
        while let Some((first, tail)) = rest.split_first() {
            let (ch, taken) = fanged(rest).unwrap_or((first.ch, 0));
            let (used, after) = rest.split_at_checked(taken.max(1)).unwrap_or((rest, &[]));
            let end = used.last().map_or(first.end, |last| last.end);
            let gap = first.gap && !tight && taken < 3;
            glyphs.push(Glyph {
                ch,
                end,
                gap,
                ..*first
            });
            // White space beside a bracket is part of the disguise.
            tight = taken >= 3;
            rest = if taken == 0 { tail } else { after };
        }
        Self { glyphs }
    }

    fn close(&mut self, cluster: &mut String, span: Range<usize>, gap: &mut Gap, depth: Depth) {
        let mut each = |folded: &mut Self, ch| match depth {
            Depth::Loose => folded.push_loose(ch, &span, gap),
            Depth::Plain | Depth::Host => folded.push(ch, &span, gap),
        };
        let mut chars = cluster.chars();
        match (chars.next(), chars.next()) {
            (None, _) => return,
            // Nearly all text ends here, and normalising it would change nothing.
            (Some(ch), None) if is_normal(ch) => each(self, ch),
            _ if depth == Depth::Plain => cluster.nfkc().for_each(|ch| each(self, ch)),
            _ => {
                let plain = cluster.nfkd().filter(|ch| !spelling::is_ornament(*ch));
                plain.nfc().for_each(|ch| each(self, ch));
            }
        }
        cluster.clear();
    }

    fn push(&mut self, written: char, span: &Range<usize>, gap: &mut Gap) {
        let script = Script::of(written);
        let mut put = |ch: char| {
            if ch.is_whitespace() {
                gap.space = true;
                return;
            }
            self.glyphs.push(Glyph {
                ch,
                start: span.start,
                end: span.end,
                gap: gap.space || gap.sign,
                joined: gap.sign && !gap.space,
                long: false,
                upper: written.is_uppercase(),
                script,
            });
            *gap = Gap::default();
        };
        if written.is_ascii() || script.is_unspaced() {
            put(written.to_ascii_lowercase());
        } else {
            let folded = written.to_uppercase().flat_map(char::to_lowercase);
            folded.for_each(put);
        }
    }

    fn push_loose(&mut self, ch: char, span: &Range<usize>, gap: &mut Gap) {
        let last = self.glyphs.last_mut().filter(|_| !gap.space);
        let after_kana = last.as_ref().is_some_and(|last| last.script.is_kana());
        if spelling::is_long_or_dash(ch) && (ch != '一' || after_kana) {
            if let Some(last) = last {
                last.long = true;
            }
            // A sign of length belongs to the kana before it; a dash may also part two words.
            gap.sign |= !(ch == 'ー' && after_kana);
            return;
        }
        let latin = last.is_some_and(|last| !last.script.is_unspaced());
        if spelling::is_separator(ch) || ch == ',' && latin {
            gap.sign = true;
            return;
        }
        if ch == '々'
            && let Some(last) = self.glyphs.last().copied()
        {
            return self.push(last.ch, span, gap);
        }
        let lower: String = ch.to_lowercase().collect();
        let letters = lower.chars().next().and_then(spelling::plain_letters);
        let Some(letters) = letters else {
            let before = self.glyphs.len();
            self.push(ch, span, gap);
            for glyph in self.glyphs.iter_mut().skip(before) {
                glyph.ch = spelling::plain_kana_or_kanji(glyph.ch);
            }
            return;
        };
        for letter in letters.chars() {
            let letter = if ch.is_uppercase() {
                letter.to_ascii_uppercase()
            } else {
                letter
            };
            self.push(letter, span, gap);
        }
    }

    /// Between two Kanji, ケ, ヶ, ガ and が are one (霞ヶ関, 霞が関).
    fn between_kanji(&mut self) {
        let kanji = |glyph: Option<&Glyph>| glyph.is_some_and(|g| g.script == Script::Han);
        for at in 1..self.glyphs.len() {
            let fits = kanji(self.glyphs.get(at - 1)) && kanji(self.glyphs.get(at + 1));
            if let Some(glyph) = self.glyphs.get_mut(at)
                && fits
                && (glyph.script == Script::Katakana && matches!(glyph.ch, 'け' | 'か' | 'が'))
            {
                glyph.ch = 'が';
            }
        }
    }
}

/// What stood between two characters.
#[derive(Debug, Clone, Copy, Default)]
struct Gap {
    space: bool,
    sign: bool,
}

/// Reads a disguised dot or colon: what it is, and how many glyphs it takes.
fn fanged(glyphs: &[Glyph]) -> Option<(char, usize)> {
    let at = |place: usize| glyphs.get(place).map(|g| g.ch);
    let alone = |place: usize| glyphs.get(place).is_some_and(|g| g.gap);
    if alone(0) && alone(3) && [at(0), at(1), at(2)] == [Some('d'), Some('o'), Some('t')] {
        return Some(('.', 3));
    }
    let closing = match at(0)? {
        '[' => ']',
        '(' => ')',
        '{' => '}',
        '<' => '>',
        '\\' if at(1) == Some('.') => return Some(('.', 2)),
        '.' if at(1) == Some(']') => return Some(('.', 2)),
        _ => return None,
    };
    for (inner, ch) in [
        (".", '.'),
        ("dot", '.'),
        ("どっと", '.'),
        ("ドット", '.'),
        (":", ':'),
    ] {
        let length = inner.chars().count();
        let fits = inner.chars().enumerate().all(|(i, c)| at(i + 1) == Some(c));
        if fits && at(length + 1) == Some(closing) {
            return Some((ch, length + 2));
        }
    }
    (closing == ']' && at(1) == Some('.')).then_some(('.', 2))
}

/// Characters that every normal form leaves as they are, when nothing joins them.
const fn is_normal(ch: char) -> bool {
    matches!(ch, ' '..='~' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '・' | 'ー' | '、' | '。' | '\u{4e00}'..='\u{9fff}')
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

    fn loose(text: &str) -> String {
        let folded = Folded::deep(text, Depth::Loose);
        folded.glyphs().iter().map(|glyph| glyph.ch).collect()
    }

    #[test]
    fn loose_folding_meets_where_people_write_one_name_in_two_ways() {
        for (one, other) in [
            ("アカツキ", "あかつき"),
            ("ｱｶﾂｷ", "あかつき"),
            ("ガ", "か\u{309b}"),
            ("サーバー", "サ－バ―"),
            ("キャノン", "キヤノン"),
            ("髙澤", "高沢"),
            ("佐々木", "佐佐木"),
            ("霞ヶ関", "霞が関"),
            ("Société Générale", "SOCIETE  GENERALE"),
            ("аkаtsuki", "akatsuki"),
            ("あか・つき", "あかつき"),
            ("あか\u{200b}つ\u{2060}き", "あかつき"),
            ("㈱ゐろは", "(株)いろは"),
        ] {
            assert_eq!(loose(one), loose(other), "{one} {other}");
        }
        for (one, other) in [
            ("かき", "がき"),
            ("はな", "ばな"),
            ("高木", "高本"),
            ("akatsuki", "akatuki"),
            ("一番", "番"),
        ] {
            assert_ne!(loose(one), loose(other), "{one} {other}");
        }
    }

    #[test]
    fn brackets_round_dots_are_undone() {
        let read = |text: &str| -> String {
            let folded = Folded::new(text).refanged();
            folded.glyphs().iter().map(|g| g.ch).collect()
        };
        assert_eq!(read("a[.]b (dot) c{.}d [x]"), "a.b.c.d[x]");
        assert_eq!(read("a dot b\\.c<.>d[.e.]f[:]1"), "a.b.c.d.e.f:1");
        assert_eq!(read("adot b dotted c"), "adotbdottedc");
    }
}
