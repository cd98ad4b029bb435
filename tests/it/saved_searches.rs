//! Saved searches: kept and bounded, what is new of them and for whom alone; and being told of what
//! they find, over the API, on both databases.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use reqwest::Method;
use sekisho::exchange::search::Wish;
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::handling::Channel;
use sekisho::subscription::{Definition, Filter};
use serde_json::{Value, json};

use crate::console::{Browser, after};
use crate::harness::{TestHub, both, sample};

/// A client of the API with somebody's key.
pub(crate) struct Client {
    base: String,
    who: String,
    key: String,
}

impl Client {
    pub(crate) async fn of(hub: &TestHub, base: &str, who: &str) -> Self {
        Self {
            base: base.to_owned(),
            who: who.to_owned(),
            key: hub.key(who).await,
        }
    }

    /// Status and body as it came.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, String) {
        let client = reqwest::Client::new();
        let mut request = client
            .request(method, format!("{}{path}", self.base))
            .basic_auth(&self.who, Some(&self.key));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, text) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value, status: u16) -> Value {
        let (found, text) = self.ask(Method::POST, path, Some(body)).await;
        assert_eq!(found, status, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) async fn save(&self, name: &str, search: Value) -> String {
        let saved = self
            .post("/v1/searches", json!({"name": name, "search": search}), 201)
            .await;
        assert_eq!(
            saved["new"],
            json!({"counted": 0, "complete": true}),
            "{saved}"
        );
        saved["id"].as_str().unwrap().to_owned()
    }

    /// How many are new of each of the searches, by name.
    async fn news(&self) -> BTreeMap<String, u64> {
        let list = self.get("/v1/searches").await;
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|one| {
                (
                    one["name"].as_str().unwrap().to_owned(),
                    one["new"]["counted"].as_u64().unwrap(),
                )
            })
            .collect()
    }
}

/// FIN-01, which other sectors get anonymised, released to them.
async fn fin01(hub: &TestHub) -> String {
    let published = hub
        .publish("finance-publisher", &sample("FIN-01"))
        .await
        .unwrap();
    assert_eq!(hub.approve(&published.id).await, "released");
    published.id
}

/// A subscription with this search, told of nothing yet.
pub(crate) async fn subscribe(hub: &TestHub, who: &str, search: Value) -> String {
    let definition: Definition = serde_json::from_value(json!({
        "filter": {"search": search}, "channel": {"type": "webhook", "url": "https://soc.example/", "content": "full"},
    }))
    .unwrap();
    let caller = hub.caller(who).await;
    hub.exchange
        .subscribe(&caller, definition)
        .await
        .unwrap()
        .id
}

/// The texts that are sent now, by subscription; an empty text stands for a thing withheld.
async fn sent(hub: &TestHub) -> BTreeMap<String, Vec<String>> {
    hub.exchange.fan_out_now().await.unwrap();
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sending in hub.exchange.take_due_deliveries(100).await.unwrap() {
        let texts = sending
            .items
            .iter()
            .map(|told| told.content.as_ref().unwrap().0.to_string());
        let mut texts: Vec<String> = texts.collect();
        if texts.is_empty() {
            texts.push(String::new());
        }
        all.entry(sending.subscription).or_default().extend(texts);
    }
    all
}

