//! Law 5 when the council changes: who comes to see what was released before gets it once, also past
//! its mark; who is no longer in the place that gave it loses it at once. Items are not touched.

use chrono::TimeDelta;
use serde_json::json;
use toml::Value;

use crate::harness::{TestHub, both, sample, start, without_cases};
use crate::time::Poller;

/// The demo council with a change.
fn council(change: impl Fn(&mut Value)) -> String {
    let mut file: Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
    change(&mut file);
    toml::to_string(&file).unwrap()
}

fn entry<'a>(file: &'a mut Value, list: &str, id: &str) -> &'a mut Value {
    let all = file[list].as_array_mut().unwrap();
    all.iter_mut()
        .find(|one| one["id"].as_str() == Some(id))
        .unwrap()
}

fn set(file: &mut Value, list: &str, id: &str, member: &str, value: Value) {
    entry(file, list, id)
        .as_table_mut()
        .unwrap()
        .insert(member.to_owned(), value);
}

async fn apply(hub: &TestHub, text: &str) {
    hub.advance(TimeDelta::seconds(1));
    hub.exchange.apply_council(text).await.unwrap();
    hub.exchange.act_on_time().await.unwrap();
}

fn roles(names: &[&str]) -> Value {
    Value::Array(names.iter().map(|name| Value::from(*name)).collect())
}

