//! Law 10: embargo, silence, expiry, downgrade and retention happen when due, once, also after a
//! restart and with two hubs; and what becomes visible later reaches pollers that are past it.

use chrono::TimeDelta;
use sekisho::exchange::Refusal;
use sekisho::exchange::read::ObjectQuery;
use sekisho::handling::Channel;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample, start};

/// A TAXII client that remembers the last `date_added` it was shown.
pub struct Poller {
    who: &'static str,
    mark: Option<i64>,
}

impl Poller {
    pub const fn new(who: &'static str) -> Self {
        Self { who, mark: None }
    }

    /// The reports that are new since the last time.
    pub async fn poll(&mut self, hub: &TestHub) -> Vec<Value> {
        let caller = hub.caller(self.who).await;
        let mut found = Vec::new();
        loop {
            let view = hub
                .exchange
                .view(Some(&caller), Channel::Taxii)
                .await
                .unwrap();
            let query = ObjectQuery {
                added_after: self.mark,
                limit: 5,
                ..ObjectQuery::default()
            };
            let (page, more) = hub.exchange.objects(&view, &query).await.unwrap();
            self.mark = page.last().map(|last| last.added).or(self.mark);
            found.extend(
                page.iter()
                    .map(|object| serde_json::from_str::<Value>(&object.bytes).unwrap()),
            );
            if !more {
                break;
            }
        }
        found.retain(|object| object["type"] == "report");
        found
    }

    pub async fn count(&mut self, hub: &TestHub) -> usize {
        self.poll(hub).await.len()
    }
}

fn at(level: &str, reference: &str) -> Value {
    let mut report = sample(reference);
    report["handling"]["level"] = json!(level);
    report
}

pub async fn decisions(hub: &TestHub) -> Vec<Value> {
    let db = sekisho::store::Db::open(&hub.address).await.unwrap();
    let leaves = db.read().await.unwrap().ledger().await.unwrap();
    leaves
        .into_iter()
        .map(|(_, _, record)| serde_json::from_str(&record).unwrap())
        .collect()
}

async fn decided(hub: &TestHub, decision: &str) -> usize {
    let all = decisions(hub).await;
    all.iter()
        .filter(|leaf| leaf["decision"] == decision)
        .count()
}

