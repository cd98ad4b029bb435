//! Saved searches at their bounds: how far is counted, one that is not understood, pages and their
//! mark, and which notifications end with one; on both databases.

use chrono::TimeDelta;
use reqwest::Method;
use sekisho::handling::Channel;
use sekisho::store::{Db, SavedSearch};
use sekisho::subscription::Definition;
use serde_json::json;

use crate::console::{Browser, after, encoded};
use crate::harness::{TestHub, both, sample};
use crate::saved_searches::{Client, subscribe};

/// Releases so many cases, and says how many.
async fn release(hub: &TestHub, count: usize) {
    for _ in 0..count {
        hub.advance(TimeDelta::seconds(1));
        let mut report = sample("ICT-02");
        report["title"] = json!({"ja": format!("DDoSの件 {}", hub.clock.now())});
        hub.publish("ict-publisher", &report).await.unwrap();
    }
}

both! {
    what_is_new_is_counted_among_the_newest_and_said_to_be_no_more => |hub| {
        let base = hub.serve().await;
        let reader = Client::of(&hub, &base, "power-analyst").await;
        reader.save("unanswered", json!({"feedback": "none"})).await;
        release(&hub, 3).await;
        let caller = hub.caller("power-analyst").await;
        let view = hub.exchange.view(Some(&caller), Channel::Rest).await.unwrap();
        for (among, counted, complete) in [(1, 1, false), (2, 2, false), (3, 3, true), (100, 3, true)] {
            let all = hub.exchange.saved_searches(&caller, &view, (50, among)).await.unwrap();
            let new = &all[0].new;
            assert_eq!((new.counted, new.complete), (counted, complete), "among {among}");
        }
        // What is not looked at any more was seen already: these are all.
        let path = format!("/v1/searches/{}", hub.exchange.saved_searches(&caller, &view, (1, 9)).await.unwrap()[0].id);
        let mark = reader.get(&format!("{path}/new")).await["mark"].clone();
        reader.post(&format!("{path}/looked"), json!({"mark": mark}), 200).await;
        let seen = hub.exchange.saved_searches(&caller, &view, (50, 1)).await.unwrap();
        assert_eq!((seen[0].new.counted, seen[0].new.complete), (0, true));
    }

    filters_of_the_entry_and_of_what_is_beside_it_hold_together => |hub| {
        let base = hub.serve().await;
        let reader = Client::of(&hub, &base, "power-analyst").await;
        release(&hub, 1).await;
        for (filters, count) in [
            ("feedback=none&sector=ict", 1),
            ("feedback=none&sector=power", 0),
            ("feedback=prevented&sector=ict", 0),
            ("feedback=none&form=anonymised", 1),
            ("feedback=none&form=identified", 0),
            ("feedback=none&to=2001-01-01", 0),
        ] {
            let found = reader.get(&format!("/v1/search?{filters}")).await;
            assert_eq!(found["items"].as_array().unwrap().len(), count, "{filters}");
        }
    }

    a_search_the_hub_no_longer_understands_is_listed_and_deleted => |hub| {
        let base = hub.serve().await;
        let reader = Client::of(&hub, &base, "power-analyst").await;
        reader.save("attack", json!({"q": "DDoS"})).await;
        let db = Db::open(&hub.address).await.unwrap();
        let mut tx = db.write().await.unwrap();
        for id in ["a-relic", "another-relic"] {
            let relic = SavedSearch {
                id: id.to_owned(),
                principal: "power-analyst".to_owned(),
                name: id.to_owned(),
                search: json!({"colour": "red"}).to_string(),
                created_at: 1,
                mark: 0,
                looked_at: 1,
            };
            tx.save_search(&relic).await.unwrap();
        }
        tx.commit().await.unwrap();
        let list = reader.get("/v1/searches").await;
        assert_eq!(list["items"][0]["new"], json!({"counted": 0, "complete": false}), "{list}");
        assert_eq!(list["items"].as_array().unwrap().len(), 3);
        let new = reader.ask(Method::GET, "/v1/searches/a-relic/new", None).await;
        assert_eq!(new.0, 409, "{new:?}");
        assert!(new.1.contains("colour"), "{new:?}");
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        for path in ["/console", "/console/searches"] {
            let page = browser.get(path).await;
            assert!(page.status.is_success() && page.text.contains("new: 0 or more"), "{}", page.text);
        }
        browser.send_form("/console/searches/a-relic", &[("act", "forget")]).await;
        assert_eq!(reader.ask(Method::DELETE, "/v1/searches/another-relic", None).await.0, 204);
        assert_eq!(reader.get("/v1/searches").await["items"].as_array().unwrap().len(), 1);
    }

    what_comes_while_a_reader_pages_is_still_new_after => |hub| {
        let base = hub.serve().await;
        let reader = Client::of(&hub, &base, "power-analyst").await;
        let id = reader.save("attack", json!({"q": "DDoS"})).await;
        let path = format!("/v1/searches/{id}");
        release(&hub, 2).await;
        let first = reader.get(&format!("{path}/new?limit=1")).await;
        let next = encoded(first["next"].as_str().unwrap());
        release(&hub, 1).await;
        let last = reader.get(&format!("{path}/new?limit=1&cursor={next}")).await;
        assert_eq!(last["next"], json!(null), "{last}");
        assert_ne!(first["items"][0]["id"], last["items"][0]["id"]);
        assert_eq!(first["mark"], last["mark"]);
        let looked = reader.post(&format!("{path}/looked"), json!({"mark": last["mark"]}), 200).await;
        assert_eq!(looked["new"]["counted"], 1);
        // A cursor of the plain search is none of this list's.
        let plain = reader.get("/v1/search?q=DDoS&limit=1&sort=date").await;
        let plain = encoded(plain["next"].as_str().unwrap());
        for cursor in [plain.as_str(), "made-up"] {
            let refused = reader.ask(Method::GET, &format!("{path}/new?cursor={cursor}"), None).await;
            assert_eq!(refused.0, 400, "{refused:?}");
        }
    }

    the_page_has_its_button_behind_the_last_of_what_is_new => |hub| {
        let base = hub.serve().await;
        let reader = Client::of(&hub, &base, "power-analyst").await;
        let id = reader.save("attack", json!({"q": "DDoS"})).await;
        release(&hub, 51).await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        let path = format!("/console/searches/{id}");
        let first = browser.get(&path).await.text;
        assert!(!first.contains("value=\"looked\""), "{first}");
        let next = after(&first, &format!("href=\"{path}?cursor=")).to_owned();
        let last = browser.get(&format!("{path}?cursor={next}")).await.text;
        assert!(last.contains("value=\"looked\"") && !last.contains("rel=\"next\""), "{last}");
        let mark = after(&last, "name=\"mark\" value=\"").to_owned();
        browser.send_form(&path, &[("act", "looked"), ("mark", &mark)]).await;
        assert!(browser.get("/console").await.text.contains("nothing new"));
    }

    deleting_a_search_ends_what_tells_of_it_and_of_no_other => |hub| {
        let base = hub.serve().await;
        let reader = Client::of(&hub, &base, "power-analyst").await;
        let caller = hub.caller("power-analyst").await;
        let one = reader.save("one", json!({"q": "DDoS"})).await;
        let twin = reader.save("twin", json!({"q": "DDoS"})).await;
        let named: Definition = serde_json::from_value(json!({
            "name": "of my own", "filter": {"search": {"q": "DDoS"}},
            "channel": {"type": "webhook", "url": "https://soc.example/", "content": "full"},
        })).unwrap();
        let named = hub.exchange.subscribe(&caller, named).await.unwrap().id;
        let like = subscribe(&hub, "power-analyst", json!({"q": "断水"})).await;
        let count = async || hub.exchange.subscriptions(&caller).await.unwrap().len();
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        let list = browser.get("/console/searches").await.text;
        let once = after(&list, "name=\"once\" value=\"").to_owned();
        assert_eq!(list.matches(&once).count(), 1, "each form has its own");
        let path = format!("/console/searches/{one}");
        let form = [("act", "tell"), ("like", named.as_str()), ("once", once.as_str())];
        let first = browser.send_form(&path, &form).await.text;
        // A double click makes one, and shows what deliveries are signed with once more.
        let second = browser.send_form(&path, &form).await.text;
        assert!(first.contains("whsec_") && second.contains("whsec_"), "{second}");
        assert_eq!(count().await, 3);
        // Another form's words under the same key are refused.
        let other = [("act", "tell"), ("address", "soc@power.example"), ("once", once.as_str())];
        assert!(!browser.send_form(&path, &other).await.status.is_success());
        assert_eq!(count().await, 3);
        browser.send_form(&path, &[("act", "forget")]).await;
        assert_eq!(count().await, 3, "the twin is told of");
        browser.send_form(&format!("/console/searches/{twin}"), &[("act", "forget")]).await;
        let left: Vec<_> = hub.exchange.subscriptions(&caller).await.unwrap().into_iter().map(|one| one.id).collect();
        assert_eq!(left.len(), 2);
        assert!(left.contains(&named) && left.contains(&like), "{left:?}");
    }
}
