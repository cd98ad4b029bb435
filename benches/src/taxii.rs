//! TAXII beside other servers: objects taken, pages given, polls with nothing new. One load, four
//! connections, the same objects for each server; the limits are a raw insert and a static file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};

use crate::measure::{Act, of_acts};
use crate::servers::{Server, medallion, nginx, opentaxii, sekisho};
use crate::table::{Section, grouped};

const CONNECTIONS: usize = 4;
const ENVELOPE: usize = 100;
/// How long one kind of request is asked.
const ASK: Duration = Duration::from_secs(4);
const MEDIA: &str = "application/taxii+json;version=2.1";
const GREEN: &str = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb";
const CLEAR: &str = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";
/// One object in so many is free for everybody.
const RARE: usize = 100_000;
/// Peers are asked at so many items: one of them takes seconds for a page of more.
const PEERS_MAX: usize = 10_000;

/// Measures with so many items in the hub at the end.
pub fn taxii(items: usize, peers: bool) -> anyhow::Result<Section> {
    let mut section = Section::new("TAXII", "objects");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let sizes = [1_000.min(items), items];
    raw_insert(&runtime, &mut section, sizes[1].min(100_000))?;
    let hub = sekisho()?;
    let mut page = Vec::new();
    let mut at = 0;
    for size in sizes {
        if size > at {
            ingest(&runtime, &hub, at, size, &mut section)?;
            at = size;
        }
        page = reads(&runtime, &hub, size, &mut section)?;
    }
    drop(hub);
    if let Some(file) = nginx(&page)? {
        ask(
            &runtime,
            &file,
            "the limit of a page",
            "",
            file.objects.clone(),
            page.len(),
            &mut section,
        )?;
    }
    if peers {
        for start in [medallion, opentaxii] {
            let peer = start()?;
            let size = items.min(PEERS_MAX);
            ingest(&runtime, &peer, 0, size, &mut section)?;
            reads(&runtime, &peer, size, &mut section)?;
        }
    }
    Ok(section)
}

fn uuid(n: usize) -> String {
    format!("{:08x}-0000-4000-8000-{:012x}", n % 0xffff_ffff, n)
}

/// About 1.9 KiB, as an indicator with its description is.
fn indicator(n: usize) -> Value {
    let words = "A host of this network was seen to ask for commands. ".repeat(26);
    json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{}", uuid(n)),
        "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
        "name": format!("Indicator {n}"), "description": words, "indicator_types": ["malicious-activity"],
        "pattern": format!("[ipv4-addr:value = '10.{}.{}.{}']", n >> 16 & 255, n >> 8 & 255, n & 255),
        "pattern_type": "stix", "valid_from": "2026-11-01T00:00:00Z",
        "object_marking_refs": [if n % RARE == 7 { CLEAR } else { GREEN }],
    })
}

fn envelope(from: usize, to: usize) -> String {
    json!({ "objects": (from..to).map(indicator).collect::<Vec<_>>() }).to_string()
}

fn ingest(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    from: usize,
    to: usize,
    section: &mut Section,
) -> anyhow::Result<()> {
    let next = Arc::new(AtomicUsize::new(from));
    let began = Instant::now();
    let acts: Vec<Act> = runtime.block_on(async {
        let workers = (0..CONNECTIONS).map(|_| {
            let (next, address, user) = (next.clone(), server.objects.clone(), server.user.clone());
            tokio::spawn(async move {
                let client = Client::new();
                let mut acts = Vec::new();
                loop {
                    let first = next.fetch_add(ENVELOPE, Ordering::Relaxed);
                    if first >= to {
                        return anyhow::Ok(acts);
                    }
                    let last = to.min(first + ENVELOPE);
                    let body = envelope(first, last);
                    let sent = Instant::now();
                    let request = client.post(&address).basic_auth(&user.0, Some(&user.1));
                    let request = request
                        .header("accept", MEDIA)
                        .header("content-type", MEDIA);
                    let answer = request.body(body).send().await?;
                    let status = answer.status();
                    let said: Value = serde_json::from_slice(&answer.bytes().await?)?;
                    ensure!(status.as_u16() == 202, "{status}: {said}");
                    ensure!(said["failure_count"] == 0, "refused: {said}");
                    let wall = sent.elapsed() / (last - first) as u32;
                    acts.push(Act {
                        wall,
                        cpu: Duration::ZERO,
                    });
                }
            })
        });
        let mut all = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            all.extend(worker.await??);
        }
        anyhow::Ok(all)
    })?;
    let rate = (to - from) as f64 / began.elapsed().as_secs_f64();
    let note = format!(
        "{rate:.0} objects/s over {CONNECTIONS} connections; {} MB resident",
        server.resident() / 1_000_000
    );
    section.add(
        &format!("take: {}", server.name),
        grouped(to),
        of_acts(&acts),
        note,
    );
    Ok(())
}

