//! Two wordings beside each other: what of the one is gone in the other, and what came instead. It
//! compares characters, since Japanese has no spaces to cut at.

use serde_json::Value;

use super::language::Language;

/// Texts longer than this beyond what they share are shown as wholly replaced.
const COMPARED_MAX: usize = 1_500;

/// So many pairs are shown.
const PAIRS_MAX: usize = 200;

/// A piece of a text, and whether it is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The characters.
    pub words: String,
    /// Whether the other text lacks them.
    pub marked: bool,
}

/// A field of a report in both forms.
#[derive(Clone, Debug)]
pub struct Pair {
    /// What the field is called.
    pub name: &'static str,
    /// As submitted.
    pub before: Vec<Piece>,
    /// As others get it; empty where the whole field is gone.
    pub after: Vec<Piece>,
}

const FIELDS: &[(&str, &str, &str)] = &[
    ("title", "件名", "Title"),
    ("summary", "概要", "Summary"),
    ("organisation", "提供元の組織", "Organisation"),
    ("source_operator", "事業者", "Operator"),
    ("reference", "整理番号", "Reference"),
    ("narrative", "経緯", "What happened"),
    ("impact", "影響", "Impact"),
    ("root_cause", "根本原因", "Root cause"),
    ("timeline", "時系列", "Timeline"),
    ("contributing_factors", "背景要因", "Contributing factors"),
    ("countermeasures", "対策", "Measures"),
    ("practice", "取組み", "Practice"),
    ("preconditions", "前提条件", "Preconditions"),
    ("effect", "効果", "Effect"),
    ("cost", "費用", "Cost"),
    ("lesson", "教訓", "Lesson"),
    ("best_practices", "ベストプラクティス", "Best practices"),
    ("indicators", "痕跡情報", "Indicators"),
    ("particulars", "個別事項", "Particulars"),
];

/// The text of a field: its words in both languages, lists line by line.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let lines: Vec<String> = list.iter().map(words).collect();
            lines.join("\n")
        }
        Value::Object(members) => {
            let parts: Vec<String> = members.values().map(words).collect();
            parts.join("\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Every field that a person reads, in both forms.
pub fn pairs(language: Language, before: &Value, after: &Value) -> Vec<Pair> {
    let fields = FIELDS.iter().filter_map(|(field, ja, en)| {
        let text = |of: &Value| of.get(field).map(words).unwrap_or_default();
        let (old, new) = (text(before), text(after));
        if old.is_empty() && new.is_empty() {
            return None;
        }
        let (before, after) = compare(&old, &new);
        Some(Pair {
            name: language.t(ja, en),
            before,
            after,
        })
    });
    fields.take(PAIRS_MAX).collect()
}

/// What each of two texts has that the other lacks.
pub fn compare(old: &str, new: &str) -> (Vec<Piece>, Vec<Piece>) {
    let (a, b): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let same = |(x, y): &(&char, &char)| x == y;
    let head = a.iter().zip(&b).take_while(same).count();
    let (a_rest, b_rest) = (a.get(head..).unwrap_or(&[]), b.get(head..).unwrap_or(&[]));
    let tail = a_rest
        .iter()
        .rev()
        .zip(b_rest.iter().rev())
        .take_while(same)
        .count();
    let middle = |all: &[char], rest: &[char]| {
        let end = rest.len().saturating_sub(tail);
        (
            rest.get(..end).unwrap_or(&[]).to_vec(),
            all.get(head + end..).unwrap_or(&[]).to_vec(),
        )
    };
    let ((a_mid, a_tail), (b_mid, b_tail)) = (middle(&a, a_rest), middle(&b, b_rest));
    let (a_kept, b_kept) = kept(&a_mid, &b_mid);
    let put = |all: &[char], mid: &[char], kept: &[bool], tail: &[char]| {
        let mut pieces: Vec<Piece> = Vec::new();
        let flags = std::iter::repeat_n(true, head)
            .chain(kept.iter().copied())
            .chain(std::iter::repeat_n(true, tail.len()));
        let letters = all.iter().take(head).chain(mid).chain(tail);
        for (letter, kept) in letters.zip(flags) {
            match pieces.last_mut() {
                Some(last) if last.marked != kept => last.words.push(*letter),
                _ => pieces.push(Piece {
                    words: letter.to_string(),
                    marked: !kept,
                }),
            }
        }
        pieces
    };
    (
        put(&a, &a_mid, &a_kept, &a_tail),
        put(&b, &b_mid, &b_kept, &b_tail),
    )
}

/// Which characters of each lie on their longest common subsequence.
fn kept(a: &[char], b: &[char]) -> (Vec<bool>, Vec<bool>) {
    let mut keep = (vec![false; a.len()], vec![false; b.len()]);
    if a.is_empty() || b.is_empty() || a.len() > COMPARED_MAX || b.len() > COMPARED_MAX {
        return keep;
    }
    let width = b.len() + 1;
    let mut longest = vec![0_u16; (a.len() + 1) * width];
    let at = |longest: &[u16], i: usize, j: usize| longest.get(i * width + j).copied().unwrap_or(0);
    for (i, x) in a.iter().enumerate().rev() {
        for (j, y) in b.iter().enumerate().rev() {
            let value = if x == y {
                at(&longest, i + 1, j + 1).saturating_add(1)
            } else {
                at(&longest, i + 1, j).max(at(&longest, i, j + 1))
            };
            if let Some(cell) = longest.get_mut(i * width + j) {
                *cell = value;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x == y {
            for (flags, place) in [(&mut keep.0, i), (&mut keep.1, j)] {
                if let Some(flag) = flags.get_mut(place) {
                    *flag = true;
                }
            }
            (i, j) = (i + 1, j + 1);
        } else if at(&longest, i + 1, j) >= at(&longest, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(pieces: &[Piece]) -> Vec<&str> {
        let marked = pieces.iter().filter(|piece| piece.marked);
        marked.map(|piece| piece.words.as_str()).collect()
    }

    fn whole(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| piece.words.as_str()).collect()
    }

    #[test]
    fn what_is_gone_is_marked_and_nothing_is_lost() {
        let old = "架空銀行の西町データセンターで停止";
        let new = "金融機関Aの(削除)で停止";
        let (before, after) = compare(old, new);
        assert_eq!(
            (whole(&before), whole(&after)),
            (old.to_owned(), new.to_owned())
        );
        assert_eq!(marked(&before).concat(), "架空銀行西町データセンター");
        assert_eq!(marked(&after).concat(), "金融機関A(削除)");
        let (before, after) = compare("same", "same");
        assert_eq!((marked(&before).len(), marked(&after).len()), (0, 0));
        let (before, after) = compare("gone", "");
        assert_eq!((marked(&before), after.len()), (vec!["gone"], 0));
    }
}
