//! What a hostile reader tried against parts of items, advisories and the acts on them, and what the
//! hub did not withstand at first. Each of these failed before it was mended.

use std::fmt::Write as _;

use sekisho::exchange::Refusal;
use sekisho::exchange::narrow::Narrower;
use sekisho::exchange::withdraw::Withdrawal;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

/// An answer over a socket, as text, for whoever has this name.
async fn ask(hub: &TestHub, who: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let url = hub.serve().await;
    let client = reqwest::Client::new();
    let request = client.request(method.parse().unwrap(), format!("{url}{path}"));
    let request = request
        .basic_auth(who, Some(hub.key(who).await))
        .header("content-type", "application/json");
    let answer = request.body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Everything of a reader's, over REST and TAXII.
async fn all_of(hub: &TestHub, who: &str) -> String {
    let mut text = String::new();
    for report in hub.reports(Some(who)).await {
        text += &serde_json::to_string(&report).unwrap();
    }
    for object in hub.objects(Some(who)).await {
        text += &object.bytes;
    }
    text
}

/// A document of CSAF 2.0 that passes, by a publisher the directory knows under another name.
fn csaf(label: &str) -> Value {
    json!({
        "document": {
            "category": "csaf_security_advisory", "csaf_version": "2.0", "lang": "ja",
            "title": "やみよ技術局が伝える架空VPN装置の脆弱性",
            "publisher": {"category": "coordinator", "name": "やみよ技術局", "namespace": "https://yamiyo-bureau.example",
                "contact_details": "soudan@yamiyo-bureau.example"},
            "distribution": {"tlp": {"label": label}},
            "notes": [{"category": "summary", "text": "問い合わせはやみよ技術局(yamiyo-bureau.example)へ。"}],
            "references": [{"summary": "詳細", "url": "https://www.yamiyo-bureau.example/a", "category": "external"}],
            "tracking": {
                "id": "YMY-2026-1", "status": "final", "version": "1",
                "initial_release_date": "2026-11-20T00:00:00Z", "current_release_date": "2026-11-20T00:00:00Z",
                "revision_history": [{"date": "2026-11-20T00:00:00Z", "number": "1", "summary": "初版"}],
            },
        },
        "product_tree": {"branches": [{"category": "vendor", "name": "架空通信", "branches": [
            {"category": "product_name", "name": "架空VPN", "product": {"name": "架空VPN", "product_id": "P1"}}]}]},
        "vulnerabilities": [{
            "cve": "CVE-2026-10001", "notes": [{"category": "description", "text": "認証の欠落"}],
            "product_status": {"known_affected": ["P1"]},
            "remediations": [{"category": "vendor_fix", "details": "装置の合言葉を替える。", "product_ids": ["P1"]}],
        }],
    })
}

/// A report as the hub makes it of a document, sent by hand.
fn by_hand(document: &Value, tlp: &str) -> Value {
    json!({
        "kind": "advisory", "title": {"ja": "題"}, "summary": {"ja": "文"},
        "advisory": {"type": "alert", "measures": [{"ja": "装置の合言葉を替える。"}], "csaf": document.to_string()},
        "handling": {"scheme": "S2", "level": tlp},
    })
}

both! {
    /// The name of the source is a part by itself, stricter than the rest. It is stripped from the
    /// rest all the same, for those who do not see that part.
    a_part_that_names_the_source_is_stripped_from_the_rest => |hub| {
        let mut report = sample("FIN-01");
        report["organisation"] = json!({"ja": "かくれ里信用組合", "en": "Kakurezato Credit"});
        report["reference"] = json!("KKR-2026-0815");
        report["indicators"] = json!([{"type": "domain", "value": "kakurezato-vault.example"}]);
        report["narrative"] = json!({"ja": "かくれ里信用組合の整理番号KKR-2026-0815で受けた。"});
        report["summary"] = json!({"ja": "Kakurezato Creditの窓口が止まった。", "en": "Kakurezato Credit stopped."});
        report["must_anonymise"] = json!([]);
        report["handling"]["portions"] = json!([{"fields": ["/organisation", "/reference"], "level": "特定宛先限"}]);
        let preview = hub.dry_run("finance-publisher", &report).await;
        assert!(preview.findings.is_empty(), "{:?}", preview.findings);
        let published = hub.publish("finance-publisher", &report).await.unwrap();
        assert_eq!(hub.approve(&published.id).await, "released");
        let nameless = async |who: &str| {
            let text = all_of(&hub, who).await;
            assert!(text.contains("窓口が止まった"), "{who} reads the rest");
            for name in ["かくれ里", "Kakurezato Credit", "KKR-2026"] {
                assert!(!text.contains(name), "{who} reads {name}");
            }
        };
        for who in ["power-analyst", "nco-analyst", "credit-op1-member"] {
            nameless(who).await;
        }
        // Nor is it when the rest is made anew, because its source narrows it.
        let source = hub.caller("finance-publisher").await;
        let narrower = Narrower { level: Some("会員限".to_owned()), ..Narrower::default() };
        hub.exchange.narrow_item(&source, &published.id, narrower).await.unwrap();
        nameless("nco-poc").await;
    }

    /// Nor does the document that an advisory was issued as tell what its reader may not see of it.
    a_document_says_everything_so_it_does_not_go_with_a_part => |hub| {
        let mut report = by_hand(&csaf("WHITE"), "第1種");
        report["handling"]["portions"] = json!([{"fields": ["/advisory/measures"], "level": "第3種"}]);
        let published = hub.publish("nco-advisor", &report).await.unwrap();
        hub.approve(&published.id).await;
        let views = hub.reports(Some("power-op1-member")).await;
        assert_eq!((views.len(), views[0].form.as_str()), (1, "identified"));
        let text = all_of(&hub, "power-op1-member").await;
        assert!(!text.contains("合言葉"), "{text}");
        let (status, _) = ask(&hub, "power-op1-member", "GET", &format!("/v1/advisories/{}/csaf", views[0].id), "").await;
        assert_eq!(status, 404);
        let (status, _) = ask(&hub, "nco-advisor", "GET", &format!("/v1/advisories/{}/csaf", published.id), "").await;
        assert_eq!(status, 200, "its desk has it");
    }

    /// Law 1: what contradicts itself is refused, also where a document comes inside a report.
    a_document_inside_a_report_is_checked_and_bounds_it => |hub| {
        let refused = async |report: &Value| match hub.publish("nco-advisor", report).await {
            Err(Refusal::Invalid(faults)) => faults.into_iter().map(|f| format!("{} {}", f.pointer, f.rule)).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&by_hand(&csaf("RED"), "第1種")).await, ["/advisory/csaf handling.tlp"]);
        let mut broken = csaf("WHITE");
        broken["document"]["tracking"]["version"] = json!("2");
        assert_eq!(refused(&by_hand(&broken, "第1種")).await, ["/advisory/csaf csaf.6.1.16"]);
        let mut report = by_hand(&csaf("WHITE"), "第1種");
        report["advisory"]["csaf"] = json!("no document");
        assert_eq!(refused(&report).await, ["/advisory/csaf csaf.json"]);
        // The nearest that is allowed: stricter than its document.
        hub.publish("nco-advisor", &by_hand(&csaf("WHITE"), "第2種")).await.unwrap();
    }

    /// The publisher that a document names is stripped as an organisation is, with its domain, from
    /// the anonymised form, in every member.
    an_anonymised_advisory_does_not_name_the_publisher_of_its_document => |hub| {
        let (status, answer) = ask(&hub, "nco-advisor", "POST", "/v1/advisories", &csaf("GREEN").to_string()).await;
        assert_eq!(status, 201, "{answer}");
        let views = hub.reports(Some("power-analyst")).await;
        assert_eq!((views.len(), views[0].form.as_str()), (1, "anonymised"));
        let text = all_of(&hub, "power-analyst").await;
        assert!(text.contains("架空VPN"), "{text}");
        for name in ["やみよ", "yamiyo", "YMY-2026"] {
            assert!(!text.contains(name), "{name} in {text}");
        }
        assert!(all_of(&hub, "nco-advisor").await.contains("やみよ技術局"));
    }

    /// A chain of relationships, each built on the one before: whoever walks it step by step falls.
    a_document_made_to_be_deep_or_slow_is_refused_at_once => |hub| {
        let mut document = csaf("GREEN");
        let mut chain = String::from("[");
        for n in 0..6500 {
            let before = if n == 0 { "P1".to_owned() } else { format!("r{}", n - 1) };
            let comma = if n == 0 { "" } else { "," };
            write!(chain, r#"{comma}{{"category":"installed_on","full_product_name":{{"name":"n","product_id":"r{n}"}},"product_reference":"{before}","relates_to_product_reference":"P1"}}"#).unwrap();
        }
        chain.push(']');
        document["product_tree"]["relationships"] = json!("@");
        let text = document.to_string().replace("\"@\"", &chain);
        let begun = std::time::Instant::now();
        // Nobody needs a role to send one: what it says is looked at first.
        for who in ["finance-op1-member", "nco-advisor"] {
            let (status, answer) = ask(&hub, who, "POST", "/v1/advisories?dry_run=true", &text).await;
            assert!(status == 422 || status == 403, "{status} {answer}");
        }
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
        // And a round is still said to be one.
        document["product_tree"]["relationships"] = json!([
            {"category": "installed_on", "full_product_name": {"name": "n", "product_id": "a"}, "product_reference": "b", "relates_to_product_reference": "P1"},
            {"category": "installed_on", "full_product_name": {"name": "n", "product_id": "b"}, "product_reference": "a", "relates_to_product_reference": "P1"},
        ]);
        let (status, answer) = ask(&hub, "nco-advisor", "POST", "/v1/advisories?dry_run=true", &document.to_string()).await;
        assert!(status == 422 && answer.contains("csaf.6.1.3"), "{status} {answer}");
    }

    /// Law 4: a body's people are listed to its own CEPTOAR; naming a group tells nobody who they are.
    a_sharing_group_tells_its_user_of_no_person => |hub| {
        let group = "3f7a1c52-8d4b-4c56-9a0e-5b1f2d3c4e6a";
        let council = format!("{}\n[[sharing_groups]]\nid = \"{group}\"\nname = {{ en = \"Utilities\" }}\nbodies = [\"demo-power\", \"power-op1\"]\n", sekisho::demo::COUNCIL);
        hub.exchange.apply_council(&council).await.unwrap();
        let report = json!({
            "kind": "advisory", "title": {"ja": "題"}, "summary": {"ja": "文"}, "advisory": {"type": "alert"},
            "handling": {"tlp": "GREEN", "sharing_group": group},
        });
        let mut told = serde_json::to_string(&hub.dry_run("nco-advisor", &report).await).unwrap();
        let published = hub.publish("nco-advisor", &report).await.unwrap();
        for of in ["explain", "audience"] {
            told += &ask(&hub, "nco-advisor", "GET", &format!("/v1/reports/{}/{of}", published.id), "").await.1;
        }
        assert!(told.contains("\"named\""), "the clause is there");
        for person in ["power-analyst", "power-poc", "power-taxii", "power-op1-member"] {
            assert!(!told.contains(person), "{person} in {told}");
        }
    }

    /// A reason goes to everybody who had the item, so it tells no more than the item did.
    a_reason_for_taking_back_holds_nothing_that_was_to_be_stripped => |hub| {
        let mut report = sample("ICT-02");
        report["must_anonymise"].as_array_mut().unwrap().push(json!({"text": "くらげ計画", "type": "system_name"}));
        report["organisation"] = json!({"ja": "かくれ里通信"});
        let own = hub.publish("ict-publisher", &report).await.unwrap().id;
        hub.reports(Some("power-analyst")).await;
        let publisher = hub.caller("ict-publisher").await;
        let reference = report["reference"].as_str().unwrap().to_owned();
        for telling in ["くらげ計画の誤り", "ｸﾗｹﾞ計画の誤り", "かくれ里通信の依頼", &format!("{reference}を取り消す")] {
            let withdrawal = Withdrawal { reason: telling.to_owned(), ..Withdrawal::default() };
            let refused = hub.exchange.withdraw(&publisher, &own, withdrawal).await;
            assert!(matches!(refused, Err(Refusal::Invalid(_))), "{telling}: {refused:?}");
        }
        let withdrawal = Withdrawal { reason: "誤りがあった".to_owned(), ..Withdrawal::default() };
        hub.exchange.withdraw(&publisher, &own, withdrawal).await.unwrap();
    }

    /// What takes a part back is not kept from it by what its whole lists to be stripped.
    a_whole_cannot_keep_its_part_from_being_taken_back => |hub| {
        let own = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        let part = hub.reports(Some("port-taxii")).await.remove(0).id;
        let mut whole = json!({
            "kind": "best_practice", "title": {"ja": "題"}, "summary": {"ja": "文"}, "sector": "port",
            "practice": {"ja": "切替の手順を見直す。"}, "handling": {"scheme": "S2", "level": "第2種"},
        });
        whole["must_anonymise"] = json!([{"text": "source", "type": "other"}, {"text": "part", "type": "other"}]);
        let caller = hub.caller("port-taxii").await;
        let submission = sekisho::exchange::publish::Submission {
            bytes: whole.to_string().into_bytes(), derived_from: vec![part], ..Default::default()
        };
        hub.exchange.publish(&caller, submission).await.unwrap();
        assert!(all_of(&hub, "power-analyst").await.contains("切替の手順"));
        let publisher = hub.caller("ict-publisher").await;
        hub.exchange.withdraw(&publisher, &own, Withdrawal::default()).await.unwrap();
        assert!(!all_of(&hub, "power-analyst").await.contains("切替の手順"));
    }
}
