//! What a mail says, and what it never does: RED and AMBER+STRICT, names in the subject, headers that
//! somebody else wrote.

use chrono::TimeDelta;
use sekisho::exchange::withdraw::Withdrawal;
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};
use crate::mail::{
    HUB, Mail, Mailbox, at, confirmed, deliver, everything, release, subscribe, to, told,
};

async fn publish_at(hub: &TestHub, level: &str, title: &str) -> String {
    let mut report = sample("FIN-01");
    report["title"]["ja"] = json!(title);
    report["handling"]["level"] = json!(level);
    let id = hub.publish("finance-publisher", &report).await.unwrap().id;
    hub.approve(&id).await;
    id
}

fn advisory(kind: &str, urgency: &str, title: &str) -> Value {
    json!({"kind": "advisory", "title": {"ja": title}, "summary": {"ja": "概要です"},
        "advisory": {"type": kind, "urgency": urgency}, "handling": {"tlp": "GREEN"}})
}

async fn advise(hub: &TestHub, advisory: &Value) -> String {
    let id = hub.publish("nco-advisor", advisory).await.unwrap().id;
    hub.approve(&id).await;
    id
}

both! {
    /// Whatever the subscription asks for.
    red_and_amber_strict_are_never_in_a_mail => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let full = json!({"channel": {"type": "mail", "address": "desk@finance.example", "content": "full"}});
        confirmed(&hub, &mailbox, "finance-publisher", full).await;
        for (n, level) in ["特定宛先限", "会員限"].into_iter().enumerate() {
            let id = publish_at(&hub, level, "ひみつの件名").await;
            let mails = told(&mailbox.until(n + 2).await);
            assert_eq!(mails.len(), n + 1, "{level}");
            let mail = mails.last().unwrap();
            assert_eq!(mail.header("Subject"), "【関所】お知らせがあります", "{level}");
            let all = everything(mail);
            for word in ["ひみつ", "TLP", "RED", "AMBER", "STRICT", "incident", "障害", "finance-publisher", "desk\"", level] {
                assert!(!all.contains(word), "{level}: {word} in {all}");
            }
            assert!(mail.body().contains(&format!("{HUB}/v1/reports/{id}")));
        }
        // The nearest that may be in one: AMBER, its content too.
        publish_at(&hub, "連携セプター可", "見せてよい件名").await;
        let mails = told(&mailbox.until(4).await);
        assert!(mails[2].body().contains("件名: 見せてよい件名") && mails[2].body().contains("TLP:AMBER\n"));
        assert!(mails[2].body().contains("取扱い"), "what binds its reader goes with it");
        assert_eq!(mails[2].header("Subject"), "【関所】障害原因報告", "and still no name in the subject");
    }

    what_is_mailed_in_full_is_noted_before_it_leaves_and_what_is_thin_is_not => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let full = json!({"channel": {"type": "mail", "address": "soc@power.example", "content": "full"}});
        confirmed(&hub, &mailbox, "power-analyst", full).await;
        confirmed(&hub, &mailbox, "gas-analyst", to("soc@gas.example")).await;
        let id = release(&hub, "見せてよい件名").await;
        let mails = told(&mailbox.until(4).await);
        assert_eq!(mails.len(), 2);
        for mail in &mails {
            let whole = mail.text("to") == "soc@power.example";
            assert_eq!(mail.body().contains("見せてよい件名"), whole);
            assert!(!everything(mail).contains("あかつき中央銀行"));
        }
        let source = hub.caller("finance-publisher").await;
        let recall = Withdrawal { recall: true, ..Withdrawal::default() };
        hub.exchange.withdraw(&source, &id, recall).await.unwrap();
        for (who, notices) in [("power-analyst", 1), ("gas-analyst", 0)] {
            let got = hub.exchange.notices(&hub.caller(who).await).await.unwrap();
            assert_eq!(got.len(), notices, "{who}");
        }
        // The notice is mailed too, and says not even that it is one.
        let mails = told(&mailbox.until(5).await);
        assert_eq!(mails.len(), 3);
        assert_eq!(mails[2].header("Subject"), "【関所】お知らせがあります");
        assert!(!mails[2].body().contains("notice"));
    }

    /// The gate decides again when a mail is sent.
    what_was_recalled_between_release_and_sending_is_not_mailed => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let full = json!({"channel": {"type": "mail", "address": "soc@power.example", "content": "full"},
            "when": {"quiet_from": "08:00", "quiet_until": "18:00"}}); // it is 09:00 in Japan
        confirmed(&hub, &mailbox, "power-analyst", full).await;
        let id = release(&hub, "取り消される").await;
        release(&hub, "残る").await;
        hub.exchange.fan_out_now().await.unwrap();
        let source = hub.caller("finance-publisher").await;
        let recall = Withdrawal { recall: true, ..Withdrawal::default() };
        hub.exchange.withdraw(&source, &id, recall).await.unwrap();
        hub.advance(TimeDelta::hours(10));
        let mails = told(&mailbox.until(2).await);
        assert_eq!(mails.len(), 1);
        assert!(mails[0].body().contains("残る") && !everything(&mails[0]).contains("取り消される"));
    }

    a_mail_is_in_the_language_its_subscriber_chose_and_a_drill_says_so => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let english = json!({"channel": {"type": "mail", "address": "soc@power.example", "language": "en"}});
        confirmed(&hub, &mailbox, "power-analyst", english).await;
        confirmed(&hub, &mailbox, "gas-analyst", to("soc@gas.example")).await;
        advise(&hub, &advisory("alert", "urgent", "注意")).await;
        let mails = told(&mailbox.until(4).await);
        let subject = |mails: &[Mail], to: &str| {
            let found = mails.iter().rfind(|mail| mail.text("to") == to).unwrap();
            found.header("Subject").to_owned()
        };
        assert_eq!(subject(&mails, "soc@power.example"), "[Sekisho] Alert (urgent)");
        assert_eq!(subject(&mails, "soc@gas.example"), "【関所】注意喚起（至急）");
        advise(&hub, &advisory("drill", "normal", "【訓練】避難")).await;
        let mails = told(&mailbox.until(6).await);
        assert_eq!(subject(&mails, "soc@power.example"), "[EXERCISE] [Sekisho] Exercise");
        assert_eq!(subject(&mails, "soc@gas.example"), "【訓練】【関所】訓練");
        let date = mails[0].header("Date");
        assert!(date.starts_with("Sun, 22 Nov 2026 00:"), "by the hub's clock: {date}");
    }

    a_digest_is_one_mail_in_order_at_its_hour_and_an_emergency_does_not_wait => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let digest = json!({"channel": {"type": "mail", "address": "soc@power.example"},
            "when": {"digest_at": "18:00", "quiet_from": "08:00", "quiet_until": "17:00"}});
        confirmed(&hub, &mailbox, "power-analyst", digest).await;
        let mut ids = Vec::new();
        for n in 0..3 {
            ids.push(release(&hub, &format!("件{n}")).await);
            hub.exchange.fan_out_now().await.unwrap();
        }
        advise(&hub, &advisory("drill", "normal", "【訓練】避難")).await;
        assert_eq!(mailbox.until(2).await.len(), 1, "it is 09:00 in Japan");
        advise(&hub, &advisory("alert", "emergency", "至急")).await;
        let mails = told(&mailbox.until(2).await);
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].header("Subject"), "【関所】注意喚起（緊急）");
        hub.advance(TimeDelta::hours(8));
        hub.advance(TimeDelta::minutes(50));
        assert_eq!(told(&mailbox.until(3).await).len(), 1, "not before 18:00");
        hub.advance(TimeDelta::minutes(11));
        let mails = told(&mailbox.until(3).await);
        assert_eq!(mails.len(), 2);
        assert_eq!(mails[1].header("Subject"), "【関所】お知らせが4件あります（訓練を含む）");
        let view = hub.exchange.view(
            Some(&hub.caller("power-analyst").await), sekisho::handling::Channel::Rest).await.unwrap();
        let news = hub.exchange.news(&view, None, &sekisho::exchange::search::Wish::default(), 50).await.unwrap();
        let hrefs = news.news.iter().filter(|news| news.urgency < sekisho::subscription::Urgency::Emergency);
        let places: Vec<usize> = hrefs
            .map(|news| mails[1].body().find(news.line["href"].as_str().unwrap()).unwrap())
            .collect();
        assert!(places.len() == 4 && places.is_sorted(), "in the order of release");
        assert_eq!(mails[1].body().matches("* 【訓練】").count(), 1, "the drill alone is marked");
    }

    nothing_that_anybody_writes_becomes_a_header => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        for bad in ["a@b.example\r\nBcc: x@y.example", "a@b.example\nX: y", "A <a@b.example>", "a@b.example,c@d.example", "a b@c.example"] {
            let refused = subscribe(&hub, "power-analyst", to(bad)).await.unwrap_err();
            assert_eq!(at(&refused), "/channel/address", "{bad:?}");
        }
        let mut full = json!({"channel": {"type": "mail", "address": "soc@power.example", "content": "full"}});
        full["name"] = json!("a\r\nBcc: x@y.example");
        confirmed(&hub, &mailbox, "power-analyst", full).await;
        let mut report = advisory("alert", "normal", "題\r\nBcc: x@y.example\r\n\r\n.\r\nMAIL FROM:<x@y.example>\r\n");
        report["summary"]["ja"] = json!("ひとつ\r\n.\r\nRCPT TO:<x@y.example>\r\n. \r\n..二つ");
        advise(&hub, &report).await;
        let mails = told(&mailbox.until(2).await);
        assert_eq!(mails.len(), 1, "one mail, to one address");
        let mail = &mails[0];
        assert_eq!(mail.text("to"), "soc@power.example");
        let names: Vec<&str> = mail.0["headers"].as_array().unwrap().iter().map(|one| one[0].as_str().unwrap()).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["Auto-Submitted", "Content-Language", "Content-Transfer-Encoding", "Content-Type", "Date",
            "From", "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Message-ID", "Subject", "To"]);
        assert!(mail.body().contains("Bcc: x@y.example") && mail.body().contains("..二つ"), "as text, whole");
        assert_eq!(mail.header("From"), "関所 <hub@hub.example>");
        assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        assert!(mail.text("raw").is_ascii() && mail.text("raw").lines().all(|line| line.len() <= 998));
    }
}
