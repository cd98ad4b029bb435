//! The markings of the world: every dialect with the level it leads to and its nearest wrong
//! neighbour; what goes with an item; and that nobody overwrites a marking.

use chrono::TimeDelta;
use sekisho::store::Db;
use serde_json::{Value, json};

use crate::harness::{TestHub, both};

const CLEAR: &str = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";
const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";
const WHITE_1: &str = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9";
const GREEN_1: &str = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da";
const AMBER_1: &str = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82";
const OPENCTI_STRICT: &str = "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37";
const PAP_AMBER: &str = "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab";
const IEP: &str = "extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a";

fn marking(uuid: u32) -> String {
    format!("marking-definition--00000000-0000-4000-8000-{uuid:012}")
}

fn indicator(uuid: u32, markings: &[&str], labels: &[&str]) -> Value {
    let mut object = json!({
        "type": "indicator", "spec_version": "2.1",
        "id": format!("indicator--00000000-0000-4000-8000-{uuid:012}"),
        "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
        "name": "beacon", "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix",
        "valid_from": "2026-11-01T00:00:00Z",
    });
    if !markings.is_empty() {
        object["object_marking_refs"] = json!(markings);
    }
    if !labels.is_empty() {
        object["labels"] = json!(labels);
    }
    object
}

fn statement(uuid: u32, words: &str) -> Value {
    json!({
        "type": "marking-definition", "spec_version": "2.1", "id": marking(uuid),
        "created": "2026-11-01T00:00:00.000Z", "object_marking_refs": [GREEN],
        "definition_type": "statement", "definition": {"statement": words},
    })
}

