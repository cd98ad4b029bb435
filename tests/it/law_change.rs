//! Schemes change like law: what becomes stricter applies at once to what is out, what becomes
//! looser never by itself, and an item keeps the version under which it was released.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample, start, without_cases};
use crate::plan::with_version_2;
use crate::time::{Poller, decisions};

const OTHERS: &str = "audience.other_ceptoars = { depth = \"members_ntk\", form = \"anonymised\" }";
const NOBODY: &str = "audience.other_ceptoars = { depth = \"none\", form = \"none\" }";

async fn apply(hub: &TestHub, text: &str) {
    hub.advance(TimeDelta::seconds(1));
    hub.exchange
        .apply_council(&without_cases(text))
        .await
        .unwrap();
    hub.exchange.act_on_time().await.unwrap();
}

async fn finance(hub: &TestHub) -> String {
    let published = hub
        .publish("finance-publisher", &sample("FIN-01"))
        .await
        .unwrap();
    assert_eq!(hub.approve(&published.id).await, "released");
    published.id
}

async fn narrowed(hub: &TestHub) -> Vec<Value> {
    let mut all = decisions(hub).await;
    all.retain(|decision| decision["decision"] == "narrowed");
    all
}

/// The demo's file with a line more in its charter.
fn charter(line: &str) -> String {
    let text = sekisho::demo::COUNCIL;
    let at = text.find("[charter]\n").unwrap() + "[charter]\n".len();
    format!("{}{line}\n{}", &text[..at], &text[at..])
}

both! {
    a_stricter_version_takes_sight_at_once_and_a_looser_one_gives_none_back => |hub| {
        let own = finance(&hub).await;
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        assert_eq!((hub.reports(Some("power-analyst")).await.len(), hub.objects(Some("power-op1-feed")).await.is_empty()), (2, false));
        let stricter = with_version_2("S1", "2026-01-01", |text| text.replace(OTHERS, NOBODY));
        apply(&hub, &stricter).await;
        let left = hub.reports(Some("power-analyst")).await;
        assert_eq!((left.len(), left[0].tlp.as_str()), (1, "TLP:GREEN"), "ICT's stays as it was");
        assert_eq!(hub.reports(Some("finance-analyst")).await.len(), 2, "inside nothing changed");
        let records = narrowed(&hub).await;
        assert_eq!((records.len(), &records[0]["item"]), (1, &json!(own)));
        let desk = hub.reports(Some("finance-publisher")).await.into_iter().find(|r| r.id == own).unwrap();
        assert_eq!(desk.desk.unwrap().level, "S1 v1 連携セプター可", "the version it was released under");
        // What is published now is under the new one; and what was taken does not come back.
        let new = hub.publish("finance-publisher", &sample("CRD-01")).await;
        drop(new);
        let mut power = Poller::new("power-analyst");
        power.poll(&hub).await;
        apply(&hub, sekisho::demo::COUNCIL).await;
        assert_eq!(power.count(&hub).await, 0);
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        assert_eq!(narrowed(&hub).await.len(), 1, "a looser file narrows nothing");
    }

    a_version_to_come_applies_as_its_day_begins => |hub| {
        finance(&hub).await;
        let day = (start() + TimeDelta::days(3)).date_naive().to_string();
        apply(&hub, &with_version_2("S1", &day, |text| text.replace(OTHERS, NOBODY))).await;
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        let midnight = start() + TimeDelta::days(3);
        hub.advance(midnight - TimeDelta::seconds(1) - hub.clock.now());
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        hub.advance(TimeDelta::seconds(1));
        let other = hub.another().await;
        let (one, two) = tokio::join!(hub.exchange.act_on_time(), other.act_on_time());
        one.unwrap();
        two.unwrap();
        assert!(hub.reports(Some("power-analyst")).await.is_empty());
        assert_eq!(narrowed(&hub).await.len(), 1, "once");
    }

    a_stricter_charter_applies_at_once_in_every_dimension_and_policy => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        assert_eq!(hub.reports(Some("logistics-op5-member")).await.len(), 1);
        assert_eq!(hub.reports(Some("agency-poc")).await.len(), 1);
        apply(&hub, &charter("storage_jp_only = true")).await;
        assert!(hub.reports(Some("logistics-op5-member")).await.is_empty(), "stores abroad");
        assert_eq!(hub.reports(Some("logistics-op4-member")).await.len(), 1);
        let policy = "forbid (principal, action, resource) when { principal.kind == BodyKind::\"agency\" };";
        let at = sekisho::demo::COUNCIL.find("policies = '''").unwrap() + "policies = '''".len();
        let text = format!("{}\n@id(\"no-agency\")\n{policy}\n{}", &sekisho::demo::COUNCIL[..at], &sekisho::demo::COUNCIL[at..]);
        apply(&hub, &text).await;
        assert!(hub.reports(Some("agency-poc")).await.is_empty());
        assert_eq!(hub.reports(Some("broadcast-poc")).await.len(), 1, "the other observer reads on");
    }

    an_unrelated_change_leaves_what_age_made_looser => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        hub.advance(TimeDelta::days(365));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(hub.reports(None).await.len(), 1, "第1種 by now");
        let text = sekisho::demo::COUNCIL.replacen("tell_within_hours = 1", "tell_within_hours = 2", 1);
        apply(&hub, &text).await;
        assert_eq!(hub.reports(None).await.len(), 1);
        assert!(narrowed(&hub).await.is_empty());
    }

    a_rendition_that_names_what_it_must_not_any_more_is_made_anew => |hub| {
        finance(&hub).await;
        let text = with_version_2("S1", "2026-01-01", |text| text.replace("attribution = \"sector_only\"", "attribution = \"withheld\""));
        apply(&hub, &text).await;
        let left = hub.reports(Some("power-analyst")).await;
        assert_eq!((left.len(), left[0].form.as_str()), (1, "anonymised"));
        let objects = hub.objects(Some("power-analyst")).await;
        let report: Value = objects.iter().find(|o| o.id.starts_with("report--")).map(|o| serde_json::from_str(&o.bytes).unwrap()).unwrap();
        let creator = objects.iter().find(|o| Some(o.id.as_str()) == report["created_by_ref"].as_str()).unwrap();
        assert!(creator.bytes.contains("source withheld"), "it named the sector: {}", creator.bytes);
        assert_eq!(hub.reports(Some("finance-publisher")).await.len(), 1);
    }
}
