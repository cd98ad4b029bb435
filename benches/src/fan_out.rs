//! Fan-out: from the acknowledged publish to the last of many open streams and of many webhook
//! receivers, with other subscriptions to match beside them, and what an idle stream costs in memory.
//! The limits are a bare broadcast over the same HTTP server, in a process of its own, and bare POSTs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};

use crate::measure::{Act, of_acts};
use crate::servers::{Server, free_port, itself, raise_open_files, sekisho};
use crate::table::{Section, grouped};

/// How often something is published for each line of the table.
const ROUNDS: usize = 20;
/// Streams of one principal: fewer than the hub allows.
const EACH: usize = 30;
/// Subscriptions of one principal: as many as the hub allows.
const SUBSCRIPTIONS_EACH: usize = 50;
/// How long the last may take.
const PATIENCE: Duration = Duration::from_secs(60);
const MEDIA: &str = "application/taxii+json;version=2.1";
const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";

/// Who was told when: the number of the receiver.
type Told = mpsc::UnboundedSender<(usize, Instant)>;

/// Measures with so many streams, so many receivers, and so many subscriptions in all.
pub fn fan_out(streams: usize, subscriptions: usize) -> anyhow::Result<Section> {
    raise_open_files();
    let mut section = Section::new("Fan-out", "receivers");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        bare_broadcast(streams, &mut section).await?;
        let (told, mut heard) = mpsc::unbounded_channel();
        let receiver = receiver(told.clone()).await?;
        bare_posts(receiver, streams, &mut heard, &mut section).await?;
        let hub = sekisho()?;
        let readers = readers(&hub).await?;
        on_streams(&hub, &readers, streams, &mut section).await?;
        on_webhooks(
            &hub,
            &readers,
            receiver,
            (streams, subscriptions),
            &mut heard,
            &mut section,
        )
        .await
    })?;
    Ok(section)
}

/// One publish and all who are told of it: how long from the acknowledgement to each.
struct Round(Vec<Duration>);

impl Round {
    /// Waits until each of `count` was told.
    async fn of(
        began: Instant,
        count: usize,
        heard: &mut mpsc::UnboundedReceiver<(usize, Instant)>,
    ) -> anyhow::Result<Self> {
        let mut told = BTreeMap::new();
        while told.len() < count {
            let next = tokio::time::timeout(PATIENCE, heard.recv()).await;
            let Ok(Some((who, at))) = next else {
                bail!("only {} of {count} were told", told.len());
            };
            ensure!(told.insert(who, at).is_none(), "{who} was told twice");
        }
        let mut after: Vec<Duration> = told
            .into_values()
            .map(|at| at.saturating_duration_since(began))
            .collect();
        after.sort_unstable();
        Ok(Self(after))
    }

    fn at(&self, share: f64) -> Duration {
        let place = (self.0.len() - 1) as f64 * share;
        self.0[place.round() as usize]
    }
}

fn add(section: &mut Section, what: &str, rounds: &[Round], count: usize, note: &str) {
    let last: Vec<Act> = rounds
        .iter()
        .map(|round| Act {
            wall: round.at(1.0),
            cpu: Duration::ZERO,
        })
        .collect();
    let mut all: Vec<f64> = rounds
        .iter()
        .flat_map(|round| &round.0)
        .map(Duration::as_secs_f64)
        .collect();
    all.sort_by(f64::total_cmp);
    let at = |share: f64| 1e3 * all[((all.len() - 1) as f64 * share) as usize];
    let note = format!(
        "of each receiver p50 {:.1} ms, p99 {:.1} ms; {} rounds{note}",
        at(0.5),
        at(0.99),
        rounds.len()
    );
    section.add(what, grouped(count), of_acts(&last), note);
}

/// Reads a stream and tells of each event that names something new.
async fn listen(mut answer: reqwest::Response, who: usize, told: Told) {
    let mut open = String::new();
    while let Ok(Some(bytes)) = answer.chunk().await {
        let now = Instant::now();
        open.push_str(&String::from_utf8_lossy(&bytes));
        while let Some(end) = open.find("\n\n") {
            let event: String = open.drain(..end + 2).collect();
            let new = event.lines().any(|line| line == "event: object");
            if new && told.send((who, now)).is_err() {
                return;
            }
        }
    }
}

