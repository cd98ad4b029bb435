//! Webhooks in the form of Standard Webhooks: three headers, a signature over id, time and body, no
//! redirects, and a receiver that is told as little as it asked for.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url, redirect};
use serde_json::{Value, json};

use super::resolve::{OutOfBounds, Within};
use crate::exchange::deliveries::Sending;
use crate::stix::timestamp::format_taxii;
use crate::subscription::retry::Outcome;
use crate::subscription::{Receivers, Signature};

/// A receiver answers within this, or the attempt has failed.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const MICROS: i64 = 1_000_000;

/// Sends webhooks.
#[derive(Debug)]
pub struct Sender {
    encrypted: Client,
    plain: Client,
    receivers: Receivers,
}

/// A client that stays within bounds.
fn client(receivers: &Receivers, encrypted: bool) -> reqwest::Result<Client> {
    let within = Within {
        receivers: receivers.clone(),
        encrypted,
    };
    Client::builder()
        .user_agent(concat!("sekisho/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect is a failure: the address that was checked is the one that is sent to.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(within))
        .build()
}

impl Sender {
    /// A sender that stays within bounds.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(receivers: Receivers) -> anyhow::Result<Self> {
        Ok(Self {
            encrypted: client(&receivers, true)?,
            plain: client(&receivers, false)?,
            receivers,
        })
    }

    /// Makes one attempt.
    pub async fn send(&self, sending: &Sending, url: &str, signature: Signature) -> Outcome {
        let Ok(url) = Url::parse(url) else {
            return failed("the address cannot be read", None);
        };
        let (client, encrypted) = match url.scheme() {
            "https" => (&self.encrypted, true),
            "http" => (&self.plain, false),
            _ => return failed("the address is not https", None),
        };
        // An address in the URL is not looked up, so the resolver does not see it.
        let host = url.host_str().unwrap_or_default();
        let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        if literal.is_some_and(|address| !self.receivers.allow(address, encrypted)) {
            return failed(&OutOfBounds.to_string(), None);
        }
        let body = body(sending).to_string();
        let seconds = sending.at.div_euclid(MICROS);
        let headers = headers(&sending.id, seconds, &body, &sending.secrets, signature);
        let request = client.post(url).headers(headers).body(body);
        match request.send().await {
            Ok(answer) => outcome(answer.status(), answer.headers()),
            Err(error) => failed(&reason(&error), None),
        }
    }
}

fn failed(why: &str, after: Option<i64>) -> Outcome {
    Outcome::Failed {
        why: why.to_owned(),
        after,
    }
}

/// What went wrong, without the address: it may hold a token of the receiver's.
fn reason(error: &reqwest::Error) -> String {
    let mut source = error.source();
    while let Some(inner) = source {
        if inner.downcast_ref::<OutOfBounds>().is_some() {
            return OutOfBounds.to_string();
        }
        source = inner.source();
    }
    let word = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke off"
    };
    word.to_owned()
}

fn outcome(status: StatusCode, headers: &HeaderMap) -> Outcome {
    if status.is_success() {
        return Outcome::Delivered;
    }
    if status == StatusCode::GONE {
        return Outcome::Gone;
    }
    let after = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    failed(&format!("status {}", status.as_u16()), after)
}

/// One line where there is one item, a list where there are several.
fn body(sending: &Sending) -> Value {
    let mut items: Vec<Value> = sending
        .items
        .iter()
        .map(|item| {
            let mut line = (*item.line).clone();
            if let (Value::Object(members), Some((content, obligations))) =
                (&mut line, &item.content)
            {
                members.insert("content".to_owned(), content.clone());
                members.insert("obligations".to_owned(), obligations.clone());
            }
            line
        })
        .collect();
    let at = format_taxii(sending.at);
    // By what it holds, not by what the subscription asks for now: nothing is left out.
    if items.len() == 1 {
        return json!({ "type": "item.released", "timestamp": at, "data": items.pop() });
    }
    json!({ "type": "digest", "timestamp": at, "data": { "items": items } })
}

fn headers(
    id: &str,
    seconds: i64,
    body: &str,
    secrets: &[[u8; 32]],
    signature: Signature,
) -> HeaderMap {
    let signed = format!("{id}.{seconds}.{body}");
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| match signature {
            Signature::Hmac => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                format!(
                    "v1,{}",
                    STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
                )
            }
            Signature::Ed25519 => {
                let key = SigningKey::from_bytes(secret);
                format!(
                    "v1a,{}",
                    STANDARD.encode(key.sign(signed.as_bytes()).to_bytes())
                )
            }
        })
        .collect();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, text) in [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_the_specification_says() {
        // The example of the Standard Webhooks specification's reference libraries.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let signed = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let found = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
        assert_eq!(found, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_retires_both_sign() {
        let headers = headers("msg_1", 7, "{}", &[[1; 32], [2; 32]], Signature::Hmac);
        let value = headers["webhook-signature"].to_str().unwrap();
        assert_eq!(
            value
                .split(' ')
                .filter(|one| one.starts_with("v1,"))
                .count(),
            2
        );
    }

    #[test]
    fn answers_mean_what_they_should() {
        let none = HeaderMap::new();
        assert_eq!(outcome(StatusCode::NO_CONTENT, &none), Outcome::Delivered);
        assert_eq!(outcome(StatusCode::GONE, &none), Outcome::Gone);
        assert_eq!(
            outcome(StatusCode::FOUND, &none),
            failed("status 302", None)
        );
        let mut asked = HeaderMap::new();
        asked.insert(RETRY_AFTER, HeaderValue::from_static("120"));
        let wanted = failed("status 429", Some(120));
        assert_eq!(outcome(StatusCode::TOO_MANY_REQUESTS, &asked), wanted);
    }
}
