//! The whole way, over the wire: a bank's report passes to a power analyst, in the right form, over
//! REST and over the real `taxii2-client`; a ministry reads nothing; nobody outside reads the bank's
//! name, alias, domain or the report's own id on any surface.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{both, sample};

struct Client {
    url: String,
    http: reqwest::Client,
}

impl Client {
    async fn get(&self, key: &str, path: &str) -> (u16, String) {
        let request = self
            .http
            .get(format!("{}{path}", self.url))
            .header("X-API-Key", key);
        let response = request.send().await.unwrap();
        let headers = format!("{:?}", response.headers());
        (
            response.status().as_u16(),
            format!("{}\n{headers}", response.text().await.unwrap()),
        )
    }

    async fn json(&self, key: &str, path: &str) -> Value {
        let (status, text) = self.get(key, path).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(text.rsplit_once('\n').unwrap().0).unwrap()
    }

    async fn post(&self, key: &str, path: &str, body: String) -> (u16, Value) {
        let response = self
            .http
            .post(format!("{}{path}", self.url))
            .header("X-API-Key", key)
            .header("Content-Type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Every surface a reader has, as one text.
    async fn everything(&self, key: &str) -> String {
        let mut out = String::new();
        let reports = self.json(key, "/v1/reports?limit=100").await;
        for item in reports["items"].as_array().unwrap() {
            let id = item["id"].as_str().unwrap();
            for part in ["", "/stix", "/explain"] {
                out.push_str(&self.get(key, &format!("/v1/reports/{id}{part}")).await.1);
            }
        }
        out.push_str(&reports.to_string());
        let root = "/taxii2/council/collections/exchange";
        let objects = self.json(key, &format!("{root}/objects/")).await;
        for object in objects["objects"].as_array().into_iter().flatten() {
            let id = object["id"].as_str().unwrap();
            out.push_str(&self.get(key, &format!("{root}/objects/{id}/")).await.1);
            out.push_str(
                &self
                    .get(key, &format!("{root}/objects/{id}/versions/"))
                    .await
                    .1,
            );
        }
        for path in [
            "/taxii2/",
            "/taxii2/council/collections/",
            "/v1/approvals",
            "/v1/whoami",
        ] {
            out.push_str(&self.get(key, path).await.1);
        }
        out.push_str(&self.get(key, &format!("{root}/manifest/")).await.1);
        out.push_str(&objects.to_string());
        out
    }
}

/// The real client, where `tests/run` has installed it; it demands the database and the client alike.
async fn taxii_client(url: &str, user: &str, key: &str) -> Option<Vec<Value>> {
    let Ok(python) = std::env::var("TEST_PYTHON") else {
        assert!(
            std::env::var("SEKISHO_REQUIRE_POSTGRES").is_err(),
            "TEST_PYTHON is not set"
        );
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/taxii_client.py");
    let mut command = std::process::Command::new(python);
    command
        .args([script, &format!("{url}/taxii2/"), user, key, "poll"])
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{err}");
    Some(serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}\n{err}")))
}

both! {
    a_banks_report_reaches_power_and_not_a_ministry => |hub| {
        hub.clock.advance_micros(0);
        let client = Client { url: hub.serve().await, http: reqwest::Client::new() };
        let report = sample("FIN-01");
        let raw = serde_json::to_string_pretty(&report).unwrap();
        let publisher = hub.key("finance-publisher").await;
        let poc = hub.key("finance-poc").await;

        let (status, published) = client.post(&publisher, "/v1/reports", raw.clone()).await;
        assert_eq!(status, 202, "{published}");
        assert_eq!(published["state"], "held");
        let original = published["id"].as_str().unwrap().to_owned();

        // Before consent nobody outside the CEPTOAR, and inside it those who need to know.
        let power = hub.key("power-analyst").await;
        let member = hub.key("finance-op3-member").await;
        assert_eq!(client.json(&power, "/v1/reports").await["items"], json!([]));
        assert_eq!(client.json(&member, "/v1/reports").await["items"].as_array().unwrap().len(), 1);

        let waiting = client.json(&poc, "/v1/approvals").await;
        let request = waiting["items"][0]["id"].as_str().unwrap();
        assert_eq!(waiting["items"][0]["report"], original.as_str());
        let answer = json!({"decision": "approve", "comment": "確認済み"}).to_string();
        hub.advance(chrono::TimeDelta::minutes(1));
        let (status, answered) = client.post(&poc, &format!("/v1/approvals/{request}"), answer).await;
        assert_eq!((status, &answered["state"]), (200, &json!("released")), "{answered}");

        // A power analyst and finance's own members read the same anonymised rendition.
        let theirs = client.json(&power, "/v1/reports").await["items"][0].clone();
        assert_eq!(theirs["form"], "anonymised");
        let own = client.json(&member, "/v1/reports").await["items"][0].clone();
        assert_eq!((&own["id"], &own["report"]), (&theirs["id"], &theirs["report"]));

        // The same over the real TAXII client.
        if let Some(polled) = taxii_client(&client.url, "power-analyst", &power).await {
            let of = |kind: &str| polled.iter().filter(|object| object["type"] == kind).count();
            assert_eq!((of("report"), of("incident")), (1, 1), "{polled:?}");
            let tie = polled.iter().find(|object| object["type"] == "report").unwrap();
            assert_eq!(tie["id"], format!("report--{}", theirs["id"].as_str().unwrap()));
            let back = sekisho::stix::report::from_stix(&polled).unwrap();
            assert_eq!(back, theirs["report"], "the rendition comes back from STIX whole");
        }

        // Its STIX form has every object, translations too.
        let bundle = client.json(&power, &format!("/v1/reports/{}/stix", theirs["id"].as_str().unwrap())).await;
        let objects = bundle["objects"].as_array().unwrap();
        assert_eq!(sekisho::stix::report::from_stix(objects).unwrap(), theirs["report"]);

        // Publisher and point of contact read it as submitted, byte for byte.
        for key in [&publisher, &poc] {
            let (_, text) = client.get(key, &format!("/v1/reports/{original}")).await;
            assert!(text.contains(raw.trim()), "as submitted: {text}");
        }

        // A ministry, other roles and whoever guesses ids: nothing, in the same bytes.
        for who in ["fsa-analyst", "fsa-poc", "meti-analyst", "secretariat", "admin", "agency-poc"] {
            let key = hub.key(who).await;
            assert_eq!(client.json(&key, "/v1/reports").await, json!({"items": [], "next": null}), "{who}");
            assert_eq!(client.json(&key, "/taxii2/council/collections/exchange/objects/").await, json!({}), "{who}");
            let absent = "00000000-0000-4000-8000-000000000000";
            for id in [original.as_str(), theirs["id"].as_str().unwrap()] {
                let hidden = client.get(&key, &format!("/v1/reports/{id}")).await;
                let none = client.get(&key, &format!("/v1/reports/{absent}")).await;
                assert_eq!(hidden.0, 404);
                assert_eq!(hidden.1.split_once('\n').map(|s| s.0.replace(id, absent)), none.1.split_once('\n').map(|s| s.0.to_owned()));
            }
        }

        // No surface shows the name, alias, domain or original id to anyone outside.
        let mut secrets: Vec<String> = report["must_anonymise"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect();
        let marks = hub.exchange.directory().identity_marks([&"finance-op1".into()]);
        secrets.extend(marks.names);
        secrets.extend(marks.domains);
        secrets.extend([original, "finance-op1".to_owned(), "FIN-01".to_owned(), "210000".to_owned()]);
        for who in ["power-analyst", "railway-op1-feed", "nco-analyst", "gov-taxii"] {
            let key = hub.key(who).await;
            let text = client.everything(&key).await;
            assert!(text.contains("anonymised"), "{who} reads it: {text}");
            for secret in &secrets {
                assert!(!text.contains(secret.as_str()), "{who} reads `{secret}`");
            }
        }
        // And the identified reader of the same surfaces does see them: the check can fail.
        assert!(client.everything(&publisher).await.contains("株式会社あかつき中央銀行"));
    }

    the_demo_ends_where_its_cases_say => |hub| {
        let (released, held) = sekisho::demo::publish_cases(&hub.exchange, 30).await.unwrap();
        assert_eq!((released, held), (29, 4));
        // 26 cases as they are, and the lessons from three; CHM-02 and the three originals stay.
        let titles = |views: Vec<sekisho::exchange::read::ReportView>| views.len();
        assert_eq!(titles(hub.reports(Some("chemical-publisher")).await), 2);
        assert_eq!(titles(hub.reports(Some("finance-publisher")).await), 3);
        let outside = hub.reports(Some("power-analyst")).await;
        assert!(outside.iter().filter(|view| view.desk.is_none()).count() >= 25, "{}", outside.len());
    }
}
