//! The channels that tell of themselves: streams as they go over HTTP, and what is sent. Nothing goes
//! over a socket here; what would is kept, reader by reader.

use std::time::Duration;

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use sekisho::council::body::role;
use sekisho::delivery::mail;
use sekisho::exchange::deliveries::Sending;
use sekisho::exchange::peers::Towards;
use sekisho::handling::Tlp;
use sekisho::subscription::Channel;
use sekisho::subscription::retry::Outcome;
use serde_json::json;
use tower::ServiceExt;

use super::{Answer, World};
use crate::harness::TestHub;

/// So long a stream may take with what it owes. What is behind is read at once.
const PATIENCE: Duration = Duration::from_secs(3);

/// Every address that is asked for its say gives it.
pub async fn confirm_addresses(hub: &TestHub, subscriptions: &BTreeMap<String, String>) {
    for asking in hub.exchange.take_due_deliveries(100).await.unwrap() {
        let code = asking.postmark.code.as_ref().unwrap();
        let mut all = subscriptions.iter();
        let (who, id) = all.find(|(_, id)| **id == asking.subscription).unwrap();
        let caller = hub.caller(who).await;
        let confirmed = hub.exchange.confirm_address(&caller, id, code).await;
        confirmed.unwrap();
        hub.exchange
            .attempt_ended(
                &asking.id,
                &asking.subscription,
                asking.attempt,
                Outcome::Delivered,
            )
            .await
            .unwrap();
    }
}

/// What was sent of one delivery, at one attempt.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The step after which it was.
    pub step: usize,
    /// The delivery, the attempt, and what was told.
    pub text: String,
    /// The words in the contents.
    pub words: Vec<String>,
}

/// What an attempt says: a mail as it is written, anything else as what would be made of it.
fn said(one: &Sending) -> String {
    if let Channel::Mail { language, .. } = &one.definition.channel {
        let (subject, body) = mail::words(one, *language);
        for told in one.items.iter().filter(|told| told.tlp >= Tlp::AmberStrict) {
            let line = told.line.to_string();
            for word in [line, format!("{:?}", told.content)]
                .iter()
                .flat_map(|text| marks(text))
            {
                assert!(
                    !subject.contains(&word) && !body.contains(&word),
                    "{word} is in a mail"
                );
            }
        }
        return format!("{subject}\n\n{body}");
    }
    let told = one.items.iter().map(|told| {
        let content = told.content.as_ref();
        json!({"line": *told.line, "content": content, "tlp": told.tlp.to_string()})
    });
    json!(told.collect::<Vec<_>>()).to_string()
}

/// The words of acts in a text.
fn marks(text: &str) -> Vec<String> {
    let words = text.split(|one: char| !one.is_ascii_alphanumeric());
    let words = words.filter(|word| word.starts_with("qq"));
    words.map(str::to_owned).collect()
}

impl World {
    /// All that would be pushed to a peer for which somebody stands, page by page. Nobody who has a
    /// seat at a desk stands for one: of their own they would be handed the copy for others.
    pub async fn push(&self, who: &str) -> Option<Answer> {
        let caller = self.hub.caller(who).await;
        if [role::PUBLISHER, role::POC, role::ADVISOR]
            .iter()
            .any(|role| caller.has(role))
        {
            return None;
        }
        let nobody = BTreeSet::new();
        let to = Towards {
            peer: "a-peer",
            principal: who,
            elsewhere: &nobody,
        };
        let (mut mark, mut body) = (None, String::new());
        for turn in 0.. {
            let exchange = &self.exchanges[turn % 2];
            let page = exchange.outgoing(&to, mark, 7).await.unwrap();
            for one in &page.objects {
                body.push_str(&format!("{} {} {}\n", one.id, one.version, one.bytes));
            }
            body.push_str(&format!("stays {:?}\nup to {:?}\n", page.kept, page.mark));
            mark = page.mark.or(mark);
            if !page.more {
                break;
            }
        }
        let mut fetched = self.fetched.lock().unwrap();
        fetched
            .entry(who.to_owned())
            .or_default()
            .extend(marks(&body));
        drop(fetched);
        Some(Answer {
            request: "what would be pushed".to_owned(),
            status: 200,
            headers: Vec::new(),
            body,
        })
    }

    /// Opens a stream over HTTP, from behind an event or from now on, and closes it after so many
    /// frames.
    pub async fn open_stream(&self, who: &str, last: Option<&str>, frames: usize) -> Answer {
        let path = "/v1/stream";
        let mut request = Request::builder().uri(path);
        if let Some(key) = self.keys.get(who) {
            request = request.header("x-api-key", key);
        }
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let router = self.routers[frames % self.routers.len()].clone();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let mut data = response.into_body().into_data_stream();
        let mut text = String::new();
        for _ in 0..frames {
            match tokio::time::timeout(PATIENCE, data.next()).await {
                Ok(Some(Ok(frame))) => text.push_str(&String::from_utf8_lossy(&frame)),
                _ => {
                    text.push_str("nothing more");
                    break;
                }
            }
        }
        Answer {
            request: format!("GET {path} from {last:?}"),
            status,
            headers: Vec::new(),
            body: text,
        }
    }

    /// Sends what is due: some receivers fail once.
    pub async fn send_due(&self, step: usize) {
        loop {
            let taken = self.exchanges[0].take_due_deliveries(100).await.unwrap();
            if taken.is_empty() {
                return;
            }
            for one in taken {
                let whose = self.subscriptions.iter();
                let whose = whose.filter(|(_, id)| **id == one.subscription);
                let who = whose.map(|(who, _)| who.clone()).next().unwrap();
                let told = said(&one);
                let words = marks(&told);
                let fails = one.attempt == 1 && one.id.bytes().map(u32::from).sum::<u32>() % 3 == 0;
                let outcome = match (one.items.is_empty(), fails) {
                    (true, _) => Outcome::Withheld,
                    (false, false) => Outcome::Delivered,
                    (false, true) => Outcome::Failed {
                        why: "status 500".to_owned(),
                        after: None,
                    },
                };
                self.exchanges[1]
                    .attempt_ended(&one.id, &one.subscription, one.attempt, outcome)
                    .await
                    .unwrap();
                let mut fetched = self.fetched.lock().unwrap();
                fetched
                    .entry(who.clone())
                    .or_default()
                    .extend(words.clone());
                drop(fetched);
                let text = format!("{} {} {told}", one.id, one.attempt);
                let sent = Sent { step, text, words };
                self.sent.lock().unwrap().entry(who).or_default().push(sent);
            }
        }
    }

    /// Everything that was sent to a reader, from the beginning.
    pub fn sent(&self, who: &str) -> Vec<Sent> {
        let sent = self.sent.lock().unwrap();
        sent.get(who).cloned().unwrap_or_default()
    }
}
