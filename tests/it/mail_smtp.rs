//! Mail servers as they are: down, slow, busy, refusing, cut off after the mail and before the answer,
//! and those that cannot prove who they are. Whatever they do, a mail arrives, in order, under one id.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chrono::TimeDelta;
use sekisho::config::mail::Tls;
use sekisho::exchange::subscriptions::DeliveryView;

use crate::harness::{TestHub, both};
use crate::mail::{Mail, Mailbox, confirmed, deliver, release, state, subscribe, to, told};

const WHO: &str = "power-analyst";

async fn deliveries(hub: &TestHub, id: &str) -> Vec<DeliveryView> {
    let caller = hub.caller(WHO).await;
    hub.exchange
        .deliveries(&caller, id, None, 100)
        .await
        .unwrap()
        .0
}

/// Waits until so many attempts were made in all, and their ends were noted; how they ended.
async fn attempted(hub: &TestHub, id: &str, attempts: usize) -> Vec<String> {
    for _ in 0..600 {
        let mut all = deliveries(hub, id).await;
        all.reverse();
        let made = all.iter().flat_map(|one| &one.attempts);
        let ended: Vec<String> = made
            .filter(|one| one.outcome != "sending")
            .map(|one| one.outcome.clone())
            .collect();
        if ended.len() >= attempts {
            return ended;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{attempts} attempts were not made");
}

fn ids(mails: &[Mail]) -> Vec<String> {
    let id = |mail: &Mail| mail.header("Message-ID").to_owned();
    mails.iter().map(id).collect()
}

/// The reports that were taken, in order, by what their mails link to.
fn taken(mails: &[Mail]) -> Vec<String> {
    let told = told(mails);
    let link = |mail: &Mail| {
        let words = mail.body().split_whitespace();
        words
            .filter_map(|word| word.rsplit_once("/v1/reports/"))
            .map(|(_, id)| id.to_owned())
            .next()
            .unwrap()
    };
    told.iter().filter(|mail| mail.taken()).map(link).collect()
}

/// The reports a subscriber has, in the order of release.
async fn had(hub: &TestHub) -> Vec<String> {
    let mut all: Vec<String> = hub
        .reports(Some(WHO))
        .await
        .iter()
        .map(|one| one.id.clone())
        .collect();
    all.reverse();
    all
}

both! {
    a_server_that_was_down_gets_everything_once_and_in_order => |hub| {
        let Some(mut mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let made = confirmed(&hub, &mailbox, WHO, to("soc@power.example")).await;
        mailbox.down();
        for title in ["ひとつ", "ふたつ", "みっつ"] {
            release(&hub, title).await;
        }
        let ended = attempted(&hub, &made.id, 2).await;
        assert_eq!(ended[1], "no connection to the mail server");
        hub.advance(TimeDelta::seconds(10));
        attempted(&hub, &made.id, 3).await;
        mailbox.up().await;
        hub.advance(TimeDelta::minutes(10));
        let mails = mailbox.until(4).await;
        assert_eq!(taken(&mails), had(&hub).await);
        let mut ids = ids(&mails);
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), mails.len()), (4, 4));
    }

    a_server_that_is_busy_is_asked_again => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let made = confirmed(&hub, &mailbox, WHO, to("soc@power.example")).await;
        mailbox.script(&["data:451", "rcpt:450", "ok"]);
        release(&hub, "ひとつ").await;
        release(&hub, "ふたつ").await;
        for (attempts, seconds) in [(2, 6), (3, 400)] {
            let ended = attempted(&hub, &made.id, attempts).await;
            assert_eq!(mailbox.all().len(), attempts, "the second waits behind the first: {ended:?}");
            hub.advance(TimeDelta::seconds(seconds));
        }
        let mails = mailbox.until(5).await;
        assert_eq!(taken(&mails), had(&hub).await);
        let ended = attempted(&hub, &made.id, 5).await;
        let wanted = ["delivered", "the mail server answered 451", "the mail server answered 450", "delivered", "delivered"];
        assert_eq!(ended, wanted);
    }

    what_a_server_refuses_for_good_is_given_up_at_once_and_can_be_replayed => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let made = confirmed(&hub, &mailbox, WHO, to("soc@power.example")).await;
        mailbox.script(&["rcpt:550", "ok"]);
        release(&hub, "ひとつ").await;
        release(&hub, "ふたつ").await;
        let mails = mailbox.until(3).await;
        assert_eq!(taken(&mails).len(), 1, "the next does not wait");
        let all = deliveries(&hub, &made.id).await;
        assert_eq!((all[1].state.as_str(), all[1].attempts.len()), ("dead", 1));
        assert_eq!(all[1].attempts[0].outcome, "the mail server answered 550");
        let caller = hub.caller(WHO).await;
        hub.exchange.replay(&caller, &made.id, &all[1].id).await.unwrap();
        let mails = mailbox.until(4).await;
        assert_eq!(taken(&mails).len(), 2);
        assert_eq!(deliveries(&hub, &made.id).await[1].state, "delivered");
        // An address that takes nothing any more stops its subscription.
        mailbox.script(&["data:554", "data:554", "data:554"]);
        for title in ["みっつ", "よっつ", "いつつ", "むっつ"] {
            release(&hub, title).await;
        }
        mailbox.until(7).await;
        attempted(&hub, &made.id, 7).await;
        let now = state(&hub, WHO, &made.id).await;
        assert_eq!(now.state, "stopped", "{}", now.reason);
        assert_eq!(mailbox.until(8).await.len(), 7);
    }

    /// The server has the mail and the hub cannot know: it is sent again, and is the same mail.
    a_line_that_is_cut_after_the_mail_and_before_the_answer => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let made = confirmed(&hub, &mailbox, WHO, to("soc@power.example")).await;
        mailbox.script(&["cut"]);
        release(&hub, "ひとつ").await;
        let ended = attempted(&hub, &made.id, 2).await;
        assert_eq!(ended[1], "the line to the mail server broke off");
        hub.advance(TimeDelta::seconds(10));
        let mails = told(&mailbox.until(3).await);
        assert_eq!((mails[0].text("word"), mails[1].text("word")), ("cut", "ok"));
        let ids = ids(&mails);
        assert_eq!(ids[0], ids[1], "one id over all attempts");
        assert_eq!(ids[0], format!("<{}@hub.example>", deliveries(&hub, &made.id).await[0].id));
        release(&hub, "ふたつ").await;
        let mails = told(&mailbox.until(4).await);
        assert_ne!(mails[2].header("Message-ID"), ids[0]);
        assert_eq!(taken(&mails), had(&hub).await);
    }

    a_server_that_hangs_is_given_up_and_asked_again => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let mut settings = mailbox.settings();
        settings.timeout_seconds = 2;
        let _work = deliver(&hub.exchange, &settings);
        let made = confirmed(&hub, &mailbox, WHO, to("soc@power.example")).await;
        mailbox.script(&["hang"]);
        release(&hub, "ひとつ").await;
        let ended = attempted(&hub, &made.id, 2).await;
        assert_eq!(ended[1], "no answer in time");
        hub.advance(TimeDelta::seconds(10));
        let mails = told(&mailbox.until(3).await);
        let ids = ids(&mails);
        assert!(ids.len() == 2 && ids[0] == ids[1]);
        assert_eq!(taken(&mails).len(), 1);
    }

    a_mail_that_found_no_line_free_has_not_failed => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let mut settings = mailbox.settings();
        settings.timeout_seconds = 6;
        let _work = deliver(&hub.exchange, &settings);
        let made = confirmed(&hub, &mailbox, WHO, to("soc@power.example")).await;
        let mut all = vec![made];
        for _ in 0..17 {
            all.push(subscribe(&hub, WHO, to("soc@power.example")).await.unwrap());
        }
        // As many as there are lines to the server are held up there.
        mailbox.script(&["hang"; 16]);
        release(&hub, "ひとつ").await;
        mailbox.until(1 + 16).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(mailbox.all().len(), 17, "those wait, and others come first");
        tokio::time::sleep(Duration::from_secs(4)).await;
        hub.advance(TimeDelta::seconds(6));
        mailbox.until(1 + 18).await;
        let mut ends = Vec::new();
        for one in &all {
            let list = deliveries(&hub, &one.id).await;
            let news = list.iter().find(|one| one.number == list.len() as i64).unwrap();
            ends.push((news.attempts.len(), news.attempts.last().map(|one| one.outcome.clone()).unwrap_or_default()));
        }
        let at_once = ends.iter().filter(|end| **end == (1, "delivered".to_owned())).count();
        assert_eq!(at_once, 2, "which waited for a line, and were counted once: {ends:?}");
    }

    two_processes_mail_each_thing_once => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let other = hub.another().await;
        let _work = (deliver(&hub.exchange, &mailbox.settings()), deliver(&other, &mailbox.settings()));
        confirmed(&hub, &mailbox, WHO, to("soc@power.example")).await;
        for title in ["ひとつ", "ふたつ", "みっつ", "よっつ"] {
            release(&hub, title).await;
        }
        let mails = mailbox.until(5).await;
        assert_eq!(mails.len(), 5);
        assert_eq!(taken(&mails), had(&hub).await);
    }

    a_server_proves_who_it_is_before_it_gets_anything => |hub| {
        let Some(good) = Mailbox::start("auth", certificate).await else { return };
        let stranger = tempfile::tempdir().unwrap();
        certificate(stranger.path());
        let password = good.folder.path().join("password");
        std::fs::write(&password, "hush\n").unwrap();
        let mut settings = good.settings();
        settings.tls = Tls::Starttls;
        settings.username = Some("hub".to_owned());
        settings.password_file = Some(password);
        settings.ca_file = Some(stranger.path().join("cert.pem"));
        let work = deliver(&hub.exchange, &settings);
        let made = subscribe(&hub, WHO, to("soc@power.example")).await.unwrap();
        let ended = attempted(&hub, &made.id, 1).await;
        assert!(ended[0].contains("mail server"), "{ended:?}");
        drop(work);
        settings.ca_file = Some(good.folder.path().join("cert.pem"));
        let work = deliver(&hub.exchange, &settings);
        hub.advance(TimeDelta::minutes(10));
        let mails = good.until(1).await;
        assert_eq!(mails.len(), 1, "{:?}", attempted(&hub, &made.id, 2).await);
        assert_eq!((&mails[0].0["tls"], &mails[0].0["login"]), (&true.into(), &true.into()));
        drop(work);
        // TLS from the first byte.
        let Some(wrapped) = Mailbox::start("tls", certificate).await else { return };
        let mut settings = wrapped.settings();
        settings.tls = Tls::Tls;
        settings.ca_file = Some(wrapped.folder.path().join("cert.pem"));
        let work = deliver(&hub.exchange, &settings);
        subscribe(&hub, WHO, to("two@power.example")).await.unwrap();
        assert_eq!(wrapped.until(1).await.len(), 1);
        drop(work);
        // One that does not offer STARTTLS gets nothing in the clear instead.
        let Some(bare) = Mailbox::start("", |_| {}).await else { return };
        let mut settings = bare.settings();
        settings.tls = Tls::Starttls;
        let _work = deliver(&hub.exchange, &settings);
        let made = subscribe(&hub, WHO, to("three@power.example")).await.unwrap();
        let ended = attempted(&hub, &made.id, 1).await;
        assert_eq!(ended[0], "the mail server does not offer what the hub asks of it");
        assert!(bare.all().is_empty());
    }
}

/// A certificate for 127.0.0.1 that vouches for itself.
fn certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "3650", "-subj", "/CN=mail.example"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(folder.join("key.pem"))
        .arg("-out")
        .arg(folder.join("cert.pem"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}
