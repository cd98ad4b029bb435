//! Derived work inherits (law 7); a conflict holds, and each of its four ways out is the recorded
//! consent of those concerned; the safety override lets the mitigation out and nothing else.

use chrono::TimeDelta;
use sekisho::exchange::Refusal;
use sekisho::exchange::publish::{Published, Submission};
use sekisho::exchange::ways_out::{WayOut, WayTaken};
use sekisho::handling::Channel;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};
use crate::time::decisions;

/// A digest of ICT's, made of what it reads.
fn digest() -> Value {
    json!({
        "kind": "best_practice", "handling": {"scheme": "S2", "level": "第2種"}, "sector": "ict",
        "useful_for_sectors": ["power", "finance"],
        "title": {"ja": "今週のまとめ"}, "summary": {"ja": "二つの事例に共通する点。"},
        "practice": {"ja": "委託先の切替手順を確かめる。"},
    })
}

async fn submit(hub: &TestHub, who: &str, submission: Submission) -> Result<Published, Refusal> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    hub.exchange.publish(&caller, submission).await
}

fn made_of(report: &Value, parts: &[String]) -> Submission {
    Submission {
        bytes: report.to_string().into_bytes(),
        derived_from: parts.to_vec(),
        ..Submission::default()
    }
}

/// FIN-01, released, as ICT's TAXII service reads it.
async fn finance_part(hub: &TestHub) -> (String, String) {
    let own = hub
        .publish("finance-publisher", &sample("FIN-01"))
        .await
        .unwrap()
        .id;
    assert_eq!(hub.approve(&own).await, "released");
    let read = hub.reports(Some("ict-taxii")).await;
    (own, read[0].id.clone())
}

async fn way(hub: &TestHub, who: &str, id: &str, way: WayOut) -> Result<WayTaken, Refusal> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    hub.exchange.take_way_out(&caller, id, way).await
}

fn codes(published: &Published) -> Vec<&str> {
    published
        .holds
        .iter()
        .map(|hold| hold.code.as_str())
        .collect()
}

