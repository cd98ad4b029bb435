//! What is a report and what is not.

use super::*;
use serde_json::json;

fn minimal() -> Value {
    json!({
        "kind": "incident_cause", "sector": "gas",
        "title": {"ja": "題"}, "summary": {"en": "What happened"},
        "event_types": ["near_miss"], "cause_types": ["unknown"]
    })
}

fn practice() -> Value {
    json!({
        "kind": "best_practice", "sector": "gas",
        "title": {"ja": "題"}, "summary": {"en": "What works"}, "practice": {"ja": "実施内容"}
    })
}

fn with(mut base: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    base.pointer_mut(parent).unwrap()[key] = value;
    base
}

fn refused(value: Value) -> Vec<(String, String)> {
    let faults = Report::from_value(value).unwrap_err();
    faults
        .into_iter()
        .map(|fault| (fault.pointer, fault.rule))
        .collect()
}

fn only(pointer: &str, rule: &str) -> Vec<(String, String)> {
    vec![(pointer.to_owned(), rule.to_owned())]
}

#[test]
fn the_smallest_report_of_each_kind_is_accepted() {
    assert_eq!(
        Report::from_value(minimal()).unwrap().kind(),
        Kind::IncidentCause
    );
    assert_eq!(
        Report::from_value(practice()).unwrap().kind(),
        Kind::BestPractice
    );
}

#[test]
fn each_required_member_is_missed_by_name() {
    for key in [
        "kind",
        "sector",
        "title",
        "summary",
        "event_types",
        "cause_types",
    ] {
        let mut value = minimal();
        value.as_object_mut().unwrap().remove(key);
        assert_eq!(refused(value), only(&format!("/{key}"), "report.required"));
    }
    let mut value = practice();
    value.as_object_mut().unwrap().remove("practice");
    assert_eq!(refused(value), only("/practice", "report.required"));
}

#[test]
fn a_member_of_the_other_kind_is_refused() {
    let other = with(practice(), "/root_cause", json!({"ja": "原因"}));
    assert_eq!(refused(other), only("/root_cause", "report.not_for_kind"));
    let other = with(minimal(), "/cost", json!({"ja": "費用"}));
    assert_eq!(refused(other), only("/cost", "report.not_for_kind"));
    assert!(Report::from_value(with(practice(), "/cost", json!({"ja": "費用"}))).is_ok());
}

#[test]
fn unknown_members_are_refused_at_every_depth() {
    assert_eq!(
        refused(with(minimal(), "/x", json!(1))),
        only("/x", "report.unknown_property")
    );
    let odd = with(minimal(), "/title/fr", json!("titre"));
    assert_eq!(refused(odd), only("/title/fr", "report.unknown_property"));
    let odd = with(minimal(), "/impact", json!({"a/b~": 1}));
    assert_eq!(
        refused(odd),
        only("/impact/a~1b~0", "report.unknown_property")
    );
}

#[test]
fn neighbours_of_allowed_values_are_refused() {
    let severity = |level: Value| json!({"continuity": 1, "safety": 0, "trust": 2, "level": level});
    let handling = |tlp: &str| json!({"scheme": "S1", "level": "会員限", "tlp": tlp});
    let cases = [
        ("/sub_cause", json!("db_lock"), json!("DB lock")),
        ("/malicious", json!("unknown"), json!("maybe")),
        ("/severity", severity(json!(2)), severity(json!(1))),
        ("/severity", severity(json!(2)), severity(json!("unknown"))),
        (
            "/impact",
            json!({"affected_count": 0}),
            json!({"affected_count": -1}),
        ),
        (
            "/impact",
            json!({"affected_count": "unknown"}),
            json!({"affected_count": "many"}),
        ),
        (
            "/impact",
            json!({"affected_band": "1,000+"}),
            json!({"affected_band": "about 1,000"}),
        ),
        (
            "/impact",
            json!({"service_level_deviation": "unknown"}),
            json!({"service_level_deviation": 0}),
        ),
        ("/root_cause", json!("unknown"), json!("misconfiguration")),
        ("/root_cause", json!({"en": "x"}), json!({})),
        (
            "/title",
            json!({"ja": "あ".repeat(20000)}),
            json!({"ja": "あ".repeat(20001)}),
        ),
        ("/title", json!({"ja": "あ"}), json!({"ja": " \u{3000}"})),
        (
            "/best_practices",
            json!(vec![json!({"ja": "一"}); 50]),
            json!(vec![json!({"ja": "一"}); 51]),
        ),
        (
            "/useful_for_sectors",
            json!(["gas", "ict"]),
            json!(["gas", "gas"]),
        ),
        ("/handling", handling("TLP:AMBER"), handling("AMBER-STRICT")),
        (
            "/handling",
            handling("AMBER+STRICT"),
            json!({"level": "会員限"}),
        ),
        (
            "/related",
            json!(["8f14e45f-ceea-467f-9a36-dcbbf1b2c3d4"]),
            json!(["FIN-01"]),
        ),
        ("/stage", json!("first"), json!("second")),
        (
            "/must_anonymise",
            json!([{"text": "a", "type": "org"}]),
            json!([{"text": "\u{200b}", "type": "org"}]),
        ),
        ("/sector", json!("ict"), json!("no such\nsector")),
        ("/reference", json!("FIN-01"), json!("\u{0}FIN-01")),
    ];
    for (pointer, allowed, neighbour) in cases {
        let good = Report::from_value(with(minimal(), pointer, allowed.clone()));
        assert!(good.is_ok(), "{pointer} {allowed}: {good:?}");
        let bad = refused(with(minimal(), pointer, neighbour.clone()));
        assert!(
            bad.len() == 1 && bad[0].0.starts_with(pointer),
            "{pointer} {neighbour}: {bad:?}"
        );
    }
}

