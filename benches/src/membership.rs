//! One operator moves to another CEPTOAR, in a hub of many operators and many items: how long until it
//! is in effect, and how long the older entries then take to be copied for it. The hub is a real one on
//! SQLite in a temporary folder; only its items are written past the product, in bulk.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use sekisho::clock::Clock;
use sekisho::council::resolve::Narrowing;
use sekisho::council::{BodyKind, CouncilFile, Directory, resolve_level};
use sekisho::exchange::read::ObjectQuery;
use sekisho::exchange::secret::sha256;
use sekisho::exchange::{Caller, Exchange};
use sekisho::handling::{BodyId, Channel, Side, cut};
use sekisho::store::{Db, Tx};
use sqlx::sqlite::SqlitePool;

use crate::council::{Shape, council, operator};
use crate::measure::{Act, Stopwatch, of_acts};
use crate::mix::{now, origin};
use crate::table::{Section, grouped, short};

/// How often an operator is moved.
const MOVES: usize = 5;

/// Entries of one kind: whose they are, and who reads them.
struct Template {
    ceptoar: BodyId,
    side: &'static str,
    form: &'static str,
    rule: String,
    audiences: Vec<i64>,
}

/// Measures with so many operators and items.
pub fn membership(operators: usize, items: usize) -> anyhow::Result<Section> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(measure(operators, items))
}

async fn measure(operators: usize, items: usize) -> anyhow::Result<Section> {
    let mut section = Section::new("A membership change", "of");
    let folder = tempfile::tempdir()?;
    let address = format!("sqlite:{}", folder.path().join("hub.db").display());
    let db = Db::open(&address).await?;
    let exchange = Exchange::open(db.clone(), Clock::System).await?;
    let mut file = council(operators + 25, Shape::AsInLife)?;
    let text = toml::to_string(&file)?;
    exchange.apply_council(&text).await?;

    let directory = exchange.directory();
    let mut tx = db.write().await?;
    let templates = templates(&directory, &mut tx).await?;
    tx.commit().await?;
    let watch = Stopwatch::start();
    let feed = fill(&db, &templates, items).await?;
    let (audiences,) = count(&db, "SELECT COUNT(*) FROM audience").await?;
    let size = format!("{} operators, {} items", grouped(operators), grouped(items));
    let scene = format!(
        "{audiences} audiences, {feed} feed rows, council file of {} kB, database of {} MB",
        text.len() / 1000,
        std::fs::metadata(folder.path().join("hub.db"))?.len() / 1_000_000
    );
    eprintln!("  filled in {:.0?}: {scene}", watch.stop().wall);

    parts(&mut section, &text, &size)?;
    let mut changes = Changes::default();
    for n in 0..MOVES {
        let moved = move_one(&exchange, &db, &mut file, n * 17 + 3, &mut section, &size).await?;
        changes.push(moved);
    }
    changes.report(&mut section, &size, &scene);
    another_process(&mut section, &address, &size).await?;
    Ok(section)
}

#[derive(Default)]
struct Changes {
    apply: Vec<Act>,
    view: Vec<Act>,
    page: Vec<Act>,
}

impl Changes {
    fn push(&mut self, [apply, view, page]: [Act; 3]) {
        self.apply.push(apply);
        self.view.push(view);
        self.page.push(page);
    }

    fn report(&self, section: &mut Section, size: &str, scene: &str) {
        let cpu = |acts: &[Act]| {
            let all: f64 = acts.iter().map(|act| act.cpu.as_nanos() as f64).sum();
            format!("{} of CPU", short(all / acts.len() as f64))
        };
        let note = format!("{}; {scene}", cpu(&self.apply));
        section.add("`apply_council`", size, of_acts(&self.apply), note);
        section.add(
            "the member's first view after",
            size,
            of_acts(&self.view),
            cpu(&self.view),
        );
        section.add(
            "its first page of 100",
            size,
            of_acts(&self.page),
            cpu(&self.page),
        );
        let whole: Vec<Act> = (self.apply.iter().zip(&self.view).zip(&self.page))
            .map(|((apply, view), page)| Act {
                wall: apply.wall + view.wall + page.wall,
                cpu: apply.cpu + view.cpu + page.cpu,
            })
            .collect();
        section.add(
            "in effect: all three",
            size,
            of_acts(&whole),
            "wall time; target: under 1 s",
        );
    }
}

