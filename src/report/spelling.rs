//! One spelling for what people write in many: look-alike letters, kana, old forms of Kanji, signs of
//! length, accents. Tables only; `fold` applies them and keeps the way back to the original.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::char::canonical_combining_class;

/// How a character was written, before folding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// Scripts that separate words: Latin and the like.
    Latin,
    /// Digits of any width.
    Digit,
    Hiragana,
    Katakana,
    Han,
    Other,
}

impl Script {
    /// The script of a character after NFKC.
    pub(crate) fn of(ch: char) -> Self {
        match ch {
            '\u{3041}'..='\u{309f}' => Self::Hiragana,
            '\u{30a0}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' => Self::Katakana,
            '々' | '〆' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => Self::Han,
            '\u{20000}'..='\u{3ffff}' => Self::Han,
            _ if ch.is_numeric() => Self::Digit,
            _ if ch.is_alphabetic() => Self::Latin,
            _ => Self::Other,
        }
    }

    pub(crate) const fn is_kana(self) -> bool {
        matches!(self, Self::Hiragana | Self::Katakana)
    }

    /// Whether words of it run together.
    pub(crate) const fn is_unspaced(self) -> bool {
        matches!(self, Self::Hiragana | Self::Katakana | Self::Han)
    }
}

/// Letters of other alphabets that look like Latin ones, and marks that are written apart.
///
/// Taken before case folding, since capital and small letters look like different ones.
pub(crate) const fn look_alike(ch: char) -> char {
    match ch {
        // Cyrillic
        'а' => 'a',
        'в' | 'В' => 'B',
        'е' | 'ё' => 'e',
        'ѕ' => 's',
        'і' | 'ї' => 'i',
        'ј' => 'j',
        'к' => 'k',
        'м' => 'm',
        'н' | 'Н' => 'H',
        'о' => 'o',
        'р' => 'p',
        'с' => 'c',
        'т' => 't',
        'у' => 'y',
        'х' => 'x',
        'һ' => 'h',
        'ԁ' => 'd',
        'ԛ' => 'q',
        'ԝ' => 'w',
        'ӏ' => 'l',
        'А' => 'A',
        'Е' | 'Ё' => 'E',
        'Ѕ' => 'S',
        'І' | 'Ї' | 'Ӏ' => 'I',
        'Ј' => 'J',
        'К' => 'K',
        'М' => 'M',
        'О' => 'O',
        'Р' => 'P',
        'С' => 'C',
        'Т' => 'T',
        'У' => 'Y',
        'Х' => 'X',
        'Ԛ' => 'Q',
        'Ԝ' => 'W',
        // Greek
        'α' => 'a',
        'β' => 'b',
        'ε' => 'e',
        'ι' => 'i',
        'κ' => 'k',
        'ν' => 'v',
        'ο' => 'o',
        'ρ' => 'p',
        'τ' => 't',
        'υ' => 'u',
        'χ' => 'x',
        'γ' => 'y',
        'Α' => 'A',
        'Β' => 'B',
        'Ε' => 'E',
        'Ζ' => 'Z',
        'Η' => 'H',
        'Ι' => 'I',
        'Κ' => 'K',
        'Μ' => 'M',
        'Ν' => 'N',
        'Ο' => 'O',
        'Ρ' => 'P',
        'Τ' => 'T',
        'Υ' => 'Y',
        'Χ' => 'X',
        // Latin letters of the phonetic alphabet, Armenian, and dotless i
        'ɑ' => 'a',
        'ɡ' => 'g',
        'ı' | 'ɩ' => 'i',
        'օ' => 'o',
        'ո' => 'n',
        'ս' => 'u',
        'հ' => 'h',
        'ց' => 'g',
        // Sound marks written apart join the kana before them.
        '\u{309b}' => '\u{3099}',
        '\u{309c}' => '\u{309a}',
        _ => ch,
    }
}

/// Marks that change no letter into another: all but the two sound marks of kana.
pub(crate) fn is_ornament(ch: char) -> bool {
    canonical_combining_class(ch) != 0 && !matches!(ch, '\u{3099}' | '\u{309a}')
        || matches!(ch, '\u{20dd}'..='\u{20e4}')
}

/// The plain letters for a lower-case letter that no decomposition takes apart.
pub(crate) const fn plain_letters(ch: char) -> Option<&'static str> {
    Some(match ch {
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ŧ' => "t",
        _ => return None,
    })
}

/// Signs of length and the dashes that stand for them.
pub(crate) const fn is_long_or_dash(ch: char) -> bool {
    matches!(
        ch,
        'ー' | '-' | '\u{ad}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2212}'
                | '\u{2500}'
                | '\u{2501}'
                | '\u{30a0}'
                | '\u{fe58}'
                | '\u{fe63}'
                | '~'
                | '〜'
                | '～'
                | '\u{3030}'
                | '一'
    )
}

/// Signs people put inside a name without making it another.
pub(crate) const fn is_separator(ch: char) -> bool {
    matches!(
        ch,
        '・' | '·'
            | '•'
            | '‧'
            | '∙'
            | '⋅'
            | '●'
            | '◦'
            | '_'
            | '.'
            | '\''
            | '’'
            | '‘'
            | '`'
            | '´'
            | '"'
            | '“'
            | '”'
            | '*'
            | '+'
            | '|'
            | '¦'
            | '「'
            | '」'
            | '『'
            | '』'
            | '【'
            | '】'
            | '\\'
            | '^'
            | '='
            | '⁄'
            | '／'
            | '\u{2800}'
            | '￤'
            | '゠'
            | '-'
            | '\u{2010}'..='\u{2015}' | '\u{2212}' | '~' | '〜'
    )
}

