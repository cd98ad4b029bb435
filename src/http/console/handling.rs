//! What a reader may do with an item, in plain words, from the obligations that came with it. It says
//! what the rule says and nothing of what the rule gives others.

use chrono::{DateTime, TimeDelta};
use serde_json::Value;

use super::language::Language;
use super::words::word;
use crate::exchange::dossier::Dossier;
use crate::stix::timestamp::{format_taxii, parse_lenient};

/// One sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// `may`, `only` or `not`: how it is marked beside its words.
    pub kind: &'static str,
    /// The words.
    pub words: String,
}

/// The handling of an item in sentences, and the day by which it is to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plainly {
    /// In the order in which they matter.
    pub sentences: Vec<Sentence>,
    /// When copies are to be gone, as a time; empty for no such day.
    pub delete_by: String,
}

const THIRD_PARTIES: [(&str, &str, &str); 4] = [
    ("group", "グループ会社", "companies of your group"),
    ("vendor", "委託先・ベンダー", "contractors and vendors"),
    ("client", "顧客", "your clients"),
    ("overseas", "国外", "anyone outside Japan"),
];

const PASSING: [(&str, &str, &str, &str); 4] = [
    ("allow", "may", "次へは渡せます", "You may pass this to"),
    (
        "nda",
        "only",
        "秘密保持契約があれば次へ渡せます",
        "Under a non-disclosure agreement you may pass it to",
    ),
    (
        "approval",
        "only",
        "提供元の承認を得れば次へ渡せます",
        "With the source's approval you may pass it to",
    ),
    ("deny", "not", "次へは渡せません", "Do not pass it to"),
];

/// What each label allows at most, in the words of the protocol's own definitions.
fn of_label(language: Language, tlp: &str) -> &'static str {
    match tlp.trim_start_matches("TLP:") {
        "RED" => language.t(
            "受け取った本人限り。同じ組織の人にも渡せません。",
            "For the named recipients only; not even for colleagues.",
        ),
        "AMBER+STRICT" => language.t(
            "自組織内で、知る必要がある人に限ります。",
            "Within your own organisation, for those who need to know.",
        ),
        "AMBER" => language.t(
            "自組織と、守るために必要な範囲の顧客に限ります。",
            "Within your organisation and, where it protects them, its clients.",
        ),
        "GREEN" => language.t(
            "コミュニティ内に限ります。公開の場には出せません。",
            "Within the community; never on a public channel.",
        ),
        "CLEAR" => language.t("公開に制限はありません。", "No limit on passing it on."),
        _ => language.t(
            "取扱いが不明です。渡せません。",
            "Unknown: pass it to nobody.",
        ),
    }
}

