//! What there is to tell a reader: one line for each item of the release log that the reader has, and
//! for each notice. Thin: what it is and where to fetch it.
//!
//! It comes from the same pages as everything else, so it tells of nothing that the reader could not
//! read at that moment (law 3), and its cursors are of entries that the reader has (law 4).

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use super::gate::View;
use super::portions::{Rules, told};
use super::refusal::Refusal;
use super::search::{Wish, prepared};
use super::supports::obligations_of;
use super::{Exchange, Tx};
use crate::handling::Tlp;
use crate::search::matching::Prepared;
use crate::stix::timestamp::format_taxii;
use crate::store::feed::Query;
use crate::store::{Entry, Scope};
use crate::subscription::filter::Looked;
use crate::subscription::{Filter, Urgency};

/// So many entries are read at once.
const READ_AT_ONCE: usize = 200;

/// So many entries are looked at for one page: a filter that finds nothing costs no more than that.
const LOOKED_AT_MAX: usize = 2_000;

const CURSOR: &str = "news";

/// One thing to tell.
#[derive(Clone, Debug)]
pub struct News {
    /// The entry's stamp, in microseconds.
    pub stamp: i64,
    /// Where to go on after it.
    pub cursor: String,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Its kind, such as `advisory`.
    pub kind: String,
    /// Its TLP label.
    pub tlp: Tlp,
    /// What is told, as JSON.
    pub line: Arc<Value>,
    /// The report or object as the reader has it; it stays here.
    content: Arc<Value>,
    obligations: Arc<Value>,
    /// The form in which its reader has it; empty for what has none.
    pub(super) form: String,
    /// Its words, folded once for however many filters.
    words: Arc<OnceLock<String>>,
    /// The same for searches.
    prepared: Arc<OnceLock<Prepared<'static>>>,
}

impl News {
    /// The report or object itself, as the reader has it, and what the reader is bound to.
    #[must_use]
    pub(super) fn content(&self) -> (Value, Value) {
        ((*self.content).clone(), (*self.obligations).clone())
    }

    /// Whether it is a report, and no posted object or notice.
    #[must_use]
    pub fn is_report(&self) -> bool {
        self.line.get("type").and_then(Value::as_str) == Some("report")
    }

    /// The report, ready to be searched.
    pub(super) fn prepared(&self) -> &Prepared<'static> {
        self.prepared.get_or_init(|| prepared(&self.content))
    }

    /// Whether a filter wants it, but for the search in it.
    #[must_use]
    pub(super) fn wanted(&self, filter: &Filter) -> bool {
        filter.wants(&Looked {
            kind: &self.kind,
            tlp: &self.tlp.to_string(),
            content: &self.content,
            words: &self.words,
        })
    }
}

/// A page of news.
#[derive(Clone, Debug, Default)]
pub struct NewsPage {
    /// In the order of release.
    pub news: Vec<News>,
    /// Whether more follow.
    pub more: bool,
    /// Where to go on.
    pub mark: Option<i64>,
}

