//! What a finding of the anonymity check does, on both databases: it holds, shows where, and waits for
//! the source's point of contact. What is found is in `identity_variants`.

use chrono::TimeDelta;
use sekisho::council::{Directory, Origin};
use sekisho::exchange::Refusal;
use sekisho::exchange::anonymity::small_group;
use sekisho::exchange::hold::Hold;
use sekisho::exchange::publish::Submission;
use sekisho::handling::{Attribution, Rule};
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";

/// A report that names its source so that only the check sees it.
fn telling(reference: &str, text: &str) -> Value {
    let mut report = sample(reference);
    report["summary"]["ja"] = json!(text);
    report
}

fn anonymity(holds: &[Hold]) -> Option<&Hold> {
    holds.iter().find(|hold| hold.code == "ANONYMITY")
}

/// Answers the one request that waits for `who`.
async fn answer(hub: &TestHub, who: &str, yes: bool) -> Result<String, Refusal> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let (requests, _) = hub.exchange.approvals(&caller, None, 10).await?;
    let request = requests.first().ok_or(Refusal::NotFound)?;
    let answered = hub.exchange.answer(&caller, &request.id, yes, "").await?;
    Ok(answered.state)
}

async fn post(hub: &TestHub, who: &str, objects: Value) -> usize {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let envelope = json!({ "objects": objects }).to_string();
    let outcomes = hub
        .exchange
        .publish_objects(&caller, envelope.as_bytes())
        .await
        .unwrap();
    outcomes.iter().map(|outcome| outcome.faults.len()).sum()
}

fn tool(uuid: u32, content: &str) -> Value {
    json!({
        "type": "tool", "spec_version": "2.1", "id": format!("tool--00000000-0000-4000-8000-{uuid:012}"),
        "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
        "name": "a tool", "description": content,
        "object_marking_refs": [GREEN],
    })
}

/// The tools a principal reads.
async fn tools(hub: &TestHub, who: &str) -> Vec<String> {
    let objects = hub.objects(Some(who)).await;
    objects
        .into_iter()
        .filter(|object| object.id.starts_with("tool--"))
        .map(|object| object.bytes)
        .collect()
}

