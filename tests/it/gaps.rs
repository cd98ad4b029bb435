//! What a narrowing, a withdrawal and an envelope leave as it was for everybody else: creators that are
//! still named, stamps that tell nothing, versions that come back, ends that come earlier.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use sekisho::exchange::narrow::Narrower;
use sekisho::exchange::publish::Submission;
use sekisho::exchange::read::ObjectEntry;
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::store::Db;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

const AMBER: &str = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";
const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";

fn id(kind: &str, n: u32) -> String {
    format!("{kind}--00000000-0000-4000-8000-{n:012}")
}

fn tool(n: u32, hour: u32, marking: &str, text: &str) -> Value {
    json!({
        "type": "tool", "spec_version": "2.1", "id": id("tool", n), "name": "t", "description": text,
        "created": "2026-11-01T00:00:00.000Z", "modified": format!("2026-11-01T{hour:02}:00:00.000Z"),
        "object_marking_refs": [marking],
    })
}

/// Posts an envelope; whether each object was taken.
async fn post(hub: &TestHub, who: &str, objects: &[Value]) -> Vec<bool> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let envelope = json!({ "objects": objects }).to_string();
    let outcomes = hub
        .exchange
        .publish_objects(&caller, envelope.as_bytes())
        .await
        .unwrap();
    outcomes
        .iter()
        .map(|outcome| outcome.faults.is_empty())
        .collect()
}

async fn narrow(hub: &TestHub, who: &str, id: &str, narrower: Narrower) {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    hub.exchange
        .narrow_item(&caller, id, narrower)
        .await
        .unwrap();
}

async fn withdraw(hub: &TestHub, who: &str, id: &str, version: Option<i64>) {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let withdrawal = Withdrawal {
        version,
        ..Withdrawal::default()
    };
    hub.exchange
        .withdraw(&caller, id, withdrawal)
        .await
        .unwrap();
}

fn value(entry: &ObjectEntry) -> Value {
    serde_json::from_str(&entry.bytes).unwrap()
}

/// What objects name as creator and markings is served to the same reader, before them.
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

async fn state(hub: &TestHub, item: &str) -> String {
    let mut tx = Db::open(&hub.address).await.unwrap().read().await.unwrap();
    tx.latest_version(item).await.unwrap().unwrap().value.state
}

both! {
    a_withdrawal_leaves_the_creator_of_what_was_narrowed_and_is_still_served => |hub| {
        let mut report = sample("ICT-02");
        report["handling"]["level"] = json!("第1種");
        let one = hub.publish("ict-publisher", &report).await.unwrap().id;
        let two = hub.publish("ict-publisher", &report).await.unwrap().id;
        let only = Narrower { named: Some(["power-analyst".into()].into()), ..Narrower::default() };
        narrow(&hub, "ict-publisher", &two, only).await;
        complete(&hub.objects(Some("power-analyst")).await);
        withdraw(&hub, "ict-publisher", &one, None).await;
        let left = hub.objects(Some("power-analyst")).await;
        let left: Vec<_> = left.into_iter().filter(|entry| !entry.id.starts_with("note--")).collect();
        assert!(left.iter().any(|entry| entry.id.starts_with("report--")));
        complete(&left);
        // Who has nothing of the source any more is left without its name.
        let others = hub.objects(Some("gas-analyst")).await;
        assert!(others.iter().all(|entry| !entry.bytes.contains("情報通信デモCEPTOAR")), "{others:?}");
    }

    a_version_that_takes_its_place_again_reaches_who_is_past_it => |hub| {
        post(&hub, "ict-taxii", &[tool(1, 1, GREEN, "first")]).await;
        post(&hub, "ict-taxii", &[tool(1, 2, GREEN, "second")]).await;
        for who in ["nco-analyst", "power-analyst", "ict-analyst"] {
            let before = hub.objects(Some(who)).await;
            assert!(before.iter().any(|entry| entry.bytes.contains("second")) && before.iter().all(|entry| !entry.bytes.contains("first")));
        }
        let mut past = Vec::new();
        for who in ["nco-analyst", "power-analyst", "ict-analyst"] {
            past.push(hub.objects(Some(who)).await.last().unwrap().added);
        }
        withdraw(&hub, "ict-publisher", &id("tool", 1), Some(2)).await;
        for (who, past) in ["nco-analyst", "power-analyst", "ict-analyst"].iter().zip(past) {
            let now = hub.objects(Some(who)).await;
            let first: Vec<_> = now.iter().filter(|entry| entry.bytes.contains("first")).collect();
            assert_eq!(first.len(), 1, "{who}: once");
            assert!(first[0].added > past, "{who}: also behind its mark");
            assert!(now.iter().all(|entry| !entry.bytes.contains("second")));
        }
    }

    what_an_object_of_an_envelope_is_stamped_tells_nothing_of_those_before_it => |hub| {
        let mut invalid = tool(1, 0, GREEN, "x");
        invalid.as_object_mut().unwrap().remove("name");
        let mut many = tool(1, 0, RED, "x");
        many["type"] = json!("grouping");
        many["id"] = json!(id("grouping", 1));
        many["context"] = json!("unspecified");
        many["object_refs"] = (10..40).map(|n| json!(id("tool", n))).collect();
        many.as_object_mut().unwrap().remove("description");
        let mut answers = Vec::new();
        for first in [tool(1, 0, RED, "hidden"), invalid, many, tool(1, 0, AMBER, "held")] {
            let twin = hub.fresh_with_secret(&[9; 32]).await;
            let taken = post(&twin, "ict-taxii", &[first, tool(2, 0, GREEN, "shown")]).await;
            assert!(taken[1], "{taken:?}");
            let seen = twin.objects(Some("power-analyst")).await;
            let seen: Vec<String> = seen.iter().map(|entry| format!("{} {}", entry.added, entry.bytes)).collect();
            assert!(seen.iter().any(|entry| entry.contains("shown")) && seen.iter().all(|entry| !entry.contains("hidden")));
            answers.push(seen);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }

    a_narrowing_brings_the_end_of_keeping_and_of_serving_forward => |hub| {
        let narrowed = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        let revised = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        let until = hub.clock.now() + TimeDelta::days(20);
        let level = Narrower { level: Some("第4種".to_owned()), ..Narrower::default() };
        narrow(&hub, "ict-publisher", &narrowed, level).await;
        let mut report = sample("ICT-02");
        report["handling"]["not_after"] = json!(until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        hub.advance(TimeDelta::seconds(1));
        let caller = hub.caller("ict-publisher").await;
        let submission = Submission { bytes: report.to_string().into_bytes(), replaces: Some(revised.clone()), ..Submission::default() };
        hub.exchange.publish(&caller, submission).await.unwrap();
        hub.advance(TimeDelta::days(21));
        hub.exchange.act_on_time().await.unwrap();
        let mut tx = Db::open(&hub.address).await.unwrap().read().await.unwrap();
        for key in tx.versions_of(&revised).await.unwrap() {
            assert_eq!(tx.item_version(key).await.unwrap().unwrap().value.state, "expired", "the older one too");
        }
        drop(tx);
        assert_eq!(state(&hub, &narrowed).await, "released");
        hub.advance(TimeDelta::days(158));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(state(&hub, &narrowed).await, "released", "179 days");
        hub.advance(TimeDelta::days(2));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(state(&hub, &narrowed).await, "erased", "and not after 1095 days");
    }
}
