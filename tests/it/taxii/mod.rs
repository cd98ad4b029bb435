//! TAXII 2.1, requirement by requirement: the checklist and the traps of the standard, the server's
//! rows of the interoperability document, the clients as they really behave. `item_32_…` is item 32
//! of the checklist in `docs/taxii.md`, `trap_14_…` trap 14, `row_3_13_1_…` the document's row.

mod bytes;
mod clients;
mod delete;
mod interop;
mod items;
mod lenient;
mod pages;
mod resources;
mod traps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use base64::Engine;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::TestHub;

pub const TAXII: &str = "application/taxii+json;version=2.1";
pub const EXCHANGE: &str = "09495259-0b2a-4498-bb00-34a57d687f47";
/// Every marking that the hub reads as TLP:RED, of the TLP 2.0 objects.
pub const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";
pub const CLEAR: &str = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";
pub const POSTER: &str = "ict-taxii";
pub const READER: &str = "power-analyst";

/// A hub behind its router, and the keys of whoever asked.
pub struct Site {
    pub hub: TestHub,
    keys: Mutex<BTreeMap<String, String>>,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub fn ids(&self) -> Vec<String> {
        ids(&self.json())
    }

    pub fn last(&self) -> &str {
        self.header("x-taxii-date-added-last")
    }

    /// The error resource of this status.
    pub fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), TAXII);
        let body = self.json();
        assert_eq!(body["http_status"], status.to_string());
        assert!(body["title"].is_string());
        body
    }

    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-type"), TAXII);
        self.json()
    }
}

pub fn ids(page: &Value) -> Vec<String> {
    let objects = page["objects"].as_array();
    let id = |object: &Value| object["id"].as_str().unwrap().to_owned();
    objects.into_iter().flatten().map(id).collect()
}

/// `rest` of the exchange: `objects/`, `manifest/`, ….
pub fn exchange(rest: &str) -> String {
    format!("/taxii2/council/collections/{EXCHANGE}/{rest}")
}

/// Version `hour` of indicator `n`.
pub fn version(n: u32, hour: u32) -> Value {
    json!({
        "type": "indicator", "spec_version": "2.1", "id": indicator_id(n),
        "created": "2026-01-02T00:00:00.000Z", "modified": format!("2026-01-02T{hour:02}:00:00.000Z"),
        "name": format!("Beacon {n} of hour {hour}"), "pattern_type": "stix",
        "pattern": format!("[domain-name:value = 'c{n}.evil.example']"),
        "valid_from": "2026-01-02T00:00:00.000Z",
    })
}

pub fn indicator(n: u32) -> Value {
    version(n, 0)
}

pub fn indicator_id(n: u32) -> String {
    format!("indicator--6f0d3b8e-4c52-4e19-9a7d-0b2f{n:08x}")
}

pub fn marked(mut object: Value, marking: &str) -> Value {
    object["object_marking_refs"] = json!([marking]);
    object
}

pub fn domain(name: &str) -> Value {
    let mut object = json!({"type": "domain-name", "spec_version": "2.1", "value": name});
    object["id"] = json!(
        sekisho::stix::id::deterministic_id(&object)
            .unwrap()
            .to_string()
    );
    object
}

impl Site {
    pub fn over(hub: TestHub) -> Self {
        Self {
            hub,
            keys: Mutex::default(),
        }
    }

    pub async fn key(&self, who: &str) -> String {
        if let Some(key) = self.keys.lock().unwrap().get(who) {
            return key.clone();
        }
        let key = self.hub.key(who).await;
        self.keys
            .lock()
            .unwrap()
            .insert(who.to_owned(), key.clone());
        key
    }

    pub async fn basic(&self, who: &str) -> String {
        let pair = format!("{who}:{}", self.key(who).await);
        format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(pair)
        )
    }

    /// A request with exactly these headers and nothing else.
    pub async fn bare(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let router = sekisho::http::router(self.hub.exchange.clone());
        let answer = router.oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub async fn ask(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let login = if who.is_empty() {
            String::new()
        } else {
            self.basic(who).await
        };
        let mut all = headers.to_vec();
        if !who.is_empty() {
            all.push(("authorization", &login));
        }
        self.bare(method, path, &all, Body::from(body.to_owned()))
            .await
    }

    pub async fn get(&self, who: &str, path: &str) -> Answer {
        self.ask(who, "GET", path, &[("accept", TAXII)], "").await
    }

    pub async fn delete(&self, who: &str, path: &str) -> Answer {
        self.ask(who, "DELETE", path, &[("accept", TAXII)], "")
            .await
    }

    pub async fn send(&self, who: &str, body: &str) -> Answer {
        self.hub.advance(TimeDelta::seconds(1));
        let headers = [("accept", TAXII), ("content-type", TAXII)];
        self.ask(who, "POST", &exchange("objects/"), &headers, body)
            .await
    }

    /// Posts objects, all of which are taken.
    pub async fn post(&self, who: &str, objects: &[Value]) -> Value {
        let answer = self
            .send(who, &json!({"objects": objects}).to_string())
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let status = answer.json();
        assert_eq!(status["failure_count"], 0, "{status}");
        status
    }

    /// Three indicators of [`POSTER`].
    pub async fn seed(&self) {
        self.post(POSTER, &[indicator(1), indicator(2), indicator(3)])
            .await;
    }

    /// A collection page after page, by cursor or by mark.
    pub async fn all(&self, who: &str, path: &str, by_cursor: bool) -> Vec<Answer> {
        let mut pages: Vec<Answer> = Vec::new();
        let mut further = String::new();
        loop {
            let page = self.get(who, &format!("{path}{further}")).await;
            let body = page.ok();
            assert_eq!(body["more"] == true, body.get("next").is_some());
            assert!(body["more"] != true || !ids(&body).is_empty() || body["versions"].is_array());
            further = match body["next"].as_str() {
                Some(next) if by_cursor => format!("&next={next}"),
                _ => format!("&added_after={}", page.last()),
            };
            let more = body["more"] == true;
            pages.push(page);
            if !more {
                return pages;
            }
        }
    }
}

/// Each number has a test, or stands in the table of those that do not bind a server.
#[test]
fn every_item_and_every_trap_has_a_test_or_a_reason() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/taxii");
    let mut tests = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines().map(str::trim_start) {
            let name = line
                .strip_prefix("async fn ")
                .or_else(|| line.strip_prefix("fn "));
            for part in name.unwrap_or(line).split("_and_") {
                let mut words = part.split('_');
                let kind = words.next().unwrap_or_default();
                let number = words.next().and_then(|number| number.parse::<u32>().ok());
                if let (true, Some(number)) = (line.contains("=> |") || name.is_some(), number) {
                    tests.insert((kind.to_owned(), number));
                }
            }
        }
    }
    let page = include_str!("../../../docs/taxii.md");
    let excused: BTreeSet<u32> = page
        .lines()
        .skip_while(|line| !line.starts_with("## What does not bind the hub"))
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    let mut missing = Vec::new();
    for (kind, last) in [("item", 53), ("trap", 22)] {
        for number in 1..=last {
            let known = tests.contains(&(kind.to_owned(), number));
            assert!(
                !(known && kind == "item" && excused.contains(&number)),
                "item {number} is tested and excused"
            );
            if !(known || kind == "item" && excused.contains(&number)) {
                missing.push(format!("{kind} {number}"));
            }
        }
    }
    assert!(missing.is_empty(), "no test: {missing:?}");
    assert!(excused.len() < 8, "too many are excused: {excused:?}");
}
