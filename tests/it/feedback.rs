//! Feedback: whom it reaches, whom it names to whom, and what it is over TAXII (law 7).

use chrono::TimeDelta;
use sekisho::exchange::Refusal;
use sekisho::exchange::feedback::{Feedback, FeedbackKind, FeedbackView, Given};
use sekisho::exchange::once::Said;
use sekisho::exchange::withdraw::Withdrawal;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};
use crate::time::decisions;

/// A report of a scheme whose default asks nobody and names nobody across sectors.
pub fn green(reference: &str) -> Value {
    let mut report = sample(reference);
    report["handling"] = json!({"scheme": "S2", "level": "第2種"});
    report
}

pub async fn give(hub: &TestHub, who: &str, id: &str, said: Value) -> Result<Given, Refusal> {
    hub.advance(TimeDelta::seconds(1));
    let caller = hub.caller(who).await;
    let feedback: Feedback = serde_json::from_value(said).unwrap();
    hub.exchange
        .give_feedback(&caller, id, feedback, Said::default())
        .await
}

pub async fn listed(hub: &TestHub, who: &str, id: &str) -> Option<Vec<FeedbackView>> {
    let caller = hub.caller(who).await;
    let page = hub.exchange.feedback(&caller, id, None, 100).await.unwrap();
    page.map(|(items, _)| items)
}

/// The id under which somebody has the newest report.
pub async fn had(hub: &TestHub, who: &str) -> String {
    hub.reports(Some(who)).await[0].id.clone()
}

async fn of_type(hub: &TestHub, who: &str, kind: &str) -> Vec<Value> {
    let objects = hub.objects(Some(who)).await;
    let values = objects
        .iter()
        .map(|object| serde_json::from_str::<Value>(&object.bytes).unwrap());
    values.filter(|value| value["type"] == kind).collect()
}

