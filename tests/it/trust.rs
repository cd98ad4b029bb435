//! What ingest refuses beyond one object's own faults: circles of markings over several objects, and
//! what is neither an envelope nor a bundle.

use chrono::TimeDelta;
use sekisho::exchange::Refusal;
use serde_json::{Value, json};

use crate::harness::{TestHub, both};

fn marking(uuid: u32, marked: &[u32]) -> Value {
    let id = |uuid: u32| format!("marking-definition--00000000-0000-4000-8000-{uuid:012}");
    let mut object = json!({
        "type": "marking-definition", "spec_version": "2.1", "id": id(uuid),
        "created": "2026-11-01T00:00:00.000Z", "definition_type": "statement",
        "definition": {"statement": "s"},
    });
    if !marked.is_empty() {
        object["object_marking_refs"] = marked.iter().map(|uuid| json!(id(*uuid))).collect();
    }
    object
}

/// Posts an envelope and gives the rules each object broke.
async fn post(hub: &TestHub, who: &str, objects: &[Value]) -> Vec<Vec<String>> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let envelope = json!({ "objects": objects }).to_string();
    let posted = hub.exchange.publish_objects(&caller, envelope.as_bytes());
    let outcomes = posted.await.unwrap().into_iter();
    outcomes
        .map(|outcome| outcome.faults.into_iter().map(|fault| fault.rule).collect())
        .collect()
}

both! {
    /// STIX 3.2; a chain is none.
    a_circle_of_markings_is_refused_in_one_envelope_and_against_what_was_posted => |hub| {
        let who = "ict-taxii";
        let chain = post(&hub, who, &[marking(1, &[]), marking(2, &[1]), marking(3, &[2, 1])]).await;
        assert_eq!(chain, [[""; 0]; 3]);
        let circle = post(&hub, who, &[marking(4, &[5]), marking(5, &[6]), marking(6, &[4]), marking(7, &[6])]).await;
        assert_eq!(circle[..3], [["STIX 3.2"]; 3]);
        assert_eq!(circle[3], [""; 0], "it is in no circle itself");
        assert_eq!(post(&hub, who, &[marking(8, &[9])]).await, [[""; 0]], "it dangles");
        assert_eq!(post(&hub, who, &[marking(9, &[8])]).await, [["STIX 3.2"]]);
        // What others posted is not looked at: whether it is there must not show.
        assert_eq!(post(&hub, "finance-publisher", &[marking(9, &[8])]).await, [[""; 0]]);
    }

    /// Half of the clients post one (docs/taxii.md, trap 9).
    a_bundle_is_taken_apart_like_an_envelope_and_one_without_objects_is_neither => |hub| {
        let caller = hub.caller("ict-taxii").await;
        let id = "bundle--00000000-0000-4000-8000-000000000001";
        let bundle = json!({"type": "bundle", "id": id, "objects": [marking(1, &[])]});
        let taken = hub.exchange.publish_objects(&caller, bundle.to_string().as_bytes()).await.unwrap();
        assert_eq!((taken.len(), &taken[0].faults), (1, &vec![]));
        let lone = marking(2, &[]).to_string();
        let refused = hub.exchange.publish_objects(&caller, lone.as_bytes()).await;
        assert!(matches!(refused, Err(Refusal::Malformed(_))), "{refused:?}");
    }
}