#[test]
fn severity_may_stay_unknown_but_never_below_a_known_viewpoint() {
    let severity = |safety: Value, level: Value| {
        let all = json!({"continuity": 1, "safety": safety, "trust": 2, "level": level});
        Report::from_value(with(minimal(), "/severity", all)).is_ok()
    };
    assert!(severity(json!("unknown"), json!("unknown")));
    assert!(severity(json!("unknown"), json!(3)));
    assert!(!severity(json!("unknown"), json!(1)));
    assert!(!severity(json!(0), json!(3)));
}

#[test]
fn a_timeline_ascends_across_offsets() {
    let at = |first: &str, second: &str| {
        let text = json!({"ja": "検知"});
        with(
            minimal(),
            "/timeline",
            json!([{"at": first, "text": text}, {"at": second, "text": text}]),
        )
    };
    assert!(Report::from_value(at("2026-01-01T09:00:00+09:00", "2026-01-01T00:30:00Z")).is_ok());
    assert!(Report::from_value(at("2026-01-01T09:00:00Z", "2026-01-01T09:00:00Z")).is_ok());
    let back = at("2026-01-01T09:00:00Z", "2026-01-01T09:00:00+09:00");
    assert_eq!(
        refused(back),
        only("/timeline/1/at", "report.timeline_order")
    );
    let local = at("2026-01-01T09:00:00", "2026-01-01T09:00:00Z");
    assert_eq!(refused(local), only("/timeline/0/at", "report.format"));
}

#[test]
fn faults_name_the_rule_and_quote_no_free_text() {
    let secret = "極秘".repeat(300);
    let value = with(
        minimal(),
        "/must_anonymise",
        json!([{"text": secret, "type": "org"}]),
    );
    let value = with(value, "/narrative", json!({"ja": ["極秘"]}));
    let faults = Report::from_value(value).unwrap_err();
    assert_eq!(faults.len(), 2);
    for fault in faults {
        assert!(!fault.message.contains("極秘"), "{}", fault.message);
        assert!(
            fault.message.contains('`') && !fault.message.ends_with('.'),
            "{}",
            fault.message
        );
    }
}

#[test]
fn at_most_fifty_faults_are_reported() {
    let value = with(minimal(), "/indicators", json!(vec![json!({}); 400]));
    assert_eq!(refused(value).len(), FAULTS_MAX);
}

#[test]
fn bytes_are_kept_and_accessors_read_them() {
    let text = serde_json::to_string_pretty(&json!({
        "kind": "best_practice", "sector": "ict", "useful_for_sectors": ["gas"],
        "title": {"en": "T"}, "summary": {"ja": "要旨"}, "practice": {"ja": "内容"},
        "handling": {"scheme": "S1", "level": "会員限", "named": ["p1"], "not_before": "2026-01-01T09:00:00+09:00"},
        "must_anonymise": [{"text": "甲社", "type": "org", "replace_ja": "A社"}],
        "source_operator": "op-1", "reference": "ICT-9", "stage": "first"
    }))
    .unwrap();
    let report = Report::parse(text.as_bytes()).unwrap();
    assert_eq!(report.bytes(), text.as_bytes());
    assert_eq!(
        (report.sector().unwrap(), report.useful_for_sectors()),
        ("ict", vec!["gas"])
    );
    assert_eq!((report.title("ja"), report.stage()), ("T", "first"));
    assert_eq!(
        (report.source_operator(), report.reference()),
        (Some("op-1"), Some("ICT-9"))
    );
    let handling = report.handling().unwrap();
    assert_eq!(handling.named, Some(vec!["p1"]));
    assert_eq!(
        handling.not_before.unwrap().to_rfc3339(),
        "2026-01-01T00:00:00+00:00"
    );
    assert_eq!((handling.tlp, handling.not_after), (None, None));
    let strip = report.must_anonymise();
    assert_eq!(
        (strip[0].text, strip[0].replace_ja, strip[0].replace_en),
        ("甲社", Some("A社"), None)
    );
    assert!(Report::from_value(minimal()).unwrap().handling().is_none());
}

#[test]
fn what_is_no_json_is_a_fault_and_not_a_panic() {
    assert_eq!(Report::parse(b"{").unwrap_err()[0].rule, "report.json");
    assert_eq!(Report::parse(b"[]").unwrap_err()[0].rule, "report.type");
}