fn iep(uuid: u32, changes: &Value) -> Value {
    let mut body = json!({
        "extension_type": "property-extension", "encrypt_in_transit": "must",
        "permitted_actions": "externally-visible-indirect-actions",
        "affected_party_notifications": "must-not", "tlp": "green", "provider_attribution": "must-not",
        "unmodified_resale": "must-not", "iep_id": "01bc4353-4829-4d55-8d52-0ab7e0790df9",
        "iep_version": 2.0, "description": "d", "start_date": "2017-01-01T00:00:00.000Z",
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    json!({
        "type": "marking-definition", "spec_version": "2.1", "id": marking(uuid),
        "created": "2026-11-01T00:00:00.000Z", "name": "policy", "extensions": {IEP: body},
    })
}

async fn post(hub: &TestHub, who: &str, objects: &[Value]) -> Vec<Vec<String>> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let envelope = json!({ "objects": objects }).to_string();
    let outcomes = hub
        .exchange
        .publish_objects(&caller, envelope.as_bytes())
        .await;
    outcomes
        .unwrap()
        .into_iter()
        .map(|outcome| {
            outcome
                .faults
                .into_iter()
                .map(|f| format!("{} {}", f.pointer, f.rule))
                .collect()
        })
        .collect()
}

/// The level an object of ict's was taken under, and what holds it.
async fn level(hub: &TestHub, object: &Value) -> (String, Vec<String>) {
    let db = Db::open(&hub.address).await.unwrap();
    let item = format!("demo-ict {}", object["id"].as_str().unwrap());
    let version = db
        .read()
        .await
        .unwrap()
        .latest_version(&item)
        .await
        .unwrap()
        .unwrap();
    let holds: Vec<Value> = serde_json::from_str(&version.value.holds).unwrap();
    let codes = holds
        .iter()
        .map(|hold| hold["code"].as_str().unwrap().to_owned())
        .collect();
    (
        version.value.level.rsplit(' ').next().unwrap().to_owned(),
        codes,
    )
}

async fn bytes(hub: &TestHub, who: &str) -> Vec<Value> {
    let objects = hub.objects(Some(who)).await;
    objects
        .iter()
        .map(|object| serde_json::from_str(&object.bytes).unwrap())
        .collect()
}

async fn one(hub: &TestHub, who: &str, object_type: &str) -> Value {
    let mut all = bytes(hub, who).await;
    all.retain(|object| object["type"] == object_type);
    assert_eq!(all.len(), 1, "{who}: {all:?}");
    all.remove(0)
}

both! {
    every_dialect_leads_to_its_level_and_its_neighbour_does_not => |hub| {
        let opencti = |uuid, word: &str| {
            let mut body = statement(uuid, "custom");
            body["x_opencti_definition_type"] = json!("TLP");
            body["x_opencti_definition"] = json!(word);
            body.as_object_mut().unwrap().remove("object_marking_refs");
            body
        };
        // S2: CLEAR 第1種, GREEN 第2種, AMBER 第3種, RED 第4種; AMBER+STRICT takes the next stricter.
        let (free, asks): (&[&str], &[&str]) = (&[], &["APPROVAL"]);
        let unknown: &[&str] = &["UNKNOWN_MARKING", "APPROVAL"];
        let table: Vec<(Value, Vec<Value>, &str, &[&str])> = vec![
            (indicator(1, &[WHITE_1], &[]), vec![], "第1種", free),
            (indicator(2, &[GREEN_1], &[]), vec![], "第2種", free),
            (indicator(3, &[AMBER_1], &[]), vec![], "第3種", asks),
            (indicator(4, &["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc8"], &[]), vec![], "第4種", unknown),
            (indicator(5, &[CLEAR], &[]), vec![], "第1種", free),
            (indicator(6, &[OPENCTI_STRICT], &[]), vec![], "第4種", asks),
            (indicator(7, &[&marking(7)], &[]), vec![opencti(7, "TLP:GREEN")], "第2種", free),
            (indicator(8, &[&marking(8)], &[]), vec![opencti(8, "TLP:AMBER+STRICT")], "第4種", asks),
            (indicator(9, &[&marking(9)], &[]), vec![opencti(9, "TLP:PINK")], "第4種", unknown),
            (indicator(10, &[], &["tlp:white"]), vec![], "第1種", free),
            (indicator(11, &[], &["misp", "TLP:Amber"]), vec![], "第3種", asks),
            (indicator(12, &[], &["tlp:ex:chr"]), vec![], "第4種", unknown),
            (indicator(13, &[], &["tlphunting"]), vec![], "第2種", free),
            // Label and marking disagree: the stricter, whichever it is.
            (indicator(14, &[GREEN], &["tlp:amber"]), vec![], "第3種", asks),
            (indicator(15, &[AMBER_1], &["tlp:clear"]), vec![], "第3種", asks),
            // PAP says nothing on how far; words neither.
            (indicator(16, &[GREEN, PAP_AMBER], &[]), vec![], "第2種", free),
            (indicator(17, &[GREEN], &["PAP:PINK"]), vec![], "第4種", unknown),
            (indicator(18, &[GREEN, &marking(18)], &[]), vec![statement(18, "© example")], "第2種", free),
            (indicator(19, &[GREEN, &marking(19)], &[]), vec![], "第4種", unknown),
            (indicator(20, &[&marking(20)], &[]), vec![statement(20, "TLP:CLEAR")], "第2種", free),
            // IEP in force, and one that has expired.
            (indicator(21, &[&marking(21)], &[]), vec![iep(21, &json!({}))], "第2種", free),
            (indicator(22, &[GREEN, &marking(22)], &[]), vec![iep(22, &json!({"tlp": "red"}))], "第4種", asks),
            (indicator(23, &[&marking(23)], &[]), vec![iep(23, &json!({"end_date": "2026-01-01T00:00:00.000Z"}))], "第4種", unknown),
            (indicator(24, &[&marking(24)], &[]), vec![iep(24, &json!({"provider_attribution": "must"}))], "第4種", unknown),
            (indicator(25, &[&marking(25)], &[]), vec![iep(25, &json!({"start_date": "2027-01-01T00:00:00.000Z"}))], "第2種", &["EMBARGO"]),
        ];
        for (object, definitions, wanted, holds) in table {
            let mut envelope = definitions.clone();
            envelope.push(object.clone());
            let faults = post(&hub, "ict-taxii", &envelope).await;
            assert!(faults.iter().all(Vec::is_empty), "{object}: {faults:?}");
            let (found, codes) = level(&hub, &object).await;
            assert_eq!((found.as_str(), codes), (wanted, holds.iter().map(|h| (*h).to_owned()).collect()), "{object}");
        }
        // A definition from before counts; another source's does not, whether it is seen or not.
        post(&hub, "ict-taxii", &[indicator(30, &[GREEN, &marking(18)], &[])]).await;
        assert_eq!(level(&hub, &indicator(30, &[], &[])).await.0, "第2種");
        post(&hub, "power-taxii", &[statement(31, "© other")]).await;
        post(&hub, "ict-taxii", &[indicator(31, &[GREEN, &marking(31)], &[])]).await;
        assert_eq!(level(&hub, &indicator(31, &[], &[])).await.1, unknown);
    }

    what_an_item_is_marked_with_goes_with_it_in_both_forms => |hub| {
        let name = "Demo ICT CEPTOAR";
        let own = statement(1, &format!("Do not quote. © {name}"));
        let policy = iep(2, &json!({}));
        post(&hub, "ict-taxii", &[own.clone(), policy.clone()]).await;
        post(&hub, "ict-taxii", &[indicator(1, &[GREEN, &marking(1), &marking(2)], &[])]).await;
        // Identified: the definitions as they were posted, once each.
        let seen = bytes(&hub, "nco-analyst").await;
        for wanted in [&own, &policy] {
            assert_eq!(seen.iter().filter(|object| object["id"] == wanted["id"]).collect::<Vec<_>>(), [wanted]);
        }
        // Anonymised: the words, without the source's ids; the policy in the hub's own terms.
        let theirs = one(&hub, "power-analyst", "indicator").await;
        let seen = bytes(&hub, "power-analyst").await;
        let refs = theirs["object_marking_refs"].as_array().unwrap();
        let markings: Vec<&Value> = refs.iter().map(|id| seen.iter().find(|object| object["id"] == *id).unwrap()).collect();
        assert!(markings.iter().any(|m| m["definition"]["statement"].as_str().is_some_and(|words| words.starts_with("Do not quote."))), "{markings:?}");
        assert!(markings.iter().any(|m| m["name"] == "PAP:AMBER"), "{markings:?}");
        let all = serde_json::to_string(&seen).unwrap();
        for secret in [marking(1), marking(2), "01bc4353".to_owned(), "2026-11-01T00:00:00.000Z\",\"definition".to_owned()] {
            assert!(!all.contains(&secret), "{secret}");
        }
        assert!(all.contains("affected_party_notification") && all.contains("unmodified_resale"));
        assert!(all.contains("source withheld"), "the policy forbids naming the provider");
    }

    a_definition_that_is_held_itself_still_goes_with_what_it_marks => |hub| {
        let mut own = statement(1, "for the few");
        own["object_marking_refs"] = json!([AMBER_1]);
        let marked = indicator(1, &[GREEN, &marking(1)], &[]);
        post(&hub, "ict-taxii", &[own.clone(), marked.clone()]).await;
        assert!(bytes(&hub, "nco-analyst").await.is_empty());
        hub.approve(marked["id"].as_str().unwrap()).await;
        let seen = bytes(&hub, "nco-analyst").await;
        assert_eq!(seen.iter().filter(|object| **object == own).count(), 1, "with the item, though it waits by itself");
        hub.approve(own["id"].as_str().unwrap()).await;
        let seen = bytes(&hub, "nco-analyst").await;
        assert_eq!(seen.iter().filter(|object| object["id"] == own["id"]).count(), 1, "and not twice");
    }

    a_definition_that_is_marked_makes_what_it_marks_as_strict => |hub| {
        let mut own = statement(1, "for the few");
        own["object_marking_refs"] = json!([RED]);
        post(&hub, "ict-taxii", &[own, indicator(1, &[GREEN, &marking(1)], &[])]).await;
        assert_eq!(level(&hub, &indicator(1, &[], &[])).await.0, "第4種");
        assert!(bytes(&hub, "power-analyst").await.is_empty());
    }

    a_levels_own_marking_is_served_with_what_carries_it => |hub| {
        let directory = hub.exchange.directory();
        let id = sekisho::exchange::markings::level_marking_id(&directory, "S2", "第2種");
        post(&hub, "ict-taxii", &[indicator(1, &[&id], &[])]).await;
        let seen = bytes(&hub, "nco-analyst").await;
        let definition = seen.iter().find(|object| object["id"] == id.as_str()).unwrap();
        assert_eq!(definition["definition"]["statement"], "S2 第2種");
        // Nobody posts under it, and trying tells nothing.
        let mut forged = definition.clone();
        forged["definition"]["statement"] = json!("free for all");
        assert_eq!(post(&hub, "power-taxii", &[forged]).await, [[""; 0]]);
        assert!(!serde_json::to_string(&bytes(&hub, "power-taxii").await).unwrap().contains("free for all"));
    }

    nobody_overwrites_a_published_marking => |hub| {
        // WHITE renamed CLEAR, as OpenCTI sends it, and a tool's odd type: taken, and nothing of it kept.
        let renamed = json!({
            "type": "marking-definition", "spec_version": "2.1", "id": WHITE_1, "name": "TLP:CLEAR",
            "created": "2017-01-20T00:00:00.000Z", "definition_type": "tlp", "definition": {"tlp": "clear"},
            "x_opencti_definition": "TLP:CLEAR", "x_opencti_definition_type": "TLP",
        });
        let mut odd = sekisho::stix::marking::tlp_marking(sekisho::handling::Tlp::Red);
        odd["definition_type"] = json!("TLP:RED");
        assert_eq!(post(&hub, "ict-taxii", &[renamed, odd.clone()]).await, [[""; 0]; 2]);
        assert!(bytes(&hub, "ict-taxii").await.is_empty(), "nothing is stored");
        // The same id with a looser level is refused.
        odd["definition_type"] = json!("TLP:CLEAR");
        assert_eq!(post(&hub, "ict-taxii", &[odd]).await, [["/objects/0 TLP 2.0 STIX marking"]]);
        post(&hub, "ict-taxii", &[indicator(1, &[WHITE_1], &[])]).await;
        let seen = bytes(&hub, "nco-analyst").await;
        let served = seen.iter().find(|object| object["id"] == WHITE_1).unwrap();
        assert_eq!(served["name"], "TLP:WHITE");
    }

    nobody_overwrites_anothers_marking_nor_its_own => |hub| {
        let own = statement(1, "the real words");
        post(&hub, "ict-taxii", &[own.clone(), indicator(1, &[GREEN, &marking(1)], &[])]).await;
        // Another source under the same id, older and newer by its own account; it saw neither.
        for created in ["2026-10-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z", "2026-11-20T00:00:00.000Z"] {
            let mut forged = statement(1, "anybody may have it");
            forged["created"] = json!(created);
            forged["object_marking_refs"] = json!([GREEN]);
            post(&hub, "logistics-taxii", &[forged]).await;
        }
        let seen = bytes(&hub, "nco-analyst").await;
        let under: Vec<&Value> = seen.iter().filter(|object| object["id"] == marking(1).as_str()).collect();
        assert_eq!(under, [&own]);
        // A marking has no second version, its own source's neither.
        let mut changed = statement(1, "other words");
        changed["created"] = json!("2026-11-20T00:00:00.000Z");
        assert_eq!(post(&hub, "ict-taxii", &[changed, indicator(2, &[GREEN, &marking(1)], &[])]).await,
            [vec!["/objects/0/modified STIX 3.6".to_owned()], vec![]]);
        let seen = serde_json::to_string(&bytes(&hub, "nco-analyst").await).unwrap();
        assert!(!seen.contains("other words"));
    }
}
