//! Two hubs over real sockets: what one releases reaches the other as its rule allows, nothing goes
//! back, and nothing that is in the way loses anything.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sekisho::config::peers::{Auth, AuthKind, Direction, Hidden, PeerSettings};
use sekisho::peer::Peers;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

pub const EXCHANGE: &str = "09495259-0b2a-4498-bb00-34a57d687f47";
pub const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";

/// A peer at an address, without a login.
pub fn peer_at(url: &str, direction: Direction, principal: &str) -> PeerSettings {
    PeerSettings {
        id: "there".to_owned(),
        url: url.to_owned(),
        collections: vec![EXCHANGE.to_owned()],
        direction,
        principal: principal.to_owned(),
        default_level: None,
        forward: false,
        interval_seconds: 60,
        timeout_seconds: 10,
        ca_file: None,
        auth: None,
    }
}

/// Another hub as a peer, where the principal of the same name logs in.
pub async fn hub_at(there: &TestHub, direction: Direction, principal: &str) -> PeerSettings {
    let url = format!("{}/taxii2/council/", there.serve().await);
    let mut peer = peer_at(&url, direction, principal);
    peer.auth = Some(Auth {
        kind: AuthKind::Basic,
        username: Some(principal.to_owned()),
        header: None,
        secret_file: None,
        secret_env: None,
        secret: Some(Hidden::new(there.key(principal).await)),
    });
    peer
}

pub fn peers(hub: &TestHub, settings: &[PeerSettings]) -> Peers {
    Peers::open(hub.exchange.clone(), settings).unwrap()
}

/// A round with everybody, which must go well.
pub async fn round(hub: &TestHub, peers: &Peers) {
    hub.advance(TimeDelta::seconds(1));
    let turns = peers.once(true).await;
    assert!(!turns.is_empty(), "somebody else is at it");
    for turn in turns {
        assert_eq!(turn.failure, None, "{:?}", turn.place);
    }
}

/// What did not pass.
pub async fn refused(hub: &TestHub) -> Vec<String> {
    let all = hub.exchange.peer_refused("there").await.unwrap();
    all.into_iter()
        .map(|(way, what, _)| format!("{way} {}: {}", what.object, what.reason))
        .collect()
}

/// The objects that somebody sees, by id, markings aside.
pub async fn seen(hub: &TestHub, who: &str) -> BTreeMap<String, Value> {
    let objects = hub.objects(Some(who)).await;
    objects
        .iter()
        .filter(|object| !object.id.starts_with("marking-definition"))
        .map(|object| {
            (
                object.id.clone(),
                serde_json::from_str(&object.bytes).unwrap(),
            )
        })
        .collect()
}

pub fn indicator(n: u32, marking: &str) -> Value {
    let refs = if marking.is_empty() {
        json!({})
    } else {
        json!({"object_marking_refs": [marking]})
    };
    let mut object = json!({
        "type": "indicator", "spec_version": "2.1",
        "id": format!("indicator--8e2e2d2b-17d4-4cbf-938f-{n:012}"),
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "name": format!("Indicator {n}"), "indicator_types": ["malicious-activity"],
        "pattern": format!("[ipv4-addr:value = '198.51.100.{}']", n % 250),
        "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z",
    });
    object
        .as_object_mut()
        .unwrap()
        .extend(refs.as_object().unwrap().clone());
    object
}

pub async fn post(hub: &TestHub, who: &str, objects: &[Value]) {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let body = json!({ "objects": objects }).to_string();
    let outcomes = hub.exchange.publish_objects(&caller, body.as_bytes()).await;
    for outcome in outcomes.unwrap() {
        assert!(outcome.faults.is_empty(), "{outcome:?}");
    }
}

both! {
    what_a_hub_releases_is_pulled_by_another_as_its_service_sees_it => |council| {
        let sector = council.fresh().await;
        council.publish("logistics-publisher", &sample("LOG-02")).await.unwrap();
        post(&council, "ict-taxii", &[indicator(1, GREEN)]).await;
        let there = hub_at(&council, Direction::Pull, "power-taxii").await;
        let peers = peers(&sector, &[there]);
        round(&sector, &peers).await;
        let given = seen(&council, "power-taxii").await;
        assert!(given.len() > 3, "{given:?}");
        let got = seen(&sector, "power-taxii").await;
        assert_eq!(refused(&sector).await, [""; 0]);
        for (id, object) in &given {
            assert_eq!(got.get(id), Some(object), "{id}");
        }
        // Under its own CEPTOAR's rule: nobody else there has it.
        assert!(seen(&sector, "power-analyst").await.len() > 3);
        assert!(seen(&sector, "gas-taxii").await.is_empty());
    }
}
