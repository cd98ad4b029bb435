//! Working sets: whose they are, what is in them, and what is not any more; on both databases.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use sekisho::exchange::Refusal;
use sekisho::exchange::once::Said;
use sekisho::exchange::sets::{ITEMS_MAX, NOTE_MAX, PER_PRINCIPAL, SetChange, SetPage};
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::handling::Channel;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

const WHO: &str = "power-analyst";

async fn make(hub: &TestHub, who: &str, name: &str) -> Result<String, Refusal> {
    let caller = hub.caller(who).await;
    let set = hub.exchange.make_set(&caller, (name, ""), Said::default());
    Ok(set.await?.id)
}

async fn change(hub: &TestHub, who: &str, set: &str, change: SetChange) -> Result<i64, Refusal> {
    let caller = hub.caller(who).await;
    let changed = hub
        .exchange
        .change_set(&caller, Channel::Rest, set, (change, None));
    Ok(changed.await?.version)
}

fn adding(ids: &[&str], note: &str) -> SetChange {
    let ids = ids.iter().map(|id| (*id).to_owned());
    SetChange {
        add: ids.clone().collect(),
        notes: ids
            .filter(|_| !note.is_empty())
            .map(|id| (id, note.to_owned()))
            .collect(),
        ..SetChange::default()
    }
}

async fn page(hub: &TestHub, who: &str, set: &str) -> SetPage {
    let caller = hub.caller(who).await;
    hub.exchange.set(&caller, Channel::Rest, set).await.unwrap()
}

fn shown(page: &SetPage) -> Vec<(&str, &str)> {
    let items = page.items.iter();
    items
        .map(|item| (item.report.id.as_str(), item.note.as_str()))
        .collect()
}

/// Two cases of ICT's that everybody reads: the source's ids, and a power analyst's.
async fn two(hub: &TestHub) -> (Vec<String>, Vec<String>) {
    let mut own = Vec::new();
    for number in 0..2 {
        let mut report = sample("ICT-02");
        report["title"] = json!({"ja": format!("事例{number}")});
        own.push(hub.publish("ict-publisher", &report).await.unwrap().id);
    }
    let mut theirs: Vec<String> = hub
        .reports(Some(WHO))
        .await
        .into_iter()
        .map(|one| one.id)
        .collect();
    theirs.reverse();
    assert_eq!(theirs.len(), 2);
    (own, theirs)
}

async fn recall(hub: &TestHub, id: &str) {
    hub.advance(TimeDelta::seconds(1));
    let publisher = hub.caller("ict-publisher").await;
    let withdrawal = Withdrawal {
        version: None,
        recall: true,
        reason: String::new(),
    };
    hub.exchange
        .withdraw(&publisher, id, withdrawal)
        .await
        .unwrap();
}

struct Client {
    base: String,
    key: String,
}

impl Client {
    async fn of(hub: &TestHub, who: &str) -> Self {
        Self {
            base: hub.serve().await,
            key: hub.key(who).await,
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        tag: Option<&str>,
    ) -> (u16, String, Value) {
        let mut request = reqwest::Client::new()
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.key);
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let tag = answer
            .headers()
            .get("etag")
            .map_or("", |tag| tag.to_str().unwrap())
            .to_owned();
        let text = answer.text().await.unwrap();
        (status, tag, serde_json::from_str(&text).unwrap_or_default())
    }
}