/// What of `apply_council` depends on the file alone.
fn parts(section: &mut Section, text: &str, size: &str) -> anyhow::Result<()> {
    let (mut parse, mut index) = (Vec::new(), Vec::new());
    for _ in 0..MOVES {
        let watch = Stopwatch::start();
        let file = CouncilFile::parse(text).map_err(|faults| {
            anyhow::anyhow!("{}", faults.first().map_or("", |f| f.message.as_str()))
        })?;
        parse.push(watch.stop());
        let watch = Stopwatch::start();
        std::hint::black_box(Directory::new(1, file));
        index.push(watch.stop());
    }
    let note = "part of `apply_council`";
    section.add(
        "`council.toml` read and checked",
        size,
        of_acts(&parse),
        note,
    );
    section.add("`Directory::new`", size, of_acts(&index), note);
    Ok(())
}

/// Moves the nth operator to the next CEPTOAR; sees that it is so.
async fn move_one(
    exchange: &Exchange,
    db: &Db,
    file: &mut CouncilFile,
    n: usize,
    section: &mut Section,
    size: &str,
) -> anyhow::Result<[Act; 3]> {
    let id = BodyId::from(operator(n));
    let ceptoars: Vec<BodyId> = (file.bodies.iter())
        .filter(|body| body.kind == BodyKind::Ceptoar)
        .map(|body| body.id.clone())
        .collect();
    let mut bodies = file.bodies.iter_mut();
    let body = bodies.find(|body| body.id == id).context("no operator")?;
    let from = body.ceptoars[0].clone();
    let at = ceptoars.iter().position(|ceptoar| *ceptoar == from);
    let to = ceptoars[(at.context("no CEPTOAR")? + 5) % ceptoars.len()].clone();
    body.ceptoars = vec![to.clone()];
    body.sectors = (file.sectors.iter())
        .filter(|sector| sector.ceptoars.iter().any(|dated| dated.body == to))
        .map(|sector| sector.code.clone())
        .collect();
    let text = toml::to_string(&file)?;

    let name = format!("{id}-reader");
    let of = |ceptoar: &BodyId| {
        format!(
            "SELECT COUNT(*) FROM item_version v JOIN release r ON r.item_version = v.key \
             JOIN feed f ON f.stamp = r.stamp WHERE r.side = 'inside' AND v.ceptoar = '{ceptoar}' \
             AND f.audience IN "
        )
    };
    let sees = async |ceptoar: &BodyId| -> anyhow::Result<i64> {
        let caller = caller(exchange, &name).await?;
        let within = audiences_of(db, &caller).await?;
        Ok(count(db, &format!("{}({within})", of(ceptoar))).await?.0)
    };
    if n == 3 {
        ensure!(
            sees(&from).await? > 0,
            "the member reads its CEPTOAR before"
        );
        ensure!(sees(&to).await? == 0, "and not the other");
    }

    let watch = Stopwatch::start();
    exchange.apply_council(&text).await?;
    let applied = watch.stop();
    let watch = Stopwatch::start();
    let caller = caller(exchange, &name).await?;
    let view = exchange.view(Some(&caller), Channel::Taxii).await?;
    let viewed = watch.stop();
    let watch = Stopwatch::start();
    let query = ObjectQuery {
        limit: 100,
        ..ObjectQuery::default()
    };
    let (page, _) = exchange.objects(&view, &query).await?;
    let paged = watch.stop();
    ensure!(!page.is_empty(), "the member reads nothing");

    if n == 3 {
        ensure!(
            sees(&from).await? == 0,
            "the member still reads its former CEPTOAR"
        );
        catch_up(exchange, db, section, size).await?;
    }
    Ok([applied, viewed, paged])
}