impl Exchange {
    /// What a reader is to be told after a mark, at most `limit` lines; fewer also where the filter
    /// wants little of what there is, and then more may follow.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn news(
        &self,
        view: &View,
        mark: Option<i64>,
        wish: &Wish,
        limit: usize,
    ) -> Result<NewsPage, Refusal> {
        let mut tx = self.db().read().await?;
        let mut page = NewsPage {
            mark,
            ..NewsPage::default()
        };
        let mut looked_at = 0;
        loop {
            let (found, more) = self
                .news_within(&mut tx, &view.scope, page.mark, READ_AT_ONCE)
                .await?;
            looked_at += found.len();
            for (stamp, news) in found {
                if page.news.len() == limit {
                    page.more = true;
                    return Ok(page);
                }
                page.mark = Some(stamp);
                page.news.extend(news.filter(|news| wish.wants(news)));
            }
            page.more = more;
            if !more || looked_at >= LOOKED_AT_MAX {
                return Ok(page);
            }
        }
    }

    /// Every entry of a scope after a mark, with what there is to tell of it.
    pub(super) async fn news_within(
        &self,
        tx: &mut Tx,
        scope: &Scope,
        mark: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<(i64, Option<News>)>, bool), Refusal> {
        let query = Query {
            mark,
            limit,
            ..Query::default()
        };
        let (entries, more) = tx.page(scope, &query).await?;
        let mut found = Vec::with_capacity(entries.len());
        for entry in entries {
            let stamp = entry.stamp;
            found.push((stamp, self.news_of(tx, entry).await?));
        }
        Ok((found, more))
    }

    /// One entry of a view by its stamp, where the view still has it.
    pub(super) async fn news_at(
        &self,
        tx: &mut Tx,
        scope: &Scope,
        stamp: i64,
    ) -> Result<Option<News>, Refusal> {
        let scope = Scope {
            newest: scope.newest.map(|newest| newest.min(stamp)),
            ..scope.clone()
        };
        let (found, _) = self.news_within(tx, &scope, Some(stamp - 1), 1).await?;
        Ok(found
            .into_iter()
            .find_map(|(at, news)| news.filter(|_| at == stamp)))
    }

    async fn news_of(&self, tx: &mut Tx, entry: Entry) -> Result<Option<News>, Refusal> {
        let told_of = entry.report.is_some() || matches!(entry.kind.as_str(), "stix" | "notice");
        if entry.side == "support" || !told_of {
            return Ok(None);
        }
        let content: Value = serde_json::from_str(entry.report.as_deref().unwrap_or(&entry.bytes))?;
        let (tlp, obligations) = match entry.item_version {
            None => (Tlp::AmberStrict, Value::Null), // a notice: for whom it names
            Some(key) => match tx.item_version(key).await? {
                None => return Ok(None),
                Some(version) => {
                    let rules = Rules::of(tx, &version).await?;
                    let rule = rules.shown(&entry.form);
                    (rule.access.tlp, obligations_of(rule))
                }
            },
        };
        let line = line(&entry, &content, tlp);
        Ok(Some(News {
            stamp: entry.stamp,
            cursor: self.news_cursor(entry.stamp),
            urgency: urgency(&content),
            kind: entry.kind,
            tlp,
            line: Arc::new(line),
            content: Arc::new(content),
            obligations: Arc::new(obligations),
            form: entry.form,
            words: Arc::default(),
            prepared: Arc::default(),
        }))
    }

    /// The cursor of a stamp that its reader was shown.
    #[must_use]
    pub fn news_cursor(&self, stamp: i64) -> String {
        self.secret().seal(CURSOR, &stamp.to_be_bytes())
    }

    /// The stamp in a cursor.
    ///
    /// # Errors
    /// When this hub did not make it.
    pub fn news_mark(&self, cursor: &str) -> Result<i64, Refusal> {
        self.number(CURSOR, cursor)
    }

    /// Where a reader begins who wants what is to come: behind the last entry the reader has, so that
    /// it says nothing of others'.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn news_start(&self, view: &View) -> Result<i64, Refusal> {
        let query = Query {
            descending: true,
            limit: 1,
            ..Query::default()
        };
        let (entries, _) = self.db().read().await?.page(&view.scope, &query).await?;
        Ok(entries.first().map_or(0, |entry| entry.stamp))
    }
}

fn urgency(content: &Value) -> Urgency {
    let stated = content.pointer("/advisory/urgency").cloned();
    stated
        .and_then(|word| serde_json::from_value(word).ok())
        .unwrap_or(Urgency::Normal)
}

fn line(entry: &Entry, content: &Value, tlp: Tlp) -> Value {
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
    if entry.kind == "notice" {
        put("type", json!("notice"));
        put("href", json!("/v1/notices"));
    } else if entry.report.is_some() {
        let id = entry.stix_id.trim_start_matches("report--");
        put("type", json!("report"));
        put("id", json!(id));
        put("kind", json!(entry.kind));
        put("form", json!(told(&entry.form)));
        put("tlp", json!(tlp.to_string()));
        if let Some(advisory) = content.get("advisory") {
            put(
                "advisory_type",
                advisory.get("type").cloned().unwrap_or_default(),
            );
            put(
                "urgency",
                advisory.get("urgency").cloned().unwrap_or(json!("normal")),
            );
        }
        let place = if entry.kind == "advisory" {
            "advisories"
        } else {
            "reports"
        };
        put("href", json!(format!("/v1/{place}/{id}")));
    } else {
        put("type", json!("object"));
        put("id", json!(entry.stix_id));
        put("version", json!(entry.version));
        put("tlp", json!(tlp.to_string()));
        let href = format!(
            "/taxii2/council/collections/exchange/objects/{}/",
            entry.stix_id
        );
        put("href", json!(href));
    }
    put("released_at", json!(format_taxii(entry.stamp)));
    if entry.side == "desk" {
        put("desk", json!(true));
    }
    Value::Object(line)
}