both! {
    what_a_reader_says_reaches_the_source_and_nobody_else_and_names_no_one_across_sectors => |hub| {
        let id = hub.publish("ict-publisher", &green("ICT-02")).await.unwrap().id;
        let theirs = had(&hub, "power-op1-member").await;
        assert_ne!(id, theirs, "power has the rendition");
        give(&hub, "power-op1-member", &theirs, json!({"type": "applicable", "text": "同じ構成がある。", "due": "2026-12-01T00:00:00Z"})).await.unwrap();
        give(&hub, "aviation-op1-member", &had(&hub, "aviation-op1-member").await, json!({"type": "ack"})).await.unwrap();
        give(&hub, "ict-op1-member", &had(&hub, "ict-op1-member").await, json!({"type": "usefulness", "usefulness": 5})).await.unwrap();
        for who in ["ict-publisher", "ict-poc"] {
            let seen = listed(&hub, who, &had(&hub, who).await).await.unwrap();
            assert_eq!(seen.len(), 3, "{who}");
            let [power, aviation, own] = seen.try_into().unwrap();
            assert_eq!((&power.said["type"], &power.said["text"]), (&json!("applicable"), &json!("同じ構成がある。")));
            // S3's default withholds the source, so not even the sector is told.
            assert_eq!((power.from.body, power.from.name, power.from.sectors.len()), (None, None, 0));
            assert_eq!(aviation.from.body, None);
            assert_eq!(aviation.from.sectors.iter().map(ToString::to_string).collect::<Vec<_>>(), ["aviation"], "somebody of a sector of five");
            // Inside its CEPTOAR S2 names it to those who read there; who only publishes does not.
            let named = own.from.body.map(|body| body.to_string());
            assert_eq!(named.as_deref(), (who == "ict-poc").then_some("ict-op1"), "{who}");
        }
        // A giver has its own, and learns of no other.
        let own = listed(&hub, "power-op1-member", &theirs).await.unwrap();
        assert_eq!((own.len(), own[0].from.own), (1, true));
        for who in ["power-op2-member", "power-analyst", "power-poc", "nco-poc"] {
            assert!(listed(&hub, who, &had(&hub, who).await).await.unwrap().is_empty(), "{who}");
        }
        // The source's notices and records say nothing of the giver either.
        let seen = serde_json::to_string(&listed(&hub, "ict-publisher", &id).await).unwrap();
        assert!(!seen.contains("power"), "{seen}");
    }

    law_4_what_others_said_before_changes_nothing_in_what_a_giver_is_told => |hub| {
        let mut told = Vec::new();
        for others in [0, 1, 2] {
            let hub = hub.fresh_with_secret(&[9; 32]).await;
            hub.publish("ict-publisher", &green("ICT-02")).await.unwrap();
            for who in ["aviation-op1-member", "gas-op1-member"].into_iter().take(others) {
                give(&hub, who, &had(&hub, who).await, json!({"type": "ack"})).await.unwrap();
            }
            hub.advance(TimeDelta::seconds(2 - others as i64));
            let theirs = had(&hub, "power-op1-member").await;
            told.push(give(&hub, "power-op1-member", &theirs, json!({"type": "applicable"})).await.unwrap());
        }
        assert_eq!((&told[0], &told[0]), (&told[1], &told[2]));
    }

    feedback_on_what_is_hidden_is_refused_as_on_what_is_not_there => |hub| {
        let mut hidden = sample("ICT-02");
        hidden["handling"] = json!({"scheme": "S2", "level": "第4種"});
        let id = hub.publish("ict-publisher", &hidden).await.unwrap().id;
        let nothing = "00000000-0000-4000-8000-000000000000";
        for said in [json!({"type": "ack"}), json!({"type": "usefulness"}), json!({"type": "ack", "text": "架空電力"})] {
            for id in [id.as_str(), nothing] {
                let refusal = give(&hub, "power-op1-member", id, said.clone()).await.unwrap_err();
                assert!(matches!(refusal, Refusal::NotFound), "{refusal:?}");
                let service = give(&hub, "power-op1-feed", id, said.clone()).await.unwrap_err();
                assert!(matches!(service, Refusal::NotFound), "{service:?}");
            }
        }
        assert!(listed(&hub, "power-op1-member", &id).await.is_none());
        assert!(give(&hub, "ict-analyst", &had(&hub, "ict-analyst").await, json!({"type": "ack"})).await.is_ok());
    }

    a_service_does_not_acknowledge_and_each_kind_has_its_own_fields => |hub| {
        hub.publish("ict-publisher", &green("ICT-02")).await.unwrap();
        let id = had(&hub, "power-op1-feed").await;
        let refusal = give(&hub, "power-op1-feed", &id, json!({"type": "ack"})).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Forbidden(_)), "{refusal:?}");
        give(&hub, "power-op1-feed", &id, json!({"type": "sighting", "count": 3})).await.unwrap();
        for wrong in [
            json!({"type": "question"}),
            json!({"type": "question", "text": " "}),
            json!({"type": "ack", "due": "2026-12-01T00:00:00Z"}),
            json!({"type": "under_study", "due": "2026-01-01T00:00:00Z"}),
            json!({"type": "usefulness"}),
            json!({"type": "usefulness", "usefulness": 6}),
            json!({"type": "ack", "usefulness": 3}),
            json!({"type": "ack", "count": 3}),
            json!({"type": "sighting", "first_seen": "2026-11-02T00:00:00Z", "last_seen": "2026-11-01T00:00:00Z"}),
            json!({"type": "sighting", "count": 1_000_000_000}),
            json!({"type": "prevented", "text": "x".repeat(4001)}),
        ] {
            let refusal = give(&hub, "power-op1-member", &id, wrong.clone()).await.unwrap_err();
            assert!(matches!(refusal, Refusal::Invalid(_)), "{wrong}: {refusal:?}");
        }
        give(&hub, "power-op1-member", &id, json!({"type": "prevented", "text": "x".repeat(4000)})).await.unwrap();
        // It is named as far as its rule goes, and never by its own words, whoever the source is.
        for who in ["power-op1-member", "ict-op1-member"] {
            let body = hub.caller(who).await.body;
            let text = format!("{}でも見た。", body.name.ja_or_en());
            let refusal = give(&hub, who, &had(&hub, who).await, json!({"type": "prevented", "text": text})).await.unwrap_err();
            assert!(matches!(refusal, Refusal::Invalid(_)), "{refusal:?}");
        }
    }

    a_question_reaches_the_unnamed_source_and_its_answer_names_nobody => |hub| {
        let id = hub.publish("ict-publisher", &green("ICT-02")).await.unwrap().id;
        let theirs = had(&hub, "power-op1-member").await;
        let asked = give(&hub, "power-op1-member", &theirs, json!({"type": "question", "text": "再発防止策は?"})).await.unwrap();
        for who in ["ict-poc", "ict-publisher"] {
            let caller = hub.caller(who).await;
            let notices = hub.exchange.notices(&caller).await.unwrap();
            assert_eq!((notices.len(), notices[0].kind.as_str()), (1, "feedback"), "{who}");
            assert!(!notices[0].reason.contains("再発"));
        }
        let answer = |who: &'static str, text: &'static str| {
            let (hub, id) = (&hub, asked.id.clone());
            async move {
                hub.advance(TimeDelta::seconds(1));
                let caller = hub.caller(who).await;
                hub.exchange.answer_question(&caller, &id, text, Said::default()).await
            }
        };
        for who in ["power-poc", "ict-analyst", "nco-poc", "power-op1-member"] {
            assert!(matches!(answer(who, "はい。").await, Err(Refusal::NotFound)), "{who}");
        }
        let named: &'static str = Box::leak(format!("{}が二重化した。", hub.exchange.directory().body(&"demo-ict".into()).unwrap().name.ja_or_en()).into_boxed_str());
        assert!(matches!(answer("ict-poc", named).await, Err(Refusal::Invalid(_))), "the answer tells whose it is");
        answer("ict-poc", "経路を二重化した。").await.unwrap();
        assert!(matches!(answer("ict-poc", "もう一度").await, Err(Refusal::Conflict(_))));
        let own = listed(&hub, "power-op1-member", &theirs).await.unwrap();
        assert_eq!(own[0].answer.as_ref().unwrap().text, "経路を二重化した。");
        let told = hub.exchange.notices(&hub.caller("power-op1-member").await).await.unwrap();
        assert_eq!((told[0].kind.as_str(), &told[0].objects), ("answer", &json!([format!("report--{theirs}")])));
        let said = serde_json::to_string(&(own, told)).unwrap();
        assert!(!said.contains("ict") && !said.contains(&id), "{said}");
    }

    a_breach_is_told_to_the_secretariat_without_its_content => |hub| {
        let id = hub.publish("ict-publisher", &green("ICT-02")).await.unwrap().id;
        let theirs = had(&hub, "power-op1-member").await;
        give(&hub, "power-op1-member", &theirs, json!({"type": "correction", "text": "日付が違う。"})).await.unwrap();
        let office = hub.caller("secretariat").await;
        assert!(hub.exchange.notices(&office).await.unwrap().is_empty());
        give(&hub, "power-op1-member", &theirs, json!({"type": "breach_report", "text": "委託先に転送された。"})).await.unwrap();
        let told = hub.exchange.notices(&office).await.unwrap();
        assert_eq!(told.len(), 1);
        assert!(told[0].reason.starts_with("breach_report"));
        let said = serde_json::to_string(&told).unwrap();
        assert!(!said.contains("委託先") && !said.contains(&id) && !said.contains(&theirs) && !said.contains("power"), "{said}");
        assert_eq!(hub.exchange.notices(&hub.caller("ict-poc").await).await.unwrap().len(), 2);
    }

    a_sighting_is_an_object_of_the_release_log_for_whom_both_rules_admit => |hub| {
        hub.publish("ict-publisher", &green("ICT-02")).await.unwrap();
        let theirs = had(&hub, "aviation-op1-member").await;
        give(&hub, "aviation-op1-member", &theirs, json!({
            "type": "sighting", "text": "同じ経路のループ。", "count": 2, "first_seen": "2026-11-01T00:00:00Z",
        })).await.unwrap();
        // At the giver's own desk under its name, to everybody else as somebody's.
        let own = of_type(&hub, "aviation-op1-member", "sighting").await;
        assert_eq!(own.len(), 1);
        assert_eq!((&own[0]["sighting_of_ref"], &own[0]["count"]), (&json!(format!("report--{theirs}")), &json!(2)));
        sekisho::stix::validate(&own[0]).unwrap();
        let other = of_type(&hub, "power-analyst", "sighting").await;
        assert_eq!(other.len(), 1);
        assert_ne!(own[0]["id"], other[0]["id"]);
        assert_ne!(own[0]["created_by_ref"], other[0]["created_by_ref"]);
        assert_eq!(other[0]["sighting_of_ref"], format!("report--{theirs}"), "as power has it");
        // Who has no report has nothing said of it: GREEN stops at an agency's point of contact.
        assert!(of_type(&hub, "agency-analyst", "sighting").await.is_empty());
        give(&hub, "aviation-op1-member", &theirs, json!({"type": "usefulness", "usefulness": 4})).await.unwrap();
        assert_eq!(of_type(&hub, "power-analyst", "opinion").await[0]["opinion"], "agree");
        give(&hub, "aviation-op1-member", &theirs, json!({"type": "under_study"})).await.unwrap();
        give(&hub, "aviation-op1-member", &theirs, json!({"type": "question", "text": "いつ?"})).await.unwrap();
        assert!(of_type(&hub, "power-analyst", "note").await.is_empty(), "what is between giver and source stays there");
        give(&hub, "aviation-op1-member", &theirs, json!({"type": "prevented"})).await.unwrap();
        assert_eq!(of_type(&hub, "power-analyst", "note").await.len(), 1);
    }

    feedback_goes_no_further_than_the_givers_own_default => |hub| {
        let id = hub.publish("ict-publisher", &green("ICT-02")).await.unwrap().id;
        // S3 keeps what its bodies say inside, unless two of them agree.
        let theirs = had(&hub, "power-op1-member").await;
        give(&hub, "power-op1-member", &theirs, json!({"type": "sighting"})).await.unwrap();
        assert_eq!(of_type(&hub, "power-analyst", "sighting").await.len(), 1);
        for who in ["gas-analyst", "aviation-analyst", "ict-analyst", "nco-analyst"] {
            assert!(of_type(&hub, who, "sighting").await.is_empty(), "{who}");
        }
        // And with the item: the source of the item takes it back, and what was said of it goes too.
        let publisher = hub.caller("ict-publisher").await;
        hub.advance(TimeDelta::seconds(1));
        let taken = hub.exchange.withdraw(&publisher, &id, Withdrawal { reason: "wrong".to_owned(), ..Withdrawal::default() });
        taken.await.unwrap();
        assert!(of_type(&hub, "power-analyst", "sighting").await.is_empty());
        assert!(listed(&hub, "power-op1-member", &theirs).await.is_none());
    }

    whoever_would_have_to_agree_for_the_item_does_not_read_who_gave_feedback => |hub| {
        // An item that needed its CEPTOAR's consent: S2's 第3種 asks the point of contact.
        let mut report = green("AVI-01");
        report["handling"] = json!({"scheme": "S2", "level": "第3種"});
        let id = hub.publish("aviation-publisher", &report).await.unwrap().id;
        hub.approve(&id).await;
        let theirs = had(&hub, "ict-analyst").await;
        give(&hub, "ict-analyst", &theirs, json!({"type": "sighting"})).await.unwrap();
        assert_eq!(of_type(&hub, "ict-analyst", "sighting").await.len(), 1);
        let poc = hub.caller("aviation-poc").await;
        let (waiting, _) = hub.exchange.approvals(&poc, None, 100).await.unwrap();
        assert!(waiting.is_empty(), "{waiting:?}");
        for who in ["aviation-poc", "aviation-publisher", "power-analyst"] {
            assert!(of_type(&hub, who, "sighting").await.is_empty(), "{who}");
        }
        assert_eq!(listed(&hub, "aviation-poc", &had(&hub, "aviation-poc").await).await.unwrap().len(), 1);
    }

    feedback_is_recorded_and_the_sources_record_does_not_say_by_whom => |hub| {
        hub.publish("ict-publisher", &green("ICT-02")).await.unwrap();
        give(&hub, "power-op1-member", &had(&hub, "power-op1-member").await, json!({"type": "ack"})).await.unwrap();
        let all = decisions(&hub).await;
        let of = |name: &str| all.iter().filter(|one| one["decision"] == name).cloned().collect::<Vec<_>>();
        assert_eq!((of("feedback.given").len(), of("feedback.received").len()), (1, 1));
        let received = of("feedback.received")[0].to_string();
        assert!(!received.contains("power"), "{received}");
        assert_eq!(FeedbackKind::ALL.len(), 12);
    }
}
