//! What search and statistics speak of, in words: filters, the places of a report, classes of duration,
//! and the rules of a query. A word that is not here is shown as it is.

use super::cases::sector;
use super::language::Language;
use super::words::word;
use crate::council::Directory;

/// Name, Japanese, English.
type Row = (&'static str, &'static str, &'static str);

/// Filters, and what similar cases share.
const NAMES: &[Row] = &[
    ("kind", "種類", "Kind"),
    ("stage", "段階", "Stage"),
    ("sector", "分野", "Sector"),
    ("useful_for", "役立つ分野", "Useful for"),
    ("information_class", "情報の区分", "Class of information"),
    ("event_type", "事象", "Event"),
    ("cause_type", "原因", "Cause"),
    ("sub_cause", "原因の細目", "Sub-cause"),
    ("malicious", "攻撃か", "Attack"),
    ("severity", "深刻度", "Severity"),
    ("ripple", "波及", "Ripple"),
    ("ripple_to", "波及した分野", "Rippled to"),
    ("affected_band", "影響の規模", "Affected"),
    (
        "service_level_deviation",
        "サービス維持レベルの逸脱",
        "Service level missed",
    ),
    ("worked_in", "効果のあった分野", "Worked in"),
    ("prevents", "防げる原因", "Prevents"),
    ("advisory_type", "注意喚起の種別", "Type of advisory"),
    ("urgency", "緊急度", "Urgency"),
    ("target_sector", "対象の分野", "Target sector"),
    ("asset_class", "資産の種類", "Class of asset"),
    ("product", "製品", "Product"),
    ("indicator_type", "痕跡情報の種類", "Type of indicator"),
    ("indicator", "痕跡情報", "Indicator"),
    ("word", "言葉", "Word"),
    ("tlp", "TLP", "TLP"),
    ("form", "形", "Form"),
    ("level", "取扱いの区分", "Level"),
    ("feedback", "フィードバック", "Feedback"),
    ("from", "公開日（から）", "Released from"),
    ("to", "公開日（より前）", "Released before"),
    ("minutes_min", "継続時間（分以上）", "Minutes, at least"),
    ("minutes_max", "継続時間（分以下）", "Minutes, at most"),
    ("drill", "訓練", "Drills"),
    ("quarter", "四半期（UTC）", "Quarter (UTC)"),
    ("outcome", "実際に起きたか", "Whether it happened"),
    ("duration", "継続時間", "Duration"),
    ("title", "件名", "Title"),
];

/// Members of a report in which something is found.
const PLACES: &[Row] = &[
    ("title", "件名", "Title"),
    ("summary", "概要", "Summary"),
    ("narrative", "経緯", "What happened"),
    ("impact", "影響", "Impact"),
    ("root_cause", "根本原因", "Root cause"),
    ("practice", "取組み", "Practice"),
    ("effect", "効果", "Effect"),
    ("cost", "費用", "Cost"),
    ("lesson", "教訓", "Lesson"),
    ("timeline", "時系列", "Timeline"),
    ("contributing_factors", "背景要因", "Contributing factors"),
    ("countermeasures", "対策", "Measures"),
    ("preconditions", "前提条件", "Preconditions"),
    ("best_practices", "ベストプラクティス", "Best practices"),
    ("advisory", "注意喚起", "Advisory"),
    ("indicators", "痕跡情報", "Indicators"),
    ("reference", "整理番号", "Reference"),
    ("organisation", "提供元の組織", "Organisation"),
    ("sub_cause", "原因の細目", "Sub-cause"),
];

const DURATIONS: &[Row] = &[
    ("under_1h", "1時間未満", "under 1 hour"),
    ("1h_to_4h", "1〜4時間", "1 to 4 hours"),
    ("4h_to_24h", "4〜24時間", "4 to 24 hours"),
    ("1d_to_7d", "1〜7日", "1 to 7 days"),
    ("over_7d", "7日以上", "7 days or more"),
];

/// The rules of a query as the engine says them, and in Japanese.
const RULES: &[(&str, &str)] = &[
    (
        "a query has at most 500 characters",
        "検索語は500文字までです。",
    ),
    ("a query has at most 20 words", "言葉は20個までです。"),
    (
        "OR stands between two words",
        "OR は二つの言葉の間に置きます。",
    ),
    (
        "a word has a letter or a digit",
        "言葉には文字か数字が要ります。",
    ),
    (
        "an exclusion has a word right behind its minus",
        "除く言葉は「-」のすぐ後に続けます。",
    ),
    (
        "a phrase ends with its closing quotation mark",
        "引用符で始めた句は、引用符で閉じます。",
    ),
];

fn of<'a>(rows: &[Row], language: Language, name: &'a str) -> &'a str {
    let row = rows.iter().find(|(known, ..)| *known == name);
    row.map_or(name, |(_, ja, en)| language.t(ja, en))
}

