//! How people are written: whole names in either order, a family name with what is said of a person
//! (さん, 部長, Mr), and the local parts of mail addresses that are made of a name.

use std::ops::Range;

use super::fold::{Depth, Folded, Glyph};
use super::spelling::Script;

/// What is said after a family name, as [`Depth::Loose`] folds it is made of this.
const TITLES: [&str; 61] = [
    "さん",
    "様",
    "さま",
    "氏",
    "殿",
    "君",
    "くん",
    "ちゃん",
    "先生",
    "部長",
    "課長",
    "係長",
    "室長",
    "次長",
    "局長",
    "所長",
    "支店長",
    "店長",
    "工場長",
    "主任",
    "主査",
    "主事",
    "主幹",
    "参事",
    "理事",
    "社長",
    "会長",
    "副社長",
    "専務",
    "常務",
    "取締役",
    "執行役員",
    "役員",
    "監査役",
    "代表",
    "担当",
    "本部長",
    "統括",
    "班長",
    "院長",
    "医師",
    "看護師",
    "技師",
    "機長",
    "駅長",
    "頭取",
    "支配人",
    "技術長",
    "リーダー",
    "マネージャー",
    "マネジャー",
    "グループ長",
    "チーム長",
    "センター長",
    "副部長",
    "補佐",
    "職員",
    "社員",
    "(担当",
    "CISO",
    "-san",
];
/// What makes a title part of another word.
const NO_TITLE: [&str; 8] = [
    "様子",
    "様式",
    "様々",
    "様相",
    "様態",
    "氏名",
    "君臨",
    "代表的",
];
/// What is said before a family name.
const LABELS: [&str; 19] = [
    "担当",
    "担当者",
    "担当は",
    "連絡先",
    "窓口",
    "記入者",
    "作成者",
    "報告者",
    "責任者",
    "氏名",
    "承認者",
    "調査員",
    "発見者",
    "上席",
    "mr",
    "ms",
    "mrs",
    "dr",
    "miss",
];

/// A person's name, taken apart.
#[derive(Debug, Default)]
pub(super) struct Person {
    /// Whole names, to be found wherever they stand.
    pub whole: Vec<Folded>,
    /// Family name, to be found where it is said of a person.
    pub family: Option<Folded>,
    given: String,
    family_text: String,
}

impl Person {
    /// Takes a name apart at its first white space: family first in Japanese, last in Latin.
    pub(super) fn new(name: &str) -> Self {
        let loose = |text: &str| Folded::deep(text, Depth::Loose);
        let whole = loose(name);
        if whole.glyphs().len() < 2 {
            return Self::default();
        }
        let words: Vec<&str> = name.split_whitespace().collect();
        let (Some(first), Some(last)) = (words.first(), words.last()) else {
            return Self::default();
        };
        if words.len() < 2 {
            return Self {
                whole: vec![whole],
                ..Self::default()
            };
        }
        let japanese = whole
            .glyphs()
            .iter()
            .any(|glyph| glyph.script.is_unspaced());
        let (family, given) = if japanese {
            (first, last)
        } else {
            (last, first)
        };
        let text =
            |part: &str| -> String { loose(part).glyphs().iter().map(|glyph| glyph.ch).collect() };
        let mut person = Self {
            whole: vec![whole],
            family: Some(loose(family)),
            given: text(given),
            family_text: text(family),
        };
        if !japanese {
            let initial: String = given.chars().take(1).collect();
            person.whole.push(loose(&format!("{last} {first}")));
            person.whole.push(loose(&format!("{initial}. {last}")));
        }
        person
    }

    /// Whether a mail address's local part is made of this name.
    pub(super) fn owns_mail(&self, local: &str) -> bool {
        let (family, given) = (self.family_text.as_str(), self.given.as_str());
        if !family.is_ascii() || family.len() < 3 || given.is_empty() {
            return false;
        }
        let plain = local.trim_matches(|ch: char| ch.is_ascii_digit());
        let words: Vec<&str> = plain
            .split(|ch: char| !ch.is_ascii_alphabetic())
            .filter(|word| !word.is_empty())
            .collect();
        let initial = given.get(..1).unwrap_or_default();
        let is_given = |word: &str| word == given || word == initial;
        match words.as_slice() {
            [one] => {
                *one == family
                    || one.strip_prefix(family).is_some_and(is_given)
                    || one.strip_suffix(family).is_some_and(is_given)
            }
            words => words.contains(&family) && words.iter().any(|word| is_given(word)),
        }
    }
}

