//! The language of queries: words, "phrases", -exclusions and OR. Every word must be there.
//!
//! A Japanese word is looked for inside what is written without blanks; a compound that is nowhere
//! as a whole may also be there in its parts. A Latin word is a whole word, or the beginning of one
//! where it has four letters or more.

use super::fold::{GAP, Letter, Script, fold, text_of};

/// A query is at most so many characters.
pub const LENGTH_MAX: usize = 500;

/// It has at most so many words.
pub const WORDS_MAX: usize = 20;

/// A Latin word of so many letters is also the beginning of longer ones.
const PREFIX_MIN: usize = 4;

/// A compound of kanji this long may be there in parts.
const COMPOUND_MIN: usize = 4;

/// One longer than this is taken apart in one way only.
const COMPOUND_MAX: usize = 10;

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, in characters from the beginning.
    pub place: usize,
    /// The rule.
    pub rule: &'static str,
}

/// Letters to look for, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The letters.
    pub letters: Vec<Letter>,
    /// Whether its last word may go on.
    pub prefix: bool,
}

impl Literal {
    fn of(letters: Vec<Letter>, prefix: bool) -> Option<Self> {
        (!letters.is_empty()).then_some(Self { letters, prefix })
    }

    /// The letters as text.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(&self.letters)
    }
}

/// One word of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// The ways it may be there; of each all parts. The first is the word as it was typed.
    pub ways: Vec<Vec<Literal>>,
    /// Marks that say the same as the word.
    pub marks: Vec<String>,
    /// Whether it is wanted as it is written.
    pub exact: bool,
}

/// A query that was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// All of these must be there.
    pub words: Vec<Word>,
    /// None of these may be there.
    pub without: Vec<Literal>,
}

struct Piece {
    place: usize,
    text: String,
    phrase: bool,
    exclude: bool,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fault = |place, rule| Err(Fault { place, rule });
        if text.chars().count() > LENGTH_MAX {
            return fault(LENGTH_MAX, "a query has at most 500 characters");
        }
        let pieces = pieces(text)?;
        if pieces.len() > WORDS_MAX {
            let place = pieces.get(WORDS_MAX).map_or(0, |piece| piece.place);
            return fault(place, "a query has at most 20 words");
        }
        let mut query = Self::default();
        let mut or = false;
        for (at, piece) in pieces.iter().enumerate() {
            if !piece.phrase && !piece.exclude && matches!(piece.text.as_str(), "OR" | "|" | "｜")
            {
                let last = at + 1 == pieces.len();
                let beside = pieces.get(at + 1).is_some_and(|next| next.exclude);
                if or || last || beside || query.words.is_empty() {
                    return fault(piece.place, "OR stands between two words");
                }
                or = true;
                continue;
            }
            let letters = fold(&piece.text);
            if letters.is_empty() {
                return fault(piece.place, "a word has a letter or a digit");
            }
            if piece.exclude {
                query.without.extend(Literal::of(letters, false));
                continue;
            }
            let word = if piece.phrase {
                Word {
                    ways: Literal::of(letters, false)
                        .map(|one| vec![one])
                        .into_iter()
                        .collect(),
                    marks: Vec::new(),
                    exact: true,
                }
            } else {
                word(letters)
            };
            match query.words.last_mut().filter(|_| or) {
                Some(last) => {
                    last.ways.extend(word.ways);
                    last.exact |= word.exact;
                }
                None => query.words.push(word),
            }
            or = false;
        }
        Ok(query)
    }

    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.without.is_empty()
    }
}

/// The quotation marks that open a phrase, each with the one that closes it.
const QUOTES: &[(char, char)] = &[
    ('"', '"'),
    ('＂', '＂'),
    ('“', '”'),
    ('「', '」'),
    ('『', '』'),
];

