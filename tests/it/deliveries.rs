//! Webhooks over real sockets: what is due arrives once, in order, signed, and nothing else does;
//! whatever the receiver answers, and whoever stops on the way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use sekisho::delivery::Delivery;
use sekisho::exchange::subscriptions::{Change, SubscriptionView};
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::exchange::{Exchange, Refusal};
use sekisho::subscription::Receivers;
use sekisho::subscription::retry::Outcome;
use serde_json::{Value, json};

use crate::board::{advisory, board, had};
use crate::harness::{TestHub, both, sample};

/// What the receiver does with one request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Status(u16),
    RetryAfter(u16),
    Hang,
    CutOff,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Arrived {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
    taken: bool,
}

impl Arrived {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Clone, Default)]
struct Receiver {
    script: Arc<Mutex<VecDeque<Answer>>>,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Receiver {
    async fn start(script: &[Answer]) -> (Self, String) {
        let receiver = Self::default();
        receiver.script.lock().unwrap().extend(script);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (receiver, url)
    }

    fn all(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// Waits until `count` requests have arrived; what else comes in the next moment, too.
    async fn until(&self, count: usize) -> Vec<Arrived> {
        for _ in 0..200 {
            if self.all().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.all()
    }

    /// The reports that were taken, in order.
    fn taken(&self) -> Vec<String> {
        let id = |one: &Arrived| one.json()["data"]["id"].as_str().unwrap().to_owned();
        self.all().iter().filter(|one| one.taken).map(id).collect()
    }
}

async fn take(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap) {
    let answer = receiver
        .script
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or(Answer::Status(200));
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    receiver.arrived.lock().unwrap().push(Arrived {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
        taken: matches!(answer, Answer::Status(200..=299)),
    });
    let mut more = HeaderMap::new();
    let status = match answer {
        Answer::Status(status) => status,
        Answer::RetryAfter(status) => {
            more.insert("retry-after", "600".parse().unwrap());
            status
        }
        Answer::Hang => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            200
        }
        Answer::CutOff => panic!("the line is cut"),
    };
    (StatusCode::from_u16(status).unwrap(), more)
}

/// Starts what a serving process runs to deliver; stopped by aborting it.
fn deliver(exchange: &Exchange) -> tokio::task::JoinSet<()> {
    exchange.allow_receivers(Receivers::loopback());
    let mut work = tokio::task::JoinSet::new();
    let delivery = Delivery::new(exchange.clone()).unwrap();
    let releases = exchange.clone();
    work.spawn(async move { releases.fan_out().await });
    work.spawn(delivery.run());
    work
}

async fn subscribe(
    hub: &TestHub,
    who: &str,
    definition: Value,
) -> Result<SubscriptionView, Refusal> {
    hub.exchange.allow_receivers(Receivers::loopback());
    let definition = serde_json::from_value(definition).unwrap();
    hub.exchange
        .subscribe(&hub.caller(who).await, definition)
        .await
}

fn hook(url: &str) -> Value {
    json!({"channel": {"type": "webhook", "url": url}})
}

/// A bank's report that the point of contact agreed to; its title is its own.
async fn release(hub: &TestHub, title: &str) -> String {
    let mut report = sample("FIN-01");
    report["title"]["ja"] = json!(title);
    let id = hub.publish("finance-publisher", &report).await.unwrap().id;
    assert_eq!(hub.approve(&id).await, "released");
    id
}

/// Waits until so many attempts were made at the latest delivery, and their ends were noted.
async fn attempted(hub: &TestHub, who: &str, id: &str, attempts: usize) {
    let caller = hub.caller(who).await;
    for _ in 0..400 {
        let (all, _) = hub
            .exchange
            .deliveries(&caller, id, None, 100)
            .await
            .unwrap();
        let made = all.iter().flat_map(|one| &one.attempts);
        if made.filter(|one| one.outcome != "sending").count() >= attempts {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{attempts} attempts were not made");
}

async fn change(hub: &TestHub, who: &str, id: &str, change: Change) {
    let caller = hub.caller(who).await;
    hub.exchange
        .change_subscription(&caller, id, change)
        .await
        .unwrap();
}

both! {
    a_board_counts_who_was_told_by_a_webhook_that_was_taken => |hub| {
        let (takes, url) = Receiver::start(&[]).await;
        let (refuses, other) = Receiver::start(&[Answer::Status(500)]).await;
        subscribe(&hub, "power-op1-member", hook(&url)).await.unwrap();
        let failing = subscribe(&hub, "power-op2-member", hook(&other)).await.unwrap();
        let _work = deliver(&hub.exchange);
        let id = hub.publish("nco-advisor", &advisory(&["power"])).await.unwrap().id;
        takes.until(1).await;
        refuses.until(1).await;
        attempted(&hub, "power-op2-member", &failing.id, 1).await;
        let theirs = had(&hub, "power-poc").await;
        let board = board(&hub, "power-poc", &theirs).await.unwrap();
        let delivered = board.operators.iter().filter(|one| one.body.as_str().starts_with("power-op"));
        let delivered: Vec<&str> = delivered.filter(|one| one.delivered_at.is_some()).map(|one| one.body.as_str()).collect();
        assert_eq!(delivered, ["power-op1"], "of {id}");
        assert!(board.operators.iter().all(|one| one.opened_at.is_none()), "told is not opened");
    }

    a_report_arrives_once_thin_and_signed_and_a_ministry_gets_nothing => |hub| {
        let (power, url) = Receiver::start(&[]).await;
        let (ministry, other) = Receiver::start(&[]).await;
        let made = subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        subscribe(&hub, "meti-analyst", hook(&other)).await.unwrap();
        let _work = deliver(&hub.exchange);
        let source = release(&hub, "ひとつ").await;
        let arrived = power.until(1).await;
        assert_eq!(arrived.len(), 1);
        assert!(ministry.all().is_empty());
        let body = arrived[0].json();
        assert_eq!(body["type"], "item.released");
        assert_eq!(body["data"]["form"], "anonymised");
        assert_ne!(body["data"]["id"], json!(source));
        for secret in [source.as_str(), "ひとつ", "あかつき", "demo-finance"] {
            assert!(!arrived[0].body.contains(secret), "{secret}");
        }
        // Verified as a receiver would: the secret from the answer, over id, time and body.
        let secret = made.secret.unwrap();
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
        let signed = format!("{}.{}.{}", arrived[0].id, arrived[0].timestamp, arrived[0].body);
        let given = STANDARD.decode(arrived[0].signature.strip_prefix("v1,").unwrap()).unwrap();
        aws_lc_rs::hmac::verify(&key, signed.as_bytes(), &given).unwrap();
    }

    /// 500, a redirect, a cut line, 429 with Retry-After: the same id again, in order, until taken.
    a_receiver_that_fails_gets_everything_in_order_under_the_same_ids => |hub| {
        use Answer::{CutOff, RetryAfter, Status};
        let script = [Status(500), Status(302), CutOff, RetryAfter(429)];
        let (receiver, url) = Receiver::start(&script).await;
        let made = subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        let _work = deliver(&hub.exchange);
        release(&hub, "ひとつ").await;
        release(&hub, "ふたつ").await;
        for (attempt, seconds) in [(1, 7), (2, 330), (3, 1_980), (4, 7_920)] {
            let arrived = receiver.until(attempt).await;
            assert_eq!(arrived.len(), attempt, "the second waits behind the first");
            attempted(&hub, "power-analyst", &made.id, attempt).await;
            hub.advance(TimeDelta::seconds(seconds));
        }
        let arrived = receiver.until(6).await;
        assert_eq!(arrived.len(), 6);
        let first: Vec<&str> = arrived.iter().map(|one| one.id.as_str()).take(5).collect();
        assert!(first.iter().all(|id| *id == first[0]), "one id over all attempts");
        assert_ne!(arrived[5].id, first[0]);
        let times: Vec<i64> = arrived.iter().map(|one| one.timestamp.parse().unwrap()).collect();
        assert!(times.is_sorted() && times[0] < times[4], "each attempt has its own time");
        assert_eq!(receiver.taken().len(), 2);
    }

    a_receiver_that_is_gone_is_not_asked_again_until_its_owner_says_so => |hub| {
        let (receiver, url) = Receiver::start(&[Answer::Status(410)]).await;
        let made = subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        let _work = deliver(&hub.exchange);
        release(&hub, "ひとつ").await;
        attempted(&hub, "power-analyst", &made.id, 1).await;
        let caller = hub.caller("power-analyst").await;
        let now = hub.exchange.subscription(&caller, &made.id).await.unwrap();
        assert_eq!(now.state, "stopped");
        assert!(now.reason.contains("410"));
        release(&hub, "ふたつ").await;
        hub.advance(TimeDelta::days(2));
        assert_eq!(receiver.until(2).await.len(), 1);
        change(&hub, "power-analyst", &made.id, Change::Resume).await;
        receiver.until(3).await;
        assert_eq!(receiver.taken().len(), 2, "what came meanwhile, and what was not taken");
    }

    who_was_away_gets_everything_once => |hub| {
        let (receiver, url) = Receiver::start(&[]).await;
        let made = subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        let _work = deliver(&hub.exchange);
        release(&hub, "ひとつ").await;
        receiver.until(1).await;
        change(&hub, "power-analyst", &made.id, Change::Pause).await;
        for title in ["ふたつ", "みっつ", "よっつ"] {
            release(&hub, title).await;
        }
        assert_eq!(receiver.until(2).await.len(), 1);
        change(&hub, "power-analyst", &made.id, Change::Resume).await;
        receiver.until(4).await;
        release(&hub, "いつつ").await;
        receiver.until(5).await;
        let mut taken = receiver.taken();
        assert_eq!(taken.len(), 5);
        taken.sort();
        taken.dedup();
        assert_eq!(taken.len(), 5, "none twice");
    }

    /// The gate decides again when a delivery is sent.
    what_was_taken_back_before_it_was_sent_is_not_sent => |hub| {
        let (receiver, url) = Receiver::start(&[Answer::Status(500)]).await;
        let made = subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        let _work = deliver(&hub.exchange);
        let id = release(&hub, "ひとつ").await;
        attempted(&hub, "power-analyst", &made.id, 1).await;
        let source = hub.caller("finance-publisher").await;
        hub.exchange.withdraw(&source, &id, Withdrawal::default()).await.unwrap();
        hub.advance(TimeDelta::minutes(10));
        release(&hub, "ふたつ").await;
        receiver.until(2).await;
        let taken = receiver.taken();
        assert_eq!(taken.len(), 1);
        assert_ne!(receiver.all()[0].id, receiver.all()[1].id);
    }

    /// A process that died between the claim and the answer, or before it sent: another one sends it.
    a_process_that_dies_loses_nothing => |hub| {
        let (receiver, url) = Receiver::start(&[Answer::Hang]).await;
        subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        release(&hub, "ひとつ").await; // nobody delivers yet: it died after the release
        let work = deliver(&hub.exchange);
        receiver.until(1).await;
        drop(work); // in the middle of an attempt
        let other = hub.another().await;
        let _work = deliver(&other);
        release(&hub, "ふたつ").await;
        assert_eq!(receiver.until(2).await.len(), 1, "it may still be under way");
        hub.advance(TimeDelta::seconds(61));
        receiver.until(3).await;
        let arrived = receiver.all();
        assert_eq!(arrived[0].id, arrived[1].id);
        assert_eq!(receiver.taken().len(), 2);
    }

    two_processes_deliver_each_thing_once => |hub| {
        let (receiver, url) = Receiver::start(&[]).await;
        subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        let other = hub.another().await;
        let _work = (deliver(&hub.exchange), deliver(&other));
        for title in ["ひとつ", "ふたつ", "みっつ", "よっつ", "いつつ", "むっつ"] {
            release(&hub, title).await;
        }
        let arrived = receiver.until(6).await;
        assert_eq!(arrived.len(), 6);
        let caller = hub.caller("power-analyst").await;
        let all = hub.exchange.subscriptions(&caller).await.unwrap();
        let (deliveries, _) =
            hub.exchange.deliveries(&caller, &all[0].id, None, 100).await.unwrap();
        assert!(deliveries.iter().all(|one| one.state == "delivered" && one.attempts.len() == 1));
        let numbers: Vec<i64> = deliveries.iter().map(|one| one.number).collect();
        assert_eq!(numbers, [6, 5, 4, 3, 2, 1]);
    }

    what_is_given_up_can_be_looked_at_and_replayed => |hub| {
        let (receiver, url) = Receiver::start(&[Answer::Status(500); 10]).await;
        let made = subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        let _work = deliver(&hub.exchange);
        release(&hub, "ひとつ").await;
        for attempt in 1..=10 {
            attempted(&hub, "power-analyst", &made.id, attempt).await;
            hub.advance(TimeDelta::hours(30));
        }
        let caller = hub.caller("power-analyst").await;
        let (dead, _) = hub.exchange.deliveries(&caller, &made.id, None, 9).await.unwrap();
        assert_eq!((dead[0].state.as_str(), dead[0].attempts.len()), ("dead", 10));
        assert_eq!(dead[0].attempts[0].outcome, "status 500");
        let stranger = hub.caller("finance-publisher").await;
        let none = hub.exchange.replay(&stranger, &made.id, &dead[0].id).await;
        assert!(matches!(none, Err(Refusal::NotFound)));
        hub.exchange.replay(&caller, &made.id, &dead[0].id).await.unwrap();
        receiver.until(11).await;
        assert_eq!(receiver.taken().len(), 1);
        assert!(hub.exchange.replay(&caller, &made.id, &dead[0].id).await.is_err(), "once");
    }

    what_is_not_urgent_waits_for_the_morning => |hub| {
        let (receiver, url) = Receiver::start(&[]).await;
        let mut wanted = hook(&url);
        wanted["when"] = json!({"quiet_from": "08:00", "quiet_until": "18:00"}); // it is 09:00 in Japan
        subscribe(&hub, "power-analyst", wanted).await.unwrap();
        let _work = deliver(&hub.exchange);
        release(&hub, "ひとつ").await;
        assert!(receiver.until(1).await.is_empty());
        let advisory = json!({"kind": "advisory", "title": {"ja": "至急"}, "summary": {"ja": "至急"},
            "advisory": {"type": "alert", "urgency": "emergency"}, "handling": {"tlp": "GREEN"}});
        let id = hub.publish("nco-advisor", &advisory).await.unwrap().id;
        hub.approve(&id).await;
        let arrived = receiver.until(1).await;
        assert_eq!(arrived.len(), 1, "an emergency does not wait");
        assert_eq!(arrived[0].json()["data"]["kind"], "advisory");
        hub.advance(TimeDelta::hours(9));
        receiver.until(2).await;
        assert_eq!(receiver.taken().len(), 2);
    }

    /// Whoever had the key cannot go on listening where it pointed.
    what_was_subscribed_to_with_a_revoked_key_stops => |hub| {
        let (receiver, url) = Receiver::start(&[]).await;
        let made = subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        let _work = deliver(&hub.exchange);
        hub.exchange.revoke("power-analyst").await.unwrap();
        release(&hub, "ひとつ").await;
        assert!(receiver.until(1).await.is_empty());
        let caller = hub.caller("power-analyst").await;
        let now = hub.exchange.subscription(&caller, &made.id).await.unwrap();
        assert_eq!(now.state, "stopped");
        change(&hub, "power-analyst", &made.id, Change::Resume).await;
        receiver.until(1).await;
        assert_eq!(receiver.taken().len(), 1, "its owner lets it go on, and nothing is lost");
    }

    /// However the log's windows fall, and whatever the subscription asks for by then.
    a_digest_is_one_delivery_and_holds_everything => |hub| {
        let (receiver, url) = Receiver::start(&[]).await;
        let mut wanted = hook(&url);
        wanted["when"] = json!({"digest_at": "18:00"}); // it is 09:00 in Japan
        let made = subscribe(&hub, "power-analyst", wanted).await.unwrap();
        for title in ["ひとつ", "ふたつ", "みっつ"] {
            release(&hub, title).await;
            hub.exchange.fan_out_now().await.unwrap();
        }
        let plain = serde_json::from_value(hook(&url)).unwrap();
        change(&hub, "power-analyst", &made.id, Change::Define(Box::new(plain))).await;
        hub.advance(TimeDelta::hours(9));
        let _work = deliver(&hub.exchange);
        let arrived = receiver.until(1).await;
        assert_eq!(arrived.len(), 1);
        assert_eq!(arrived[0].json()["data"]["items"].as_array().unwrap().len(), 3);
    }

    /// An attempt that was under way when its owner paused takes nothing of what came since with it.
    what_comes_between_a_pause_and_a_stop_is_not_lost => |hub| {
        let (receiver, url) = Receiver::start(&[]).await;
        let made = subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        release(&hub, "ひとつ").await;
        hub.exchange.fan_out_now().await.unwrap();
        let under_way = hub.exchange.take_due_deliveries(9).await.unwrap().remove(0);
        change(&hub, "power-analyst", &made.id, Change::Pause).await;
        release(&hub, "ふたつ").await;
        hub.exchange.fan_out_now().await.unwrap();
        let (id, attempt) = (&under_way.id, under_way.attempt);
        hub.exchange.attempt_ended(id, &made.id, attempt, Outcome::Gone).await.unwrap();
        change(&hub, "power-analyst", &made.id, Change::Resume).await;
        let _work = deliver(&hub.exchange);
        receiver.until(2).await;
        assert_eq!(receiver.taken().len(), 2);
    }

    /// Whoever's claim ran out has no say in the attempt that followed.
    a_late_end_of_an_attempt_does_not_end_the_next => |hub| {
        let made = subscribe(&hub, "power-analyst", hook("http://127.0.0.1:9/")).await.unwrap();
        release(&hub, "ひとつ").await;
        hub.exchange.fan_out_now().await.unwrap();
        let late = hub.exchange.take_due_deliveries(9).await.unwrap().remove(0);
        hub.advance(TimeDelta::seconds(61));
        let next = hub.exchange.take_due_deliveries(9).await.unwrap().remove(0);
        assert_eq!((late.attempt, next.attempt), (1, 2));
        let end = Outcome::Failed { why: "no answer in time".to_owned(), after: None };
        hub.exchange.attempt_ended(&late.id, &made.id, late.attempt, end).await.unwrap();
        hub.advance(TimeDelta::seconds(30)); // past the rest that a failure brings, within the claim
        assert!(hub.exchange.take_due_deliveries(9).await.unwrap().is_empty());
        hub.exchange
            .attempt_ended(&next.id, &made.id, next.attempt, Outcome::Delivered)
            .await
            .unwrap();
        hub.advance(TimeDelta::hours(1));
        assert!(hub.exchange.take_due_deliveries(9).await.unwrap().is_empty());
    }

    full_content_is_noted_before_it_leaves => |hub| {
        let (receiver, url) = Receiver::start(&[]).await;
        let wanted = json!({"channel": {"type": "webhook", "url": url, "content": "full", "signature": "ed25519"}});
        let made = subscribe(&hub, "power-analyst", wanted).await.unwrap();
        assert!(made.secret.is_none() && made.public_key.unwrap().starts_with("whpk_"));
        let _work = deliver(&hub.exchange);
        let id = release(&hub, "ひとつ").await;
        let arrived = receiver.until(1).await;
        assert_eq!(arrived[0].json()["data"]["content"]["title"]["ja"], "ひとつ");
        assert!(arrived[0].json()["data"]["obligations"].is_object(), "what binds its reader goes with it");
        assert!(arrived[0].signature.starts_with("v1a,"));
        assert!(!arrived[0].body.contains("あかつき中央銀行"));
        let source = hub.caller("finance-publisher").await;
        let recall = Withdrawal { recall: true, ..Withdrawal::default() };
        hub.exchange.withdraw(&source, &id, recall).await.unwrap();
        let notices = hub.exchange.notices(&hub.caller("power-analyst").await).await.unwrap();
        assert_eq!(notices.len(), 1, "who had it by webhook is told of its recall");
    }

    a_definition_with_faults_is_refused_with_their_places => |hub| {
        for (definition, place) in [
            (hook("ftp://a.example/"), "/channel/url"),
            (hook("https://user:pass@a.example/"), "/channel/url"),
            (json!({"channel": {"type": "webhook", "url": "https://a.example/"}, "when": {"quiet_from": "08:00"}}), "/when/quiet_from"),
            (json!({"channel": {"type": "webhook", "url": "https://a.example/"}, "filter": {"severity": 9}}), "/filter/severity"),
        ] {
            match subscribe(&hub, "power-analyst", definition).await {
                Err(Refusal::Invalid(faults)) => assert_eq!(faults[0].pointer, place),
                other => panic!("{other:?}"),
            }
        }
        let caller = hub.caller("power-analyst").await;
        assert!(hub.exchange.subscriptions(&caller).await.unwrap().is_empty());
    }

    /// The hub stands in a network where the subscriber is not.
    a_private_address_is_not_sent_to => |hub| {
        let (receiver, url) = Receiver::start(&[]).await;
        subscribe(&hub, "power-analyst", hook(&url)).await.unwrap();
        let by_name = url.replace("127.0.0.1", "localhost");
        subscribe(&hub, "power-analyst", hook(&by_name)).await.unwrap();
        let strict = hub.another().await; // a process whose operator allows no more
        strict.allow_receivers(Receivers { http: true, ..Receivers::default() });
        let delivery = Delivery::new(strict.clone()).unwrap();
        let mut work = tokio::task::JoinSet::new();
        work.spawn(async move { strict.fan_out().await });
        work.spawn(delivery.run());
        release(&hub, "ひとつ").await;
        assert!(receiver.until(1).await.is_empty());
        let caller = hub.caller("power-analyst").await;
        for one in hub.exchange.subscriptions(&caller).await.unwrap() {
            let (all, _) = hub.exchange.deliveries(&caller, &one.id, None, 9).await.unwrap();
            assert!(all[0].attempts[0].outcome.contains("may send to"), "{:?}", all[0].attempts);
        }
    }
}
