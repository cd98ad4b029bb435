//! Every surface a reader can ask, as one list. Each asks the hub as one reader and returns every
//! answer whole; the twin run compares them byte by byte. A new surface is one line in [`SURFACES`]
//! and its function; one whose bytes may differ (salts, signatures) blanks them here and says why.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use super::model::ANYBODY;
use super::world::{Answer, Known, World};

mod following;

pub use following::kept_sets;
use following::{compare, exports, saved_searches, sets};

/// One reader's questions to one surface.
pub struct Ask<'a> {
    pub world: &'a World,
    pub reader: &'a str,
    /// Ids to try, the same for both hubs of a twin run.
    pub known: &'a Known,
}

type Asking<'a> = Pin<Box<dyn Future<Output = Vec<Answer>> + Send + 'a>>;

/// A surface: its name, whether it is asked often between acts or seldom, and how to ask. At the end
/// of an episode all of them are.
pub struct Surface {
    pub name: &'static str,
    pub often: bool,
    pub ask: for<'a> fn(&'a Ask<'a>) -> Asking<'a>,
}

macro_rules! surfaces {
    ($($name:ident: $often:literal,)+) => {
        &[$(Surface { name: stringify!($name), often: $often, ask: |ask| Box::pin($name(ask)) },)+]
    };
}

/// Every surface that exists.
pub const SURFACES: &[Surface] = surfaces! {
    small_pages: false,
    marks: false,
    versions: false,
    filters: false,
    collections: false,
    by_id: true,
    report_by_id: true,
    statuses: true,
    events: false,
    stream: true,
    stream_resumed: false,
    sent: true,
    deliveries: false,
    pushed: false,
    view_only: true,
    reach: false,
    feedback: false,
    boards: false,
    search: false,
    search_words: false,
    similar: false,
    stats: false,
    exports: false,
    compare: false,
    sets: true,
    saved_searches: true,
    others_requests: false,
    directory: false,
    ledger: true,
    dry_runs: false,
    errors: false,
};

/// What a reader without login has of TAXII is one root, everybody else the other.
fn root(reader: &str) -> &'static str {
    if reader == ANYBODY {
        "/taxii2/public"
    } else {
        "/taxii2/council"
    }
}

impl Ask<'_> {
    async fn get(&self, path: &str) -> Answer {
        self.world.get(self.reader, path).await
    }

    /// A TAXII list, page after page by its cursor.
    async fn pages(&self, path: &str) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = match &next {
                None => path.to_owned(),
                Some(next) => format!("{path}{join}next={next}"),
            };
            let answer = self.get(&page).await;
            next = answer.json()["next"].as_str().map(str::to_owned);
            answers.push(answer);
            if next.is_none() {
                return answers;
            }
        }
    }

    /// A TAXII list, page after page by the last stamp shown.
    async fn by_mark(&self, path: &str) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::new();
        let mut mark = None;
        loop {
            let page = match &mark {
                None => path.to_owned(),
                Some(mark) => format!("{path}&added_after={mark}"),
            };
            let answer = self.get(&page).await;
            let more = answer.json()["more"] == true;
            mark = answer.header("x-taxii-date-added-last").map(str::to_owned);
            answers.push(answer);
            if !more {
                return answers;
            }
        }
    }

    /// A REST list, page after page.
    async fn list(&self, path: &str) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = match &cursor {
                None => path.to_owned(),
                Some(cursor) => format!("{path}&cursor={cursor}"),
            };
            let answer = self.get(&page).await;
            cursor = answer.json()["next"].as_str().map(str::to_owned);
            answers.push(answer);
            if cursor.is_none() {
                return answers;
            }
        }
    }

    fn anybody(&self) -> bool {
        self.reader == ANYBODY
    }
}

async fn events(ask: &Ask<'_>) -> Vec<Answer> {
    if ask.anybody() {
        return Vec::new();
    }
    let mut all = ask.list("/v1/events?limit=3").await;
    all.extend(
        ask.list("/v1/events?limit=100&sector=finance&severity=1")
            .await,
    );
    all
}

/// What was heard on a stream that was open all the time.
async fn stream(ask: &Ask<'_>) -> Vec<Answer> {
    vec![Answer {
        request: "the stream".to_owned(),
        status: 200,
        headers: Vec::new(),
        body: ask.world.heard(ask.reader).join("\n"),
    }]
}