both! {
    a_role_gained_brings_what_was_released_before_once_and_past_the_mark => |hub| {
        let mut desk = Poller::new("gas-desk");
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        hub.publish("logistics-publisher", &sample("LOG-02")).await.unwrap();
        hub.publish("gas-publisher", &sample("GAS-02")).await.unwrap();
        assert_eq!(desk.count(&hub).await, 1, "its own item; it is past the others now");
        let text = council(|file| set(file, "principals", "gas-desk", "roles", roles(&["publisher", "analyst"])));
        apply(&hub, &text).await;
        assert_eq!(desk.count(&hub).await, 2);
        assert_eq!(desk.count(&hub).await, 0);
        assert_eq!(hub.reports(Some("gas-desk")).await.len(), 3);
        let stamps: Vec<i64> = hub.objects(Some("gas-desk")).await.iter().map(|object| object.added).collect();
        assert!(stamps.windows(2).all(|pair| pair[0] < pair[1]));
        // What comes after is no longer late.
        hub.publish("railway-publisher", &sample("RLY-02")).await.unwrap();
        assert_eq!(desk.count(&hub).await, 1);
        // A withdrawal reaches the copies too.
        let id = hub.reports(Some("ict-publisher")).await.iter().find(|r| r.desk.as_ref().is_some_and(|d| d.submitter == "ict-publisher")).unwrap().id.clone();
        hub.exchange.withdraw(&hub.caller("ict-publisher").await, &id, Default::default()).await.unwrap();
        assert_eq!(hub.reports(Some("gas-desk")).await.len(), 3);
        // Losing the role takes all of it away at once.
        apply(&hub, sekisho::demo::COUNCIL).await;
        assert_eq!(hub.reports(Some("gas-desk")).await.len(), 1);
    }

    a_ceptoar_that_becomes_a_member_reads_as_one_and_stops_when_it_is_none => |hub| {
        let (mut poc, mut member) = (Poller::new("broadcast-poc"), Poller::new("broadcast-op1-member"));
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        assert_eq!((poc.count(&hub).await, member.count(&hub).await), (1, 0), "observers: points of contact");
        // One that waits while the body joins reaches it with the others.
        hub.publish("ict-publisher", &sample("ICT-01")).await.unwrap();
        let text = council(|file| set(file, "bodies", "demo-broadcast", "standing", "member".into()));
        apply(&hub, &text).await;
        assert_eq!((poc.count(&hub).await, member.count(&hub).await), (0, 1));
        hub.advance(TimeDelta::hours(24));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(hub.reports(Some("broadcast-analyst")).await.len(), 2, "第3種 reaches analysts");
        assert_eq!(poc.count(&hub).await, 1);
        apply(&hub, sekisho::demo::COUNCIL).await;
        assert_eq!(hub.reports(Some("broadcast-op1-member")).await.len(), 0);
        assert_eq!(hub.reports(Some("broadcast-poc")).await.len(), 1, "what an observer has");
    }

    a_body_that_joins_reads_what_its_column_gives_and_no_more => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let fin = hub.publish("finance-publisher", &sample("FIN-02")).await.unwrap();
        hub.approve(&fin.id).await;
        let text = council(|file| {
            let mut body = entry(file, "bodies", "demo-gas").clone();
            body["id"] = "demo-space".into();
            body["name"] = toml::from_str::<Value>("en = \"Space (fictional)\"").unwrap();
            for gone in ["aliases", "domains", "networks"] {
                body.as_table_mut().unwrap().remove(gone);
            }
            file["bodies"].as_array_mut().unwrap().push(body);
            let mut person = entry(file, "principals", "gas-analyst").clone();
            person["id"] = "space-analyst".into();
            person["body"] = "demo-space".into();
            file["principals"].as_array_mut().unwrap().push(person);
        });
        apply(&hub, &text).await;
        let seen = hub.reports(Some("space-analyst")).await;
        assert_eq!(seen.len(), 1, "会員限 stays inside finance");
        assert_eq!(seen[0].form, "anonymised");
        // Its source sees that it reads it.
        let publisher = hub.caller("ict-publisher").await;
        let view = hub.exchange.view(Some(&publisher), sekisho::handling::Channel::Rest).await.unwrap();
        let own = hub.reports(Some("ict-publisher")).await[0].id.clone();
        let reach = hub.exchange.reach(&publisher, &view, &own).await.unwrap().unwrap();
        assert!(reach.audience.iter().any(|r| r.share.body.as_str() == "demo-space" && r.fetched_at.is_some()));
    }

    a_ministry_that_changes_columns_changes_forms => |hub| {
        // 第2種: the own ministry has the original, the others a rendition.
        let (mut mic, mut meti) = (Poller::new("mic-analyst"), Poller::new("meti-analyst"));
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        assert_eq!((mic.count(&hub).await, meti.count(&hub).await), (1, 1));
        let form = |reports: Vec<sekisho::exchange::read::ReportView>| reports.into_iter().map(|r| r.form).collect::<Vec<_>>();
        let until = (start() + TimeDelta::days(3)).date_naive().to_string();
        let text = council(|file| {
            let dated = format!("[[m]]\nbody = \"MIC\"\nuntil = \"{until}\"\n[[m]]\nbody = \"METI\"\nfrom = \"{until}\"");
            let dated: Value = toml::from_str(&dated).unwrap();
            set(file, "bodies", "demo-ict", "ministries", dated["m"].clone());
        });
        apply(&hub, &text).await;
        assert_eq!(form(hub.reports(Some("mic-analyst")).await), ["identified"]);
        hub.advance(start() + TimeDelta::days(3) - hub.clock.now());
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(form(hub.reports(Some("mic-analyst")).await), ["anonymised"]);
        assert_eq!(form(hub.reports(Some("meti-analyst")).await), ["identified"]);
        assert_eq!((mic.count(&hub).await, meti.count(&hub).await), (1, 1));
    }

    declared_storage_brings_the_copies_that_could_only_be_looked_at => |hub| {
        let mut abroad = Poller::new("finance-op5-feed");
        let report = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        hub.approve(&report.id).await;
        assert_eq!(abroad.count(&hub).await, 0);
        let text = council(|file| {
            let declared = toml::from_str::<Value>("storage_jp = true\nretention_min_days = 3650").unwrap();
            set(file, "bodies", "finance-op5", "capability", declared);
        });
        apply(&hub, &text).await;
        assert_eq!(abroad.count(&hub).await, 1);
        assert_eq!(abroad.count(&hub).await, 0);
    }

    more_than_one_batch_catches_up_in_order_also_after_a_restart => |hub| {
        let caller = hub.caller("ict-taxii").await;
        let green = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
        for batch in 0..6 {
            hub.advance(TimeDelta::seconds(1));
            let objects: Vec<serde_json::Value> = (0..100).map(|n| json!({
                "type": "indicator", "spec_version": "2.1",
                "id": format!("indicator--00000000-0000-4000-8000-{:012}", batch * 100 + n),
                "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
                "pattern": "[ipv4-addr:value = '198.51.100.3']", "pattern_type": "stix",
                "valid_from": "2026-11-01T00:00:00Z", "object_marking_refs": [green],
            })).collect();
            let body = json!({ "objects": objects }).to_string();
            hub.exchange.publish_objects(&caller, body.as_bytes()).await.unwrap();
        }
        let text = council(|file| set(file, "principals", "gas-desk", "roles", roles(&["publisher", "analyst"])));
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&text).await.unwrap();
        let restarted = hub.another().await;
        restarted.act_on_time().await.unwrap();
        let count = |objects: &[sekisho::exchange::read::ObjectEntry]| objects.iter().filter(|o| o.id.starts_with("indicator")).count();
        assert_eq!(count(&hub.objects(Some("gas-desk")).await), 600);
        assert_eq!(count(&hub.objects(Some("gas-analyst")).await), 600);
    }
}
