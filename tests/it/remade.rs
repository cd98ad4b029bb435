//! Renditions that are made anew when a rule is narrowed: what their readers get instead, under which
//! id and version, and what is left of the former ones.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sekisho::exchange::narrow::Narrower;
use sekisho::exchange::publish::Submission;
use sekisho::exchange::read::{ObjectEntry, ObjectQuery, Versions};
use sekisho::handling::Channel;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample, without_cases};
use crate::plan::with_version_2;
use crate::time::Poller;

const AMBER: &str = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";
const CLEAR: &str = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";
const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";

fn id(kind: &str, n: u32) -> String {
    format!("{kind}--00000000-0000-4000-8000-{n:012}")
}

fn tool(n: u32, marking: &str, text: &str) -> Value {
    json!({
        "type": "tool", "spec_version": "2.1", "id": id("tool", n), "name": "t", "description": text,
        "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
        "object_marking_refs": [marking],
    })
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
    assert!(
        outcomes.iter().all(|outcome| outcome.faults.is_empty()),
        "{outcomes:?}"
    );
}

async fn narrow(hub: &TestHub, who: &str, id: &str, level: &str) {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let narrower = Narrower {
        level: Some(level.to_owned()),
        ..Narrower::default()
    };
    hub.exchange
        .narrow_item(&caller, id, narrower)
        .await
        .unwrap();
}

/// Every version of everything a principal reads over TAXII.
async fn all(hub: &TestHub, who: &str) -> Vec<ObjectEntry> {
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
    hub.exchange.objects(&view, &query).await.unwrap().0
}

fn value(entry: &ObjectEntry) -> Value {
    serde_json::from_str(&entry.bytes).unwrap()
}

fn of_kind(entries: &[ObjectEntry], kind: &str) -> Vec<ObjectEntry> {
    let kind = format!("{kind}--");
    entries
        .iter()
        .filter(|entry| entry.id.starts_with(&kind))
        .cloned()
        .collect()
}

/// What they refer to as creator and markings is served to the same reader, before them.
fn complete(entries: &[ObjectEntry]) {
    let mut before = BTreeSet::new();
    for entry in entries {
        let object = value(entry);
        let markings = object["object_marking_refs"]
            .as_array()
            .into_iter()
            .flatten();
        for name in markings.chain(object.get("created_by_ref")) {
            assert!(
                before.contains(name.as_str().unwrap()),
                "{name} is not served before {}",
                entry.bytes
            );
        }
        before.insert(entry.id.clone());
    }
}

