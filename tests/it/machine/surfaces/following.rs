//! What is made of several reports at once, and what a reader keeps: files, comparisons, a working
//! set, a saved search. A set and a search are made where the reader first asks, in both hubs at the
//! same step, and stay to the end of the episode, so that what is taken back is in them.
//!
//! Nothing is blanked. Instants made of now (`made_at`, `added_at`, `looked_at`) are the same in both
//! hubs, since the clock is the test's; ids are made of the secret, the reader and the instant.

use serde_json::{Value, json};

use super::Ask;
use crate::machine::world::{Answer, World};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// Of reports that a reader has, so many at either end of their list are taken together.
const FEW: usize = 3;

/// So many reports are put into a set at a time.
const AT_A_TIME: usize = 3;

impl Ask<'_> {
    async fn said(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.world
            .send(self.reader, method, path, &JSON, body.to_string())
            .await
    }

    /// The ids of the reports that the reader has, as they are listed.
    async fn had(&self) -> Vec<String> {
        ids(&self.get("/v1/reports?limit=1000").await)
    }

    /// What the reader keeps under `list`: the first of it, or one that is made now.
    async fn kept(&self, list: &str, made: &Value) -> (Vec<Answer>, Option<String>) {
        let mut all = vec![self.get(list).await];
        let mut id = ids(&all[0]).first().cloned();
        if id.is_none() {
            let answer = self.said("POST", list, made).await;
            id = answer.json()["id"].as_str().map(str::to_owned);
            all.push(answer);
        }
        (all, id)
    }
}

fn ids(list: &Answer) -> Vec<String> {
    let list = list.json();
    let items = list["items"].as_array().into_iter().flatten();
    items
        .filter_map(|item| Some(item["id"].as_str()?.to_owned()))
        .collect()
}

/// Lists to ask for together: what the reader has, and that with an id it may not have. Where it has
/// nothing, that is such an id alone.
async fn together(ask: &Ask<'_>) -> Vec<Vec<String>> {
    let had = ask.had().await;
    let first: Vec<String> = had.iter().take(FEW).cloned().collect();
    let last: Vec<String> = had.iter().rev().take(FEW).cloned().collect();
    let mut lists = vec![first.clone(), last];
    for id in &ask.known.reports {
        let mut with: Vec<String> = first.iter().filter(|had| *had != id).cloned().collect();
        with.push(id.clone());
        lists.push(with);
    }
    // The same id twice is a fault of its own.
    lists.extend(first.first().map(|id| vec![id.clone(); 2]));
    lists
}

/// A reader's working sets with what is in them.
pub async fn kept_sets(world: &World, reader: &str) -> Vec<Answer> {
    let list = world.get(reader, "/v1/sets").await;
    let mut all = Vec::new();
    for id in ids(&list) {
        all.push(world.get(reader, &format!("/v1/sets/{id}")).await);
    }
    all
}

/// Reports as files. Of those that are refused, what the refusal names.
pub async fn exports(ask: &Ask<'_>) -> Vec<Answer> {
    let formats = ["stix", "csv", "markdown"];
    let mut all = Vec::new();
    for (at, ids) in together(ask).await.iter().enumerate() {
        // What it has in each format, what it tries in one after the other.
        let of = if at < 2 {
            &formats[..]
        } else {
            &formats[at % 3..][..1]
        };
        for format in of {
            let body = json!({"ids": ids, "format": format});
            all.push(ask.said("POST", "/v1/exports", &body).await);
        }
    }
    // Each alone: what meets in no file together is in one by itself.
    for (at, id) in ask.had().await.iter().enumerate() {
        let body = json!({"ids": [id], "format": formats[at % 3]});
        all.push(ask.said("POST", "/v1/exports", &body).await);
    }
    all
}

/// Reports side by side.
pub async fn compare(ask: &Ask<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    let mut lists = together(ask).await;
    // Two that it may not have.
    let known: Vec<String> = ask.known.reports.iter().cloned().collect();
    lists.extend(known.chunks(2).map(<[String]>::to_vec));
    for ids in lists {
        let path = format!("/v1/compare?ids={}", ids.join(","));
        all.push(ask.get(&path).await);
    }
    for pair in ask.had().await.windows(2) {
        let path = format!("/v1/compare?ids={}", pair.join(","));
        all.push(ask.get(&path).await);
    }
    all
}

/// The reader's working set: what it has is put there, some of it with a note, and what it may not
/// have is tried; then it is read, and made a file.
pub async fn sets(ask: &Ask<'_>) -> Vec<Answer> {
    let made = json!({"name": "a piece of work", "note": "kept"});
    let (mut all, id) = ask.kept("/v1/sets", &made).await;
    let Some(id) = id else { return all };
    let path = format!("/v1/sets/{id}");
    let there = ids(&ask.get(&path).await);
    let had = ask.had().await;
    let new = had.iter().filter(|id| !there.contains(id)).take(AT_A_TIME);
    for (at, report) in new.chain(&ask.known.reports).enumerate() {
        let body = match at % 2 {
            0 => json!({"note": "a word on it"}),
            _ => json!({}),
        };
        let path = format!("{path}/items/{report}");
        all.push(ask.said("PUT", &path, &body).await);
    }
    all.push(ask.get(&path).await);
    for format in ["stix", "csv", "markdown"] {
        let body = json!({"set": id, "format": format});
        all.push(ask.said("POST", "/v1/exports", &body).await);
    }
    all.push(ask.get("/v1/sets").await);
    all
}

/// The reader's saved search: how many are new, which, and where there are some, that they were
/// looked at.
pub async fn saved_searches(ask: &Ask<'_>) -> Vec<Answer> {
    let made = json!({"name": "all of it", "search": {"q": "summary"}});
    let (mut all, id) = ask.kept("/v1/searches", &made).await;
    let Some(id) = id else { return all };
    let path = format!("/v1/searches/{id}");
    all.push(ask.get(&path).await);
    let pages = ask.list(&format!("{path}/new?limit=2")).await;
    let mark = pages[0].json()["mark"].clone();
    // Left until there are a few, so that they are read more than once.
    let looks = pages.len() > 1;
    all.extend(pages);
    if looks {
        let path = format!("{path}/looked");
        all.push(ask.said("POST", &path, &json!({"mark": mark})).await);
        all.push(ask.get("/v1/searches").await);
    }
    all
}
