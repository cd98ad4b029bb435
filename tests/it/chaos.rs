//! Hubs killed with -9 while they publish, fan out and deliver, against receivers that hang, cut the
//! line, answer late or refuse: whoever is due something gets it, once by its id and in order, and
//! nobody gets anything else. Real processes of the real program; two of them on PostgreSQL.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::harness::{TestHub, both};
use crate::streams::Wire;

/// Objects that each of two writers posts; every third stays in its own sector.
const OBJECTS: usize = 24;
/// So often one of the processes is killed.
const KILLS: usize = 6;
/// A claim of a killed process ends after a minute; then comes the retry's.
const PATIENCE: Duration = Duration::from_secs(240);
const MEDIA: &str = "application/taxii+json;version=2.1";
const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
const AMBER: &str = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";

/// One serving process, which a test may kill and start again.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(database: &str, config: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--database",
                database,
                "--config",
            ])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("sekisho serves ")
            .expect("where it serves")
            .to_owned();
        Self { child, url }
    }

    /// As `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the processes serve now; a killed one's address refuses until it is replaced.
#[derive(Clone, Default)]
struct Addresses(Arc<RwLock<Vec<String>>>, Arc<AtomicUsize>);

impl Addresses {
    fn any(&self) -> String {
        let all = self.0.read().unwrap();
        let turn = self.1.fetch_add(1, Ordering::Relaxed);
        all[turn % all.len()].clone()
    }
}

/// How a receiver behaves to the n-th request that reaches it.
type Behaviour = fn(usize) -> Answer;

enum Answer {
    Takes,
    TakesLate,
    Says(u16),
    Cuts,
}

/// What came: the delivery's id and what it tells of.
#[derive(Clone, Default)]
struct Heard {
    requests: Arc<AtomicUsize>,
    /// Ids of deliveries that failed on purpose once: not again, since the third attempt is minutes away.
    failed: Arc<Mutex<BTreeSet<String>>>,
    arrived: Arc<Mutex<Vec<(String, Value)>>>,
}

async fn take(
    State((heard, behaviour)): State<(Heard, Behaviour)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let n = heard.requests.fetch_add(1, Ordering::SeqCst);
    let first = heard.failed.lock().unwrap().insert(id.clone());
    let (note, answer) = match behaviour(n) {
        Answer::Says(status) if first => (false, StatusCode::from_u16(status).unwrap()),
        Answer::Cuts if first => panic!("the line is cut"),
        Answer::TakesLate => {
            sleep(Duration::from_secs(2)).await;
            (true, StatusCode::OK)
        }
        _ => (true, StatusCode::NO_CONTENT),
    };
    if note {
        heard.arrived.lock().unwrap().push((id, body));
    }
    answer
}

impl Heard {
    async fn start(behaviour: Behaviour) -> (Self, String) {
        let heard = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = Router::new()
            .fallback(take)
            .with_state((heard.clone(), behaviour));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (heard, url)
    }