async fn open(address: &str, key: Option<&str>) -> anyhow::Result<reqwest::Response> {
    // Each has a connection of its own, as each is somebody else's.
    let client = Client::builder().pool_max_idle_per_host(0).build()?;
    let mut request = client.get(address);
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let answer = request.send().await?;
    ensure!(
        answer.status().is_success(),
        "a stream is refused: {}",
        answer.status()
    );
    Ok(answer)
}

/// `sekisho-benches bare-broadcast PORT`: what is posted goes to every open stream, and nothing is looked at.
pub async fn serve_bare(port: u16) -> anyhow::Result<()> {
    let (say, _) = broadcast::channel::<Bytes>(64);
    let stream = |State(say): State<broadcast::Sender<Bytes>>| async move {
        let heard = say.subscribe();
        let lines = futures_util::stream::unfold(heard, |mut heard| async move {
            let line = heard.recv().await.ok()?;
            Some((Ok::<_, Infallible>(line), heard))
        });
        (
            [("content-type", "text/event-stream")],
            Body::from_stream(lines),
        )
    };
    let publish = |State(say): State<broadcast::Sender<Bytes>>, body: Bytes| async move {
        let _ = say.send(body);
        StatusCode::NO_CONTENT
    };
    let app = axum::Router::new()
        .route("/stream", get(stream))
        .route("/publish", post(publish))
        .with_state(say);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, app).await?)
}

async fn bare_broadcast(streams: usize, section: &mut Section) -> anyhow::Result<()> {
    let port = free_port()?;
    let _server = itself("bare-broadcast", port)?;
    let (told, mut heard) = mpsc::unbounded_channel();
    let address = format!("http://127.0.0.1:{port}/stream");
    for who in 0..streams {
        let answer = open(&address, None).await?;
        tokio::spawn(listen(answer, who, told.clone()));
    }
    let line = format!(
        "event: object\nid: {}\ndata: {}\n\n",
        "x".repeat(120),
        json!({"type": "object", "id": "x".repeat(200)})
    );
    let client = Client::new();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let answer = client
            .post(format!("http://127.0.0.1:{port}/publish"))
            .body(line.clone())
            .send()
            .await?;
        ensure!(answer.status().is_success(), "{}", answer.status());
        rounds.push(Round::of(Instant::now(), streams, &mut heard).await?);
    }
    add(
        section,
        "last of all streams: the limit, a bare broadcast",
        &rounds,
        streams,
        "",
    );
    Ok(())
}

/// The receivers of all webhooks, on one port: each has a path.
async fn receiver(told: Told) -> anyhow::Result<u16> {
    let take = |State(told): State<Arc<Told>>, Path(who): Path<usize>, _body: Bytes| async move {
        let _ = told.send((who, Instant::now()));
        StatusCode::NO_CONTENT
    };
    let app = axum::Router::new()
        .route("/hook/{who}", post(take))
        .with_state(Arc::new(told));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(port)
}

async fn bare_posts(
    port: u16,
    count: usize,
    heard: &mut mpsc::UnboundedReceiver<(usize, Instant)>,
    section: &mut Section,
) -> anyhow::Result<()> {
    let client = Client::new();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for who in 0..count {
            let request = client
                .post(format!("http://127.0.0.1:{port}/hook/{who}"))
                .body("x".repeat(400));
            tokio::spawn(async move { request.send().await.map(|_| ()) });
        }
        rounds.push(Round::of(began, count, heard).await?);
    }
    add(
        section,
        "last of all webhooks: the limit, bare POSTs",
        &rounds,
        count,
        "",
    );
    Ok(())
}

fn object(n: usize) -> String {
    let object = json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{n:08x}-0000-4000-8000-{n:012x}"),
        "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
        "name": format!("Indicator {n}"), "indicator_types": ["malicious-activity"],
        "pattern": format!("[ipv4-addr:value = '10.1.{}.{}']", n >> 8 & 255, n & 255),
        "pattern_type": "stix", "valid_from": "2026-11-01T00:00:00Z", "object_marking_refs": [GREEN],
    });
    json!({"objects": [object]}).to_string()
}

