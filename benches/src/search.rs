//! Search among very many reports, for readers who may see all of them, one in a hundred and one in a
//! hundred thousand, beside the same words asked of the bare index; and the console's pages at that
//! size. A real hub serves them over HTTP; only its reports are written past the product, in bulk,
//! after the pattern of one that was published. They are indexed by the product.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use reqwest::Client;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use sekisho::exchange::{Credential, Exchange};
use sekisho::search::Query;
use sekisho::search::index::{Token, Wanted};
use sekisho::store::Db;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::measure::{Act, Stopwatch, of_acts};
use crate::table::{Section, grouped};

/// How often each question is asked.
const ROUNDS: usize = 60;
/// So many reports are indexed in one transaction.
const BATCH: i64 = 500;
/// Who reads all of them, and who reads those alone that are entered for them.
const ALL: &str = "power-analyst";
const HUNDREDTH: &str = "gas-desk";
const FEW: &str = "railway-publisher";

/// What is asked: a name for it, the query, and how many in a million have it.
const ASKED: [(&str, &str, &str); 4] = [
    ("a word that one in ten has", "断水", "100 000 of 1 000 000"),
    ("two such words", "断水 変電所", "10 000 of 1 000 000"),
    (
        "a word that one in 10 000 has",
        "表領域枯渇",
        "100 of 1 000 000",
    ),
    (
        "one identifier",
        "CVE-2026-700003",
        "at most 1 of 1 000 000",
    ),
];

const PAGES: [(&str, &str); 5] = [
    ("the console's home", "/console"),
    ("its list of cases", "/console/cases"),
    (
        "its search, best first",
        "/console/search?q=%E6%96%AD%E6%B0%B4",
    ),
    (
        "its search, newest first",
        "/console/search?q=%E6%96%AD%E6%B0%B4&sort=date",
    ),
    ("its statistics", "/console/statistics"),
];

/// Measures with so many reports, in a SQLite file of its own, or in the empty PostgreSQL database
/// that `SEKISHO_BENCH_DATABASE` names.
pub fn search(reports: usize) -> anyhow::Result<Section> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(measure(reports))
}

async fn measure(reports: usize) -> anyhow::Result<Section> {
    let mut section = Section::new("Search", "reports");
    let folder = tempfile::tempdir()?;
    let address = std::env::var("SEKISHO_BENCH_DATABASE")
        .unwrap_or_else(|_| format!("sqlite:{}", folder.path().join("hub.db").display()));
    let exchange = sekisho::app::open(&address, Some(sekisho::demo::COUNCIL)).await?;
    sekisho::demo::publish_cases(&exchange, 30).await?;
    let db = Db::open(&address).await?;
    let on = Database(&db);
    fill(&on, reports).await?;
    index(&db, reports, &mut section).await?;
    on.run("ANALYZE").await?;

    let listener = sekisho::app::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let mut keys = Vec::new();
    for reader in [ALL, HUNDREDTH, FEW] {
        let key = exchange.issue(reader, Credential::Key).await;
        keys.push(key.map_err(|refusal| anyhow::anyhow!("no key for {reader}: {refusal}"))?);
    }
    tokio::spawn(sekisho::app::serve(exchange.clone(), listener));
    let hub = Hub {
        client: Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?,
        base,
        size: format!("{}, {}", grouped(reports), on.name()),
    };
    hub.has_some(&keys[1], (reports / 1010).clamp(1, 20))
        .await?;
    hub.has_some(&keys[2], (reports / 99_991).clamp(1, 20))
        .await?;
    for (what, query, had) in ASKED {
        bare(&on, query, &hub.size, what, &mut section).await?;
        for (key, share) in keys.iter().zip(["all", "1 in 100", "1 in 100 000"]) {
            for (sort, order) in [("date", "newest first"), ("relevance", "best first")] {
                let path = format!("/v1/search?limit=20&sort={sort}");
                let note = format!("{had}; the reader sees {share}");
                hub.ask(
                    &format!("{what}, {order}"),
                    &path,
                    query,
                    key,
                    &note,
                    &mut section,
                )
                .await?;
            }
        }
    }
    pages(&exchange, &hub, &mut section).await?;
    Ok(section)
}

