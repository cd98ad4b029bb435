//! Law 8: the source stays in control. It takes back and narrows; the hub stops serving at once, on
//! every surface and of every version, tells those who had it, and tells the source no more of its
//! readers than the directory does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sekisho::exchange::Refusal;
use sekisho::exchange::audience::Reached;
use sekisho::exchange::narrow::Narrower;
use sekisho::exchange::publish::Submission;
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::handling::Channel;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};
use crate::time::{Poller, decisions};

fn recall(reason: &str) -> Withdrawal {
    Withdrawal {
        recall: true,
        reason: reason.to_owned(),
        ..Withdrawal::default()
    }
}

async fn reach(hub: &TestHub, who: &str, id: &str) -> BTreeMap<String, Reached> {
    let caller = hub.caller(who).await;
    let view = hub
        .exchange
        .view(Some(&caller), Channel::Rest)
        .await
        .unwrap();
    let reach = hub
        .exchange
        .reach(&caller, &view, id)
        .await
        .unwrap()
        .unwrap();
    let named = |reached: Reached| (reached.share.body.to_string(), reached);
    reach.audience.into_iter().map(named).collect()
}

async fn types(hub: &TestHub, who: &str) -> BTreeSet<String> {
    let objects = hub.objects(Some(who)).await;
    let kind = |bytes: &str| {
        serde_json::from_str::<Value>(bytes).unwrap()["type"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    objects.iter().map(|object| kind(&object.bytes)).collect()
}

both! {
    a_recall_takes_every_version_back_at_once_and_tells_exactly_those_who_had_it => |hub| {
        let first = sample("ICT-02");
        let id = hub.publish("ict-publisher", &first).await.unwrap().id;
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        let mut second = first.clone();
        second["title"]["ja"] = json!("第二版");
        hub.advance(TimeDelta::seconds(1));
        let publisher = hub.caller("ict-publisher").await;
        let submission = Submission { bytes: second.to_string().into_bytes(), replaces: Some(id.clone()), ..Submission::default() };
        hub.exchange.publish(&publisher, submission).await.unwrap();
        let had: BTreeSet<String> = hub.objects(Some("power-analyst")).await.into_iter().map(|object| object.id).collect();
        let mut gas_member = Poller::new("gas-op1-member");
        assert_eq!(gas_member.count(&hub).await, 1);
        assert_eq!(hub.reports(Some("mic-analyst")).await[0].form, "identified", "MIC had it by name");

        hub.advance(TimeDelta::seconds(1));
        let taken = hub.exchange.withdraw(&publisher, &id, recall("The cause was another one.")).await.unwrap();
        assert_eq!((taken.state.as_str(), taken.versions.as_slice()), ("recalled", &[1, 2][..]));
        assert_eq!(taken.told, BTreeSet::from(["demo-power", "demo-gas", "MIC"].map(str::to_owned)), "never a member's name");
        for who in ["power-analyst", "gas-op1-member", "mic-analyst", "ict-analyst", "water-analyst"] {
            assert!(hub.reports(Some(who)).await.is_empty(), "{who}");
            let left = types(&hub, who).await;
            assert!(!left.contains("report") && !left.contains("incident"), "{who}: {left:?}");
        }
        assert!(hub.objects(Some("mic-analyst")).await.iter().all(|object| !object.bytes.contains("ict-op2")));
        let desk = hub.reports(Some("ict-publisher")).await;
        assert_eq!(desk[0].desk.as_ref().unwrap().state, "recalled");

        // Who had it is told, over REST and TAXII, with the ids it had; who did not is not.
        let power = hub.caller("power-analyst").await;
        let notices = hub.exchange.notices(&power).await.unwrap();
        assert_eq!(notices.len(), 2, "one for each version");
        let told: BTreeSet<String> = notices.iter().flat_map(|n| serde_json::from_value::<Vec<String>>(n.objects.clone()).unwrap()).collect();
        assert!(told.is_subset(&had) && told.iter().any(|id| id.starts_with("report--")));
        assert!(types(&hub, "power-analyst").await.contains("note"));
        for who in ["water-analyst", "gas-analyst"] {
            assert!(hub.exchange.notices(&hub.caller(who).await).await.unwrap().is_empty());
            assert!(!types(&hub, who).await.contains("note"), "{who}");
        }
        let note = hub.objects(Some("power-analyst")).await.into_iter().find(|object| object.id.starts_with("note--")).unwrap();
        assert!(!note.bytes.contains(&id) && !note.bytes.contains("ict-op2"));

        // The acknowledgement comes back to the source, body by body.
        assert!(reach(&hub, "ict-publisher", &id).await["demo-power"].told);
        assert!(!reach(&hub, "ict-publisher", &id).await["demo-power"].acknowledged);
        assert!(matches!(hub.exchange.acknowledge(&hub.caller("gas-analyst").await, &notices[0].id, "").await, Err(Refusal::NotFound)));
        for notice in &notices {
            hub.exchange.acknowledge(&power, &notice.id, "deleted").await.unwrap();
        }
        assert!(matches!(hub.exchange.acknowledge(&power, &notices[0].id, "").await, Err(Refusal::Conflict(_))));
        let now = reach(&hub, "ict-publisher", &id).await;
        assert!(now["demo-power"].acknowledged && !now["demo-gas"].acknowledged);
        assert!(!now["demo-water"].told);
        assert!(decisions(&hub).await.iter().any(|d| d["decision"] == "recalled" && d["reason_sha256"].is_string()));
        assert!(matches!(hub.exchange.withdraw(&publisher, &id, recall("")).await, Err(Refusal::Conflict(_))));
    }

    only_the_source_takes_back_and_to_others_there_is_no_such_item => |hub| {
        let id = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        for who in ["power-publisher", "ict-analyst", "ict-poc", "ict-op1-reporter", "nco-analyst", "admin", "secretariat"] {
            let caller = hub.caller(who).await;
            let mine = hub.exchange.withdraw(&caller, &id, Withdrawal::default()).await;
            assert!(matches!(mine, Err(Refusal::NotFound)), "{who}");
            let mine = hub.exchange.narrow_item(&caller, &id, Narrower::default()).await;
            assert!(matches!(mine, Err(Refusal::NotFound)), "{who}");
        }
        // The operator it came from is the source too.
        let operator = hub.caller("ict-op2-reporter").await;
        hub.exchange.withdraw(&operator, &id, Withdrawal::default()).await.unwrap();
        assert!(hub.reports(Some("power-analyst")).await.is_empty());
    }

    a_withdrawn_request_for_consent_releases_nothing => |hub| {
        let id = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap().id;
        let poc = hub.caller("finance-poc").await;
        let (requests, _) = hub.exchange.approvals(&poc, None, 10).await.unwrap();
        let publisher = hub.caller("finance-publisher").await;
        hub.exchange.withdraw(&publisher, &id, Withdrawal::default()).await.unwrap();
        let late = hub.exchange.answer(&poc, &requests[0].id, true, "").await;
        assert!(matches!(late, Err(Refusal::Conflict(_))));
        hub.advance(TimeDelta::days(400));
        hub.exchange.act_on_time().await.unwrap();
        assert!(hub.reports(Some("power-analyst")).await.is_empty());
        assert!(hub.reports(Some("finance-analyst")).await.is_empty());
    }

    narrowing_takes_readers_away_at_once_and_never_adds_one => |hub| {
        let mut analyst = Poller::new("power-analyst");
        let id = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        assert_eq!((analyst.count(&hub).await, hub.reports(Some("gas-op1-member")).await.len()), (1, 1));
        let publisher = hub.caller("ict-publisher").await;
        let narrow = |level: &str| Narrower { level: Some(level.to_owned()), ..Narrower::default() };
        hub.exchange.narrow_item(&publisher, &id, narrow("第1種")).await.unwrap();
        assert!(hub.reports(None).await.is_empty(), "a looser level changes nothing");
        let unknown = hub.exchange.narrow_item(&publisher, &id, narrow("第9種")).await;
        assert!(matches!(unknown, Err(Refusal::Invalid(_))));
        let named = Narrower { named: Some(["gas-analyst", "power-analyst", "ict-analyst"].map(Into::into).into()), ..Narrower::default() };
        hub.exchange.narrow_item(&publisher, &id, named).await.unwrap();
        assert!(hub.reports(Some("gas-op1-member")).await.is_empty());
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        assert_eq!(analyst.count(&hub).await, 0, "who has it does not get it again");
        let expiring = Narrower { not_after: Some(hub.clock.now() + TimeDelta::hours(1)), ..Narrower::default() };
        hub.exchange.narrow_item(&publisher, &id, expiring).await.unwrap();
        assert_eq!(hub.reports(Some("gas-analyst")).await.len(), 1);
        hub.advance(TimeDelta::hours(1));
        assert!(hub.reports(Some("gas-analyst")).await.is_empty());
    }

    a_level_that_hides_more_leaves_the_rendition_it_gives => |hub| {
        // 第1種 names the source and strips little; 第2種 gives other CEPTOARs a pseudonymous rendition.
        let mut report = sample("ICT-02");
        report["handling"]["level"] = json!("第1種");
        let mut power = Poller::new("power-analyst");
        let id = hub.publish("ict-publisher", &report).await.unwrap().id;
        assert_eq!((power.count(&hub).await, hub.reports(None).await.len()), (1, 1));
        let publisher = hub.caller("ict-publisher").await;
        let narrower = Narrower { level: Some("第2種".to_owned()), ..Narrower::default() };
        hub.exchange.narrow_item(&publisher, &id, narrower).await.unwrap();
        let reports = hub.reports(Some("power-analyst")).await;
        assert_eq!((reports.len(), reports[0].form.as_str()), (1, "anonymised"));
        assert_eq!(power.count(&hub).await, 1, "a rendition in the place of the original");
        assert!(hub.reports(None).await.is_empty());
        assert_eq!(hub.reports(Some("ict-analyst")).await.len(), 1, "who may have the original keeps it");
        report["handling"]["level"] = json!("第2種");
        hub.advance(TimeDelta::seconds(1));
        let submission = Submission { bytes: report.to_string().into_bytes(), replaces: Some(id), ..Submission::default() };
        hub.exchange.publish(&publisher, submission).await.unwrap();
        let reports = hub.reports(Some("power-analyst")).await;
        assert_eq!((reports.len(), reports[0].form.as_str()), (1, "anonymised"));
        assert_eq!(power.count(&hub).await, 1);
    }

    how_far_it_went_is_told_by_body_and_members_only_to_their_own_ceptoar => |hub| {
        let id = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        hub.reports(Some("power-op1-member")).await;
        hub.objects(Some("ict-op3-feed")).await;
        let far = reach(&hub, "ict-publisher", &id).await;
        assert!(far["demo-power"].fetched_at.is_some() && far["demo-gas"].fetched_at.is_none());
        assert!(far["demo-ict"].fetched_at.is_some());
        assert!(far.keys().all(|body| !body.contains("-op")), "no operator of anybody");
        assert_eq!((far["demo-power"].share.when.as_str(), far["demo-power"].share.form.as_str()), ("released", "anonymised"));
        assert!(!far["demo-power"].share.why.is_empty());
        // Only the desk may ask.
        let caller = hub.caller("power-analyst").await;
        let view = hub.exchange.view(Some(&caller), Channel::Rest).await.unwrap();
        for id in [id.clone(), hub.reports(Some("power-analyst")).await[0].id.clone()] {
            assert!(hub.exchange.reach(&caller, &view, &id).await.unwrap().is_none());
        }
        // Acceptance of the obligations is recorded, and comes back by body.
        let theirs = hub.reports(Some("power-analyst")).await[0].id.clone();
        assert!(hub.exchange.accept_obligations(&caller, &view, &id).await.unwrap().is_none(), "not by the source's id");
        let accepted = hub.exchange.accept_obligations(&caller, &view, &theirs).await.unwrap().unwrap();
        assert_eq!(accepted["obligations"]["onward"]["client"], "approval");
        assert!(reach(&hub, "ict-publisher", &id).await["demo-power"].accepted);
        assert!(!reach(&hub, "ict-publisher", &id).await["demo-gas"].accepted);
        let record = decisions(&hub).await.into_iter().find(|d| d["decision"] == "obligations.accepted").unwrap();
        assert!(!record.to_string().contains(&id), "the reader's record holds the reader's id");
    }

    what_a_body_cannot_honour_is_said_to_both_sides => |hub| {
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        hub.approve(&published.id).await;
        let list = |who: &'static str| {
            let hub = &hub;
            async move {
                let caller = hub.caller(who).await;
                hub.exchange.view_only(&caller, None, 10).await.unwrap().0
            }
        };
        let abroad = list("finance-op5-member").await;
        assert_eq!(abroad.len(), 1);
        assert!(abroad[0].because.contains("storage_jp_only"));
        assert!(list("finance-op4-member").await.is_empty(), "who has a copy");
        assert!(list("fsa-analyst").await.is_empty(), "who has nothing");
        let far = reach(&hub, "finance-publisher", &published.id).await;
        assert_eq!(far["demo-power"].share.channel, "copy");
        assert_eq!(far["FSA"].share.channel, "none");
    }
}
