//! The anonymised form of a report.
//!
//! What identifies the source goes, whatever the profile says; what the profile names goes too; and
//! every string the source listed is replaced wherever it stands (`scrub`). Members this module
//! does not know are dropped, so that a new one cannot leak by being forgotten here. The result is
//! again a report that passes the schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Report;
use super::identity_check::Mark;
use super::scrub::Scrubber;

/// Makes the anonymised form; `profile` names the `particulars` that the joined rule strips.
pub fn anonymise(report: &Report, profile: &BTreeSet<String>) -> Value {
    anonymise_for(report, profile, &[])
}

/// Makes the anonymised form and strips the marks of the source's own body as well.
///
/// An indicator that carries one of them is dropped whole; in text they give way to `[removed]`.
pub fn anonymise_for(report: &Report, profile: &BTreeSet<String>, own: &[Mark]) -> Value {
    let scrubber = Scrubber::new(report, own);
    let mut out = Map::new();
    for (key, value) in report.to_value().as_object().into_iter().flatten() {
        if let Some(kept) = member(&scrubber, profile, key, value) {
            out.insert(key.clone(), kept);
        }
    }
    Value::Object(out)
}

/// Returns the band of a count: `0`, else the power of ten it lies in (`100,000-999,999`).
///
/// ```
/// assert_eq!(sekisho::report::anonymise::band(4985), "1,000-9,999");
/// ```
pub fn band(count: u64) -> String {
    if count == 0 {
        return "0".to_owned();
    }
    let power = count.ilog10();
    let low = 10_u128.pow(power);
    format!("{}-{}", grouped(low), grouped(low * 10 - 1))
}

fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn member(
    scrubber: &Scrubber,
    profile: &BTreeSet<String>,
    key: &str,
    value: &Value,
) -> Option<Value> {
    match key {
        // Closed vocabularies: the same words for every source, so they identify none.
        "kind"
        | "stage"
        | "sector"
        | "useful_for_sectors"
        | "information_classes"
        | "event_types"
        | "cause_types"
        | "malicious"
        | "worked_in_sectors"
        | "prevents_causes" => Some(value.clone()),
        "title" | "summary" | "practice" => Some(
            scrubber
                .text(value)
                .unwrap_or_else(|| scrubber.placeholder()),
        ),
        "narrative" | "lesson" | "cost" | "effect" => scrubber.text(value),
        "root_cause" if value.is_string() => Some(value.clone()),
        "root_cause" => scrubber.text(value),
        "best_practices" | "contributing_factors" | "preconditions" => Some(scrubber.texts(value)),
        "countermeasures" => {
            let lists = value.as_object()?.iter();
            Some(Value::Object(
                lists
                    .map(|(key, list)| (key.clone(), scrubber.texts(list)))
                    .collect(),
            ))
        }
        "handling" => {
            let mut handling = value.as_object()?.clone();
            handling.shift_remove("named");
            handling.shift_remove("sharing_group");
            // Where they pointed is another report's shape.
            handling.shift_remove("portions");
            Some(Value::Object(handling))
        }
        // A free code may hold a product's or a system's name; half a code would mean nothing.
        "sub_cause" => Some(value.clone()).filter(|code| scrubber.is_clean(code)),
        "particulars" => {
            let kept = value
                .as_object()?
                .iter()
                .filter(|(key, _)| *key != "org" && !profile.contains(*key));
            let kept: Map<_, _> = kept
                .filter_map(|(key, text)| Some((key.clone(), scrubber.text(text)?)))
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        "severity" => {
            let mut severity = value.as_object()?.clone();
            if let Some(basis) = severity
                .shift_remove("basis")
                .and_then(|b| scrubber.neutral(b.as_str()?))
            {
                severity.insert("basis".to_owned(), Value::String(basis));
            }
            Some(Value::Object(severity))
        }
        "impact" => impact(scrubber, value),
        "advisory" => advisory(scrubber, value),
        "timeline" => {
            // A time that is itself to be stripped takes its entry with it.
            let kept = value
                .as_array()?
                .iter()
                .filter(|entry| entry.get("at").is_some_and(|at| scrubber.is_clean(at)));
            Some(
                kept.map(|entry| with_text(scrubber, entry, "text", true))
                    .collect(),
            )
        }
        "indicators" => {
            let kept = value
                .as_array()?
                .iter()
                .filter(|item| item.get("value").is_some_and(|v| scrubber.is_clean(v)));
            Some(
                kept.map(|item| with_text(scrubber, item, "note", false))
                    .collect(),
            )
        }
        // organisation, source_operator, reference, must_anonymise, related, and whatever is new.
        _ => None,
    }
}

/// The document it was read from names its publisher throughout, so it goes; so do bodies it is
/// addressed to.
fn advisory(scrubber: &Scrubber, value: &Value) -> Option<Value> {
    let mut out = Map::new();
    for (key, value) in value.as_object()? {
        let kept = match key.as_str() {
            "type" | "urgency" | "route" | "due" | "drill" => Some(value.clone()),
            "measures" => Some(scrubber.texts(value)).filter(|list| *list != Value::Array(vec![])),
            "references" => clean_entries(scrubber, value),
            "targets" => {
                let mut targets = Map::new();
                for (key, list) in value.as_object()? {
                    let kept = match key.as_str() {
                        "sectors" => Some(list.clone()),
                        "asset_classes" | "products" | "regions" => clean_entries(scrubber, list),
                        _ => None,
                    };
                    targets.extend(kept.map(|list| (key.clone(), list)));
                }
                (!targets.is_empty()).then_some(Value::Object(targets))
            }
            _ => None,
        };
        out.extend(kept.map(|value| (key.clone(), value)));
    }
    Some(Value::Object(out))
}

/// The entries of a list that name nothing to be stripped; `None` where none is left.
fn clean_entries(scrubber: &Scrubber, list: &Value) -> Option<Value> {
    let kept = list.as_array()?.iter().filter(|entry| {
        let members = entry.as_object().into_iter().flatten();
        let mut words = members.map(|(_, word)| word).chain([*entry]);
        words.all(|word| !word.is_string() || scrubber.is_clean(word))
    });
    let kept: Vec<Value> = kept.cloned().collect();
    (!kept.is_empty()).then_some(Value::Array(kept))
}

fn impact(scrubber: &Scrubber, value: &Value) -> Option<Value> {
    let mut impact = value.as_object()?.clone();
    if let Some(description) = impact
        .shift_remove("description")
        .and_then(|text| scrubber.text(&text))
    {
        impact.insert("description".to_owned(), description);
    }
    let count = impact
        .shift_remove("affected_count")
        .as_ref()
        .and_then(whole);
    if let Some(count) = count
        && !impact.contains_key("affected_band")
    {
        impact.insert("affected_band".to_owned(), Value::String(band(count)));
    }
    (!impact.is_empty()).then_some(Value::Object(impact))
}

/// Reads a count; JSON Schema counts `3.0` among the integers.
fn whole(count: &Value) -> Option<u64> {
    count
        .as_u64()
        .or_else(|| format!("{:.0}", count.as_f64()?).parse().ok())
}

fn with_text(scrubber: &Scrubber, entry: &Value, key: &str, required: bool) -> Value {
    let mut entry = entry.clone();
    if let Some(members) = entry.as_object_mut()
        && let Some(text) = members.shift_remove(key)
    {
        let text = scrubber
            .text(&text)
            .or_else(|| required.then(|| scrubber.placeholder()));
        members.extend(text.map(|text| (key.to_owned(), text)));
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use serde_json::json;

    fn report(extra: Value) -> Report {
        let mut value = json!({
            "kind": "incident_cause", "sector": "finance",
            "title": {"ja": "題"}, "summary": {"en": "What happened"},
            "event_types": ["near_miss"], "cause_types": ["unknown"]
        });
        value
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        Report::from_value(value).unwrap()
    }

    fn plain(extra: Value) -> Value {
        anonymise(&report(extra), &BTreeSet::new())
    }

    #[test]
    fn no_listed_string_of_any_sample_stays_and_the_result_is_a_report() {
        for value in sample::reports() {
            let report = Report::from_value(value.clone()).unwrap();
            let out = anonymise(&report, &BTreeSet::new());
            assert!(
                Report::from_value(out.clone()).is_ok(),
                "{:?}",
                Report::from_value(out)
            );
            let text = out.to_string();
            for entry in report.must_anonymise() {
                let quoted = Value::from(entry.text).to_string();
                assert!(
                    !text.contains(quoted.trim_matches('"')),
                    "{} in {text}",
                    entry.text
                );
            }
            for key in [
                "organisation",
                "source_operator",
                "reference",
                "must_anonymise",
                "related",
            ] {
                assert!(out.get(key).is_none());
            }
            assert!(
                out["impact"].get("affected_count").is_none()
                    && out["impact"].get("affected_band").is_some()
            );
            assert_eq!(out["summary"], value["summary"]);
            assert_eq!(out["timeline"], value["timeline"]);
        }
    }

    #[test]
    fn the_organisation_is_stripped_even_if_not_listed() {
        let out = plain(json!({
            "organisation": {"ja": "株式会社あかつき銀行", "en": "Akatsuki Bank, Ltd."},
            "must_anonymise": [{"text": "株式会社あかつき銀行", "type": "org", "replace_ja": "金融機関A", "replace_en": "bank A"}],
            "reference": "FIN-01", "source_operator": "op-7",
            "narrative": {"ja": "あかつき 銀行[akatsuki bank]のFIN-01で", "en": "AKATSUKI BANK, and op-7"}
        }));
        assert_eq!(
            out["narrative"],
            json!({"ja": "金融機関A[金融機関A]の[removed]で", "en": "bank A, and [removed]"})
        );
    }

    #[test]
    fn replacements_follow_the_language_and_the_longest_text_wins() {
        let out = plain(json!({
            "must_anonymise": [
                {"text": "西町", "type": "site", "replace_ja": "(削除)"},
                {"text": "西町センター", "type": "site", "replace_ja": "拠点", "replace_en": "site"},
                {"text": "TAMANET", "type": "system_name"}
            ],
            "narrative": {"ja": "西町の西町ｾﾝﾀｰでｔａｍａｎｅｔ停止", "en": "西町センター: tamanet"},
            "severity": {"continuity": 0, "safety": 0, "trust": 0, "level": 0, "basis": "by Tamanet staff"}
        }));
        assert_eq!(
            out["narrative"],
            json!({"ja": "の拠点で[removed]停止", "en": "site: [removed]"})
        );
        assert_eq!(out["severity"]["basis"], "by [removed] staff");
    }

    #[test]
    fn replacing_ends_and_brings_nothing_back() {
        let out = plain(json!({
            "must_anonymise": [
                {"text": "AB", "type": "org", "replace_ja": "CD", "replace_en": "AB"},
                {"text": "CD", "type": "org", "replace_ja": "AB", "replace_en": ""},
                {"text": "[r", "type": "org"}, {"text": "A[", "type": "org"}
            ],
            "title": {"ja": "AB"}, "narrative": {"ja": "A[rCDB ABCD", "en": "ACDB"}
        }));
        let text = out.to_string().to_lowercase();
        for gone in ["ab", "cd", "[r", "a["] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
        assert!(Report::from_value(out).is_ok());
    }

    #[test]
    fn a_text_made_to_be_slow_goes_whole_and_one_made_to_grow_is_cut() {
        let strip =
            |text: &str, with: &str| json!([{"text": text, "type": "org", "replace_ja": with}]);
        let nested = ["a".repeat(9000), "b".repeat(9000)].concat();
        let nested = json!({ "ja": nested });
        assert!(
            plain(json!({"must_anonymise": strip("ab", ""), "narrative": nested}))
                .get("narrative")
                .is_none()
        );
        let growing = json!({"ja": "あ".repeat(20_000)});
        let out =
            plain(json!({"must_anonymise": strip("あ", &"い".repeat(500)), "narrative": growing}));
        assert_eq!(
            out["narrative"]["ja"].as_str().unwrap().chars().count(),
            20_000
        );
    }

    #[test]
    fn particulars_of_the_profile_go_and_others_stay() {
        let all = json!({"particulars": {"org": {"ja": "甲"}, "site": {"ja": "乙"}, "amount": {"ja": "丙"}}});
        let profile = BTreeSet::from(["site".to_owned()]);
        assert_eq!(
            anonymise(&report(all.clone()), &profile)["particulars"],
            json!({"amount": {"ja": "丙"}})
        );
        assert_eq!(
            plain(all)["particulars"],
            json!({"site": {"ja": "乙"}, "amount": {"ja": "丙"}})
        );
    }

    #[test]
    fn an_exact_count_gives_way_to_its_band() {
        let impact = |impact: Value| plain(json!({ "impact": impact })).get("impact").cloned();
        assert_eq!(
            impact(json!({"affected_count": 412, "duration_minutes": 3})),
            Some(json!({"duration_minutes": 3, "affected_band": "100-999"}))
        );
        assert_eq!(
            impact(json!({"affected_count": 412, "affected_band": "1-999"})),
            Some(json!({"affected_band": "1-999"}))
        );
        assert_eq!(
            impact(json!({"affected_count": 7.0})),
            Some(json!({"affected_band": "1-9"}))
        );
        assert_eq!(impact(json!({"affected_count": "unknown"})), None);
        for (count, wanted) in [
            (0, "0"),
            (1, "1-9"),
            (9, "1-9"),
            (10, "10-99"),
            (210_000, "100,000-999,999"),
            (1_000_000, "1,000,000-9,999,999"),
            (
                u64::MAX,
                "10,000,000,000,000,000,000-99,999,999,999,999,999,999",
            ),
        ] {
            assert_eq!(band(count), wanted);
        }
    }

    #[test]
    fn an_indicator_that_names_the_source_is_dropped_whole() {
        let listed = json!({
            "must_anonymise": [{"text": "甲サーバ", "type": "hostname"}],
            "indicators": [
                {"type": "other", "value": "甲ｻｰﾊﾞへの接続"}, {"type": "url", "value": "https://x.own.example/a"},
                {"type": "ipv4", "value": "192.0.2.9"}, {"type": "ipv4", "value": "198.51.100.1", "note": {"ja": "甲サーバから"}}
            ]
        });
        let own = [
            Mark::Domain("own.example".to_owned()),
            Mark::Network("192.0.2.0/24".parse().unwrap()),
        ];
        let out = anonymise_for(&report(listed.clone()), &BTreeSet::new(), &own);
        assert_eq!(
            out["indicators"],
            json!([{"type": "ipv4", "value": "198.51.100.1", "note": {"ja": "[removed]から"}}])
        );
        assert_eq!(plain(listed)["indicators"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn what_is_wholly_stripped_leaves_a_valid_report() {
        let out = plain(json!({
            "must_anonymise": [{"text": "題", "type": "other", "replace_ja": ""}, {"text": "2026-01-01", "type": "date"}, {"text": "tama", "type": "system_name"}],
            "lesson": {"ja": "題"}, "best_practices": [{"ja": "題"}, {"ja": "次"}], "sub_cause": "tamanet_lock",
            "timeline": [{"at": "2026-01-01T00:00:00Z", "text": {"ja": "前"}}, {"at": "2026-01-02T00:00:00Z", "text": {"ja": "題"}}],
            "handling": {"scheme": "S1", "level": "会員限", "named": ["p1"]}
        }));
        assert_eq!(out["title"], json!({"en": "[removed]"}));
        assert!(out.get("lesson").is_none() && out.get("sub_cause").is_none());
        assert_eq!(out["best_practices"], json!([{"ja": "次"}]));
        assert_eq!(
            out["timeline"],
            json!([{"at": "2026-01-02T00:00:00Z", "text": {"en": "[removed]"}}])
        );
        assert_eq!(out["handling"], json!({"scheme": "S1", "level": "会員限"}));
        assert!(Report::from_value(out).is_ok());
    }
}