struct Hub {
    client: Client,
    base: String,
    size: String,
}

impl Hub {
    /// Asks one question many times.
    async fn ask(
        &self,
        what: &str,
        path: &str,
        query: &str,
        key: &str,
        note: &str,
        section: &mut Section,
    ) -> anyhow::Result<()> {
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base))?;
        url.query_pairs_mut().append_pair("q", query);
        let mut acts = Vec::new();
        let mut found = 0;
        for _ in 0..ROUNDS {
            let request = self.client.get(url.clone()).header("x-api-key", key);
            let watch = Stopwatch::start();
            let answer = request.send().await?;
            ensure!(answer.status() == 200, "{}: {}", url, answer.status());
            let page = answer.bytes().await?;
            acts.push(watch.stop());
            let page: Value = serde_json::from_slice(&page)?;
            found = page["items"].as_array().map_or(0, Vec::len);
        }
        let note = format!("{note}; {found} on the page; {}", last(&acts));
        section.add(what, &self.size, of_acts(&acts), note);
        Ok(())
    }
}

impl Hub {
    /// Refuses to have measured a reader of few who has none of what is asked for.
    async fn has_some(&self, key: &str, some: usize) -> anyhow::Result<()> {
        let mut url = reqwest::Url::parse(&format!("{}/v1/search", self.base))?;
        url.query_pairs_mut().append_pair("q", ASKED[0].1);
        let request = self.client.get(url).header("x-api-key", key);
        let page: Value = serde_json::from_slice(&request.send().await?.bytes().await?)?;
        let found = page["items"].as_array().map_or(0, Vec::len);
        ensure!(found >= some, "a reader of few finds {found}, not {some}");
        Ok(())
    }
}

/// The slowest but one in a hundred.
fn last(acts: &[Act]) -> String {
    let mut walls: Vec<Duration> = acts.iter().map(|act| act.wall).collect();
    walls.sort_unstable();
    let at = (walls.len() - 1) * 99 / 100;
    format!("p99 {:.1} ms", walls[at].as_secs_f64() * 1e3)
}

/// The limit: the index names the newest twenty that have the words, and their texts are read.
async fn bare(
    on: &Database<'_>,
    query: &str,
    size: &str,
    what: &str,
    section: &mut Section,
) -> anyhow::Result<()> {
    let parsed = Query::parse(query).map_err(|fault| anyhow::anyhow!("{}", fault.rule))?;
    let mut tokens = Vec::new();
    tokens_of(&Wanted::of(&parsed, &[]), &mut tokens);
    let sql = on.newest(&tokens);
    let mut acts = Vec::new();
    let mut found = 0;
    for _ in 0..ROUNDS {
        let watch = Stopwatch::start();
        let rows = on.texts(&sql).await?;
        acts.push(watch.stop());
        found = rows.len();
    }
    let note = format!(
        "the limit: no rights, no handling, no HTTP; {found} found; {}",
        last(&acts)
    );
    section.add(
        &format!("{what}: the bare index"),
        size,
        of_acts(&acts),
        note,
    );
    Ok(())
}

/// The tokens of each first way of writing the words.
fn tokens_of(wanted: &Wanted, tokens: &mut Vec<String>) {
    match wanted {
        Wanted::All(all) => all.iter().for_each(|one| tokens_of(one, tokens)),
        Wanted::Any(any) => any.iter().take(1).for_each(|one| tokens_of(one, tokens)),
        Wanted::Text(_, some) => tokens.extend(some.iter().map(|Token { text, .. }| text.clone())),
        Wanted::Mark(_) => {}
    }
}

