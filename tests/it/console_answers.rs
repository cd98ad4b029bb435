//! What people answer on a page of the console: to what the page showed, and once.

use reqwest::StatusCode;
use sekisho::exchange::publish::Submission;

use crate::board::{advisory, board, had};
use crate::console::{Browser, after};
use crate::harness::both;

both! {
    an_answer_is_to_what_the_page_showed_and_is_given_once => |hub| {
        let base = hub.serve().await;
        let own = hub.publish("nco-advisor", &advisory(&["power"])).await.unwrap().id;
        let theirs = had(&hub, "power-op1-member").await;
        let mut browser = Browser::signed_in(&hub, &base, "power-op1-member").await;
        let path = format!("/console/cases/{theirs}");
        let page = browser.get(&path).await;
        let form = page.text.split_once("/feedback\"").unwrap().1;
        let old = [("token", page.token()), ("once", after(form, "name=\"once\" value=\"").to_owned()),
            ("seen", after(form, "name=\"seen\" value=\"").to_owned()), ("type", "ack".to_owned())];
        let old: Vec<(&str, &str)> = old.iter().map(|(name, value)| (*name, value.as_str())).collect();

        // Sent twice, as an impatient hand does, it is one.
        for _ in 0..2 {
            let answer = browser.post(&format!("{path}/feedback"), &old).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        }
        let poc = had(&hub, "power-poc").await;
        let said = async || {
            let page = hub.exchange.feedback(&hub.caller("power-op1-member").await, &theirs, None, 10).await.unwrap().unwrap();
            page.0.len()
        };
        assert_eq!(said().await, 1);

        // A newer version came while another page of the first was open.
        let open = browser.get(&path).await;
        let form = open.text.split_once("/feedback\"").unwrap().1;
        let seen = after(form, "name=\"seen\" value=\"").to_owned();
        let once = after(form, "name=\"once\" value=\"").to_owned();
        hub.advance(chrono::TimeDelta::seconds(1));
        let issuer = hub.caller("nco-advisor").await;
        let mut newer = advisory(&["power"]);
        newer["summary"]["ja"] = "急ぎ更新を求める。".into();
        let next = Submission { replaces: Some(own.clone()), bytes: newer.to_string().into_bytes(), ..Submission::default() };
        hub.exchange.revise(&issuer, next, None).await.unwrap().unwrap();
        let token = open.token();
        let fields = [("token", token.as_str()), ("once", once.as_str()), ("seen", seen.as_str()), ("type", "ack")];
        let answer = browser.post(&format!("{path}/feedback"), &fields).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
        assert_eq!(said().await, 1);
        let row = board(&hub, "power-poc", &poc).await.unwrap();
        let row = row.operators.iter().find(|one| one.body.as_str() == "power-op1").unwrap().clone();
        assert!(row.acknowledged_at.is_none(), "nobody has acknowledged the newer version");

        // The page of the newer version takes it.
        let page = browser.get(&path).await;
        let form = page.text.split_once("/feedback\"").unwrap().1;
        let seen = after(form, "name=\"seen\" value=\"").to_owned();
        let fields = [("token", token.as_str()), ("once", once.as_str()), ("seen", seen.as_str()), ("type", "ack")];
        assert_eq!(browser.post(&format!("{path}/feedback"), &fields).await.status, StatusCode::SEE_OTHER);
    }
}
