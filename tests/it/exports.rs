//! Several reports as one file: what is in it, under which handling, and for whom alone; on both
//! databases.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use reqwest::StatusCode;
use sekisho::exchange::Refusal;
use sekisho::exchange::dossier::Dossier;
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::handling::Channel;
use sekisho::stix::validate;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

/// Publishes a sample case and has everybody agree.
async fn release(hub: &TestHub, who: &str, report: &Value) -> String {
    let published = hub.publish(who, report).await.unwrap();
    if published.state != "released" {
        assert_eq!(hub.approve(&published.id).await, "released");
    }
    published.id
}

/// The ids under which a reader has what there is, newest first.
async fn ids(hub: &TestHub, who: &str) -> Vec<String> {
    let reports = hub.reports(Some(who)).await;
    reports.into_iter().map(|report| report.id).collect()
}

async fn dossier(hub: &TestHub, who: &str, ids: &[String]) -> Result<Dossier, Refusal> {
    let caller = hub.caller(who).await;
    hub.exchange.dossier(&caller, Channel::Rest, ids).await
}

/// The rules that were broken, and where.
fn faults<T>(result: Result<T, Refusal>) -> Vec<(String, String)> {
    match result {
        Err(Refusal::Invalid(faults)) => {
            let faults = faults.into_iter();
            faults.map(|fault| (fault.pointer, fault.rule)).collect()
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was put together"),
    }
}

/// A client of a served hub, as one principal.
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

    async fn export(&self, body: &Value) -> (StatusCode, String, String) {
        let client = reqwest::Client::new();
        let request = client
            .post(format!("{}/v1/exports", self.base))
            .bearer_auth(&self.key);
        let answer = request
            .header("accept-language", "en")
            .json(body)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (
            status,
            kind,
            String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap(),
        )
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let client = reqwest::Client::new();
        let answer = client
            .get(format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .send();
        let answer = answer.await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

/// Two cases that a power analyst has: one anonymised under AMBER, one under another level.
async fn two(hub: &TestHub) -> Vec<String> {
    release(hub, "finance-publisher", &sample("FIN-01")).await;
    release(hub, "ict-publisher", &sample("ICT-02")).await;
    let ids = ids(hub, "power-analyst").await;
    assert_eq!(ids.len(), 2);
    ids
}

both! {
    an_export_carries_the_join_of_its_parts => |hub| {
        let ids = two(&hub).await;
        let alone = |at: usize| { let id = ids[at].clone(); let hub = &hub; async move { dossier(hub, "power-analyst", &[id]).await.unwrap() } };
        let (ict, finance, both) = (alone(0).await, alone(1).await, dossier(&hub, "power-analyst", &ids).await.unwrap());
        assert_ne!(ict.tlp, finance.tlp, "the test needs two that differ");
        assert_eq!(both.tlp, "TLP:AMBER");
        // What each forbids, the whole forbids; what one does not allow, the whole does not.
        let set = |dossier: &Dossier, name: &str| -> BTreeSet<String> {
            let list = dossier.obligations[name].as_array().cloned().unwrap_or_default();
            list.into_iter().map(|one| one.as_str().unwrap().to_owned()).collect()
        };
        for part in [&ict, &finance] {
            assert!(set(&both, "purposes_prohibited").is_superset(&set(part, "purposes_prohibited")));
            assert!(set(&both, "purposes_allowed").is_subset(&set(part, "purposes_allowed")) || part.obligations["purposes_allowed"].is_null());
            assert!(part.delete_by.is_none() || both.delete_by <= part.delete_by, "{:?} {:?}", both.delete_by, part.delete_by);
            assert!(both.obligations["k"].as_u64() >= part.obligations["k"].as_u64());
        }
        assert!(both.delete_by.is_some());
        assert_eq!(both.delete_by, [ict.delete_by, finance.delete_by].into_iter().flatten().min());
    }

    a_bundle_is_what_taxii_serves_under_a_grouping_that_carries_the_whole => |hub| {
        let ids = two(&hub).await;
        let client = Client::of(&hub, "power-analyst").await;
        let (status, kind, text) = client.export(&json!({"ids": ids, "format": "stix"})).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "application/stix+json;version=2.1"));
        let bundle: Value = serde_json::from_str(&text).unwrap();
        let objects = bundle["objects"].as_array().unwrap();
        let faults: Vec<_> = objects.iter().filter(|object| validate(object).is_err()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        let found: Vec<&str> = objects.iter().map(|object| object["id"].as_str().unwrap()).collect();
        assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len(), "each once");
        // Every object a reader of these two reports has over TAXII, byte for byte.
        let served = hub.objects(Some("power-analyst")).await;
        for object in &served {
            assert!(text.contains(&object.bytes), "{}", object.id);
        }
        let grouping = objects.iter().find(|object| object["type"] == "grouping").unwrap();
        let refs: Vec<String> = ids.iter().map(|id| format!("report--{id}")).collect();
        assert_eq!(grouping["object_refs"], json!(refs));
        let marks: Vec<&Value> = grouping["object_marking_refs"].as_array().unwrap().iter()
            .map(|id| objects.iter().find(|object| object["id"] == *id).unwrap()).collect();
        assert!(marks.iter().any(|mark| mark["name"] == "TLP:AMBER"), "{marks:?}");
        assert!(marks.iter().any(|mark| mark["name"] == "Handling obligations"));
        // Of markings and creators, those that are used and the head's.
        let used: String = objects.iter().filter(|object| object["type"] != "marking-definition").map(Value::to_string).collect();
        for mark in objects.iter().filter(|object| object["type"] == "marking-definition") {
            assert!(used.contains(mark["id"].as_str().unwrap()), "{mark}");
        }
    }

    a_table_says_in_every_row_how_the_whole_is_handled_and_is_no_formula => |hub| {
        let mut report = sample("ICT-02");
        report["title"] = json!({"ja": "=HYPERLINK(\"http://evil.example\")", "en": "＝1+1, \"quoted\"\nline"});
        release(&hub, "ict-publisher", &report).await;
        release(&hub, "finance-publisher", &sample("FIN-01")).await;
        let ids = ids(&hub, "power-analyst").await;
        let client = Client::of(&hub, "power-analyst").await;
        let (status, kind, text) = client.export(&json!({"ids": ids, "format": "csv"})).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/csv; charset=utf-8; header=present"));
        assert!(text.starts_with("\u{feff}id,kind,") && text.ends_with("\r\n"));
        assert!(text.contains("\"'=HYPERLINK(\"\"http://evil.example\"\")\"") && text.contains("\"'＝1+1, \"\"quoted\"\"\nline\""), "{text}");
        let rows: Vec<&str> = text.trim_end().split("\r\n").collect();
        assert_eq!(rows.len(), 3);
        for row in &rows[1..] {
            assert!(row.contains(",TLP:AMBER,2026-") || row.contains(",TLP:AMBER,20"), "{row}");
            assert!(row.contains("Use it only for"), "{row}");
        }
    }

    a_text_says_at_its_head_how_the_whole_is_handled => |hub| {
        let mut report = sample("ICT-02");
        report["title"] = json!({"ja": "# 見出し ![x](http://evil.example/x.png)<script>"});
        release(&hub, "ict-publisher", &report).await;
        release(&hub, "finance-publisher", &sample("FIN-01")).await;
        let ids = ids(&hub, "power-analyst").await;
        let client = Client::of(&hub, "power-analyst").await;
        let (status, _, text) = client.export(&json!({"ids": ids, "format": "markdown"})).await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.starts_with("# TLP:AMBER (2 cases)\n"), "{text}");
        let (head, rest) = text.split_once("\n---\n").unwrap();
        assert!(head.contains("**Delete by 20") && head.contains("Use it only for"), "{head}");
        assert!(rest.contains("**TLP:AMBER**") && rest.matches("\n## ").count() + 1 >= 2);
        assert!(!rest.contains("![") && !rest.contains("<script>") && rest.contains("\\!\\[x\\]"), "{rest}");
        assert!(!text.contains("あかつき"));
    }

    what_may_only_be_looked_at_or_is_hidden_or_is_not_there_is_answered_alike => |hub| {
        let own = release(&hub, "finance-publisher", &sample("FIN-01")).await;
        release(&hub, "ict-publisher", &sample("ICT-02")).await;
        // Kept abroad: this member may look at it and take nothing.
        let member = hub.caller("finance-op5-member").await;
        let (looks, _) = hub.exchange.view_only(&member, None, 10).await.unwrap();
        assert_eq!(looks.len(), 1);
        let looked = looks[0].id.clone();
        hub.exchange.dossier(&member, Channel::Console, std::slice::from_ref(&looked)).await.unwrap();
        let hidden = hub.publish("medical-publisher", &sample("MED-01")).await.unwrap().id;
        let other = hub.reports(Some("finance-op5-member")).await[0].id.clone();
        let client = Client::of(&hub, "finance-op5-member").await;
        let mut answers = BTreeSet::new();
        for id in [looked.as_str(), own.as_str(), hidden.as_str(), "00000000-0000-4000-8000-000000000000", "x"] {
            for format in ["stix", "csv", "markdown"] {
                let (status, _, text) = client.export(&json!({"ids": [id], "format": format})).await;
                assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
                answers.insert(text);
            }
            let (status, text) = client.get(&format!("/v1/compare?ids={id},{other}")).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
            answers.insert(text);
        }
        assert_eq!(answers.len(), 2, "{answers:?}");
        assert!(answers.iter().any(|text| text.contains("\"/ids/0\"") && text.contains("dossier.id")));
    }

    what_is_exported_is_noted_so_that_a_recall_reaches_whoever_has_it => |hub| {
        let id = release(&hub, "ict-publisher", &sample("ICT-02")).await;
        let theirs = {
            // Looked up without anybody having been handed anything but the seeker of the id.
            let reports = hub.reports(Some("gas-analyst")).await;
            reports[0].id.clone()
        };
        dossier(&hub, "power-analyst", std::slice::from_ref(&theirs)).await.unwrap();
        let looked = hub.caller("credit-analyst").await;
        assert!(faults(hub.exchange.dossier(&looked, Channel::Rest, &[theirs.clone(), "x".to_owned()]).await) == [("/ids/1".to_owned(), "dossier.id".to_owned())]);
        hub.advance(TimeDelta::seconds(1));
        let publisher = hub.caller("ict-publisher").await;
        let recall = Withdrawal { version: None, recall: true, reason: "wrong".to_owned() };
        hub.exchange.withdraw(&publisher, &id, recall).await.unwrap();
        for (who, told) in [("power-analyst", 1), ("credit-analyst", 0)] {
            let notices = hub.exchange.notices(&hub.caller(who).await).await.unwrap();
            assert_eq!(notices.len(), told, "{who}");
        }
        assert_eq!(faults(dossier(&hub, "power-analyst", &[theirs]).await), [("/ids/0".to_owned(), "dossier.id".to_owned())]);
    }

    parts_that_cannot_meet_are_named_and_no_others => |hub| {
        // One level asks for a year at least, another allows half a year at most.
        for (who, case) in [("gov-publisher", "GOV-01"), ("gas-publisher", "GAS-01"), ("power-publisher", "PWR-01")] {
            release(&hub, who, &sample(case)).await;
        }
        let reports = hub.reports(Some("nco-analyst")).await;
        let of = |sector: &str| {
            let found = reports.iter().find(|one| one.report.get().contains(&format!("\"sector\":\"{sector}\"")));
            found.unwrap_or_else(|| panic!("no {sector}")).id.clone()
        };
        let (power, government, gas) = (of("power"), of("gov"), of("gas"));
        let all = [power.clone(), government.clone(), gas.clone()];
        let rule = "dossier.RETENTION_CONFLICT".to_owned();
        assert_eq!(faults(dossier(&hub, "nco-analyst", &all).await), [("/ids/1".to_owned(), rule.clone()), ("/ids/2".to_owned(), rule)]);
        for fine in [[power.clone(), government.clone()], [power.clone(), gas.clone()]] {
            dossier(&hub, "nco-analyst", &fine).await.unwrap();
        }
        for one in &all {
            dossier(&hub, "nco-analyst", std::slice::from_ref(one)).await.unwrap();
        }
        let client = Client::of(&hub, "nco-analyst").await;
        let (status, _, text) = client.export(&json!({"ids": all, "format": "csv"})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text.contains("/ids/1") && text.contains("/ids/2") && !text.contains("/ids/0"), "{text}");
        let (status, text) = client.get(&format!("/v1/compare?ids={}", all.join(","))).await;
        assert!(status == StatusCode::BAD_REQUEST && text.contains("ids/2"), "{text}");
    }

    law_4_whom_else_a_part_admits_does_not_change_which_parts_are_named => |hub| {
        // The second of gas admits few others; to this reader both say the same.
        let mut narrower = sample("GAS-01");
        narrower["reference"] = "GAS-01b".into();
        narrower["title"] = json!({"ja": "もう一件"});
        narrower["handling"]["named"] = json!(["nco-analyst", "gas-analyst"]);
        for (who, case) in [("gov-publisher", sample("GOV-01")), ("gas-publisher", sample("GAS-01")), ("gas-publisher", narrower)] {
            release(&hub, who, &case).await;
        }
        let ids: Vec<String> = hub.reports(Some("nco-analyst")).await.iter().map(|one| one.id.clone()).collect();
        assert_eq!(ids.len(), 3);
        let places: Vec<String> = faults(dossier(&hub, "nco-analyst", &ids).await).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ["/ids/0", "/ids/1", "/ids/2"]);
    }

    law_4_what_is_hidden_changes_no_byte_of_an_export => |hub| {
        let other = hub.fresh_with_secret(b"the same secret of both hubs 0123").await;
        let hub = hub.fresh_with_secret(b"the same secret of both hubs 0123").await;
        let mut answers = Vec::new();
        for (hub, hides) in [(&hub, true), (&other, false)] {
            let ids = two(hub).await;
            let caller = hub.caller("power-analyst").await;
            if hides {
                let hidden = hub.publish("gas-publisher", &sample("GAS-01")).await.unwrap();
                hub.advance(TimeDelta::seconds(1));
                let withdrawal = Withdrawal { version: None, recall: true, reason: String::new() };
                let publisher = hub.caller("gas-publisher").await;
                hub.exchange.withdraw(&publisher, &hidden.id, withdrawal).await.unwrap();
            } else {
                hub.advance(TimeDelta::seconds(2));
            }
            let (dossier, objects) = hub.exchange.dossier_as_stix(&caller, &ids).await.unwrap();
            let compared = hub.exchange.compare(&caller, Channel::Rest, &ids).await.unwrap();
            answers.push((serde_json::to_string(&dossier).unwrap(), objects, serde_json::to_string(&compared).unwrap()));
        }
        assert_eq!(answers[0], answers[1]);
    }

    lists_are_bounded_and_name_nothing_twice => |hub| {
        let ids = two(&hub).await;
        let many: Vec<String> = (0..201).map(|number| number.to_string()).collect();
        for list in [&[][..], &many[..]] {
            assert_eq!(faults(dossier(&hub, "power-analyst", list).await), [("/ids".to_owned(), "dossier.count".to_owned())]);
        }
        assert_eq!(faults(dossier(&hub, "power-analyst", &many[..200]).await).len(), 200, "the longest list is read");
        let twice = [ids[0].clone(), ids[1].clone(), ids[0].clone()];
        assert_eq!(faults(dossier(&hub, "power-analyst", &twice).await), [("/ids/2".to_owned(), "dossier.twice".to_owned())]);
        let client = Client::of(&hub, "power-analyst").await;
        for body in [json!({"ids": ids}), json!({"ids": ids, "format": "pdf"}), json!({"ids": ids, "format": "csv", "all": true}), json!({"ids": "x", "format": "csv"})] {
            assert_eq!(client.export(&body).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        }
        for (list, status) in [(ids[0].clone(), 400), (many[..7].join(","), 400), (ids.join(","), 200), (format!("{0},{0}", ids[0]), 400)] {
            assert_eq!(client.get(&format!("/v1/compare?ids={list}")).await.0.as_u16(), status, "{list}");
        }
    }
}