both! {
    what_is_made_of_parts_carries_their_rules_and_needs_their_consent => |hub| {
        let (original, part) = finance_part(&hub).await;
        let published = submit(&hub, "ict-taxii", made_of(&digest(), std::slice::from_ref(&part))).await.unwrap();
        assert_eq!(codes(&published), ["APPROVAL"], "finance's point of contact");
        assert!(!serde_json::to_string(&published.holds).unwrap().contains(&original));
        assert!(hub.reports(Some("mic-analyst")).await.is_empty());
        assert_eq!(hub.approve(&published.id).await, "released");
        let reads = |who: &'static str| { let hub = &hub; let id = published.id.clone(); async move {
            hub.reports(Some(who)).await.iter().any(|r| serde_json::from_str::<Value>(r.report.get()).unwrap()["title"]["ja"] == "今週のまとめ" && r.id != id)
        }};
        assert!(reads("power-analyst").await);
        assert!(!reads("mic-analyst").await, "第2種 would give MIC the original; finance's part gives ministries nothing");
        assert!(!reads("agency-poc").await);
        // The part is taken back: so is what was made of it.
        let publisher = hub.caller("finance-publisher").await;
        hub.exchange.withdraw(&publisher, &original, Default::default()).await.unwrap();
        assert!(!reads("power-analyst").await);
        // Nobody makes anything of what they do not read.
        let refused = submit(&hub, "gas-publisher", made_of(&digest(), std::slice::from_ref(&part))).await;
        let absent = submit(&hub, "gas-publisher", made_of(&digest(), &["00000000-0000-4000-8000-000000000000".to_owned()])).await;
        let text = |outcome: Result<Published, Refusal>, id: &str| format!("{outcome:?}").replace(id, "ID");
        assert_eq!(text(refused, &part), text(absent, "00000000-0000-4000-8000-000000000000"));
    }

    a_new_version_stays_made_of_its_parts => |hub| {
        let (_, part) = finance_part(&hub).await;
        let first = submit(&hub, "ict-taxii", made_of(&digest(), &[part])).await.unwrap();
        let again = Submission { bytes: digest().to_string().into_bytes(), replaces: Some(first.id.clone()), ..Submission::default() };
        let second = submit(&hub, "ict-taxii", again).await.unwrap();
        assert_eq!(codes(&second), ["APPROVAL"], "the parts' rules cannot be shed");
    }

    a_combination_that_a_source_cannot_read_is_held_until_those_who_exclude_it_agree => |hub| {
        // S1 会員限 gives other CEPTOARs nothing: a finance digest of an ICT item excludes ICT.
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let read = hub.reports(Some("finance-taxii")).await[0].id.clone();
        let mut digest = digest();
        digest["handling"] = json!({"scheme": "S1", "level": "会員限"});
        digest["sector"] = json!("finance");
        let held = submit(&hub, "finance-taxii", made_of(&digest, &[read])).await.unwrap();
        assert!(codes(&held).contains(&"ORIGIN_EXCLUDED:part 1"), "its attribution is a pseudonym: {:?}", held.holds);
        assert!(hub.reports(Some("finance-analyst")).await.iter().all(|r| r.id != held.id), "a conflict holds inside too");

        let widen = WayOut::Widen { body: "part 1".into() };
        for who in ["power-poc", "finance-analyst", "nco-poc", "admin"] {
            assert!(matches!(way(&hub, who, &held.id, widen.clone()).await, Err(Refusal::NotFound)), "{who}");
        }
        let hold = held.holds.iter().find(|hold| hold.code.starts_with("ORIGIN")).unwrap();
        assert_eq!((hold.dimension.as_str(), hold.inside_too), ("audience", true));
        let taken = way(&hub, "finance-poc", &held.id, widen).await.unwrap();
        assert_eq!(taken.waiting, 0, "finance alone excludes ICT");
        assert!(!taken.holds.iter().any(|hold| hold.code.starts_with("ORIGIN")), "{taken:?}");
        assert_eq!(hub.approve(&held.id).await, "released");
        let title = |r: &sekisho::exchange::read::ReportView| r.report.get().contains("今週のまとめ");
        assert!(hub.reports(Some("ict-analyst")).await.iter().any(title));
        assert!(!hub.reports(Some("power-analyst")).await.iter().any(title), "one item, one body");
        assert!(decisions(&hub).await.iter().any(|d| d["decision"] == "way_out.agreed"));
    }

    looking_only_needs_every_source_and_hands_nothing_over => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let read = hub.reports(Some("finance-taxii")).await[0].id.clone();
        let mut report = digest();
        report["handling"] = json!({"scheme": "S1", "level": "会員限"});
        report["sector"] = json!("finance");
        let held = submit(&hub, "finance-taxii", made_of(&report, &[read])).await.unwrap();
        let first = way(&hub, "finance-poc", &held.id, WayOut::ViewOnly).await.unwrap();
        assert_eq!((first.waiting, first.state.as_str()), (1, "held"));
        let second = way(&hub, "ict-poc", &held.id, WayOut::ViewOnly).await.unwrap();
        assert_eq!(second.waiting, 0);
        hub.approve(&held.id).await;
        assert!(hub.reports(Some("finance-analyst")).await.iter().all(|r| !r.report.get().contains("今週")));
        let analyst = hub.caller("finance-analyst").await;
        let view = hub.exchange.view(Some(&analyst), Channel::Console).await.unwrap();
        let (looked, _) = hub.exchange.reports(&view, None, &Default::default()).await.unwrap();
        assert!(looked.iter().any(|r| r.report.get().contains("今週")));
        let (list, _) = hub.exchange.view_only(&analyst, None, 10).await.unwrap();
        assert!(list.iter().any(|one| one.because.starts_with("view_only")));
    }

    splitting_gives_the_whole_up_and_leaves_the_parts => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let read = hub.reports(Some("finance-taxii")).await[0].id.clone();
        let mut report = digest();
        report["handling"] = json!({"scheme": "S1", "level": "会員限"});
        report["sector"] = json!("finance");
        let held = submit(&hub, "finance-taxii", made_of(&report, &[read])).await.unwrap();
        let taken = way(&hub, "finance-poc", &held.id, WayOut::Split).await.unwrap();
        assert_eq!(taken.state, "split");
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1, "ICT's own goes on as it was");
        assert!(matches!(way(&hub, "finance-poc", &held.id, WayOut::Split).await, Err(Refusal::Conflict(_))));
    }

    a_re_telling_of_what_several_hold_waits_for_each_of_them_inside_too => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let read = hub.reports(Some("finance-taxii")).await[0].id.clone();
        let mut report = digest();
        report["handling"] = json!({"scheme": "S1", "level": "会員限"});
        report["sector"] = json!("finance");
        let held = submit(&hub, "finance-taxii", made_of(&report, &[read])).await.unwrap();
        let mut lesson = digest();
        lesson["title"]["ja"] = json!("教訓");
        lesson["handling"] = json!({"scheme": "S1", "level": "公開可"});
        lesson["sector"] = json!("finance");
        let submission = Submission { bytes: lesson.to_string().into_bytes(), generalises: Some(held.id.clone()), ..Submission::default() };
        let told = submit(&hub, "finance-taxii", submission).await.unwrap();
        assert!(codes(&told).contains(&"GENERALISATION"));
        let sees = |reports: Vec<sekisho::exchange::read::ReportView>| reports.iter().any(|r| r.report.get().contains("教訓"));
        assert!(!sees(hub.reports(Some("finance-analyst")).await));
        assert_eq!(hub.approve(&told.id).await, "released");
        assert!(sees(hub.reports(Some("finance-analyst")).await) && sees(hub.reports(None).await));
    }

    the_safety_override_lets_the_mitigation_out_and_nothing_else => |hub| {
        let held = hub.publish("medical-publisher", &sample("MED-01")).await.unwrap();
        assert_eq!(held.state, "held");
        let text = |reports: Vec<sekisho::exchange::read::ReportView>| reports.iter().map(|r| r.report.get().to_owned()).collect::<String>();
        let reason = "infusion pumps stop";
        for who in ["medical-poc", "medical-publisher", "power-poc", "nco-poc"] {
            let caller = hub.caller(who).await;
            let refused = hub.exchange.override_for_safety(&caller, &held.id, reason).await;
            assert!(matches!(refused, Err(Refusal::NotFound)), "{who}");
        }
        let officer = hub.caller("medical-safety").await;
        assert!(matches!(hub.exchange.override_for_safety(&officer, &held.id, " ").await, Err(Refusal::Invalid(_))));
        hub.advance(TimeDelta::seconds(1));
        let released = hub.exchange.override_for_safety(&officer, &held.id, reason).await.unwrap();
        assert_eq!(released.state, "released");
        let seen = text(hub.reports(Some("power-analyst")).await);
        assert!(seen.contains("紙運用") && !seen.contains("ランサムウェア被害") && !seen.contains("すずかぜ"), "{seen}");
        for (who, objects) in [("medical-publisher", 1), ("medical-op1-reporter", 1), ("secretariat", 0)] {
            let notices = hub.exchange.notices(&hub.caller(who).await).await.unwrap();
            assert_eq!((notices.len(), notices[0].kind.as_str()), (1, "override"), "{who}");
            assert!(notices[0].reason.contains("medical-safety") && notices[0].reason.contains(reason));
            assert_eq!(notices[0].objects.as_array().unwrap().len(), objects);
        }
        assert!(hub.exchange.notices(&hub.caller("power-analyst").await).await.unwrap().is_empty());
        assert!(decisions(&hub).await.iter().any(|d| d["decision"] == "safety.override"));
        // The name is sealed in the record; an auditor opens it.
        let auditor = hub.caller("auditor").await;
        let (entries, _) = hub.exchange.ledger_entries(&auditor, None, 1).await.unwrap();
        assert!(entries[0].record.contains("safety.override"));
        assert!(entries[0].members.iter().any(|m| m.at == "/by" && m.text == "\"medical-safety\""));
        // A scheme without one has none.
        let other = hub.publish("gas-publisher", &sample("GAS-01")).await.unwrap();
        let gas = hub.caller("gas-poc").await;
        assert!(matches!(hub.exchange.override_for_safety(&gas, &other.id, reason).await, Err(Refusal::NotFound)));
    }
}
