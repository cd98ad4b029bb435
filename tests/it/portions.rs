//! Parts of items: who reads which, and that no rendition names what its reader may not see. What is
//! hidden and what is not there look the same.

use chrono::TimeDelta;
use sekisho::exchange::read::{ObjectQuery, Versions};
use sekisho::handling::Channel;
use serde_json::{Value, json};

use sekisho::exchange::Refusal;

use crate::harness::{TestHub, both, sample};

const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
const AMBER: &str = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";
const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";
const CREATED: &str = "2026-11-01T00:00:00.000Z";

fn id(kind: &str, n: u32) -> String {
    format!("{kind}--00000000-0000-4000-8000-{n:012}")
}

fn object(kind: &str, n: u32, marking: &str, more: Value) -> Value {
    let mut object = json!({
        "type": kind, "spec_version": "2.1", "id": id(kind, n), "created": CREATED, "modified": CREATED,
        "object_marking_refs": [marking],
    });
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn malware(n: u32, marking: &str) -> Value {
    object(
        "malware",
        n,
        marking,
        json!({"name": format!("m{n}"), "is_family": false}),
    )
}

/// Every kind of object that names others: with `shown` and `hidden` among its references, and
/// whether anything is left of it without `hidden`.
fn containers(shown: &str, hidden: &str) -> Vec<(Value, bool)> {
    let both = json!([hidden, shown]);
    let mut all = vec![
        (
            object(
                "report",
                1,
                GREEN,
                json!({"name": "r", "published": CREATED, "object_refs": both}),
            ),
            true,
        ),
        (
            object(
                "grouping",
                1,
                GREEN,
                json!({"context": "unspecified", "object_refs": both}),
            ),
            true,
        ),
        (
            object(
                "note",
                1,
                GREEN,
                json!({"content": "c", "object_refs": both}),
            ),
            true,
        ),
        (
            object(
                "opinion",
                1,
                GREEN,
                json!({"opinion": "agree", "object_refs": both}),
            ),
            true,
        ),
        (
            object(
                "observed-data",
                1,
                GREEN,
                json!({"first_observed": CREATED, "last_observed": CREATED, "number_observed": 2,
            "object_refs": [id("mutex", 2), id("mutex", 1)]}),
            ),
            true,
        ),
        (
            object(
                "relationship",
                1,
                GREEN,
                json!({"relationship_type": "related-to", "source_ref": shown, "target_ref": hidden}),
            ),
            false,
        ),
        (
            object(
                "relationship",
                2,
                GREEN,
                json!({"relationship_type": "related-to", "source_ref": hidden, "target_ref": shown}),
            ),
            false,
        ),
        (
            object("sighting", 1, GREEN, json!({"sighting_of_ref": hidden})),
            false,
        ),
        (
            object(
                "sighting",
                2,
                GREEN,
                json!({"sighting_of_ref": shown, "where_sighted_refs": [id("identity", 2)]}),
            ),
            true,
        ),
        (
            object(
                "note",
                2,
                GREEN,
                json!({"content": "c", "object_refs": [hidden]}),
            ),
            false,
        ),
        (
            object(
                "tool",
                1,
                GREEN,
                json!({"name": "t", "x_about_ref": hidden, "x_list": [{"x_any": hidden}, {"x_any": shown}],
            "extensions": {id("extension-definition", 91): {"extension_type": "property-extension", "deep": {"of_refs": both}}}}),
            ),
            true,
        ),
    ];
    let language = json!({"object_ref": hidden, "contents": {"en": {"name": "n"}}});
    all.push((object("language-content", 1, GREEN, language), false));
    all
}

fn mutex(n: u32, marking: &str) -> Value {
    json!({"type": "mutex", "spec_version": "2.1", "id": id("mutex", n), "name": format!("x{n}"), "object_marking_refs": [marking]})
}

fn place(n: u32, marking: &str) -> Value {
    object(
        "identity",
        n,
        marking,
        json!({"name": format!("place {n}"), "identity_class": "class"}),
    )
}

async fn post(hub: &TestHub, who: &str, objects: &[Value]) {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let envelope = json!({ "objects": objects }).to_string();
    let outcomes = hub
        .exchange
        .publish_objects(&caller, envelope.as_bytes())
        .await
        .unwrap();
    for outcome in outcomes {
        assert!(
            outcome.faults.is_empty(),
            "{}: {:?}",
            outcome.id,
            outcome.faults
        );
    }
}

/// All versions of everything a principal sees, byte for byte, with the stamps.
async fn everything(hub: &TestHub, who: &str) -> Vec<String> {
    let caller = hub.caller(who).await;
    let view = hub
        .exchange
        .view(Some(&caller), Channel::Taxii)
        .await
        .unwrap();
    let query = ObjectQuery {
        limit: 1000,
        versions: Versions::All,
        ..ObjectQuery::default()
    };
    let (page, _) = hub.exchange.objects(&view, &query).await.unwrap();
    page.into_iter()
        .map(|entry| format!("{} {} {}", entry.added, entry.version, entry.bytes))
        .collect()
}

async fn seen(hub: &TestHub, who: &str) -> Vec<Value> {
    let objects = hub.objects(Some(who)).await;
    objects
        .iter()
        .map(|object| serde_json::from_str(&object.bytes).unwrap())
        .filter(|object: &Value| object["type"] != "marking-definition")
        .collect()
}

fn of<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["type"] == kind)
        .collect()
}