fn pieces(text: &str) -> Result<Vec<Piece>, Fault> {
    let mut pieces = Vec::new();
    let mut chars = text.chars().enumerate().peekable();
    while let Some((place, ch)) = chars.next() {
        if ch.is_whitespace() || ch == '\u{3000}' {
            continue;
        }
        let (mut ch, mut exclude) = (ch, false);
        if matches!(ch, '-' | '－' | '−') {
            match chars.next_if(|(_, next)| !next.is_whitespace()) {
                Some((_, next)) => (ch, exclude) = (next, true),
                None => {
                    let rule = "an exclusion has a word right behind its minus";
                    return Err(Fault { place, rule });
                }
            }
        }
        let quote = QUOTES.iter().find(|(open, _)| *open == ch);
        let mut text = String::new();
        if let Some((_, close)) = quote {
            loop {
                match chars.next() {
                    Some((_, next)) if next == *close => break,
                    Some((_, next)) => text.push(next),
                    None => {
                        let rule = "a phrase ends with its closing quotation mark";
                        return Err(Fault { place, rule });
                    }
                }
            }
        } else {
            text.push(ch);
            let opens = |ch: char| QUOTES.iter().any(|(open, _)| *open == ch);
            while let Some((_, next)) =
                chars.next_if(|(_, next)| !next.is_whitespace() && !opens(*next))
            {
                text.push(next);
            }
        }
        pieces.push(Piece {
            place,
            text,
            phrase: quote.is_some(),
            exclude,
        });
    }
    Ok(pieces)
}

fn word(mut letters: Vec<Letter>) -> Word {
    let mut ways = Vec::new();
    let parts = parts(&letters);
    let prefix = cut_plural(&mut letters);
    ways.extend(Literal::of(letters, prefix).map(|whole| vec![whole]));
    ways.extend(parts);
    Word {
        ways,
        marks: Vec::new(),
        exact: false,
    }
}

/// Takes the plural from a Latin word at the end; whether the word may go on.
fn cut_plural(letters: &mut Vec<Letter>) -> bool {
    let latin = letters
        .iter()
        .rev()
        .take_while(|l| l.script == Script::Latin);
    let last: Vec<char> = latin.map(|letter| letter.ch).collect();
    let alphabetic = last.iter().all(|ch| ch.is_alphabetic());
    if last.len() > PREFIX_MIN
        && alphabetic
        && last.first() == Some(&'s')
        && last.get(1) != Some(&'s')
    {
        letters.pop();
        return true;
    }
    last.len() >= PREFIX_MIN && alphabetic
}

/// Hiragana that stands between words rather than at the end of one.
const PARTICLES: &[char] = &[
    'ノ', 'ヲ', 'ニ', 'ガ', 'ハ', 'デ', 'ト', 'ヘ', 'モ', 'ヤ', 'カ',
];

/// So many ways a compound may be there at most, beside as a whole.
const WAYS_MAX: usize = 6;

/// The ways a compound may be there in parts.
fn parts(letters: &[Letter]) -> Vec<Vec<Literal>> {
    let mut ways: Vec<Vec<Literal>> = vec![Vec::new()];
    let runs = runs(letters);
    for (at, run) in runs.iter().enumerate() {
        // Particles and endings of verbs are no parts to look for.
        if run
            .iter()
            .all(|letter| matches!(letter.script, Script::Hiragana | Script::Gap))
        {
            continue;
        }
        let next = runs.get(at + 1).copied().unwrap_or_default();
        let mut next_ways = Vec::new();
        for choice in choices(run, next) {
            for way in &ways {
                let mut way = way.clone();
                way.extend(choice.iter().filter_map(|part| {
                    let mut part = part.clone();
                    let prefix = cut_plural(&mut part);
                    Literal::of(part, prefix)
                }));
                next_ways.push(way);
            }
        }
        next_ways.truncate(WAYS_MAX);
        ways = next_ways;
    }
    ways.retain(|way| way.len() >= 2);
    ways
}

/// Letters of one script in a row; an id or an address is one, whatever stands between its parts.
fn runs(letters: &[Letter]) -> Vec<&[Letter]> {
    let joined = |a: &Letter, b: &Letter| {
        let latin = |letter: &Letter| matches!(letter.script, Script::Latin | Script::Gap);
        a.script == b.script || latin(a) && latin(b)
    };
    letters
        .chunk_by(joined)
        .map(trimmed)
        .filter(|run| !run.is_empty())
        .collect()
}

fn trimmed(mut run: &[Letter]) -> &[Letter] {
    while let [Letter { ch: GAP, .. }, rest @ ..] | [rest @ .., Letter { ch: GAP, .. }] = run {
        run = rest;
    }
    run
}

