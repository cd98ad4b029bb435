//! Cases as a text to paste into a wiki or a ticket: the handling of the whole first, then each case
//! under its own label.

use crate::council::Directory;
use crate::exchange::dossier::Dossier;
use crate::http::console::{Case, Language, Plainly, Text, case, day, time, whole};

/// The text.
pub fn text(language: Language, directory: &Directory, dossier: &Dossier) -> String {
    let cases: Vec<Case> = dossier
        .items
        .iter()
        .map(|report| case(language, directory, report))
        .collect();
    let count = cases.len();
    let mut out = Lines::default();
    out.line(&match language {
        Language::Ja => format!("# {}（{count}件）", dossier.tlp),
        Language::En => format!("# {} ({count} cases)", dossier.tlp),
    });
    if dossier.drill {
        out.line(language.t("**訓練です。**", "**This is a drill.**"));
    }
    out.line(language.t(
        "まとめた全体は、含まれる情報のうち最も厳しい取扱いに従います。",
        "The whole is handled as the strictest of its parts.",
    ));
    handled(&mut out, language, &whole(language, dossier));
    out.line(&format!(
        "{}{}",
        language.t("作成：", "Made "),
        time(&dossier.made_at)
    ));
    for (at, one) in cases.iter().enumerate() {
        out.line("---");
        out.line(&format!(
            "## {}. {}",
            at + 1,
            escaped(&one.line.title.words)
        ));
        shown(&mut out, language, one);
    }
    out.0
}

/// Paragraphs, with an empty line between.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push_str("\n\n");
    }

    fn points(&mut self, points: impl Iterator<Item = String>) {
        for point in points {
            self.0.push_str("- ");
            self.0.push_str(&point);
            self.0.push('\n');
        }
        self.0.push('\n');
    }
}

fn handled(out: &mut Lines, language: Language, plain: &Plainly) {
    let until = (!plain.delete_by.is_empty()).then(|| {
        let label = language.t("消去の期限：", "Delete by ");
        format!("**{label}{}**", day(&plain.delete_by))
    });
    let sentences = plain.sentences.iter().map(|one| escaped(&one.words));
    out.points(until.into_iter().chain(sentences));
}

fn shown(out: &mut Lines, language: Language, case: &Case) {
    let line = &case.line;
    let mut labels = vec![format!("**{}**", line.tlp), escaped(&line.kind)];
    if !line.sector.is_empty() {
        labels.push(escaped(&line.sector));
    }
    labels.push(escaped(&line.form));
    labels.push(time(&line.released_at));
    if !case.plainly.delete_by.is_empty() {
        let label = language.t("消去の期限：", "delete by ");
        labels.push(format!("{label}{}", day(&case.plainly.delete_by)));
    }
    out.line(&labels.join(" · "));
    if !line.summary.words.is_empty() {
        out.line(&escaped(&line.summary.words));
    }
    let facts = case.facts.iter();
    out.points(facts.map(|fact| format!("{}: {}", fact.name, escaped(&fact.value))));
    for section in &case.prose {
        out.line(&format!("### {}", section.title));
        for text in &section.points {
            out.line(&escaped(&text.words));
        }
    }
    if !case.timeline.is_empty() {
        out.line(&format!("### {}", language.t("時系列", "Timeline")));
        let moments = case.timeline.iter();
        out.points(moments.map(|one| format!("{} {}", escaped(&time(&one.at)), words(&one.text))));
    }
    for section in &case.lists {
        out.line(&format!("### {}", section.title));
        out.points(section.points.iter().map(words));
    }
    if !case.indicators.is_empty() {
        out.line(&format!("### {}", language.t("痕跡情報", "Indicators")));
        let indicators = case.indicators.iter();
        out.points(indicators.map(|(kind, value, note)| {
            format!("{}: {} {}", escaped(kind), exactly(value), words(note))
        }));
    }
}

fn words(text: &Text) -> String {
    escaped(&text.words)
}

/// A value to the letter, as code: what is copied from the file itself is right too.
fn exactly(value: &str) -> String {
    let value: String = value
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let runs = value.split(|letter| letter != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or_default() + 1);
    // Of code that begins and ends with a space, one of each is not shown.
    let padded = value.starts_with(['`', ' ']) || value.ends_with(['`', ' ']);
    let pad = if padded { " " } else { "" };
    format!("{fence}{pad}{value}{pad}{fence}")
}

/// A source's words as words alone: nothing in them is a heading, a link, a picture or a tag.
fn escaped(text: &str) -> String {
    let text = text.trim();
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    for (at, letter) in text.char_indices() {
        if letter.is_control() {
            // A paragraph of its own could begin with anything.
            if !out.ends_with(' ') {
                out.push(' ');
            }
            continue;
        }
        let always = "\\`*_[]<>|~&#!".contains(letter);
        let rest = text.get(at..).unwrap_or_default();
        let first = out.trim_start().is_empty() && "-+=:".contains(letter);
        if always || first || at_start && ".)".contains(letter) || links(text, at, rest) {
            out.push('\\');
        }
        at_start = at_start && letter.is_ascii_digit();
        out.push(letter);
    }
    out
}

/// Whether a renderer that makes links of bare addresses would, but for a backslash here.
fn links(text: &str, at: usize, rest: &str) -> bool {
    let before = at.checked_sub(3).and_then(|from| text.get(from..at));
    rest.starts_with("://")
        || rest.starts_with('.') && before.is_some_and(|www| www.eq_ignore_ascii_case("www"))
}

#[cfg(test)]
mod tests {
    use super::{escaped, exactly};

    #[test]
    fn a_value_is_in_the_file_to_the_letter() {
        for (value, text) in [
            ("198.51.100.7", "`198.51.100.7`"),
            ("http://www.a.example/_x_", "`http://www.a.example/_x_`"),
            ("a`b``c", "```a`b``c```"),
            ("`a", "`` `a ``"),
            ("a\n# b", "`a # b`"),
        ] {
            assert_eq!(exactly(value), text);
        }
    }

    #[test]
    fn a_sources_words_are_no_markup() {
        for (words, text) in [
            ("停電 (2時間)", "停電 (2時間)"),
            ("# 見出し", "\\# 見出し"),
            ("a\n\n# b", "a \\# b"),
            ("![x](http://a/)", "\\!\\[x\\](http\\://a/)"),
            ("<script>", "\\<script\\>"),
            ("- 項目", "\\- 項目"),
            ("1. 項目", "1\\. 項目"),
            ("a\\*b", "a\\\\\\*b"),
            ("HTTPS://a.example", "HTTPS\\://a.example"),
            ("見よWWW.a.example", "見よWWW\\.a.example"),
            ("12:30 a.b", "12:30 a.b"),
            ("2026-11-23 09:00", "2026-11-23 09:00"),
        ] {
            assert_eq!(escaped(words), text);
        }
    }
}
