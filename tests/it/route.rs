//! The way of an advisory: through the CEPTOARs or direct, drills apart from what is real, and what
//! goes on with or ends another.

use chrono::TimeDelta;
use sekisho::exchange::Refusal;
use sekisho::exchange::once::Said;
use sekisho::exchange::publish::Submission;
use sekisho::exchange::read::Listing;
use sekisho::exchange::route::PassedOn;
use sekisho::handling::Channel;
use serde_json::{Value, json};

use crate::board::{advisory, board, had};
use crate::feedback::give;
use crate::harness::{TestHub, both, without_cases};
use crate::plan::with_version_2;

fn through(sectors: &[&str]) -> Value {
    let mut report = advisory(sectors);
    report["advisory"].as_object_mut().unwrap().remove("route");
    report
}

async fn pass_on(hub: &TestHub, who: &str, id: &str) -> Result<PassedOn, Refusal> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    hub.exchange.pass_on(&caller, id, Said::default()).await
}

async fn reads(hub: &TestHub, who: &str) -> bool {
    let objects = hub.objects(Some(who)).await;
    let report = objects
        .iter()
        .any(|object| object.id.starts_with("report--"));
    assert_eq!(report, !hub.reports(Some(who)).await.is_empty(), "{who}");
    report
}

async fn listed(hub: &TestHub, who: &str, kind: &str) -> usize {
    let caller = hub.caller(who).await;
    let view = hub
        .exchange
        .view(Some(&caller), Channel::Rest)
        .await
        .unwrap();
    let listing = Listing {
        limit: 100,
        kinds: vec![kind.to_owned()],
    };
    hub.exchange
        .reports(&view, None, &listing)
        .await
        .unwrap()
        .0
        .len()
}

