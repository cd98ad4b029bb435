//! What is told as it comes: streams say what pages say, to each reader their own, and resume where
//! they were cut.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use sekisho::exchange::news::News;
use sekisho::exchange::search::Wish;
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::handling::Channel;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use tower::ServiceExt;

use crate::harness::{TestHub, both, cases, sample};

/// A stream over the wire, as a client reads it.
pub struct Wire {
    response: reqwest::Response,
    buffer: String,
}

impl Wire {
    pub async fn open(url: &str, key: &str, query: &str, last: Option<&str>) -> Self {
        let mut request = reqwest::Client::new()
            .get(format!("{url}/v1/stream{query}"))
            .header("X-API-Key", key);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let mut wire = Self {
            response,
            buffer: String::new(),
        };
        let ready = wire.next().await.unwrap();
        assert_eq!(ready.0, "ready");
        wire
    }

    /// An event that has come whole.
    fn buffered(&mut self) -> Option<(String, String, Value)> {
        while let Some(at) = self.buffer.find("\n\n") {
            let event: String = self.buffer.drain(..at + 2).collect();
            let field = |name: &str| {
                let mut lines = event.lines();
                lines
                    .find_map(|line| line.strip_prefix(name))
                    .map(|text| text.trim().to_owned())
            };
            let Some(data) = field("data:") else {
                continue; // a comment
            };
            let data = serde_json::from_str(&data).unwrap();
            return Some((field("event:").unwrap(), field("id:").unwrap(), data));
        }
        None
    }

    /// A stream from an address that may refuse, without waiting for its first event.
    pub async fn try_open(url: &str, key: &str, last: Option<&str>) -> Option<Self> {
        let mut request = reqwest::Client::new()
            .get(format!("{url}/v1/stream"))
            .header("X-API-Key", key);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.ok()?;
        (response.status() == 200).then_some(Self {
            response,
            buffer: String::new(),
        })
    }

    /// The next event, however long it takes; `None` where the line is cut.
    pub async fn next_or_end(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some(event) = self.buffered() {
                return Some(event);
            }
            let bytes = self.response.chunk().await.ok()??;
            self.buffer.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// Event, id and data of the next event; `None` after two seconds without one, or at the end.
    pub async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some(event) = self.buffered() {
                return Some(event);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(2), self.response.chunk());
            let bytes = chunk.await.ok()?.unwrap()?;
            self.buffer.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

/// Everything a reader is told from the beginning, by pages.
async fn pages(hub: &TestHub, who: &str) -> Vec<News> {
    let caller = hub.caller(who).await;
    let view = hub
        .exchange
        .view(Some(&caller), Channel::Rest)
        .await
        .unwrap();
    let all = hub
        .exchange
        .news(&view, None, &Wish::default(), 10_000)
        .await
        .unwrap();
    assert!(!all.more);
    all.news
}

fn listen(hub: &TestHub, who: &str) -> Receiver<News> {
    let who = sekisho::handling::PrincipalId::from(who);
    hub.exchange.listen(&who, &Arc::new(Wish::default()), 0)
}

async fn heard(receiver: &mut Receiver<News>) -> Vec<News> {
    let mut all = Vec::new();
    while let Ok(Some(news)) =
        tokio::time::timeout(Duration::from_millis(400), receiver.recv()).await
    {
        all.push(news);
    }
    all
}

/// The next line of a stream's body that is an event, read as slowly as the test likes.
async fn event(body: &mut axum::body::BodyDataStream) -> Option<(String, Value)> {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(1), body.next());
        let bytes = next.await.ok()??.unwrap();
        let text = std::str::from_utf8(&bytes).unwrap().to_owned();
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        if let Some(data) = field("data") {
            return Some((
                field("event").unwrap().to_owned(),
                serde_json::from_str(data).unwrap(),
            ));
        }
    }
}