/// The ways to take a run apart. Kanji that go on in hiragana end in a word of their own: 漏えい.
fn choices(run: &[Letter], next: &[Letter]) -> Vec<Vec<Vec<Letter>>> {
    let ideographs = run.iter().all(|letter| letter.script == Script::Ideograph);
    let whole = || vec![vec![run.to_vec()]];
    if !ideographs {
        return whole();
    }
    let mut choices = if run.len() >= COMPOUND_MIN {
        split(run)
    } else {
        whole()
    };
    let goes_on = next
        .first()
        .is_some_and(|letter| letter.script == Script::Hiragana && !PARTICLES.contains(&letter.ch));
    if let (true, Some((last, rest))) = (goes_on && run.len() >= 3, run.split_last()) {
        let mut verb = vec![*last];
        verb.extend(next);
        for mut choice in split(rest) {
            choice.push(verb.clone());
            choices.push(choice);
        }
    }
    choices
}

/// Kanji compounds are made of words of two, and some of three.
fn split(run: &[Letter]) -> Vec<Vec<Vec<Letter>>> {
    if run.len() <= 3 {
        return vec![vec![run.to_vec()]];
    }
    if run.len() > COMPOUND_MAX {
        return vec![run.chunks(2).map(<[Letter]>::to_vec).collect()];
    }
    let mut ways = Vec::new();
    for length in [2, 3] {
        let Some((first, rest)) = run
            .split_at_checked(length)
            .filter(|(_, rest)| rest.len() != 1)
        else {
            continue;
        };
        for mut way in split(rest) {
            way.insert(0, first.to_vec());
            ways.push(way);
        }
    }
    ways.truncate(WAYS_MAX);
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(text: &str) -> Vec<Vec<Vec<String>>> {
        let query = Query::parse(text).unwrap();
        let texts = |way: &Vec<Literal>| way.iter().map(Literal::text).collect();
        query
            .words
            .iter()
            .map(|word| word.ways.iter().map(texts).collect())
            .collect()
    }

    #[test]
    fn words_phrases_exclusions_and_or() {
        assert_eq!(ways("電力　障害"), [[["電力"]], [["障害"]]]);
        assert_eq!(ways("\"電力供給障害\""), [[["電力供給障害"]]]);
        assert_eq!(ways("「停電 復旧」"), [[["停電復旧"]]]);
        assert_eq!(ways("停電 OR 障害"), [[["停電"], ["障害"]]]);
        let query = Query::parse("障害 -\"DDoS 攻撃\" －訓練").unwrap();
        let without: Vec<String> = query.without.iter().map(Literal::text).collect();
        assert_eq!(without, ["ddos攻撃", "訓練"]);
        assert_eq!(query.words.len(), 1);
        assert!(Query::parse("  ").unwrap().is_empty());
        assert_eq!(ways("CVE-2026-1234"), [[["cve 2026 1234"]]]);
    }

    #[test]
    fn compounds_may_be_there_in_parts() {
        assert_eq!(
            ways("電力供給"),
            [vec![
                vec!["電力供給".to_owned()],
                vec!["電力".into(), "供給".into()]
            ]]
        );
        assert_eq!(
            ways("脆弱性情報")[0][1..],
            [["脆弱", "性情報"], ["脆弱性", "情報"]]
        );
        assert!(ways("情報漏えい")[0].contains(&vec!["情報".to_owned(), "漏エイ".to_owned()]));
        let parts = ["証明書", "期限", "切レ"].map(str::to_owned).to_vec();
        assert!(ways("証明書期限切れ")[0].contains(&parts));
        assert_eq!(ways("電力の障害")[0][1..], [["電力", "障害"]]);
        assert_eq!(ways(&"障".repeat(400))[0].len(), 2, "and at once");
        assert_eq!(ways("VPN装置")[0][1], ["vpn", "装置"]);
        assert_eq!(ways("backups")[0][0], ["backup"]);
        assert_eq!(ways("access")[0][0], ["access"]);
    }

    #[test]
    fn a_bad_query_is_told_where_and_why() {
        let place = |text: &str| Query::parse(text).map_err(|fault| fault.place);
        assert_eq!(place("電力 「障害"), Err(3));
        assert_eq!(place("電力 - 障害"), Err(3));
        assert_eq!(place("OR 障害"), Err(0));
        assert_eq!(place("障害 OR"), Err(3));
        assert_eq!(place("障害 OR -停電"), Err(3));
        assert_eq!(place("障害 !!"), Err(3));
        assert_eq!(place(&"あ".repeat(501)), Err(500));
        assert_eq!(place(&"a ".repeat(21)), Err(40));
        assert!(Query::parse(&"あ".repeat(500)).is_ok());
        assert!(Query::parse(&"a ".repeat(20)).is_ok());
    }
}