both! {
    an_embargo_ends_to_the_second_once_and_reaches_pollers_that_are_past_it => |hub| {
        let mut power = Poller::new("power-analyst");
        let mut report = sample("ICT-02");
        report["handling"]["not_before"] = json!((start() + TimeDelta::hours(1)).to_rfc3339());
        let held = hub.publish("ict-publisher", &report).await.unwrap();
        assert_eq!((held.state.as_str(), held.holds[0].code.as_str()), ("held", "EMBARGO"));
        assert_eq!(held.holds[0].dimension, "not_before");
        hub.publish("logistics-publisher", &sample("LOG-02")).await.unwrap();
        assert_eq!(power.count(&hub).await, 1, "the later one; the poller is past the embargoed one");
        assert_eq!(hub.reports(Some("ict-analyst")).await.len(), 1, "an embargo holds inside too");

        let other = hub.another().await;
        hub.advance(start() + TimeDelta::hours(1) - TimeDelta::seconds(1) - hub.clock.now());
        other.act_on_time().await.unwrap();
        assert_eq!(power.count(&hub).await, 0, "one second early");
        hub.advance(TimeDelta::seconds(1));
        let (one, two) = tokio::join!(hub.exchange.act_on_time(), other.act_on_time());
        one.unwrap();
        two.unwrap();
        assert_eq!(power.count(&hub).await, 1);
        assert_eq!(power.count(&hub).await, 0, "once, with two hubs");
        assert_eq!(hub.reports(Some("ict-analyst")).await.len(), 2);
        assert_eq!(decided(&hub, "embargo.ended").await, 1);
    }

    silence_of_a_silent_approver_is_consent_when_the_time_is_over_and_is_recorded => |hub| {
        let mut power = Poller::new("power-analyst");
        hub.publish("ict-publisher", &sample("ICT-01")).await.unwrap();
        hub.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(power.count(&hub).await, 0);
        // The hub that took it is gone; the next one to open the database acts.
        let restarted = hub.another().await;
        hub.advance(TimeDelta::seconds(1));
        restarted.act_on_time().await.unwrap();
        restarted.act_on_time().await.unwrap();
        assert_eq!(power.count(&hub).await, 1);
        let silence: Vec<Value> = decisions(&hub).await.into_iter().filter(|d| d["decision"] == "silence").collect();
        assert_eq!(silence.len(), 1);
        assert_eq!((&silence[0]["approver"], &silence[0]["outcome"]), (&json!("demo-ict.poc"), &json!("agreed")));
    }

    no_reply_refuses_where_the_rule_says_so_and_a_late_yes_changes_nothing => |hub| {
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        let poc = hub.caller("finance-poc").await;
        let (requests, _) = hub.exchange.approvals(&poc, None, 10).await.unwrap();
        hub.advance(TimeDelta::hours(48));
        hub.exchange.act_on_time().await.unwrap();
        let late = hub.exchange.answer(&poc, &requests[0].id, true, "").await;
        assert!(matches!(late, Err(Refusal::Conflict(_))));
        assert!(hub.reports(Some("power-analyst")).await.is_empty());
        assert_eq!(hub.reports(Some("finance-analyst")).await.len(), 1, "inside it stays");
        let own = hub.reports(Some("finance-publisher")).await;
        assert_eq!((own[0].id.as_str(), own[0].desk.as_ref().unwrap().state.as_str()), (published.id.as_str(), "refused"));
        assert!(hub.exchange.approvals(&poc, None, 10).await.unwrap().0.is_empty());
    }

    silence_confirms_no_finding_and_nothing_the_hub_could_not_decide => |hub| {
        // 第3種 counts silence as a yes; a finding of the anonymity check needs a person's.
        let mut report = sample("ICT-01");
        report["summary"]["ja"] = json!("濃霧のため鈴代さんが対応");
        let held = hub.publish("ict-publisher", &report).await.unwrap();
        assert!(held.holds.iter().any(|hold| hold.code == "ANONYMITY"));
        hub.advance(TimeDelta::hours(24));
        hub.exchange.act_on_time().await.unwrap();
        assert!(hub.reports(Some("power-analyst")).await.is_empty());
        assert_eq!(hub.approve(&held.id).await, "released", "the point of contact still can");
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
    }

    no_reply_goes_to_the_superior_who_is_given_the_same_time => |hub| {
        let mut power = Poller::new("power-analyst");
        let mut superior = Poller::new("nco-poc");
        hub.publish("gov-publisher", &sample("GOV-01")).await.unwrap();
        let nco = hub.caller("nco-poc").await;
        assert!(hub.exchange.approvals(&nco, None, 10).await.unwrap().0.is_empty());
        assert_eq!(superior.count(&hub).await, 0);
        hub.advance(TimeDelta::hours(72));
        hub.exchange.act_on_time().await.unwrap();
        let (requests, _) = hub.exchange.approvals(&nco, None, 10).await.unwrap();
        assert_eq!((requests.len(), requests[0].approver.as_str()), (1, "demo-gov.poc"));
        assert_eq!(superior.count(&hub).await, 1, "who is asked reads it as submitted");
        assert!(hub.exchange.answer(&hub.caller("fsa-poc").await, &requests[0].id, true, "").await.is_err());
        hub.exchange.answer(&nco, &requests[0].id, true, "in their place").await.unwrap();
        assert_eq!(power.count(&hub).await, 1);

        // The superior is silent too: nobody has said yes, so it goes nowhere.
        let second = hub.publish("gov-publisher", &sample("GOV-02")).await.unwrap();
        hub.advance(TimeDelta::hours(72));
        hub.exchange.act_on_time().await.unwrap();
        hub.advance(TimeDelta::hours(72) - TimeDelta::seconds(1));
        hub.exchange.act_on_time().await.unwrap();
        let state = |reports: Vec<sekisho::exchange::read::ReportView>| {
            let own = reports.into_iter().find(|r| r.id == second.id).unwrap();
            own.desk.unwrap().state
        };
        assert_eq!(state(hub.reports(Some("gov-publisher")).await), "held");
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(state(hub.reports(Some("gov-publisher")).await), "refused");
        assert_eq!(power.count(&hub).await, 0);
    }

    what_expires_is_gone_for_readers_and_stays_at_its_desk => |hub| {
        let mut report = sample("ICT-02");
        report["handling"]["not_after"] = json!((start() + TimeDelta::hours(1)).to_rfc3339());
        hub.publish("ict-publisher", &report).await.unwrap();
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        hub.advance(start() + TimeDelta::hours(1) - hub.clock.now());
        assert!(hub.reports(Some("power-analyst")).await.is_empty(), "before anything has run");
        hub.exchange.act_on_time().await.unwrap();
        assert!(hub.reports(Some("ict-analyst")).await.is_empty());
        let own = hub.reports(Some("ict-publisher")).await;
        assert_eq!(own[0].desk.as_ref().unwrap().state, "expired");
        assert_eq!(decided(&hub, "expired").await, 1);
    }

    age_makes_an_item_looser_level_by_level_and_nobody_gets_it_twice => |hub| {
        let mut analyst = Poller::new("power-analyst");
        let mut member = Poller::new("gas-op1-member");
        let mut mlit = Poller::new("mlit-analyst");
        hub.publish("ict-publisher", &at("第3種", "ICT-02")).await.unwrap();
        hub.advance(TimeDelta::hours(24));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!((analyst.count(&hub).await, member.count(&hub).await, mlit.count(&hub).await), (1, 0, 0));
        // 365 days after it was accepted, not after it was released.
        hub.advance(TimeDelta::days(364) - TimeDelta::seconds(1));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(member.count(&hub).await, 0);
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!((analyst.count(&hub).await, member.count(&hub).await, mlit.count(&hub).await), (0, 1, 1));
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        // The next step is CLEAR and identified for members: they get the original, and no longer
        // the rendition beside it.
        hub.advance(TimeDelta::days(365));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(analyst.count(&hub).await, 1);
        let forms = |reports: Vec<sekisho::exchange::read::ReportView>| reports.into_iter().map(|r| r.form).collect::<Vec<_>>();
        assert_eq!(forms(hub.reports(Some("power-analyst")).await), ["identified"]);
        assert_eq!(forms(hub.reports(None).await), ["anonymised"], "anybody, in the observers' form");
        assert_eq!(decided(&hub, "downgraded").await, 2);
    }

    the_longest_retention_erases_the_content_everywhere_and_keeps_the_record => |hub| {
        let published = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let leaves = decisions(&hub).await.len();
        hub.advance(TimeDelta::days(1095) - TimeDelta::seconds(1));
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(hub.reports(Some("power-analyst")).await.len(), 1);
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.act_on_time().await.unwrap();
        for who in ["power-analyst", "ict-publisher", "ict-analyst"] {
            assert!(hub.reports(Some(who)).await.is_empty(), "{who}");
            assert!(hub.objects(Some(who)).await.iter().all(|object| !object.bytes.contains("report--")));
        }
        let all = decisions(&hub).await;
        assert!(all.len() > leaves && all.iter().any(|d| d["decision"] == "erased" && d["item"] == json!(published.id)));
        let db = sekisho::store::Db::open(&hub.address).await.unwrap();
        let mut tx = db.read().await.unwrap();
        let version = tx.latest_version(&published.id).await.unwrap().unwrap();
        for (_, object) in tx.objects_of(version.key).await.unwrap() {
            assert_eq!((object.bytes.as_str(), object.report), ("", None));
        }
    }
}