/// Whether a family name stands there as that of a person.
pub(super) fn is_addressed(glyphs: &[Glyph], at: &Range<usize>) -> bool {
    let Some(found) = glyphs.get(at.clone()) else {
        return false;
    };
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return false;
    };
    let before = at.start.checked_sub(1).and_then(|i| glyphs.get(i));
    let after = glyphs.get(at.end);
    let han = |glyph: Option<&Glyph>| glyph.is_some_and(|g| g.script == Script::Han);
    let labelled = LABELS
        .iter()
        .any(|label| ends_with(glyphs, at.start, label));
    // 小林さん is not 林さん; a longer family name may follow what is no part of it.
    let joined = before.filter(|_| !first.gap);
    let begins = match first.script {
        Script::Han => labelled || !han(joined) || found.len() > 1 && ends_in_word(joined),
        Script::Latin => joined.is_none_or(|g| g.script != Script::Latin),
        other => joined.is_none_or(|g| g.script != other || "はがをにのともでへや".contains(g.ch)),
    };
    if !begins {
        return false;
    }
    let said = TITLES
        .iter()
        .any(|title| starts_with(glyphs, at.end, title))
        && !NO_TITLE
            .iter()
            .any(|word| starts_with(glyphs, at.end, word));
    if last.script == Script::Latin {
        let suffix = ["san", "sama", "shi", "kun"];
        let ends = after.is_none_or(|g| g.gap || g.script != Script::Latin);
        let spoken = after.is_some_and(|g| g.gap)
            && suffix.iter().any(|title| {
                starts_with(glyphs, at.end, title)
                    && glyphs
                        .get(at.end + title.len())
                        .is_none_or(|g| g.gap || g.script != Script::Latin)
            });
        return ends && (labelled || spoken || said);
    }
    let ends = after.is_none_or(|g| g.gap || g.script != last.script);
    said || labelled && ends && found.len() > 1
}

/// Kanji that end what stands before a name rather than begin it.
fn ends_in_word(before: Option<&Glyph>) -> bool {
    before.is_some_and(|glyph| "者当長員部課係室旧元故同先口".contains(glyph.ch))
}

fn starts_with(glyphs: &[Glyph], at: usize, text: &str) -> bool {
    let wanted = Folded::deep(text, Depth::Loose);
    let found = glyphs.get(at..at + wanted.glyphs().len());
    found.is_some_and(|found| wanted.glyphs().iter().zip(found).all(|(a, b)| a.ch == b.ch))
}

/// Whether a label ends there, a colon and brackets aside.
fn ends_with(glyphs: &[Glyph], at: usize, label: &str) -> bool {
    let signs = |glyph: &&Glyph| matches!(glyph.ch, ':' | '(' | '=' | '/' | '、');
    let head = glyphs.get(..at).unwrap_or_default();
    let trailing = head.iter().rev().take_while(signs).count();
    let head = head.get(..head.len() - trailing).unwrap_or_default();
    let wanted = Folded::deep(label, Depth::Loose);
    let Some(start) = head.len().checked_sub(wanted.glyphs().len()) else {
        return false;
    };
    let latin = wanted
        .glyphs()
        .iter()
        .all(|glyph| glyph.script == Script::Latin);
    let begins = !latin
        || head.get(start).is_none_or(|glyph| glyph.gap)
        || start
            .checked_sub(1)
            .and_then(|i| head.get(i))
            .is_none_or(|glyph| glyph.script != Script::Latin);
    // A Latin label stands apart from the name.
    let parted = !latin || trailing > 0 || glyphs.get(at).is_some_and(|glyph| glyph.gap);
    begins && parted && starts_with(head, start, label)
}

/// The local parts of the mail addresses in a text folded as a host.
pub(super) fn mail_locals(glyphs: &[Glyph]) -> Vec<String> {
    let mut locals = Vec::new();
    for (at, glyph) in glyphs.iter().enumerate() {
        let sign = glyph.ch == '@' || starts_bracketed_at(glyphs, at);
        if !sign {
            continue;
        }
        let head = glyphs.get(..at).unwrap_or_default();
        let local: Vec<char> = head
            .iter()
            .rev()
            .map(|glyph| glyph.ch)
            .take_while(|ch| ch.is_ascii_alphanumeric() || matches!(ch, '.' | '_' | '-' | '+'))
            .collect();
        if !local.is_empty() {
            locals.push(local.into_iter().rev().collect());
        }
    }
    locals
}

/// `[at]`, `(at)` and the like.
fn starts_bracketed_at(glyphs: &[Glyph], at: usize) -> bool {
    let ch = |place: usize| glyphs.get(at + place).map(|glyph| glyph.ch);
    let opens = matches!(ch(0), Some('[' | '(' | '{' | '<'));
    let word = ch(1) == Some('@') && matches!(ch(2), Some(']' | ')' | '}' | '>'))
        || ch(1) == Some('a') && ch(2) == Some('t') && matches!(ch(3), Some(']' | ')' | '}' | '>'));
    opens && word
}
