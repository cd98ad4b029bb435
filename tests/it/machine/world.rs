//! The hub under test: two hub processes on one database, spoken to over HTTP alone, through the
//! router in process. Every header but the date and every byte of an answer is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use sekisho::exchange::news::News;
use sekisho::exchange::search::Wish;
use sekisho::exchange::{Credential, Exchange};
use sekisho::subscription::Mailing;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use tower::ServiceExt;

mod channels;

use super::acts::{Act, Item, Narrow, Step, reason_token, report_token, written};
use super::draw::Episode;
use super::model::ANYBODY;
use crate::harness::TestHub;
pub use channels::Sent;

pub const TAXII: &str = "application/taxii+json;version=2.1";

/// One answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub request: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(of, _)| of == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Ids that a reader may try: what others were told, what anybody can compute.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Reports' ids on REST, in any form anybody got.
    pub reports: BTreeSet<String>,
    /// STIX ids.
    pub objects: BTreeSet<String>,
    /// Status resources' ids.
    pub statuses: BTreeSet<String>,
    /// Requests for consent.
    pub requests: BTreeSet<String>,
    /// Entries of the ledger that others may open and the reader may not.
    pub leaves: BTreeSet<String>,
}

pub struct World {
    hub: TestHub,
    exchanges: Vec<Exchange>,
    routers: Vec<Router>,
    keys: BTreeMap<String, String>,
    /// The source's id and bytes of each report, by the step that made it.
    pub reports: BTreeMap<usize, (String, String)>,
    pub known: Known,
    /// An open stream of each reader, and what was heard on it.
    listeners: Mutex<BTreeMap<String, Receiver<News>>>,
    heard: Mutex<BTreeMap<String, Vec<News>>>,
    /// A subscription of each reader.
    subscriptions: BTreeMap<String, String>,
    /// What was sent to each reader.
    sent: Mutex<BTreeMap<String, Vec<Sent>>>,
    /// Words in what each reader was handed since somebody looked.
    fetched: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl World {
    pub async fn open(hub: TestHub, episode: &Episode) -> Self {
        hub.exchange
            .apply_council(&episode.council.toml())
            .await
            .unwrap();
        let people = episode
            .council
            .people
            .iter()
            .map(|person| person.id.clone());
        let wanted: Vec<_> = people.map(|name| (name, Credential::Key)).collect();
        let names: Vec<String> = wanted.iter().map(|(name, _)| name.clone()).collect();
        let keys = hub.exchange.issue_many(wanted).await.unwrap();
        let exchanges = vec![hub.exchange.clone(), hub.another().await];
        for exchange in &exchanges {
            exchange.allow_mail(Mailing {
                encrypted: true,
                ..Mailing::default()
            });
        }
        let mut subscriptions = BTreeMap::new();
        for name in &names {
            // Half of them are told in full.
            let content = if name.len() % 2 == 0 { "full" } else { "thin" };
            // A third of them by mail.
            let channel = match name.len() % 3 {
                0 => {
                    json!({"type": "mail", "address": format!("{name}@a.example"), "content": content})
                }
                _ => json!({"type": "webhook", "url": "https://a.example/", "content": content}),
            };
            let caller = hub.caller(name).await;
            let definition = serde_json::from_value(json!({"channel": channel})).unwrap();
            let made = hub.exchange.subscribe(&caller, definition).await.unwrap();
            subscriptions.insert(name.clone(), made.id);
        }
        channels::confirm_addresses(&hub, &subscriptions).await;
        let world = Self {
            routers: exchanges
                .iter()
                .map(|exchange| sekisho::http::router(exchange.clone()))
                .collect(),
            exchanges,
            keys: names.into_iter().zip(keys).collect(),
            reports: BTreeMap::new(),
            known: Known::default(),
            sent: Mutex::default(),
            fetched: Mutex::default(),
            listeners: Mutex::default(),
            heard: Mutex::default(),
            subscriptions,
            hub,
        };
        world.listen();
        world
    }

    /// Opens everybody's stream where it was cut.
    fn listen(&self) {
        let heard = self.heard.lock().unwrap();
        for who in self.keys.keys() {
            let last = heard.get(who).and_then(|heard| heard.last());
            let filter = Arc::new(Wish::default());
            let from = last.map_or(0, |news| news.stamp);
            let stream = self.exchanges[0].listen(&who.as_str().into(), &filter, from);
            self.listeners.lock().unwrap().insert(who.clone(), stream);
        }
    }

    /// What a reader heard on its stream, from the beginning.
    pub fn heard(&self, who: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let line = |news: &News| format!("{} {}", news.cursor, news.line);
        heard.get(who).into_iter().flatten().map(line).collect()
    }

    /// The path of a reader's deliveries.
    pub fn deliveries(&self, who: &str) -> Option<String> {
        let id = self.subscriptions.get(who)?;
        Some(format!("/v1/subscriptions/{id}/deliveries?limit=100"))
    }

    /// Moves the clock to an instant of the episode.
    pub fn set_clock(&self, micros: i64) {
        self.hub
            .clock
            .advance_micros(micros - self.hub.clock.now_micros());
    }

    /// What is due now happens; both processes try, and one of them does it.
    pub async fn tick(&self) {
        let both = self.exchanges.iter().map(Exchange::act_on_time);
        for done in futures_util::future::join_all(both).await {
            done.unwrap();
        }
        self.exchanges[0].tell_listeners().await.unwrap();
        self.exchanges[1].fan_out_now().await.unwrap();
        for (who, stream) in &mut *self.listeners.lock().unwrap() {
            let mut heard = self.heard.lock().unwrap();
            let heard = heard.entry(who.clone()).or_default();
            heard.extend(std::iter::from_fn(|| stream.try_recv().ok()));
        }
    }

    /// Sends one request as somebody.
    pub async fn send(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = self.keys.get(who) {
            request = request.header("x-api-key", key);
        } else {
            assert_eq!(who, ANYBODY);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // Which process answers depends on the path alone, so both are asked about everything.
        let process = path.len() % self.routers.len();
        let request = request.body(Body::from(body)).unwrap();
        let response = self.routers[process]
            .clone()
            .oneshot(request)
            .await
            .unwrap();
        let status = response.status().as_u16();
        let mut headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .filter(|(name, _)| *name != "date")
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        headers.sort();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        assert!(status < 500, "{method} {path} as {who}: {status} {body}");
        if status == 200 && hands_over(method, path) {
            let words = body.split(|one: char| !one.is_ascii_alphanumeric());
            let words = words
                .filter(|word| word.starts_with("qq"))
                .map(str::to_owned);
            self.fetched
                .lock()
                .unwrap()
                .entry(who.to_owned())
                .or_default()
                .extend(words);
        }
        Answer {
            request: format!("{method} {path}"),
            status,
            headers,
            body,
        }
    }

    pub async fn get(&self, who: &str, path: &str) -> Answer {
        self.send(who, "GET", path, &[], String::new()).await
    }

    /// Carries out one act, and returns what its actor was answered.
    pub async fn act(&mut self, step: &Step, start: i64) -> Option<Answer> {
        match &step.act {
            Act::Wait => None,
            Act::Restart => {
                self.restart().await;
                None
            }
            Act::Council(council, _) => {
                let by = step.number % self.exchanges.len();
                self.exchanges[by]
                    .apply_council(&council.toml())
                    .await
                    .unwrap();
                None
            }
            Act::Report(report) => {
                let mut body = report.body(step.number, start);
                let ends = report.advice.as_ref().and_then(|advice| advice.ends);
                if let Some(first) = ends {
                    body["advisory"]["replaces"] = json!(self.reports.get(&first)?.0);
                }
                let body = body.to_string();
                let list = if report.advice.is_some() {
                    "/v1/advisories"
                } else {
                    "/v1/reports"
                };
                let path = match report.replaces {
                    None => list.to_owned(),
                    // What was never accepted is revised under an id of nothing.
                    Some(first) => match self.reports.get(&first) {
                        Some((id, _)) => format!("{list}/{id}/versions"),
                        None => return None,
                    },
                };
                let json = [("content-type", "application/json")];
                let answer = self
                    .send(&report.by, "POST", &path, &json, body.clone())
                    .await;
                if let Some(id) = answer.json()["id"].as_str() {
                    self.reports.insert(step.number, (id.to_owned(), body));
                    self.known.reports.insert(id.to_owned());
                }
                Some(answer)
            }
            Act::Post { by, objects } => {
                let objects: Vec<Value> = objects.iter().map(|object| object.object()).collect();
                for object in &objects {
                    self.known
                        .objects
                        .insert(object["id"].as_str().unwrap().to_owned());
                }
                let headers = [("content-type", TAXII), ("accept", TAXII)];
                let path = "/taxii2/council/collections/exchange/objects/";
                let answer = self
                    .send(
                        by,
                        "POST",
                        path,
                        &headers,
                        json!({"objects": objects}).to_string(),
                    )
                    .await;
                if let Some(id) = answer.json()["id"].as_str() {
                    self.known.statuses.insert(id.to_owned());
                }
                Some(answer)
            }
            Act::Withdraw {
                by,
                on,
                only,
                recall,
            } => {
                let path = format!("{}/withdraw", self.own_path(on)?);
                let body =
                    json!({"recall": recall, "version": only, "reason": reason_token(step.number)});
                self.tell(by, &path, body).await
            }
            Act::Delete { by, on, which } => {
                let Item::Object(_, id) = on else { return None };
                let mut path = format!("/taxii2/council/collections/exchange/objects/{id}/");
                if let Some(which) = which {
                    path.push_str(&format!("?match[version]={which}"));
                }
                let accept = [("accept", TAXII)];
                Some(self.send(by, "DELETE", &path, &accept, String::new()).await)
            }
            Act::Narrow(Narrow {
                by,
                on,
                level,
                named,
                not_after,
            }) => {
                let path = format!("{}/narrow", self.own_path(on)?);
                let not_after = not_after.map(|at| written(start + at));
                let body = json!({"level": level, "named": named, "not_after": not_after});
                self.tell(by, &path, body).await
            }
            Act::Acknowledge { by, of, .. } => {
                let list = self.get(by, "/v1/notices").await.json();
                let reason = reason_token(*of);
                let notice = list["items"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|notice| {
                        notice["reason"] == *reason && notice["acknowledged_at"].is_null()
                    })?;
                let path = format!("/v1/notices/{}/acknowledge", notice["id"].as_str().unwrap());
                self.tell(by, &path, json!({"comment": "gone"})).await
            }
            Act::Accept { by, on } => {
                let id = self.had(by, on).await?;
                // Whoever accepts also says what came of it, which its source alone is told.
                let path = format!("/v1/reports/{id}/feedback");
                self.tell(by, &path, json!({"type": "applicable", "text": "here too"}))
                    .await?;
                let path = format!("/v1/reports/{id}/accept");
                self.send(by, "POST", &path, &[], String::new())
                    .await
                    .into()
            }
            Act::PassOn { by, on } => {
                let id = self.had(by, on).await?;
                self.tell(by, &format!("/v1/advisories/{id}/pass-on"), json!({}))
                    .await
            }
            Act::Say { by, on, what } => {
                let id = self.had(by, on).await?;
                match *what {
                    "open" => Some(self.get(by, &format!("/v1/advisories/{id}")).await),
                    what => {
                        let path = format!("/v1/reports/{id}/feedback");
                        self.tell(by, &path, json!({"type": what})).await
                    }
                }
            }
            Act::Vote { by, on, yes } => {
                let wanted = match on {
                    Item::Report(first) => self.reports.get(first).map(|(id, _)| id.clone())?,
                    Item::Object(_, id) => id.clone(),
                };
                let list = self.get(by, "/v1/approvals?limit=1000").await.json();
                let requests: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
                for request in &requests {
                    self.known
                        .requests
                        .insert(request["id"].as_str().unwrap().to_owned());
                }
                let found = requests
                    .iter()
                    .find(|request| request["report"] == *wanted || request["object"] == *wanted)?;
                let path = format!("/v1/approvals/{}", found["id"].as_str().unwrap());
                let decision = if *yes { "approve" } else { "refuse" };
                let json = [("content-type", "application/json")];
                Some(
                    self.send(
                        by,
                        "POST",
                        &path,
                        &json,
                        json!({"decision": decision}).to_string(),
                    )
                    .await,
                )
            }
        }
    }

    /// The words each reader was handed since this was asked last.
    pub fn fetched(&self) -> BTreeMap<String, BTreeSet<String>> {
        std::mem::take(&mut self.fetched.lock().unwrap())
    }

    /// The id under which a reader has a report, where it does. Whoever looks is handed what it is
    /// shown, so a reader looks on both hubs though it then acts on one.
    pub async fn had(&self, by: &str, on: &Item) -> Option<String> {
        let list = self.get(by, "/v1/reports?limit=1000").await.json();
        let Item::Report(first) = on else { return None };
        let of = &self.reports.get(first)?.0;
        let found = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|item| {
                let word = item["report"]["title"]["en"].as_str().unwrap_or_default();
                self.report_of(word).is_some_and(|(id, _)| id == of)
            })?;
        Some(found["id"].as_str().unwrap().to_owned())
    }

    /// Where a source speaks of an item of its own.
    fn own_path(&self, on: &Item) -> Option<String> {
        match on {
            Item::Report(first) => self
                .reports
                .get(first)
                .map(|(id, _)| format!("/v1/reports/{id}")),
            Item::Object(_, id) => Some(format!("/v1/objects/{id}")),
        }
    }

    async fn tell(&self, who: &str, path: &str, body: Value) -> Option<Answer> {
        let json = [("content-type", "application/json")];
        Some(self.send(who, "POST", path, &json, body.to_string()).await)
    }

    /// Ends both processes and starts them again on the same database.
    async fn restart(&mut self) {
        self.routers.clear();
        self.exchanges = vec![self.hub.another().await, self.hub.another().await];
        self.routers = self
            .exchanges
            .iter()
            .map(|exchange| sekisho::http::router(exchange.clone()))
            .collect();
        self.listen();
    }

    /// A report's id and bytes by its word.
    pub fn report_of(&self, token: &str) -> Option<&(String, String)> {
        self.reports
            .iter()
            .find(|(step, _)| report_token(**step) == token)
            .map(|(_, found)| found)
    }
}

/// Whether what is answered there is handed over: reports or objects themselves, and not what is said
/// about them.
fn hands_over(method: &str, path: &str) -> bool {
    if method == "POST" {
        return path == "/v1/exports"; // asked with a body, and reads alone
    }
    let readings = [
        "/v1/reports",
        "/v1/search",
        "/v1/stats",
        "/v1/compare",
        "/v1/sets/",
    ];
    let ends = ["/explain", "/audience", "/versions/"];
    method == "GET"
        && (path.contains("/objects/") || readings.iter().any(|read| path.starts_with(read)))
        && !ends.iter().any(|end| path.ends_with(end))
}