/// What a filter, or a column of a table, is called.
pub fn name(language: Language, name: &str) -> &str {
    of(NAMES, language, name)
}

/// What a row of a comparison is called: a filter, or a member of a report.
pub fn row(language: Language, field: &'static str) -> &'static str {
    match field {
        "duration_minutes" => language.t("継続時間（分）", "Duration (minutes)"),
        "interim" => language.t("暫定対策", "Interim measures"),
        "permanent" => language.t("恒久対策", "Permanent measures"),
        "measures" => language.t("求める対応", "Measures asked for"),
        field => match of(NAMES, language, field) {
            unknown if unknown == field => of(PLACES, language, field),
            name => name,
        },
    }
}

/// What the place of a JSON pointer is called: its first member.
pub fn place(language: Language, pointer: &str) -> &str {
    let first = pointer.split('/').nth(1).unwrap_or_default();
    of(PLACES, language, first)
}

/// A rule of the query language in words.
pub fn rule(language: Language, rule: &'static str) -> &'static str {
    let row = RULES.iter().find(|(known, _)| *known == rule);
    row.map_or(rule, |(en, ja)| language.t(ja, en))
}

/// What a value of a filter or of a column is called.
pub fn value(language: Language, directory: &Directory, name: &str, value: &str) -> String {
    let group = match name {
        "sector" | "useful_for" | "ripple_to" | "worked_in" | "target_sector" => {
            return match value {
                "none" => language.t("なし", "none").to_owned(),
                "unknown" => language.t("不明", "unknown").to_owned(),
                code => sector(language, directory, code),
            };
        }
        "drill" | "ripple" | "service_level_deviation" => {
            return match value {
                "true" => language.t("あり", "yes"),
                "false" => language.t("なし", "no"),
                other => other,
            }
            .to_owned();
        }
        "outcome" => {
            return match value {
                "near_miss" => language.t("予兆・ヒヤリハット", "near miss"),
                "happened" => language.t("起きた", "happened"),
                other => other,
            }
            .to_owned();
        }
        "duration" => {
            let known = of(DURATIONS, language, value);
            return word(language, "cause", known).to_owned();
        }
        "event_type" => "event",
        "cause_type" | "prevents" => "cause",
        "advisory_type" => "advisory",
        "severity" => "severity",
        other => other,
    };
    let words = word(language, group, value);
    match (words, name) {
        ("none", _) => language.t("なし", "none").to_owned(),
        ("unknown", _) => language.t("不明", "unknown").to_owned(),
        (words, "severity") if words != value => format!("{value}（{words}）"),
        (words, _) => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Query;
    use crate::search::document::MARKS;

    #[test]
    fn every_filter_and_every_rule_has_words() {
        for mark in MARKS {
            assert_ne!(name(Language::Ja, mark), *mark);
        }
        for query in ["OR", "\"a", "-", "!", &"a ".repeat(21), &"a".repeat(501)] {
            let fault = Query::parse(query).err();
            let rule_told = fault.map(|fault| rule(Language::Ja, fault.rule));
            assert!(rule_told.is_some_and(|told| !told.is_ascii()), "{query}");
        }
    }
}
