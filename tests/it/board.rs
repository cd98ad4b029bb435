//! Boards: who sees how far an advisory arrived, by name or in counts, and what is left out of those.

use chrono::TimeDelta;
use sekisho::exchange::board::Board;
use sekisho::handling::Channel;
use serde_json::{Value, json};

use crate::feedback::give;
use crate::harness::{TestHub, both};

pub fn advisory(sectors: &[&str]) -> Value {
    json!({
        "kind": "advisory", "title": {"ja": "架空装置の注意喚起"}, "summary": {"ja": "更新を求める。"},
        "advisory": {"type": "action_request", "urgency": "urgent", "route": "direct", "due": "2026-12-01T00:00:00Z", "targets": {"sectors": sectors}},
        "handling": {"scheme": "S2", "level": "第2種"},
    })
}

pub async fn board(hub: &TestHub, who: &str, id: &str) -> Option<Board> {
    let caller = hub.caller(who).await;
    hub.exchange.board(&caller, id).await.unwrap()
}

/// The id under which somebody has the newest advisory.
pub async fn had(hub: &TestHub, who: &str) -> String {
    hub.reports(Some(who)).await[0].id.clone()
}

async fn open(hub: &TestHub, who: &str, id: &str) {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let view = hub
        .exchange
        .view(Some(&caller), Channel::Rest)
        .await
        .unwrap();
    assert!(
        hub.exchange.report(&view, id).await.unwrap().is_some(),
        "{who}"
    );
    hub.exchange.note_opened(&caller, &view, id).await.unwrap();
}

