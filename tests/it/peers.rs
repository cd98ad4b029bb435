//! Two hubs over real sockets: what one releases reaches the other as its rule allows, nothing goes
//! back, and nothing that is in the way loses anything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sekisho::config::peers::{Auth, AuthKind, Direction, Hidden, PeerSettings};
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::peer::Peers;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

pub const EXCHANGE: &str = "09495259-0b2a-4498-bb00-34a57d687f47";
pub const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";
pub const AMBER: &str = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";
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

/// How many objects each of some readers has.
async fn counts(hub: &TestHub) -> Vec<usize> {
    let mut counts = Vec::new();
    for who in [
        "power-taxii",
        "power-analyst",
        "ict-taxii",
        "ict-analyst",
        "nco-analyst",
    ] {
        counts.push(hub.objects(Some(who)).await.len());
    }
    counts
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

    what_a_service_sees_is_pushed_in_order_with_what_it_needs_to_be_read => |council| {
        let sector = council.fresh().await;
        let there = hub_at(&sector, Direction::Push, "power-taxii").await;
        let peers = peers(&council, &[there]);
        council.publish("logistics-publisher", &sample("LOG-02")).await.unwrap();
        post(&council, "ict-taxii", &[indicator(1, GREEN), indicator(2, RED)]).await;
        round(&council, &peers).await;
        let given = seen(&council, "power-taxii").await;
        let got = sector.objects(Some("power-taxii")).await;
        let mut ids = BTreeSet::new();
        for object in &got {
            let value: Value = serde_json::from_str(&object.bytes).unwrap();
            for marking in value["object_marking_refs"].as_array().into_iter().flatten() {
                let marking = marking.as_str().unwrap();
                assert!(ids.contains(marking), "{marking} comes before {}", object.id);
            }
            ids.insert(object.id.clone());
        }
        for id in given.keys() {
            assert!(ids.contains(id), "{id}");
        }
        assert_eq!(refused(&council).await, [""; 0]);
        // What power may not see has not left: not the stricter one, whatever its form.
        let texts: Vec<&str> = got.iter().map(|object| object.bytes.as_str()).collect();
        assert!(texts.iter().any(|text| text.contains("198.51.100.1")));
        assert!(!texts.iter().any(|text| text.contains("198.51.100.2")));
        // Nothing new is nothing to send; a new version goes as one.
        let before = got.len();
        round(&council, &peers).await;
        assert_eq!(sector.objects(Some("power-taxii")).await.len(), before);
        let mut newer = indicator(1, GREEN);
        newer["modified"] = json!("2026-02-01T00:00:00.000Z");
        newer["name"] = json!("Again");
        post(&council, "ict-taxii", &[newer]).await;
        round(&council, &peers).await;
        let got = seen(&sector, "power-taxii").await;
        assert!(got.values().any(|object| object["name"] == "Again"));
    }

    two_hubs_that_pull_and_push_come_to_rest_and_nothing_goes_back => |council| {
        let sector = council.fresh().await;
        let (p, both_ways) = ("power-taxii", Direction::Both);
        let here = peers(&council, &[hub_at(&sector, both_ways, p).await]);
        let there = peers(&sector, &[hub_at(&council, both_ways, p).await]);
        council.publish("logistics-publisher", &sample("LOG-02")).await.unwrap();
        post(&council, "ict-taxii", &[indicator(1, GREEN)]).await;
        post(&sector, "ict-taxii", &[indicator(2, GREEN)]).await;
        sector.publish("gas-publisher", &sample("GAS-02")).await.unwrap();
        for _ in 0..2 {
            round(&council, &here).await;
            round(&sector, &there).await;
        }
        let rest = (counts(&council).await, counts(&sector).await);
        for _ in 0..3 {
            round(&council, &here).await;
            round(&sector, &there).await;
        }
        assert_eq!((counts(&council).await, counts(&sector).await), rest);
        assert_eq!(refused(&council).await, [""; 0]);
        assert_eq!(refused(&sector).await, [""; 0]);
        // Each has the other's, once, and its own once: no rendition of what it sent.
        for (hub, other) in [(&council, "198.51.100.2"), (&sector, "198.51.100.1")] {
            let got = seen(hub, "power-taxii").await;
            for address in ["198.51.100.1", other] {
                let with = got.values().filter(|it| it.to_string().contains(address)).count();
                assert_eq!(with, 1, "{address}");
            }
        }
        // Who came from where: nobody but power's own has what power brought in under its rule.
        let ict = seen(&council, "ict-taxii").await;
        assert!(ict.values().all(|it| !it.to_string().contains("198.51.100.2")));
    }

    what_the_hub_took_back_does_not_return_from_a_peer => |council| {
        let sector = council.fresh().await;
        let p = "power-taxii";
        let here = peers(&council, &[hub_at(&sector, Direction::Both, p).await]);
        post(&council, "ict-taxii", &[indicator(1, GREEN)]).await;
        round(&council, &here).await;
        let sent = seen(&council, p).await;
        let id = sent.values().find(|it| it["type"] == "indicator").unwrap()["id"].clone();
        let id = id.as_str().unwrap();
        assert!(seen(&sector, p).await.contains_key(id));
        let ict = council.caller("ict-taxii").await;
        let original = indicator(1, GREEN)["id"].as_str().unwrap().to_owned();
        council.advance(TimeDelta::seconds(1));
        council.exchange.withdraw(&ict, &original, Withdrawal::default()).await.unwrap();
        assert!(!seen(&council, p).await.contains_key(id));
        // The other hub still serves it, also to a peer that begins anew under another service.
        round(&council, &here).await;
        round(&council, &here).await;
        assert!(!seen(&council, p).await.contains_key(id));
        // And it was told.
        let told = seen(&sector, p).await;
        let note = told.values().find(|it| it["type"] == "note").expect("the notice");
        assert_eq!(note["object_refs"], json!([id]));
        // What it took back of the peer's does not return either.
        post(&sector, "ict-taxii", &[indicator(2, GREEN)]).await;
        round(&council, &here).await;
        let came = seen(&council, p).await;
        let came = came.values().find(|it| it.to_string().contains("198.51.100.2")).unwrap();
        let id = came["id"].as_str().unwrap().to_owned();
        let service = council.caller(p).await;
        let analyst = "power-analyst";
        let had = seen(&council, analyst).await;
        assert!(had.values().any(|it| it.to_string().contains("198.51.100.2")));
        council.exchange.withdraw(&service, &id, Withdrawal::default()).await.unwrap();
        let before = seen(&council, analyst).await;
        assert!(before.values().all(|it| !it.to_string().contains("198.51.100.2")));
        let mut anew = hub_at(&sector, Direction::Pull, p).await;
        anew.collections = vec!["exchange".to_owned()]; // another mark: it reads from the beginning
        round(&council, &peers(&council, &[anew])).await;
        assert_eq!(seen(&council, analyst).await, before);
    }

    what_is_held_at_the_desk_is_not_pushed_until_it_is_released => |sector| {
        let council = sector.fresh().await;
        let there = hub_at(&council, Direction::Push, "power-taxii").await;
        let peers = peers(&sector, &[there]);
        // Unmarked: it waits even inside its CEPTOAR, and the service has a seat at its desk.
        post(&sector, "power-publisher", &[indicator(7, "")]).await;
        let id = indicator(7, "")["id"].as_str().unwrap().to_owned();
        assert!(seen(&sector, "power-taxii").await.contains_key(&id));
        round(&sector, &peers).await;
        assert!(seen(&council, "power-taxii").await.is_empty());
        sector.approve(&id).await;
        let inside = seen(&sector, "power-analyst").await;
        assert!(!inside.is_empty(), "released");
        round(&sector, &peers).await;
        let got = seen(&council, "power-taxii").await;
        assert!(inside.keys().all(|id| got.contains_key(id)), "{inside:?} {got:?} {:?}", refused(&sector).await);
    }

    what_its_own_markings_do_not_say_stays => |sector| {
        let council = sector.fresh().await;
        let there = hub_at(&council, Direction::Push, "ict-taxii").await;
        let peers = peers(&sector, &[there]);
        // S2 releases what is unmarked, and inside its CEPTOAR as it was sent.
        let (unmarked, marked) = (indicator(1, ""), indicator(2, AMBER));
        post(&sector, "ict-publisher", &[unmarked.clone(), marked.clone()]).await;
        let id = |object: &Value| object["id"].as_str().unwrap().to_owned();
        let inside = seen(&sector, "ict-analyst").await;
        assert_eq!(inside.get(&id(&unmarked)), Some(&unmarked), "as it was sent");
        round(&sector, &peers).await;
        let got = seen(&council, "ict-taxii").await;
        assert!(got.contains_key(&id(&marked)) && !got.contains_key(&id(&unmarked)), "{got:?}");
        let refused = refused(&sector).await;
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].contains(&id(&unmarked)), "{refused:?}");
    }
}