both! {
    a_finding_holds_the_report_until_its_point_of_contact_confirms => |hub| {
        // S2 asks nobody's consent; the finding asks the point of contact, and nobody else.
        let text = "濃霧のため鈴代さんが対応";
        let held = hub.publish("ict-publisher", &telling("ICT-02", text)).await.unwrap();
        let hold = anonymity(&held.holds).unwrap();
        assert!(hold.message.contains("/summary/ja person `鈴代 ひなた`"), "{hold:?}");
        assert!(hold.confirmable);
        for who in ["power-analyst", "nco-analyst", "gov-taxii"] {
            assert!(hub.reports(Some(who)).await.is_empty(), "{who}");
            assert!(hub.objects(Some(who)).await.is_empty(), "{who}");
        }
        for who in ["ict-publisher", "ict-poc", "ict-op2-member"] {
            assert_eq!(hub.reports(Some(who)).await[0].form, "identified", "{who}");
        }
        for who in ["ict-publisher", "ict-op2-member", "ict-analyst", "power-poc"] {
            assert!(matches!(answer(&hub, who, true).await, Err(Refusal::NotFound)), "{who}");
        }
        assert_eq!(answer(&hub, "ict-poc", true).await.unwrap(), "released");
        let theirs = hub.reports(Some("power-analyst")).await;
        assert_eq!(theirs[0].form, "anonymised");
        assert!(theirs[0].report.get().contains(text), "the bytes that were confirmed");
    }

    /// Under S5 AMBER the operator must agree too, which confirms no finding; and the silence of the point of
    /// contact, enough for the item, is not enough for one.
    only_the_point_of_contact_confirms_a_finding => |hub| {
        let plain = hub.publish("medical-publisher", &sample("MED-01")).await.unwrap();
        let held = hub.publish("medical-publisher", &telling("MED-01", "demo-medical%2Eexample で障害")).await.unwrap();
        assert!(anonymity(&plain.holds).is_none() && anonymity(&held.holds).is_some(), "{held:?}");
        let poc = hub.caller("medical-poc").await;
        let (requests, _) = hub.exchange.approvals(&poc, None, 10).await.unwrap();
        let mode = |id: &str| requests.iter().find(|r| r.report.as_deref() == Some(id)).unwrap().mode.as_str();
        assert_eq!((mode(&plain.id), mode(&held.id)), ("silent", "explicit"));
        // Newest first: the operator's people are asked about the finding's item.
        assert_eq!(answer(&hub, "medical-op1-member", true).await.unwrap(), "held");
        assert!(hub.reports(Some("gov-analyst")).await.is_empty());
        // Where nobody else is asked, the point of contact still is.
        let ict = hub.publish("ict-publisher", &telling("ICT-02", "demo-ict%2Eexample で障害")).await.unwrap();
        let caller = hub.caller("ict-poc").await;
        let (requests, _) = hub.exchange.approvals(&caller, None, 10).await.unwrap();
        assert_eq!((ict.state.as_str(), requests[0].mode.as_str()), ("held", "explicit"));
    }

    /// Under S2's RED NCO's point of contact reads identified, and nobody a rendition but what stands in.
    a_stand_in_that_would_name_its_source_is_not_made => |hub| {
        let red = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";
        for (content, seen) in [("demo-logistics%2Eexample から", 1), ("demo-logistix%2Eexample から", 2)] {
            let hub = hub.fresh().await;
            let (mut first, mut second) = (tool(1, "別の観測"), tool(1, content));
            for tool in [&mut first, &mut second] {
                tool["object_marking_refs"] = json!([red]);
            }
            assert_eq!(post(&hub, "ict-taxii", json!([first])).await, 0);
            assert_eq!(post(&hub, "logistics-taxii", json!([second])).await, 0);
            assert_eq!(hub.approve("tool--00000000-0000-4000-8000-000000000001").await, "released");
            let theirs = tools(&hub, "nco-poc").await;
            assert_eq!(theirs.len(), seen, "{theirs:?}");
        }
    }

    /// The nearest case that is not held: the same text without the person in it.
    what_names_nobody_of_the_source_passes => |hub| {
        for text in ["濃霧のため担当者が対応", "他社の森山さんが対応", "小鈴代町で停電"] {
            let published = hub.publish("ict-publisher", &telling("ICT-02", text)).await.unwrap();
            assert_eq!((published.state.as_str(), published.holds.len()), ("released", 0), "{text}: {:?}", published.holds);
        }
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 3);
    }

    a_no_of_the_point_of_contact_refuses_and_a_new_version_mends => |hub| {
        let first = hub.publish("ict-publisher", &telling("ICT-02", "ICT_DESKが対応")).await.unwrap();
        assert!(anonymity(&first.holds).unwrap().message.contains("id `ict-desk`"), "{:?}", first.holds);
        assert_eq!(answer(&hub, "ict-poc", false).await.unwrap(), "refused");
        assert!(hub.reports(Some("power-analyst")).await.is_empty());
        let second = hub.publish("ict-publisher", &telling("ICT-02", "なみはや　総合・通信で障害")).await.unwrap();
        assert!(anonymity(&second.holds).is_some(), "{second:?}");
        hub.advance(TimeDelta::seconds(1));
        let caller = hub.caller("ict-publisher").await;
        let submission = Submission {
            bytes: telling("ICT-02", "通信会社で障害").to_string().into_bytes(),
            replaces: Some(second.id),
            ..Submission::default()
        };
        let mended = hub.exchange.publish(&caller, submission).await.unwrap();
        assert_eq!((mended.state.as_str(), mended.version), ("released", 2));
        let theirs = hub.reports(Some("power-analyst")).await;
        assert_eq!(theirs.len(), 1);
        assert!(!theirs[0].report.get().contains("なみはや"));
        assert!(matches!(answer(&hub, "ict-poc", true).await, Err(Refusal::NotFound)), "nobody is asked any more");
    }

    /// Under S1 finance's own members get the anonymised form, so the finding holds inside too; NCO's
    /// consent or anybody else's changes nothing.
    a_finding_holds_inside_too_where_the_inside_gets_the_anonymised_form => |hub| {
        let held = hub.publish("finance-publisher", &telling("FIN-01", "ｱｶﾂｷ・中央銀行で障害")).await.unwrap();
        assert!(anonymity(&held.holds).unwrap().inside_too);
        assert!(hub.reports(Some("finance-op3-member")).await.is_empty());
        assert_eq!(hub.approve(&held.id).await, "released");
        assert_eq!(hub.reports(Some("finance-op3-member")).await[0].form, "anonymised");
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        // Without the finding the inside has it at once.
        let passes = hub.publish("finance-publisher", &telling("FIN-01", "銀行で障害")).await.unwrap();
        assert!(anonymity(&passes.holds).is_none(), "{passes:?}");
        assert_eq!(hub.reports(Some("finance-op3-member")).await.len(), 2);
    }

    the_dry_run_shows_each_finding_where_it_is => |hub| {
        let mut report = telling("FIN-01", "霧野部長、kirino@x.example、192.0.2.9");
        report["best_practices"] = json!([{"ja": "次を参照"}, {"ja": "2001[:]db8[:]1[:][:]9 と FIN-77"}]);
        report["narrative"]["en"] = json!("see https://jira.x.example/browse/SEC-12");
        let caller = hub.caller("finance-publisher").await;
        let preview = hub.dry_run(caller.principal.id.as_str(), &report).await;
        let found: Vec<String> = preview.findings.iter().map(|f| format!("{} {:?}", f.pointer, f.kind)).collect();
        assert_eq!(found, [
            "/summary/ja Person", "/summary/ja Person", "/narrative/en Ticket", "/best_practices/1/ja Ticket",
        ], "{:?}", preview.findings);
        assert_eq!(preview.state, "held");
        assert!(anonymity(&preview.holds).unwrap().message.contains("/narrative/en address of a ticket at `jira.x.example`"));
        let held = hub.publish("finance-publisher", &report).await.unwrap();
        assert_eq!(anonymity(&held.holds), anonymity(&preview.holds), "publishing says the same");
    }

    an_id_of_the_sources_own_report_is_found_and_anothers_is_not => |hub| {
        let own = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let other = hub.publish("logistics-publisher", &sample("LOG-02")).await.unwrap();
        let held = hub.publish("ict-publisher", &telling("ICT-02", &format!("関連:{}", own.id))).await.unwrap();
        assert!(anonymity(&held.holds).unwrap().message.contains("of another report of the source"), "{held:?}");
        let passes = hub.publish("ict-publisher", &telling("ICT-02", &format!("関連:{}", other.id))).await.unwrap();
        assert_eq!(passes.state, "released", "{:?}", passes.holds);
    }

    a_posted_object_that_would_tell_is_held_and_no_fault => |hub| {
        let telling = tool(1, "霞んでいるが demo-ict%2Eexample から");
        assert_eq!(post(&hub, "ict-taxii", json!([telling, tool(2, "demo-ist%2Eexample から")])).await, 0);
        assert_eq!(tools(&hub, "ict-taxii").await.len(), 2, "both are at the desk");
        let theirs = tools(&hub, "power-analyst").await;
        assert_eq!(theirs.len(), 1);
        assert!(theirs[0].contains("demo-ist"));
        assert_eq!(answer(&hub, "ict-poc", true).await.unwrap(), "released");
        let theirs = tools(&hub, "power-analyst").await;
        assert!(theirs.iter().any(|tool| tool.contains("demo-ict%2Eexample")), "what was confirmed is released");
        assert!(!theirs.iter().any(|tool| tool.contains("00000000-0000-4000-8000-00000000000")), "as a rendition");
    }

    an_id_that_anybody_can_compute_is_found_in_a_text => |hub| {
        let mut domain = json!({"type": "domain-name", "spec_version": "2.1", "value": "mail.demo-ict.example"});
        let id = sekisho::stix::id::deterministic_id(&domain).unwrap();
        domain["id"] = json!(id.to_string());
        domain["object_marking_refs"] = json!([GREEN]);
        let unchanged = sekisho::stix::id::deterministic_id(&json!({"type": "domain-name", "value": "evil.example"})).unwrap();
        let guess = format!("see {}", id.uuid().simple());
        assert_eq!(post(&hub, "ict-taxii", json!([tool(1, &guess), tool(2, &format!("see {}", unchanged.uuid())), domain])).await, 0);
        let theirs = tools(&hub, "power-analyst").await;
        assert_eq!(theirs.len(), 1, "{theirs:?}");
        assert!(theirs[0].contains(&unchanged.uuid().to_string()));
        let caller = hub.caller("ict-poc").await;
        let (requests, _) = hub.exchange.approvals(&caller, None, 10).await.unwrap();
        let hold = anonymity(&requests[0].holds).unwrap();
        assert!(hold.message.contains("/description id") && hold.message.contains("anybody can compute"), "{hold:?}");
    }

    a_sector_with_too_few_bodies_holds => |hub| {
        // Five operators and k = 5: enough. One of them leaves the sector: four.
        let enough = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        assert!(anonymity(&enough.holds).is_none(), "{enough:?}");
        let mut council: toml::Value = toml::from_str(sekisho::demo::COUNCIL).unwrap();
        let bodies = council["bodies"].as_array_mut().unwrap();
        let leaves = bodies.iter_mut().find(|body| body["id"].as_str() == Some("finance-op5")).unwrap();
        leaves["ceptoars"] = toml::Value::Array(vec!["demo-credit".into()]);
        leaves["sectors"] = toml::Value::Array(vec!["credit".into()]);
        hub.exchange.apply_council(&toml::to_string(&council).unwrap()).await.unwrap();
        let held = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        let hold = anonymity(&held.holds).unwrap();
        assert!(hold.message.contains("/sector SMALL_GROUP: 4 of the source's bodies fit sector `finance`"), "{hold:?}");
    }
}