    /// The ids told, in order; of one delivery that came twice only the first.
    fn told(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let arrived = self.arrived.lock().unwrap();
        let once = arrived.iter().filter(|(id, _)| seen.insert(id.clone()));
        let data = once.flat_map(|(_, body)| match &body["data"]["items"] {
            Value::Array(items) => items.clone(),
            _ => vec![body["data"].clone()],
        });
        data.map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Posts one object until some process has said that it is taken. Posting it again changes nothing.
async fn post(addresses: &Addresses, key: &str, who: &str, n: usize) {
    let marking = if n.is_multiple_of(3) { AMBER } else { GREEN };
    let object = json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{n:08x}-0000-4000-8000-{n:012x}"),
        "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
        "name": format!("Indicator {n}"), "indicator_types": ["malicious-activity"],
        "pattern": format!("[ipv4-addr:value = '10.9.{}.{}']", n >> 8, n & 255), "pattern_type": "stix",
        "valid_from": "2026-11-01T00:00:00Z", "object_marking_refs": [marking],
    });
    let body = json!({"objects": [object]}).to_string();
    loop {
        let address = format!(
            "{}/taxii2/council/collections/exchange/objects/",
            addresses.any()
        );
        let request = reqwest::Client::new()
            .post(address)
            .basic_auth(who, Some(key));
        let request = request
            .header("accept", MEDIA)
            .header("content-type", MEDIA);
        match request.body(body.clone()).send().await {
            Ok(answer) if answer.status() == 202 => {
                let Ok(said) = answer.json::<Value>().await else {
                    continue;
                };
                assert_eq!(said["failure_count"], 0, "{said}");
                return;
            }
            Ok(answer) => assert!(answer.status().is_server_error(), "{}", answer.status()),
            Err(_) => {} // killed before it answered: nobody knows whether it was taken
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Asks some process until one answers.
async fn ask(addresses: &Addresses, path: &str, key: &str) -> Value {
    loop {
        let request = reqwest::Client::new().get(format!("{}{path}", addresses.any()));
        if let Ok(answer) = request.header("x-api-key", key).send().await
            && answer.status() == 200
            && let Ok(page) = answer.json().await
        {
            return page;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Everything a reader has, in the order of its release.
async fn due(addresses: &Addresses, key: &str) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ask(addresses, &format!("/v1/events?limit=20{cursor}"), key).await;
        let items = page["items"].as_array().unwrap();
        all.extend(
            items
                .iter()
                .map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Reads a stream over every cut, from where it was; `begun` when it is first answered.
async fn listen(
    addresses: Addresses,
    key: String,
    told: Arc<Mutex<Vec<String>>>,
    begun: Arc<AtomicUsize>,
) {
    let mut last: Option<String> = None;
    loop {
        let url = addresses.any();
        let Some(mut wire) = Wire::try_open(&url, &key, last.as_deref()).await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        while let Some((event, id, data)) = wire.next_or_end().await {
            if last.is_none() {
                begun.fetch_add(1, Ordering::SeqCst);
            }
            if event != "ready" {
                told.lock()
                    .unwrap()
                    .push(data["id"].as_str().unwrap().to_owned());
            }
            last = Some(id);
        }
    }
}

/// Polls a collection by the mark of the last page, as TAXII clients do.
async fn poll(
    addresses: Addresses,
    key: String,
    who: &'static str,
    told: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
) {
    let mut mark = String::new();
    loop {
        let over = stop.load(Ordering::SeqCst);
        let address = format!(
            "{}/taxii2/council/collections/exchange/objects/?limit=5{mark}",
            addresses.any()
        );
        let request = reqwest::Client::new()
            .get(address)
            .basic_auth(who, Some(&key))
            .header("accept", MEDIA);
        let Ok(answer) = request.send().await else {
            continue;
        };
        let last = answer
            .headers()
            .get("x-taxii-date-added-last")
            .map(|last| last.to_str().unwrap().to_owned());
        let (200, Ok(page)) = (answer.status().as_u16(), answer.json::<Value>().await) else {
            continue;
        };
        let objects = page["objects"].as_array().cloned().unwrap_or_default();
        let ids = objects.iter().filter(|one| one["type"] == "indicator");
        told.lock()
            .unwrap()
            .extend(ids.map(|one| one["id"].as_str().unwrap().to_owned()));
        match last {
            Some(last) if !objects.is_empty() => mark = format!("&added_after={last}"),
            _ if over => return,
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}

fn moody(n: usize) -> Answer {
    match n % 7 {
        2 => Answer::Says(500),
        4 => Answer::Cuts,
        5 => Answer::TakesLate,
        _ => Answer::Takes,
    }
}

fn busy(n: usize) -> Answer {
    match n % 9 {
        3 => Answer::Says(429),
        6 => Answer::Says(302),
        _ => Answer::Takes,
    }
}

both! {
    hubs_are_killed_all_along_and_everybody_gets_what_is_due_once_and_in_order => |hub| {
        run(&hub).await;
    }
}

async fn run(hub: &TestHub) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("sekisho.toml");
    std::fs::write(
        &config,
        "[receivers]\nnetworks = [\"127.0.0.0/8\"]\nhttp = true\n",
    )
    .unwrap();
    // A file has one writing process.
    let count = if hub.address.starts_with("sqlite") {
        1
    } else {
        2
    };
    let mut processes: Vec<Process> = (0..count)
        .map(|_| Process::start(&hub.address, &config))
        .collect();
    let addresses = Addresses::default();
    *addresses.0.write().unwrap() = processes.iter().map(|one| one.url.clone()).collect();

    let mut subscribers = Vec::new();
    let begun = Arc::new(AtomicUsize::new(0));
    for (who, behaviour) in [
        ("logistics-analyst", (|_| Answer::Takes) as Behaviour),
        ("power-analyst", moody),
        ("water-analyst", busy),
    ] {
        let (heard, url) = Heard::start(behaviour).await;
        let key = hub.key(who).await;
        let body = json!({"channel": {"type": "webhook", "url": url}});
        let request = reqwest::Client::new().post(format!("{}/v1/subscriptions", addresses.any()));
        let answer = request
            .header("x-api-key", &key)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        let streamed = Arc::new(Mutex::new(Vec::new()));
        let stream = tokio::spawn(listen(
            addresses.clone(),
            key.clone(),
            streamed.clone(),
            begun.clone(),
        ));
        subscribers.push((who, key, heard, streamed, stream));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let polled = Arc::new(Mutex::new(Vec::new()));
    let poller = hub.key("power-taxii").await;
    let polling = tokio::spawn(poll(
        addresses.clone(),
        poller.clone(),
        "power-taxii",
        polled.clone(),
        stop.clone(),
    ));
    // A stream tells of what comes after its beginning, so all have begun before the first object.
    while begun.load(Ordering::SeqCst) < subscribers.len() {
        sleep(Duration::from_millis(20)).await;
    }

    let key = hub.key("logistics-taxii").await;
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let (addresses, key) = (addresses.clone(), key.clone());
            tokio::spawn(async move {
                for n in 0..OBJECTS {
                    post(&addresses, &key, "logistics-taxii", n * 2 + writer).await;
                    sleep(Duration::from_millis(60)).await;
                }
            })
        })
        .collect();
    for kill in 0..KILLS {
        // Not in step with anything: before the commit, between commit and send, during, after.
        sleep(Duration::from_millis(350 + 97 * kill as u64)).await;
        let at = kill % count;
        processes[at].kill();
        processes[at] = Process::start(&hub.address, &config);
        *addresses.0.write().unwrap() = processes.iter().map(|one| one.url.clone()).collect();
    }
    for writer in writers {
        writer.await.unwrap();
    }

    let until = Instant::now() + PATIENCE;
    for (who, key, heard, streamed, stream) in subscribers {
        let due = due(&addresses, &key).await;
        let inside = who == "logistics-analyst";
        assert_eq!(
            due.len(),
            if inside {
                2 * OBJECTS
            } else {
                2 * OBJECTS * 2 / 3
            },
            "{who}"
        );
        let arrived = || heard.told().len().min(streamed.lock().unwrap().len());
        while arrived() < due.len() && Instant::now() < until {
            sleep(Duration::from_millis(200)).await;
        }
        // What would come that is not due has a moment to come.
        sleep(Duration::from_secs(1)).await;
        assert_eq!(heard.told(), due, "{who}, by webhook");
        assert_eq!(*streamed.lock().unwrap(), due, "{who}, by stream");
        stream.abort();
    }
    stop.store(true, Ordering::SeqCst);
    polling.await.unwrap();
    let due: BTreeSet<String> = due(&addresses, &poller).await.into_iter().collect();
    let polled = polled.lock().unwrap().clone();
    assert_eq!(
        polled.len(),
        due.len(),
        "the poller got something twice, or not at all"
    );
    assert_eq!(polled.into_iter().collect::<BTreeSet<_>>(), due);
}
