//! Parts and references over time: what is taken back, erased, narrowed, posted again, released late,
//! or seen by somebody new, with what names it.

use chrono::TimeDelta;
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::store::Db;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, without_cases};

const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
const AMBER: &str = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";
const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";

fn id(kind: &str, n: u32) -> String {
    format!("{kind}--00000000-0000-4000-8000-{n:012}")
}

fn object(kind: &str, n: u32, hour: u32, marking: &str, more: Value) -> Value {
    let mut object = json!({
        "type": kind, "spec_version": "2.1", "id": id(kind, n),
        "created": "2026-11-01T00:00:00.000Z", "modified": format!("2026-11-01T{hour:02}:00:00.000Z"),
        "object_marking_refs": [marking],
    });
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn tool(n: u32, hour: u32, marking: &str, text: &str) -> Value {
    object(
        "tool",
        n,
        hour,
        marking,
        json!({"name": "t", "description": text}),
    )
}

fn note(n: u32, refs: &[&str]) -> Value {
    object(
        "note",
        n,
        0,
        GREEN,
        json!({"content": "c", "object_refs": refs}),
    )
}

fn domain(name: &str, marking: &str) -> Value {
    let mut domain = json!({"type": "domain-name", "spec_version": "2.1", "value": name});
    let id = sekisho::stix::id::deterministic_id(&domain).unwrap();
    domain["id"] = json!(id.to_string());
    domain["object_marking_refs"] = json!([marking]);
    domain
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

/// Everything a principal reads, in one text.
async fn text(hub: &TestHub, who: &str) -> String {
    hub.objects(Some(who))
        .await
        .into_iter()
        .map(|object| object.bytes)
        .collect()
}

async fn count(hub: &TestHub, who: &str, kind: &str) -> usize {
    let kind = format!("{kind}--");
    hub.objects(Some(who))
        .await
        .iter()
        .filter(|object| object.id.starts_with(&kind))
        .count()
}

both! {
    a_container_names_nothing_that_was_taken_back_and_its_readers_are_told_of_every_form => |hub| {
        let (one, two) = (id("tool", 1), id("tool", 2));
        post(&hub, "ict-taxii", &[tool(1, 0, GREEN, "one"), tool(2, 0, GREEN, "two")]).await;
        post(&hub, "ict-taxii", &[note(1, &[&one, &two])]).await;
        assert!(text(&hub, "nco-analyst").await.contains(&one));
        assert_eq!(count(&hub, "power-analyst", "note").await, 1);
        let caller = hub.caller("ict-publisher").await;
        let taken = Withdrawal { recall: true, reason: "wrong".to_owned(), ..Withdrawal::default() };
        hub.exchange.withdraw(&caller, &one, taken).await.unwrap();
        for who in ["nco-analyst", "ict-analyst"] {
            // The notice to those who had it names it; nothing else does.
            let left: Vec<_> = hub.objects(Some(who)).await.into_iter().filter(|o| !o.bytes.contains("recalled")).collect();
            assert!(left.iter().all(|o| !o.bytes.contains(&one)), "{who}");
            assert!(left.iter().any(|o| o.bytes.contains(&two) && o.id.starts_with("note--")), "{who}: the rest is left");
        }
        let left = hub.objects(Some("power-analyst")).await;
        assert_eq!(left.iter().filter(|o| o.id.starts_with("note--") && !o.bytes.contains("recalled")).count(), 1);
        // The cut note is the note's: taking that back reaches it, and whoever had it is told.
        hub.exchange.withdraw(&caller, &id("note", 1), Withdrawal::default()).await.unwrap();
        let left = hub.objects(Some("nco-analyst")).await;
        assert!(left.iter().all(|o| !o.id.starts_with("note--") || o.bytes.contains("by its source")));
        let nco = hub.caller("nco-analyst").await;
        let notices = hub.exchange.notices(&nco).await.unwrap();
        let cut = notices.iter().find(|notice| notice.kind == "withdrawn").unwrap();
        assert_eq!(cut.objects.as_array().unwrap().len(), 2, "as it was posted, and without what was recalled: {cut:?}");
    }

    every_form_is_erased => |hub| {
        let mut tool = tool(1, 0, GREEN, "a secret word");
        tool["granular_markings"] = json!([{"marking_ref": AMBER, "selectors": ["description"]}]);
        post(&hub, "ict-taxii", &[domain("a.example", GREEN), tool]).await;
        let name = format!("demo-ict {}", id("tool", 1));
        let forms = async || {
            let mut tx = Db::open(&hub.address).await.unwrap().read().await.unwrap();
            let key = tx.latest_version(&name).await.unwrap().unwrap().key;
            let objects = tx.objects_of(key).await.unwrap();
            objects.into_iter().map(|(_, o)| (o.form, o.bytes.len())).collect::<Vec<_>>()
        };
        assert!(forms().await.len() >= 4, "{:?}", forms().await);
        hub.advance(TimeDelta::days(1096));
        hub.exchange.act_on_time().await.unwrap();
        assert!(forms().await.iter().all(|(_, bytes)| *bytes == 0), "{:?}", forms().await);
        assert!(!text(&hub, "ict-analyst").await.contains("a secret word"));
        // Those who had it post again: what was erased is in nobody's way.
        post(&hub, "ict-taxii", &[note(1, &[&id("tool", 1)])]).await;
    }

    what_has_parts_does_not_become_looser_by_age => |hub| {
        let mut part = tool(1, 0, GREEN, "a strict word");
        part["granular_markings"] = json!([{"marking_ref": AMBER, "selectors": ["description"]}]);
        post(&hub, "ict-taxii", &[part, tool(2, 0, GREEN, "loose")]).await;
        hub.approve(&id("tool", 1)).await;
        let before = hub.objects(None).await.iter().filter(|o| o.id.starts_with("tool--")).count();
        hub.advance(TimeDelta::days(366));
        hub.exchange.act_on_time().await.unwrap();
        let after = hub.objects(None).await.iter().filter(|o| o.id.starts_with("tool--")).count();
        assert_eq!((before, after), (0, 1), "only what has no parts");
        assert!(!text(&hub, "gas-op1-member").await.contains("a strict word"));
    }

    /// Fault (c): success used to be answered, and nothing happened.
    an_observable_posted_again_under_a_stricter_marking_is_narrowed => |hub| {
        let named = domain("a.example", GREEN);
        let note = note(1, &[named["id"].as_str().unwrap()]);
        post(&hub, "ict-taxii", &[named.clone(), note]).await;
        let sees = async |who| (count(&hub, who, "domain-name").await, count(&hub, who, "note").await);
        assert_eq!((sees("gas-op1-member").await, sees("nco-poc").await), ((1, 1), (1, 1)));
        post(&hub, "ict-taxii", std::slice::from_ref(&named)).await;
        assert_eq!(sees("gas-op1-member").await, (1, 1), "the same again changes nothing");
        post(&hub, "ict-taxii", &[domain("a.example", RED)]).await;
        assert_eq!(sees("gas-op1-member").await, (0, 0), "and what names it goes with it");
        assert_eq!(sees("nco-poc").await, (1, 1));
        post(&hub, "ict-taxii", std::slice::from_ref(&named)).await;
        assert_eq!(sees("gas-op1-member").await, (0, 0), "never wider again");
    }

    /// Fault (b): the first posted is released last, so the other is there already.
    of_two_contents_the_one_released_later_stands_in_though_it_was_posted_first => |hub| {
        post(&hub, "ict-taxii", &[tool(1, 0, AMBER, "words")]).await;
        post(&hub, "logistics-taxii", &[tool(1, 0, GREEN, "other words")]).await;
        assert_eq!(count(&hub, "nco-analyst", "tool").await, 1);
        assert_eq!(hub.approve(&id("tool", 1)).await, "released");
        let both = text(&hub, "nco-analyst").await;
        assert!(both.contains("other words") && both.contains("\"words\""), "{both}");
        assert_eq!(count(&hub, "nco-analyst", "tool").await, 2);
        // Who has one of the two has no rendition beside it.
        assert_eq!(count(&hub, "gas-op1-member", "tool").await, 1);
        assert!(!text(&hub, "gas-op1-member").await.contains("\"words\""));
    }

    /// Fault (a): a rendition's reference told whether its source had its own observable out.
    what_an_anonymised_note_names_does_not_tell_what_its_source_posted => |hub| {
        let named = domain("a.example", GREEN);
        let name = named["id"].as_str().unwrap().to_owned();
        let mut answers = Vec::new();
        for own in [None, Some(RED), Some(AMBER)] {
            let twin = hub.fresh_with_secret(&[7; 32]).await;
            post(&twin, "logistics-taxii", std::slice::from_ref(&named)).await;
            match own {
                Some(marking) => post(&twin, "ict-taxii", &[domain("a.example", marking)]).await,
                None => twin.advance(TimeDelta::seconds(1)),
            }
            post(&twin, "ict-taxii", &[note(1, &[&name])]).await;
            let notes: Vec<String> = twin.objects(Some("railway-analyst")).await.into_iter()
                .filter(|o| o.id.starts_with("note--")).map(|o| format!("{} {}", o.added, o.bytes)).collect();
            assert_eq!(notes.len(), 1, "{own:?}");
            assert!(notes[0].contains(&name), "who has the observable is told of it");
            answers.push(notes);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        // Where the observable itself tells of the source, nobody is.
        let telling = domain("mail.demo-ict.example", GREEN);
        let twin = hub.fresh().await;
        post(&twin, "logistics-taxii", std::slice::from_ref(&telling)).await;
        post(&twin, "ict-taxii", &[note(1, &[telling["id"].as_str().unwrap()])]).await;
        assert_eq!(count(&twin, "railway-analyst", "note").await, 0);
    }

    /// Fault (e): an older version posted late carries the newer one's rule, its consents included.
    an_older_version_posted_late_waits_for_whom_the_newer_one_asks => |hub| {
        post(&hub, "ict-taxii", &[tool(1, 2, AMBER, "newer")]).await;
        post(&hub, "ict-taxii", &[tool(1, 1, GREEN, "older")]).await;
        assert!(!text(&hub, "nco-analyst").await.contains("older"));
        let poc = hub.caller("ict-poc").await;
        let (requests, _) = hub.exchange.approvals(&poc, None, 10).await.unwrap();
        assert_eq!(requests.len(), 2, "one for each version");
        // As long as the newer one is not out, the older is the latest there is.
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.answer(&poc, &requests[0].id, true, "").await.unwrap();
        assert!(text(&hub, "nco-analyst").await.contains("older"));
        assert!(!text(&hub, "gas-op1-member").await.contains("older"), "under the newer one's rule");
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.answer(&poc, &requests[1].id, true, "").await.unwrap();
        let latest = text(&hub, "nco-analyst").await;
        assert!(latest.contains("newer") && !latest.contains("older"), "{latest}");
    }

    who_comes_to_see_a_part_gets_what_shows_it_once => |hub| {
        let mut part = tool(1, 0, GREEN, "a strict word");
        part["granular_markings"] = json!([{"marking_ref": AMBER, "selectors": ["description"]}]);
        post(&hub, "ict-taxii", std::slice::from_ref(&part)).await;
        hub.approve(&id("tool", 1)).await;
        // A member of gas sees the rest; an analyst of gas sees the part too, both as renditions.
        let seen = hub.objects(Some("gas-op1-member")).await;
        let last = seen.last().unwrap().added;
        assert!(!text(&hub, "gas-op1-member").await.contains("a strict word"));
        let mut file: toml::Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
        let all = file["principals"].as_array_mut().unwrap();
        let one = all.iter_mut().find(|one| one["id"].as_str() == Some("gas-op1-member")).unwrap();
        let who = one.as_table_mut().unwrap();
        who.insert("body".to_owned(), "demo-gas".into());
        who.insert("roles".to_owned(), toml::Value::Array(vec!["analyst".into()]));
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&toml::to_string(&file).unwrap()).await.unwrap();
        hub.exchange.act_on_time().await.unwrap();
        let now = hub.objects(Some("gas-op1-member")).await;
        let tools: Vec<_> = now.iter().filter(|o| o.id.starts_with("tool--")).collect();
        assert_eq!(tools.len(), 1, "one entry of one item");
        assert!(tools[0].bytes.contains("a strict word"));
        assert!(tools[0].added > last, "also for a poller that is past it");
        // And back: the rest, and no longer the part.
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&without_cases(sekisho::demo::COUNCIL)).await.unwrap();
        hub.exchange.act_on_time().await.unwrap();
        assert!(!text(&hub, "gas-op1-member").await.contains("a strict word"));
        assert_eq!(count(&hub, "gas-op1-member", "tool").await, 1);
    }
}
