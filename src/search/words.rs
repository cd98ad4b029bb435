//! Names of what reports are marked with, in Japanese and English, so that whoever types a name also
//! finds what is only marked with it.

use std::collections::BTreeMap;

use super::document::mark;
use super::fold::{Letter, fold, text_of};
use super::query::Query;

/// Names and the marks they stand for.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary(BTreeMap<String, Vec<String>>);

impl Vocabulary {
    /// The names of codes, with others that are given with their marks.
    pub fn new<'a>(more: impl Iterator<Item = (&'a str, String)>) -> Self {
        let mut names = Self::default();
        for (kind, code, words) in NAMES {
            for word in words.iter().chain([code]) {
                names.put(word, mark(kind, code));
            }
        }
        for (name, mark) in more {
            names.put(name, mark);
        }
        names
    }

    fn put(&mut self, name: &str, mark: String) {
        let name = text_of(&fold(name));
        if !name.is_empty() {
            self.0.entry(name).or_default().push(mark);
        }
    }

    fn marks(&self, letters: &[Letter]) -> &[String] {
        self.0.get(&text_of(letters)).map_or(&[], Vec::as_slice)
    }
}

impl Query {
    /// Gives each word the marks that it is a name of.
    pub fn name(&mut self, vocabulary: &Vocabulary) {
        for word in self.words.iter_mut().filter(|word| !word.exact) {
            let whole = word.ways.iter().filter_map(|way| match way.as_slice() {
                [one] => Some(vocabulary.marks(&one.letters)),
                _ => None,
            });
            word.marks = whole.flatten().cloned().collect();
        }
    }
}

type Name = (&'static str, &'static str, &'static [&'static str]);

const NAMES: &[Name] = &[
    (
        "kind",
        "incident_cause",
        &["原因情報", "事故等の原因情報", "incident cause"],
    ),
    (
        "kind",
        "best_practice",
        &["ベストプラクティス", "取組事例", "best practice"],
    ),
    ("kind", "advisory", &["注意喚起", "advisory"]),
    (
        "event_type",
        "near_miss",
        &[
            "予兆",
            "ヒヤリハット",
            "予兆・ヒヤリハット",
            "near miss",
            "precursor",
        ],
    ),
    (
        "event_type",
        "info_leak",
        &[
            "情報の漏えい",
            "情報漏えい",
            "情報漏洩",
            "漏えい",
            "漏洩",
            "information leak",
            "data leak",
            "leak",
        ],
    ),
    (
        "event_type",
        "info_destruction",
        &["情報の破壊", "データ破壊", "data corruption"],
    ),
    (
        "event_type",
        "system_unavailable",
        &[
            "システム等の利用困難",
            "利用困難",
            "サービス停止",
            "outage",
            "unavailable",
        ],
    ),
    (
        "event_type",
        "malware_infection",
        &[
            "マルウェア等の感染",
            "マルウェア感染",
            "ウイルス感染",
            "malware infection",
        ],
    ),
    (
        "event_type",
        "malicious_code_execution",
        &[
            "不正コード等の実行",
            "不正コード実行",
            "malicious code execution",
        ],
    ),
    (
        "event_type",
        "system_intrusion",
        &[
            "システム等への侵入",
            "不正侵入",
            "不正アクセス",
            "intrusion",
            "unauthorised access",
            "unauthorized access",
        ],
    ),
    (
        "cause_type",
        "suspicious_mail",
        &[
            "不審メール等の受信",
            "不審メール",
            "標的型メール",
            "フィッシング",
            "フィッシングメール",
            "suspicious mail",
            "phishing",
        ],
    ),
    (
        "cause_type",
        "id_spoofing",
        &["ユーザID等の偽り", "なりすまし", "id spoofing"],
    ),
    (
        "cause_type",
        "mass_access",
        &[
            "DDoS攻撃等の大量アクセス",
            "DDoS攻撃",
            "DDoS",
            "大量アクセス",
        ],
    ),
    (
        "cause_type",
        "info_theft",
        &[
            "情報の不正取得",
            "情報窃取",
            "information theft",
            "data theft",
        ],
    ),
    (
        "cause_type",
        "insider",
        &["内部不正", "内部犯行", "insider"],
    ),
    (
        "cause_type",
        "improper_operation",
        &["適切なシステム等運用の未実施", "運用の未実施", "運用不備"],
    ),
    (
        "cause_type",
        "user_error",
        &[
            "ユーザの操作ミス",
            "操作ミス",
            "誤操作",
            "ヒューマンエラー",
            "human error",
            "user error",
        ],
    ),
    (
        "cause_type",
        "user_mgmt_error",
        &["ユーザの管理ミス", "管理ミス"],
    ),
    (
        "cause_type",
        "suspicious_file_exec",
        &["不審なファイルの実行"],
    ),
    ("cause_type", "suspicious_site", &["不審なサイトの閲覧"]),
    (
        "cause_type",
        "contractor_mgmt_error",
        &[
            "外部委託先の管理ミス",
            "委託先の管理ミス",
            "委託先管理",
            "contractor management",
        ],
    ),
    (
        "cause_type",
        "equipment_failure",
        &[
            "機器等の故障",
            "機器故障",
            "機器の故障",
            "equipment failure",
            "hardware failure",
        ],
    ),
    (
        "cause_type",
        "system_vulnerability",
        &["システムの脆弱性", "脆弱性", "vulnerability"],
    ),
    (
        "cause_type",
        "cross_sector_ripple",
        &[
            "他分野の障害からの波及",
            "他分野からの波及",
            "波及",
            "ripple",
        ],
    ),
    (
        "cause_type",
        "disaster_disease",
        &["災害や疾病等", "災害", "自然災害", "disaster"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_its_mark_and_a_part_of_it_does_not() {
        let sector = std::iter::once(("電力", mark("sector", "power")));
        let vocabulary = Vocabulary::new(sector);
        let marks = |text: &str| {
            let mut query = Query::parse(text).unwrap();
            query.name(&vocabulary);
            query
                .words
                .into_iter()
                .flat_map(|word| word.marks)
                .collect::<Vec<_>>()
        };
        assert_eq!(marks("電力"), ["sector:power"]);
        assert_eq!(marks("ヒヤリ・ハット"), ["event_type:near_miss"]);
        assert_eq!(marks("機器故障 夜間"), ["cause_type:equipment_failure"]);
        assert!(marks("電").is_empty());
        assert!(marks("夜間").is_empty());
    }
}