/// Publishes one object; when it was acknowledged.
async fn publish(hub: &Server, n: usize) -> anyhow::Result<Instant> {
    let request = Client::new()
        .post(&hub.objects)
        .basic_auth(&hub.user.0, Some(&hub.user.1))
        .header("accept", MEDIA)
        .header("content-type", MEDIA);
    let answer = request.body(object(n)).send().await?;
    let status = answer.status();
    let now = Instant::now();
    let said: Value = serde_json::from_slice(&answer.bytes().await?)?;
    ensure!(
        status.as_u16() == 202 && said["failure_count"] == 0,
        "{status}: {said}"
    );
    Ok(now)
}

fn address(hub: &Server, path: &str) -> String {
    let base = hub.objects.split("/taxii2/").next().unwrap_or_default();
    format!("{base}{path}")
}

/// The keys of everybody who reads what is published here.
async fn readers(hub: &Server) -> anyhow::Result<Vec<String>> {
    publish(hub, 1).await?;
    let client = Client::new();
    let mut keys = Vec::new();
    for key in hub.keys.values() {
        let request = client
            .get(address(hub, "/v1/events"))
            .header("x-api-key", key);
        let page: Value = serde_json::from_slice(&request.send().await?.bytes().await?)?;
        if page["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty())
        {
            keys.push(key.clone());
        }
    }
    Ok(keys)
}

async fn on_streams(
    hub: &Server,
    readers: &[String],
    streams: usize,
    section: &mut Section,
) -> anyhow::Result<()> {
    ensure!(
        readers.len() * EACH >= streams,
        "{} readers are too few",
        readers.len()
    );
    let (told, mut heard) = mpsc::unbounded_channel();
    let before = hub.resident();
    let address = address(hub, "/v1/stream");
    let mut open_streams = Vec::new();
    for who in 0..streams {
        let key = &readers[who % readers.len()];
        open_streams.push(open(&address, Some(key)).await?);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = hub.resident().saturating_sub(before) / streams;
    let listeners = open_streams.into_iter().enumerate();
    let tasks: Vec<_> = listeners
        .map(|(who, answer)| tokio::spawn(listen(answer, who, told.clone())))
        .collect();
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let acknowledged = publish(hub, 100 + round).await?;
        rounds.push(Round::of(acknowledged, streams, &mut heard).await?);
    }
    let note = format!(
        "; {each} bytes resident for each idle stream, of {} people",
        readers.len()
    );
    add(
        section,
        "last of all streams: Sekisho, SQLite",
        &rounds,
        streams,
        &note,
    );
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

async fn subscribe(
    hub: &Server,
    key: &str,
    port: u16,
    who: usize,
    filter: Value,
) -> anyhow::Result<()> {
    let channel = json!({"type": "webhook", "url": format!("http://127.0.0.1:{port}/hook/{who}")});
    let body = json!({"name": who.to_string(), "filter": filter, "channel": channel});
    let request = Client::new()
        .post(address(hub, "/v1/subscriptions"))
        .header("x-api-key", key);
    let answer = request
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await?;
    let status = answer.status();
    ensure!(status.as_u16() == 201, "{status}: {}", answer.text().await?);
    Ok(())
}

async fn on_webhooks(
    hub: &Server,
    readers: &[String],
    port: u16,
    (receivers, all): (usize, usize),
    heard: &mut mpsc::UnboundedReceiver<(usize, Instant)>,
    section: &mut Section,
) -> anyhow::Result<()> {
    ensure!(
        readers.len() * SUBSCRIPTIONS_EACH >= all,
        "{} readers are too few",
        readers.len()
    );
    let key = |who: usize| readers[who % readers.len()].as_str();
    for who in 0..receivers {
        subscribe(hub, key(who), port, who, json!({})).await?;
    }
    let mut n = 1_000;
    for (count, note) in [
        (receivers, String::new()),
        (all, format!("; {} subscriptions matched", grouped(all))),
    ] {
        for who in receivers..count {
            // Looked at for each entry, and never met.
            let filter = json!({"kinds": ["stix"], "text": format!("nowhere{who}")});
            subscribe(hub, key(who), port, who, filter).await?;
        }
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            n += 1;
            let acknowledged = publish(hub, n).await?;
            rounds.push(Round::of(acknowledged, receivers, heard).await?);
        }
        add(
            section,
            "last of all webhooks: Sekisho, SQLite",
            &rounds,
            receivers,
            &note,
        );
        if count == all {
            break;
        }
    }
    Ok(())
}
