//! TAXII over a real socket, from a post to what others poll, with the demo's council.

use std::collections::BTreeSet;

use reqwest::{Client, Method, Response, StatusCode};
use sekisho::clock::Clock;
use sekisho::exchange::publish::Submission;
use sekisho::exchange::read::ObjectQuery;
use sekisho::exchange::{Credential, Exchange, View};
use sekisho::handling::Channel;
use sekisho::http;
use sekisho::store::Db;
use serde_json::{Value, json};

const TAXII: &str = "application/taxii+json;version=2.1";
const EXCHANGE: &str = "09495259-0b2a-4498-bb00-34a57d687f47";

struct Hub {
    exchange: Exchange,
    url: String,
    client: Client,
    keys: Vec<(String, String)>,
}

impl Hub {
    async fn start(principals: &[&str]) -> Self {
        Self::start_at(Clock::System, principals).await
    }

    async fn start_at(clock: Clock, principals: &[&str]) -> Self {
        let db = Db::open("sqlite::memory:").await.unwrap();
        let exchange = Exchange::open(db, clock).await.unwrap();
        let council = include_str!("../../demo/council.toml");
        exchange.apply_council(council).await.unwrap();
        let mut keys = Vec::new();
        for principal in principals {
            let key = exchange.issue(principal, Credential::Key).await.unwrap();
            keys.push(((*principal).to_owned(), key));
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = http::router(exchange.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            exchange,
            url,
            client: Client::new(),
            keys,
        }
    }

    fn key(&self, who: &str) -> &str {
        &self.keys.iter().find(|(name, _)| name == who).unwrap().1
    }

    fn ask(&self, who: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        if who.is_empty() {
            return request;
        }
        request.basic_auth(who, Some(self.key(who)))
    }

    async fn get(&self, who: &str, path: &str) -> Response {
        self.ask(who, Method::GET, path).send().await.unwrap()
    }

    async fn json(&self, who: &str, path: &str) -> Value {
        let response = self.get(who, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn post(&self, who: &str, body: impl Into<reqwest::Body>) -> Response {
        self.ask(who, Method::POST, &objects(""))
            .header("content-type", TAXII)
            .body(body)
            .send()
            .await
            .unwrap()
    }
}

fn objects(rest: &str) -> String {
    format!("/taxii2/council/collections/{EXCHANGE}/objects/{rest}")
}

fn indicator(n: u8) -> Value {
    json!({
        "type": "indicator", "spec_version": "2.1",
        "id": format!("indicator--6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d{n:02x}"),
        "created": "2026-01-02T03:04:05.678Z", "modified": "2026-01-02T03:04:05.678Z",
        "name": format!("Beacon {n}"), "pattern_type": "stix",
        "pattern": format!("[domain-name:value = 'c{n}.evil.example']"),
        "valid_from": "2026-01-02T03:04:05.678Z",
    })
}

async fn refused(response: Response, status: StatusCode) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], TAXII);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["http_status"], status.as_str());
    assert!(body["title"].is_string());
    body
}

fn ids(envelope: &Value) -> Vec<String> {
    let objects = envelope["objects"].as_array();
    let id = |object: &Value| object["id"].as_str().unwrap().to_owned();
    objects.into_iter().flatten().map(id).collect()
}

#[tokio::test]
async fn what_one_body_posts_it_reads_back_and_others_poll_without_its_name() {
    let hub = Hub::start(&["ict-taxii", "power-analyst"]).await;
    let envelope = json!({"objects": [indicator(1), indicator(2), indicator(3)]});
    let response = hub.post("ict-taxii", envelope.to_string()).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()["content-type"], TAXII);
    let status: Value = response.json().await.unwrap();
    assert_eq!(status["success_count"], 3, "{status}");
    assert_eq!(status["status"], "complete");

    let path = format!("/taxii2/council/status/{}/", status["id"].as_str().unwrap());
    assert_eq!(hub.json("ict-taxii", &path).await, status);
    refused(hub.get("power-analyst", &path).await, StatusCode::NOT_FOUND).await;

    let id = indicator(1)["id"].as_str().unwrap().to_owned();
    let own = hub.get("ict-taxii", &objects(&format!("{id}/"))).await;
    let own = own.text().await.unwrap();
    assert_eq!(own, format!("{{\"objects\":[{}]}}", indicator(1)));
    let hidden = hub.get("power-analyst", &objects(&format!("{id}/"))).await;
    let hidden = refused(hidden, StatusCode::NOT_FOUND).await;
    let absent = "indicator--00000000-0000-4000-8000-000000000000";
    let absent = hub.get("power-analyst", &objects(absent)).await;
    assert_eq!(refused(absent, StatusCode::NOT_FOUND).await, hidden);

    let polled = hub.json("power-analyst", &objects("")).await;
    let list = polled["objects"].as_array().unwrap();
    let seen: BTreeSet<&str> = list
        .iter()
        .map(|object| object["id"].as_str().unwrap())
        .collect();
    let indicators: Vec<&Value> = list
        .iter()
        .filter(|object| object["type"] == "indicator")
        .collect();
    assert_eq!(indicators.len(), 3);
    for rendition in indicators {
        assert_ne!(rendition["id"], id);
        assert!(seen.contains(rendition["created_by_ref"].as_str().unwrap()));
        for marking in rendition["object_marking_refs"].as_array().unwrap() {
            assert!(seen.contains(marking.as_str().unwrap()));
        }
    }
    assert_eq!(
        hub.json("", "/taxii2/public/collections/exchange/objects/")
            .await,
        json!({})
    );
}