/// A stream opened now, and one that goes on behind the first event there is.
async fn stream_resumed(ask: &Ask<'_>) -> Vec<Answer> {
    if ask.anybody() {
        return vec![ask.world.open_stream(ask.reader, None, 1).await];
    }
    let mut all = vec![ask.world.open_stream(ask.reader, None, 1).await];
    let pages = ask.list("/v1/events?limit=100").await;
    let lists: Vec<Value> = pages.iter().map(Answer::json).collect();
    let events = lists.iter().filter_map(|list| list["items"].as_array());
    let events: Vec<&Value> = events.flatten().collect();
    if let Some(first) = events.first() {
        let last = first["cursor"].as_str();
        all.push(ask.world.open_stream(ask.reader, last, events.len()).await);
    }
    all
}

/// What was sent.
async fn sent(ask: &Ask<'_>) -> Vec<Answer> {
    let sent = ask.world.sent(ask.reader).into_iter();
    vec![Answer {
        request: "what was sent".to_owned(),
        status: 200,
        headers: Vec::new(),
        body: sent.map(|sent| sent.text).collect::<Vec<_>>().join("\n"),
    }]
}

/// What a peer would be pushed, if the reader stood for it.
async fn pushed(ask: &Ask<'_>) -> Vec<Answer> {
    if ask.anybody() {
        return Vec::new();
    }
    Vec::from_iter(ask.world.push(ask.reader).await)
}

/// What was written to be sent.
async fn deliveries(ask: &Ask<'_>) -> Vec<Answer> {
    match ask.world.deliveries(ask.reader) {
        Some(path) => ask.list(&path).await,
        None => Vec::new(),
    }
}

/// The path that the check against the model reads.
pub fn objects_path(reader: &str) -> String {
    format!("{}/collections/exchange/objects/", root(reader))
}

/// What is asked after every act, of both hubs and of the model: objects and their manifest, and with
/// a login reports, requests for consent and notices.
pub async fn mainly(world: &World, reader: &str) -> Vec<Answer> {
    let objects = objects_path(reader);
    let mut all = vec![
        world.get(reader, &format!("{objects}?limit=1000")).await,
        world
            .get(reader, &objects.replace("/objects/", "/manifest/"))
            .await,
    ];
    if reader != ANYBODY {
        all.push(world.get(reader, "/v1/reports?limit=1000").await);
        all.push(world.get(reader, "/v1/approvals?limit=1000").await);
        all.push(world.get(reader, "/v1/notices").await);
    }
    all
}

async fn small_pages(ask: &Ask<'_>) -> Vec<Answer> {
    let objects = objects_path(ask.reader);
    let mut all = ask.pages(&format!("{objects}?limit=2")).await;
    all.extend(ask.pages(&format!("{objects}?limit=7")).await);
    if !ask.anybody() {
        all.extend(ask.list("/v1/reports?limit=2").await);
        all.extend(ask.list("/v1/approvals?limit=1").await);
    }
    all
}

async fn marks(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = ask
        .by_mark(&format!("{}?limit=1", objects_path(ask.reader)))
        .await;
    all.extend(
        ask.by_mark(&format!("{}?limit=7", objects_path(ask.reader)))
            .await,
    );
    all
}

async fn versions(ask: &Ask<'_>) -> Vec<Answer> {
    let root = root(ask.reader);
    vec![
        ask.get(&format!(
            "{root}/collections/exchange/manifest/?match[version]=all"
        ))
        .await,
    ]
}

async fn filters(ask: &Ask<'_>) -> Vec<Answer> {
    let root = root(ask.reader);
    let mut all = Vec::new();
    for query in [
        "match[type]=indicator,note",
        "match[type]=report&limit=2",
        "match[version]=first",
        "match[version]=all&limit=100",
        "match[spec_version]=2.0",
    ] {
        all.extend(
            ask.pages(&format!("{}?{query}", objects_path(ask.reader)))
                .await,
        );
    }
    for collection in ["incidents", "practices", "advisories", "newsletters"] {
        all.push(
            ask.get(&format!("{root}/collections/{collection}/objects/"))
                .await,
        );
        all.push(
            ask.get(&format!("{root}/collections/{collection}/manifest/"))
                .await,
        );
    }
    all
}

async fn collections(ask: &Ask<'_>) -> Vec<Answer> {
    let root = root(ask.reader);
    vec![
        ask.get("/taxii2/").await,
        ask.get(&format!("{root}/")).await,
        ask.get(&format!("{root}/collections/")).await,
        ask.get(&format!("{root}/collections/exchange/")).await,
    ]
}

