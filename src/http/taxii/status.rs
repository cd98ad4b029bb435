//! The status of a post (TAXII 4.3). Everything is decided before the answer, so it is complete from
//! the beginning; a hold by the gate is no failure, and says nothing here.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::error::Failure;
use super::media;
use super::session::Session;
use crate::exchange::objects::Outcome;
use crate::exchange::secret::sha256;
use crate::exchange::{Caller, Exchange};
use crate::stix::timestamp::format_taxii;

/// A status resource.
#[derive(Debug)]
pub struct Status {
    /// A UUID.
    pub id: String,
    /// The resource.
    pub body: Value,
}

/// The status of what became of `bytes`.
pub fn of(exchange: &Exchange, caller: &Caller, bytes: &[u8], outcomes: &[Outcome]) -> Status {
    let now = exchange.clock().now_micros();
    let stamp = format_taxii(now);
    let digest: String = sha256(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let act = [caller.principal.id.as_str(), stamp.as_str(), &digest];
    let id = exchange.secret().uuid("status", &act).to_string();
    let body = resource(&id, &stamp, outcomes);
    Status { id, body }
}

/// Counts and lists agree, since clients check; a list of none is left out (TAXII 2).
fn resource(id: &str, stamp: &str, outcomes: &[Outcome]) -> Value {
    let (mut successes, mut failures) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        let id = or(&outcome.id, "unidentified");
        // What has no version of its own has this one for TAXII.
        let version = or(&outcome.version, "1970-01-01T00:00:00.000Z");
        if outcome.faults.is_empty() {
            successes.push(json!({ "id": id, "version": version }));
            continue;
        }
        let faults: Vec<String> = outcome
            .faults
            .iter()
            .map(|fault| format!("{}: {} ({})", fault.pointer, fault.message, fault.rule))
            .collect();
        failures.push(json!({ "id": id, "version": version, "message": faults.join("; ") }));
    }
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("id", json!(id));
    put("status", json!("complete"));
    put("request_timestamp", json!(stamp));
    put("total_count", json!(outcomes.len()));
    put("success_count", json!(successes.len()));
    put("failure_count", json!(failures.len()));
    put("pending_count", json!(0));
    for (name, list) in [("successes", successes), ("failures", failures)] {
        if !list.is_empty() {
            put(name, Value::Array(list));
        }
    }
    Value::Object(body)
}

fn or<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.is_empty() { instead } else { text }
}

/// TAXII 4.3, for whom it answers alone.
pub async fn read(session: Session) -> Result<Response, Failure> {
    let id = session.parameter("status")?;
    let Some(caller) = &session.caller else {
        return Err(Failure::not_found());
    };
    let kept = session
        .exchange
        .status(caller.principal.id.as_str(), id)
        .await?;
    match kept {
        Some(body) => Ok(media::answer(StatusCode::OK, body)),
        None => Err(Failure::not_found()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Fault;

    #[test]
    fn counts_and_lists_agree_and_a_list_of_none_is_left_out() {
        let taken = Outcome {
            id: "a".to_owned(),
            version: "v".to_owned(),
            faults: Vec::new(),
        };
        let refused = Outcome {
            id: String::new(),
            version: String::new(),
            faults: vec![Fault::at("/objects/1/id", "STIX 2.9", "no id")],
        };
        let both = resource("s", "t", &[taken.clone(), refused]);
        assert_eq!(
            (&both["total_count"], &both["failure_count"]),
            (&json!(2), &json!(1))
        );
        assert_eq!(both["successes"], json!([{"id": "a", "version": "v"}]));
        assert_eq!(
            both["failures"][0]["message"],
            "/objects/1/id: no id (STIX 2.9)"
        );
        assert_eq!(resource("s", "t", &[taken]).get("failures"), None);
    }
}
