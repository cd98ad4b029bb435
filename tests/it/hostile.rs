//! What a hostile reader of another sector tried, each once found open and closed since.

use chrono::TimeDelta;
use sekisho::exchange::Refusal;
use sekisho::exchange::narrow::Narrower;
use sekisho::exchange::publish::{Published, Submission};
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::handling::Channel;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};
use crate::time::decisions;

fn practice(scheme: &str, level: &str, sector: &str, text: &str) -> Value {
    json!({
        "kind": "best_practice", "handling": {"scheme": scheme, "level": level}, "sector": sector,
        "useful_for_sectors": ["power", "finance", "port", "logistics", "ict", "gas"],
        "title": {"ja": "まとめ"}, "summary": {"ja": "共通する点。"}, "practice": {"ja": text},
    })
}

async fn derive(
    hub: &TestHub,
    who: &str,
    report: &Value,
    part: &str,
) -> Result<Published, Refusal> {
    hub.advance(TimeDelta::seconds(1));
    let submission = Submission {
        bytes: report.to_string().into_bytes(),
        derived_from: vec![part.to_owned()],
        ..Submission::default()
    };
    hub.exchange
        .publish(&hub.caller(who).await, submission)
        .await
}

async fn preview(hub: &TestHub, who: &str, report: &Value, part: &str) -> Value {
    let submission = Submission {
        bytes: report.to_string().into_bytes(),
        derived_from: vec![part.to_owned()],
        ..Submission::default()
    };
    let preview = hub
        .exchange
        .dry_run(&hub.caller(who).await, &submission)
        .await
        .unwrap();
    serde_json::to_value(preview).unwrap()
}

async fn read(hub: &TestHub, who: &str) -> String {
    hub.reports(Some(who)).await[0].id.clone()
}

async fn sees(hub: &TestHub, who: &str, text: &str) -> bool {
    hub.reports(Some(who))
        .await
        .iter()
        .any(|report| report.report.get().contains(text))
}

async fn narrow(hub: &TestHub, who: &str, id: &str, level: &str) {
    hub.advance(TimeDelta::seconds(1));
    let narrower = Narrower {
        level: Some(level.to_owned()),
        ..Narrower::default()
    };
    hub.exchange
        .narrow_item(&hub.caller(who).await, id, narrower)
        .await
        .unwrap();
}