/// Kana as its large Hiragana; Kanji in the form of today. Characters that look like kana, and are
/// taken for them by every eye, become kana too.
pub(crate) fn plain_kana_or_kanji(ch: char) -> char {
    let ch = match ch {
        '力' => 'カ',
        '口' => 'ロ',
        '工' => 'エ',
        '夕' => 'タ',
        '卜' => 'ト',
        _ => ch,
    };
    let ch = match ch {
        '\u{30a1}'..='\u{30f6}' => char::from_u32(u32::from(ch) - 0x60).unwrap_or(ch),
        '\u{30f7}' => 'わ',
        '\u{30fa}' => 'を',
        _ => ch,
    };
    match ch {
        'ぁ' => 'あ',
        'ぃ' | 'ゐ' => 'い',
        'ぅ' => 'う',
        'ぇ' | 'ゑ' => 'え',
        'ぉ' => 'お',
        'っ' => 'つ',
        'ゃ' => 'や',
        'ゅ' => 'ゆ',
        'ょ' => 'よ',
        'ゎ' => 'わ',
        'ゕ' => 'か',
        'ゖ' => 'け',
        'ぢ' => 'じ',
        'づ' => 'ず',
        _ => kanji(ch),
    }
}

/// Old and new forms, and pairs that registers mix up, of Kanji that stand in names.
const KANJI: &[(&str, char)] = &[
    ("國圀", '国'),
    ("學斈", '学'),
    ("澤", '沢'),
    ("邊邉", '辺'),
    ("齋齊斉", '斎'),
    ("髙", '高'),
    ("﨑碕", '崎'),
    ("濱濵", '浜'),
    ("廣", '広'),
    ("德", '徳'),
    ("鐵鉃", '鉄'),
    ("縣", '県'),
    ("會", '会'),
    ("藏", '蔵'),
    ("龍竜", '竜'),
    ("櫻", '桜'),
    ("眞", '真'),
    ("實", '実'),
    ("壽", '寿'),
    ("惠", '恵'),
    ("榮", '栄'),
    ("淺", '浅'),
    ("瀧", '滝'),
    ("關", '関'),
    ("圓", '円'),
    ("條", '条'),
    ("證", '証'),
    ("險", '険'),
    ("驛", '駅'),
    ("氣", '気'),
    ("發", '発'),
    ("點", '点'),
    ("萬", '万'),
    ("與", '与'),
    ("桒", '桑'),
    ("舘", '館'),
    ("冨", '富'),
    ("嶋嶌", '島'),
    ("峯", '峰'),
    ("埜", '野'),
    ("曾", '曽'),
    ("淵渊", '渕'),
    ("檜", '桧'),
    ("藪", '薮'),
    ("𠮷", '吉'),
    ("傳", '伝'),
    ("團", '団'),
    ("圖", '図'),
    ("壹", '壱'),
    ("寶", '宝'),
    ("將", '将'),
    ("專", '専'),
    ("帶", '帯'),
    ("應", '応'),
    ("戰", '戦'),
    ("擔", '担'),
    ("攝", '摂'),
    ("數", '数'),
    ("晝", '昼'),
    ("樂", '楽'),
    ("樓", '楼'),
    ("歐", '欧'),
    ("歷", '歴'),
    ("殘", '残'),
    ("澁", '渋'),
    ("瀨", '瀬'),
    ("燒", '焼'),
    ("營", '営'),
    ("獨", '独'),
    ("當", '当'),
    ("盡", '尽'),
    ("禪", '禅'),
    ("禮", '礼'),
    ("稻", '稲'),
    ("總", '総'),
    ("繩", '縄'),
    ("聲", '声'),
    ("舊", '旧'),
    ("莊", '荘'),
    ("藝", '芸'),
    ("藥", '薬'),
    ("號", '号'),
    ("變", '変'),
    ("豐", '豊'),
    ("輕", '軽'),
    ("邨", '村'),
    ("釋", '釈'),
    ("鑛", '鉱'),
    ("錢", '銭'),
    ("鷄", '鶏'),
    ("鹽", '塩'),
    ("麥", '麦'),
    ("黑", '黒'),
    ("齒", '歯'),
    ("體", '体'),
    ("龜", '亀'),
    ("兒", '児'),
    ("佛", '仏'),
    ("假", '仮'),
    ("乘", '乗'),
    ("亞", '亜'),
    ("價", '価'),
    ("區", '区'),
    ("勞", '労'),
    ("勵", '励'),
    ("醫", '医'),
    ("單", '単'),
    ("嚴", '厳'),
    ("靜", '静'),
    ("顯", '顕'),
    ("餘", '余'),
    ("靈", '霊'),
    ("鄕", '郷'),
    ("綠", '緑'),
    ("祿", '禄'),
    ("槇", '槙'),
    ("凉", '涼'),
    ("嵜", '崎'),
    ("曻", '昇'),
];

static TODAY: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let pairs = KANJI
        .iter()
        .flat_map(|(old, new)| old.chars().map(move |old| (old, *new)));
    pairs.collect()
});

fn kanji(ch: char) -> char {
    if Script::of(ch) != Script::Han {
        return ch;
    }
    TODAY.get(&ch).copied().unwrap_or(ch)
}
