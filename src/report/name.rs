//! Names of bodies: their corporate forms, and where a short name is a name and not part of a word.
//!
//! A name of one or two characters stands in many words; a finding holds people's work, so short
//! names are looked for with more care. What a person is called is in `person`.

use unicode_normalization::UnicodeNormalization as _;

use super::fold::{Depth, Folded, Glyph};
use super::spelling::Script;

/// Shortest name that is looked for, in folded characters.
const NAME_MIN: usize = 2;
/// Shortest remainder of a name without its corporate form, in folded characters.
const CORE_MIN: usize = 3;

/// Legal forms written before or after a Japanese name, NFKC and longest first.
const FORMS_JA: [&str; 27] = [
    "特定非営利活動法人",
    "国立研究開発法人",
    "地方独立行政法人",
    "一般社団法人",
    "一般財団法人",
    "公益社団法人",
    "公益財団法人",
    "医療法人社団",
    "医療法人財団",
    "社会福祉法人",
    "国立大学法人",
    "独立行政法人",
    "医療法人",
    "学校法人",
    "社団法人",
    "財団法人",
    "株式会社",
    "有限会社",
    "合同会社",
    "合資会社",
    "合名会社",
    "相互会社",
    "(株)",
    "(有)",
    "(同)",
    "(医)",
    "(独)",
];

/// Legal forms written after a Latin name, lower case.
const FORMS_LATIN: [&str; 16] = [
    "incorporated",
    "corporation",
    "limited",
    "company",
    "g.k.",
    "k.k.",
    "corp",
    "gmbh",
    "inc",
    "llc",
    "ltd",
    "plc",
    "co",
    "kk",
    "gk",
    "ag",
];

/// Returns the ways to look for a name: as it is, and without its corporate form.
pub(super) fn name_forms(name: &str) -> Vec<Folded> {
    let whole = Folded::new(name);
    let core = Folded::new(&without_form(name));
    let shorter = core.glyphs().len() < whole.glyphs().len();
    let mut forms = Vec::new();
    if whole.glyphs().len() >= NAME_MIN {
        forms.push(whole);
    }
    if shorter && core.glyphs().len() >= CORE_MIN {
        forms.push(core);
    }
    forms
}

fn without_form(name: &str) -> String {
    let name: String = name.nfkc().flat_map(char::to_lowercase).collect();
    let mut core = name.as_str();
    let edge = |c: char| c.is_whitespace() || matches!(c, ',' | '.' | '・');
    loop {
        let before = core.len();
        for form in FORMS_JA {
            core = core.strip_prefix(form).unwrap_or(core).trim();
            core = core.strip_suffix(form).unwrap_or(core).trim();
        }
        for form in FORMS_LATIN {
            let tail = core.trim_end_matches(edge);
            let tail = tail
                .strip_suffix(form)
                .or_else(|| tail.strip_suffix(form.trim_end_matches('.')));
            // "co" ends "Costco" without being its legal form.
            if let Some(rest) = tail.filter(|rest| rest.ends_with(edge)) {
                core = rest.trim_end_matches(edge);
            }
        }
        if core.len() == before {
            return core.to_owned();
        }
    }
}

/// Forms that stand for each other, before or after a name that is too short without one.
const ALIKE: [&[&str]; 5] = [
    &["株式会社", "(株)"],
    &["有限会社", "(有)"],
    &["合同会社", "(同)"],
    &["医療法人", "(医)"],
    &["独立行政法人", "(独)"],
];

