//! Folds text so that spellings of one word meet: width, case, hiragana and katakana, small vowels,
//! ヴ, long marks and what stands between words. Each folded letter knows where it came from.
//!
//! A long mark (ー) is no letter of its own: it is noted on the letter before it, so that サーバ and
//! サーバー are the same letters, and [`same`] says whether two spellings may be one word.

use unicode_normalization::UnicodeNormalization;

/// What stands between words; never at either end of a folded text.
pub const GAP: char = ' ';

/// How a letter was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Katakana.
    Katakana,
    /// Hiragana; its letter is the katakana one.
    Hiragana,
    /// Any other script without blanks between words, kanji above all.
    Ideograph,
    /// Letters and digits of scripts that put blanks between words.
    Latin,
    /// [`GAP`].
    Gap,
}

/// A folded letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The letter.
    pub ch: char,
    /// How it was written.
    pub script: Script,
    /// Whether a long mark followed.
    pub long: bool,
    /// Where it begins in the text, in bytes.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
}

/// Folds a text.
#[must_use]
pub fn fold(text: &str) -> Vec<Letter> {
    let mut folder = Folder::default();
    for (from, ch) in text.char_indices() {
        let to = from + ch.len_utf8();
        if ch.is_ascii() {
            folder.put(ch.to_ascii_lowercase(), from, to);
            continue;
        }
        if is_plain(ch) {
            folder.letter(ch, from, to);
            continue;
        }
        for plain in std::iter::once(ch).nfkc() {
            for small in plain.to_lowercase() {
                folder.put(small, from, to);
            }
        }
    }
    folder.letters
}

/// The folded letters as a text.
#[must_use]
pub fn text_of(letters: &[Letter]) -> String {
    letters.iter().map(|letter| letter.ch).collect()
}

/// How folded letters were written: for each the sign of its script, a capital where a long mark
/// followed. With [`text_of`] it is all of them but where they came from.
#[must_use]
pub fn scripts_of(letters: &[Letter]) -> String {
    let sign = |letter: &Letter| {
        let sign = letter.script.sign();
        if letter.long {
            sign.to_ascii_uppercase()
        } else {
            sign
        }
    };
    letters.iter().map(sign).collect()
}

/// Folded letters from their text and how they were written; all come from nowhere. Nothing where the
/// two do not belong together.
#[must_use]
pub fn unfold(text: &str, scripts: &str) -> Option<Vec<Letter>> {
    let mut signs = scripts.chars();
    let mut letters = Vec::with_capacity(scripts.len());
    for ch in text.chars() {
        let sign = signs.next()?;
        letters.push(Letter {
            ch,
            script: Script::of_sign(sign.to_ascii_lowercase())?,
            long: sign.is_ascii_uppercase(),
            from: 0,
            to: 0,
        });
    }
    signs.next().is_none().then_some(letters)
}

impl Script {
    const fn sign(self) -> char {
        match self {
            Self::Katakana => 'k',
            Self::Hiragana => 'h',
            Self::Ideograph => 'i',
            Self::Latin => 'l',
            Self::Gap => 'g',
        }
    }

    const fn of_sign(sign: char) -> Option<Self> {
        Some(match sign {
            'k' => Self::Katakana,
            'h' => Self::Hiragana,
            'i' => Self::Ideograph,
            'l' => Self::Latin,
            'g' => Self::Gap,
            _ => return None,
        })
    }
}

#[derive(Default)]
struct Folder {
    letters: Vec<Letter>,
    /// What came between the last letter and the next: nothing, blanks, or more.
    blank: bool,
    stop: bool,
    dot: bool,
    /// Whether the last letter was ヴ.
    was_vu: bool,
}

impl Folder {
    fn put(&mut self, ch: char, from: usize, to: usize) {
        match ch {
            'ー' => {
                let fresh = !self.blank && !self.stop && !self.dot;
                if let Some(last) = self.letters.last_mut().filter(|_| fresh)
                    && matches!(last.script, Script::Katakana | Script::Hiragana)
                {
                    last.long = true;
                    last.to = to;
                } else {
                    self.stop = true;
                }
            }
            // NFKC of one half-width letter leaves its voicing apart.
            '\u{3099}' | '\u{309a}' => self.voice(ch, to),
            '・' => self.dot = true,
            _ if ch.is_whitespace() => self.blank = true,
            _ if is_letter(ch) => self.letter(ch, from, to),
            // An accent belongs to its letter.
            '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' => {}
            _ => self.stop = true,
        }
    }