/// The console's pages, for the reader of all.
async fn pages(exchange: &Exchange, hub: &Hub, section: &mut Section) -> anyhow::Result<()> {
    let password = exchange.issue(ALL, Credential::Password).await;
    let password = password.map_err(|refusal| anyhow::anyhow!("no password: {refusal}"))?;
    let form = format!("username={ALL}&password={password}&next=/console");
    let signed_in = hub
        .client
        .post(format!("{}/console/sign-in", hub.base))
        .header(ORIGIN, &hub.base)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await?;
    ensure!(
        signed_in.headers().contains_key(LOCATION),
        "no session: {}",
        signed_in.status()
    );
    let cookies: Vec<&str> = (signed_in.headers().get_all(SET_COOKIE).iter())
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .collect();
    let cookies = cookies.join("; ");
    let one = hub.client.get(format!("{}/console/cases", hub.base));
    let list = one.header(COOKIE, &cookies).send().await?.text().await?;
    let case = list
        .split('"')
        .find(|part| part.starts_with("/console/cases/") && part.len() > 40)
        .context("a case in the list")?
        .to_owned();
    let similar = format!("{case}/similar");
    let mut all: Vec<(&str, &str)> = PAGES.to_vec();
    all.push(("a case", &case));
    all.push(("what is like it", &similar));
    for (what, path) in all {
        let mut acts = Vec::new();
        for _ in 0..ROUNDS {
            let request = hub.client.get(format!("{}{path}", hub.base));
            let watch = Stopwatch::start();
            let answer = request.header(COOKIE, &cookies).send().await?;
            ensure!(answer.status() == 200, "{path}: {}", answer.status());
            answer.bytes().await?;
            acts.push(watch.stop());
        }
        let note = format!("target 50 ms; {}", last(&acts));
        section.add(what, &hub.size, of_acts(&acts), note);
    }
    Ok(())
}

/// What the two databases say differently.
struct Database<'a>(&'a Db);

impl Database<'_> {
    fn name(&self) -> &'static str {
        match self.0 {
            Db::Sqlite { .. } => "SQLite",
            Db::Postgres(_) => "PostgreSQL",
        }
    }

    async fn run(&self, sql: &str) -> anyhow::Result<()> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.0 {
            Db::Sqlite { write, .. } => drop(sqlx::raw_sql(sql).execute(write).await?),
            Db::Postgres(pool) => drop(sqlx::raw_sql(sql).execute(pool).await?),
        }
        Ok(())
    }

    async fn number(&self, sql: &str) -> anyhow::Result<i64> {
        let sql = AssertSqlSafe(sql.to_owned());
        let (number,): (i64,) = match self.0 {
            Db::Sqlite { read, .. } => sqlx::query_as(sql).fetch_one(read).await?,
            Db::Postgres(pool) => sqlx::query_as(sql).fetch_one(pool).await?,
        };
        Ok(number)
    }

    async fn texts(&self, sql: &str) -> anyhow::Result<Vec<(String,)>> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match self.0 {
            Db::Sqlite { read, .. } => sqlx::query_as(sql).fetch_all(read).await?,
            Db::Postgres(pool) => sqlx::query_as(sql).fetch_all(pool).await?,
        })
    }

    /// All numbers from 0 on, as a table `s (i)`.
    fn series(&self, count: usize) -> String {
        match self.0 {
            Db::Sqlite { .. } => format!(
                "WITH RECURSIVE s (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < {count} - 1)"
            ),
            Db::Postgres(_) => format!("WITH s (i) AS (SELECT generate_series(0, {count} - 1))"),
        }
    }

    /// `i` with zeroes before it, twelve digits.
    fn digits(&self) -> &'static str {
        match self.0 {
            Db::Sqlite { .. } => "substr('000000000000' || i, -12)",
            Db::Postgres(_) => "right('000000000000' || i, 12)",
        }
    }

    fn digest(&self) -> &'static str {
        match self.0 {
            Db::Sqlite { .. } => "randomblob(32)",
            Db::Postgres(_) => "sha256(i::text::bytea)",
        }
    }

    fn newest(&self, tokens: &[String]) -> String {
        let found = match self.0 {
            Db::Sqlite { .. } => {
                let tokens: Vec<String> =
                    tokens.iter().map(|token| format!("\"{token}\"")).collect();
                format!("search_gram MATCH '{}'", tokens.join(" AND "))
            }
            Db::Postgres(_) => {
                let tokens: Vec<String> =
                    tokens.iter().map(|token| format!("''{token}''")).collect();
                format!("grams @@ '{}'::tsquery", tokens.join(" & "))
            }
        };
        format!(
            "SELECT o.report FROM (SELECT rowid AS stamp FROM search_gram WHERE {found} \
             ORDER BY rowid DESC LIMIT 20) n JOIN release r ON r.stamp = n.stamp \
             JOIN object o ON o.key = r.object ORDER BY r.stamp DESC"
        )
    }
}

