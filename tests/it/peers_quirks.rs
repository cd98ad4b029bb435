//! Peers that are no such hub: a server that does what servers do, one quirk to a test. Nothing of
//! what it serves is lost, nothing comes twice, and a round always ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use sekisho::config::peers::{Direction, PeerSettings};
use serde_json::{Value, json};

use crate::harness::{TestHub, both};
use crate::peers::{EXCHANGE, GREEN, indicator, peer_at, peers, post, refused, round, seen};

const TAXII: &str = "application/taxii+json;version=2.1";
const LAST: &str = "x-taxii-date-added-last";

/// A request, as the server got it.
#[derive(Clone, Debug)]
pub struct Asked {
    method: Method,
    path: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: String,
}

impl Asked {
    fn of(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    fn is(&self, what: &str) -> bool {
        self.path.trim_end_matches('/').ends_with(what)
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// A server that answers as it is told, and remembers what it was asked.
pub struct Quirky {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Quirky {
    async fn start(answer: impl Fn(&Asked) -> Response + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, kept) = (Arc::new(answer), Arc::clone(&asked));
        let handler = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
            async move {
                let query = uri.query().unwrap_or_default().split('&');
                let query = query.filter_map(|pair| pair.split_once('='));
                let decoded = |text: &str| text.replace("%3A", ":").replace("%2B", "+");
                let asked = Asked {
                    method,
                    path: uri.path().to_owned(),
                    query: query
                        .map(|(name, value)| (name.to_owned(), decoded(value)))
                        .collect(),
                    headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                kept.lock().unwrap().push(asked.clone());
                answer(&asked)
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/there/", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn pull(&self) -> PeerSettings {
        peer_at(&self.url, Direction::Pull, "power-taxii")
    }

    fn push(&self) -> PeerSettings {
        peer_at(&self.url, Direction::Push, "power-taxii")
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<String>) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), body.into()).into_response();
    response
        .headers_mut()
        .insert("content-type", TAXII.parse().unwrap());
    for (name, value) in headers {
        let name: axum::http::HeaderName = name.parse().unwrap();
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn absent() -> Response {
    answer(404, &[], "{}")
}

/// `date_added` of the n-th object: so many microseconds apart.
fn date(n: u32) -> String {
    format!(
        "2026-03-01T00:00:{:02}.{:06}Z",
        n / 1000,
        n % 1000 * 1000 + n
    )
}

/// Just before that.
fn before(n: u32) -> String {
    let at: chrono::DateTime<chrono::Utc> = date(n).parse().unwrap();
    let at = at - TimeDelta::microseconds(1);
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn envelope(numbers: &[u32], more: Value, next: Value) -> String {
    let objects: Vec<Value> = numbers.iter().map(|n| indicator(*n, GREEN)).collect();
    let mut body = json!({ "objects": objects });
    for (name, value) in [("more", more), ("next", next)] {
        if !value.is_null() {
            body[name] = value;
        }
    }
    body.to_string()
}

/// Of the objects 1 to `all`, those after the mark that was given.
fn after(asked: &Asked, all: u32) -> Vec<u32> {
    let mark = asked.of("added_after").unwrap_or_default();
    (1..=all).filter(|n| date(*n).as_str() > mark).collect()
}

/// The numbers of the indicators that power's analyst has.
async fn numbers(hub: &TestHub) -> Vec<u32> {
    let mut numbers: Vec<u32> = seen(hub, "power-taxii")
        .await
        .values()
        .filter_map(|object| {
            object["name"]
                .as_str()?
                .strip_prefix("Indicator ")?
                .parse()
                .ok()
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

/// What went wrong in a round with the only place there is.
async fn trouble(hub: &TestHub, settings: PeerSettings) -> String {
    hub.advance(TimeDelta::seconds(1));
    let turns = peers(hub, &[settings]).once(true).await;
    turns[0].failure.clone().expect("a failure")
}

/// When the only place there is will be tried again, in seconds from now.
async fn again_in(hub: &TestHub) -> i64 {
    let places = hub.exchange.all_peers().await.unwrap();
    let at: chrono::DateTime<chrono::Utc> = places[0].next_at.parse().unwrap();
    (at - hub.clock.now()).num_seconds()
}

both! {
    more_without_a_cursor_is_paged_by_the_mark => |hub| {
        let there = Quirky::start(|asked| {
            let rest = after(asked, 5);
            let page = &rest[..rest.len().min(2)];
            let last = page.last().map_or_else(String::new, |n| date(*n));
            answer(200, &[(LAST, &last)], envelope(page, json!(rest.len() > 2), Value::Null))
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1, 2, 3, 4, 5]);
        let marks: Vec<_> = there.asked().iter().map(|it| it.of("added_after").map(str::to_owned)).collect();
        // From just before the last instant: the rest of it may be on the next page.
        assert_eq!(marks, [None, Some(before(2)), Some(before(3)), Some(before(4))]);
    }

    a_cursor_without_more_is_followed_until_it_is_left_out => |hub| {
        let there = Quirky::start(|asked| match asked.of("next") {
            None => answer(200, &[(LAST, &date(2))], envelope(&[1, 2], Value::Null, json!("c+1"))),
            Some("c+1") => answer(200, &[(LAST, &date(3))], envelope(&[3], Value::Null, json!(""))),
            Some(_) => answer(400, &[], "{}"),
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1, 2, 3]);
        round(&hub, &peers(&hub, &[there.pull()])).await;
        let asked = there.asked();
        assert_eq!(asked.len(), 4, "it begins at the mark again, and reads what it had");
        assert_eq!(asked[1].of("added_after"), None, "the same filters with the cursor");
        assert_eq!(asked[2].of("added_after"), Some(date(3).as_str()));
    }

    one_cursor_may_stand_for_all_pages => |hub| {
        let count = Mutex::new(0);
        let there = Quirky::start(move |asked| {
            let mut count = count.lock().unwrap();
            *count += 1;
            if asked.query.contains_key("next") != (*count > 1) {
                return answer(400, &[], "{}");
            }
            let next = if *count < 4 { json!("one") } else { Value::Null };
            answer(200, &[(LAST, &date(*count))], envelope(&[*count], json!(*count < 4), next))
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1, 2, 3, 4]);
    }

    an_empty_page_before_the_rest_is_passed => |hub| {
        let there = Quirky::start(|asked| match asked.of("next") {
            None => answer(200, &[(LAST, "2030-01-01T00:00:00Z")], r#"{"more":true,"next":"c"}"#),
            Some(_) => answer(200, &[(LAST, &date(1))], envelope(&[1], json!(false), Value::Null)),
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1]);
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(there.asked()[2].of("added_after"), Some(date(1).as_str()));
    }

    nothing_in_any_shape_moves_no_mark => |hub| {
        let count = Arc::new(Mutex::new(0));
        let there = Quirky::start(move |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            let now = "2030-01-01T00:00:00.000000Z"; // some servers put the time there
            match *count {
                1 => answer(200, &[(LAST, now)], "{}"),
                2 => answer(200, &[(LAST, now)], r#"{"objects":[]}"#),
                3 => answer(200, &[(LAST, "undefined")], r#"{"more":false,"objects":null}"#),
                4 => answer(204, &[(LAST, now)], ""),
                _ => answer(200, &[(LAST, &date(1))], envelope(&[1], Value::Null, Value::Null)),
            }
        })
        .await;
        for _ in 0..5 {
            round(&hub, &peers(&hub, &[there.pull()])).await;
        }
        assert_eq!(numbers(&hub).await, [1]);
        assert!(there.asked().iter().all(|asked| asked.of("added_after").is_none()));
    }

    a_mark_that_is_not_given_is_taken_from_the_manifest => |hub| {
        let there = Quirky::start(|asked| {
            let rest = after(asked, 3);
            if asked.is("manifest") {
                let all: Vec<Value> = rest
                    .iter()
                    .map(|n| json!({
                        "id": indicator(*n, "")["id"], "date_added": date(*n),
                        "version": "2026-01-01T00:00:00Z",
                    }))
                    .collect();
                return answer(200, &[], json!({ "objects": all }).to_string());
            }
            let page = &rest[..rest.len().min(2)];
            answer(200, &[], envelope(page, json!(rest.len() > 2), Value::Null))
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1, 2, 3]);
        // Of the manifest only what was on the page counts.
        let marks: Vec<_> = there.asked().iter().filter_map(|it| it.of("added_after").map(str::to_owned)).collect();
        assert_eq!(marks[0], before(2));
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(there.asked().last().unwrap().of("added_after"), Some(date(3).as_str()));
    }

    without_any_mark_a_round_begins_where_the_last_one_began_and_some_before => |hub| {
        let there = Quirky::start(|asked| {
            if asked.is("manifest") {
                return absent();
            }
            let when = [("date", "Sun, 01 Mar 2026 12:00:00 GMT"), (LAST, "undefined")];
            match asked.of("next") {
                None if asked.of("added_after").is_none() =>
                    answer(200, &when, envelope(&[1, 2], json!(true), json!("c"))),
                None => answer(200, &when, envelope(&[2, 3], Value::Null, Value::Null)),
                Some(_) => answer(200, &when, envelope(&[2], json!(false), Value::Null)),
            }
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1, 2, 3]);
        let asked = there.asked();
        let last = asked.iter().rfind(|it| it.is("objects")).unwrap();
        assert_eq!(last.of("added_after"), Some("2026-03-01T11:55:00.000000Z"));
    }

    a_mark_cut_to_the_millisecond_neither_loops_nor_loses => |hub| {
        let there = Quirky::start(|asked| {
            // Three objects in one millisecond, which is all that the header says of them.
            let added = |n: u32| format!("2026-03-01T00:00:00.00100{n}Z");
            let mark = asked.of("added_after").unwrap_or_default();
            let mark = mark.strip_suffix('Z').unwrap_or(mark);
            let rest: Vec<u32> = (1..=3).filter(|n| added(*n).strip_suffix('Z').unwrap() > mark).collect();
            let page = &rest[..rest.len().min(2)];
            if asked.is("manifest") {
                let record = |n: &u32| json!({"id": indicator(*n, "")["id"], "date_added": added(*n)});
                let all: Vec<Value> = page.iter().map(record).collect();
                return answer(200, &[], json!({ "objects": all }).to_string());
            }
            let cut = [(LAST, "2026-03-01T00:00:00.001Z")];
            answer(200, &cut, envelope(page, json!(rest.len() > 2), Value::Null))
        })
        .await;
        for _ in 0..3 {
            round(&hub, &peers(&hub, &[there.pull()])).await;
        }
        assert_eq!(numbers(&hub).await, [1, 2, 3]);
        assert!(there.asked().len() < 20);
        let passed = hub.exchange.all_peers().await.unwrap()[0].passed;
        assert_eq!(passed, 3, "what comes again is no news");
        let one = hub.objects(Some("power-taxii")).await;
        let twice = one.iter().filter(|it| it.id == indicator(3, "")["id"].as_str().unwrap());
        assert_eq!(twice.count(), 1);
    }

    a_page_that_ends_within_one_instant_is_asked_for_in_one => |hub| {
        let there = Quirky::start(|asked| {
            if asked.is("manifest") {
                return absent();
            }
            let limit: usize = asked.of("limit").unwrap().parse().unwrap();
            let all: Vec<u32> = (1..=3).collect();
            let page = &all[..if limit > 500 { 3 } else { 2 }];
            let mark = "2026-03-01T00:00:00.000001Z"; // the same for all of them
            match asked.of("added_after") {
                Some(after) if after >= mark => answer(200, &[(LAST, mark)], "{}"),
                _ => answer(200, &[(LAST, mark)], envelope(page, json!(page.len() < 3), Value::Null)),
            }
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1, 2, 3]);
    }

    a_server_that_repeats_itself_is_left_and_the_failure_is_there_to_see => |hub| {
        let same = Quirky::start(|_| {
            answer(200, &[(LAST, &date(1))], envelope(&[1], json!(true), json!("again")))
        })
        .await;
        assert!(trouble(&hub, same.pull()).await.contains("same page"));
        assert_eq!(same.asked().len(), 2);
        let stays = Quirky::start(|asked| match asked.is("manifest") {
            true => absent(),
            false => answer(200, &[(LAST, &date(2))], envelope(&[2], json!(true), Value::Null)),
        })
        .await;
        let why = trouble(&hub, PeerSettings { id: "stays".to_owned(), ..stays.pull() }).await;
        assert!(why.contains("its mark stays"), "{why}");
        assert!(stays.asked().len() < 20);
        assert_eq!(numbers(&hub).await, [1, 2], "what came is not lost");
        let places = hub.exchange.all_peers().await.unwrap();
        assert!(places.iter().all(|place| place.failures == 1 && place.last_failure.is_some()));
    }

    one_bad_object_does_not_stop_the_rest => |hub| {
        let there = Quirky::start(|_| {
            let bad = json!({"type": "indicator", "spec_version": "2.1",
                "id": "indicator--8e2e2d2b-17d4-4cbf-938f-000000000099"});
            let objects = [indicator(1, GREEN), bad, json!(7), indicator(2, GREEN)];
            answer(200, &[(LAST, &date(2))], json!({ "objects": objects }).to_string())
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1, 2]);
        let refused = refused(&hub).await;
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(refused.iter().any(|why| why.contains("000000000099") && why.contains("created")), "{refused:?}");
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(there.asked()[1].of("added_after"), Some(date(2).as_str()));
    }

    a_redirect_is_followed_within_the_origin_and_nowhere_else => |hub| {
        let elsewhere = Quirky::start(|_| {
            answer(200, &[(LAST, &date(2))], envelope(&[2], Value::Null, Value::Null))
        })
        .await;
        let there = Quirky::start(|asked| match asked.path.starts_with("/new/") {
            true => answer(200, &[(LAST, &date(1))], envelope(&[1], Value::Null, Value::Null)),
            false => answer(301, &[("location", &asked.path.replace("/there/", "/new/"))], ""),
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1]);
        let away = elsewhere.url.clone();
        let lost = Quirky::start(move |_| answer(302, &[("location", &away)], "")).await;
        let why = trouble(&hub, PeerSettings { id: "lost".to_owned(), ..lost.pull() }).await;
        assert!(why.contains("another origin"), "{why}");
        assert_eq!(elsewhere.asked().len(), 0);
        assert_eq!(numbers(&hub).await, [1]);
    }

    an_address_that_is_the_discoverys_leads_to_its_api_root => |hub| {
        let there = Quirky::start(|asked| match asked.path.trim_end_matches('/') {
            "/there" => answer(200, &[], r#"{"title":"t","default":"/real/","api_roots":["/other/","/real/"]}"#),
            path if path.starts_with("/real/collections") =>
                answer(200, &[(LAST, &date(1))], envelope(&[1], Value::Null, Value::Null)),
            _ => absent(),
        })
        .await;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(numbers(&hub).await, [1]);
        let away = Quirky::start(|asked| match asked.path.trim_end_matches('/') {
            "/there" => answer(200, &[], r#"{"title":"t","default":"http://127.0.0.2:9/real/"}"#),
            _ => absent(),
        })
        .await;
        let why = trouble(&hub, PeerSettings { id: "away".to_owned(), ..away.pull() }).await;
        assert!(why.contains("404"), "{why}");
    }

    slashes_and_media_types_may_be_as_they_are => |hub| {
        // It knows no path with a slash, takes no version in `Accept`, and calls everything text.
        let there = Quirky::start(|asked| {
            if asked.path.ends_with('/') {
                return absent();
            }
            answer(200, &[("content-type", "text/plain"), (LAST, &date(1))], envelope(&[1], Value::Null, Value::Null))
        })
        .await;
        let mut settings = there.pull();
        settings.url = settings.url.trim_end_matches('/').to_owned();
        round(&hub, &peers(&hub, &[settings])).await;
        assert_eq!(numbers(&hub).await, [1]);
        let picky = Quirky::start(|asked| match asked.header("accept").contains("version") {
            true => answer(406, &[], "{}"),
            false => answer(200, &[(LAST, &date(2))], envelope(&[2], Value::Null, Value::Null)),
        })
        .await;
        round(&hub, &peers(&hub, &[PeerSettings { id: "picky".to_owned(), ..picky.pull() }])).await;
        assert_eq!(numbers(&hub).await, [1, 2]);
    }

    a_login_page_is_a_failure_and_moves_nothing => |hub| {
        let logged_in = Arc::new(Mutex::new(false));
        let state = Arc::clone(&logged_in);
        let there = Quirky::start(move |_| match *state.lock().unwrap() {
            false => answer(200, &[("content-type", "text/html"), (LAST, &date(9))], "<html>"),
            true => answer(200, &[(LAST, &date(1))], envelope(&[1], Value::Null, Value::Null)),
        })
        .await;
        assert!(trouble(&hub, there.pull()).await.contains("no envelope"));
        *logged_in.lock().unwrap() = true;
        round(&hub, &peers(&hub, &[there.pull()])).await;
        assert_eq!(there.asked()[1].of("added_after"), None);
        assert_eq!(numbers(&hub).await, [1]);
    }

    a_peer_that_asks_for_time_gets_it_and_one_that_is_down_is_asked_ever_less_often => |hub| {
        let busy = Quirky::start(|_| answer(429, &[("retry-after", "900")], "")).await;
        trouble(&hub, busy.pull()).await;
        assert_eq!(again_in(&hub).await, 900);
        // Before that it is left alone, whoever looks.
        hub.advance(TimeDelta::seconds(899));
        assert_eq!(peers(&hub, &[busy.pull()]).once(false).await.len(), 0);
        assert_eq!(busy.asked().len(), 1);
        hub.advance(TimeDelta::seconds(2));
        assert_eq!(peers(&hub, &[busy.pull()]).once(false).await.len(), 1);

        let other = hub.fresh().await;
        let state = Arc::new(Mutex::new(503));
        let status = Arc::clone(&state);
        let down = Quirky::start(move |_| match *status.lock().unwrap() {
            200 => answer(200, &[(LAST, &date(1))], envelope(&[1], Value::Null, Value::Null)),
            status => answer(status, &[], ""),
        })
        .await;
        let mut waits = Vec::new();
        for _ in 0..8 {
            trouble(&other, down.pull()).await;
            waits.push(again_in(&other).await);
        }
        for (failures, wait) in waits.iter().enumerate() {
            let most = 5 << failures;
            assert!((most / 2 - 1..=most).contains(wait), "{waits:?}");
        }
        *state.lock().unwrap() = 200;
        round(&other, &peers(&other, &[down.pull()])).await;
        assert_eq!(numbers(&other).await, [1]);
        let place = &other.exchange.all_peers().await.unwrap()[0];
        assert_eq!(place.failures, 0);
        assert!(place.last_failure.as_deref().unwrap().contains("503"), "it stays to be seen");
        assert!(again_in(&other).await <= 60);
    }

    what_a_peer_takes_is_bounded_and_what_it_refuses_is_noted => |hub| {
        for n in 1..=5 {
            post(&hub, "ict-taxii", &[indicator(n, GREEN)]).await;
        }
        let there = Quirky::start(|asked| {
            if asked.method == Method::GET && asked.is("there") {
                return answer(200, &[], r#"{"title":"t","versions":["x"],"max_content_length":3000}"#);
            }
            if asked.method == Method::GET && asked.is("status/5") {
                return answer(200, &[], json!({
                    "id": "5", "status": "complete", "total_count": 1, "failure_count": 1,
                    "failures": [{"id": "x--1", "version": "v", "message": "no room"}],
                }).to_string());
            }
            assert!(asked.body.len() <= 3000, "{}", asked.body.len());
            match asked.body.as_str() {
                body if body.contains("198.51.100.3") => answer(422, &[], "{}"),
                body if body.contains("198.51.100.4") =>
                    answer(202, &[], r#"{"id":"5","status":"pending","pending_count":1}"#),
                _ => answer(202, &[], r#"{"id":"1","status":"complete","success_count":1}"#),
            }
        })
        .await;
        round(&hub, &peers(&hub, &[there.push()])).await;
        let refused = refused(&hub).await;
        assert!(refused.iter().any(|why| why.contains("x--1: no room")), "{refused:?}");
        assert!(refused.iter().any(|why| why.contains("422")), "{refused:?}");
        assert_eq!(refused.len(), 2, "one object at fault takes no other with it");
        let taken: Vec<String> = there.asked().iter().map(|it| it.body.clone()).filter(|body| !body.contains("198.51.100.3")).collect();
        for n in [1, 2, 4, 5] {
            assert!(taken.iter().any(|body| body.contains(&format!("198.51.100.{n}"))), "{n}");
        }
        let posts = there.asked().len();
        round(&hub, &peers(&hub, &[there.push()])).await;
        assert_eq!(there.asked().len(), posts, "it is not asked again for nothing");
    }

    what_a_peer_missed_while_it_was_down_reaches_it_in_order => |hub| {
        let up = Arc::new(Mutex::new(false));
        let state = Arc::clone(&up);
        let there = Quirky::start(move |asked| match (*state.lock().unwrap(), asked.is("there")) {
            (false, _) => answer(503, &[("retry-after", "1")], ""),
            (true, true) => answer(200, &[], "{}"),
            (true, false) => answer(202, &[], r#"{"id":"1","status":"complete"}"#),
        })
        .await;
        for n in 1..=3 {
            post(&hub, "ict-taxii", &[indicator(n, GREEN)]).await;
            trouble(&hub, there.push()).await;
        }
        *up.lock().unwrap() = true;
        round(&hub, &peers(&hub, &[there.push()])).await;
        let asked = there.asked();
        let text: String = asked.iter().map(|asked| asked.body.as_str()).collect();
        let at = |n: u32| text.find(&format!("198.51.100.{n}'")).unwrap();
        assert!(at(1) < at(2) && at(2) < at(3));
        assert_eq!(text.matches("198.51.100.2'").count(), 1);
        assert!(asked.iter().all(|it| it.method == Method::GET || it.path.contains(EXCHANGE)));
    }
}
