//! The console over HTTP: sessions, the locks on its forms, its headers, what it hides.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use reqwest::{Client, StatusCode, header};
use sekisho::exchange::Credential;
use sekisho::exchange::sessions::{Limits, SignedIn};
use sekisho::http::console::PAGES;
use serde_json::json;

use crate::harness::{TestHub, both, sample, without_cases};

/// A browser with its cookies; it follows no redirect by itself.
pub struct Browser {
    base: String,
    client: Client,
    cookies: BTreeMap<String, String>,
    language: &'static str,
}

pub struct Answer {
    pub status: StatusCode,
    headers: header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The token that the page's forms carry.
    pub fn token(&self) -> String {
        after(&self.text, "name=\"token\" value=\"").to_owned()
    }
}

pub fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    let (_, rest) = text
        .split_once(mark)
        .unwrap_or_else(|| panic!("no `{mark}` in {text}"));
    rest.split('"').next().unwrap()
}

pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Browser {
    fn at(base: &str) -> Self {
        let none = reqwest::redirect::Policy::none();
        Self {
            base: base.to_owned(),
            client: Client::builder().redirect(none).build().unwrap(),
            cookies: BTreeMap::new(),
            language: "en",
        }
    }

    pub async fn signed_in(hub: &TestHub, base: &str, who: &str) -> Self {
        let password = hub.exchange.issue(who, Credential::Password).await.unwrap();
        let mut browser = Self::at(base);
        let answer = browser.sign_in(who, &password, "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        browser
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header("cookie", cookies.join("; "))
            .header("accept-language", self.language)
            .header("accept", "text/html");
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        for set in headers.get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Answer {
            status: response.status(),
            headers,
            text: response.text().await.unwrap(),
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.base));
        self.send(request).await
    }

    async fn post_from(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        from: (&str, &str),
    ) -> Answer {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header(from.0, from.1)
            .body(body.join("&"));
        self.send(request).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.base.clone();
        self.post_from(path, fields, ("origin", &origin)).await
    }

    /// Sends a form as one of this session's own pages does.
    pub async fn send_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get("/console/account").await.token();
        let mut all = vec![("token", token.as_str())];
        all.extend(fields);
        self.post(path, &all).await
    }

    async fn sign_in(&mut self, who: &str, password: &str, next: &str) -> Answer {
        let fields = [("username", who), ("password", password), ("next", next)];
        self.post("/console/sign-in", &fields).await
    }

    async fn is_in(&mut self) -> bool {
        self.get("/console/account").await.status == StatusCode::OK
    }
}

const SESSION: &str = "sekisho-session";