/// The copying in the background of what is older than the move.
async fn catch_up(
    exchange: &Exchange,
    db: &Db,
    section: &mut Section,
    size: &str,
) -> anyhow::Result<()> {
    let releases = "SELECT COUNT(*) FROM release";
    let (before,) = count(db, releases).await?;
    let watch = Stopwatch::start();
    exchange.act_on_time().await?;
    let act = watch.stop();
    let (after,) = count(db, releases).await?;
    let copied = after - before;
    ensure!(copied > 0, "nothing was copied for the member");
    let thousand = |time: std::time::Duration| time.mul_f64(1000.0 / copied as f64);
    let each = Act {
        wall: thousand(act.wall),
        cpu: thousand(act.cpu),
    };
    section.add(
        "older entries copied, per 1 000",
        size,
        of_acts(&[each]),
        format!(
            "{copied} in {:.1?}, once, in the background; {} of CPU per 1 000",
            act.wall,
            short(each.cpu.as_nanos() as f64)
        ),
    );
    Ok(())
}

/// A hub process that did not apply the change reads the file at its next request.
async fn another_process(section: &mut Section, address: &str, size: &str) -> anyhow::Result<()> {
    let db = Db::open(address).await?;
    let watch = Stopwatch::start();
    let other = Exchange::open(db, Clock::System).await?;
    let opened = watch.stop();
    let watch = Stopwatch::start();
    let caller = caller(&other, &format!("{}-reader", operator(3))).await?;
    other.view(Some(&caller), Channel::Taxii).await?;
    let viewed = watch.stop();
    let note = "reads the council file once";
    section.add("another hub process starts", size, of_acts(&[opened]), note);
    let note = "reads every audience once";
    section.add("its first view", size, of_acts(&[viewed]), note);
    Ok(())
}

async fn caller(exchange: &Exchange, name: &str) -> anyhow::Result<Caller> {
    exchange.caller(name).await?.context("nobody of that name")
}

/// The audiences that the caller is in, as a list for SQL; asked of the definitions themselves.
async fn audiences_of(db: &Db, caller: &Caller) -> anyhow::Result<String> {
    let mut tx = db.read().await?;
    let mut within = Vec::new();
    for (id, definition) in tx.audiences_after(0).await? {
        let audience: sekisho::handling::Audience = serde_json::from_str(&definition)?;
        if audience.admits(&caller.reader, Channel::Taxii, now()) {
            within.push(id.to_string());
        }
    }
    Ok(within.join(", "))
}

/// What every CEPTOAR's every level is cut into, interned as the hub does.
async fn templates(directory: &Directory, tx: &mut Tx) -> anyhow::Result<Vec<Template>> {
    let mut templates = Vec::new();
    let ceptoars: Vec<_> = (directory.bodies())
        .filter(|body| body.kind == BodyKind::Ceptoar)
        .collect();
    for (n, ceptoar) in ceptoars.iter().enumerate() {
        let origin = origin(directory, n);
        let scheme = directory
            .scheme_of(&ceptoar.id, now().date_naive())
            .context("a CEPTOAR has a scheme")?;
        for level in &scheme.levels {
            let plain = Narrowing::default();
            let of = (scheme.id.as_str(), scheme.version);
            let rule = resolve_level(directory, of, level, &origin, &plain, now()).rule;
            let text = serde_json::to_string(&rule)?;
            for side in ["inside", "outside"] {
                let cut_on = match side {
                    "inside" => Side::Inside(&origin.ceptoar),
                    _ => Side::Outside(&origin.ceptoar),
                };
                let mut forms: BTreeMap<&'static str, Vec<i64>> = BTreeMap::new();
                for (form, audience) in cut(&rule.access, cut_on) {
                    let definition = serde_json::to_string(&audience)?;
                    let digest = sha256(definition.as_bytes());
                    let id = match tx.audience(&digest).await? {
                        Some(id) => id,
                        None => {
                            let id = tx.take("audience", 0, 1).await?;
                            tx.add_audience(id, &digest, &definition).await?;
                            id
                        }
                    };
                    forms.entry(form.word()).or_default().push(id);
                }
                for (form, audiences) in forms {
                    templates.push(Template {
                        ceptoar: origin.ceptoar.clone(),
                        side,
                        form,
                        rule: text.clone(),
                        audiences,
                    });
                }
            }
        }
    }
    Ok(templates)
}