async fn by_id(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    for id in &ask.known.objects {
        let path = format!("{}{id}/", objects_path(ask.reader));
        let answer = ask.get(&format!("{path}?match[version]=all")).await;
        let there = answer.status == 200;
        all.push(answer);
        if there {
            all.push(ask.get(&format!("{path}versions/")).await);
        }
    }
    all
}

async fn report_by_id(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    for id in &ask.known.reports {
        let answer = ask.get(&format!("/v1/reports/{id}")).await;
        let there = answer.status == 200;
        all.push(answer);
        all.push(ask.get(&format!("/v1/reports/{id}/explain")).await);
        if there {
            all.push(ask.get(&format!("/v1/reports/{id}/stix")).await);
        }
    }
    all
}

async fn statuses(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    for id in &ask.known.statuses {
        all.push(ask.get(&format!("{}/status/{id}/", root(ask.reader))).await);
    }
    all
}

async fn view_only(ask: &Ask<'_>) -> Vec<Answer> {
    if ask.anybody() {
        return Vec::new();
    }
    ask.list("/v1/view-only?limit=2").await
}

/// How far an item went: its source's desk is told, nobody else.
async fn reach(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    for id in &ask.known.reports {
        all.push(ask.get(&format!("/v1/reports/{id}/audience")).await);
    }
    all
}

/// What was said of an item: to its source all, to others their own, and of what is hidden nothing.
async fn feedback(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    for id in &ask.known.reports {
        all.push(ask.get(&format!("/v1/reports/{id}/feedback?limit=2")).await);
        all.push(ask.get(&format!("/v1/advisories/{id}/feedback")).await);
    }
    for id in &ask.known.objects {
        all.push(ask.get(&format!("/v1/objects/{id}/feedback")).await);
    }
    all
}

/// How far advisories arrived; of what is hidden there is no board.
async fn boards(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = vec![
        ask.get("/v1/board").await,
        ask.get("/v1/board?drill=true&format=csv").await,
        ask.get("/v1/reports?drill=true").await,
        ask.get("/v1/advisories?drill=true").await,
        ask.get("/v1/advisories?limit=100").await,
    ];
    for id in &ask.known.reports {
        all.push(ask.get(&format!("/v1/advisories/{id}")).await);
        all.push(ask.get(&format!("/v1/advisories/{id}/board")).await);
    }
    all
}

/// Search: by a word that every report has, page after page in either order, counted by what there is
/// to count.
async fn search(ask: &Ask<'_>) -> Vec<Answer> {
    if ask.anybody() {
        return vec![ask.get("/v1/search?q=summary").await];
    }
    let facets = "kind,sector,tlp,form,event_type,cause_type,indicator_type";
    let mut all = Vec::new();
    for path in [
        "/v1/search?q=summary&limit=3".to_owned(),
        "/v1/search?q=summary&sort=date&limit=4".to_owned(),
        format!("/v1/search?kind=incident_cause&limit=100&facets={facets}"),
        format!("/v1/search?q=patch&drill=true&limit=100&facets={facets}"),
        format!("/v1/search?q=patch%20OR%20qqr1qq&limit=100&facets={facets}"),
    ] {
        all.extend(ask.list(&path).await);
    }
    all
}

/// By words that one report each has, or a part of it alone, or nobody.
async fn search_words(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    for letter in ["r", "p"] {
        for from in [0, 10, 20, 30] {
            let words = (from..from + 10).map(|step| format!("qq{letter}{step}qq"));
            let words = words.collect::<Vec<_>>().join("%20OR%20");
            all.push(ask.get(&format!("/v1/search?limit=100&q={words}")).await);
        }
    }
    all.push(
        ask.get("/v1/search?q=summary%20-patch%20-Zanzibar&limit=100")
            .await,
    );
    all.push(ask.get("/v1/search?q=%22&limit=1").await);
    all
}

/// What is like each report that anybody was told of.
async fn similar(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    for id in &ask.known.reports {
        all.push(ask.get(&format!("/v1/reports/{id}/similar?limit=5")).await);
    }
    all
}

async fn stats(ask: &Ask<'_>) -> Vec<Answer> {
    vec![
        ask.get("/v1/stats").await,
        ask.get("/v1/stats?q=summary&format=csv").await,
        ask.get("/v1/stats?drill=true").await,
    ]
}