    fn voice(&mut self, mark: char, to: usize) {
        if let Some(last) = self.letters.last_mut()
            && let Some(voiced) = unicode_normalization::char::compose(last.ch, mark)
        {
            last.ch = if voiced == 'ヴ' { 'ブ' } else { voiced };
            last.to = to;
        }
    }

    fn letter(&mut self, ch: char, from: usize, to: usize) {
        let script = script_of(ch);
        let ch = match script {
            Script::Hiragana => char::from_u32(ch as u32 + 0x60).unwrap_or(ch),
            _ => ch,
        };
        // ヴァ is バ, ヴィ is ビ, …; ヴ alone is ブ.
        if let Some(last) = self.letters.last_mut()
            && self.was_vu
            && last.to == from
            && let Some(whole) = after_vu(ch)
        {
            last.ch = whole;
            last.to = to;
            self.was_vu = false;
            return;
        }
        self.gap(script, from);
        self.was_vu = ch == 'ヴ';
        let ch = match ch {
            'ヴ' => 'ブ',
            'ァ' => 'ア',
            'ィ' => 'イ',
            'ゥ' => 'ウ',
            'ェ' => 'エ',
            'ォ' => 'オ',
            'ヵ' => 'カ',
            'ヶ' => 'ケ',
            _ => ch,
        };
        self.letters.push(Letter {
            ch,
            script,
            long: false,
            from,
            to,
        });
    }

    /// Puts a gap before the next letter where there is one.
    fn gap(&mut self, script: Script, from: usize) {
        let (blank, stop, dot) = (self.blank, self.stop, self.dot);
        (self.blank, self.stop, self.dot) = (false, false, false);
        let Some(last) = self.letters.last().copied() else {
            return;
        };
        // Japanese breaks its lines anywhere, and puts a blank or none beside Latin words.
        let words = last.script == Script::Latin && script == Script::Latin;
        // A compound is written with dots between its words, or without.
        let compound = last.script == Script::Katakana && script == Script::Katakana;
        if stop || blank && words || dot && !compound {
            self.letters.push(Letter {
                ch: GAP,
                script: Script::Gap,
                long: false,
                from: last.to,
                to: from,
            });
        }
    }
}

const fn after_vu(ch: char) -> Option<char> {
    match ch {
        'ァ' => Some('バ'),
        'ィ' => Some('ビ'),
        'ェ' => Some('ベ'),
        'ォ' => Some('ボ'),
        _ => None,
    }
}

/// Most of a Japanese text: letters that are their own normal form and have no small one.
const fn is_plain(ch: char) -> bool {
    matches!(ch, '\u{4e00}'..='\u{9fff}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}')
}

fn is_letter(ch: char) -> bool {
    ch.is_alphanumeric()
}

fn script_of(ch: char) -> Script {
    match ch {
        'ァ'..='ヺ' | 'ヽ' | 'ヾ' => Script::Katakana,
        'ぁ'..='ゖ' | 'ゝ' | 'ゞ' => Script::Hiragana,
        '々' | '〆' | '〇' => Script::Ideograph,
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
            Script::Ideograph
        }
        // Hangul, Bopomofo and other letters of the same part of Unicode.
        '\u{1100}'..='\u{11ff}' | '\u{3100}'..='\u{33ff}' | '\u{a960}'..='\u{d7ff}' => {
            Script::Ideograph
        }
        _ => Script::Latin,
    }
}

/// So many letters a katakana word has at least before its long marks are a matter of taste: ビル is
/// not ビール, but サーバ is サーバー.
const TASTE_MIN: usize = 3;

/// Whether letters of a text, as many as those of a word and the same, are a spelling of that word.
#[must_use]
pub fn same(word: &[Letter], text: &[Letter]) -> bool {
    if word.len() != text.len() || word.iter().zip(text).any(|(a, b)| a.ch != b.ch) {
        return false;
    }
    let written =
        |letters: &[Letter]| letters.len() + letters.iter().filter(|letter| letter.long).count();
    let shorter = written(word).min(written(text));
    word.iter().zip(text).enumerate().all(|(at, (a, b))| {
        let katakana = a.script == Script::Katakana && b.script == Script::Katakana;
        let last = at + 1 == word.len();
        let long_enough = word.len() >= TASTE_MIN || last && shorter >= TASTE_MIN;
        a.long == b.long || katakana && long_enough
    })
}