const READERS: [&str; 6] = [
    "nco-analyst",
    "ict-analyst",
    "mic-analyst",
    "power-analyst",
    "power-op1-member",
    "fsa-analyst",
];

both! {
    /// Law 4: two hubs that differ only in what is hidden, in the container's source and in another,
    /// before and after it.
    what_is_hidden_and_what_is_not_there_look_the_same => |hub| {
        let (shown, hidden) = (id("malware", 1), id("malware", 2));
        let mut answers = Vec::new();
        for whose in [None, Some("ict-taxii"), Some("finance-taxii")] {
            for after in [false, true] {
                let twin = hub.fresh_with_secret(&[7; 32]).await;
                let secret = [
                    malware(2, RED),
                    malware(4, AMBER),
                    mutex(2, RED),
                    place(2, RED),
                ];
                let post_hidden = async || {
                    match whose {
                        Some(who) => post(&twin, who, &secret).await,
                        None => twin.advance(TimeDelta::seconds(1)),
                    }
                };
                if !after { post_hidden().await; }
                post(&twin, "ict-taxii", &[malware(1, GREEN), mutex(1, GREEN)]).await;
                let containers: Vec<Value> = containers(&shown, &hidden).into_iter().map(|(object, _)| object).collect();
                // One that names two hidden ones of different readers comes before the others, which
                // must not show how much there was to do for it.
                let two = json!({"content": "c", "object_refs": [shown, hidden, id("malware", 4)]});
                let containers = [vec![object("note", 9, GREEN, two)], containers].concat();
                post(&twin, "ict-taxii", &containers).await;
                if after { post_hidden().await; }
                post(&twin, "ict-taxii", &[malware(3, GREEN), object("note", 3, GREEN, json!({"content": "c", "object_refs": [id("malware", 3)]}))]).await;
                let mut out = Vec::new();
                for who in READERS {
                    // The container's source's own desk and the others of its CEPTOAR see its RED.
                    if whose == Some("ict-taxii") && who != "power-analyst" && who != "power-op1-member" && who != "nco-analyst" { continue; }
                    out.push((who, everything(&twin, who).await));
                }
                answers.push((whose, after, out));
            }
        }
        for after in [0, 1] {
            let base: Vec<_> = answers[after].2.clone();
            for (whose, of, out) in answers.iter().filter(|(_, of, _)| *of == (after == 1)) {
                for (who, bytes) in out {
                    let expected = &base.iter().find(|(name, _)| name == who).unwrap().1;
                    assert_eq!(expected, bytes, "{whose:?} after={of} {who}");
                    assert!(bytes.len() > 10, "{who}");
                }
            }
        }
    }

    no_container_names_what_its_reader_may_not_see => |hub| {
        let (shown, hidden) = (id("malware", 1), id("malware", 2));
        post(&hub, "ict-taxii", &[malware(1, GREEN), malware(2, RED), mutex(1, GREEN), mutex(2, RED), place(2, RED)]).await;
        let all = containers(&shown, &hidden);
        let posted: Vec<Value> = all.iter().map(|(object, _)| object.clone()).collect();
        post(&hub, "ict-taxii", &posted).await;
        // Its source's CEPTOAR has both, and so the source's bytes.
        let own = seen(&hub, "ict-analyst").await;
        for object in &posted {
            assert!(own.contains(object), "{object}");
        }
        for who in ["nco-analyst", "power-analyst"] {
            let seen = seen(&hub, who).await;
            let text = serde_json::to_string(&seen).unwrap();
            for secret in [&hidden, &id("mutex", 2), &id("identity", 2)] {
                assert!(!text.contains(secret.as_str()), "{who} reads {secret}");
            }
            for kind in ["report", "grouping", "note", "opinion", "observed-data", "tool"] {
                let left = posted.iter().filter(|object| object["type"] == kind).count();
                let whole = all.iter().filter(|(object, left)| object["type"] == kind && *left).count();
                let found = of(&seen, kind);
                assert_eq!(found.len(), whole, "{who} {kind} of {left}");
                for object in found {
                    assert!(sekisho::stix::validate(object).is_ok(), "{object}");
                    assert!(posted.iter().all(|posted| posted["id"] != object["id"]), "another content, another id");
                    if let Some(list) = object.get("object_refs") {
                        assert_eq!(list.as_array().unwrap().len(), 1, "{who}: {object}");
                    }
                }
            }
            assert!(of(&seen, "relationship").is_empty() && of(&seen, "language-content").is_empty(), "{who}");
            assert_eq!(of(&seen, "sighting").len(), 1, "{who}");
            assert_eq!(of(&seen, "tool")[0]["x_list"].as_array().unwrap().len(), 1, "{who}");
        }
        // The hub's poc is given RED too, and so has the originals.
        let poc = seen(&hub, "nco-poc").await;
        assert!(!of(&poc, "relationship").is_empty() || of(&poc, "malware").len() == 1, "consent to RED is not given yet");
    }

    a_container_follows_what_becomes_of_its_members => |hub| {
        // The container first, then its member: it comes by itself.
        let relation = object("relationship", 1, GREEN, json!({"relationship_type": "related-to", "source_ref": id("malware", 1), "target_ref": id("malware", 2)}));
        post(&hub, "ict-taxii", std::slice::from_ref(&relation)).await;
        post(&hub, "ict-taxii", &[malware(1, GREEN)]).await;
        for who in ["nco-analyst", "power-analyst"] {
            assert!(of(&seen(&hub, who).await, "relationship").is_empty(), "{who}");
        }
        let before = hub.objects(Some("nco-analyst")).await.last().unwrap().added;
        post(&hub, "ict-taxii", &[malware(2, AMBER)]).await;
        // ict's own need to know it; outside, consent is needed first.
        assert!(of(&seen(&hub, "power-analyst").await, "relationship").is_empty());
        assert_eq!(hub.approve(&id("malware", 2)).await, "released");
        let late = hub.objects(Some("nco-analyst")).await;
        let entry = late.iter().find(|entry| entry.id == id("relationship", 1)).unwrap();
        assert!(entry.added > before, "a poller that is past the first time gets it");
        assert_eq!(of(&seen(&hub, "nco-analyst").await, "relationship"), [&relation]);
        assert_eq!(of(&seen(&hub, "power-analyst").await, "relationship").len(), 1);
        // The member is narrowed: the container goes with it, older versions too.
        let mut red = malware(2, RED);
        red["modified"] = json!("2026-11-02T00:00:00.000Z");
        post(&hub, "ict-taxii", &[red]).await;
        for who in ["nco-analyst", "power-analyst"] {
            let text = everything(&hub, who).await.concat();
            assert!(!text.contains("relationship--"), "{who}");
            assert!(!text.contains(&id("malware", 2)), "{who}");
        }
        assert!(seen(&hub, "ict-analyst").await.contains(&relation));
    }

    a_part_is_for_those_who_may_see_it => |hub| {
        let mut indicator = object("indicator", 1, GREEN, json!({
            "name": "beacon", "description": "seen at our site in Mito", "labels": ["a", "secret-project", "c"],
            "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix", "valid_from": CREATED,
        }));
        indicator["granular_markings"] = json!([
            {"marking_ref": AMBER, "selectors": ["description"]},
            {"marking_ref": RED, "selectors": ["labels.[1]"]},
            {"marking_ref": GREEN, "selectors": ["labels.[2]"]},
            {"lang": "en", "selectors": ["description", "name"]},
        ]);
        post(&hub, "ict-taxii", std::slice::from_ref(&indicator)).await;
        // Both parts leave the CEPTOAR for somebody, so both consents are asked.
        assert!(of(&seen(&hub, "power-analyst").await, "indicator").is_empty());
        assert_eq!(of(&seen(&hub, "ict-analyst").await, "indicator"), [&indicator], "may see all");
        hub.approve(&id("indicator", 1)).await;
        let words = |object: &Value| {
            let labels = object["labels"].as_array().unwrap().len();
            (object.get("description").is_some(), labels)
        };
        for (who, expected, whole) in [
            ("ict-analyst", (true, 3), true), // 第4種: own analysts
            ("nco-poc", (true, 3), true),     // 第4種: the centre's point of contact
            ("nco-analyst", (true, 2), false), // 第3種: the centre's analysts
            ("gas-analyst", (true, 2), false), // 第3種, anonymised
            ("gas-op1-member", (false, 2), false), // 第2種: every member
            ("fsa-analyst", (false, 2), false), // 第2種: other ministries
        ] {
            let seen = seen(&hub, who).await;
            let found = of(&seen, "indicator");
            assert_eq!(found.len(), 1, "{who}");
            assert_eq!(words(found[0]), expected, "{who}: {}", found[0]);
            assert_eq!(found[0] == &indicator, whole, "{who}");
            assert!(sekisho::stix::validate(found[0]).is_ok(), "{who}: {}", found[0]);
            assert!(whole || found[0]["id"] != indicator["id"], "{who}");
            if expected.1 == 2 {
                assert!(!serde_json::to_string(&seen).unwrap().contains("secret-project"), "{who}");
            }
        }
        // What the hub made is marked as strictly as what it shows, and no more.
        for (who, tlp) in [("gas-analyst", AMBER), ("gas-op1-member", GREEN)] {
            let seen = seen(&hub, who).await;
            assert_eq!(of(&seen, "indicator")[0]["object_marking_refs"][0], tlp, "{who}");
        }
        // Selectors follow what is left, and markings of what is gone go too.
        let nco = seen(&hub, "nco-analyst").await;
        assert_eq!(of(&nco, "indicator")[0]["granular_markings"], json!([
            {"marking_ref": AMBER, "selectors": ["description"]},
            {"marking_ref": GREEN, "selectors": ["labels.[1]"]},
            {"lang": "en", "selectors": ["description", "name"]},
        ]));
        let text = hub.objects(Some("nco-analyst")).await.iter().map(|o| o.bytes.clone()).collect::<String>();
        assert!(!text.contains(RED), "not even that there is something red");
    }

    a_part_an_object_cannot_be_without_takes_it_along => |hub| {
        for (n, part) in ["pattern", "id", "pattern_type"].into_iter().enumerate() {
            let mut indicator = object("indicator", n as u32, GREEN, json!({
                "name": "beacon", "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix", "valid_from": CREATED,
            }));
            indicator["granular_markings"] = json!([{"marking_ref": RED, "selectors": [part]}]);
            post(&hub, "ict-taxii", std::slice::from_ref(&indicator)).await;
            hub.approve(&id("indicator", n as u32)).await;
            for who in ["nco-analyst", "power-analyst"] {
                assert!(of(&seen(&hub, who).await, "indicator").is_empty(), "{who} {part}");
            }
        }
        assert_eq!(of(&seen(&hub, "ict-analyst").await, "indicator").len(), 3);
    }

    an_unknown_part_holds_the_whole => |hub| {
        let mut indicator = object("indicator", 1, GREEN, json!({
            "name": "beacon", "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix", "valid_from": CREATED,
        }));
        indicator["granular_markings"] = json!([{"marking_ref": id("marking-definition", 9), "selectors": ["name"]}]);
        post(&hub, "ict-taxii", &[indicator]).await;
        for who in ["ict-analyst", "nco-analyst", "power-analyst"] {
            assert!(of(&seen(&hub, who).await, "indicator").is_empty(), "{who}");
        }
    }

    a_part_of_a_report_is_for_those_who_may_see_it_in_every_language_it_is_told => |hub| {
        let mut report = sample("ICT-02");
        report["narrative"] = json!({"ja": "当社の顛末", "en": "our own account"});
        report["impact"]["affected_count"] = json!(123_456);
        report["lesson"] = json!({"ja": "教訓その一", "en": "a lesson to learn"});
        report["must_anonymise"].as_array_mut().unwrap().push(json!({"text": "顛末", "type": "other", "replace_ja": "経緯"}));
        report["handling"]["portions"] = json!([
            {"fields": ["/narrative", "/impact/affected_count"], "level": "第4種"},
            {"fields": ["/lesson"], "level": "第3種"},
        ]);
        let published = hub.publish("ict-publisher", &report).await.unwrap();
        assert_eq!(published.state, "held", "both parts ask a consent before they leave");
        assert_eq!(hub.approve(&published.id).await, "released");
        let raw = report.to_string();
        let (narrative, lesson, count) = ("顛末", "教訓その一", "123456");
        for (who, form, narratives, lessons) in [
            ("ict-analyst", "identified", true, true),
            ("nco-poc", "identified", true, true),
            ("nco-analyst", "identified", false, true),
            ("ict-op3-member", "identified", false, true),
            ("gas-analyst", "anonymised", false, true),
            ("gas-op1-member", "anonymised", false, false),
            ("fsa-analyst", "anonymised", false, false),
        ] {
            let views = hub.reports(Some(who)).await;
            assert_eq!(views.len(), 1, "{who}");
            assert_eq!(views[0].form, form, "{who}");
            let text = views[0].report.get();
            assert_eq!(text == raw, narratives, "{who}");
            assert_eq!(text.contains(lesson), lessons, "{who}: {text}");
            assert_eq!(text.contains(narrative) || text.contains(count), narratives, "{who}: {text}");
            if !narratives {
                assert!(!text.contains("portions") && views[0].id != published.id, "{who}");
            }
            // Nor over TAXII, in any of its objects; nor that there is something stricter.
            let objects: String = hub.objects(Some(who)).await.iter().map(|o| o.bytes.clone()).collect();
            assert_eq!(objects.contains(lesson) || objects.contains("a lesson to learn"), lessons, "{who}");
            assert_eq!(objects.contains("our own account"), narratives, "{who}");
            let tlp = match (narratives, lessons) { (true, _) => "TLP:RED", (_, true) => "TLP:AMBER", _ => "TLP:GREEN" };
            assert_eq!(views[0].tlp, tlp, "{who}");
            assert_eq!(objects.contains(RED), narratives, "{who}");
        }
        // A stricter version takes the parts of the older ones along.
        let mut stricter = report.clone();
        stricter["handling"] = json!({"scheme": "S2", "level": "第4種"});
        hub.advance(TimeDelta::seconds(1));
        let caller = hub.caller("ict-publisher").await;
        let submission = sekisho::exchange::publish::Submission {
            bytes: stricter.to_string().into_bytes(), replaces: Some(published.id.clone()), ..Default::default()
        };
        hub.exchange.publish(&caller, submission).await.unwrap();
        for who in ["nco-analyst", "gas-analyst", "gas-op1-member"] {
            assert!(everything(&hub, who).await.iter().all(|bytes| !bytes.contains("report--")), "{who}");
        }
    }

    a_part_of_a_report_must_be_one => |hub| {
        for (fields, level, at) in [
            (json!(["/nothing"]), "第4種", "/handling/portions/0/fields/0 report.portion"),
            (json!(["/lesson", "/title"]), "第4種", "/handling/portions/0/fields/1 report.portion"),
            (json!(["/handling/level"]), "第4種", "/handling/portions/0/fields/0 report.portion"),
            (json!(["/must_anonymise"]), "第4種", "/handling/portions/0/fields/0 report.portion"),
            (json!(["/lesson"]), "甲", "/handling/portions/0/level handling.level"),
        ] {
            let mut report = sample("ICT-02");
            report["lesson"] = json!({"ja": "教訓"});
            report["handling"]["portions"] = json!([{"fields": fields, "level": level}]);
            let refusal = hub.publish("ict-publisher", &report).await.unwrap_err();
            let Refusal::Invalid(faults) = refusal else { panic!("{refusal:?}") };
            let found: Vec<String> = faults.iter().map(|f| format!("{} {}", f.pointer, f.rule)).collect();
            assert_eq!(found, [at]);
        }
        assert!(hub.reports(Some("ict-publisher")).await.is_empty());
    }
}