/// Requests that were put to others: an answer to them that cannot be read, and nothing else.
async fn others_requests(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    for id in &ask.known.requests {
        all.push(ask.get(&format!("/v1/approvals/{id}")).await);
    }
    all
}

async fn directory(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = vec![
        ask.get("/openapi.json").await,
        ask.get("/v1/whoami").await,
        ask.get("/v1/schemes").await,
        ask.get("/livez").await,
    ];
    all.extend(ask.list("/v1/bodies?limit=3").await);
    for body in ["alpha", "alpha-op1", "bravo-op1", "nowhere"] {
        all.push(ask.get(&format!("/v1/bodies/{body}")).await);
    }
    all
}

/// The ledger as far as the caller takes part in it: form and count. Salts are random, so leaves and
/// what is sealed over them differ, and with them ids, cursors and the length of the whole tree, which
/// anybody logged in may know.
async fn ledger(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let path = match &cursor {
            None => "/v1/ledger/entries?limit=50".to_owned(),
            Some(cursor) => format!("/v1/ledger/entries?limit=50&cursor={cursor}"),
        };
        let mut answer = ask.get(&path).await;
        let mut body = answer.json();
        cursor = body["next"].as_str().map(str::to_owned);
        "/v1/ledger/entries".clone_into(&mut answer.request);
        if answer.status == 200 {
            for item in body["items"].as_array_mut().into_iter().flatten() {
                blank(item);
            }
            body["next"] = cursor.is_some().into();
            answer.body = body.to_string();
        }
        answer
            .headers
            .retain(|(name, _)| name != "etag" && name != "content-length");
        all.push(answer);
        if cursor.is_none() {
            break;
        }
    }
    // What others may open is to the caller as if it was not there.
    for id in &ask.known.leaves {
        let mut answer = ask.get(&format!("/v1/ledger/entries/{id}/proof")).await;
        answer.body = answer.body.replace(id.as_str(), "");
        all.push(answer);
    }
    all.push(ask.get("/v1/ledger/entries/nothing/proof").await);
    all
}

/// Keeps what an entry says, and of what was drawn at random only that it is there.
fn blank(item: &mut serde_json::Value) {
    for name in ["id", "leaf", "salt", "index"] {
        item[name] = serde_json::Value::Null;
    }
    for member in item["members"].as_array_mut().into_iter().flatten() {
        member["salt"] = serde_json::Value::Null;
        // GAP: of two sources' equal objects a reader is handed one, so who had either, and is told
        // when it is taken back, follows from both.
        if member["at"] == "/told" {
            member["text"] = serde_json::Value::Null;
        }
    }
    // A sealed member stands in the record as a digest over its salt.
    let record = item["record"].as_str().unwrap_or_default();
    let words = record.split('"').map(|word| {
        let digest = word.len() >= 43 && !word.contains(' ') && !word.contains("--");
        if digest { "digest" } else { word }
    });
    item["record"] = words.collect::<Vec<_>>().join("\"").into();
}

/// What publishing something made of others' reports would do: of a hidden one as of an absent one.
async fn dry_runs(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    let nowhere = "00000000-0000-4000-8000-000000000000".to_owned();
    for id in ask.known.reports.iter().chain([&nowhere]) {
        for part in ["derived_from", "generalises"] {
            let path = format!("/v1/reports?dry_run=true&{part}={id}");
            let json = [("content-type", "application/json")];
            let body = serde_json::json!({
                "kind": "best_practice", "sector": "s-alpha", "title": {"en": "made of another"},
                "summary": {"en": "a lesson"}, "practice": {"en": "patch"},
            });
            let mut answer = ask
                .world
                .send(ask.reader, "POST", &path, &json, body.to_string())
                .await;
            answer.body = answer.body.replace(id.as_str(), "");
            all.push(answer);
        }
    }
    all
}

async fn errors(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    for path in [
        "/v1/reports?cursor=AAAA",
        "/v1/reports?limit=0",
        "/v1/reports?kind=advisory",
        "/v1/reports/00000000-0000-4000-8000-000000000000",
        "/v1/nothing",
        "/taxii2/council/collections/nothing/objects/",
        "/taxii2/council/status/nothing/",
        "/taxii2/council/collections/exchange/objects/?next=AAAA",
    ] {
        all.push(ask.get(path).await);
    }
    all
}