both! {
    operators_get_an_advisory_when_their_own_ceptoar_passes_it_on_and_not_before => |hub| {
        let id = hub.publish("nco-advisor", &through(&["power", "gas"])).await.unwrap().id;
        for who in ["power-poc", "power-analyst", "gas-analyst"] { assert!(reads(&hub, who).await, "{who}"); }
        for who in ["power-op1-member", "power-op1-feed", "gas-op1-member"] { assert!(!reads(&hub, who).await, "{who}"); }
        let theirs = had(&hub, "power-poc").await;
        // Its readers who are no point of contact, and those who do not read it.
        assert!(matches!(pass_on(&hub, "power-analyst", &theirs).await, Err(Refusal::Forbidden(_))));
        for who in ["power-op1-member", "secretariat"] {
            assert!(matches!(pass_on(&hub, who, &theirs).await, Err(Refusal::NotFound)), "{who}");
        }
        pass_on(&hub, "power-poc", &theirs).await.unwrap();
        assert!(reads(&hub, "power-op1-member").await && reads(&hub, "power-op1-feed").await);
        assert!(!reads(&hub, "gas-op1-member").await, "gas has not passed it on");
        assert!(!reads(&hub, "finance-op1-member").await);
        assert!(matches!(pass_on(&hub, "power-poc", &theirs).await, Err(Refusal::Conflict(_))));
        let seen = board(&hub, "nco-advisor", &id).await.unwrap();
        let hop = |name: &str| seen.ceptoars.iter().find(|hop| hop.ceptoar.body.as_str() == name).unwrap();
        assert!(hop("demo-power").passed_on_at.is_some() && hop("demo-gas").passed_on_at.is_none());
        assert_eq!((hop("demo-power").operators.concerned, hop("demo-gas").operators.concerned), (Some(5), Some(0)));
        pass_on(&hub, "gas-poc", &had(&hub, "gas-poc").await).await.unwrap();
        assert!(reads(&hub, "gas-op1-member").await && reads(&hub, "power-op1-member").await);
    }

    passing_on_gives_no_more_than_the_rule_did_and_nothing_once_it_is_narrowed => |hub| {
        // 第3種 stops at other CEPTOARs' analysts: there is nothing to pass on.
        let mut strict = through(&["power"]);
        strict["handling"]["level"] = json!("第3種");
        let id = hub.publish("nco-advisor", &strict).await.unwrap().id;
        hub.approve(&id).await;
        assert!(matches!(pass_on(&hub, "power-poc", &had(&hub, "power-poc").await).await, Err(Refusal::Conflict(_))));
        // Direct: it is there already.
        hub.publish("nco-advisor", &advisory(&["power"])).await.unwrap();
        assert!(reads(&hub, "power-op1-member").await);
        assert!(matches!(pass_on(&hub, "power-poc", &had(&hub, "power-poc").await).await, Err(Refusal::Conflict(_))));
        // Narrowed by its source after it was issued.
        let id = hub.publish("nco-advisor", &through(&["gas"])).await.unwrap().id;
        hub.advance(TimeDelta::seconds(1));
        let advisor = hub.caller("nco-advisor").await;
        let narrower = sekisho::exchange::narrow::Narrower {
            level: None, named: None, not_after: Some("2026-12-24T00:00:00Z".parse().unwrap()),
        };
        hub.exchange.narrow_once(&advisor, &id, narrower, Said::default()).await.unwrap();
        assert!(matches!(pass_on(&hub, "gas-poc", &had(&hub, "gas-poc").await).await, Err(Refusal::Conflict(_))));
        assert_eq!(listed(&hub, "gas-op1-member", "advisory").await, 1, "the direct one alone");
    }

    what_became_stricter_since_it_was_issued_is_not_passed_on => |hub| {
        hub.publish("nco-advisor", &through(&["power"])).await.unwrap();
        let theirs = had(&hub, "power-poc").await;
        let other = |depth: &str| format!("audience.other_ceptoars = {{ depth = \"{depth}\", form = \"anonymised\" }}");
        let stricter = with_version_2("S2", "2026-01-01", |text| text.replace(&other("members_all"), &other("analyst")));
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&without_cases(&stricter)).await.unwrap();
        hub.exchange.act_on_time().await.unwrap();
        assert!(reads(&hub, "power-poc").await);
        assert!(matches!(pass_on(&hub, "power-poc", &theirs).await, Err(Refusal::Conflict(_))));
        assert!(!reads(&hub, "power-op1-member").await);
    }

    a_policy_about_one_ceptoar_stops_no_other_from_passing_on => |hub| {
        let mut file: toml::Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
        let charter = file["charter"].as_table_mut().unwrap();
        let more = "@id(\"gas\") forbid (principal == Body::\"demo-gas\", action == Action::\"receive\", resource);";
        charter.insert("policies".to_owned(), more.into());
        charter.remove("invariants");
        charter.insert("version".to_owned(), 2.into());
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&toml::to_string(&file).unwrap()).await.unwrap();
        hub.publish("nco-advisor", &through(&["power", "gas"])).await.unwrap();
        assert!(!reads(&hub, "gas-poc").await);
        pass_on(&hub, "power-poc", &had(&hub, "power-poc").await).await.unwrap();
        assert!(reads(&hub, "power-op1-member").await && !reads(&hub, "gas-op1-member").await);
    }

    a_drill_says_so_everywhere_and_never_mixes_with_what_is_real => |hub| {
        let mut drill = advisory(&["power"]);
        drill["advisory"]["drill"] = json!(true);
        assert!(matches!(hub.publish("nco-advisor", &drill).await, Err(Refusal::Invalid(_))), "its title does not say so");
        drill["title"] = json!({"ja": "【訓練】架空装置の注意喚起"});
        let id = hub.publish("nco-advisor", &drill).await.unwrap().id;
        let mut real = advisory(&["power"]);
        real["title"] = drill["title"].clone();
        assert!(matches!(hub.publish("nco-advisor", &real).await, Err(Refusal::Invalid(_))), "a real one does not say so");
        let other = hub.publish("nco-advisor", &advisory(&["power"])).await.unwrap().id;
        for who in ["nco-advisor", "power-op1-member"] {
            assert_eq!((listed(&hub, who, "advisory").await, listed(&hub, who, "drill").await), (1, 1), "{who}");
        }
        // In every rendition, and over TAXII on each of its objects.
        for object in hub.objects(Some("power-op1-member")).await {
            let value: Value = serde_json::from_str(&object.bytes).unwrap();
            let name = value["name"].as_str().unwrap_or_default();
            if ["report", "course-of-action"].contains(&value["type"].as_str().unwrap()) {
                assert_eq!(value["labels"] == json!(["drill"]), name.starts_with("【訓練】"), "{value}");
                sekisho::stix::validate(&value).unwrap();
            }
        }
        let poc = hub.caller("power-poc").await;
        let view = hub.exchange.view(Some(&poc), Channel::Rest).await.unwrap();
        for drills in [false, true] {
            let (boards, _) = hub.exchange.boards(&poc, &view, None, (10, drills)).await.unwrap();
            assert_eq!(boards.iter().map(|board| board.drill).collect::<Vec<_>>(), [drills]);
        }
        // What goes on with one is as real as the one it goes on with.
        for (replaced, title, drill, good) in [(&id, "続報", false, false), (&id, "【訓練】続報", true, true), (&other, "続報", false, true), (&other, "【訓練】続報", true, false)] {
            let mut update = advisory(&["power"]);
            update["title"] = json!({"ja": title});
            update["advisory"]["type"] = json!("update");
            update["advisory"]["drill"] = json!(drill);
            update["advisory"]["replaces"] = json!(replaced);
            assert_eq!(hub.publish("nco-advisor", &update).await.is_ok(), good, "{title} {good}");
        }
    }

    an_update_or_stand_down_closes_the_board_of_the_one_it_names => |hub| {
        let id = hub.publish("nco-advisor", &advisory(&["power"])).await.unwrap().id;
        let theirs = had(&hub, "power-poc").await;
        give(&hub, "power-op1-member", &theirs, json!({"type": "ack"})).await.unwrap();
        let open = board(&hub, "power-poc", &theirs).await.unwrap();
        assert_eq!((open.closed_at.is_some(), open.outstanding), (false, Some(4)));
        let mut over = advisory(&["power"]);
        over["advisory"]["type"] = json!("stand_down");
        assert!(matches!(hub.publish("nco-advisor", &over).await, Err(Refusal::Invalid(_))), "it names none");
        over["advisory"]["replaces"] = json!("00000000-0000-4000-8000-000000000000");
        assert!(matches!(hub.publish("nco-advisor", &over).await, Err(Refusal::Invalid(_))), "it names nothing");
        over["advisory"]["replaces"] = json!(id);
        assert!(matches!(hub.dry_run_of("power-publisher", &over).await, Err(Refusal::Forbidden(_))));
        let ending = hub.publish("nco-advisor", &over).await.unwrap().id;
        let closed = board(&hub, "power-poc", &theirs).await.unwrap();
        assert_eq!((closed.closed_at.is_some(), closed.outstanding), (true, Some(0)));
        // Taken back, it ends nothing.
        hub.advance(TimeDelta::seconds(1));
        let advisor = hub.caller("nco-advisor").await;
        hub.exchange.withdraw(&advisor, &ending, sekisho::exchange::withdraw::Withdrawal::default()).await.unwrap();
        assert!(board(&hub, "power-poc", &theirs).await.unwrap().closed_at.is_none());
    }
}

impl TestHub {
    async fn dry_run_of(&self, who: &str, report: &Value) -> Result<(), Refusal> {
        let caller = self.caller(who).await;
        let submission = Submission {
            bytes: report.to_string().into_bytes(),
            ..Submission::default()
        };
        self.exchange
            .dry_run(&caller, &submission)
            .await
            .map(|_| ())
    }
}
