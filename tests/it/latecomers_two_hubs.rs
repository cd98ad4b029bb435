//! Who comes to see what is found by the council file that was in force, whichever hub applied it, and
//! not by what the hub that applies the next one remembers.

use chrono::TimeDelta;
use toml::Value;

use crate::harness::{both, sample, without_cases};
use crate::time::Poller;

/// The demo council, in which gas's publisher is also an analyst.
fn with_analyst() -> String {
    let mut file: Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
    let all = file["principals"].as_array_mut().unwrap();
    let desk = all
        .iter_mut()
        .find(|p| p["id"].as_str() == Some("gas-desk"));
    let roles = ["publisher", "analyst"].map(Value::from);
    desk.unwrap()["roles"] = Value::Array(roles.to_vec());
    toml::to_string(&file).unwrap()
}

both! {
    a_hub_that_did_not_apply_the_last_council_file_compares_with_it_all_the_same => |hub| {
        let mut desk = Poller::new("gas-desk");
        hub.exchange.apply_council(&with_analyst()).await.unwrap();
        let other = hub.another().await;
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(sekisho::demo::COUNCIL).await.unwrap();
        hub.publish("logistics-publisher", &sample("LOG-02")).await.unwrap();
        hub.publish("gas-publisher", &sample("GAS-02")).await.unwrap();
        assert_eq!(desk.count(&hub).await, 1, "its own item; it is past the other now");
        hub.advance(TimeDelta::seconds(1));
        other.apply_council(&with_analyst()).await.unwrap();
        other.act_on_time().await.unwrap();
        assert_eq!(desk.count(&hub).await, 1, "what came out while it was no analyst");
    }
}