#[test]
fn a_small_group_is_counted_by_the_rules_k() {
    let file = sekisho::council::CouncilFile::parse(sekisho::demo::COUNCIL).unwrap();
    let directory = Directory::new(1, file);
    let day = "2026-11-22".parse().unwrap();
    let origin = |ceptoar: &str| Origin {
        ceptoar: ceptoar.into(),
        submitter: ceptoar.into(),
        operator: None,
        sectors: Default::default(),
    };
    let rule = |k, attribution| Rule {
        k,
        attribution,
        ..Rule::unrestricted()
    };
    let report = json!({"kind": "incident_cause", "sector": "finance"});
    let object = json!({"type": "indicator", "created_by_ref": "identity--x"});
    let observable = json!({"type": "ipv4-addr"});
    let count = |ceptoar, k, attribution, value: &Value| -> Vec<String> {
        let found = small_group(
            &directory,
            &origin(ceptoar),
            &rule(k, attribution),
            value,
            day,
        );
        found.into_iter().map(|finding| finding.pointer).collect()
    };
    let sector_only = Attribution::SectorOnly;
    for (k, held) in [(0, false), (5, false), (6, true)] {
        assert_eq!(
            count("demo-finance", k, sector_only, &report) == ["/sector"],
            held,
            "{k}"
        );
        assert_eq!(
            count("demo-finance", k, sector_only, &object) == ["/created_by_ref"],
            held,
            "{k}"
        );
        // The report names its sector itself, whatever the attribution; a posted object does not.
        assert_eq!(
            count("demo-finance", k, Attribution::Withheld, &report) == ["/sector"],
            held,
            "{k}"
        );
        assert!(count("demo-finance", k, Attribution::Withheld, &object).is_empty());
        assert!(
            count("demo-finance", k, sector_only, &observable).is_empty(),
            "it names no creator"
        );
    }
    // One operator; and a source that does not serve the sector it writes about.
    assert_eq!(
        count(
            "demo-broadcast",
            2,
            sector_only,
            &json!({"sector": "broadcast"})
        ),
        ["/sector"]
    );
    assert!(
        count(
            "demo-broadcast",
            1,
            sector_only,
            &json!({"sector": "broadcast"})
        )
        .is_empty()
    );
    assert!(count("NCO", 5, sector_only, &report).is_empty());
}