both! {
    a_point_of_contact_sees_its_operators_by_name_and_nobody_elses => |hub| {
        let id = hub.publish("nco-advisor", &advisory(&["power", "gas"])).await.unwrap().id;
        let theirs = had(&hub, "power-op1-feed").await; // handed over to a service
        open(&hub, "power-op2-member", &theirs).await;
        give(&hub, "power-op3-member", &theirs, json!({"type": "ack"})).await.unwrap();
        give(&hub, "power-op4-member", &theirs, json!({"type": "under_study", "due": "2026-11-30T00:00:00Z"})).await.unwrap();
        give(&hub, "gas-op1-member", &had(&hub, "gas-op1-member").await, json!({"type": "ack"})).await.unwrap();
        let board_of_power = board(&hub, "power-poc", &had(&hub, "power-poc").await).await.unwrap();
        let row = |name: &str| board_of_power.operators.iter().find(|one| one.body.as_str() == name).unwrap();
        assert_eq!(board_of_power.operators.iter().map(|one| one.body.as_str()).collect::<Vec<_>>(),
            ["demo-power", "power-op1", "power-op2", "power-op3", "power-op4", "power-op5"]);
        let state = |name: &str| { let row = row(name); (row.delivered_at.is_some(), row.opened_at.is_some(), row.acknowledged_at.is_some(), row.answer.clone()) };
        assert_eq!(state("power-op1"), (true, false, false, None), "a service has it, and has not opened it");
        assert_eq!(state("power-op2"), (true, true, false, None));
        assert_eq!(state("power-op3"), (true, true, true, None));
        assert_eq!(state("power-op4"), (true, true, true, Some("under_study".to_owned())));
        assert_eq!(row("power-op4").due.unwrap().to_rfc3339(), "2026-11-30T00:00:00+00:00");
        assert_eq!(state("power-op5"), (false, false, false, None));
        assert_eq!((board_of_power.total.concerned, board_of_power.total.acknowledged, board_of_power.outstanding), (Some(5), Some(2), Some(3)));
        assert!(board_of_power.ceptoars.is_empty());
        // Nobody else has a board, nor learns that there is one.
        for who in ["power-analyst", "power-op3-member", "ict-analyst", "nco-analyst", "fsa-poc"] {
            for id in [id.as_str(), theirs.as_str()] {
                assert!(board(&hub, who, id).await.is_none(), "{who}");
            }
        }
        let gas = board(&hub, "gas-poc", &had(&hub, "gas-poc").await).await.unwrap();
        assert_eq!((gas.total.acknowledged, gas.operators.len()), (Some(1), 6));
        // Not concerned: no operator of finance is on its board.
        let finance = board(&hub, "finance-poc", &had(&hub, "finance-poc").await).await.unwrap();
        assert!(finance.operators.is_empty());
    }

    the_issuer_sees_counts_that_give_no_small_one_away_and_names_where_the_rule_names => |hub| {
        let id = hub.publish("nco-advisor", &advisory(&["power", "ict"])).await.unwrap().id;
        let ack = |who: &'static str| { let hub = &hub; async move {
            let id = had(hub, who).await;
            give(hub, who, &id, json!({"type": "ack"})).await.unwrap();
        }};
        ack("power-op1-member").await;
        ack("power-op2-member").await;
        ack("ict-op1-member").await;
        let seen = board(&hub, "nco-advisor", &id).await.unwrap();
        assert!(seen.operators.is_empty());
        let power = seen.ceptoars.iter().find(|hop| hop.ceptoar.body.as_str() == "demo-power").unwrap();
        // S3's default names nobody to the centre and counts from three on: two of five are few.
        assert_eq!((power.operators.concerned, power.operators.acknowledged, power.named.len()), (Some(5), None, 0));
        // S2's default gives the centre its operators' names.
        let ict = seen.ceptoars.iter().find(|hop| hop.ceptoar.body.as_str() == "demo-ict").unwrap();
        assert_eq!(ict.named.iter().filter(|one| one.acknowledged_at.is_some()).map(|one| one.body.as_str()).collect::<Vec<_>>(), ["ict-op1"]);
        // With the total, the two would follow from the names.
        assert_eq!((seen.total.acknowledged, seen.outstanding, seen.time_to.percent_50), (None, None, None));
        let text = serde_json::to_string(&seen).unwrap();
        assert!(!text.contains("power-op"), "{text}");
        // Three, four (one is left: few), five.
        let mut shown = Vec::new();
        for who in ["power-op3-member", "power-op4-member", "power-op5-member"] {
            ack(who).await;
            let seen = board(&hub, "nco-advisor", &id).await.unwrap();
            let power = seen.ceptoars.into_iter().find(|hop| hop.ceptoar.body.as_str() == "demo-power").unwrap();
            shown.push(power.operators.acknowledged);
        }
        assert_eq!(shown, [None, None, Some(5)], "two of five are left, then one, then nobody");
        for who in ["ict-op2-member", "ict-op3-member", "ict-op4-member"] { ack(who).await; }
        let seen = board(&hub, "nco-advisor", &id).await.unwrap();
        assert_eq!((seen.total.concerned, seen.total.acknowledged, seen.outstanding), (Some(10), Some(9), Some(1)));
        assert!(seen.time_to.percent_90 > seen.time_to.percent_50 && seen.time_to.percent_100.is_none(), "{:?}", seen.time_to);
        ack("ict-op5-member").await;
        let seen = board(&hub, "nco-advisor", &id).await.unwrap();
        assert_eq!(seen.outstanding, Some(0));
        assert!(seen.time_to.percent_100 > seen.time_to.percent_90);
    }

    whom_the_gate_does_not_admit_is_not_waited_for => |hub| {
        // 第3種 stops at other CEPTOARs' analysts: no operator has it.
        let mut strict = advisory(&["power"]);
        strict["handling"]["level"] = json!("第3種");
        let id = hub.publish("nco-advisor", &strict).await.unwrap().id;
        hub.approve(&id).await;
        let seen = board(&hub, "nco-advisor", &id).await.unwrap();
        assert_eq!(seen.ceptoars.len(), 1);
        assert_eq!(seen.ceptoars[0].operators.concerned, Some(0));
        // Named by its CEPTOAR, and by itself; the others of the sector are not asked.
        let mut named = advisory(&["power"]);
        named["advisory"]["targets"] = json!({"bodies": ["power-op1", "demo-gas"], "products": ["架空VPN"]});
        hub.publish("nco-advisor", &named).await.unwrap();
        let power = board(&hub, "power-poc", &had(&hub, "power-poc").await).await.unwrap();
        assert_eq!(power.total.concerned, Some(1));
        let gas = board(&hub, "gas-poc", &had(&hub, "gas-poc").await).await.unwrap();
        assert_eq!(gas.total.concerned, Some(5));
    }

    law_4_a_board_is_not_closed_by_an_end_its_reader_does_not_have => |hub| {
        let group = "3f7a1c52-8d4b-4c56-9a0e-5b1f2d3c4e6a";
        let council = format!("{}\n[[sharing_groups]]\nid = \"{group}\"\nname = {{ en = \"Gas\" }}\nbodies = [\"demo-gas\"]\n", sekisho::demo::COUNCIL);
        hub.exchange.apply_council(&council).await.unwrap();
        let id = hub.publish("nco-advisor", &advisory(&["power", "gas"])).await.unwrap().id;
        let (power, gas) = (had(&hub, "power-poc").await, had(&hub, "gas-poc").await);
        hub.advance(TimeDelta::seconds(5));
        let mut end = advisory(&["gas"]);
        end["advisory"] = json!({"type": "stand_down", "replaces": id});
        end["handling"] = json!({"tlp": "GREEN", "sharing_group": group});
        let ended = hub.publish("nco-advisor", &end).await.unwrap();
        assert_eq!(ended.state, "released", "{ended:?}");
        assert!(board(&hub, "gas-poc", &gas).await.unwrap().closed_at.is_some());
        assert!(board(&hub, "nco-advisor", &id).await.unwrap().closed_at.is_some());
        assert_eq!(board(&hub, "power-poc", &power).await.unwrap().closed_at, None);
    }

    a_new_version_is_acknowledged_anew_and_the_list_has_every_board => |hub| {
        let id = hub.publish("nco-advisor", &advisory(&["power"])).await.unwrap().id;
        give(&hub, "power-op1-member", &had(&hub, "power-op1-member").await, json!({"type": "ack"})).await.unwrap();
        let caller = hub.caller("power-poc").await;
        let view = hub.exchange.view(Some(&caller), Channel::Rest).await.unwrap();
        let (boards, _) = hub.exchange.boards(&caller, &view, None, (10, false)).await.unwrap();
        assert_eq!((boards.len(), boards[0].total.acknowledged), (1, Some(1)));
        hub.advance(TimeDelta::seconds(5));
        let advisor = hub.caller("nco-advisor").await;
        let submission = sekisho::exchange::publish::Submission {
            bytes: advisory(&["power"]).to_string().into_bytes(), replaces: Some(id), ..Default::default()
        };
        hub.exchange.publish(&advisor, submission).await.unwrap();
        let power = board(&hub, "power-poc", &had(&hub, "power-poc").await).await.unwrap();
        assert_eq!((power.version, power.total.acknowledged), (None, Some(0)));
        for who in ["power-analyst", "power-op1-member", "secretariat"] {
            let caller = hub.caller(who).await;
            let view = hub.exchange.view(Some(&caller), Channel::Rest).await.unwrap();
            assert!(hub.exchange.boards(&caller, &view, None, (10, false)).await.unwrap().0.is_empty(), "{who}");
        }
    }
}