both! {
    a_search_is_kept_called_something_else_and_forgotten_by_its_owner_alone => |hub| {
        let base = hub.serve().await;
        let (own, other) = (Client::of(&hub, &base, "power-analyst").await, Client::of(&hub, &base, "gas-analyst").await);
        let id = own.save("停電", json!({"q": "停電 -訓練", "sector": "power,ict"})).await;
        let path = format!("/v1/searches/{id}");
        let read = own.get(&path).await;
        assert_eq!(read["search"], json!({"q": "停電 -訓練", "sector": "power,ict"}));
        assert!(other.news().await.is_empty());
        // Another's and none answer with the same bytes.
        let none = format!("/v1/searches/{}", id.replace(|letter: char| letter.is_ascii_digit(), "0"));
        for (method, tail, body) in [
            (Method::GET, "", None),
            (Method::GET, "/new", None),
            (Method::PUT, "", Some(json!({"name": "x"}))),
            (Method::PUT, "", Some(json!({"name": ""}))),
            (Method::POST, "/looked", Some(json!({"mark": "x"}))),
            (Method::DELETE, "", None),
        ] {
            let hidden = other.ask(method.clone(), &format!("{path}{tail}"), body.clone()).await;
            let absent = other.ask(method.clone(), &format!("{none}{tail}"), body).await;
            assert_eq!(hidden.0, 404, "{method} {tail}");
            assert_eq!(hidden, absent, "{method} {tail}");
        }
        let (status, text) = own.ask(Method::PUT, &path, Some(json!({"name": " 停電と断水 "}))).await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(own.news().await, BTreeMap::from([("停電と断水".to_owned(), 0)]));
        assert_eq!(own.ask(Method::DELETE, &path, None).await.0, 204);
        assert!(own.news().await.is_empty());
        assert_eq!(own.ask(Method::DELETE, &path, None).await.0, 404);
    }

    what_cannot_be_searched_for_is_not_kept_and_is_told_at_its_place => |hub| {
        let base = hub.serve().await;
        let own = Client::of(&hub, &base, "power-analyst").await;
        for (name, search, at, word) in [
            ("a", json!({"q": "a \"b"}), "/search/q", "character 3"),
            ("a", json!({"q": "OR"}), "/search/q", "OR stands"),
            ("a", json!({"q": "a", "limit": "5"}), "/search/limit", "none of the words"),
            ("a", json!({"from": "today"}), "/search/from", "is a date"),
            ("a", json!({"feedback": "liked"}), "/search/feedback", "no kind"),
            ("a", json!({"drill": "yes"}), "/search/drill", "true"),
            ("a", json!({}), "/search", "has words"),
            ("a", json!({"sector": "a".repeat(5000)}), "/search", "4000 bytes"),
            ("", json!({"q": "a"}), "/name", "1 to 100"),
            ("a\nb", json!({"q": "a"}), "/name", "one line"),
        ] {
            let refused = own.post("/v1/searches", json!({"name": name, "search": search}), 422).await;
            let fault = &refused["errors"][0];
            assert_eq!(fault["pointer"], at, "{refused}");
            assert!(fault["message"].as_str().unwrap().contains(word), "{refused}");
            // The same words and the same verdict where it is only asked.
            if let Some(q) = search.get("q").and_then(Value::as_str).filter(|_| at == "/search/q") {
                let path = format!("/v1/search?q={}", crate::console::encoded(q));
                let (status, text) = own.ask(Method::GET, &path, None).await;
                assert_eq!(status, 400);
                let asked: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(asked["errors"][0]["message"], fault["message"]);
            }
        }
        let body = json!({"name": "a", "search": {"q": "a"}});
        own.post("/v1/searches", body.clone(), 201).await;
        own.post("/v1/searches", body, 409).await;
        for number in 1..50 {
            own.save(&format!("n{number}"), json!({"q": "a"})).await;
        }
        let one_more = json!({"name": "one more", "search": {"q": "a"}});
        own.post("/v1/searches", one_more.clone(), 409).await;
        let other = Client::of(&hub, &base, "gas-analyst").await;
        other.post("/v1/searches", one_more, 201).await;
    }

    what_is_new_is_what_the_reader_may_read_in_the_form_they_read_it => |hub| {
        let base = hub.serve().await;
        let source = Client::of(&hub, &base, "finance-publisher").await;
        let reader = Client::of(&hub, &base, "power-analyst").await;
        for one in [&source, &reader] {
            one.save("bank", json!({"q": "あかつき中央銀行"})).await;
            one.save("attack", json!({"q": "DDoS"})).await;
            one.save("drill", json!({"q": "DDoS", "drill": "true"})).await;
        }
        let id = fin01(&hub).await;
        let all = |bank: u64| {
            let counts = [("attack", 1), ("bank", bank), ("drill", 0)];
            BTreeMap::from(counts.map(|(name, count)| (name.to_owned(), count)))
        };
        assert_eq!(source.news().await, all(1));
        assert_eq!(reader.news().await, all(0));
        // What is new is given, once it is looked at it is new no more, and what comes then is.
        let list = reader.get("/v1/searches").await;
        let attack = list["items"].as_array().unwrap().iter().find(|one| one["name"] == "attack").unwrap();
        let path = format!("/v1/searches/{}", attack["id"].as_str().unwrap());
        let reach = format!("/v1/reports/{id}/audience");
        let before = source.get(&reach).await;
        let new = reader.get(&format!("{path}/new")).await;
        assert_eq!(new["items"].as_array().unwrap().len(), 1);
        assert_ne!(new["items"][0]["id"], id.as_str());
        assert!(!new.to_string().contains("あかつき"), "{new}");
        let reached = source.get(&reach).await;
        assert_ne!(reached, before, "what is new is noted as handed over");
        let looked = reader.post(&format!("{path}/looked"), json!({"mark": new["mark"]}), 200).await;
        assert_eq!(looked["new"]["counted"], 0);
        reader.post(&format!("{path}/looked"), json!({"mark": "made up"}), 422).await;
        hub.advance(TimeDelta::seconds(5));
        let mut later = sample("ICT-02");
        later["title"] = json!({"ja": "DDoSの件"});
        let later = hub.publish("ict-publisher", &later).await.unwrap();
        assert_eq!(reader.get(&path).await["new"]["counted"], 1);
        // An old mark takes nothing back.
        let looked = reader.post(&format!("{path}/looked"), json!({"mark": new["mark"]}), 200).await;
        assert_eq!(looked["new"]["counted"], 1);
        // The present rule decides: what is withdrawn is not counted.
        let publisher = hub.caller("ict-publisher").await;
        let withdrawal = Withdrawal { reason: "誤り".to_owned(), ..Withdrawal::default() };
        hub.exchange.withdraw(&publisher, &later.id, withdrawal).await.unwrap();
        assert_eq!(reader.get(&path).await["new"]["counted"], 0);
    }

    law_4_what_is_hidden_changes_no_byte_of_saved_searches => |hub| {
        let secret = [7u8; 32];
        let (here, there) = (hub.fresh_with_secret(&secret).await, hub.fresh_with_secret(&secret).await);
        let mut answers = Vec::new();
        for (hub, hidden) in [(&here, false), (&there, true)] {
            let base = hub.serve().await;
            let reader = Client::of(hub, &base, "meti-analyst").await;
            let id = reader.save("attack", json!({"q": "DDoS OR 障害"})).await;
            hub.advance(TimeDelta::seconds(1));
            if hidden {
                // A ministry outside of finance gets nothing of FIN-01.
                hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
                hub.advance(TimeDelta::seconds(-1));
            }
            let mut all = Vec::new();
            for path in ["/v1/searches".to_owned(), format!("/v1/searches/{id}"), format!("/v1/searches/{id}/new")] {
                all.push(reader.ask(Method::GET, &path, None).await);
            }
            answers.push(all);
        }
        assert!(answers[0].iter().all(|(status, _)| *status == 200), "{answers:?}");
        assert_eq!(answers[0], answers[1]);
    }

    a_subscriber_is_told_of_what_the_search_finds_in_their_own_form => |hub| {
        let bank = json!({"q": "あかつき中央銀行"});
        let own = subscribe(&hub, "finance-publisher", bank.clone()).await;
        let hidden = subscribe(&hub, "power-analyst", bank).await;
        let without = subscribe(&hub, "power-analyst", json!({"q": "DDoS -あかつき中央銀行", "tlp": "GREEN,AMBER,AMBER+STRICT"})).await;
        let other = subscribe(&hub, "power-analyst", json!({"q": "DDoS", "cause_type": "insider"})).await;
        let level = subscribe(&hub, "power-analyst", json!({"q": "DDoS", "level": "連携セプター可"})).await;
        fin01(&hub).await;
        let sent = sent(&hub).await;
        assert!(sent[&own][0].contains("あかつき"), "the desk's own form");
        assert!(!sent.contains_key(&hidden), "the original alone has the word");
        assert!(!sent.contains_key(&other), "the filter is asked too");
        for told in [&without, &level] {
            assert_eq!(sent[told].len(), 1);
            assert!(!sent[told][0].is_empty() && !sent[told][0].contains("あかつき"));
        }
    }

    a_search_is_asked_again_when_it_is_sent => |hub| {
        let id = subscribe(&hub, "power-analyst", json!({"q": "DDoS"})).await;
        fin01(&hub).await;
        hub.exchange.fan_out_now().await.unwrap();
        // Its owner now wants something else: what waits is not told for the old words.
        let caller = hub.caller("power-analyst").await;
        let other: Definition = serde_json::from_value(json!({
            "filter": {"search": {"q": "断水"}}, "channel": {"type": "webhook", "url": "https://soc.example/"},
        })).unwrap();
        let change = sekisho::exchange::subscriptions::Change::Define(Box::new(other));
        hub.exchange.change_subscription(&caller, &id, change).await.unwrap();
        assert_eq!(sent(&hub).await[&id], [String::new()]);
    }

    a_search_that_is_none_is_not_subscribed_to => |hub| {
        let base = hub.serve().await;
        let own = Client::of(&hub, &base, "power-analyst").await;
        for (search, at) in [
            (json!({"q": "a \"b"}), "/filter/search/q"),
            (json!({"sort": "date"}), "/filter/search/sort"),
            (json!({"feedback": "none"}), "/filter/search/feedback"),
            (json!({"q": ""}), "/filter/search"),
        ] {
            let definition = json!({"filter": {"search": search}, "channel": {"type": "webhook", "url": "https://soc.example/"}});
            let refused = own.post("/v1/subscriptions", definition, 422).await;
            assert_eq!(refused["errors"][0]["pointer"], at, "{refused}");
        }
        let definition = json!({"filter": {"search": {"q": "断水"}}, "channel": {"type": "webhook", "url": "https://soc.example/"}});
        let made = own.post("/v1/subscriptions", definition, 201).await;
        assert_eq!(made["filter"]["search"], json!({"q": "断水"}));
    }

    a_stream_and_its_pages_tell_what_a_saved_search_finds => |hub| {
        let base = hub.serve().await;
        let reader = Client::of(&hub, &base, "power-analyst").await;
        let other = Client::of(&hub, &base, "gas-analyst").await;
        let attack = reader.save("attack", json!({"q": "DDoS"})).await;
        let bank = reader.save("bank", json!({"q": "あかつき中央銀行"})).await;
        let said = reader.save("said", json!({"feedback": "none"})).await;
        fin01(&hub).await;
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let all = reader.get("/v1/events").await;
        assert_eq!(all["items"].as_array().unwrap().len(), 2);
        for (id, count) in [(&attack, 1), (&bank, 0)] {
            let page = reader.get(&format!("/v1/events?saved={id}")).await;
            assert_eq!(page["items"].as_array().unwrap().len(), count, "{page}");
        }
        for (client, id, status) in [(&other, attack.as_str(), 404), (&other, "none", 404), (&reader, said.as_str(), 400)] {
            for path in ["events", "stream"] {
                let answer = client.ask(Method::GET, &format!("/v1/{path}?saved={id}"), None).await;
                assert_eq!(answer.0, status, "{path} {answer:?}");
            }
        }
        // Who listens hears the same.
        let wish = hub.exchange.wish(Filter { search: BTreeMap::from([("q".to_owned(), "あかつき中央銀行".to_owned())]), ..Filter::default() });
        for (who, count) in [("power-analyst", 0), ("finance-publisher", 1)] {
            let caller = hub.caller(who).await;
            let view = hub.exchange.view(Some(&caller), Channel::Rest).await.unwrap();
            let page = hub.exchange.news(&view, None, &wish, 100).await.unwrap();
            assert_eq!(page.news.len(), count, "{who}");
            let all = hub.exchange.news(&view, None, &Wish::default(), 100).await.unwrap();
            assert!(!all.news.is_empty());
        }
    }

    a_level_is_found_by_as_the_readers_report_states_it => |hub| {
        fin01(&hub).await;
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let base = hub.serve().await;
        let reader = Client::of(&hub, &base, "power-analyst").await;
        let level = crate::console::encoded("連携セプター可");
        for (filter, count) in [
            (level.clone(), 1),
            (format!("S1/{level}"), 1),
            (format!("S2/{level}"), 0),
            (crate::console::encoded("会員限"), 0),
        ] {
            let found = reader.get(&format!("/v1/search?level={filter}&facets=level")).await;
            assert_eq!(found["items"].as_array().unwrap().len(), count, "{filter}: {found}");
            let one = found["items"].as_array().unwrap().iter().next();
            assert!(one.is_none_or(|one| one["report"]["form"] == "anonymised"));
        }
        let all = reader.get("/v1/search?facets=level").await;
        assert_eq!(all["facets"]["level"]["S1/連携セプター可"], 1, "{all}");
    }

    feedback_is_found_by_as_each_readers_own_list_has_it => |hub| {
        let id = fin01(&hub).await;
        let base = hub.serve().await;
        let (giver, other) = (Client::of(&hub, &base, "power-analyst").await, Client::of(&hub, &base, "gas-analyst").await);
        let source = Client::of(&hub, &base, "finance-publisher").await;
        let counts = async |client: &Client| {
            let mut counts = Vec::new();
            for kind in ["prevented", "none", "prevented,none", "ack"] {
                let found = client.get(&format!("/v1/search?feedback={kind}")).await;
                counts.push(found["items"].as_array().unwrap().len());
            }
            counts
        };
        let before = other.ask(Method::GET, "/v1/search?facets=feedback", None).await;
        assert_eq!(counts(&giver).await, [0, 1, 1, 0]);
        let known = giver.get("/v1/search").await["items"][0]["id"].as_str().unwrap().to_owned();
        giver.post(&format!("/v1/reports/{known}/feedback"), json!({"type": "prevented"}), 201).await;
        assert_eq!(counts(&giver).await, [1, 0, 1, 0]);
        // The source is told of it, and nobody else is.
        assert_eq!(counts(&source).await, [1, 0, 1, 0]);
        assert_eq!(counts(&other).await, [0, 1, 1, 0]);
        assert_eq!(other.ask(Method::GET, "/v1/search?facets=feedback", None).await, before);
        let facets = source.get("/v1/search?facets=feedback").await;
        assert_eq!(facets["facets"]["feedback"], json!({"prevented": 1}), "{id}");
        assert_eq!(giver.ask(Method::GET, "/v1/search?feedback=liked", None).await.0, 400);
    }

    on_the_page_a_search_is_saved_told_of_and_forgotten => |hub| {
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        let page = browser.get("/console/search?q=DDoS&sector=finance&sort=date").await.text;
        assert_eq!(after(&page, "name=\"search\" value=\""), "q=DDoS&#38;sector=finance");
        assert!(!browser.get("/console/search").await.text.contains("save-name"), "nothing to save");
        let done = browser.send_form("/console/searches", &[("name", "attacks"), ("search", "q=DDoS&sector=finance&sort=date")]).await;
        assert_eq!(done.header("location"), "/console/searches?done=kept", "{}", done.text);
        let bad = browser.send_form("/console/searches", &[("name", "bad"), ("search", "q=%22")]).await;
        assert_eq!(bad.status.as_u16(), 422);
        subscribe(&hub, "power-analyst", json!({"q": "断水"})).await;
        let list = browser.get("/console/searches").await.text;
        let path = format!("/console/searches/{}", after(&list, "href=\"/console/searches/"));
        let like = after(&list, "<option value=\"").to_owned();
        fin01(&hub).await;
        assert!(browser.get("/console").await.text.contains("new: 1"));
        let new = browser.get(&path).await.text;
        assert!(new.contains("DDoS") && !new.contains("あかつき"), "{new}");
        let mark = after(&new, "name=\"mark\" value=\"").to_owned();
        let told = browser.send_form(&path, &[("act", "tell"), ("like", &like)]).await;
        assert!(told.text.contains("whsec_") && told.text.contains("soc.example"), "{}", told.text);
        let caller = hub.caller("power-analyst").await;
        assert_eq!(hub.exchange.subscriptions(&caller).await.unwrap().len(), 2);
        browser.send_form(&path, &[("act", "looked"), ("mark", &mark)]).await;
        assert!(browser.get("/console").await.text.contains("nothing new"));
        // Another's is as one that is not there, and stopping ends only what tells of this search.
        let mut other = Browser::signed_in(&hub, &base, "gas-analyst").await;
        assert_eq!(other.get(&path).await.status.as_u16(), 404);
        for act in ["rename", "looked", "forget", "tell", "quiet"] {
            let refused = other.send_form(&path, &[("act", act), ("name", "x"), ("subscription", &like)]).await;
            assert_eq!(refused.status.as_u16(), 404, "{act}");
        }
        let refused = browser.send_form(&path, &[("act", "quiet"), ("subscription", &like)]).await;
        assert_eq!(refused.status.as_u16(), 404);
        browser.send_form(&path, &[("act", "forget")]).await;
        assert_eq!(hub.exchange.subscriptions(&caller).await.unwrap().len(), 1);
        assert_eq!(browser.get(&path).await.status.as_u16(), 404);
    }

    the_graph_shows_what_the_reader_would_take_and_nothing_to_who_takes_nothing => |hub| {
        let id = fin01(&hub).await;
        let base = hub.serve().await;
        let mut source = Browser::signed_in(&hub, &base, "finance-publisher").await;
        let mut reader = Browser::signed_in(&hub, &base, "power-analyst").await;
        let own = source.get(&format!("/console/cases/{id}/graph")).await;
        assert!(own.status.is_success() && own.text.contains("あかつき"), "{}", own.text);
        let list = reader.get("/console/cases").await.text;
        let known = after(&list, "<a href=\"/console/cases/").to_owned();
        let page = reader.get(&format!("/console/cases/{known}/graph")).await;
        assert!(page.status.is_success() && page.text.contains("<svg"), "{}", page.text);
        assert!(!page.text.contains("あかつき") && !page.text.contains(&id), "{}", page.text);
        assert!(!page.text.contains("style="), "nothing inline");
        // Hidden and absent are one page.
        let place = |text: &str, id: &str| text.replace(id, "ID");
        let hidden = reader.get(&format!("/console/cases/{id}/graph")).await;
        let none = "00000000-0000-4000-8000-000000000000";
        let absent = reader.get(&format!("/console/cases/{none}/graph")).await;
        assert_eq!((hidden.status.as_u16(), absent.status.as_u16()), (404, 404));
        assert_eq!(place(&hidden.text, &id), place(&absent.text, none));
    }
}
