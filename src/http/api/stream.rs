//! `GET /v1/stream`: what is new, as it comes (server-sent events), and `GET /v1/events`, the same as
//! pages.
//!
//! An event's id is the cursor behind it, so a client that reconnects with `Last-Event-ID` goes on
//! where it was. Whoever reads too slowly is cut off, and resumes in the same way.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::extract::{Known, Page, Parameters};
use super::problem::Problem;
use crate::exchange::news::News;
use crate::exchange::search::Wish;
use crate::exchange::{Caller, Refusal};
use crate::handling::Channel;
use crate::http::Hub;
use crate::http::auth::{Identified, identify};
use crate::subscription::Filter;

/// A line without meaning after so long a silence, whatever happens to others: it keeps proxies from
/// closing the connection, and tells a client that the hub is there.
const BEAT: Duration = Duration::from_secs(15);

/// So often a stream's credentials are looked at again.
const RECHECK: Duration = Duration::from_secs(15);

/// So many lines are read at once when a client catches up.
const CATCH_UP: usize = 100;

/// Lines that waited so long for their reader are read again: their items may have been taken back.
const STALE: Duration = Duration::from_secs(1);

/// What may be asked for, beside where to begin.
const FILTERS: [&str; 9] = [
    "kind",
    "sector",
    "event_type",
    "cause_type",
    "severity",
    "asset_class",
    "product",
    "text",
    "level",
];

fn filter(parameters: &Parameters) -> Result<Filter, Problem> {
    let severity = match parameters.get("severity") {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| Problem::parameter("severity", "is a number from 0 to 4"))?,
        ),
    };
    let filter = Filter {
        kinds: parameters.list("kind"),
        sectors: parameters.list("sector"),
        event_types: parameters.list("event_type"),
        cause_types: parameters.list("cause_type"),
        severity,
        asset_classes: parameters.list("asset_class"),
        products: parameters.list("product"),
        text: parameters.get("text").unwrap_or_default().to_owned(),
        levels: parameters.list("level"),
        ..Filter::default()
    };
    match filter.check().into_iter().next() {
        Some((place, message)) => {
            let name = place.trim_start_matches("/filter/");
            let name = FILTERS.iter().find(|known| name.starts_with(**known));
            Err(Problem::parameter(name.unwrap_or(&"?"), &message))
        }
        None => Ok(filter),
    }
}

/// What is asked for, ready; `saved` names a search of the caller's.
async fn wish(hub: &Hub, caller: &Caller, parameters: &Parameters) -> Result<Wish, Problem> {
    let mut filter = filter(parameters)?;
    if let Some(saved) = parameters.get("saved") {
        filter.search = hub.exchange.saved_pairs(caller, saved).await?;
        if filter.search.contains_key("feedback") {
            let message = "a search by feedback is not asked of what is just released";
            return Err(Problem::parameter("saved", message));
        }
    }
    Ok(hub.exchange.wish(filter))
}