/// Whether a word may begin at `at`: Latin words begin where another has ended.
#[must_use]
pub fn begins(letters: &[Letter], at: usize) -> bool {
    let here = letters.get(at).map(|letter| letter.script);
    let before = at.checked_sub(1).and_then(|at| letters.get(at));
    before.is_none_or(|before| Some(before.script) != here)
}

/// Whether a word ends before `at`.
#[must_use]
pub fn ends(letters: &[Letter], at: usize) -> bool {
    begins(letters, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        text_of(&fold(text))
    }

    fn one_word(a: &str, b: &str) -> bool {
        same(&fold(a), &fold(b))
    }

    #[test]
    fn width_case_and_kana_fold() {
        assert_eq!(folded("ﾗﾝｻﾑｳｪｱ"), folded("ランサムウェア"));
        assert_eq!(folded("ＩＳＡＣ"), "isac");
        assert_eq!(folded("ういるす"), folded("ウイルス"));
        assert_eq!(folded("ウィルス"), folded("ウイルス"));
        assert_eq!(folded("ヴァイルス"), folded("バイルス"));
        assert_eq!(folded("ヴ"), folded("ブ"));
        assert_eq!(folded("ﾊﾞｯｸｱｯﾌﾟ"), folded("バックアップ"));
        assert_eq!(folded("㈱"), "株");
        assert_ne!(folded("ハック"), folded("バック"));
        assert_ne!(folded("ブイ"), folded("ヴィ"));
    }

    #[test]
    fn plain_letters_are_as_if_they_were_folded() {
        for ch in ('\u{80}'..=char::MAX).filter(|ch| is_plain(*ch)) {
            let folded: Vec<char> = std::iter::once(ch)
                .nfkc()
                .flat_map(char::to_lowercase)
                .collect();
            assert_eq!(folded, [ch]);
            assert!(is_letter(ch), "{ch}");
        }
    }

    #[test]
    fn what_is_kept_of_letters_is_all_but_where_they_came_from() {
        for text in ["ビールとびーる VPN装置、ｻｰﾊﾞｰ・ルーム", "", "ー"] {
            let letters = fold(text);
            let (folded, scripts) = (text_of(&letters), scripts_of(&letters));
            let mut nowhere = letters;
            for letter in &mut nowhere {
                (letter.from, letter.to) = (0, 0);
            }
            assert_eq!(unfold(&folded, &scripts), Some(nowhere));
            assert_eq!(unfold(&folded, &format!("{scripts}k")), None);
            assert_eq!(unfold(&format!("{folded}電"), &scripts), None);
        }
        assert_eq!(unfold("電", "x"), None);
    }

    #[test]
    fn what_stands_between_words() {
        assert_eq!(folded("198[.]51[.]100[.]7"), folded("198.51.100.7"));
        assert_eq!(folded("CVE-2026-1234"), "cve 2026 1234");
        assert_eq!(folded("VPN 装置"), "vpn装置");
        assert_eq!(folded("電力\n 障害"), "電力障害");
        assert_eq!(folded("電力。障害"), "電力 障害");
        assert_eq!(
            folded("サイバー・セキュリティ"),
            folded("サイバーセキュリティ")
        );
        assert_eq!(folded("  a  b. "), "a b");
        assert_eq!(folded("。、!"), "");
    }

    #[test]
    fn long_marks_are_a_matter_of_taste_in_long_katakana_words_alone() {
        assert!(one_word("サーバ", "サーバー"));
        assert!(one_word("コンピュータ", "コンピューター"));
        assert!(one_word("インタフェース", "インターフェース"));
        assert!(one_word("セキュリティー", "セキュリティ"));
        assert!(!one_word("ビル", "ビール"));
        assert!(!one_word("ノート", "のと"));
        assert!(!one_word("キー", "キ"));
        assert!(!one_word("でーた", "データベ"));
    }

    #[test]
    fn every_letter_knows_where_it_came_from() {
        let text = "「ｻｰﾊﾞｰ」 ABC";
        for letter in fold(text).iter().filter(|l| l.ch != GAP) {
            assert!(text.is_char_boundary(letter.from) && text.is_char_boundary(letter.to));
            assert!(letter.from < letter.to);
        }
    }
}
