//! What the store keeps of a report so that candidates are found, and what of a query it asks for.
//! Both only narrow down: whatever matches is a candidate, and [`super::matching`] decides.
//!
//! Tokens are hexadecimal, so that no database's idea of a letter matters.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::document::Document;
use super::fold::{GAP, Letter, Script, begins, fold, scripts_of, text_of};
use super::query::{Literal, Query};

/// A Latin word, and a mark, count with so many letters at most.
const WORD_MAX: usize = 40;

/// What is kept of one report in one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// Its folded texts, each on a line.
    pub body: String,
    /// Its marks, each with a blank on either side.
    pub marks: String,
    /// What is counted and filtered by, see [`Document::facts`].
    pub facts: String,
    /// Of each folded text its place, its weight and how it was written, as JSON.
    pub letters: String,
    /// The tokens of texts and marks.
    pub tokens: BTreeSet<String>,
}

impl Indexed {
    /// Reads a report as it is served; nothing for one that was erased.
    #[must_use]
    pub fn read(report: &str) -> Self {
        let document = Document::read(report);
        let (mut body, mut tokens) = (String::new(), BTreeSet::new());
        let mut written = Vec::with_capacity(document.fields.len());
        for field in &document.fields {
            let letters = fold(&field.text);
            body.push_str(&text_of(&letters));
            body.push('\n');
            written.push((&field.pointer, field.weight, scripts_of(&letters)));
            tokens.extend(grams(&letters, true).into_iter().map(|token| token.text));
        }
        let mut marks = String::from(" ");
        for mark in &document.marks {
            marks.push_str(&plain(mark));
            marks.push(' ');
            tokens.insert(mark_token(mark));
        }
        Self {
            body,
            marks,
            facts: document.facts(),
            letters: serde_json::to_string(&written).unwrap_or_default(),
            tokens,
        }
    }
}

/// What was kept of a report, as it is read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// See [`Indexed::facts`].
    pub facts: String,
    /// The folded texts, and how they were written, where they were asked for.
    pub folded: Option<(String, String)>,
}

/// A token to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token.
    pub text: String,
    /// Whether it may go on.
    pub prefix: bool,
}

/// What candidates must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of these.
    All(Vec<Self>),
    /// Any of these.
    Any(Vec<Self>),
    /// A folded text, with its tokens.
    Text(String, Vec<Token>),
    /// A mark.
    Mark(String),
}

impl Wanted {
    /// What a query asks of candidates, with marks of which each list must have one.
    #[must_use]
    pub fn of(query: &Query, marks: &[Vec<String>]) -> Self {
        let mut all = Vec::new();
        for word in &query.words {
            let ways = word
                .ways
                .iter()
                .map(|way| Self::All(way.iter().map(Self::literal).collect()));
            let marks = word.marks.iter().map(|mark| Self::Mark(mark.clone()));
            all.push(Self::Any(ways.chain(marks).collect()));
        }
        for any in marks {
            all.push(Self::Any(
                any.iter().map(|mark| Self::Mark(mark.clone())).collect(),
            ));
        }
        Self::All(all)
    }

    /// A folded text, as it stands.
    #[must_use]
    pub fn text(letters: &[Letter]) -> Self {
        Self::Text(text_of(letters), grams(letters, false))
    }

    fn literal(literal: &Literal) -> Self {
        let mut tokens = grams(&literal.letters, false);
        if let (Some(last), true) = (tokens.last_mut(), literal.prefix) {
            last.prefix = true;
        }
        Self::Text(literal.text(), tokens)
    }

    /// Whether it asks for anything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::All(all) if all.is_empty())
    }
}

/// A mark as it is kept: it holds no blank.
#[must_use]
pub fn plain(mark: &str) -> String {
    mark.split_whitespace().collect::<Vec<_>>().join("\u{a0}")
}

/// A mark's token.
#[must_use]
pub fn mark_token(mark: &str) -> String {
    let plain: String = plain(mark).chars().take(WORD_MAX).collect();
    format!("m{}", hex(&plain))
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The tokens of folded letters: Latin words whole, of everything else each two letters in a row. A
/// text's have the last letter of each run too, so that one letter is the beginning of some token
/// wherever it stands.
fn grams(letters: &[Letter], of_text: bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut put = |letters: &[Letter], prefix: bool| {
        tokens.push(Token {
            text: hex(&text_of(letters)),
            prefix,
        });
    };
    for run in runs(letters) {
        if run
            .first()
            .is_some_and(|letter| letter.script == Script::Latin)
        {
            let whole = run.get(..WORD_MAX).unwrap_or(run);
            put(whole, false);
        } else if let ([one], false) = (run, of_text) {
            put(&[*one], true);
        } else {
            for pair in run.windows(2) {
                put(pair, false);
            }
            if let (Some(last), true) = (run.last(), of_text) {
                put(&[*last], false);
            }
        }
    }
    tokens
}

/// Letters in a row: Latin words, and what is written without blanks.
fn runs(letters: &[Letter]) -> Vec<&[Letter]> {
    let mut runs = Vec::new();
    let mut from = 0;
    let latin = |at: usize| letters.get(at).is_some_and(|l| l.script == Script::Latin);
    for at in 1..=letters.len() {
        let gap = letters.get(at).is_none_or(|letter| letter.ch == GAP);
        let after_gap = letters.get(at - 1).is_some_and(|letter| letter.ch == GAP);
        let turn = begins(letters, at) && latin(at) != latin(at - 1);
        if gap || after_gap || turn {
            if let Some(run) = letters.get(from..at).filter(|_| !after_gap) {
                runs.push(run);
            }
            from = at;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        let unhex = |token: Token| {
            let bytes = (0..token.text.len()).step_by(2);
            let bytes = bytes.map(|at| u8::from_str_radix(&token.text[at..at + 2], 16).unwrap());
            String::from_utf8(bytes.collect()).unwrap()
        };
        grams(&fold(text), true).into_iter().map(unhex).collect()
    }

    #[test]
    fn words_whole_and_the_rest_in_pairs() {
        assert_eq!(
            tokens("VPN装置の障害"),
            ["vpn", "装置", "置ノ", "ノ障", "障害", "害"]
        );
        assert_eq!(tokens("a。電 b"), ["a", "電", "b"]);
        assert_eq!(tokens("198.51.100.7"), ["198", "51", "100", "7"]);
        assert_eq!(tokens(""), [""; 0]);
        assert!(Indexed::read("").tokens.is_empty());
    }
}