/// The obligations a reader finds through what an object is marked with.
fn obligations(entries: &[ObjectEntry], object: &Value) -> Value {
    let named: BTreeSet<&str> = object["object_marking_refs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let markings = entries
        .iter()
        .filter(|entry| named.contains(entry.id.as_str()))
        .map(value);
    let mut handling = markings.filter_map(|marking| {
        marking["extensions"]
            .as_object()?
            .values()
            .next()?
            .get("handling")
            .cloned()
    });
    handling.next().unwrap()
}

/// Never two contents under one id and version, in all that was ever seen.
struct Seen(BTreeMap<(String, String), String>);

impl Seen {
    fn note(&mut self, entries: &[ObjectEntry]) {
        for entry in entries
            .iter()
            .filter(|entry| value(entry).get("modified").is_some())
        {
            let known = self
                .0
                .entry((entry.id.clone(), entry.version.clone()))
                .or_insert_with(|| entry.bytes.clone());
            assert_eq!(*known, entry.bytes);
        }
    }
}

both! {
    a_narrowed_report_is_made_anew_under_the_rule_in_force => |hub| {
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        assert_eq!(hub.approve(&published.id).await, "released");
        let before = all(&hub, "power-analyst").await;
        let rest = hub.reports(Some("power-analyst")).await;
        let mut seen = Seen(BTreeMap::new());
        seen.note(&before);
        complete(&before);
        let mut poller = Poller::new("power-analyst");
        poller.poll(&hub).await;
        hub.advance(TimeDelta::seconds(1));
        let law = with_version_2("S1", "2026-01-01", |text| {
            text.replace("attribution = \"sector_only\"", "attribution = \"withheld\"").replace("retention_max_days = 365", "retention_max_days = 300")
        });
        hub.exchange.apply_council(&without_cases(&law)).await.unwrap();
        let after = all(&hub, "power-analyst").await;
        seen.note(&after);
        complete(&after);
        let (old, new) = (of_kind(&before, "report"), of_kind(&after, "report"));
        assert_eq!((old.len(), new.len()), (1, 1));
        assert_eq!(old[0].id, new[0].id, "another version of the same rendition");
        assert!(new[0].added > before.last().unwrap().added, "behind every mark");
        assert!(value(&new[0])["modified"].as_str() > value(&old[0])["modified"].as_str());
        assert_eq!(value(&new[0])["created"], value(&old[0])["created"]);
        let creator = value(&new[0])["created_by_ref"].as_str().unwrap().to_owned();
        let creator = after.iter().find(|entry| entry.id == creator).unwrap();
        assert!(creator.bytes.contains("withheld"), "{}", creator.bytes);
        assert_eq!(obligations(&after, &value(&new[0]))["retention_max_days"], 300);
        let left: BTreeSet<&str> = after.iter().map(|entry| entry.bytes.as_str()).collect();
        let made = |entry: &&ObjectEntry| value(entry)["created_by_ref"].is_string();
        for entry in before.iter().filter(made) {
            assert!(!left.contains(entry.bytes.as_str()), "the old bytes are gone: {}", entry.bytes);
        }
        assert_eq!(poller.count(&hub).await, 1);
        let now = hub.reports(Some("power-analyst")).await;
        assert_eq!((rest.len(), now.len(), &rest[0].id), (1, 1, &now[0].id), "and over REST");
        // Its source reads it as sent, marked by the rule in force.
        let desk = all(&hub, "finance-publisher").await;
        complete(&desk);
        let own = of_kind(&desk, "report");
        assert_eq!((own.len(), &obligations(&desk, &value(&own[0]))["retention_max_days"]), (1, &json!(300)));
    }

    a_narrowed_object_is_made_anew_in_every_form => |hub| {
        let mut part = tool(1, GREEN, "a strict word");
        part["granular_markings"] = json!([{"marking_ref": AMBER, "selectors": ["description"]}]);
        post(&hub, "ict-taxii", &[part, tool(2, GREEN, "two")]).await;
        let note = json!({
            "type": "note", "spec_version": "2.1", "id": id("note", 1), "content": "c", "object_refs": [id("tool", 2), id("tool", 9)],
            "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z", "object_marking_refs": [GREEN],
        });
        post(&hub, "ict-taxii", &[note]).await;
        hub.approve(&id("tool", 1)).await;
        let readers = ["power-analyst", "power-op1-feed"];
        let mut seen = Seen(BTreeMap::new());
        let mut before = Vec::new();
        for who in readers {
            before.push(all(&hub, who).await);
            seen.note(before.last().unwrap());
        }
        hub.advance(TimeDelta::seconds(1));
        let law = with_version_2("S2", "2026-01-01", |text| text.replace("attribution = \"pseudonym\"", "attribution = \"withheld\""));
        hub.exchange.apply_council(&without_cases(&law)).await.unwrap();
        for (who, before) in readers.iter().zip(before) {
            let after = all(&hub, who).await;
            seen.note(&after);
            complete(&after);
            for kind in ["tool", "note"] {
                let (old, new) = (of_kind(&before, kind), of_kind(&after, kind));
                assert_eq!(old.len(), new.len(), "{who} {kind}");
                for entry in &new {
                    let same = old.iter().find(|other| other.id == entry.id).unwrap();
                    assert!(value(entry)["modified"].as_str() > value(same)["modified"].as_str(), "{who} {}", entry.bytes);
                    assert_ne!(value(entry)["created_by_ref"], value(same)["created_by_ref"]);
                }
            }
            let words = |entries: &[ObjectEntry]| entries.iter().any(|entry| entry.bytes.contains("a strict word"));
            assert_eq!(words(&after), words(&before), "{who}");
        }
        assert_eq!(of_kind(&all(&hub, "ict-analyst").await, "tool").len(), 2, "who has the original has the original");
    }

    who_may_have_only_a_rendition_now_gets_one => |hub| {
        post(&hub, "ict-taxii", &[tool(1, CLEAR, "ひびき通信で観測"), tool(2, CLEAR, "two")]).await;
        assert!(of_kind(&all(&hub, "power-analyst").await, "tool").iter().any(|entry| entry.bytes.contains("two")));
        let mut poller = Poller::new("power-analyst");
        poller.poll(&hub).await;
        narrow(&hub, "ict-publisher", &id("tool", 2), "第2種").await;
        let tools = of_kind(&all(&hub, "power-analyst").await, "tool");
        assert_eq!(tools.len(), 2);
        let new = tools.iter().find(|entry| entry.bytes.contains("two")).unwrap();
        assert_ne!(new.id, id("tool", 2), "not under its source's id");
        complete(&all(&hub, "power-analyst").await);
        assert_eq!(of_kind(&all(&hub, "nco-analyst").await, "tool").iter().filter(|e| e.id == id("tool", 2)).count(), 1, "who may have it as posted");
    }

    a_finding_in_what_was_made_anew_holds_it_until_it_is_confirmed => |hub| {
        let published = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        assert_eq!(of_kind(&all(&hub, "power-analyst").await, "report").len(), 1);
        let law = with_version_2("S2", "2026-01-01", |text| text.replace("k = 3", "k = 9"));
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&without_cases(&law)).await.unwrap();
        assert!(of_kind(&all(&hub, "power-analyst").await, "report").is_empty(), "nobody has the rendition");
        assert_eq!(of_kind(&all(&hub, "nco-analyst").await, "report").len(), 1, "who has it as sent keeps it");
        let own = hub.reports(Some("ict-publisher")).await;
        assert!(own[0].desk.as_ref().unwrap().holds.iter().any(|hold| hold.code == "ANONYMITY"), "{:?}", own[0].desk);
        assert_eq!(hub.approve(&published.id).await, "released");
        let after = all(&hub, "power-analyst").await;
        assert_eq!(of_kind(&after, "report").len(), 1);
        complete(&after);
    }

    what_a_correction_dropped_is_not_made_again => |hub| {
        let mut report = sample("ICT-02");
        report["summary"]["ja"] = json!("ゼブラ取引所で発生");
        let first = hub.publish("ict-publisher", &report).await.unwrap();
        let list = report["must_anonymise"].as_array_mut().unwrap();
        list.push(json!({"text": "ゼブラ取引所", "type": "org", "replace_ja": "取引所"}));
        hub.advance(TimeDelta::seconds(1));
        let caller = hub.caller("ict-publisher").await;
        let submission = Submission { bytes: report.to_string().into_bytes(), replaces: Some(first.id.clone()), ..Submission::default() };
        hub.exchange.publish(&caller, submission).await.unwrap();
        narrow(&hub, "ict-publisher", &first.id, "第3種").await;
        let after = all(&hub, "power-analyst").await;
        assert_eq!(of_kind(&after, "report").len(), 1);
        assert!(after.iter().all(|entry| !entry.bytes.contains("ゼブラ取引所")));
    }

    older_versions_are_made_anew_before_their_successors => |hub| {
        let report = sample("ICT-02");
        let first = hub.publish("ict-publisher", &report).await.unwrap();
        hub.advance(TimeDelta::seconds(1));
        let caller = hub.caller("ict-publisher").await;
        let submission = Submission { bytes: report.to_string().into_bytes(), replaces: Some(first.id.clone()), ..Submission::default() };
        hub.exchange.publish(&caller, submission).await.unwrap();
        let mut seen = Seen(BTreeMap::new());
        seen.note(&all(&hub, "power-analyst").await);
        for level in ["第3種", "第3種"] {
            narrow(&hub, "ict-publisher", &first.id, level).await;
            let now = all(&hub, "power-analyst").await;
            seen.note(&now);
            complete(&now);
            let mut reports = of_kind(&now, "report");
            assert_eq!(reports.len(), 2, "both versions");
            reports.sort_by_key(|entry| entry.version.clone());
            let latest = of_kind(&hub.objects(Some("power-analyst")).await, "report");
            assert_eq!(latest.len(), 1);
            assert_eq!(latest[0].bytes, reports[1].bytes, "the second is the latest");
        }
    }
}
