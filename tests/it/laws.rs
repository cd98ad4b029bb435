//! The laws this part of the hub keeps, each on both databases. Every test here was seen failing
//! with its law broken on purpose; `docs/ARCHITECTURE.md` says how.

use chrono::TimeDelta;
use sekisho::clock::Clock;
use sekisho::exchange::publish::Submission;
use sekisho::exchange::{Exchange, Refusal};
use sekisho::handling::Channel;
use sekisho::store::Db;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

fn faults(refusal: Refusal) -> Vec<String> {
    match refusal {
        Refusal::Invalid(faults) | Refusal::Malformed(faults) => faults
            .into_iter()
            .map(|fault| format!("{} {}", fault.pointer, fault.rule))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn indicator(uuid: u32, markings: &[&str]) -> Value {
    let mut object = json!({
        "type": "indicator", "spec_version": "2.1",
        "id": format!("indicator--00000000-0000-4000-8000-{uuid:012}"),
        "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
        "name": "beacon", "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix",
        "valid_from": "2026-11-01T00:00:00Z",
    });
    if !markings.is_empty() {
        object["object_marking_refs"] = json!(markings);
    }
    object
}

async fn post(hub: &TestHub, who: &str, objects: &[Value]) -> Vec<Vec<String>> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let envelope = json!({ "objects": objects }).to_string();
    let outcomes = hub
        .exchange
        .publish_objects(&caller, envelope.as_bytes())
        .await
        .unwrap();
    outcomes
        .into_iter()
        .map(|outcome| {
            outcome
                .faults
                .into_iter()
                .map(|f| format!("{} {}", f.pointer, f.rule))
                .collect()
        })
        .collect()
}

async fn seen(hub: &TestHub, who: &str) -> Vec<Value> {
    let objects = hub.objects(Some(who)).await;
    objects
        .iter()
        .map(|object| serde_json::from_str(&object.bytes).unwrap())
        .filter(|object: &Value| {
            !["marking-definition", "identity"].contains(&object["type"].as_str().unwrap())
        })
        .collect()
}

fn observable(value: &str) -> Value {
    let mut object = json!({"type": "ipv4-addr", "spec_version": "2.1", "value": value, "object_marking_refs": [GREEN]});
    object["id"] = json!(
        sekisho::stix::id::deterministic_id(&object)
            .unwrap()
            .to_string()
    );
    object
}

const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
const AMBER: &str = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";
const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";
const NOWHERE: &str = "marking-definition--00000000-0000-4000-8000-000000000000";

both! {
    /// Law 1. The nearest allowed neighbour of each refusal is in `levels.rs`.
    law_1_what_is_not_known_is_refused_and_nothing_is_stored => |hub| {
        for (change, at) in [
            (json!({"scheme": "S1", "level": "全員"}), "/handling/level handling.level"),
            (json!({"scheme": "S9", "level": "会員限"}), "/handling/scheme handling.scheme"),
            (json!({"scheme": "S2", "level": "第2種"}), "/handling/scheme handling.scheme"),
            (json!({"scheme": "S1", "level": "会員限", "tlp": "TLP:GREEN"}), "/handling/tlp handling.tlp"),
        ] {
            let mut report = sample("FIN-01");
            report["handling"] = change;
            let refusal = hub.publish("finance-publisher", &report).await.unwrap_err();
            assert_eq!(faults(refusal), [at]);
        }
        for who in ["finance-publisher", "finance-poc", "nco-analyst"] {
            assert!(hub.reports(Some(who)).await.is_empty());
        }
    }

    law_1_an_unmarked_report_waits_even_inside_its_ceptoar_except_under_s2 => |hub| {
        let mut report = sample("FIN-01");
        report.as_object_mut().unwrap().remove("handling");
        let published = hub.publish("finance-publisher", &report).await.unwrap();
        assert!(published.holds.iter().any(|hold| hold.code == "UNMARKED"));
        assert!(hub.reports(Some("finance-analyst")).await.is_empty());
        assert_eq!(hub.reports(Some("finance-publisher")).await.len(), 1);
        assert_eq!(hub.approve(&published.id).await, "released");
        assert_eq!(hub.reports(Some("finance-analyst")).await.len(), 1);
        assert_eq!(hub.reports(Some("nco-poc")).await.len(), 1, "会員限 gives the centre's poc a rendition");
        assert!(hub.reports(Some("power-analyst")).await.is_empty());

        let mut report = sample("ICT-02");
        report.as_object_mut().unwrap().remove("handling");
        assert_eq!(hub.publish("ict-publisher", &report).await.unwrap().state, "released");
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
    }

    law_1_an_unknown_marking_takes_the_strictest_level_and_holds => |hub| {
        assert_eq!(post(&hub, "ict-taxii", &[indicator(1, &[NOWHERE]), indicator(2, &[GREEN])]).await, [[""; 0]; 2]);
        // Read back at once by who posted; only the known one by anybody else.
        assert_eq!(seen(&hub, "ict-taxii").await.len(), 2);
        assert_eq!(seen(&hub, "ict-analyst").await.len(), 1);
        assert_eq!(seen(&hub, "power-analyst").await.len(), 1);
    }

    law_1_a_tlp_alone_takes_the_sources_level_for_it_or_the_next_stricter => |hub| {
        // S1 has no GREEN level: its AMBER one applies, which waits for consent.
        post(&hub, "finance-taxii", &[indicator(1, &[GREEN])]).await;
        assert!(seen(&hub, "power-analyst").await.is_empty());
        assert_eq!(seen(&hub, "finance-analyst").await.len(), 1);
        // S2's RED never leaves for other CEPTOARs.
        post(&hub, "ict-taxii", &[indicator(2, &[RED])]).await;
        assert!(seen(&hub, "power-analyst").await.is_empty());
        // Two labels: the stricter.
        post(&hub, "ict-taxii", &[indicator(3, &[GREEN, AMBER])]).await;
        assert!(seen(&hub, "power-analyst").await.is_empty(), "AMBER waits for the silent approver");
    }

    law_1_a_body_that_has_not_declared_storage_in_japan_gets_no_copy => |hub| {
        let report = sample("FIN-01");
        let published = hub.publish("finance-publisher", &report).await.unwrap();
        hub.approve(&published.id).await;
        assert_eq!(hub.reports(Some("finance-op4-member")).await.len(), 1);
        assert!(hub.reports(Some("finance-op5-member")).await.is_empty());
        // It may look: the console is a channel that hands nothing over.
        let caller = hub.caller("finance-op5-member").await;
        let view = hub.exchange.view(Some(&caller), Channel::Console).await.unwrap();
        let (looked, _) = hub.exchange.reports(&view, None, &Default::default()).await.unwrap();
        assert_eq!(looked.len(), 1);
    }

    /// Law 2: what the source narrows for one item only takes readers away.
    law_2_naming_persons_only_narrows => |hub| {
        let mut report = sample("ICT-02");
        report["handling"]["named"] = json!(["power-analyst", "fsa-poc"]);
        hub.publish("ict-publisher", &report).await.unwrap();
        for (who, count) in [("power-analyst", 1), ("fsa-poc", 1), ("gas-analyst", 0), ("ict-analyst", 0), ("fsa-analyst", 0), ("ict-publisher", 1)] {
            assert_eq!(hub.reports(Some(who)).await.len(), count, "{who}");
        }
    }

    /// Law 6: originals untouched, a rendition is a new object, stable, versioned.
    law_6_a_rendition_is_a_new_object_and_the_original_is_untouched => |hub| {
        let raw = "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--00000000-0000-4000-8000-000000000009\", \
            \"created\":\"2026-11-01T00:00:00.0000Z\",\"modified\":\"2026-11-01T00:00:00.0000Z\",\"name\":\"電力\\u3042\",\"x_weight\":1.0, \
            \"pattern\":\"[ipv4-addr:value = '198.51.100.3']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-11-01T00:00:00Z\"}";
        let caller = hub.caller("ict-taxii").await;
        let body = format!("{{\"objects\":[{raw}]}}");
        hub.exchange.publish_objects(&caller, body.as_bytes()).await.unwrap();
        let own = hub.objects(Some("ict-analyst")).await;
        assert_eq!(own.last().unwrap().bytes, raw, "identified is the source's bytes exactly");
        let theirs = seen(&hub, "power-analyst").await;
        assert_eq!(theirs.len(), 1);
        assert_ne!(theirs[0]["id"], "indicator--00000000-0000-4000-8000-000000000009");
        assert_eq!(theirs[0]["name"], "電力あ");
        assert!(theirs[0]["created_by_ref"].as_str().unwrap().starts_with("identity--"));
        let id = theirs[0]["id"].clone();

        // A new version of the original is a new version of the same rendition.
        let newer = raw.replace("\"modified\":\"2026-11-01T00:00:00.0000Z\"", "\"modified\":\"2026-11-02T00:00:00.000Z\"").replace("電力", "送電");
        hub.advance(TimeDelta::seconds(5));
        let body = format!("{{\"objects\":[{newer}]}}");
        hub.exchange.publish_objects(&caller, body.as_bytes()).await.unwrap();
        let after = seen(&hub, "power-analyst").await;
        assert_eq!(after.len(), 1, "the latest version only");
        assert_eq!((&after[0]["id"], &after[0]["created"]), (&id, &theirs[0]["created"]));
        assert!(after[0]["modified"].as_str() > theirs[0]["modified"].as_str());
        assert_eq!(after[0]["name"], "送電あ");

        // The same version again with the same content is no error and no news; with other content it is refused.
        let before = hub.objects(Some("power-analyst")).await.len();
        let again = hub.exchange.publish_objects(&caller, body.as_bytes()).await.unwrap();
        assert!(again[0].faults.is_empty());
        assert_eq!(hub.objects(Some("power-analyst")).await.len(), before);
        let other = body.replace("送電", "変電");
        let refused = hub.exchange.publish_objects(&caller, other.as_bytes()).await.unwrap();
        assert_eq!(refused[0].faults[0].rule, "STIX 3.6");
    }

    law_6_renditions_of_two_hubs_cannot_be_told_from_each_other => |hub| {
        let other = hub.fresh().await;
        for each in [&hub, &other] {
            post(each, "ict-taxii", &[indicator(7, &[])]).await;
        }
        let (one, two) = (seen(&hub, "power-analyst").await, seen(&other, "power-analyst").await);
        assert_ne!(one[0]["id"], two[0]["id"], "an id that anybody can compute would confirm a guess");
    }

    law_6_a_name_that_stays_in_the_rendition_holds_the_report => |hub| {
        let mut report = sample("FIN-01");
        report["summary"]["ja"] = json!("詳細は www.akatsuki-bank.example の告知を参照");
        report["must_anonymise"] = json!([]);
        report.as_object_mut().unwrap().remove("organisation");
        // Plain, the anonymiser strips it by itself; encoded, only the last check finds it, and holds
        // the report: it is stored and at its desk, and nothing anonymised of it leaves.
        let published = hub.publish("finance-publisher", &report).await.unwrap();
        assert_eq!(hub.approve(&published.id).await, "released");
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        report["summary"]["ja"] = json!("www%2Eakatsuki%2Dbank%2Eexample の告知を参照");
        let held = hub.publish("finance-publisher", &report).await.unwrap();
        let hold = held.holds.iter().find(|hold| hold.code == "ANONYMITY").unwrap();
        assert!(hold.message.contains("/summary/ja domain `akatsuki-bank.example`"), "{hold:?}");
        assert!(hold.inside_too && hold.confirmable, "finance's own members get the anonymised form");
        assert_eq!(hub.reports(Some("finance-publisher")).await.len(), 2, "at its desk");
        for who in ["power-analyst", "finance-analyst", "finance-op3-member"] {
            let views = hub.reports(Some(who)).await;
            assert_eq!(views.len(), 1, "{who}");
            for name in ["akatsuki-bank", "akatsuki%2Dbank", "あかつき中央銀行", "Akatsuki"] {
                assert!(!views[0].report.get().contains(name), "{who} reads {name}");
            }
        }
    }

    law_6_two_sources_under_one_id_are_both_taken_and_neither_learns_of_the_other => |hub| {
        // ict and logistics post different contents under one id and version, under GREEN.
        let mut other = indicator(5, &[GREEN]);
        other["name"] = json!("another beacon");
        assert_eq!(post(&hub, "ict-taxii", &[indicator(5, &[GREEN])]).await, [[""; 0]]);
        assert_eq!(post(&hub, "logistics-taxii", &[other]).await, [[""; 0]]);
        // NCO reads both identified: never two contents under one id and version.
        let both = seen(&hub, "nco-analyst").await;
        assert_eq!(both.len(), 2);
        assert_ne!(both[0]["id"], both[1]["id"]);
        assert_eq!(both[0]["name"], "beacon");
        assert_eq!(both[1]["name"], "another beacon");
        // Each source's own CEPTOAR reads its own as it was posted.
        let own: Vec<Value> = seen(&hub, "logistics-analyst").await;
        assert!(own.iter().any(|object| object["name"] == "another beacon" && object["id"] == "indicator--00000000-0000-4000-8000-000000000005"), "{own:?}");
        // The same content from a third source is one object to who reads both.
        assert_eq!(post(&hub, "port-taxii", &[indicator(5, &[GREEN])]).await, [[""; 0]]);
        assert_eq!(seen(&hub, "nco-analyst").await.len(), 2);
    }

    /// Law 8, as far as it goes here: the dry run says what happens, and nothing is stored.
    law_8_the_dry_run_says_what_publishing_does_and_stores_nothing => |hub| {
        let report = sample("PWR-01");
        let caller = hub.caller("power-publisher").await;
        let preview = hub.dry_run(caller.principal.id.as_str(), &report).await;
        assert!(hub.reports(Some("power-publisher")).await.is_empty());
        assert_eq!(preview.state, "held");
        let published = hub.publish("power-publisher", &report).await.unwrap();
        assert_eq!(published.holds, preview.holds);
        hub.approve(&published.id).await;
        let mut checked = 0;
        for share in &preview.audience {
            let sector = share.body.as_str().trim_start_matches("demo-").to_lowercase();
            let analyst = if sector == "nco" { "nco-analyst".to_owned() } else { format!("{sector}-analyst") };
            if hub.exchange.caller(&analyst).await.unwrap().is_none() {
                continue;
            }
            let got = hub.reports(Some(&analyst)).await;
            let form = got.first().map_or("none", |view| view.form.as_str());
            let deep = !["poc", "none"].contains(&share.depth.as_str());
            assert_eq!(form, if deep { share.form.as_str() } else { "none" }, "{}", share.body);
            assert!(share.form == "none" || !share.why.is_empty(), "{} is not explained", share.body);
            checked += 1;
        }
        assert!(checked >= 20, "{checked}");
        let shown = preview.anonymised.unwrap().to_string();
        assert_eq!(hub.reports(Some("gas-analyst")).await[0].report.get(), shown);
    }

    law_8_a_stricter_version_applies_to_the_older_ones_at_once => |hub| {
        let published = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        let mut stricter = sample("ICT-02");
        stricter["handling"]["level"] = json!("第4種");
        hub.advance(TimeDelta::seconds(1));
        let caller = hub.caller("ict-publisher").await;
        let submission = Submission { bytes: stricter.to_string().into_bytes(), replaces: Some(published.id.clone()), ..Submission::default() };
        let second = hub.exchange.publish(&caller, submission).await.unwrap();
        assert_eq!((second.id.as_str(), second.version), (published.id.as_str(), 2));
        assert!(hub.reports(Some("power-analyst")).await.is_empty());
        assert!(hub.objects(Some("power-analyst")).await.iter().all(|object| !object.id.starts_with("report--")));
        assert_eq!(hub.reports(Some("ict-publisher")).await.len(), 1);
    }

    law_8_what_a_newer_version_replaced_can_no_longer_be_agreed_to_nor_widened => |hub| {
        let caller = hub.caller("finance-publisher").await;
        let revise = |level: &'static str, id: String| {
            let mut report = sample("FIN-01");
            report["handling"]["level"] = json!(level);
            Submission { bytes: report.to_string().into_bytes(), replaces: Some(id), ..Submission::default() }
        };
        let first = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        let poc = hub.caller("finance-poc").await;
        let (waiting, _) = hub.exchange.approvals(&poc, None, 10).await.unwrap();
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.publish(&caller, revise("特定宛先限", first.id.clone())).await.unwrap();
        // The request for the first version is stale: saying yes to it releases nothing.
        let refused = hub.exchange.answer(&poc, &waiting[0].id, true, "").await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
        // A looser third version is released by itself, and the first stays narrowed by the second.
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.publish(&caller, revise("連携セプター可", first.id.clone())).await.unwrap();
        assert_eq!(hub.approve(&first.id).await, "released");
        let power = hub.caller("power-analyst").await;
        let view = hub.exchange.view(Some(&power), Channel::Taxii).await.unwrap();
        let query = sekisho::exchange::read::ObjectQuery {
            limit: 100, types: vec!["report".into()], versions: sekisho::exchange::read::Versions::All, ..Default::default()
        };
        let (all, _) = hub.exchange.objects(&view, &query).await.unwrap();
        assert_eq!(all.len(), 1, "only the third version, among all versions");
    }

    law_4_nobody_can_ask_whether_somebody_else_posted_an_id => |hub| {
        // Under S2's RED nobody gets a rendition, so the anonymity check has only what would stand in
        // for a clash to look at; and the name in it is one that only the check finds.
        let mut probe = observable("192.0.2.77");
        probe["object_marking_refs"] = json!([RED]);
        probe["x_note"] = json!("demo-ict%2Eexample");
        let free = post(&hub, "ict-taxii", std::slice::from_ref(&probe)).await;
        let other = hub.fresh().await;
        post(&other, "power-taxii", &[observable("192.0.2.77")]).await;
        let taken = post(&other, "ict-taxii", &[probe]).await;
        assert_eq!(free, [[""; 0]]);
        assert_eq!(free, taken);
    }

    law_8_a_looser_third_version_does_not_widen_the_first => |hub| {
        let first = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        assert_eq!(hub.reports(Some("nco-analyst")).await[0].form, "identified");
        let caller = hub.caller("ict-publisher").await;
        for level in ["第4種", "第3種"] {
            hub.advance(TimeDelta::seconds(1));
            let mut report = sample("ICT-02");
            report["handling"]["level"] = json!(level);
            let submission = Submission { bytes: report.to_string().into_bytes(), replaces: Some(first.id.clone()), ..Submission::default() };
            hub.exchange.publish(&caller, submission).await.unwrap();
        }
        assert_eq!(hub.approve(&first.id).await, "released");
        let nco = hub.caller("nco-analyst").await;
        let view = hub.exchange.view(Some(&nco), Channel::Taxii).await.unwrap();
        let query = sekisho::exchange::read::ObjectQuery {
            limit: 100, types: vec!["report".into()], versions: sekisho::exchange::read::Versions::All, ..Default::default()
        };
        let (all, _) = hub.exchange.objects(&view, &query).await.unwrap();
        assert_eq!(all.len(), 1, "the second was for its point of contact, and took the first along");
    }

    law_6_one_observable_from_two_sources_is_one_object_to_a_reader_of_both => |hub| {
        for who in ["ict-taxii", "logistics-taxii"] {
            assert_eq!(post(&hub, who, &[observable("192.0.2.5")]).await, [[""; 0]]);
        }
        for who in ["power-analyst", "nco-analyst", "ict-analyst"] {
            let seen = seen(&hub, who).await;
            assert_eq!(seen.len(), 1, "{who}: {seen:?}");
            assert_eq!(seen[0]["id"], observable("192.0.2.5")["id"], "unchanged content keeps its id");
        }
    }

    law_6_nobody_mutes_or_forges_what_others_or_the_hub_serve => |hub| {
        // The hub's own marking under the same id: refused where it is seen.
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let objects = hub.objects(Some("ict-taxii")).await;
        let marking = objects.iter().rev().find(|object| object.bytes.contains("Handling obligations")).unwrap();
        let mut forged: Value = serde_json::from_str(&marking.bytes).unwrap();
        forged["name"] = json!("FORGED");
        let refused = post(&hub, "ict-taxii", &[forged]).await;
        assert_eq!(refused, [["/objects/0/id STIX 3.5"]]);
        // Another content under an observable's id: a reader of both has both, under two ids.
        let (mut first, mut second) = (observable("192.0.2.6"), observable("192.0.2.6"));
        first["x_note"] = json!("pre-posted");
        second["x_note"] = json!("the real one");
        post(&hub, "ict-taxii", &[first]).await;
        post(&hub, "logistics-taxii", &[second]).await;
        for who in ["power-analyst", "nco-analyst"] {
            let mut seen = seen(&hub, who).await;
            seen.retain(|object| object["type"] == "ipv4-addr");
            let notes: Vec<&str> = seen.iter().map(|object| object["x_note"].as_str().unwrap()).collect();
            assert_eq!(notes, ["pre-posted", "the real one"], "{who}");
            assert_ne!(seen[0]["id"], seen[1]["id"], "{who}");
        }
    }

    law_6_no_id_of_the_source_is_left_in_a_rendition => |hub| {
        let name = "mail.tombo-ins.example";
        let mut domain = json!({"type": "domain-name", "spec_version": "2.1", "value": name});
        domain["id"] = json!(sekisho::stix::id::deterministic_id(&domain).unwrap().to_string());
        let mut note = json!({
            "type": "note", "spec_version": "2.1", "id": "note--00000000-0000-4000-8000-000000000001",
            "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
            "content": "see malware--ac47a4e2-0000-4000-8000-000000000001 and the rest", "object_refs": [domain["id"]],
            "external_references": [{"source_name": "cve", "external_id": "CVE-2026-0001", "url": "https://wiki.internal.example/x"}],
            "object_marking_refs": [GREEN],
        });
        post(&hub, "ict-taxii", std::slice::from_ref(&note)).await;
        // It is about something nobody rendered, whose id would be a guess confirmed: nothing is left of it.
        assert!(seen(&hub, "power-analyst").await.iter().all(|object| object["type"] != "note"));
        note["id"] = json!("note--00000000-0000-4000-8000-000000000002");
        domain["object_marking_refs"] = json!([GREEN]);
        post(&hub, "ict-taxii", &[note, domain.clone()]).await;
        let theirs = seen(&hub, "power-analyst").await;
        let domain_id = domain["id"].as_str().unwrap();
        let notes: Vec<&Value> = theirs.iter().filter(|object| object["type"] == "note").collect();
        // Now that this reader has what it is about, the first comes too.
        assert_eq!(notes.len(), 2);
        for note in notes {
            assert_eq!(note["object_refs"][0], domain_id, "served beside it, unchanged");
            let text = note.to_string();
            assert!(!text.contains("ac47a4e2") && !text.contains("wiki.internal") && text.contains("CVE-2026-0001"), "{text}");
        }
    }

    law_8_a_correction_takes_the_leaking_rendition_back => |hub| {
        let mut report = sample("ICT-02");
        report["summary"]["ja"] = json!("ゼブラ取引所で発生");
        let first = hub.publish("ict-publisher", &report).await.unwrap();
        assert!(hub.reports(Some("power-analyst")).await[0].report.get().contains("ゼブラ取引所"));
        let list = report["must_anonymise"].as_array_mut().unwrap();
        list.push(json!({"text": "ゼブラ取引所", "type": "org", "replace_ja": "取引所"}));
        hub.advance(TimeDelta::seconds(1));
        let caller = hub.caller("ict-publisher").await;
        let submission = Submission { bytes: report.to_string().into_bytes(), replaces: Some(first.id), ..Submission::default() };
        hub.exchange.publish(&caller, submission).await.unwrap();
        let power = hub.caller("power-analyst").await;
        let view = hub.exchange.view(Some(&power), Channel::Taxii).await.unwrap();
        let query = sekisho::exchange::read::ObjectQuery {
            limit: 1000, versions: sekisho::exchange::read::Versions::All, ..Default::default()
        };
        let (all, _) = hub.exchange.objects(&view, &query).await.unwrap();
        assert!(all.iter().any(|object| object.id.starts_with("report--")));
        assert!(all.iter().all(|object| !object.bytes.contains("ゼブラ取引所")));
    }

    law_6_an_object_whose_operator_is_not_said_is_searched_for_every_operator => |hub| {
        let mut naming = indicator(3, &[AMBER]);
        naming["description"] = json!("あかつき中央銀行で観測");
        post(&hub, "finance-taxii", &[naming]).await;
        hub.approve("indicator--00000000-0000-4000-8000-000000000003").await;
        for object in hub.objects(Some("power-analyst")).await {
            assert!(!object.bytes.contains("あかつき"), "{}", object.bytes);
        }
    }

    /// Law 9: each decision is in the ledger, and each record opens its leaf.
    law_9_every_decision_is_a_leaf_that_its_record_opens => |hub| {
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        hub.approve(&published.id).await;
        let db = Db::open(&hub.address).await.unwrap();
        let leaves = db.read().await.unwrap().ledger().await.unwrap();
        let decisions: Vec<String> = leaves.iter().map(|(leaf, salt, record)| {
            let salt: [u8; 32] = salt.as_slice().try_into().unwrap();
            let expected = sekisho::ledger::leaf_hash(&sekisho::ledger::commitment(&salt, record.as_bytes()));
            assert_eq!(leaf.as_slice(), expected);
            let record: Value = serde_json::from_str(record).unwrap();
            record["decision"].as_str().unwrap().to_owned()
        }).collect();
        assert_eq!(decisions, ["council.applied", "held", "vote", "released"]);
        // What was not taken leaves the rule it broke, and nothing of itself.
        let mut report = sample("FIN-02");
        report["handling"]["level"] = json!("全員");
        hub.publish("finance-publisher", &report).await.unwrap_err();
        let refused = crate::time::decisions(&hub).await.pop().unwrap();
        assert_eq!((&refused["decision"], &refused["rules"]), (&json!("refused.input"), &json!(["handling.level"])));
        assert!(!refused.to_string().contains("全員") && !refused.to_string().contains("FIN-02"));
    }

    /// Law 4, the beginning of the machine: two hubs that differ only in what is hidden from a
    /// reader answer that reader with the same bytes.
    law_4_what_is_hidden_changes_no_byte => |hub| {
        let secret = [7; 32];
        let mut answers = Vec::new();
        for hidden in [false, true] {
            let twin = hub.fresh_with_secret(&secret).await;
            let mut out = String::new();
            for step in 0..4 {
                if hidden {
                    twin.publish("finance-publisher", &sample("FIN-02")).await.unwrap();
                    post(&twin, "finance-taxii", &[indicator(step, &[RED]), observable(&format!("192.0.2.{step}"))]).await;
                } else {
                    twin.advance(TimeDelta::seconds(2));
                }
                twin.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
                let more = [indicator(step, &[GREEN]), indicator(step + 100, &[GREEN]), observable(&format!("192.0.2.{step}"))];
                let posted = post(&twin, "power-taxii", &more).await;
                out.push_str(&format!("{posted:?}"));
                for who in ["power-analyst", "power-taxii", "power-poc", "gas-op1-member"] {
                    for view in twin.reports(Some(who)).await {
                        out.push_str(&serde_json::to_string(&view).unwrap());
                    }
                    for object in twin.objects(Some(who)).await {
                        out.push_str(&format!("{} {} {}\n", object.added, object.version, object.bytes));
                    }
                    let caller = twin.caller(who).await;
                    out.push_str(&format!("{:?}", twin.exchange.approvals(&caller, None, 1).await.unwrap()));
                }
            }
            answers.push(out);
        }
        assert!(answers[0].len() > 10_000);
        assert!(answers[0] == answers[1], "{}", first_difference(&answers[0], &answers[1]));
    }

    /// Law 5: eight writers on two hubs, pollers on both, nobody misses or repeats anything.
    law_5_pollers_miss_nothing_while_eight_writers_write_on_two_hubs => |hub| {
        const EACH: u32 = 12;
        let db = || Db::open(&hub.address);
        let one = Exchange::open(db().await.unwrap(), Clock::System).await.unwrap();
        let two = Exchange::open(db().await.unwrap(), Clock::System).await.unwrap();
        let mut writers = Vec::new();
        for writer in 0..8u32 {
            let exchange = if writer % 2 == 0 { one.clone() } else { two.clone() };
            writers.push(tokio::spawn(async move {
                let caller = exchange.caller("ict-taxii").await.unwrap().unwrap();
                for n in 0..EACH {
                    let envelope = json!({"objects": [indicator(writer * 1000 + n, &[GREEN])]}).to_string();
                    let outcomes = exchange.publish_objects(&caller, envelope.as_bytes()).await.unwrap();
                    assert!(outcomes[0].faults.is_empty());
                }
            }));
        }
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let mut pollers = Vec::new();
        for exchange in [&one, &two, &one, &two] {
            let (exchange, done) = (exchange.clone(), std::sync::Arc::clone(&done));
            pollers.push(tokio::spawn(async move {
                let caller = exchange.caller("power-analyst").await.unwrap().unwrap();
                let (mut mark, mut ids) = (None, Vec::new());
                loop {
                    let last_round = done.load(std::sync::atomic::Ordering::SeqCst);
                    loop {
                        let view = exchange.view(Some(&caller), Channel::Taxii).await.unwrap();
                        let query = sekisho::exchange::read::ObjectQuery { added_after: mark, limit: 5, types: vec!["indicator".into()], ..Default::default() };
                        let (page, more) = exchange.objects(&view, &query).await.unwrap();
                        mark = page.last().map(|last| last.added).or(mark);
                        ids.extend(page.into_iter().map(|object| object.id));
                        if !more { break; }
                    }
                    if last_round { return ids; }
                    tokio::task::yield_now().await;
                }
            }));
        }
        for writer in writers { writer.await.unwrap(); }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        for poller in pollers {
            let mut ids = poller.await.unwrap();
            let all = ids.len();
            ids.sort();
            ids.dedup();
            assert_eq!((all, ids.len()), (8 * EACH as usize, 8 * EACH as usize), "seen, distinct");
        }
    }
}

fn first_difference(a: &str, b: &str) -> String {
    let at = a
        .bytes()
        .zip(b.bytes())
        .position(|(a, b)| a != b)
        .unwrap_or(a.len().min(b.len()));
    let around = |text: &str| {
        let from = (0..=at.saturating_sub(120))
            .rev()
            .find(|n| text.is_char_boundary(*n))
            .unwrap_or(0);
        text.chars()
            .skip(text[..from].chars().count())
            .take(240)
            .collect::<String>()
    };
    format!("…{}\n…{}", around(a), around(b))
}
