//! Acts on an item that are sent twice, and acts that hold only for the version their client has seen.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

struct Api {
    base: String,
    client: Client,
}

impl Api {
    async fn start(hub: &TestHub) -> Self {
        Self {
            base: hub.serve().await,
            client: Client::new(),
        }
    }

    /// Status and body of an act.
    async fn act(
        &self,
        key: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut request = self
            .client
            .request(Method::POST, format!("{}{path}", self.base));
        request = request
            .header("x-api-key", key)
            .header("content-type", "application/json")
            .body(body.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }
}

both! {
    an_act_on_an_item_is_done_once_and_to_the_version_that_was_seen => |hub| {
        let id = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        let api = Api::start(&hub).await;
        let own = hub.key("ict-publisher").await;
        let other = hub.key("power-publisher").await;
        let narrow = format!("/v1/reports/{id}/narrow");
        let level = json!({"level": "第3種"});
        // Whoever may not is told the same, whatever the version.
        for version in ["\"1\"", "\"7\""] {
            assert_eq!(api.act(&other, &narrow, &level, &[("if-match", version)]).await.0, 404);
        }
        assert_eq!(api.act(&own, &narrow, &level, &[("if-match", "\"2\"")]).await.0, 412);
        assert_eq!(hub.reports(Some("gas-op1-member")).await.len(), 1, "nothing was narrowed");
        assert_eq!(api.act(&own, &narrow, &level, &[("if-match", "\"1\""), ("idempotency-key", "one")]).await.0, 204);
        assert!(hub.reports(Some("gas-op1-member")).await.is_empty());
        assert_eq!(api.act(&own, &narrow, &level, &[("idempotency-key", "one")]).await.0, 204);
        assert_eq!(api.act(&own, &narrow, &json!({"level": "第4種"}), &[("idempotency-key", "one")]).await.0, 409);

        let withdraw = format!("/v1/reports/{id}/withdraw");
        let why = json!({"reason": "wrong"});
        assert_eq!(api.act(&own, &withdraw, &why, &[("if-match", "\"9\""), ("idempotency-key", "two")]).await.0, 412);
        let first = api.act(&own, &withdraw, &why, &[("if-match", "\"1\""), ("idempotency-key", "two")]).await;
        assert_eq!(first.0, 200);
        assert_eq!(api.act(&own, &withdraw, &why, &[("if-match", "\"1\""), ("idempotency-key", "two")]).await, first);
        assert_eq!(api.act(&own, &withdraw, &why, &[("idempotency-key", "three")]).await.0, 409, "it is gone");
    }
}