/// Writes the items, one released entry each, and holds one in five thousand; the number of rows by
/// which entries reach audiences.
async fn fill(db: &Db, templates: &[Template], items: usize) -> anyhow::Result<i64> {
    let pool = pool(db)?;
    let run = async |sql: String| sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await;
    run(
        "PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY; BEGIN; \
         CREATE TEMP TABLE kind (n BIGINT PRIMARY KEY, ceptoar, side, form, rule); \
         CREATE TEMP TABLE reads (n BIGINT, audience BIGINT);"
            .to_owned(),
    )
    .await?;
    for (n, t) in templates.iter().enumerate() {
        let rule = t.rule.replace('\'', "''");
        run(format!(
            "INSERT INTO kind VALUES ({n}, '{}', '{}', '{}', '{rule}')",
            t.ceptoar, t.side, t.form
        ))
        .await?;
        for audience in &t.audiences {
            run(format!("INSERT INTO reads VALUES ({n}, {audience})")).await?;
        }
    }
    // A millisecond between entries, the last one a day ago.
    let start = Clock::System.now_micros() - 86_400_000_000 - items as i64 * 1000;
    let all = format!(
        "WITH RECURSIVE all_items (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM all_items \
         WHERE i < {items} - 1), item AS (SELECT i, {start} + i * 1000 AS stamp, \
         (i * 7919) % {} AS n, i % 5000 = 77 AS held FROM all_items)",
        templates.len()
    );
    let id = "'incident--' || printf('%08x-0000-4000-8000-%012x', i, i)";
    for sql in [
        format!(
            "INSERT INTO item_version (key, item, version, kind, ceptoar, submitter_body, submitter, \
             level, rule, clauses, state, holds, received_at) {all} SELECT i + 1, printf('%012x', i), 1, \
             'incident_cause', kind.ceptoar, kind.ceptoar, 'somebody', 'S1 v1', \
             iif(held, kind.rule, '{{}}'), '[]', iif(held, 'held', 'released'), '[]', stamp \
             FROM item JOIN kind ON kind.n = item.n ORDER BY i"
        ),
        format!(
            "INSERT INTO object (key, item_version, form, stix_id, type, version, version_at, digest, \
             bytes) {all} SELECT i + 1, i + 1, kind.form, {id}, 'incident', \
             '2026-01-01T00:00:00.000Z', stamp, randomblob(32), \
             '{{\"type\":\"incident\",\"spec_version\":\"2.1\",\"id\":\"' || {id} || '\",\"name\":\"item ' \
             || i || '\",\"description\":\"' || hex(zeroblob(100)) || '\"}}' \
             FROM item JOIN kind ON kind.n = item.n ORDER BY i"
        ),
        format!(
            "INSERT INTO release (stamp, object, item_version, side, kind, twin) {all} SELECT stamp, \
             i + 1, i + 1, kind.side, 'incident_cause', '' FROM item JOIN kind ON kind.n = item.n \
             WHERE NOT held ORDER BY stamp"
        ),
        format!(
            "INSERT INTO feed (audience, live, stamp, report) {all} SELECT reads.audience, TRUE, stamp, \
             FALSE FROM item JOIN reads ON reads.n = item.n WHERE NOT held \
             ORDER BY reads.audience, stamp"
        ),
    ] {
        let watch = Stopwatch::start();
        run(sql).await?;
        eprintln!("  a table filled in {:.1?}", watch.stop().wall);
    }
    run("DROP TABLE temp.kind; DROP TABLE temp.reads; COMMIT; \
         PRAGMA wal_checkpoint(TRUNCATE); PRAGMA cache_size = -2000;"
        .to_owned())
    .await?;
    Ok(count(db, "SELECT COUNT(*) FROM feed").await?.0)
}

fn pool(db: &Db) -> anyhow::Result<&SqlitePool> {
    match db {
        Db::Sqlite { write, .. } => Ok(write),
        Db::Postgres(_) => anyhow::bail!("the bench fills SQLite"),
    }
}

async fn count(db: &Db, sql: &str) -> anyhow::Result<(i64,)> {
    let Db::Sqlite { read, .. } = db else {
        anyhow::bail!("the bench reads SQLite");
    };
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql.to_owned()))
        .fetch_one(read)
        .await?)
}