both! {
    a_session_is_new_at_each_sign_in_and_over_after_signing_out => |hub| {
        let base = hub.serve().await;
        let password = hub.exchange.issue("power-analyst", Credential::Password).await.unwrap();
        let mut browser = Browser::at(&base);
        assert!(!browser.is_in().await);
        let answer = browser.sign_in("power-analyst", &password, "").await;
        let set = answer.headers.get_all("set-cookie").iter();
        let set: Vec<&str> = set.map(|value| value.to_str().unwrap()).collect();
        assert!(set[0].starts_with("sekisho-session=") && set[0].ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set:?}");
        assert!(browser.is_in().await);
        // A session that was planted or is old is not taken over: signing in makes another and ends it.
        let first = browser.cookies[SESSION].clone();
        browser.sign_in("power-analyst", &password, "").await;
        assert_ne!(browser.cookies[SESSION], first);
        let mut old = Browser::at(&base);
        old.cookies.insert(SESSION.to_owned(), first);
        assert!(!old.is_in().await);
        // Another hub process on the same database knows it too.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let elsewhere = format!("http://{}", listener.local_addr().unwrap());
        let router = sekisho::http::router(hub.another().await);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut there = Browser::at(&elsewhere);
        there.cookies = browser.cookies.clone();
        assert!(there.is_in().await);
        let token = there.get("/console/account").await.token();
        there.post("/console/sign-out", &[("token", &token)]).await;
        assert!(!browser.is_in().await);
    }

    a_session_ends_when_unused_old_or_its_key_or_person_is_gone => |hub| {
        let base = hub.serve().await;
        let mut idle = Browser::signed_in(&hub, &base, "power-analyst").await;
        hub.advance(TimeDelta::minutes(59));
        assert!(idle.is_in().await);
        hub.advance(TimeDelta::minutes(61));
        assert!(!idle.is_in().await);
        let mut worn = Browser::signed_in(&hub, &base, "power-analyst").await;
        for _ in 0..13 {
            hub.advance(TimeDelta::minutes(55));
            assert!(worn.is_in().await);
        }
        hub.advance(TimeDelta::minutes(6));
        assert!(!worn.is_in().await, "twelve hours are over");
        let mut revoked = Browser::signed_in(&hub, &base, "power-analyst").await;
        let mut other = Browser::signed_in(&hub, &base, "gas-analyst").await;
        hub.exchange.revoke("power-analyst").await.unwrap();
        assert!(!revoked.is_in().await);
        assert!(other.is_in().await);
        let council = without_cases(sekisho::demo::COUNCIL);
        let mut council: toml::Table = toml::from_str(&council).unwrap();
        let people = council["principals"].as_array_mut().unwrap();
        people.retain(|one| one["id"].as_str() != Some("gas-analyst"));
        hub.exchange.apply_council(&toml::to_string(&council).unwrap()).await.unwrap();
        assert!(!other.is_in().await);
    }

    signing_out_everywhere_ends_ones_own_sessions_and_no_others => |hub| {
        let base = hub.serve().await;
        let mut one = Browser::signed_in(&hub, &base, "power-analyst").await;
        let mut two = Browser::signed_in(&hub, &base, "power-analyst").await;
        let mut other = Browser::signed_in(&hub, &base, "gas-analyst").await;
        let page = one.get("/console/account").await;
        let sessions: Vec<&str> = page.text.split("name=\"session\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(sessions.len(), 2);
        // Another's session has a name that only its owner can end.
        let token = other.get("/console/account").await.token();
        let theirs = [("token", token.as_str()), ("session", sessions[0])];
        assert_eq!(other.post("/console/account/sessions/end", &theirs).await.status, StatusCode::NOT_FOUND);
        assert!(one.is_in().await && two.is_in().await);
        one.post("/console/account/sessions/end-all", &[("token", &page.token())]).await;
        assert!(!one.is_in().await && !two.is_in().await);
        assert!(other.is_in().await);
    }

    failures_make_a_name_wait_but_not_in_the_browser_its_owner_uses => |hub| {
        let base = hub.serve().await;
        let password = hub.exchange.issue("power-analyst", Credential::Password).await.unwrap();
        let mut own = Browser::at(&base);
        own.sign_in("power-analyst", &password, "").await;
        own.cookies.remove(SESSION);
        let mut stranger = Browser::at(&base);
        for name in ["power-analyst", "nobody-at-all"] {
            for _ in 0..10 {
                assert_eq!(stranger.sign_in(name, "guess", "").await.status, StatusCode::UNAUTHORIZED);
            }
            // A name that nobody has answers alike.
            let waits = stranger.sign_in(name, "guess", "").await;
            assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
            assert!(waits.header("retry-after").parse::<i64>().unwrap() <= 900);
        }
        let right = stranger.sign_in("power-analyst", &password, "").await;
        assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(own.sign_in("power-analyst", &password, "").await.status, StatusCode::SEE_OTHER);
        // A mark of a browser is of one name: made up or another's, it opens nothing.
        stranger.cookies.insert("sekisho-browser".to_owned(), "made-up".to_owned());
        assert_eq!(stranger.sign_in("power-analyst", &password, "").await.status, StatusCode::TOO_MANY_REQUESTS);
        hub.advance(TimeDelta::minutes(15));
        assert_eq!(stranger.sign_in("power-analyst", &password, "").await.status, StatusCode::SEE_OTHER);
    }

    who_guesses_many_at_once_tries_no_more_than_one_by_one => |hub| {
        let guesses = (0..40).map(|_| hub.exchange.sign_in(("power-analyst", "guess"), None, None));
        let ended = futures_util::future::join_all(guesses).await;
        let tried = ended.into_iter().filter(|one| matches!(one, Ok(SignedIn::No))).count();
        assert_eq!(tried, 10);
    }

    a_form_is_taken_from_this_origin_with_its_own_sessions_token => |hub| {
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        let mut other = Browser::signed_in(&hub, &base, "gas-analyst").await;
        let token = browser.get("/console/account").await.token();
        let theirs = other.get("/console/account").await.token();
        let own = [("token", token.as_str())];
        for from in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("x-nothing", "1")] {
            let answer = browser.post_from("/console/sign-out", &own, from).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{from:?}");
        }
        for wrong in [theirs.as_str(), "", "00000000-0000-0000-0000-000000000000"] {
            let answer = browser.post("/console/sign-out", &[("token", wrong)]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{wrong}");
        }
        assert!(browser.is_in().await);
        let answer = browser.post_from("/console/sign-out", &own, ("sec-fetch-site", "same-origin")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(!browser.is_in().await);
        // Signing in and choosing a language need no session, and are still of this origin alone.
        for path in ["/console/sign-in", "/console/language"] {
            let fields = [("username", "a"), ("password", "b"), ("language", "en")];
            let answer = browser.post_from(path, &fields, ("origin", "https://evil.example")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
        // Every page that does something is behind both.
        let mut again = Browser::signed_in(&hub, &base, "power-analyst").await;
        for (method, path) in PAGES.iter().filter(|(method, path)| *method == "POST" && !["/console/sign-in", "/console/language"].contains(path)) {
            let path = path.replace("{id}", "1");
            let answer = again.post(&path, &[("token", "wrong")]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
        }
    }

    pages_bind_the_browser_and_hold_nothing_inline => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        let mut css = String::new();
        for path in ["/console", "/console/cases", "/console/publish", "/console/rules", "/console/search", "/console/statistics", "/console/nowhere"] {
            let page = browser.get(path).await;
            assert_eq!(page.header("content-security-policy"),
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                 form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                 trusted-types sekisho");
            assert_eq!(page.header("cache-control"), "no-store");
            assert_eq!(page.header("x-frame-options"), "DENY");
            assert_eq!(page.header("referrer-policy"), "same-origin");
            for inline in ["<style", " style=", "<script>", " onclick", "javascript:", "http://", "https://"] {
                assert!(!page.text.contains(inline), "{path}: {inline}");
            }
            css = after(&page.text, "rel=\"stylesheet\" href=\"").to_owned();
        }
        let file = browser.get(&css).await;
        assert_eq!(file.status, StatusCode::OK);
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
        assert!(!file.text.contains("url(") && !file.text.contains("@import"));
        assert_eq!(browser.get("/console/files/console-0.css").await.status, StatusCode::NOT_FOUND);
    }

    behind_tls_cookies_are_bound_to_the_host => |hub| {
        hub.exchange.limit_sessions(Limits { behind_tls: true, ..Limits::default() });
        let base = hub.serve().await;
        let password = hub.exchange.issue("power-analyst", Credential::Password).await.unwrap();
        let mut browser = Browser::at(&base);
        let answer = browser.sign_in("power-analyst", &password, "").await;
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(set.starts_with("__Host-") && set.contains("; Secure") && set.contains("; Path=/;"), "{set}");
        }
        assert!(browser.is_in().await);
        // The same id under the name without the prefix is no session.
        let id = browser.cookies.remove("__Host-sekisho-session").unwrap();
        browser.cookies.insert(SESSION.to_owned(), id);
        assert!(!browser.is_in().await);
    }

    nobody_is_led_out_and_programs_find_the_front_as_it_was => |hub| {
        let base = hub.serve().await;
        let password = hub.exchange.issue("power-analyst", Credential::Password).await.unwrap();
        let mut browser = Browser::at(&base);
        for next in ["https://evil.example/", "//evil.example", "/console//evil.example", "/console\\..\\x", "/v1/reports"] {
            let answer = browser.sign_in("power-analyst", &password, next).await;
            assert_eq!(answer.header("location"), "/console", "{next}");
        }
        let answer = browser.sign_in("power-analyst", &password, "/console/cases?kind=best_practice").await;
        assert_eq!(answer.header("location"), "/console/cases?kind=best_practice");
        assert_eq!(browser.get("/").await.header("location"), "/console");
        let plain = Client::new().get(&base).send().await.unwrap();
        assert_eq!(plain.status(), StatusCode::NOT_FOUND);
    }

    what_is_hidden_answers_as_what_is_not => |hub| {
        let hidden = hub.publish("finance-publisher", &sample("FIN-02")).await.unwrap().id;
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        let unknown = "00000000-0000-4000-8000-000000000000";
        for path in ["/console/cases/ID", "/console/cases/ID/stix", "/console/cases/ID/similar", "/console/advisories/ID", "/console/advisories/ID/board",
            "/console/approvals/ID", "/console/ledger/ID", "/console/nowhere/ID"] {
            let one = browser.get(&path.replace("ID", &hidden)).await;
            let other = browser.get(&path.replace("ID", unknown)).await;
            assert_eq!((one.status, other.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND), "{path}");
            assert_eq!(one.text.replace(&hidden, "ID"), other.text.replace(unknown, "ID"), "{path}");
        }
        let token = browser.get("/console/account").await.token();
        for path in ["/console/cases/ID/feedback", "/console/advisories/ID/pass-on", "/console/approvals/ID", "/console/notices/ID"] {
            let fields = [("token", token.as_str()), ("type", "ack"), ("decision", "approve")];
            let one = browser.post(&path.replace("ID", &hidden), &fields).await;
            let other = browser.post(&path.replace("ID", unknown), &fields).await;
            assert_eq!((one.status, other.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND), "{path}");
            assert_eq!(one.text.replace(&hidden, "ID"), other.text.replace(unknown, "ID"), "{path}");
        }
        // Its own desk reads it.
        let mut desk = Browser::signed_in(&hub, &base, "finance-desk").await;
        assert_eq!(desk.get(&format!("/console/cases/{hidden}")).await.status, StatusCode::OK);
    }

    every_page_asks_who_one_is_and_answers_every_role => |hub| {
        let base = hub.serve().await;
        let mut nobody = Browser::at(&base);
        let mut roles = Vec::new();
        for who in ["power-analyst", "ict-desk", "power-poc", "power-op1-member", "nco-advisor", "secretariat", "auditor", "admin"] {
            roles.push((who, Browser::signed_in(&hub, &base, who).await));
        }
        for (_, path) in PAGES.iter().filter(|(method, path)| *method == "GET" && *path != "/console/sign-in") {
            let asked = path.replace("{id}", "1");
            let answer = nobody.get(&asked).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
            assert_eq!(answer.header("location"), format!("/console/sign-in?next={asked}"));
            for (who, browser) in &mut roles {
                let drafts = ["power-poc", "secretariat"].contains(who);
                let hidden = path.contains("{id}") || (*path == "/console/rules/plan" && !drafts);
                let wanted = if hidden { StatusCode::NOT_FOUND } else { StatusCode::OK };
                let answer = browser.get(&asked).await;
                assert_eq!(answer.status, wanted, "{path} {who}");
            }
        }
        for (_, path) in PAGES.iter().filter(|(method, path)| *method == "POST" && !["/console/sign-in", "/console/language"].contains(path)) {
            let answer = nobody.post(&path.replace("{id}", "1"), &[]).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        }
    }

    law_4_a_hidden_item_changes_no_byte_of_anothers_pages => |hub| {
        let secret = [7; 32];
        let (with, without) = (hub.fresh_with_secret(&secret).await, hub.fresh_with_secret(&secret).await);
        with.publish("finance-publisher", &sample("FIN-02")).await.unwrap();
        without.advance(TimeDelta::seconds(1));
        let mut shown = String::new();
        for hub in [&with, &without] {
            shown = hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap().id;
        }
        // The newest of all is hidden too.
        let mut last = sample("FIN-02");
        last["reference"] = json!("FIN-99");
        with.publish("finance-publisher", &last).await.unwrap();
        without.advance(TimeDelta::seconds(1));
        let mut case = String::new();
        let mut pages = Vec::new();
        for hub in [&with, &without] {
            let base = hub.serve().await;
            let mut browser = Browser::signed_in(hub, &base, "power-analyst").await;
            let list = browser.get("/console/cases").await.text;
            case = after(&list, "<a href=\"/console/cases/").to_owned();
            let mut texts = Vec::new();
            for path in ["/console", "/console/cases", "/console/cases?kind=incident_cause", "/console/approvals", "/console/advisories",
                "/console/notices", "/console/search", "/console/search?q=%E9%9A%9C%E5%AE%B3", "/console/search?sort=date", "/console/statistics",
                "/console/statistics/csv", &format!("/console/cases/{case}/similar"), "/console/publish", "/console/directory", "/console/rules", "/console/account",
                &format!("/console/cases/{case}"), &format!("/console/cases/{shown}")] {
                texts.push((path.to_owned(), blanked(&browser.get(path).await.text)));
            }
            pages.push(texts);
        }
        assert_ne!(case, shown, "the reader has a rendition");
        for (one, other) in pages[0].iter().zip(&pages[1]) {
            assert_eq!(one, other);
        }
        // The same comparison sees a difference where there is one: at the hidden item's own desk.
        let mut desks = Vec::new();
        for hub in [&with, &without] {
            let base = hub.serve().await;
            let mut desk = Browser::signed_in(hub, &base, "finance-desk").await;
            desks.push(blanked(&desk.get("/console/cases").await.text));
        }
        assert_ne!(desks[0], desks[1]);
    }

    who_may_only_look_gets_the_page_and_no_copy => |hub| {
        hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        let base = hub.serve().await;
        // The one has declared that it stores in Japan, the other has not.
        for (who, copy) in [("finance-op2-member", true), ("finance-op5-member", false)] {
            let mut browser = Browser::signed_in(&hub, &base, who).await;
            let list = browser.get("/console").await.text;
            let case = format!("/console/cases/{}", after(&list, "<a href=\"/console/cases/"));
            let page = browser.get(&case).await;
            assert_eq!(page.status, StatusCode::OK);
            assert_eq!(page.text.contains("keep no copy"), !copy, "{who}");
            assert_eq!(page.text.contains("/stix\""), copy, "{who}");
            let stix = browser.get(&format!("{case}/stix")).await;
            assert_eq!(stix.status == StatusCode::OK, copy, "{who} {}", stix.status);
        }
    }

    what_a_report_says_is_never_run => |hub| {
        let attack = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'";
        let mut report = sample("ICT-02");
        report["title"] = json!({ "en": attack });
        report["lesson"] = json!({ "en": attack });
        hub.publish("ict-publisher", &report).await.unwrap();
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        let list = browser.get("/console").await.text;
        let page = browser.get(&format!("/console/cases/{}", after(&list, "<a href=\"/console/cases/"))).await.text;
        for text in [&list, &page] {
            assert!(text.contains("&#60;script&#62;alert(1)"), "{text}");
            assert!(!text.contains("<script>alert") && !text.contains("<img"), "{text}");
        }
        // What comes back in a form is escaped too.
        let mut desk = Browser::signed_in(&hub, &base, "ict-desk").await;
        let token = desk.get("/console/publish").await.token();
        let fields = [("token", token.as_str()), ("title_en", attack), ("act", "publish")];
        let refused = desk.post("/console/publish", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains("/summary") || refused.text.contains("summary"));
        assert!(!refused.text.contains("<img"), "{}", refused.text);
    }

    the_language_is_the_choice_else_the_browsers => |hub| {
        let base = hub.serve().await;
        let mut browser = Browser::at(&base);
        assert!(browser.get("/console/sign-in").await.text.contains("<html lang=\"en\">"));
        browser.language = "ja,en;q=0.5";
        assert!(browser.get("/console/sign-in").await.text.contains("<html lang=\"ja\">"));
        let fields = [("language", "en"), ("place", "https://evil.example")];
        let answer = browser.post("/console/language", &fields).await;
        assert_eq!(answer.header("location"), "/console");
        assert!(browser.get("/console/sign-in").await.text.contains("<html lang=\"en\">"));
        let answer = browser.post("/console/language", &[("language", "fr")]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }

    sending_a_form_twice_publishes_once_and_checking_publishes_nothing => |hub| {
        let base = hub.serve().await;
        let mut desk = Browser::signed_in(&hub, &base, "ict-desk").await;
        let page = desk.get("/console/publish").await;
        let (token, once) = (page.token(), after(&page.text, "name=\"once\" value=\"").to_owned());
        let mut fields = vec![
            ("token", token.as_str()), ("once", once.as_str()), ("kind", "incident_cause"), ("level", "S2 第2種"),
            ("title_ja", "経路変更の確認漏れ"), ("summary_ja", "確認が足りなかった。"), ("sector", "ict"),
            ("event_types", "system_unavailable"), ("cause_types", "user_error"), ("act", "preview"),
        ];
        let checked = desk.post("/console/publish", &fields).await;
        assert_eq!(checked.status, StatusCode::OK);
        assert!(checked.text.contains("Bodies that get it"), "{}", checked.text);
        assert!(checked.text.contains("value=\"経路変更の確認漏れ\""));
        assert_eq!(hub.reports(Some("ict-desk")).await.len(), 0);
        *fields.last_mut().unwrap() = ("act", "publish");
        let sent = desk.post("/console/publish", &fields).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
        let again = desk.post("/console/publish", &fields).await;
        assert_eq!(again.header("location"), sent.header("location"));
        assert_eq!(hub.reports(Some("ict-desk")).await.len(), 1);
        // Who is no publisher is told so, by the same rule as the API's.
        let mut reader = Browser::signed_in(&hub, &base, "power-analyst").await;
        let token = reader.get("/console/account").await.token();
        fields[0] = ("token", token.as_str());
        assert_eq!(reader.post("/console/publish", &fields).await.status, StatusCode::FORBIDDEN);
    }
}

/// A page without what is random in every session.
fn blanked(page: &str) -> String {
    let mut text = page.to_owned();
    for mark in [
        "name=\"token\" value=\"",
        "name=\"session\" value=\"",
        "name=\"once\" value=\"",
    ] {
        let parts: Vec<&str> = text.split(mark).collect();
        let mut out = parts[0].to_owned();
        for part in &parts[1..] {
            out.push_str(mark);
            out.push_str(part.split_once('"').unwrap().1);
        }
        text = out;
    }
    text
}