/// Writes the reports: each a copy of one that was published, with an id and words of its own.
async fn fill(on: &Database<'_>, reports: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    // One that goes to the reader of all in the form for other sectors.
    let pattern = on
        .texts(
            "SELECT CAST(MAX(r.stamp) AS TEXT) FROM release r JOIN object o ON o.key = r.object \
             WHERE r.side = 'outside' AND r.kind = 'incident_cause' AND o.report LIKE '%輻輳%'",
        )
        .await?;
    let Some((stamp,)) = pattern.first() else {
        bail!("no case to copy");
    };
    let one = on
        .texts(&format!(
            "SELECT o.report FROM object o JOIN release r ON r.object = o.key WHERE r.stamp = {stamp}"
        ))
        .await?;
    let mut report: Value = serde_json::from_str(&one[0].0)?;
    report["title"] = serde_json::json!({"ja": "@A@における@B@", "en": "@B@"});
    report["narrative"] = serde_json::json!({"ja": "@B@のため@C@を確認した。識別子は@D@である。"});
    // The few reports of the reader of few have a word that is asked for.
    let words = "CASE CASE WHEN i % 99991 = 3 THEN 0 ELSE i % 10 END WHEN 0 THEN '断水' WHEN 1 THEN '停電' WHEN 2 THEN 'サーバー障害' \
         WHEN 3 THEN '標的型メール' WHEN 4 THEN 'ランサムウェア' WHEN 5 THEN 'VPN装置の脆弱性' \
         WHEN 6 THEN '証明書の期限切れ' WHEN 7 THEN '設定不備' WHEN 8 THEN '回線の輻輳' ELSE '大量アクセス' END";
    let places = "CASE (i / 10) % 10 WHEN 0 THEN '変電所' WHEN 1 THEN '浄水場' WHEN 2 THEN '基幹系' \
         WHEN 3 THEN '改札' WHEN 4 THEN '電子カルテ' WHEN 5 THEN '遠隔保守' WHEN 6 THEN '管制' \
         WHEN 7 THEN '決済' WHEN 8 THEN '予約' ELSE '監視制御' END";
    let rare = "CASE WHEN i % 10000 = 7 THEN '表領域枯渇' ELSE '復旧の手順' END";
    let text = report.to_string().replace('\'', "''");
    let replaced = format!(
        "replace(replace(replace(replace('{text}', '@A@', {places}), '@B@', {words}), '@C@', {rare}), \
         '@D@', 'CVE-2026-' || i)"
    );
    let series = on.series(reports);
    // A millisecond between entries, the last one a day ago.
    let start = sekisho::clock::Clock::System.now_micros()
        - 86_400_000_000
        - i64::try_from(reports)? * 1000;
    let at = format!("{start} + CAST(i AS BIGINT) * 1000");
    let (version, object) = (
        on.number("SELECT MAX(key) FROM item_version").await? + 1,
        on.number("SELECT MAX(key) FROM object").await? + 1,
    );
    // Behind those that the running hub knows already, so that it reads them.
    let few = on.number("SELECT MAX(id) FROM audience").await? + 1;
    let fewer = few + 1;
    for (reader, audience) in [(HUNDREDTH, few), (FEW, fewer)] {
        let definition = serde_json::json!({"kind": "persons", "persons": [reader]});
        on.run(&format!(
            "INSERT INTO audience (id, digest, definition) SELECT i, {}, '{definition}' \
             FROM (SELECT {audience} AS i) s",
            on.digest(),
        ))
        .await?;
    }
    let from = format!(
        "FROM s CROSS JOIN release t JOIN object o ON o.key = t.object \
         JOIN item_version v ON v.key = t.item_version WHERE t.stamp = {stamp}"
    );
    for sql in [
        format!(
            "INSERT INTO item_version (key, item, version, kind, ceptoar, submitter_body, submitter, \
             operator, level, rule, clauses, state, holds, received_at, facts) {series} \
             SELECT {version} + i, {uuid}, 1, v.kind, v.ceptoar, v.submitter_body, v.submitter, \
             v.operator, v.level, v.rule, '[]', v.state, '[]', {at}, v.facts {from}",
            uuid = uuid(on)
        ),
        format!(
            "INSERT INTO object (key, item_version, form, stix_id, type, version, version_at, digest, \
             bytes, report) {series} SELECT {object} + i, {version} + i, o.form, 'report--' || {uuid}, \
             o.type, o.version, {at}, {digest}, replace(o.bytes, o.stix_id, 'report--' || {uuid}), \
             {replaced} {from}",
            uuid = uuid(on),
            digest = on.digest()
        ),
        format!(
            "INSERT INTO release (stamp, object, item_version, side, kind, twin, type) {series} \
             SELECT {at}, {object} + i, {version} + i, t.side, t.kind, t.twin, t.type {from}"
        ),
        format!(
            "INSERT INTO feed (audience, live, stamp, report) {series} SELECT f.audience, TRUE, {at}, \
             TRUE FROM s CROSS JOIN feed f WHERE f.stamp = {stamp} ORDER BY f.audience, i"
        ),
        format!(
            "INSERT INTO feed (audience, live, stamp, report) {series} SELECT {few}, TRUE, {at}, TRUE \
             FROM s WHERE i % 101 = 50"
        ),
        format!(
            "INSERT INTO feed (audience, live, stamp, report) {series} SELECT {fewer}, TRUE, {at}, TRUE \
             FROM s WHERE i % 99991 = 3"
        ),
    ] {
        let watch = Stopwatch::start();
        on.run(&sql).await?;
        eprintln!("  a table filled in {:.1?}", watch.stop().wall);
    }
    eprintln!("  filled in {:.0?}", began.elapsed());
    Ok(())
}

fn uuid(on: &Database<'_>) -> String {
    format!("'0198f000-0000-7000-8000-' || {}", on.digits())
}

/// The product indexes them, as it does what was there before there was an index.
async fn index(db: &Db, reports: usize, section: &mut Section) -> anyhow::Result<()> {
    let mut mark = Some(i64::MAX);
    let mut acts = Vec::new();
    let mut done = 0_i64;
    while let Some(from) = mark {
        let watch = Stopwatch::start();
        let mut tx = db.write().await?;
        mark = tx.index_older(from, BATCH).await?;
        tx.commit().await?;
        let act = watch.stop();
        let each = |time: Duration| time / u32::try_from(BATCH).unwrap_or(1);
        if mark.is_some() {
            acts.push(Act {
                wall: each(act.wall),
                cpu: each(act.cpu),
            });
        }
        done += BATCH;
        if done % 50_000 == 0 {
            eprintln!("  {done} indexed");
        }
    }
    let note = "the product's index, in transactions of 500; what there was before it";
    section.add(
        "a report is indexed",
        grouped(reports),
        of_acts(&acts),
        note,
    );
    Ok(())
}