both! {
    what_was_taken_back_while_its_line_waited_for_a_slow_reader_is_not_told => |hub| {
        let streams = hub.exchange.clone();
        tokio::spawn(async move { streams.serve_streams().await });
        let request = axum::http::Request::get("/v1/stream").header("x-api-key", hub.key("power-analyst").await);
        let answer = sekisho::http::router(hub.exchange.clone()).oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        let mut body = answer.into_body().into_data_stream();
        assert_eq!(event(&mut body).await.unwrap().0, "ready");
        let mut ids = Vec::new();
        for title in ["ひとつ", "ふたつ", "みっつ"] {
            let mut report = sample("FIN-01");
            report["title"]["ja"] = json!(title);
            let id = hub.publish("finance-publisher", &report).await.unwrap().id;
            assert_eq!(hub.approve(&id).await, "released");
            ids.push(id);
        }
        let first = event(&mut body).await.unwrap().1;
        // The second line waits, and its item is taken back.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let source = hub.caller("finance-publisher").await;
        hub.exchange.withdraw(&source, &ids[1], Withdrawal::default()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let last = event(&mut body).await.unwrap().1;
        assert!(event(&mut body).await.is_none());
        let mine = hub.reports(Some("power-analyst")).await;
        let mine: Vec<String> = mine.into_iter().map(|report| report.id).collect();
        let told = [&first, &last].map(|line| line["id"].as_str().unwrap().to_owned());
        assert!(mine.len() == 2 && told.iter().all(|id| mine.contains(id)), "{told:?} of {mine:?}");
    }

    /// Readers of every kind listen while all thirty cases are published, agreed to, and some of them
    /// taken back; what each hears is what the pages have, and nothing that they never had.
    every_listener_hears_what_its_pages_have => |hub| {
        hub.serve().await;
        let directory = hub.exchange.directory();
        // Some of every kind, and those who publish.
        let everyone = directory.principals().map(|one| one.id.to_string());
        let everyone: Vec<String> = everyone.step_by(9).chain(["finance-publisher".to_owned()]).collect();
        let mut listening: Vec<_> = everyone.iter().map(|who| (who, listen(&hub, who))).collect();
        let mut seen: Vec<Vec<i64>> = vec![Vec::new(); everyone.len()];
        let mut note = async |hub: &TestHub| {
            for (who, seen) in everyone.iter().zip(&mut seen) {
                seen.extend(pages(hub, who).await.iter().map(|news| news.stamp));
            }
        };
        for (at, (who, report)) in cases().into_iter().enumerate().take(10) {
            let id = hub.publish(&who, &report).await.unwrap().id;
            tokio::time::sleep(Duration::from_millis(30)).await;
            if at % 2 == 0 {
                hub.approve(&id).await;
            }
            note(&hub).await;
            if at % 5 == 4 {
                let source = hub.caller(&who).await;
                hub.exchange.withdraw(&source, &id, Withdrawal::default()).await.unwrap();
                note(&hub).await;
            }
        }
        let mut told = 0;
        for ((who, receiver), mut seen) in listening.iter_mut().zip(seen) {
            let heard: Vec<i64> = heard(receiver).await.iter().map(|news| news.stamp).collect();
            let now: Vec<i64> = pages(&hub, who).await.iter().map(|news| news.stamp).collect();
            seen.sort_unstable();
            seen.dedup();
            assert!(heard.is_sorted_by(|one, next| one < next), "{who}: in order, each once");
            for stamp in &now {
                assert!(heard.contains(stamp), "{who} was not told of {stamp}");
            }
            for stamp in &heard {
                assert!(seen.contains(stamp), "{who} was told of {stamp}, which no page had");
            }
            told += heard.len();
        }
        assert!(told > 30, "{told}");
    }

    a_stream_goes_on_where_it_was_cut => |hub| {
        let url = hub.serve().await;
        let key = hub.key("power-analyst").await;
        let report = sample("FIN-01");
        let mut wire = Wire::open(&url, &key, "", None).await;
        let first = hub.publish("finance-publisher", &report).await.unwrap().id;
        hub.approve(&first).await;
        let (event, cursor, data) = wire.next().await.unwrap();
        assert_eq!(event, "report");
        assert_eq!(data["form"], "anonymised");
        assert_ne!(data["id"], json!(first), "the id is the rendition's");
        drop(wire);
        let mut titled = report.clone();
        titled["title"]["ja"] = json!("二件目");
        let second = hub.publish("finance-publisher", &titled).await.unwrap().id;
        hub.approve(&second).await;
        let mut again = Wire::open(&url, &key, "", Some(&cursor)).await;
        let (_, last, next) = again.next().await.unwrap();
        assert_ne!(next["id"], data["id"]);
        assert!(again.next().await.is_none(), "nothing twice");
        let mut end = Wire::open(&url, &key, "", Some(&last)).await;
        assert!(end.next().await.is_none());
        // Pages go on in the same way, and tell the same.
        let page = reqwest::Client::new().get(format!("{url}/v1/events?cursor={cursor}"));
        let page: Value = page.header("X-API-Key", &key).send().await.unwrap().json().await.unwrap();
        assert_eq!(page["items"][0]["id"], next["id"]);
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
    }

    /// A ministry that may not read a bank's report hears nothing at all, not even a cursor that moves.
    a_stream_tells_nothing_of_what_is_hidden => |hub| {
        let url = hub.serve().await;
        let key = hub.key("meti-analyst").await;
        let mut wire = Wire::open(&url, &key, "", None).await;
        let id = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap().id;
        hub.approve(&id).await;
        assert!(wire.next().await.is_none());
        let caller = hub.caller("meti-analyst").await;
        let view = hub.exchange.view(Some(&caller), Channel::Rest).await.unwrap();
        assert_eq!(hub.exchange.news_start(&view).await.unwrap(), 0);
    }

    a_stream_is_for_what_was_asked => |hub| {
        let url = hub.serve().await;
        let key = hub.key("power-analyst").await;
        let mut wanted = Wire::open(&url, &key, "?sector=finance&text=DDoS", None).await;
        let mut other = Wire::open(&url, &key, "?sector=water", None).await;
        let id = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap().id;
        hub.approve(&id).await;
        assert!(wanted.next().await.is_some());
        assert!(other.next().await.is_none());
        for bad in ["?severity=9", "?colour=red", "?last_event_id=x"] {
            let request = reqwest::Client::new().get(format!("{url}/v1/stream{bad}"));
            let answer = request.header("X-API-Key", &key).send().await.unwrap();
            assert!(answer.status().is_client_error(), "{bad}: {}", answer.status());
        }
    }

    /// Who has left the directory hears nothing more.
    who_leaves_the_council_hears_no_more => |hub| {
        hub.serve().await;
        let mut receiver = listen(&hub, "power-analyst");
        let id = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap().id;
        hub.approve(&id).await;
        assert_eq!(heard(&mut receiver).await.len(), 1);
        let at = sekisho::demo::COUNCIL.find("id = \"power-analyst\"").unwrap();
        let begin = sekisho::demo::COUNCIL[..at].rfind("[[principals]]").unwrap();
        let end = at + sekisho::demo::COUNCIL[at..].find("[[principals]]").unwrap();
        let mut council = sekisho::demo::COUNCIL.to_owned();
        council.replace_range(begin..end, "");
        hub.exchange.apply_council(&council).await.unwrap();
        let id = hub.publish("finance-publisher", &sample("FIN-02")).await.unwrap().id;
        hub.approve(&id).await;
        assert!(heard(&mut receiver).await.is_empty());
        assert!(receiver.is_closed());
    }
}
