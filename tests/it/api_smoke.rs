//! The REST API from outside: one hub in memory, served on a port, spoken to as clients do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at its first surprise"
)]

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use sekisho::clock::Clock;
use sekisho::exchange::{Credential, Exchange};
use sekisho::http::router;
use sekisho::store::Db;
use serde_json::{Value, json};

const PEOPLE: &[&str] = &[
    "finance-publisher",
    "finance-poc",
    "finance-analyst",
    "finance-op1-member",
    "power-analyst",
    "power-publisher",
    "fsa-analyst",
];

pub(super) struct Served {
    base: String,
    clock: Clock,
    exchange: Exchange,
    keys: Vec<(String, String)>,
    client: Client,
}

impl Served {
    pub(super) async fn start() -> Self {
        let clock = Clock::manual(Clock::System.now());
        let db = Db::open("sqlite::memory:").await.unwrap();
        let exchange = Exchange::open(db, clock.clone()).await.unwrap();
        exchange
            .apply_council(&file("demo/council.toml"))
            .await
            .unwrap();
        let mut keys = Vec::new();
        for name in PEOPLE {
            let key = exchange.issue(name, Credential::Key).await.unwrap();
            keys.push(((*name).to_owned(), key));
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = router(exchange.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            base,
            clock,
            exchange,
            keys,
            client: Client::new(),
        }
    }

    fn key(&self, who: &str) -> &str {
        &self.keys.iter().find(|(name, _)| name == who).unwrap().1
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    fn get(&self, who: &str, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
            .basic_auth(who, Some(self.key(who)))
    }

    fn post(&self, who: &str, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, path)
            .basic_auth(who, Some(self.key(who)))
            .header("content-type", "application/json")
            .body(body)
    }

    async fn read(&self, who: &str, path: &str) -> Value {
        expect(self.get(who, path), 200).await
    }

    async fn publish(&self, body: &str) -> Value {
        expect(
            self.post("finance-publisher", "/v1/reports", body.to_owned()),
            202,
        )
        .await
    }

    async fn approve(&self) -> Value {
        let waiting = self.read("finance-poc", "/v1/approvals").await;
        let path = format!(
            "/v1/approvals/{}",
            waiting["items"][0]["id"].as_str().unwrap()
        );
        let yes = json!({"decision": "approve", "comment": "よい"}).to_string();
        expect(self.post("finance-poc", &path, yes), 200).await
    }
}

pub(super) fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn case(reference: &str) -> Value {
    let cases: Value = serde_json::from_str(&file("demo/cases.json")).unwrap();
    let report = cases
        .as_array()
        .unwrap()
        .iter()
        .map(|case| &case["report"])
        .find(|report| report["reference"] == reference);
    report.unwrap().clone()
}

fn fin01() -> Value {
    case("FIN-01")
}

pub(super) async fn expect(request: RequestBuilder, status: u16) -> Value {
    let response = request.send().await.unwrap();
    let (found, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(found.as_u16(), status, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A problem, checked for its shape.
async fn problem(request: RequestBuilder, status: u16) -> Value {
    let response = request.send().await.unwrap();
    let found = response.status().as_u16();
    let media_type = response.headers()["content-type"].clone();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    assert_eq!(media_type, "application/problem+json", "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["status"], status);
    for member in ["type", "title", "detail"] {
        assert!(problem[member].is_string(), "{text}");
    }
    problem
}

async fn bytes(request: RequestBuilder) -> (StatusCode, Vec<u8>) {
    let response: Response = request.send().await.unwrap();
    (response.status(), response.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_report_reaches_another_sector_after_consent_and_only_as_its_level_allows() {
    let hub = Served::start().await;
    // Blanks and the order of members are the source's and must survive.
    let body = serde_json::to_string_pretty(&fin01()).unwrap();
    let published = hub.publish(&body).await;
    assert_eq!(published["state"], "held");
    assert!(
        published["holds"][0]["message"]
            .as_str()
            .unwrap()
            .contains("demo-finance.poc")
    );
    let own = format!("/v1/reports/{}", published["id"].as_str().unwrap());

    let none = json!({"items": [], "next": null});
    for outsider in ["power-analyst", "fsa-analyst"] {
        assert_eq!(hub.read(outsider, "/v1/reports").await, none);
    }
    // Only whose consent is asked may give it.
    let waiting = hub.read("finance-poc", "/v1/approvals").await;
    let path = format!(
        "/v1/approvals/{}",
        waiting["items"][0]["id"].as_str().unwrap()
    );
    let yes = json!({"decision": "approve"}).to_string();
    for other in ["finance-publisher", "power-analyst"] {
        assert_eq!(hub.read(other, "/v1/approvals").await, none);
        problem(hub.post(other, &path, yes.clone()), 404).await;
    }
    for bad in [
        r#"{"decision":"maybe"}"#,
        r#"{"decision":"approve","x":1}"#,
        "{}",
    ] {
        problem(hub.post("finance-poc", &path, bad), 422).await;
    }
    assert_eq!(hub.approve().await["state"], "released");
    problem(hub.post("finance-poc", &path, yes), 409).await;

    // The other sector has the anonymised form, under another id.
    let page = hub.read("power-analyst", "/v1/reports").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let item = &page["items"][0];
    assert_eq!(item["form"], "anonymised");
    assert_ne!(item["id"], published["id"]);
    assert!(item.get("desk").is_none());
    let theirs = format!("/v1/reports/{}", item["id"].as_str().unwrap());
    let stix_path = format!("{theirs}/stix");
    let (status, one) = bytes(hub.get("power-analyst", &theirs)).await;
    assert_eq!(status, StatusCode::OK);
    let response = hub.get("power-analyst", &stix_path).send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "application/stix+json;version=2.1"
    );
    let bundle = response.text().await.unwrap();
    let parsed: Value = serde_json::from_str(&bundle).unwrap();
    assert_eq!(parsed["type"], "bundle");
    assert!(parsed["id"].as_str().unwrap().starts_with("bundle--"));
    assert!(parsed["objects"].as_array().unwrap().len() > 2);
    let seen = format!("{}{page}{bundle}", String::from_utf8(one).unwrap());
    let report = fin01();
    let mut secrets: Vec<&str> = report["must_anonymise"]
        .as_array()
        .unwrap()
        .iter()
        .map(|strip| strip["text"].as_str().unwrap())
        .collect();
    secrets.extend([
        "Akatsuki",
        "あかつき",
        "finance-op1",
        "FIN-01",
        "\"organisation\"",
        published["id"].as_str().unwrap(),
    ]);
    for secret in secrets {
        assert!(!seen.contains(secret), "`{secret}` is in what power reads");
    }
    problem(hub.get("power-analyst", &format!("{theirs}/explain")), 404).await;

    // The desk has what was posted, byte for byte, with its version and the reasons.
    let response = hub.get("finance-publisher", &own).send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"1\"");
    let text = response.text().await.unwrap();
    assert!(text.contains(&body), "{text}");
    let why = hub.read("finance-poc", &format!("{own}/explain")).await;
    assert_eq!(why["state"], "released");
    assert!(!why["clauses"].as_array().unwrap().is_empty());
    let listed = hub.read("finance-publisher", "/v1/reports").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    // The ministry has nothing, and cannot tell hidden from absent.
    assert_eq!(hub.read("fsa-analyst", "/v1/reports").await, none);
    let absent = bytes(hub.get(
        "fsa-analyst",
        "/v1/reports/00000000-0000-4000-8000-000000000000",
    ))
    .await;
    assert_eq!(absent.0, StatusCode::NOT_FOUND);
    for hidden in [&own, &theirs] {
        for form in ["", "/stix", "/explain"] {
            let found = bytes(hub.get("fsa-analyst", &format!("{hidden}{form}"))).await;
            assert_eq!(found, absent);
        }
    }
    assert_eq!(bytes(hub.get("power-analyst", &own)).await, absent);
}

#[tokio::test]
async fn a_dry_run_says_who_would_get_it_and_stores_nothing() {
    let hub = Served::start().await;
    let preview = expect(
        hub.post(
            "finance-publisher",
            "/v1/reports?dry_run=true",
            fin01().to_string(),
        ),
        200,
    )
    .await;
    let share = |body: &str| {
        let shares = preview["audience"].as_array().unwrap();
        shares
            .iter()
            .find(|share| share["body"] == body)
            .unwrap()
            .clone()
    };
    assert_eq!(share("demo-power")["form"], "anonymised");
    assert_eq!(share("FSA")["form"], "none");
    assert!(!preview["anonymised"].to_string().contains("あかつき"));
    let page = hub.read("finance-publisher", "/v1/reports").await;
    assert_eq!(page["items"], json!([]));
    problem(
        hub.post(
            "finance-publisher",
            "/v1/reports?dry_run=yes",
            fin01().to_string(),
        ),
        400,
    )
    .await;
}

fn changed(member: &str, value: Value) -> String {
    let mut report = fin01();
    report[member] = value;
    report.to_string()
}

#[tokio::test]
async fn bad_input_is_refused_with_its_place_and_stores_nothing() {
    let hub = Served::start().await;
    let deep = format!("{{\"kind\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let mut missing = fin01();
    missing.as_object_mut().unwrap().remove("title");
    let cases: Vec<(String, u16, &str)> = vec![
        (
            changed("handling", json!({"scheme": "S1", "level": "無い"})),
            422,
            "/handling",
        ),
        (
            changed("handling", json!({"scheme": "S9", "level": "会員限"})),
            422,
            "/handling",
        ),
        (
            changed("source_operator", json!("power-op1")),
            422,
            "/source_operator",
        ),
        (
            changed("source_operator", json!("no-such-op")),
            422,
            "/source_operator",
        ),
        (changed("sector", json!("power")), 422, "/sector"),
        (missing.to_string(), 422, "/title"),
        (
            r#"{"kind":"lesson","a":{"b":1,"b":2}}"#.to_owned(),
            400,
            "/a/b",
        ),
        (deep, 400, "/kind"),
        ("{".to_owned(), 400, ""),
    ];
    for (body, status, pointer) in cases {
        for path in ["/v1/reports", "/v1/reports?dry_run=true"] {
            let problem = problem(hub.post("finance-publisher", path, body.clone()), status).await;
            let error = &problem["errors"][0];
            let found = error["pointer"].as_str().unwrap();
            assert!(found.starts_with(pointer), "{problem}");
            assert!(!error["rule"].as_str().unwrap().is_empty(), "{problem}");
        }
    }
    let text = hub
        .request(Method::POST, "/v1/reports")
        .basic_auth("finance-publisher", Some(hub.key("finance-publisher")))
        .header("content-type", "text/plain")
        .body(fin01().to_string());
    problem(text, 415).await;
    let large = changed("narrative", json!({"ja": "あ".repeat(1 << 20)}));
    problem(hub.post("finance-publisher", "/v1/reports", large), 413).await;
    problem(
        hub.post("power-analyst", "/v1/reports", fin01().to_string()),
        403,
    )
    .await;
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("page=2", "page"),
        ("cursor=abc", "cursor"),
    ] {
        let problem = problem(hub.get("finance-poc", &format!("/v1/reports?{query}")), 400).await;
        assert_eq!(problem["errors"][0]["parameter"], name);
    }
    problem(hub.get("finance-poc", "/v1/nothing/here"), 404).await;
    let response = hub
        .request(Method::DELETE, "/v1/reports")
        .send()
        .await
        .unwrap();
    let allow = response.headers()["allow"].to_str().unwrap().to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    problem(hub.request(Method::DELETE, "/v1/reports"), 405).await;
    let page = hub.read("finance-publisher", "/v1/reports").await;
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn a_repeat_under_its_key_answers_as_the_first_and_a_version_needs_the_present_one() {
    let hub = Served::start().await;
    let send = |path: &str, body: String, key: &str| {
        hub.post("finance-publisher", path, body)
            .header("idempotency-key", key)
    };
    let body = fin01().to_string();
    let first = expect(send("/v1/reports", body.clone(), "one"), 202).await;
    let again = expect(send("/v1/reports", body.clone(), "one"), 202).await;
    assert_eq!(first, again);
    let other = changed("reference", json!("FIN-01b"));
    problem(send("/v1/reports", other.clone(), "one"), 409).await;
    let another = expect(send("/v1/reports", body.clone(), "two"), 202).await;
    assert_ne!(first["id"], another["id"]);

    let id = first["id"].as_str().unwrap();
    let versions = format!("/v1/reports/{id}/versions");
    problem(
        send(&versions, other.clone(), "three").header("if-match", "\"2\""),
        412,
    )
    .await;
    let second = expect(
        send(&versions, other.clone(), "three").header("if-match", "\"1\""),
        202,
    )
    .await;
    assert_eq!(
        (&second["id"], &second["version"]),
        (&first["id"], &json!(2))
    );
    // The retry of a change that got through is no lost update.
    let retry = expect(
        send(&versions, other.clone(), "three").header("if-match", "\"1\""),
        202,
    )
    .await;
    assert_eq!(second, retry);
    problem(
        send(&versions, other.clone(), "four").header("if-match", "\"1\""),
        412,
    )
    .await;
    // One key is one act: the same bytes sent elsewhere are another.
    problem(send("/v1/reports", other.clone(), "three"), 409).await;
    let foreign = hub.post("power-publisher", &versions, other.clone());
    problem(foreign, 404).await;
    let generalises = format!("/v1/reports?generalises={id}");
    problem(hub.post("power-publisher", &generalises, other), 404).await;
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repeat() {
    let hub = Served::start().await;
    for n in 0..5 {
        hub.publish(&changed("reference", json!(format!("P-{n}"))))
            .await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/reports?limit=2".to_owned();
    loop {
        let page = hub.read("finance-publisher", &path).await;
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["report"]["reference"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/reports?limit=2&cursor={next}");
    }
    assert_eq!(seen, ["P-4", "P-3", "P-2", "P-1", "P-0"]);
    let none = hub
        .read("finance-publisher", "/v1/reports?kind=best_practice")
        .await;
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn who_is_asking_is_known_by_key_or_token_and_by_nothing_else() {
    let hub = Served::start().await;
    let challenged = hub.request(Method::GET, "/v1/whoami").send().await.unwrap();
    assert_eq!(challenged.status(), StatusCode::UNAUTHORIZED);
    assert!(
        challenged.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("Basic")
    );
    let key = hub.key("power-analyst").to_owned();
    let whoami = |name: &'static str, value: String| {
        hub.request(Method::GET, "/v1/whoami").header(name, value)
    };
    let me = expect(whoami("x-api-key", key.clone()), 200).await;
    assert_eq!(
        (&me["principal"], &me["places"][0]["depth"]),
        (&json!("power-analyst"), &json!("analyst"))
    );

    let form = |body: String| {
        hub.request(Method::POST, "/oauth/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    };
    let named =
        format!("grant_type=client_credentials&client_id=power-analyst&client_secret={key}");
    let token = expect(form(named.clone()), 200).await;
    let basic =
        form("grant_type=client_credentials".to_owned()).basic_auth("power-analyst", Some(&key));
    expect(basic, 200).await;
    let access = token["access_token"].as_str().unwrap().to_owned();
    let with = |token: &str| whoami("authorization", format!("Bearer {token}"));
    assert_eq!(
        expect(with(&access), 200).await["principal"],
        "power-analyst"
    );
    let jwks = expect(hub.request(Method::GET, "/.well-known/jwks.json"), 200).await;
    assert_eq!(jwks["keys"][0]["crv"], "Ed25519");

    for (body, status, error) in [
        (
            named.replace("power-analyst", "power-publisher"),
            401,
            "invalid_client",
        ),
        (
            "grant_type=client_credentials".to_owned(),
            401,
            "invalid_client",
        ),
        (
            "grant_type=password".to_owned(),
            400,
            "unsupported_grant_type",
        ),
        ("client_id=a".to_owned(), 400, "invalid_request"),
    ] {
        assert_eq!(expect(form(body), status).await["error"], error);
    }
    // {"alg":"none","typ":"at+jwt"} over the good claims, and a broken signature.
    let claims = access.split('.').nth(1).unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}.");
    let cut = &access[..access.len() - 4];
    for bad in [unsigned.as_str(), cut, "a.b.c", "garbage"] {
        problem(with(bad), 401).await;
    }
    hub.clock.advance_micros(901 * 1_000_000);
    problem(with(&access), 401).await;

    hub.exchange.revoke("power-analyst").await.unwrap();
    problem(whoami("x-api-key", key), 401).await;
}

#[tokio::test]
async fn an_operator_is_listed_to_its_ceptoar_and_to_itself_alone() {
    let hub = Served::start().await;
    let all = "/v1/bodies?limit=1000";
    let hidden = bytes(hub.get("power-analyst", "/v1/bodies/finance-op1")).await;
    assert_eq!(
        hidden,
        bytes(hub.get("power-analyst", "/v1/bodies/no-such-body")).await
    );
    let names = |page: Value| -> BTreeSet<String> {
        let items = page["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let analyst = hub.read("finance-analyst", all).await;
    for kept in ["akatsuki", "capability", "domains", "networks", "aliases"] {
        assert!(
            !analyst.to_string().contains(&format!("\"{kept}")),
            "{kept}"
        );
    }
    let analyst = names(analyst);
    assert!(analyst.contains("finance-op1") && analyst.contains("demo-power"));
    assert!(!analyst.contains("power-op1"));
    let member = names(hub.read("finance-op1-member", all).await);
    assert!(member.contains("finance-op1") && !member.contains("finance-op2"));
    let ministry = names(hub.read("fsa-analyst", all).await);
    assert!(ministry.contains("demo-finance") && !ministry.contains("finance-op1"));

    let first = hub.read("fsa-analyst", "/v1/schemes?limit=2").await;
    let next = first["next"].as_str().unwrap();
    let level = &first["items"][0]["levels"][0];
    assert!(
        level["marking_id"]
            .as_str()
            .unwrap()
            .starts_with("marking-definition--")
    );
    assert_eq!(level["audience"]["own_ceptoar"]["depth"], "analyst");
    let rest = hub
        .read("fsa-analyst", &format!("/v1/schemes?cursor={next}"))
        .await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 3);
    problem(
        hub.get("fsa-analyst", &format!("/v1/bodies?cursor={next}")),
        400,
    )
    .await;
}