#[tokio::test]
async fn every_object_comes_once_by_cursor_by_mark_and_in_the_manifest() {
    let hub = Hub::start(&["ict-taxii", "power-analyst"]).await;
    let envelope = json!({"objects": [indicator(1), indicator(2), indicator(3)]});
    hub.post("ict-taxii", envelope.to_string()).await;
    let whole = ids(&hub.json("power-analyst", &objects("")).await);
    assert!(whole.len() > 3);

    for resource in ["objects", "manifest"] {
        let base = format!("/taxii2/council/collections/exchange/{resource}");
        let (mut by_cursor, mut by_mark) = (Vec::new(), Vec::new());
        let mut query = "limit=1".to_owned();
        loop {
            let page = hub.json("power-analyst", &format!("{base}?{query}")).await;
            by_cursor.extend(ids(&page));
            assert_eq!(page.get("more").is_some(), page.get("next").is_some());
            let Some(next) = page["next"].as_str() else {
                break;
            };
            query = format!("limit=1&next={next}");
        }
        let mut query = "limit=1".to_owned();
        loop {
            let page = hub.get("power-analyst", &format!("{base}/?{query}")).await;
            let last = page.headers()["x-taxii-date-added-last"].to_str().unwrap();
            query = format!("limit=1&added_after={last}");
            let page: Value = page.json().await.unwrap();
            by_mark.extend(ids(&page));
            if page == json!({}) {
                break;
            }
        }
        assert_eq!((&by_cursor, &by_mark), (&whole, &whole), "{resource}");
    }

    let last = hub
        .get("power-analyst", &objects("?match[type]=indicator&limit=1"))
        .await;
    let page: Value = last.json().await.unwrap();
    let next = page["next"].as_str().unwrap();
    let rest = hub
        .json("power-analyst", &objects(&format!("?next={next}")))
        .await;
    assert_eq!(ids(&rest).len(), 2, "the cursor carries the filter");
    let foreign = format!("/taxii2/council/collections/incidents/objects?next={next}");
    refused(
        hub.get("power-analyst", &foreign).await,
        StatusCode::BAD_REQUEST,
    )
    .await;
    let marked = format!("{foreign}&added_after=2020-01-01T00:00:00Z");
    hub.json("power-analyst", &marked).await;

    let id = &whole[whole.len() - 1];
    let versions = hub
        .json("power-analyst", &objects(&format!("{id}/versions/")))
        .await;
    assert_eq!(versions["versions"].as_array().unwrap().len(), 1);
    let none = format!("{id}/?added_after=2999-01-01T00:00:00Z");
    assert_eq!(hub.json("power-analyst", &objects(&none)).await, json!({}));
}