/// Puts the obligations of an item into sentences. `released_at` is when the reader got it.
pub fn plainly(language: Language, tlp: &str, obligations: &Value, released_at: &str) -> Plainly {
    let mut sentences = vec![Sentence {
        kind: "only",
        words: format!("{tlp}: {}", of_label(language, tlp)),
    }];
    let mut add = |kind, words: String| sentences.push(Sentence { kind, words });
    let text = |name: &str| obligations.get(name).and_then(Value::as_str).unwrap_or("");
    let list = |name: &str| -> Vec<String> {
        let found = obligations.get(name).and_then(Value::as_array);
        found
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|purpose| word(language, "purpose", purpose).to_owned())
            .collect()
    };
    let separator = language.t("、", ", ");
    let colon = language.t("：", ": ");
    for (passing, kind, ja, en) in PASSING {
        let to: Vec<&str> = THIRD_PARTIES
            .iter()
            .filter(|(party, ..)| {
                let said = obligations.get("onward").and_then(|all| all.get(party));
                // Law 1: what is not said is denied.
                said.and_then(Value::as_str).unwrap_or("deny") == passing
            })
            .map(|(_, ja, en)| language.t(ja, en))
            .collect();
        if !to.is_empty() {
            add(
                kind,
                format!("{}{colon}{}", language.t(ja, en), to.join(separator)),
            );
        }
    }
    let (allowed, prohibited) = (list("purposes_allowed"), list("purposes_prohibited"));
    if !allowed.is_empty() {
        let words = language.t("使える目的", "Use it only for");
        add("only", format!("{words}{colon}{}", allowed.join(separator)));
    }
    if !prohibited.is_empty() {
        let words = language.t("使ってはならない目的", "Never use it for");
        add(
            "not",
            format!("{words}{colon}{}", prohibited.join(separator)),
        );
    }
    let automated = match text("automated") {
        "allow" => None,
        "no_training" => {
            Some(language.t("機械学習の訓練に使えません。", "Do not train models on it."))
        }
        "no_external_ai" => Some(language.t(
            "社外のAIサービスに入力できません。",
            "Do not give it to external AI services.",
        )),
        _ => Some(language.t(
            "人が読むだけです。機械で処理できません。",
            "For people only; no automated processing.",
        )),
    };
    if let Some(words) = automated {
        add("not", words.to_owned());
    }
    let pap = match text("pap") {
        "CLEAR" => None,
        "GREEN" => Some((
            "may",
            language.t(
                "遮断などの能動的な対処に使えます。",
                "Active measures such as blocking are allowed.",
            ),
        )),
        "AMBER" => Some((
            "only",
            language.t(
                "受動的な照合に限ります。相手に気付かれる対処はできません。",
                "Passive checks only; nothing the attacker could notice.",
            ),
        )),
        _ => Some((
            "not",
            language.t(
                "外から観測できる対処はできません。",
                "Nothing that could be detected from outside.",
            ),
        )),
    };
    if let Some((kind, words)) = pap {
        add(kind, words.to_owned());
    }
    if obligations.get("storage_jp_only").and_then(Value::as_bool) != Some(false) {
        add(
            "only",
            language
                .t(
                    "国内でのみ保存できます。",
                    "Keep it on storage in Japan only.",
                )
                .to_owned(),
        );
    }
    if let Some(days) = obligations
        .get("retention_min_days")
        .and_then(Value::as_i64)
        && days > 0
    {
        add(
            "only",
            match language {
                Language::Ja => format!("少なくとも{days}日間は保存してください。"),
                Language::En => format!("Keep it for at least {days} days."),
            },
        );
    }
    if let Some(hours) = obligations.get("ack_hours").and_then(Value::as_i64) {
        add(
            "only",
            match language {
                Language::Ja => format!("{hours}時間以内に受領を確認してください。"),
                Language::En => format!("Acknowledge it within {hours} hours."),
            },
        );
    }
    if let Some(k) = obligations.get("k").and_then(Value::as_i64)
        && k > 1
    {
        add(
            "only",
            match language {
                Language::Ja => format!("統計に使うときは{k}者以上をまとめてください。"),
                Language::En => format!("In statistics, only in groups of at least {k}."),
            },
        );
    }
    let days = obligations
        .get("retention_max_days")
        .and_then(Value::as_i64);
    let delete_by = days
        .zip(parse_lenient(released_at))
        .and_then(|(days, from)| {
            let from = DateTime::from_timestamp_micros(from)?;
            let until = from.checked_add_signed(TimeDelta::try_days(days)?)?;
            Some(format_taxii(until.timestamp_micros()))
        })
        .unwrap_or_default();
    Plainly {
        sentences,
        delete_by,
    }
}

/// The handling of several cases as one document.
pub fn whole(language: Language, dossier: &Dossier) -> Plainly {
    Plainly {
        delete_by: dossier.delete_by.clone().unwrap_or_default(),
        ..plainly(language, &dossier.tlp, &dossier.obligations, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words(obligations: &Value) -> Plainly {
        plainly(
            Language::En,
            "TLP:AMBER",
            obligations,
            "2026-11-22T00:00:00.000000Z",
        )
    }

    #[test]
    fn what_is_not_said_is_denied() {
        let said = words(&json!({}));
        let all: Vec<&str> = said.sentences.iter().map(|s| s.words.as_str()).collect();
        assert!(
            all.iter()
                .any(|s| s.starts_with("Do not pass it to: companies of your group, contractors")),
            "{all:?}"
        );
        assert!(all.iter().any(|s| s.contains("people only")), "{all:?}");
        assert!(all.iter().any(|s| s.contains("Japan only")), "{all:?}");
        assert_eq!(said.delete_by, "");
    }

    #[test]
    fn each_third_party_is_told_what_the_rule_says_of_it() {
        let said = words(&json!({
            "onward": {"group": "deny", "vendor": "nda", "client": "allow", "overseas": "approval"},
            "automated": "allow", "pap": "CLEAR", "storage_jp_only": false, "retention_max_days": 30,
        }));
        let all: Vec<(&str, &str)> = said
            .sentences
            .iter()
            .map(|s| (s.kind, s.words.as_str()))
            .collect();
        assert_eq!(
            all[1..],
            [
                ("may", "You may pass this to: your clients"),
                (
                    "only",
                    "Under a non-disclosure agreement you may pass it to: contractors and vendors"
                ),
                (
                    "only",
                    "With the source's approval you may pass it to: anyone outside Japan"
                ),
                ("not", "Do not pass it to: companies of your group"),
            ]
        );
        assert_eq!(said.delete_by, "2026-12-22T00:00:00.000000Z");
    }
}