both! {
    what_is_made_of_a_part_names_none_of_its_people => |hub| {
        let own = hub.publish("medical-publisher", &sample("MED-01")).await.unwrap().id;
        hub.approve(&own).await;
        let part = read(&hub, "port-taxii").await;
        let report = practice("S2", "第1種", "port", "点検する。");
        for text in [
            preview(&hub, "port-taxii", &report, &part).await.to_string(),
            {
                let whole = derive(&hub, "port-taxii", &report, &part).await.unwrap();
                let caller = hub.caller("port-taxii").await;
                let view = hub.exchange.view(Some(&caller), Channel::Rest).await.unwrap();
                let explained = hub.exchange.explain(&view, &whole.id).await.unwrap().unwrap();
                format!("{}{}", serde_json::to_string(&explained).unwrap(), serde_json::to_string(&whole).unwrap())
            },
        ] {
            assert!(!text.contains("medical-op1") && !text.contains("demo-medical.poc"), "{text}");
        }
        let last = decisions(&hub).await.pop().unwrap().to_string();
        assert!(!last.contains("medical-op1"), "{last}");
    }

    a_page_that_a_recall_overtakes_is_not_handed_over => |hub| {
        let own = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        let reader = hub.caller("power-analyst").await;
        // The reader was looked up, and would read, before the recall.
        let view = hub.exchange.view(Some(&reader), Channel::Rest).await.unwrap();
        let publisher = hub.caller("ict-publisher").await;
        let recall = Withdrawal { recall: true, ..Withdrawal::default() };
        let listing = Default::default();
        let (read, taken) = tokio::join!(
            hub.exchange.reports(&view, None, &listing),
            hub.exchange.withdraw(&publisher, &own, recall),
        );
        let got = !read.unwrap().0.is_empty();
        let told = taken.unwrap().told.contains("demo-power");
        assert_eq!(got, told, "whoever got it is told");
        assert_eq!(hub.exchange.notices(&reader).await.unwrap().len(), usize::from(got));
    }

    narrowing_a_part_narrows_what_was_made_of_it => |hub| {
        let own = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        let part = read(&hub, "port-taxii").await;
        let report = practice("S2", "第2種", "port", "切替の手順を見直す。");
        derive(&hub, "port-taxii", &report, &part).await.unwrap();
        assert!(sees(&hub, "power-analyst", "切替の手順").await);
        narrow(&hub, "ict-publisher", &own, "第4種").await;
        assert!(!sees(&hub, "power-analyst", "切替の手順").await);
        assert!(sees(&hub, "port-publisher", "切替の手順").await, "its own desk");
    }

    a_part_of_a_part_is_looked_for_and_asked_too => |hub| {
        hub.publish("ict-publisher", &sample("ICT-01")).await.unwrap();
        hub.advance(TimeDelta::hours(24));
        hub.exchange.act_on_time().await.unwrap();
        let first = read(&hub, "port-taxii").await;
        derive(&hub, "port-taxii", &practice("S2", "第2種", "port", "一次のまとめ。"), &first).await.unwrap();
        hub.advance(TimeDelta::hours(24));
        hub.exchange.act_on_time().await.unwrap();
        let second = read(&hub, "logistics-taxii").await;
        let name = hub.exchange.directory().bodies().find(|body| body.id.as_str() == "ict-op1").unwrap().name.ja_or_en().to_owned();
        let report = practice("S2", "第2種", "logistics", &format!("{name}の回線を止める。"));
        let seen = preview(&hub, "logistics-taxii", &report, &second).await;
        let rendition = seen["anonymised"].to_string();
        assert!(!rendition.contains(&name), "{rendition}");
    }

    a_held_item_that_is_narrowed_asks_for_the_stricter_consent => |hub| {
        let own = hub.publish("ict-publisher", &sample("ICT-01")).await.unwrap().id;
        narrow(&hub, "ict-publisher", &own, "第4種").await;
        let poc = hub.caller("ict-poc").await;
        let (requests, _) = hub.exchange.approvals(&poc, None, 10).await.unwrap();
        assert_eq!(requests[0].mode, "explicit");
        hub.advance(TimeDelta::hours(24));
        hub.exchange.act_on_time().await.unwrap();
        assert!(hub.reports(Some("nco-poc")).await.iter().all(|r| r.desk.is_some()), "silence no longer counts");
    }

    an_override_goes_with_its_original_and_happens_once => |hub| {
        let own = hub.publish("medical-publisher", &sample("MED-01")).await.unwrap().id;
        let officer = hub.caller("medical-safety").await;
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.override_for_safety(&officer, &own, "pumps stop").await.unwrap();
        hub.advance(TimeDelta::seconds(1));
        let again = hub.exchange.override_for_safety(&officer, &own, "pumps stop").await;
        assert!(matches!(again, Err(Refusal::Conflict(_))));
        assert!(sees(&hub, "power-analyst", "紙運用").await);
        hub.exchange.withdraw(&hub.caller("medical-publisher").await, &own, Withdrawal::default()).await.unwrap();
        assert!(!sees(&hub, "power-analyst", "紙運用").await);
    }

    a_withdrawal_can_become_a_recall_and_its_reason_names_nobody => |hub| {
        let own = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        hub.reports(Some("power-analyst")).await;
        let publisher = hub.caller("ict-publisher").await;
        let name = hub.exchange.directory().bodies().find(|body| body.id.as_str() == "ict-op2").unwrap().name.ja_or_en().to_owned();
        let telling = Withdrawal { reason: format!("{name} asks"), ..Withdrawal::default() };
        assert!(matches!(hub.exchange.withdraw(&publisher, &own, telling).await, Err(Refusal::Invalid(_))));
        assert!(sees(&hub, "power-analyst", "").await, "nothing was half done");
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.withdraw(&publisher, &own, Withdrawal::default()).await.unwrap();
        hub.advance(TimeDelta::seconds(1));
        let recall = Withdrawal { recall: true, ..Withdrawal::default() };
        let recalled = hub.exchange.withdraw(&publisher, &own, recall).await.unwrap();
        assert_eq!((recalled.state.as_str(), recalled.told.contains("demo-power")), ("recalled", true));
        let kinds: Vec<String> = hub.exchange.notices(&hub.caller("power-analyst").await).await.unwrap().into_iter().map(|n| n.kind).collect();
        assert_eq!(kinds, ["recalled", "withdrawn"]);
    }
}