/// Every kind of reading; the bytes of a first page.
fn reads(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    size: usize,
    section: &mut Section,
) -> anyhow::Result<Vec<u8>> {
    let base = &server.objects;
    let (first, _) = get(runtime, server, &format!("{base}?limit=100"))?;
    let count = count(&first);
    ensure!(count == 100, "{}: a first page of {count}", server.name);
    let marks = marks(runtime, server, size)?;
    let id = format!("indicator--{}", uuid(size / 2));
    let kinds = [
        ("first page of 100", format!("{base}?limit=100")),
        (
            "page of 100 from the middle",
            format!("{base}?limit=100&added_after={}", marks.0),
        ),
        (
            "page of 100 by type",
            format!("{base}?limit=100&match[type]=indicator"),
        ),
        ("one by id", format!("{base}?match[id]={id}")),
        (
            "poll, nothing new",
            format!("{base}?limit=100&added_after={}", marks.1),
        ),
    ];
    for (what, address) in kinds {
        ask(runtime, server, what, &grouped(size), address, 0, section)?;
    }
    if let Some(public) = &server.public {
        let what = "page of who may read 1 in 100 000";
        ask(
            runtime,
            server,
            what,
            &grouped(size),
            format!("{public}?limit=100"),
            0,
            section,
        )?;
    }
    Ok(first)
}

fn count(page: &[u8]) -> usize {
    let page: Value = serde_json::from_slice(page).unwrap_or_default();
    page["objects"].as_array().map_or(0, Vec::len)
}

/// A mark in the middle of a collection, and its last.
fn marks(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    size: usize,
) -> anyhow::Result<(String, String)> {
    let mark = |address: String| {
        let (_, mark) = get(runtime, server, &address)?;
        mark.context("no date of the last object")
    };
    let of = |n: usize| format!("{}?match[id]=indicator--{}", server.objects, uuid(n));
    let middle = mark(of(size / 2))?;
    let mut last = mark(of(size - 1))?;
    // Others may have come in after it: the last envelopes were sent side by side.
    loop {
        let address = format!("{}?limit=1000&added_after={last}", server.objects);
        let (page, next) = get(runtime, server, &address)?;
        if count(&page) == 0 {
            return Ok((middle, last));
        }
        last = next.context("no date of the last object")?;
    }
}

fn get(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    address: &str,
) -> anyhow::Result<(Vec<u8>, Option<String>)> {
    runtime.block_on(async {
        let request = Client::new()
            .get(address)
            .basic_auth(&server.user.0, Some(&server.user.1));
        let answer = request.header("accept", MEDIA).send().await?;
        let mark = answer.headers().get("x-taxii-date-added-last");
        let mark = mark.and_then(|mark| Some(mark.to_str().ok()?.to_owned()));
        ensure!(
            answer.status().is_success(),
            "{address}: {}",
            answer.status()
        );
        Ok((answer.bytes().await?.to_vec(), mark))
    })
}

/// Asks one thing over and over on every connection.
fn ask(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    what: &str,
    size: &str,
    address: String,
    bytes: usize,
    section: &mut Section,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let acts: Vec<Act> = runtime.block_on(async {
        let workers = (0..CONNECTIONS).map(|_| {
            let (address, user) = (address.clone(), server.user.clone());
            tokio::spawn(async move {
                let client = Client::new();
                let mut acts = Vec::new();
                let began = Instant::now();
                while began.elapsed() < ASK || acts.is_empty() {
                    let sent = Instant::now();
                    let request = client.get(&address).basic_auth(&user.0, Some(&user.1));
                    let answer = request.header("accept", MEDIA).send().await?;
                    ensure!(
                        answer.status().is_success(),
                        "{address}: {}",
                        answer.status()
                    );
                    let read = answer.bytes().await?.len();
                    ensure!(bytes == 0 || read == bytes, "{read} bytes");
                    acts.push(Act {
                        wall: sent.elapsed(),
                        cpu: Duration::ZERO,
                    });
                }
                anyhow::Ok(acts)
            })
        });
        let mut all = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            all.extend(worker.await??);
        }
        anyhow::Ok(all)
    })?;
    let rate = acts.len() as f64 / began.elapsed().as_secs_f64();
    let note = format!("{rate:.0} requests/s over {CONNECTIONS} connections");
    section.add(
        &format!("{what}: {}", server.name),
        size,
        of_acts(&acts),
        note,
    );
    Ok(())
}

/// What the disk gives: rows of the same bytes with an index, a hundred in a transaction that is synced.
fn raw_insert(
    runtime: &tokio::runtime::Runtime,
    section: &mut Section,
    items: usize,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("raw.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let texts: Vec<(String, String)> = (0..items)
        .map(|n| (format!("indicator--{}", uuid(n)), indicator(n).to_string()))
        .collect();
    let began = Instant::now();
    let acts = runtime.block_on(async {
        let pool = SqlitePool::connect_with(options).await?;
        sqlx::query("CREATE TABLE object (stamp INTEGER PRIMARY KEY, id TEXT NOT NULL, bytes TEXT NOT NULL)").execute(&pool).await?;
        sqlx::query("CREATE INDEX object_id ON object (id)").execute(&pool).await?;
        let mut acts = Vec::new();
        for (at, rows) in texts.chunks(ENVELOPE).enumerate() {
            let sent = Instant::now();
            let mut tx = pool.begin().await?;
            for (n, (id, bytes)) in rows.iter().enumerate() {
                let stamp = (at * ENVELOPE + n) as i64;
                let insert = sqlx::query("INSERT INTO object VALUES (?, ?, ?)");
                insert.bind(stamp).bind(id).bind(bytes).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            acts.push(Act { wall: sent.elapsed() / rows.len() as u32, cpu: Duration::ZERO });
        }
        anyhow::Ok(acts)
    })?;
    let rate = items as f64 / began.elapsed().as_secs_f64();
    let note = format!("{rate:.0} objects/s, one writer");
    section.add(
        "take: the limit, raw indexed insert, SQLite FULL",
        grouped(items),
        of_acts(&acts),
        note,
    );
    Ok(())
}