/// The ways to look for a name in loosely folded text.
pub(super) fn loose_forms(name: &str) -> Vec<Folded> {
    let loose = |text: &str| Folded::deep(text, Depth::Loose);
    let whole = loose(name);
    let core_text = without_form(name);
    let core = loose(&core_text);
    let (size, core_size) = (whole.glyphs().len(), core.glyphs().len());
    let mut forms = Vec::new();
    if size >= NAME_MIN {
        forms.push(whole);
    }
    if core_size >= size || core_size == 0 {
        return forms;
    }
    if core_size >= CORE_MIN {
        forms.push(core);
        return forms;
    }
    // Too short to be looked for alone, but not beside any spelling of its form.
    let latin = core.glyphs().iter().all(|g| !g.script.is_unspaced());
    let plain: String = name.nfkc().collect();
    for form in ALIKE
        .iter()
        .filter(|forms| forms.iter().any(|form| plain.contains(form)))
    {
        for form in *form {
            forms.push(loose(&format!("{form} {core_text}")));
            forms.push(loose(&format!("{core_text} {form}")));
        }
    }
    if latin {
        for form in FORMS_LATIN {
            forms.push(loose(&format!("{core_text} {form}")));
        }
    }
    forms
}

/// Latin letters from which on a gap inside does not make a name something else.
const LATIN_LONG: usize = 8;
/// Letters up to which a Latin name in capitals is found in capitals only.
const LATIN_SHORT: usize = 3;
/// Characters up to which a name of Kanji must not be part of a longer word.
const KANJI_SHORT: usize = 2;
/// The same for kana.
const KANA_SHORT: usize = 3;
/// Characters up to which a sign of length counts.
const LONG_COUNTS: usize = 4;

/// Whether the gaps, signs of length and capitals in `found` leave it the name `ours`.
pub(super) fn gaps_fit(ours: &[Glyph], found: &[Glyph]) -> bool {
    let latin = |glyph: &Glyph| !glyph.script.is_unspaced();
    let (mut pairs, mut gaps, mut unexpected) = (0, 0, 0);
    let mut before: Option<(&Glyph, &Glyph)> = None;
    for (own, their) in ours.iter().zip(found) {
        if ours.len() <= LONG_COUNTS && own.long != their.long && own.script.is_kana() {
            return false;
        }
        if let Some((own_before, their_before)) = before.replace((own, their)) {
            if latin(own_before) && latin(own) {
                pairs += 1;
                gaps += usize::from(their.gap);
                unexpected += usize::from(their.gap && !own.gap);
            } else if their.gap && !own.gap {
                // A list of two (甲・乙) is no name of two.
                let dash = their.joined && their_before.long && own_before.long;
                let fits = match ours.len() {
                    0..=2 => dash,
                    3 => dash || !their.joined,
                    _ => true,
                };
                if !fits {
                    return false;
                }
            }
        }
    }
    let letters = ours.iter().filter(|glyph| latin(glyph)).count();
    let short_capitals = letters == ours.len()
        && letters <= LATIN_SHORT
        && ours
            .iter()
            .all(|glyph| glyph.upper || glyph.script == Script::Digit);
    if short_capitals && !found.iter().all(|g| g.upper || g.script == Script::Digit) {
        return false;
    }
    unexpected == 0 || gaps == pairs && pairs > 1 || letters >= LATIN_LONG
}

/// Kana that end a word before a name, or begin what follows it.
const PARTICLES: &str = "はがをにのともでへやかばりださ";
/// Kanji before a short name that leave it a name.
const BEFORE: &str = "旧元現前当同対各某新本故社者";
/// Kanji after a short name that leave it a name.
const AFTER: &str = "社様氏殿側等内製系間向発宛行員職他及並各本支君";

/// Whether what stands beside a short name leaves it a name.
pub(super) fn edges_fit(found: &[Glyph], before: Option<&Glyph>, after: Option<&Glyph>) -> bool {
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return false;
    };
    let short = |limit: usize, of: fn(Script) -> bool| {
        found.len() <= limit && found.iter().all(|glyph| of(glyph.script))
    };
    let beside = |other: Option<&Glyph>, own: &Glyph, allowed: &str| {
        other.is_none_or(|other| other.script != own.script || allowed.contains(other.ch))
    };
    if short(KANJI_SHORT, |script| script == Script::Han) {
        return beside(before, first, BEFORE) && beside(after, last, AFTER);
    }
    if short(KANA_SHORT, Script::is_kana) {
        let particles = |glyph: &Glyph| match glyph.script {
            Script::Hiragana => PARTICLES,
            _ => "",
        };
        return beside(before, first, particles(first)) && beside(after, last, particles(last));
    }
    true
}
