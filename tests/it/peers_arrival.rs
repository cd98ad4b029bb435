//! What comes from a peer is handled as any post is, and never wider than the peer's level; and what
//! is in the way of a page (a wrong setting, a role taken away, a process that dies or is slow) loses
//! nothing and repeats nothing.

use axum::http::HeaderMap;
use chrono::TimeDelta;
use sekisho::config::peers::{Direction, PeerSettings};
use sekisho::exchange::Refusal;
use sekisho::exchange::peers::{Arrival, Held, PULL, PeerPlace, Step};
use serde_json::{Value, json};

use crate::harness::{TestHub, both};
use crate::peers::{
    AMBER, EXCHANGE, GREEN, RED, hub_at, indicator, peer_at, peers, post, refused, round, seen,
};

const CLEAR: &str = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";

fn from(ceiling: Option<&'static str>) -> Arrival<'static> {
    Arrival {
        peer: "there",
        principal: "power-taxii",
        ceiling,
    }
}

/// Lets objects arrive as a page does; how many were news.
async fn arrive(hub: &TestHub, ceiling: Option<&'static str>, objects: &[Value]) -> usize {
    hub.advance(TimeDelta::seconds(1));
    let page = objects.iter().map(ToString::to_string).collect();
    let arrived = hub.exchange.arrive(&from(ceiling), page).await.unwrap();
    assert_eq!(arrived.refused, []);
    arrived.news
}

/// Which of objects 1 to 9 somebody has, in whatever form.
async fn has(hub: &TestHub, who: &str) -> Vec<u32> {
    let all = seen(hub, who).await;
    let has = |n: &u32| {
        let address = format!("'198.51.100.{n}'");
        all.values()
            .any(|object| object.to_string().contains(&address))
    };
    (1..=9).filter(has).collect()
}

both! {
    what_arrives_unmarked_takes_the_peers_level_and_waits_where_that_is_wider => |hub| {
        // 乙 is power's default; 丁 is its loosest.
        assert_eq!(arrive(&hub, None, &[indicator(1, "")]).await, 1);
        assert_eq!(arrive(&hub, Some("丁"), &[indicator(2, "")]).await, 1);
        assert_eq!(has(&hub, "power-analyst").await, [0; 0], "both are held");
        assert_eq!(arrive(&hub, Some("乙"), &[indicator(3, "")]).await, 1);
        assert_eq!(has(&hub, "power-analyst").await, [3]);
        // What nobody can read is held whatever the level.
        let strange = "marking-definition--8c1b8b4e-6b2e-4f0e-9c53-1b0f9d1e7a11";
        assert_eq!(arrive(&hub, Some("乙"), &[indicator(4, strange)]).await, 1);
        assert_eq!(has(&hub, "power-analyst").await, [3]);
    }

    a_marking_is_joined_with_the_peers_level_and_never_wider_than_either => |hub| {
        assert_eq!(arrive(&hub, None, &[indicator(1, CLEAR)]).await, 1);
        assert_eq!(arrive(&hub, Some("甲【制御】"), &[indicator(2, CLEAR)]).await, 1);
        let id = |n: u32| indicator(n, "")["id"].as_str().unwrap().to_owned();
        for n in [1, 2] {
            hub.approve(&id(n)).await;
        }
        // 甲【制御】 stays in its CEPTOAR, whatever the marking allows; CLEAR alone does not.
        assert_eq!(has(&hub, "gas-analyst").await, [1]);
        assert_eq!(has(&hub, "power-taxii").await, [1, 2]);
        // And a marking that is stricter than the peer's level is not loosened by it.
        assert_eq!(arrive(&hub, Some("丁"), &[indicator(3, RED)]).await, 1);
        hub.approve(&id(3)).await;
        assert_eq!(has(&hub, "gas-analyst").await, [1]);
    }

    what_a_peers_level_bounds_does_not_become_looser_by_age => |hub| {
        // S2 makes 第3種 looser after a year; GREEN is its 第2種.
        let from = Arrival { peer: "there", principal: "ict-taxii", ceiling: Some("第3種") };
        let page = vec![indicator(1, GREEN).to_string()];
        assert_eq!(hub.exchange.arrive(&from, page).await.unwrap().news, 1);
        post(&hub, "ict-publisher", &[indicator(2, AMBER)]).await;
        for days in [2, 366, 366] {
            hub.advance(TimeDelta::days(days));
            hub.exchange.act_on_time().await.unwrap();
        }
        assert_eq!(has(&hub, "power-analyst").await, [1, 2]);
        assert_eq!(has(&hub, "gas-op1-member").await, [2], "as a post of its own does");
    }

    a_wrong_setting_or_a_lost_role_loses_nothing => |sector| {
        let council = sector.fresh().await;
        post(&council, "ict-taxii", &[indicator(1, GREEN)]).await;
        let good = hub_at(&council, Direction::Pull, "power-taxii").await;
        let cases = [
            PeerSettings { default_level: Some("特甲".to_owned()), ..good.clone() },
            PeerSettings { principal: "power-analyst".to_owned(), ..good.clone() },
            PeerSettings { principal: "nobody".to_owned(), ..good.clone() },
        ];
        for (settings, word) in cases.into_iter().zip(["特甲", "publisher", "directory"]) {
            sector.advance(TimeDelta::seconds(1));
            let turns = peers(&sector, &[settings]).once(true).await;
            let why = turns[0].failure.clone().unwrap();
            assert!(why.contains(word), "{why}");
        }
        assert_eq!(refused(&sector).await, [""; 0], "no object is at fault");
        round(&sector, &peers(&sector, &[good])).await;
        assert_eq!(has(&sector, "power-taxii").await, [1]);
    }

    a_page_that_was_committed_before_its_mark_is_repeated_and_nothing_in_it => |sector| {
        let council = sector.fresh().await;
        post(&council, "ict-taxii", &[indicator(1, GREEN), indicator(2, GREEN)]).await;
        let given: Vec<Value> = seen(&council, "power-taxii").await.into_values().collect();
        // What a process did that was killed there.
        arrive(&sector, None, &given).await;
        let before = sector.objects(Some("power-analyst")).await.len();
        let there = hub_at(&council, Direction::Pull, "power-taxii").await;
        round(&sector, &peers(&sector, &[there])).await;
        assert_eq!(sector.objects(Some("power-analyst")).await.len(), before);
        let desk = sector.objects(Some("power-taxii")).await;
        let ids: std::collections::BTreeSet<_> = desk.iter().map(|it| (&it.id, &it.version)).collect();
        assert_eq!(ids.len(), desk.len(), "nothing twice");
        assert_eq!(has(&sector, "power-taxii").await, [1, 2]);
    }

    one_process_is_at_a_peer_at_a_time_and_another_takes_over_from_a_dead_one => |sector| {
        let council = sector.fresh().await;
        post(&council, "ict-taxii", &[indicator(1, GREEN)]).await;
        let there = hub_at(&council, Direction::Pull, "power-taxii").await;
        let other = sekisho::peer::Peers::open(sector.another().await, std::slice::from_ref(&there)).unwrap();
        let held = Held {
            place: PeerPlace { peer: "there".to_owned(), collection: EXCHANGE.to_owned(), way: PULL },
            holder: "slow".to_owned(),
            for_micros: 80_000_000,
        };
        let taken = sector.exchange.take_peer(&held, false).await.unwrap();
        assert!(taken.is_some());
        assert_eq!(other.once(true).await.len(), 0, "somebody is at it");
        sector.advance(TimeDelta::seconds(79));
        assert!(sector.exchange.keep_peer(&held).await.unwrap());
        sector.advance(TimeDelta::seconds(79));
        assert_eq!(other.once(true).await.len(), 0, "who shows signs of life keeps it");
        sector.advance(TimeDelta::seconds(2));
        let turns = other.once(true).await;
        assert_eq!(turns[0].failure, None);
        assert_eq!(has(&sector, "power-taxii").await, [1]);
        // Who comes back to a place that is another's moves no mark.
        let step = Step { mark: Some("2001-01-01T00:00:00Z".to_owned()), ..Step::default() };
        assert!(!sector.exchange.step_peer(&held, step).await.unwrap());
        // Due for one is due for all: the other process has done it.
        let own = peers(&sector, &[there]);
        assert_eq!(own.once(false).await.len(), 0);
        sector.advance(TimeDelta::seconds(61));
        assert_eq!(own.once(false).await.len(), 1);
    }

    two_processes_at_once_bring_everything_once => |sector| {
        let council = sector.fresh().await;
        let objects: Vec<Value> = (1..=9).map(|n| indicator(n, GREEN)).collect();
        post(&council, "ict-taxii", &objects).await;
        let there = hub_at(&council, Direction::Both, "power-taxii").await;
        let one = peers(&sector, std::slice::from_ref(&there));
        let other = sekisho::peer::Peers::open(sector.another().await, &[there]).unwrap();
        sector.advance(TimeDelta::seconds(1));
        let (first, second) = tokio::join!(one.once(false), other.once(false));
        assert_eq!(first.len() + second.len(), 2, "each way once");
        assert_eq!(has(&sector, "power-taxii").await, (1..=9).collect::<Vec<_>>());
        let desk = seen(&sector, "power-taxii").await;
        let texts: Vec<String> = desk.values().map(ToString::to_string).collect();
        assert_eq!(texts.iter().filter(|text| text.contains("'198.51.100.3'")).count(), 1);
    }

    what_came_from_one_peer_is_passed_on_to_another_only_where_that_is_said => |hub| {
        let there = hub.fresh().await;
        let mut origin = peer_at("http://127.0.0.1:1/", Direction::Pull, "ict-taxii");
        origin.id = "origin".to_owned();
        let page = vec![indicator(1, GREEN).to_string()];
        let from = Arrival { peer: "origin", principal: "ict-taxii", ceiling: None };
        assert_eq!(hub.exchange.arrive(&from, page).await.unwrap().news, 1);
        post(&hub, "ict-publisher", &[indicator(2, GREEN)]).await;
        assert_eq!(has(&hub, "power-taxii").await, [1, 2]);
        let mut to = hub_at(&there, Direction::Push, "power-taxii").await;
        for (name, forward, arrived) in [("plain", false, vec![2]), ("passes on", true, vec![1, 2])] {
            (to.id, to.forward) = (name.to_owned(), forward);
            hub.advance(TimeDelta::seconds(1));
            let turns = peers(&hub, &[origin.clone(), to.clone()]).once(true).await;
            let turn = turns.iter().find(|turn| turn.place.peer == name).unwrap();
            assert_eq!(turn.failure, None);
            assert_eq!(has(&there, "power-taxii").await, arrived, "{name}");
        }
    }

    what_the_service_sees_already_is_no_news_and_nobody_else_makes_versions_of_it => |hub| {
        post(&hub, "ict-taxii", &[indicator(1, GREEN)]).await;
        let before = seen(&hub, "power-taxii").await;
        let mut own: Vec<Value> = before.values().cloned().collect();
        assert_eq!(arrive(&hub, None, &own).await, 0);
        assert_eq!(seen(&hub, "power-taxii").await, before);
        let it = own.iter_mut().find(|it| it["type"] == "indicator").unwrap();
        it["name"] = json!("Forged");
        it["modified"] = json!("2026-12-01T00:00:00.000Z");
        let arrived = hub.exchange.arrive(&from(None), vec![it.to_string()]).await.unwrap();
        assert_eq!((arrived.news, arrived.refused.len()), (0, 1));
        assert_eq!(seen(&hub, "power-taxii").await, before);
    }

    how_it_goes_is_for_who_runs_the_hub_and_says_nothing_of_what_passes => |sector| {
        let council = sector.fresh().await;
        post(&council, "ict-taxii", &[indicator(1, GREEN)]).await;
        let there = hub_at(&council, Direction::Pull, "power-taxii").await;
        round(&sector, &peers(&sector, &[there])).await;
        let url = format!("{}/v1/peers", sector.serve().await);
        let ask = async |who: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-api-key", sector.key(who).await.parse().unwrap());
            reqwest::Client::new().get(&url).headers(headers).send().await.unwrap()
        };
        let answer = ask("admin").await;
        assert_eq!(answer.status(), 200);
        let body: Value = answer.json().await.unwrap();
        let place = &body["items"][0];
        assert_eq!((&place["peer"], &place["direction"]), (&json!("there"), &json!("pull")));
        assert!(place["succeeded_at"].is_string() && place["failures"] == 0);
        assert!(!body.to_string().contains("indicator"));
        for who in ["power-taxii", "power-poc", "ict-analyst"] {
            assert_eq!(ask(who).await.status(), 403, "{who}");
        }
        let nobody = sector.exchange.peers(&sector.caller("power-taxii").await).await;
        assert!(matches!(nobody, Err(Refusal::Forbidden(_))));
    }
}
