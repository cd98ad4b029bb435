//! Reminders: who is told, when, and that each is told once, whoever looks at the clock.

use chrono::{DateTime, TimeDelta, Utc};
use sekisho::exchange::narrow::Narrower;
use sekisho::exchange::publish::Submission;
use serde_json::json;

use crate::board::{advisory, board, had};
use crate::feedback::give;
use crate::harness::{TestHub, both, without_cases};
use crate::time::decisions;

async fn until(hub: &TestHub, at: &str) {
    let at: DateTime<Utc> = at.parse().unwrap();
    let by = at - hub.clock.now();
    assert!(by > TimeDelta::zero(), "{at} is over");
    hub.advance(by);
    hub.exchange.act_on_time().await.unwrap();
}

async fn told(hub: &TestHub, who: &str) -> Vec<String> {
    let notices = hub.exchange.notices(&hub.caller(who).await).await.unwrap();
    let of = notices
        .into_iter()
        .filter(|notice| notice.kind == "reminder");
    of.map(|notice| notice.reason).collect()
}

/// The demo's council with the contacts of one operator.
async fn with_contacts(hub: &TestHub) {
    let mut file: toml::Table = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
    for body in file["bodies"].as_array_mut().unwrap() {
        if body["id"].as_str() == Some("power-op1") {
            let more: toml::Table = toml::from_str(r#"
                contacts = [
                    { principal = "power-op1-member", when = "in_hours" },
                    { principal = "power-op1-reporter", when = "always", deputy = 1 },
                ]
                business_hours = { utc_offset_minutes = 540, weekdays = ["mon", "tue", "wed", "thu", "fri"], from = "09:00", until = "17:30", holidays = ["2026-11-23"] }
            "#).unwrap();
            body.as_table_mut().unwrap().extend(more);
        }
    }
    hub.exchange
        .apply_council(&toml::to_string(&file).unwrap())
        .await
        .unwrap();
}

/// An advisory for power alone, answers due on Wednesday noon in Japan.
async fn asked(hub: &TestHub) -> String {
    let mut report = advisory(&["power"]);
    report["advisory"]["due"] = json!("2026-11-25T03:00:00Z");
    hub.publish("nco-advisor", &report).await.unwrap().id
}

both! {
    who_has_not_answered_is_reminded_then_the_deputy_then_the_point_of_contact => |hub| {
        with_contacts(&hub).await;
        asked(&hub).await;
        let theirs = had(&hub, "power-op2-member").await;
        give(&hub, "power-op2-member", &theirs, json!({"type": "not_applicable"})).await.unwrap();
        // An acknowledgement is no answer to a request.
        give(&hub, "power-op3-member", &theirs, json!({"type": "ack"})).await.unwrap();
        until(&hub, "2026-11-24T02:59:59Z").await;
        assert!(told(&hub, "power-op1-member").await.is_empty(), "a day before, and not earlier");
        until(&hub, "2026-11-24T03:00:00Z").await;
        assert_eq!((told(&hub, "power-op1-member").await.len(), told(&hub, "power-op1-reporter").await.len()), (1, 0));
        assert_eq!((told(&hub, "power-op2-member").await.len(), told(&hub, "power-op3-member").await.len()), (0, 1));
        for who in ["gas-op1-member", "power-analyst", "nco-advisor"] { assert!(told(&hub, who).await.is_empty(), "{who}"); }
        until(&hub, "2026-11-25T03:00:00Z").await;
        assert_eq!(told(&hub, "power-op1-member").await.len(), 2);
        until(&hub, "2026-11-25T07:00:00Z").await;
        assert_eq!((told(&hub, "power-op1-member").await.len(), told(&hub, "power-op1-reporter").await.len()), (2, 1), "the deputy, in hours");
        // Operators without a deputy: their CEPTOAR's. It was told for itself already, twice.
        let poc = told(&hub, "power-poc").await;
        let of = |body: &str| poc.iter().filter(|reason| reason.contains(body)).count();
        assert_eq!((of("power-op1"), of("power-op2"), of("power-op4")), (0, 0, 0), "{poc:?}");
        until(&hub, "2026-11-25T11:00:00Z").await;
        let poc = told(&hub, "power-poc").await;
        let of = |body: &str| poc.iter().filter(|reason| reason.contains(body)).count();
        assert_eq!((of("power-op1"), of("power-op2"), of("power-op3")), (1, 0, 1), "{poc:?}");
        let notices = hub.exchange.notices(&hub.caller("power-op1-member").await).await.unwrap();
        assert_eq!(notices[0].objects, json!([format!("report--{theirs}")]));
        assert!(!notices[0].reason.contains("架空装置"), "no content: {}", notices[0].reason);
        let recorded = decisions(&hub).await.into_iter().filter(|one| one["decision"] == "reminder").count();
        let mut all = 0;
        for principal in hub.exchange.directory().principals() { all += told(&hub, principal.id.as_str()).await.len(); }
        assert_eq!(recorded, all, "each is a record");
    }

    /// A contact who may not read an advisory hears nothing of it; one of the body who may does.
    who_may_not_read_it_is_not_reminded_of_it => |hub| {
        with_contacts(&hub).await;
        let id = asked(&hub).await;
        let only = Narrower { named: Some(["power-op1-reporter".into()].into()), ..Narrower::default() };
        let advisor = hub.caller("nco-advisor").await;
        hub.exchange.narrow_item(&advisor, &id, only).await.unwrap();
        until(&hub, "2026-11-27T00:00:00Z").await;
        for who in ["power-op1-member", "power-op2-member", "power-poc"] {
            assert!(told(&hub, who).await.is_empty(), "{who}");
        }
        assert!(!told(&hub, "power-op1-reporter").await.is_empty());
    }

    /// What ended an advisory for others has not ended it for whoever does not have that.
    an_end_that_one_may_not_read_ends_nothing_for_one => |hub| {
        let id = asked(&hub).await;
        let mut over = advisory(&["power"]);
        over["advisory"] = json!({"type": "stand_down", "route": "direct", "replaces": id});
        over["handling"]["named"] = json!(["power-op2-member"]);
        hub.publish("nco-advisor", &over).await.unwrap();
        let theirs = had(&hub, "power-poc").await;
        let seen = board(&hub, "power-poc", &theirs).await.unwrap();
        assert!(seen.closed_at.is_none() && seen.outstanding != Some(0) && seen.version.is_none());
        assert!(board(&hub, "nco-advisor", &id).await.unwrap().closed_at.is_some());
        until(&hub, "2026-11-24T03:00:00Z").await;
        let both = (told(&hub, "power-op1-member").await.len(), told(&hub, "power-op2-member").await.len());
        assert_eq!(both, (1, 0));
    }

    out_of_hours_the_one_who_answers_then_is_reminded => |hub| {
        with_contacts(&hub).await;
        let mut report = advisory(&["power"]);
        report["advisory"]["due"] = json!("2026-11-24T15:00:00Z"); // midnight in Japan
        hub.publish("nco-advisor", &report).await.unwrap();
        until(&hub, "2026-11-24T15:00:00Z").await;
        let both = (told(&hub, "power-op1-member").await.len(), told(&hub, "power-op1-reporter").await.len());
        assert_eq!(both, (0, 2), "the first came at midnight too, on a holiday");
    }

    two_hubs_and_a_restart_remind_once_and_nobody_is_reminded_of_what_is_over => |hub| {
        let id = asked(&hub).await;
        let other = hub.another().await;
        hub.advance(TimeDelta::days(2) + TimeDelta::hours(4));
        let (one, two) = tokio::join!(hub.exchange.act_on_time(), other.act_on_time());
        one.unwrap();
        two.unwrap();
        hub.another().await.act_on_time().await.unwrap();
        let first = told(&hub, "power-op1-member").await.len();
        assert_eq!(first, 1, "before the date: once");
        // Ended by another one: the rest does not come.
        let mut over = advisory(&["power"]);
        over["advisory"] = json!({"type": "stand_down", "route": "direct", "replaces": id});
        hub.publish("nco-advisor", &over).await.unwrap();
        until(&hub, "2026-11-27T00:00:00Z").await;
        assert_eq!(told(&hub, "power-op1-member").await.len(), first);
        // Nor of a version that a newer one took the place of.
        let mut report = advisory(&["gas"]);
        report["advisory"]["due"] = json!("2026-11-29T00:00:00Z");
        let id = hub.publish("nco-advisor", &report).await.unwrap().id;
        report["advisory"]["due"] = json!("2026-12-20T00:00:00Z");
        hub.advance(TimeDelta::seconds(1));
        let submission = Submission { bytes: report.to_string().into_bytes(), replaces: Some(id), ..Submission::default() };
        hub.exchange.publish(&hub.caller("nco-advisor").await, submission).await.unwrap();
        until(&hub, "2026-12-10T00:00:00Z").await;
        assert!(told(&hub, "gas-op1-member").await.is_empty());
    }

    a_council_file_with_a_contact_of_another_body_is_refused => |hub| {
        let file = |principal: &str, from: &str| {
            let mut file: toml::Table = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
            for body in file["bodies"].as_array_mut().unwrap() {
                if body["id"].as_str() == Some("power-op1") {
                    let more: toml::Table = toml::from_str(&format!(r#"
                        contacts = [{{ principal = "{principal}", when = "always" }}]
                        business_hours = {{ utc_offset_minutes = 540, weekdays = ["mon"], from = "{from}", until = "17:30" }}
                    "#)).unwrap();
                    body.as_table_mut().unwrap().extend(more);
                }
            }
            toml::to_string(&file).unwrap()
        };
        for (principal, from) in [("power-op2-member", "09:00"), ("power-op1-feed", "09:00"), ("power-op1-member", "18:00")] {
            assert!(hub.exchange.apply_council(&file(principal, from)).await.is_err(), "{principal} {from}");
        }
        hub.exchange.apply_council(&file("power-op1-member", "09:00")).await.unwrap();
    }
}
