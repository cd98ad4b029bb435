//! Mail over a real SMTP server (aiosmtpd) on a real socket: nothing goes to an address that has not
//! agreed, and a mail says no more than its rule lets a mail say.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::TimeDelta;
use sekisho::config::mail::{MailSettings, Tls};
use sekisho::delivery::Delivery;
use sekisho::exchange::Exchange;
use sekisho::exchange::Refusal;
use sekisho::exchange::subscriptions::{Change, SubscriptionView};
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample};

pub const HUB: &str = "https://hub.example";

/// An SMTP server of its own process; it ends with the test.
pub struct Mailbox {
    process: Child,
    pub port: u16,
    mode: String,
    pub folder: tempfile::TempDir,
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.down();
    }
}

impl Mailbox {
    /// `None` where no Python is named, as with the other real programs.
    pub async fn start(mode: &str, prepare: impl FnOnce(&std::path::Path)) -> Option<Self> {
        let python = std::env::var("TEST_PYTHON").ok()?;
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let process = Self::spawn(&python, port, mode, folder.path());
        let mut mailbox = Self {
            process,
            port,
            mode: mode.to_owned(),
            folder,
        };
        mailbox.answers().await;
        Some(mailbox)
    }

    fn spawn(python: &str, port: u16, mode: &str, folder: &std::path::Path) -> Child {
        Command::new(python)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/it/mail_server.py"
            ))
            .arg(port.to_string())
            .arg(folder)
            .arg(mode)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("errors")).unwrap())
            .spawn()
            .unwrap()
    }

    async fn answers(&mut self) {
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                .await
                .is_ok()
            {
                return;
            }
            let ended = self.process.try_wait().unwrap();
            let errors = std::fs::read_to_string(self.folder.path().join("errors"));
            assert!(ended.is_none(), "aiosmtpd did not start: {errors:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("aiosmtpd did not answer");
    }

    pub fn down(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    pub async fn up(&mut self) {
        let python = std::env::var("TEST_PYTHON").unwrap();
        self.process = Self::spawn(&python, self.port, &self.mode, self.folder.path());
        self.answers().await;
    }

    /// What the server does with the mails that follow, a word each.
    pub fn script(&self, words: &[&str]) {
        std::fs::write(self.folder.path().join("script"), words.join("\n")).unwrap();
    }

    /// What was handed to it, taken or not.
    pub fn all(&self) -> Vec<Mail> {
        let text = std::fs::read_to_string(self.folder.path().join("mails")).unwrap_or_default();
        // The last line may be under way.
        let whole = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        whole
            .map(|line| Mail(serde_json::from_str(line).unwrap()))
            .collect()
    }

    /// Waits until `count` mails were handed over; what else comes in the next moment, too.
    pub async fn until(&self, count: usize) -> Vec<Mail> {
        for _ in 0..400 {
            if self.all().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
        self.all()
    }

    pub fn settings(&self) -> MailSettings {
        MailSettings {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
            tls: Tls::None,
            plain: false,
            ca_file: None,
            username: None,
            password_file: None,
            password_env: None,
            from: "関所 <hub@hub.example>".to_owned(),
            timeout_seconds: 5,
            public_url: Some(HUB.to_owned()),
            domains: Vec::new(),
        }
    }
}

/// A mail as the server took it apart.
#[derive(Clone, Debug)]
pub struct Mail(pub Value);

impl Mail {
    pub fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        let all = self.headers(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all[0]
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.0["headers"].as_array().unwrap().iter();
        let found = all.filter(|one| one[0].as_str().unwrap().eq_ignore_ascii_case(name));
        found.map(|one| one[1].as_str().unwrap()).collect()
    }

    pub fn body(&self) -> &str {
        self.text("body")
    }

    pub fn taken(&self) -> bool {
        self.text("word") == "ok"
    }

    /// The code in it, as `ABCD-EFGH`.
    pub fn code(&self) -> Option<String> {
        let code = |word: &str| word.len() == 9 && word.as_bytes()[4] == b'-';
        self.body()
            .split_whitespace()
            .find(|word| code(word))
            .map(str::to_owned)
    }
}

/// Starts what a serving process runs to deliver; stopped by dropping it.
pub fn deliver(exchange: &Exchange, settings: &MailSettings) -> tokio::task::JoinSet<()> {
    settings.check().unwrap();
    let delivery = Delivery::with_mail(exchange.clone(), Some(settings)).unwrap();
    let mut work = tokio::task::JoinSet::new();
    let releases = exchange.clone();
    work.spawn(async move { releases.fan_out().await });
    work.spawn(delivery.run());
    work
}

pub fn to(address: &str) -> Value {
    json!({"channel": {"type": "mail", "address": address}})
}

pub async fn subscribe(
    hub: &TestHub,
    who: &str,
    definition: Value,
) -> Result<SubscriptionView, Refusal> {
    let definition = serde_json::from_value(definition).unwrap();
    hub.exchange
        .subscribe(&hub.caller(who).await, definition)
        .await
}

/// Subscribes, and gives back the code that was mailed.
pub async fn confirmed(
    hub: &TestHub,
    mailbox: &Mailbox,
    who: &str,
    definition: Value,
) -> SubscriptionView {
    let before = mailbox.all().len();
    let made = subscribe(hub, who, definition).await.unwrap();
    assert_eq!(made.state, "pending");
    let mails = mailbox.until(before + 1).await;
    let code = mails.last().unwrap().code().unwrap();
    let caller = hub.caller(who).await;
    let now = hub
        .exchange
        .confirm_address(&caller, &made.id, &code)
        .await
        .unwrap();
    assert!(
        ["active", "behind"].contains(&now.state.as_str()),
        "{}",
        now.state
    );
    now
}

/// A bank's report that the point of contact agreed to; its title is its own.
pub async fn release(hub: &TestHub, title: &str) -> String {
    let mut report = sample("FIN-01");
    report["title"]["ja"] = json!(title);
    let id = hub.publish("finance-publisher", &report).await.unwrap().id;
    assert_eq!(hub.approve(&id).await, "released");
    id
}

pub async fn state(hub: &TestHub, who: &str, id: &str) -> SubscriptionView {
    let caller = hub.caller(who).await;
    hub.exchange.subscription(&caller, id).await.unwrap()
}

pub async fn change(hub: &TestHub, who: &str, id: &str, change: Change) -> Result<(), Refusal> {
    let caller = hub.caller(who).await;
    hub.exchange
        .change_subscription(&caller, id, change)
        .await
        .map(|_| ())
}

/// Mails that are no question to an address.
pub fn told(mails: &[Mail]) -> Vec<Mail> {
    mails
        .iter()
        .filter(|mail| mail.code().is_none())
        .cloned()
        .collect()
}

pub fn everything(mail: &Mail) -> String {
    format!(
        "{}\n{}\n{}",
        mail.0["headers"],
        mail.body(),
        mail.text("raw")
    )
}

async fn code_for(hub: &TestHub, who: &str, id: &str, code: &str) -> Result<String, Refusal> {
    let caller = hub.caller(who).await;
    let taken = hub.exchange.confirm_address(&caller, id, code).await;
    taken.map(|view| view.state)
}

pub fn at(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::Invalid(faults) => &faults[0].pointer,
        other => panic!("{other:?}"),
    }
}

both! {
    a_report_is_mailed_thin_to_an_address_that_agreed_and_to_no_other => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        confirmed(&hub, &mailbox, "power-analyst", to("soc@power.example")).await;
        subscribe(&hub, "gas-analyst", to("soc@gas.example")).await.unwrap();
        mailbox.until(2).await;
        release(&hub, "あかつき銀行で障害").await;
        let mails = mailbox.until(3).await;
        let told = told(&mails);
        assert_eq!((mails.len(), told.len()), (3, 1), "{mails:?}");
        let mail = &told[0];
        assert_eq!(mail.text("to"), "soc@power.example");
        assert_eq!(mail.header("Subject"), "【関所】障害原因報告");
        assert!(mail.body().contains("TLP:AMBER") && mail.body().contains("https://hub.example/v1/reports/"));
        assert!(!mail.body().contains("あかつき") && !mail.text("raw").contains("あかつき"));
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        assert!(mail.header("Message-ID").starts_with("<msg_"));
    }

    who_does_not_read_the_address_cannot_confirm_it => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let made = subscribe(&hub, "power-analyst", to("victim@other.example")).await.unwrap();
        release(&hub, "ひとつ").await;
        let mails = mailbox.until(1).await;
        assert_eq!((mails.len(), told(&mails).len()), (1, 0), "the question and nothing else");
        assert!(!everything(&mails[0]).contains("power-analyst"), "it names nobody");
        assert!(mails[0].headers("List-Unsubscribe").is_empty());
        let code = mails[0].code().unwrap();
        // Another subscriber's answer is none, even where that one asked about the same address.
        let other = subscribe(&hub, "gas-analyst", to("victim@other.example")).await.unwrap();
        let refused = code_for(&hub, "gas-analyst", &made.id, &code).await.unwrap_err();
        assert!(matches!(refused, Refusal::NotFound));
        assert_eq!(at(&code_for(&hub, "gas-analyst", &other.id, &code).await.unwrap_err()), "/code");
        // Who guesses has five answers; after that the right one is wrong too.
        for guess in ["AAAA-AAAA", "", "ABCD-EFGHJ", "22222222", "BBBB-BBBB"] {
            assert_eq!(at(&code_for(&hub, "power-analyst", &made.id, guess).await.unwrap_err()), "/code");
        }
        assert_eq!(at(&code_for(&hub, "power-analyst", &made.id, &code).await.unwrap_err()), "/code");
        assert_eq!(state(&hub, "power-analyst", &made.id).await.state, "pending");
        // Another code is mailed on request, and counts for a day.
        change(&hub, "power-analyst", &made.id, Change::Resume).await.unwrap();
        let mails = mailbox.until(3).await;
        let second = mails[2].code().unwrap();
        assert_ne!(second, code);
        hub.advance(TimeDelta::hours(24));
        assert_eq!(at(&code_for(&hub, "power-analyst", &made.id, &second).await.unwrap_err()), "/code");
        change(&hub, "power-analyst", &made.id, Change::Resume).await.unwrap();
        let third = mailbox.until(4).await[3].code().unwrap().replace('-', "").to_lowercase();
        assert_eq!(code_for(&hub, "power-analyst", &made.id, &third).await.unwrap(), "behind");
        let mails = mailbox.until(5).await;
        assert_eq!(told(&mails).len(), 1, "what came since it was asked for");
        // The next subscription to the same address needs no other word.
        let again = subscribe(&hub, "power-analyst", to("victim@OTHER.example")).await.unwrap();
        assert_eq!(again.state, "active");
    }

    a_hub_is_no_relay_confirmation_mails_are_bounded => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let made = subscribe(&hub, "power-analyst", to("a@victim.example")).await.unwrap();
        for n in 1..3 {
            mailbox.until(n).await;
            change(&hub, "power-analyst", &made.id, Change::Resume).await.unwrap();
        }
        assert_eq!(mailbox.until(3).await.len(), 3);
        let refused = change(&hub, "power-analyst", &made.id, Change::Resume).await.unwrap_err();
        assert!(matches!(refused, Refusal::Conflict(_)), "a fourth to one address");
        // The same address again, and another way: nothing is mailed while a code is out.
        subscribe(&hub, "power-analyst", to("a@VICTIM.example")).await.unwrap();
        assert_eq!(mailbox.until(3).await.len(), 3);
        for n in 0..7 {
            subscribe(&hub, "power-analyst", to(&format!("b{n}@victim.example"))).await.unwrap();
        }
        let refused = subscribe(&hub, "power-analyst", to("c@victim.example")).await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "an eleventh of one subscriber");
        assert_eq!(mailbox.until(10).await.len(), 10);
        // Others ask the same address, until it has had ten of this day: they are told nothing of it.
        for (round, who) in ["gas-analyst", "port-analyst", "broadcast-analyst"].into_iter().enumerate() {
            let made = subscribe(&hub, who, to("a@victim.example")).await.unwrap();
            for n in 1..3 {
                mailbox.until((10 + 3 * round + n).min(17)).await;
                change(&hub, who, &made.id, Change::Resume).await.unwrap();
            }
        }
        let to_it = |mails: &[Mail]| mails.iter().filter(|mail| mail.text("to") == "a@victim.example").count();
        assert_eq!(to_it(&mailbox.until(17).await), 10);
        let list = async |who: &str| {
            let caller = hub.caller(who).await;
            let made = hub.exchange.subscriptions(&caller).await.unwrap().remove(0);
            let (all, _) = hub.exchange.deliveries(&caller, &made.id, None, 10).await.unwrap();
            all.into_iter().map(|one| (one.number, one.state, one.attempts.len())).collect::<Vec<_>>()
        };
        assert_eq!(list("broadcast-analyst").await, list("gas-analyst").await, "which were all mailed");
        // In another spelling it is the same mailbox.
        subscribe(&hub, "water-analyst", to("A+news@victim.example")).await.unwrap();
        assert_eq!(list("water-analyst").await.len(), 1, "which is listed all the same");
        subscribe(&hub, "water-analyst", to("d@victim.example")).await.unwrap();
        assert_eq!(mailbox.until(18).await[17].text("to"), "d@victim.example");
        hub.advance(TimeDelta::hours(24));
        change(&hub, "power-analyst", &made.id, Change::Resume).await.unwrap();
        assert_eq!(to_it(&mailbox.until(19).await), 11, "the next day it may be asked again");
    }

    who_reads_the_address_can_end_it_without_logging_in => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let made = confirmed(&hub, &mailbox, "power-analyst", to("soc@power.example")).await;
        let other = confirmed(&hub, &mailbox, "power-analyst", to("boss@power.example")).await;
        release(&hub, "ひとつ").await;
        let mails = told(&mailbox.until(4).await);
        let mail = mails.iter().find(|mail| mail.text("to") == "soc@power.example").unwrap();
        let header = mail.header("List-Unsubscribe");
        let link = header.strip_prefix("<https://hub.example/unsubscribe/").unwrap().strip_suffix('>').unwrap();
        assert!(mail.body().contains(link), "for who reads without one click");
        assert!(!hub.exchange.unsubscribe("x").await.unwrap());
        let mut forged = link.to_owned();
        forged.replace_range(..1, if link.starts_with('A') { "B" } else { "A" });
        assert!(!hub.exchange.unsubscribe(&forged).await.unwrap());
        assert_eq!(state(&hub, "power-analyst", &made.id).await.state, "active");
        assert!(hub.exchange.unsubscribe(link).await.unwrap());
        assert!(hub.exchange.unsubscribe(link).await.unwrap(), "twice is once");
        assert_eq!(state(&hub, "power-analyst", &made.id).await.state, "stopped");
        assert_eq!(state(&hub, "power-analyst", &other.id).await.state, "active");
        release(&hub, "ふたつ").await;
        let mails = mailbox.until(5).await;
        assert_eq!(mails.iter().filter(|mail| mail.text("to") == "soc@power.example").count(), 2);
        // Its owner cannot let it go on alone, nor ask again at once.
        for hours in [0, 6 * 24] {
            hub.advance(TimeDelta::hours(hours));
            let refused = change(&hub, "power-analyst", &made.id, Change::Resume).await.unwrap_err();
            assert!(matches!(refused, Refusal::Conflict(_)), "{refused:?}");
            let spelt = subscribe(&hub, "power-analyst", to("SOC+1@power.example")).await;
            assert!(matches!(spelt, Err(Refusal::Conflict(_))), "nor in another spelling");
        }
        hub.advance(TimeDelta::hours(24));
        change(&hub, "power-analyst", &made.id, Change::Resume).await.unwrap();
        assert_eq!(state(&hub, "power-analyst", &made.id).await.state, "pending");
        let mails = mailbox.until(6).await;
        let code = mails[5].code().unwrap();
        assert_eq!(code_for(&hub, "power-analyst", &made.id, &code).await.unwrap(), "behind");
        assert_eq!(told(&mailbox.until(7).await).len(), 4, "and then nothing was lost");
    }

    an_address_of_who_subscribes_to_nothing_is_forgotten_after_a_month => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        for (who, address, then) in [
            ("power-analyst", "soc@power.example", "active"),
            ("gas-analyst", "soc@gas.example", "pending"),
        ] {
            let made = confirmed(&hub, &mailbox, who, to(address)).await;
            if then == "pending" {
                change(&hub, who, &made.id, Change::End).await.unwrap();
            }
            hub.advance(TimeDelta::days(32));
            hub.exchange.forget_old_deliveries().await.unwrap();
            assert_eq!(subscribe(&hub, who, to(address)).await.unwrap().state, then);
        }
    }

    another_address_has_to_agree_anew => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let made = confirmed(&hub, &mailbox, "power-analyst", to("soc@power.example")).await;
        let elsewhere = serde_json::from_value(to("other@power.example")).unwrap();
        change(&hub, "power-analyst", &made.id, Change::Define(Box::new(elsewhere))).await.unwrap();
        assert_eq!(state(&hub, "power-analyst", &made.id).await.state, "pending");
        release(&hub, "ひとつ").await;
        let mails = mailbox.until(2).await;
        assert_eq!((mails.len(), told(&mails).len()), (2, 0));
        let code = mails[1].code().unwrap();
        assert_eq!(mails[1].text("to"), "other@power.example");
        code_for(&hub, "power-analyst", &made.id, &code).await.unwrap();
        let mails = told(&mailbox.until(3).await);
        assert_eq!((mails.len(), mails[0].text("to")), (1, "other@power.example"));
        // Back to the one that had agreed: no other word is needed.
        let back = serde_json::from_value(to("soc@power.example")).unwrap();
        change(&hub, "power-analyst", &made.id, Change::Define(Box::new(back))).await.unwrap();
        assert_ne!(state(&hub, "power-analyst", &made.id).await.state, "pending");
    }

    a_hub_without_a_mail_server_says_so => |hub| {
        let refused = subscribe(&hub, "power-analyst", to("soc@power.example")).await.unwrap_err();
        assert_eq!(at(&refused), "/channel/type");
        assert!(hub.exchange.subscriptions(&hub.caller("power-analyst").await).await.unwrap().is_empty());
    }

    mail_goes_only_where_the_operator_lets_it_and_with_content_only_encrypted => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        // As with `plain = true` and a server elsewhere.
        hub.exchange.allow_mail(sekisho::subscription::Mailing {
            domains: vec!["power.example".to_owned()],
            encrypted: false,
            public_url: None,
        });
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let refused = subscribe(&hub, "power-analyst", to("soc@elsewhere.example")).await.unwrap_err();
        assert_eq!(at(&refused), "/channel/address");
        let full = json!({"channel": {"type": "mail", "address": "soc@power.example", "content": "full"}});
        confirmed(&hub, &mailbox, "power-analyst", full).await;
        release(&hub, "見せてよい件名").await;
        let mails = told(&mailbox.until(2).await);
        assert!(!mails[0].body().contains("見せてよい"));
        assert!(mails[0].headers("List-Unsubscribe").is_empty(), "no address on the web, no link");
        assert!(mails[0].body().contains("\n  /v1/reports/"));
    }

    an_address_that_the_operator_lets_no_more_gets_no_more => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let work = deliver(&hub.exchange, &mailbox.settings());
        let made = confirmed(&hub, &mailbox, "power-analyst", to("soc@power.example")).await;
        drop(work);
        // The hub starts again with other settings.
        let again = hub.another().await;
        again.allow_mail(sekisho::subscription::Mailing {
            domains: vec!["elsewhere.example".to_owned()],
            encrypted: true,
            public_url: None,
        });
        let _work = deliver(&again, &mailbox.settings());
        release(&hub, "ひとつ").await;
        let caller = hub.caller("power-analyst").await;
        for _ in 0..200 {
            let (all, _) = hub.exchange.deliveries(&caller, &made.id, None, 10).await.unwrap();
            if all.iter().any(|one| one.state == "withheld") {
                assert_eq!(mailbox.until(1).await.len(), 1);
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nothing was withheld");
    }

    /// As its users do it: the API with a key, the link with nothing.
    a_subscription_by_mail_from_its_making_to_its_end_over_http => |hub| {
        let Some(mailbox) = Mailbox::start("", |_| {}).await else { return };
        let _work = deliver(&hub.exchange, &mailbox.settings());
        let key = hub.exchange.issue("power-analyst", sekisho::exchange::Credential::Key).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = sekisho::http::router(hub.exchange.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let client = reqwest::Client::new();
        let post = |path: &str, body: Value| {
            client.post(format!("{base}{path}")).header("X-API-Key", &key).json(&body)
        };
        let made = post("/v1/subscriptions", to("soc@power.example")).send().await.unwrap();
        assert_eq!(made.status(), 201);
        let made: Value = made.json().await.unwrap();
        assert_eq!((&made["state"], made.get("secret")), (&json!("pending"), None));
        let code = mailbox.until(1).await[0].code().unwrap();
        let place = format!("/v1/subscriptions/{}/confirm", made["id"].as_str().unwrap());
        let wrong = post(&place, json!({"code": "AAAA-AAAA"})).send().await.unwrap();
        assert_eq!(wrong.status(), 422);
        let right = post(&place, json!({"code": code})).send().await.unwrap();
        assert_eq!(right.status(), 200);
        let again = post(&place, json!({"code": code})).send().await.unwrap();
        assert_eq!(again.status(), 409, "nothing waits for a code any more");
        release(&hub, "ひとつ").await;
        let mails = told(&mailbox.until(2).await);
        let link = mails[0].header("List-Unsubscribe").trim_matches(['<', '>']).replace(HUB, &base);
        // What looks at links in mails opens them.
        let page = client.get(&link).send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        let id = made["id"].as_str().unwrap();
        assert_eq!(state(&hub, "power-analyst", id).await.state, "active");
        let click = client
            .post(&link)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("List-Unsubscribe=One-Click");
        assert_eq!(click.send().await.unwrap().status(), 200);
        assert_eq!(state(&hub, "power-analyst", id).await.state, "stopped");
        let none = client.post(format!("{base}/unsubscribe/x")).send().await.unwrap();
        assert_eq!(none.status(), 400);
        let rotate = post(&format!("/v1/subscriptions/{id}/rotate"), json!({})).send().await.unwrap();
        assert_eq!(rotate.status(), 409);
    }
}
