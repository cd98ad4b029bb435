//! Advisories, in the hub's own form and as CSAF documents, over HTTP.

use reqwest::{Client, StatusCode};
use sekisho::exchange::Credential;
use serde_json::{Value, json};

use crate::harness::{TestHub, both};

/// What a hub answers over a socket.
struct Served {
    base: String,
    client: Client,
    keys: Vec<(String, String)>,
}

impl Served {
    async fn of(hub: &TestHub, people: &[&str]) -> Self {
        let mut keys = Vec::new();
        for name in people {
            let key = hub.exchange.issue(name, Credential::Key).await.unwrap();
            keys.push(((*name).to_owned(), key));
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = sekisho::http::router(hub.exchange.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            base,
            client: Client::new(),
            keys,
        }
    }

    async fn post(&self, who: &str, path: &str, body: &str) -> (StatusCode, Value) {
        let key = &self.keys.iter().find(|(name, _)| name == who).unwrap().1;
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request
            .basic_auth(who, Some(key))
            .header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().await.unwrap();
        let status = response.status();
        (
            status,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
        )
    }

    async fn get(&self, who: &str, path: &str) -> (StatusCode, String) {
        let request = self.client.get(format!("{}{path}", self.base));
        let key = self.keys.iter().find(|(name, _)| name == who);
        let request = match key {
            Some((_, key)) => request.basic_auth(who, Some(key)),
            None => request,
        };
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

/// A document that passes; odd spacing and a number's form tell whether it is served as it came.
fn csaf(label: &str) -> String {
    csaf_with(label, &json!({}))
}

fn csaf_with(label: &str, more: &Value) -> String {
    let mut document = json!({
        "document": {
            "category": "csaf_security_advisory", "csaf_version": "2.0", "lang": "ja", "title": "架空VPN装置の脆弱性",
            "publisher": {"category": "coordinator", "name": "架空センター", "namespace": "https://demo-nco.example"},
            "distribution": {"tlp": {"label": label}},
            "notes": [{"category": "summary", "text": "遠隔から操作されるおそれがある。"}],
            "references": [{"summary": "詳細", "url": "https://demo-nco.example/a", "category": "external"}],
            "tracking": {
                "id": "DEMO-NCO-2026:001", "status": "final", "version": "1",
                "initial_release_date": "2026-11-20T00:00:00Z", "current_release_date": "2026-11-20T00:00:00Z",
                "revision_history": [{"date": "2026-11-20T00:00:00Z", "number": "1", "summary": "初版"}],
            },
        },
        "product_tree": {"branches": [{"category": "vendor", "name": "架空通信", "branches": [
            {"category": "product_name", "name": "架空VPN", "branches": [
                {"category": "product_version", "name": "1.2", "product": {"name": "架空VPN 1.2", "product_id": "P1"}}]}]}]},
        "vulnerabilities": [{
            "cve": "CVE-2026-10001", "notes": [{"category": "description", "text": "認証の欠落"}],
            "product_status": {"known_affected": ["P1"]},
            "remediations": [{"category": "vendor_fix", "details": "1.3に更新する。", "product_ids": ["P1"]}],
            "scores": [{"products": ["P1"], "cvss_v3": {
                "version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
                "baseScore": 9.8, "baseSeverity": "CRITICAL"}}],
        }],
    });
    for (pointer, value) in more.as_object().unwrap() {
        *document.pointer_mut(pointer).unwrap() = value.clone();
    }
    document
        .to_string()
        .replace("\"lang\":", "\"lang\"  :\n ")
        .replace("9.8,", "9.80,")
}

const ALL: [&str; 6] = [
    "nco-advisor",
    "nco-poc",
    "finance-publisher",
    "power-analyst",
    "power-op1-member",
    "fsa-analyst",
];

both! {
    a_csaf_document_is_read_checked_released_and_given_back_byte_for_byte => |hub| {
        let served = Served::of(&hub, &ALL).await;
        let sent = csaf("GREEN");
        let (status, published) = served.post("nco-advisor", "/v1/advisories?type=alert&urgency=urgent&sectors=power,gas", &sent).await;
        assert_eq!(status, StatusCode::CREATED, "{published}");
        let (_, list) = served.get("power-analyst", "/v1/advisories").await;
        let list: Value = serde_json::from_str(&list).unwrap();
        let advisory = &list["items"][0];
        assert_eq!((&advisory["kind"], &advisory["tlp"]), (&json!("advisory"), &json!("TLP:GREEN")));
        let told = &advisory["report"];
        assert_eq!(told["title"]["ja"], "架空VPN装置の脆弱性");
        assert_eq!(told["advisory"]["type"], "alert");
        assert_eq!(told["advisory"]["targets"], json!({"sectors": ["power", "gas"], "products": ["架空VPN 1.2"]}));
        assert_eq!(told["advisory"]["measures"], json!([{"ja": "1.3に更新する。"}]));
        assert_eq!(told["indicators"], json!([{"type": "cve", "value": "CVE-2026-10001"}]));
        let id = advisory["id"].as_str().unwrap();
        if advisory["form"] == "identified" {
            let (status, document) = served.get("power-analyst", &format!("/v1/advisories/{id}/csaf")).await;
            assert_eq!((status, document), (StatusCode::OK, sent));
        } else {
            // The document names its publisher, so it is not in the anonymised form.
            assert!(!list.to_string().contains("DEMO-NCO"));
            assert_eq!(served.get("power-analyst", &format!("/v1/advisories/{id}/csaf")).await.0, StatusCode::NOT_FOUND);
        }
        let own = published["id"].as_str().unwrap();
        let (status, document) = served.get("nco-advisor", &format!("/v1/advisories/{own}/csaf")).await;
        assert_eq!((status, document), (StatusCode::OK, csaf("GREEN")));
        // It is not free for everybody.
        let feed = served.get("", "/csaf/feed-tlp-clear.json").await.1;
        assert!(!feed.contains("DEMO-NCO"), "{feed}");
        // Whoever may not read it learns nothing by asking for it.
        let absent = served.get("fsa-analyst", "/v1/advisories/00000000-0000-4000-8000-000000000000/csaf").await;
        assert_eq!(served.get("fsa-analyst", &format!("/v1/advisories/{own}/csaf")).await, absent);
    }

    what_breaks_a_rule_of_csaf_is_refused_with_the_test_that_found_it => |hub| {
        let served = Served::of(&hub, &ALL).await;
        let cases = [
            ("/document/tracking/version", json!("2"), "csaf.6.1.16"),
            ("/product_tree/branches/0/branches/0/branches/0/product/product_id", json!("P9"), "csaf.6.1.1"),
            ("/document/title", json!(5), "csaf.schema"),
            ("/document/csaf_version", json!("1.2"), "csaf.version"),
            ("/document/tracking/status", json!("draft"), "csaf.draft"),
        ];
        for (pointer, value, rule) in cases {
            let (status, problem) = served.post("nco-advisor", "/v1/advisories", &csaf_with("GREEN", &json!({pointer: value}))).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{pointer}: {problem}");
            assert!(problem.to_string().contains(rule), "{pointer}: {problem}");
        }
        // Said twice: two readers would read two things.
        let twice = csaf("GREEN").replacen("\"category\":", "\"category\":\"x\",\"category\":", 1);
        assert!(served.post("nco-advisor", "/v1/advisories", &twice).await.0.is_client_error());
        assert_eq!(served.get("nco-advisor", "/v1/advisories").await.1, r#"{"items":[],"next":null}"#);
        // Who may not issue one is told so, whatever it sends: the document is not even looked at.
        let broken = csaf_with("GREEN", &json!({"/document/title": 5}));
        for sent in [csaf("GREEN"), broken] {
            assert_eq!(served.post("finance-publisher", "/v1/advisories?dry_run=true", &sent).await.0, StatusCode::FORBIDDEN);
        }
        // A level that contradicts the label, and one that agrees with it.
        let strict = served.post("nco-advisor", "/v1/advisories?level=%E7%AC%AC4%E7%A8%AE&dry_run=true", &csaf("GREEN")).await;
        assert_eq!(strict.0, StatusCode::UNPROCESSABLE_ENTITY, "{}", strict.1);
        let agrees = served.post("nco-advisor", "/v1/advisories?level=%E7%AC%AC2%E7%A8%AE&dry_run=true", &csaf("GREEN")).await;
        assert_eq!(agrees.0, StatusCode::OK, "{}", agrees.1);
    }

    a_document_without_a_label_is_not_taken_for_clear => |hub| {
        let served = Served::of(&hub, &ALL).await;
        let mut document: Value = serde_json::from_str(&csaf("WHITE")).unwrap();
        document["document"].as_object_mut().unwrap().remove("distribution");
        let (status, published) = served.post("nco-advisor", "/v1/advisories", &document.to_string()).await;
        assert!(status.is_success(), "{published}");
        assert!(!served.get("", "/csaf/feed-tlp-clear.json").await.1.contains("DEMO-NCO"));
        assert!(!served.get("", "/taxii2/public/collections/advisories/objects/").await.1.contains("VPN"));
    }

    clear_documents_are_offered_as_a_provider_does => |hub| {
        // A centre whose CLEAR level shows everybody what it said, as it said it.
        let mut file: toml::Value = toml::from_str(&crate::harness::without_cases(sekisho::demo::COUNCIL)).unwrap();
        let schemes = file["schemes"].as_array_mut().unwrap();
        let theirs = schemes.iter().find(|scheme| scheme["id"].as_str() == Some("S2")).unwrap();
        let mut own: toml::Value = toml::from_str(&toml::to_string(theirs).unwrap().replace("S2", "S9")).unwrap();
        for level in own["levels"].as_array_mut().unwrap() {
            if level["tlp"].as_str() == Some("CLEAR") {
                level["audience"]["observers"]["form"] = "identified".into();
            }
        }
        schemes.push(own);
        let centre = file["bodies"].as_array_mut().unwrap().iter_mut().find(|body| body["id"].as_str() == Some("NCO")).unwrap();
        centre["scheme"] = "S9".into();
        hub.exchange.apply_council(&toml::to_string(&file).unwrap()).await.unwrap();
        let served = Served::of(&hub, &ALL).await;
        let before = served.get("", "/.well-known/csaf/provider-metadata.json").await;
        assert_eq!(before.0, StatusCode::OK);
        served.post("nco-advisor", "/v1/advisories", &csaf("AMBER")).await;
        assert_eq!(served.get("", "/.well-known/csaf/provider-metadata.json").await, before, "what is hidden moves no time in it");
        let (status, published) = served.post("nco-advisor", "/v1/advisories", &csaf("WHITE")).await;
        assert_eq!(status, StatusCode::CREATED, "{published}");
        let metadata: Value = serde_json::from_str(&served.get("", "/.well-known/csaf/provider-metadata.json").await.1).unwrap();
        assert_eq!(metadata["role"], "csaf_provider");
        let feed: Value = serde_json::from_str(&served.get("", "/csaf/feed-tlp-clear.json").await.1).unwrap();
        let entries = feed["feed"]["entry"].as_array().unwrap();
        assert_eq!(entries.len(), 1);
        let address = entries[0]["content"]["src"].as_str().unwrap();
        let path = &address[address.find("/csaf/").unwrap()..];
        assert_eq!(path, "/csaf/clear/2026/demo-nco-2026_001.json");
        let (_, document) = served.get("", path).await;
        assert_eq!(document, csaf("WHITE"));
        let (_, hash) = served.get("", &format!("{path}.sha256")).await;
        let digest = sekisho::exchange::secret::sha256(document.as_bytes());
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, format!("{digits}  demo-nco-2026_001.json\n"));
        assert_eq!(served.get("", &format!("{path}.sha512")).await.0, StatusCode::OK);
        assert_eq!(served.get("", "/csaf/clear/2025/demo-nco-2026_001.json").await.0, StatusCode::NOT_FOUND);
        // Of two under one name the newer, in the feed and at the address.
        let newer = csaf_with("WHITE", &json!({"/document/title": "改題"}));
        let (status, again) = served.post("nco-advisor", "/v1/advisories", &newer).await;
        assert_eq!(status, StatusCode::CREATED, "{again}");
        let feed: Value = serde_json::from_str(&served.get("", "/csaf/feed-tlp-clear.json").await.1).unwrap();
        let titles: Vec<&Value> = feed["feed"]["entry"].as_array().unwrap().iter().map(|one| &one["title"]).collect();
        assert_eq!((titles, served.get("", path).await.1), (vec![&json!("改題")], newer));
        // Taken back, it is gone here too, and what it stood before is there again.
        let other = again["id"].as_str().unwrap();
        served.post("nco-advisor", &format!("/v1/reports/{other}/withdraw"), r#"{"reason":"wrong"}"#).await;
        assert_eq!(served.get("", path).await.1, csaf("WHITE"));
        let own = published["id"].as_str().unwrap();
        let (status, _) = served.post("nco-advisor", &format!("/v1/reports/{own}/withdraw"), r#"{"reason":"wrong"}"#).await;
        assert!(status.is_success());
        assert_eq!(served.get("", path).await.0, StatusCode::NOT_FOUND);
    }

    an_advisory_of_the_hubs_own_form_goes_the_same_way => |hub| {
        let served = Served::of(&hub, &ALL).await;
        let mut advisory = json!({
            "kind": "advisory", "title": {"ja": "【訓練】訓練の案内"}, "summary": {"ja": "年次の訓練"},
            "advisory": {"type": "drill", "due": "2026-12-01T00:00:00Z", "targets": {"sectors": ["power"]}},
            "handling": {"tlp": "GREEN"},
        });
        let (status, published) = served.post("nco-advisor", "/v1/advisories", &advisory.to_string()).await;
        assert_eq!(status, StatusCode::CREATED, "{published}");
        let own = published["id"].as_str().unwrap();
        advisory["summary"] = json!({"ja": "延期"});
        let (status, again) = served.post("nco-advisor", &format!("/v1/advisories/{own}/versions"), &advisory.to_string()).await;
        assert_eq!((status, &again["version"]), (StatusCode::CREATED, &json!(2)), "{again}");
        let (_, list) = served.get("power-analyst", "/v1/advisories?drill=true").await;
        assert!(list.contains("延期") && !list.contains("年次の訓練"));
        let (_, page) = served.get("power-analyst", "/taxii2/council/collections/exchange/objects/").await;
        assert!(page.contains("延期") && page.contains("\"drill\""), "{page}");
        // What is no advisory does not come in here, and an advisory needs to say what it is.
        advisory["advisory"].as_object_mut().unwrap().remove("type");
        assert_eq!(served.post("nco-advisor", "/v1/advisories", &advisory.to_string()).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        advisory["kind"] = json!("best_practice");
        let (status, problem) = served.post("nco-advisor", "/v1/advisories", &advisory.to_string()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(problem.to_string().contains("/v1/reports"), "{problem}");
    }

    a_sharing_group_narrows_to_its_bodies => |hub| {
        let group = "3f7a1c52-8d4b-4c56-9a0e-5b1f2d3c4e6a";
        let council = format!("{}\n[[sharing_groups]]\nid = \"{group}\"\nname = {{ en = \"Utilities\" }}\nbodies = [\"demo-power\"]\n", sekisho::demo::COUNCIL);
        hub.exchange.apply_council(&council).await.unwrap();
        let served = Served::of(&hub, &["nco-advisor", "power-analyst", "gas-analyst"]).await;
        let advisory = |group: &str| json!({
            "kind": "advisory", "title": {"ja": "題"}, "summary": {"ja": "文"}, "advisory": {"type": "alert"},
            "handling": {"tlp": "GREEN", "sharing_group": group},
        }).to_string();
        let (status, published) = served.post("nco-advisor", "/v1/advisories", &advisory(group)).await;
        assert!(status.is_success(), "{published}");
        let count = async |who: &str| {
            let (_, list) = served.get(who, "/v1/advisories").await;
            serde_json::from_str::<Value>(&list).unwrap()["items"].as_array().unwrap().len()
        };
        assert_eq!((count("power-analyst").await, count("gas-analyst").await), (1, 0));
        for refused in ["00000000-0000-0000-0000-000000000000", "3f7a1c52-8d4b-4c56-9a0e-5b1f2d3c4e6b"] {
            assert_eq!(served.post("nco-advisor", "/v1/advisories", &advisory(refused)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        }
        served.post("nco-advisor", "/v1/advisories", &advisory("ffffffff-ffff-ffff-ffff-ffffffffffff")).await;
        assert_eq!((count("power-analyst").await, count("gas-analyst").await), (2, 1));
    }

    an_advisory_is_passed_on_opened_acknowledged_and_told_of_as_a_table => |hub| {
        let served = Served::of(&hub, &["nco-advisor", "nco-poc", "power-poc", "power-op1-member", "power-op1-feed", "gas-op1-member"]).await;
        let advisory = json!({
            "kind": "advisory", "title": {"ja": "題"}, "summary": {"ja": "文"},
            "advisory": {"type": "alert", "targets": {"sectors": ["power"]}}, "handling": {"tlp": "GREEN"},
        });
        let (_, published) = served.post("nco-advisor", "/v1/advisories", &advisory.to_string()).await;
        let own = published["id"].as_str().unwrap().to_owned();
        let first = async |who: &str| {
            let (_, list) = served.get(who, "/v1/advisories").await;
            serde_json::from_str::<Value>(&list).unwrap()["items"][0]["id"].as_str().map(str::to_owned)
        };
        assert_eq!(first("power-op1-member").await, None, "not before it is passed on");
        let id = first("power-poc").await.unwrap();
        let (status, passed) = served.post("power-poc", &format!("/v1/advisories/{id}/pass-on"), "").await;
        assert_eq!((status, &passed["id"]), (StatusCode::OK, &json!(id)), "{passed}");
        let theirs = first("power-op1-member").await.unwrap();
        assert_eq!(served.post("power-op1-feed", &format!("/v1/advisories/{theirs}/ack"), "{}").await.0, StatusCode::FORBIDDEN);
        let (_, before) = served.get("power-poc", &format!("/v1/advisories/{id}/board?format=csv")).await;
        served.get("power-op1-member", &format!("/v1/advisories/{theirs}")).await;
        let (_, opened) = served.get("power-poc", &format!("/v1/advisories/{id}/board?format=csv")).await;
        assert_ne!(before, opened, "opened by a person");
        let (status, given) = served.post("power-op1-member", &format!("/v1/advisories/{theirs}/ack"), "{}").await;
        assert_eq!((status, &given["type"]), (StatusCode::CREATED, &json!("ack")), "{given}");
        let (_, table) = served.get("power-poc", "/v1/board?format=csv").await;
        let row = table.lines().find(|line| line.contains(",operator,power-op1,")).unwrap();
        assert_eq!(row.matches("2026-").count(), 4, "issued, delivered, opened, acknowledged: {row}");
        assert_eq!(table.lines().next().unwrap().split(',').count(), row.split(',').count());
        // The issuer's table names no operator of S3's, and tells no count of one.
        let (_, table) = served.get("nco-advisor", &format!("/v1/advisories/{own}/board?format=csv")).await;
        assert!(table.contains(",operators,demo-power,") && !table.contains("power-op1"), "{table}");
        assert!(table.lines().any(|line| line.contains(",operators,") && line.ends_with(",5,,,,,,")), "{table}");
        // Nobody else has one, and of what is hidden nothing is told.
        let nothing = served.get("gas-op1-member", "/v1/advisories/00000000-0000-4000-8000-000000000000/board").await;
        for id in [&own, &theirs] {
            assert_eq!(served.get("gas-op1-member", &format!("/v1/advisories/{id}/board")).await, nothing);
            assert_eq!(served.get("gas-op1-member", &format!("/v1/advisories/{id}/feedback")).await.0, StatusCode::NOT_FOUND);
        }
    }
}