#[tokio::test]
async fn every_refusal_is_a_taxii_error_with_the_status_of_the_standard() {
    let hub = Hub::start(&["ict-taxii", "power-analyst"]).await;
    let discovery = hub.json("", "/taxii2/").await;
    let roots = discovery["api_roots"].as_array().unwrap();
    assert!(roots.contains(&discovery["default"]));

    let stranger = hub.get("", "/taxii2/council/").await;
    assert!(stranger.headers().contains_key("www-authenticate"));
    refused(stranger, StatusCode::UNAUTHORIZED).await;
    let wrong = hub.client.get(format!("{}/taxii2/council/", hub.url));
    let wrong = wrong.basic_auth("ict-taxii", Some("sk_wrong")).send().await;
    refused(wrong.unwrap(), StatusCode::UNAUTHORIZED).await;
    let token = hub.client.get(format!("{}//taxii2//council", hub.url));
    let token = token.header("authorization", format!("tOkEn {}", hub.key("ict-taxii")));
    assert_eq!(token.send().await.unwrap().status(), StatusCode::OK);

    for path in [
        "/taxii2/elsewhere/",
        "/taxii2/council/elsewhere/",
        "/taxii2/council/collections/elsewhere/",
        "/taxii2/council/status/00000000-0000-4000-8000-000000000000/",
        "/taxii2/council/collections/c87050e0-ace4-4f25-aa42-faabd8f14192/objects/",
    ] {
        refused(hub.get("ict-taxii", path).await, StatusCode::NOT_FOUND).await;
    }
    for query in [
        "?limit=0",
        "?match[type]=",
        "?next=x",
        "?added_after=x&added_after=y",
    ] {
        refused(
            hub.get("ict-taxii", &objects(query)).await,
            StatusCode::BAD_REQUEST,
        )
        .await;
    }
    let old = hub
        .ask("ict-taxii", Method::GET, "/taxii2/council/")
        .header("accept", "application/vnd.oasis.taxii+json; version=2.0");
    refused(old.send().await.unwrap(), StatusCode::NOT_ACCEPTABLE).await;
    let put = hub
        .ask("ict-taxii", Method::PUT, "/taxii2/council/")
        .send()
        .await
        .unwrap();
    assert_eq!(put.headers()["allow"], "GET,HEAD");
    refused(put, StatusCode::METHOD_NOT_ALLOWED).await;

    let envelope = json!({"objects": [indicator(1)]}).to_string();
    let plain = hub
        .ask("ict-taxii", Method::POST, &objects(""))
        .header("content-type", "application/json")
        .body(envelope.clone());
    refused(
        plain.send().await.unwrap(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
    )
    .await;
    refused(
        hub.post("power-analyst", envelope.clone()).await,
        StatusCode::FORBIDDEN,
    )
    .await;
    for path in [
        "/taxii2/council/collections/incidents/objects/",
        "/taxii2/public/collections/exchange/objects/",
    ] {
        let post = hub
            .ask("ict-taxii", Method::POST, path)
            .header("content-type", TAXII);
        let answer = post.body(envelope.clone()).send().await.unwrap();
        refused(answer, StatusCode::FORBIDDEN).await;
    }
    refused(hub.post("ict-taxii", "{").await, StatusCode::BAD_REQUEST).await;
    for body in ["{}", "{\"objects\":[]}", "[]x"] {
        let status = hub.post("ict-taxii", body).await.status();
        let known = [StatusCode::UNPROCESSABLE_ENTITY, StatusCode::BAD_REQUEST];
        assert!(known.contains(&status), "{body}: {status}");
    }
    refused(
        hub.post("ict-taxii", "{}").await,
        StatusCode::UNPROCESSABLE_ENTITY,
    )
    .await;
    let large = vec![b' '; 10 * 1024 * 1024 + 1];
    refused(
        hub.post("ict-taxii", large).await,
        StatusCode::PAYLOAD_TOO_LARGE,
    )
    .await;
    let path = objects("indicator--00000000-0000-4000-8000-000000000000");
    let delete = hub
        .ask("power-analyst", Method::DELETE, &path)
        .send()
        .await
        .unwrap();
    refused(delete, StatusCode::FORBIDDEN).await;

    let mut broken = indicator(2);
    broken.as_object_mut().unwrap().remove("pattern");
    let mixed = json!({"objects": [indicator(1), broken]}).to_string();
    for _ in 0..2 {
        // The second time the first is a duplicate, which is no error (TAXII 5.5).
        let response = hub.post("ict-taxii", mixed.clone()).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let status: Value = response.json().await.unwrap();
        assert_eq!(
            (&status["success_count"], &status["failure_count"]),
            (&json!(1), &json!(1))
        );
        let message = status["failures"][0]["message"].as_str().unwrap();
        assert!(message.starts_with("/objects/1"), "{message}");
    }
}

#[tokio::test]
async fn the_reference_client_posts_polls_and_reads_the_manifest() {
    let Ok(python) = std::env::var("TEST_PYTHON") else {
        return;
    };
    let hub = Hub::start(&["ict-taxii", "power-analyst"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("envelope.json");
    let envelope = json!({"objects": [indicator(1), indicator(2), indicator(3)]});
    std::fs::write(&file, envelope.to_string()).unwrap();
    let run = async |who: &str, arguments: &[&str]| -> Value {
        let mut command = std::process::Command::new(&python);
        command
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/taxii_client.py"
            ))
            .args([&format!("{}/taxii2/", hub.url), who, hub.key(who)])
            .args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.unwrap().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let status = run("ict-taxii", &["post", file.to_str().unwrap()]).await;
    assert_eq!(status["success_count"], 3, "{status}");
    let whole = ids(&hub.json("power-analyst", &objects("")).await);
    for limit in ["1", "2", "100"] {
        for what in ["poll", "manifest"] {
            let got = run("power-analyst", &[what, "--limit", limit]).await;
            assert_eq!(ids(&json!({"objects": got})), whole, "{what} {limit}");
        }
    }
    let some = run(
        "power-analyst",
        &["poll", "--limit", "1", "--type", "indicator"],
    )
    .await;
    assert_eq!(some.as_array().unwrap().len(), 3);
    let one = run(
        "ict-taxii",
        &["object", indicator(2)["id"].as_str().unwrap()],
    )
    .await;
    assert_eq!(one, json!([indicator(2)]));
    let versions = run("power-analyst", &["versions", &whole[0]]).await;
    assert_eq!(versions.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_marking_that_a_posted_object_names_comes_before_the_object() {
    let hub = Hub::start(&["ict-taxii", "ict-analyst"]).await;
    let green = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
    let mut marked = indicator(1);
    marked["object_marking_refs"] = json!([green]);
    let posted = hub
        .post(
            "ict-taxii",
            json!({"objects": [marked.clone()]}).to_string(),
        )
        .await;
    let status: Value = posted.json().await.unwrap();
    assert_eq!(status["success_count"], 1, "{status}");
    for reader in ["ict-taxii", "ict-analyst"] {
        let seen = ids(&hub.json(reader, &objects("")).await);
        assert_eq!(seen, [green, marked["id"].as_str().unwrap()], "{reader}");
    }
    // It came with an object of the exchange, so views of other kinds stay empty.
    let view = "/taxii2/council/collections/incidents/objects/";
    assert_eq!(hub.json("ict-analyst", view).await, json!({}));
}

/// The clock stands still, so that entries are kept apart by their numbers alone.
#[tokio::test]
async fn in_every_collection_what_an_object_names_comes_before_it() {
    let readers = [
        "ict-analyst",
        "ict-taxii",
        "power-analyst",
        "railway-analyst",
    ];
    let now = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let hub = Hub::start_at(Clock::manual(now), &readers).await;
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../demo/cases.json")).unwrap();
    for case in &cases {
        let publisher = case["publisher"].as_str().unwrap();
        let caller = hub.exchange.caller(publisher).await.unwrap().unwrap();
        let submission = Submission {
            bytes: case["report"].to_string().into_bytes(),
            ..Submission::default()
        };
        let published = hub.exchange.publish(&caller, submission).await;
        assert!(published.is_ok(), "{publisher}: {published:?}");
    }
    let mut incidents = 0;
    for reader in readers {
        for collection in ["exchange", "incidents", "practices", "newsletters"] {
            let path = format!("/taxii2/council/collections/{collection}/objects/?limit=7");
            let mut page = hub.json(reader, &path).await;
            let mut seen = BTreeSet::new();
            loop {
                for object in page["objects"].as_array().into_iter().flatten() {
                    for name in ["object_marking_refs", "created_by_ref"] {
                        let refs = object.get(name).cloned().unwrap_or(json!([]));
                        let refs = refs.as_array().cloned().unwrap_or(vec![refs]);
                        assert!(
                            refs.iter().all(|id| seen.contains(id.as_str().unwrap())),
                            "{object}"
                        );
                    }
                    let id = object["id"].as_str().unwrap().to_owned();
                    assert!(
                        seen.insert(id),
                        "twice in {collection} for {reader}: {object}"
                    );
                    incidents += usize::from(object["type"] == "report");
                }
                let Some(next) = page["next"].as_str() else {
                    break;
                };
                page = hub.json(reader, &format!("{path}&next={next}")).await;
            }
            if ["practices", "newsletters"].contains(&collection) {
                assert!(seen.is_empty(), "{collection}: {seen:?}");
            }
        }
    }
    assert!(incidents > 20, "{incidents}");
}

/// Entries for audiences made since are not known to the view, so it must not see past them.
#[tokio::test]
async fn a_page_shows_nothing_that_came_after_its_reader_was_looked_up() {
    let hub = Hub::start(&["ict-taxii"]).await;
    let reader = hub.exchange.caller("ict-analyst").await.unwrap();
    let view = async || {
        let view = hub.exchange.view(reader.as_ref(), Channel::Taxii);
        view.await.unwrap()
    };
    let post = async |n| {
        hub.post("ict-taxii", json!({"objects": [indicator(n)]}).to_string())
            .await
    };
    let count = async |view: &View| {
        let query = ObjectQuery {
            limit: 9,
            ..ObjectQuery::default()
        };
        hub.exchange.objects(view, &query).await.unwrap().0.len()
    };
    post(1).await;
    let before = view().await;
    post(2).await;
    assert_eq!((count(&before).await, count(&view().await).await), (1, 2));
}