both! {
    what_no_set_can_hold_is_refused_before_anything_is_written => |hub| {
        let (_, ids) = two(&hub).await;
        let set = make(&hub, WHO, "a").await.unwrap();
        let many: Vec<&str> = (0..=ITEMS_MAX).map(|_| ids[0].as_str()).collect();
        for wrong in [
            adding(&[&ids[0], &ids[0]], ""),
            adding(&many, ""),
            SetChange { remove: vec![ids[0].clone(), ids[0].clone()], ..SetChange::default() },
            SetChange { notes: vec![(ids[0].clone(), "a".to_owned()), (ids[0].clone(), "b".to_owned())], ..SetChange::default() },
            SetChange { note: Some("a\0b".to_owned()), ..SetChange::default() },
            SetChange { add: vec![ids[0].clone()], notes: vec![(ids[0].clone(), "\0".to_owned())], ..SetChange::default() },
        ] {
            assert!(matches!(change(&hub, WHO, &set, wrong).await, Err(Refusal::Invalid(_))));
        }
        assert!(page(&hub, WHO, &set).await.items.is_empty());
    }

    a_set_is_its_makers_alone => |hub| {
        let (_, ids) = two(&hub).await;
        let set = make(&hub, WHO, "波及の調査").await.unwrap();
        change(&hub, WHO, &set, adding(&[&ids[0]], "調べる")).await.unwrap();
        // A colleague of the same body, and the secretariat, have none: as of an id that is not there.
        for who in ["power-poc", "power-publisher", "secretariat", "gas-analyst"] {
            let caller = hub.caller(who).await;
            assert!(hub.exchange.sets(&caller).await.unwrap().is_empty(), "{who}");
            assert!(matches!(hub.exchange.set(&caller, Channel::Rest, &set).await, Err(Refusal::NotFound)), "{who}");
            assert!(matches!(hub.exchange.ids_in_set(&caller, Channel::Rest, &set).await, Err(Refusal::NotFound)), "{who}");
            assert!(matches!(change(&hub, who, &set, SetChange { name: Some("x".to_owned()), ..SetChange::default() }).await, Err(Refusal::NotFound)), "{who}");
            assert!(matches!(hub.exchange.end_set(&caller, &set, None).await, Err(Refusal::NotFound)), "{who}");
        }
        assert_eq!(shown(&page(&hub, WHO, &set).await), [(ids[0].as_str(), "調べる")]);
    }

    what_was_taken_back_is_absent_as_if_it_had_never_been_there => |hub| {
        let (own, ids) = two(&hub).await;
        let [noted, plain, never] = ["a", "b", "c"];
        let mut sets = Vec::new();
        for name in [noted, plain, never] {
            sets.push(make(&hub, WHO, name).await.unwrap());
        }
        change(&hub, WHO, &sets[0], adding(&[&ids[0], &ids[1]], "引用")).await.unwrap();
        change(&hub, WHO, &sets[1], adding(&[&ids[1], &ids[0]], "")).await.unwrap();
        change(&hub, WHO, &sets[2], adding(&[&ids[1]], "")).await.unwrap();
        recall(&hub, &own[0]).await;
        let pages = [page(&hub, WHO, &sets[0]).await, page(&hub, WHO, &sets[1]).await, page(&hub, WHO, &sets[2]).await];
        assert_eq!(shown(&pages[0]), [(ids[1].as_str(), "引用")]);
        assert_eq!(pages[0].left_notes.len(), 1, "its owner's words are kept");
        assert_eq!((pages[0].left_notes[0].id.as_str(), pages[0].left_notes[0].note.as_str()), (ids[0].as_str(), "引用"));
        // But for name, id and times, the second is the third, into which it was never put.
        let bare = |page: &SetPage| {
            let mut value = serde_json::to_value(page).unwrap();
            for name in ["id", "name", "created_at", "changed_at"] {
                value.as_object_mut().unwrap().remove(name);
            }
            value.to_string()
        };
        assert_eq!(bare(&pages[1]), bare(&pages[2]));
        let caller = hub.caller(WHO).await;
        for set in &sets {
            assert_eq!(hub.exchange.ids_in_set(&caller, Channel::Rest, set).await.unwrap(), [ids[1].clone()]);
        }
        // Nor is it put there any more; its note goes when its owner says so.
        assert!(matches!(change(&hub, WHO, &sets[2], adding(&[&ids[0]], "")).await, Err(Refusal::NotFound)));
        let gone = SetChange { remove: vec![ids[0].clone()], ..SetChange::default() };
        change(&hub, WHO, &sets[0], gone.clone()).await.unwrap();
        assert!(page(&hub, WHO, &sets[0]).await.left_notes.is_empty());
        assert!(matches!(change(&hub, WHO, &sets[0], gone).await, Err(Refusal::NotFound)));
    }

    only_what_one_reads_is_put_into_a_set => |hub| {
        let (own, ids) = two(&hub).await;
        let hidden = hub.publish("gas-publisher", &sample("GAS-01")).await.unwrap().id;
        let set = make(&hub, WHO, "一つ").await.unwrap();
        for id in [hidden.as_str(), "00000000-0000-4000-8000-000000000000", ""] {
            let mixed = adding(&[&ids[0], id], "");
            assert!(matches!(change(&hub, WHO, &set, mixed).await, Err(Refusal::NotFound)), "{id}");
            let noted = SetChange { notes: vec![(id.to_owned(), "x".to_owned())], ..SetChange::default() };
            assert!(matches!(change(&hub, WHO, &set, noted).await, Err(Refusal::NotFound)), "{id}");
        }
        assert!(page(&hub, WHO, &set).await.items.is_empty(), "all of a change or none");
        drop(own);
    }

    sets_items_and_notes_are_bounded => |hub| {
        for number in 0..PER_PRINCIPAL {
            make(&hub, WHO, &number.to_string()).await.unwrap();
        }
        assert!(matches!(make(&hub, WHO, "one more").await, Err(Refusal::Conflict(_))));
        let caller = hub.caller(WHO).await;
        let sets = hub.exchange.sets(&caller).await.unwrap();
        hub.exchange.end_set(&caller, &sets[0].id, None).await.unwrap();
        let set = make(&hub, WHO, "one more").await.unwrap();
        make(&hub, "gas-analyst", "another's").await.unwrap();
        let long = |length: usize| SetChange { note: Some("あ".repeat(length)), ..SetChange::default() };
        change(&hub, WHO, &set, long(NOTE_MAX)).await.unwrap();
        assert!(matches!(change(&hub, WHO, &set, long(NOTE_MAX + 1)).await, Err(Refusal::Invalid(_))));
        for name in ["", " ", "a\nb", &"x".repeat(101)] {
            assert!(matches!(make(&hub, "gas-analyst", name).await, Err(Refusal::Invalid(_))), "{name}");
        }
    }

    a_full_set_takes_no_more_and_what_was_taken_back_takes_no_room => |hub| {
        let mut own = Vec::new();
        for number in 0..=ITEMS_MAX {
            let mut report = sample("ICT-02");
            for member in ["narrative", "timeline", "countermeasures", "indicators", "contributing_factors", "best_practices", "related"] {
                report.as_object_mut().unwrap().remove(member);
            }
            report["title"] = json!({"ja": format!("事例{number}")});
            own.push(hub.publish("ict-publisher", &report).await.unwrap().id);
        }
        let mut ids: Vec<String> = hub.reports(Some(WHO)).await.into_iter().map(|one| one.id).collect();
        ids.reverse();
        assert_eq!(ids.len(), ITEMS_MAX + 1);
        let set = make(&hub, WHO, "一杯").await.unwrap();
        let full: Vec<&str> = ids[..ITEMS_MAX].iter().map(String::as_str).collect();
        change(&hub, WHO, &set, adding(&full, "")).await.unwrap();
        change(&hub, WHO, &set, adding(&full[..2], "")).await.unwrap();
        let last = adding(&[&ids[ITEMS_MAX]], "");
        assert!(matches!(change(&hub, WHO, &set, last.clone()).await, Err(Refusal::Conflict(_))));
        recall(&hub, &own[0]).await;
        change(&hub, WHO, &set, last).await.unwrap();
        assert_eq!(page(&hub, WHO, &set).await.items.len(), ITEMS_MAX);
    }

    over_http_a_set_is_changed_at_the_version_that_was_seen => |hub| {
        let (_, ids) = two(&hub).await;
        let client = Client::of(&hub, WHO).await;
        let (status, tag, made) = client.send(Method::POST, "/v1/sets", Some(json!({"name": "調査", "note": "始め"})), None).await;
        assert_eq!((status, tag.as_str()), (201, "\"1\""));
        let at = format!("/v1/sets/{}", made["id"].as_str().unwrap());
        let item = format!("{at}/items/{}", ids[0]);
        let (status, tag, _) = client.send(Method::PUT, &item, Some(json!({"note": "見る"})), Some("\"1\"")).await;
        assert_eq!((status, tag.as_str()), (200, "\"2\""));
        // Who has seen the first version changes nothing of the second.
        for (method, path, body) in [
            (Method::PUT, &item, Some(json!({"note": "別"}))), (Method::PUT, &at, Some(json!({"name": "別"}))),
            (Method::DELETE, &item, None), (Method::DELETE, &at, None),
        ] {
            assert_eq!(client.send(method.clone(), path, body, Some("\"1\"")).await.0, 412, "{method} {path}");
        }
        // A note that is not said stays.
        assert_eq!(client.send(Method::PUT, &item, Some(json!({})), None).await.0, 200);
        let (status, tag, page) = client.send(Method::GET, &at, None, None).await;
        assert_eq!((status, tag.as_str()), (200, "\"3\""));
        assert_eq!((page["items"][0]["id"].as_str(), page["items"][0]["note"].as_str(), page["note"].as_str()), (Some(ids[0].as_str()), Some("見る"), Some("始め")));
        let (status, _, text) = client.send(Method::POST, "/v1/exports", Some(json!({"set": made["id"], "format": "stix"})), None).await;
        assert!(status == 200 && text["type"] == "bundle");
        for body in [json!({"set": made["id"], "ids": ids, "format": "csv"}), json!({"format": "csv"})] {
            assert_eq!(client.send(Method::POST, "/v1/exports", Some(body), None).await.0, 422);
        }
        assert_eq!(client.send(Method::POST, "/v1/exports", Some(json!({"set": "x", "format": "csv"})), None).await.0, 404);
        assert_eq!(client.send(Method::DELETE, &item, None, Some("\"3\"")).await.0, 200);
        assert_eq!(client.send(Method::POST, "/v1/exports", Some(json!({"set": made["id"], "format": "csv"})), None).await.0, 422, "nothing is in it");
        assert_eq!(client.send(Method::DELETE, &at, None, Some("\"4\"")).await.0, 204);
        assert_eq!(client.send(Method::GET, &at, None, None).await.0, 404);
        let other = Client::of(&hub, "gas-analyst").await;
        assert_eq!(other.send(Method::GET, &at, None, None).await.2, client.send(Method::GET, "/v1/sets/x", None, None).await.2);
        assert_eq!(StatusCode::NOT_FOUND.as_u16(), 404);
    }
}