fn known(more: &[&'static str]) -> Vec<&'static str> {
    FILTERS.iter().chain(more).copied().collect()
}

/// `GET /v1/events`.
pub async fn events(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<Value>>, Problem> {
    let parameters = Parameters::of(&uri, &known(&["cursor", "limit", "saved"]))?;
    let (paging, wish) = (
        parameters.paging()?,
        wish(&hub, &caller, &parameters).await?,
    );
    let mark = match &paging.cursor {
        Some(cursor) => Some(hub.exchange.news_mark(cursor)?),
        None => None,
    };
    let view = hub.exchange.view(Some(&caller), Channel::Rest).await?;
    let page = hub.exchange.news(&view, mark, &wish, paging.limit).await?;
    let next = page.mark.filter(|_| page.more);
    let line = |news: &News| {
        let mut line = (*news.line).clone();
        if let Value::Object(members) = &mut line {
            members.insert("cursor".to_owned(), json!(news.cursor));
        }
        line
    };
    Ok(Json(Page {
        items: page.news.iter().map(line).collect(),
        next: next.map(|mark| hub.exchange.news_cursor(mark)),
    }))
}

/// `GET /v1/stream`.
pub async fn stream(
    State(hub): State<Hub>,
    Known(caller): Known,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let parameters = Parameters::of(&uri, &known(&["last_event_id", "saved"]))?;
    let wish = wish(&hub, &caller, &parameters).await?;
    if hub.exchange.listens_enough(&caller.principal.id) {
        let why = "as many streams are open as one may have; close one first".to_owned();
        return Err(Problem::from(Refusal::Conflict(why)));
    }
    // Browsers cannot set the header on their first connection.
    let last = match headers.get("last-event-id") {
        Some(value) => Some(value.to_str().unwrap_or("?")),
        None => parameters.get("last_event_id"),
    };
    let mark = match last.filter(|last| !last.is_empty()) {
        Some(cursor) => hub.exchange.news_mark(cursor)?,
        None => {
            let view = hub.exchange.view(Some(&caller), Channel::Rest).await?;
            hub.exchange.news_start(&view).await?
        }
    };
    let ready = Event::default()
        .event("ready")
        .id(hub.exchange.news_cursor(mark))
        .data("{}");
    let mut recheck = interval_at(Instant::now() + RECHECK, RECHECK);
    recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let listener = Listener {
        hub,
        caller,
        headers,
        wish: Arc::new(wish),
        mark,
        told: mark,
        told_at: Instant::now(),
        ready: Some(ready),
        waiting: VecDeque::new(),
        live: None,
        recheck,
    };
    let events = futures_util::stream::unfold(listener, |mut listener| async move {
        match listener.next().await {
            Ok(Some(event)) => Some((Ok(event), listener)),
            Ok(None) => None, // the client comes back with its last id
            Err(error) => {
                tracing::warn!(%error, "a stream ended");
                None
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(BEAT)))
}

/// One open stream: it reads pages until it has caught up, and then listens.
struct Listener {
    hub: Hub,
    caller: Caller,
    headers: HeaderMap,
    wish: Arc<Wish>,
    /// Up to where pages were read.
    mark: i64,
    /// What was sent last, and when.
    told: i64,
    told_at: Instant,
    ready: Option<Event>,
    waiting: VecDeque<News>,
    live: Option<mpsc::Receiver<News>>,
    recheck: Interval,
}

impl Listener {
    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Result<Option<Event>, Refusal> {
        if let Some(ready) = self.ready.take() {
            return Ok(Some(ready));
        }
        let queued = self.live.as_ref().is_some_and(|live| !live.is_empty());
        if self.told_at.elapsed() > STALE && (queued || !self.waiting.is_empty()) {
            // As if the line had been cut where the reader stopped, who may be somebody else by now.
            if !self.still_known().await? {
                return Ok(None);
            }
            self.waiting.clear();
            self.live = None;
            self.mark = self.told;
        }
        let news = self.next_news().await?;
        if let Some(news) = &news {
            (self.told, self.told_at) = (news.stamp, Instant::now());
        }
        Ok(news.as_ref().map(event))
    }

    async fn next_news(&mut self) -> Result<Option<News>, Refusal> {
        loop {
            if let Some(news) = self.waiting.pop_front() {
                return Ok(Some(news));
            }
            let Some(live) = &mut self.live else {
                if !self.catch_up().await? {
                    return Ok(None);
                }
                continue;
            };
            tokio::select! {
                news = live.recv() => return Ok(news),
                _ = self.recheck.tick() => if !self.still_known().await? {
                    return Ok(None);
                },
            }
        }
    }

    /// Reads the next page; listens from its end where there is no more.
    async fn catch_up(&mut self) -> Result<bool, Refusal> {
        let exchange = &self.hub.exchange;
        let view = exchange.view(Some(&self.caller), Channel::Rest).await?;
        let page = exchange
            .news(&view, Some(self.mark), &self.wish, CATCH_UP)
            .await?;
        self.mark = page.mark.unwrap_or(self.mark);
        self.waiting.extend(page.news);
        if page.more {
            return self.still_known().await;
        }
        let position = view.newest().max(self.mark);
        self.live = Some(exchange.listen(&self.caller.principal.id, &self.wish, position));
        Ok(true)
    }

    /// A key taken back, or a token past its time, ends the stream.
    async fn still_known(&mut self) -> Result<bool, Refusal> {
        match identify(&self.hub, &self.headers).await? {
            Identified::As(caller) => {
                self.caller = *caller;
                Ok(true)
            }
            Identified::Nobody | Identified::Unknown => Ok(false),
        }
    }
}

fn event(news: &News) -> Event {
    Event::default()
        .event(
            news.line
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or("report"),
        )
        .id(&news.cursor)
        .data(news.line.to_string())
}
