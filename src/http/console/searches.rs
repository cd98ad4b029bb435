//! Saved searches: kept from the search page, what is new of each, and how their owner is told. The
//! exchange counts and finds; being told is a subscription with the same search in its filter.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};

use super::cases::{Line, id_of, line};
use super::door::query;
use super::language::Language;
use super::page::{Page, render};
use super::search::{Asked, Filter};
use super::trouble::Trouble;
use super::visit::{Seated, Sent, encoded, once};
use crate::exchange::search::asked::{PAGE, Pairs};
use crate::exchange::search::saved::{AMONG_MAX, PER_PRINCIPAL, SavedView};
use crate::exchange::subscriptions::{Change, SubscriptionView};
use crate::exchange::{Fault, Refusal};
use crate::http::Hub;
use crate::subscription::{
    Channel, Content, Definition, Filter as Wanted, Language as MailLanguage,
};

/// New ones on a page.
const ROWS: usize = 50;

/// Where they live.
pub const HERE: &str = "/console/searches";

/// A saved search, in words.
pub struct Saved {
    /// As the exchange has it.
    pub view: SavedView,
    /// Its words.
    pub words: String,
    /// Its filters.
    pub filters: Vec<Filter>,
    /// Where all that it finds is.
    pub all: String,
}

/// How somebody is told.
struct Way {
    id: String,
    state: String,
    /// The address.
    to: String,
}

struct Row {
    saved: Saved,
    ways: Vec<Way>,
    /// Whether its words can be asked of what is just released.
    told: bool,
    /// A key for each form that has them told, sent twice it is done once.
    once: [String; 2],
}

#[derive(Template)]
#[template(path = "console/searches.html")]
struct Searches {
    p: Page,
    rows: Vec<Row>,
    /// Addresses that the reader is told at already, by the subscription that has them.
    known: Vec<(String, String)>,
    mails: bool,
    /// What deliveries of the subscription just made are signed with.
    secret: String,
}

#[derive(Template)]
#[template(path = "console/new.html")]
struct New {
    p: Page,
    saved: Saved,
    new: Vec<Line>,
    mark: String,
    next: String,
}

/// An address of the search page as the pairs it stands for, without order and place.
pub fn pairs_of(asked: &Asked) -> Pairs {
    let pairs = asked.pairs();
    let pairs = pairs.filter(|(name, value)| !PAGE.contains(name) && !value.is_empty());
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A saved search in words.
pub fn in_words(seated: &Seated, view: SavedView) -> Saved {
    let parts = view.search.iter();
    let parts = parts.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let all = format!("/console/search?{}", parts.collect::<Vec<_>>().join("&"));
    let asked = all.parse::<Uri>().unwrap_or_default();
    let asked = Asked::of("/console/search", &asked);
    Saved {
        words: asked.get("q").to_owned(),
        filters: asked.filters(seated.language(), &seated.caller().directory),
        all,
        view,
    }
}

impl Saved {
    /// How many are new, in words.
    pub fn news(&self, p: &Page) -> String {
        let new = &self.view.new;
        match (new.counted, new.complete) {
            (0, true) => p.t("新着なし", "nothing new").to_owned(),
            (count, true) => format!("{} {count}", p.t("新着", "new:")),
            (count, false) => format!(
                "{} {count}{}",
                p.t("新着", "new:"),
                p.t("件以上", " or more")
            ),
        }
    }
}

/// The first of the reader's searches, in words.
///
/// # Errors
/// When the database fails.
pub async fn first(hub: &Hub, seated: &Seated, limit: usize) -> Result<Vec<Saved>, Trouble> {
    let view = seated.view(hub).await?;
    let all = hub
        .exchange
        .saved_searches(seated.caller(), &view, (limit, AMONG_MAX));
    let all = all.await?.into_iter();
    Ok(all.map(|one| in_words(seated, one)).collect())
}

/// Whether a subscription tells of this search and nothing else.
fn tells(one: &SubscriptionView, search: &Pairs) -> bool {
    one.definition.filter
        == Wanted {
            search: search.clone(),
            ..Wanted::default()
        }
}

fn address(channel: &Channel) -> String {
    match channel {
        Channel::Webhook { url, .. } => url.clone(),
        Channel::Mail { address, .. } => address.clone(),
    }
}

async fn page(hub: &Hub, seated: &Seated, p: Page, secret: String) -> Result<Response, Trouble> {
    let subscriptions = hub.exchange.subscriptions(seated.caller()).await?;
    let saved = first(hub, seated, PER_PRINCIPAL).await?;
    let mut rows = Vec::with_capacity(saved.len());
    for saved in saved {
        let ways = subscriptions
            .iter()
            .filter(|one| tells(one, &saved.view.search));
        rows.push(Row {
            ways: ways
                .map(|one| Way {
                    id: one.id.clone(),
                    state: one.state.clone(),
                    to: address(&one.definition.channel),
                })
                .collect(),
            told: !saved.view.search.contains_key("feedback"),
            once: [once()?, once()?],
            saved,
        });
    }
    // Of each address one is enough, and one that has agreed.
    let agreed = subscriptions.iter().filter(|one| one.state != "pending");
    let known: BTreeMap<String, String> = agreed
        .map(|one| (address(&one.definition.channel), one.id.clone()))
        .collect();
    render(&Searches {
        p,
        rows,
        known: known.into_iter().collect(),
        mails: hub.exchange.mailing().is_some(),
        secret,
    })
}

/// `GET /console/searches`.
pub async fn list(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let p = Page::of(&seated.visit, "").with_done(&uri);
    page(&hub, &seated, p, String::new()).await
}

/// `POST /console/searches`.
pub async fn save(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    let asked = format!("/console/search?{}", sent.fields.get("search"));
    let asked: Uri = asked.parse().map_err(|_| Trouble::unreadable())?;
    let pairs = pairs_of(&Asked::of("/console/search", &asked));
    let name = sent.fields.get("name");
    let view = sent.by.view(&hub).await?;
    hub.exchange
        .save_search(sent.by.caller(), &view, name, pairs)
        .await?;
    Ok(Redirect::to("/console/searches?done=kept").into_response())
}

/// `GET /console/searches/{id}`.
pub async fn show(
    State(hub): State<Hub>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    seated: Seated,
    uri: Uri,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let (caller, language) = (seated.caller(), seated.language());
    let view = seated.view(&hub).await?;
    let saved = hub.exchange.saved_search(caller, &view, &id).await?;
    let cursor = query(&uri, "cursor");
    let paging = ((!cursor.is_empty()).then_some(cursor.as_str()), ROWS);
    let new = hub
        .exchange
        .new_of_search(caller, &view, &id, paging)
        .await?;
    let lines = new.found.items.iter();
    let lines = lines.map(|hit| line(language, &caller.directory, &hit.report));
    let next = new.found.next.map(|next| encoded(&next));
    render(&New {
        p: Page::of(&seated.visit, ""),
        new: lines.collect(),
        mark: new.mark,
        next: next.map_or_else(String::new, |next| format!("{HERE}/{id}?cursor={next}")),
        saved: in_words(&seated, saved),
    })
}

/// `POST /console/searches/{id}`: what its owner does with it.
pub async fn change(
    State(hub): State<Hub>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let caller = sent.by.caller();
    let view = sent.by.view(&hub).await?;
    let exchange = &hub.exchange;
    let search = exchange.saved_pairs(caller, &id).await?;
    let field = |name: &str| sent.fields.get(name);
    let done = match field("act") {
        "rename" => {
            let named = exchange.rename_search(caller, &view, &id, field("name"));
            named.await?;
            "kept"
        }
        "looked" => {
            let looked = exchange.looked_at_search(caller, &view, &id, field("mark"));
            looked.await?;
            "looked"
        }
        "forget" => {
            exchange.forget_search(caller, &id).await?;
            // What only told of it is of no use without it; what its owner named is another thing.
            if !exchange.keeps_search(caller, &search).await? {
                for one in exchange.subscriptions(caller).await? {
                    if tells(&one, &search) && one.definition.name.is_empty() {
                        let end = exchange.change_subscription(caller, &one.id, Change::End);
                        end.await?;
                    }
                }
            }
            "forgotten"
        }
        "quiet" => {
            let one = exchange.subscription(caller, field("subscription")).await?;
            if !tells(&one, &search) {
                return Err(Trouble::not_found());
            }
            let end = exchange.change_subscription(caller, &one.id, Change::End);
            end.await?;
            "quiet"
        }
        "confirm" => {
            let code = field("code");
            let confirmed = exchange.confirm_address(caller, field("subscription"), code);
            confirmed.await?;
            "told"
        }
        "tell" => {
            let definition = definition(&hub, &sent, search).await?;
            let made = exchange.subscribe_once(caller, definition, sent.fields.said());
            let made = made.await?;
            if let Some(secret) = made.secret.or(made.public_key) {
                let p = Page::of(&sent.by.visit, "");
                return page(&hub, &sent.by, p, secret).await;
            }
            if made.state == "pending" {
                "asked"
            } else {
                "told"
            }
        }
        _ => return Err(Trouble::unreadable()),
    };
    Ok(Redirect::to(&format!("{HERE}?done={done}")).into_response())
}

/// A subscription to a search, where another of the reader's goes, or to an address by mail.
async fn definition(hub: &Hub, sent: &Sent, search: Pairs) -> Result<Definition, Trouble> {
    let filter = Wanted {
        search,
        ..Wanted::default()
    };
    let like = sent.fields.get("like");
    if !like.is_empty() {
        let like = hub.exchange.subscription(sent.by.caller(), like).await?;
        return Ok(Definition {
            name: String::new(),
            filter,
            ..like.definition
        });
    }
    let address = sent.fields.get("address");
    if address.is_empty() {
        let fault = Fault::at("/address", "address", "is a plain mail address");
        return Err(Trouble::from(Refusal::Invalid(vec![fault])));
    }
    Ok(Definition {
        name: String::new(),
        filter,
        channel: Channel::Mail {
            address: address.to_owned(),
            language: match sent.by.language() {
                Language::Ja => MailLanguage::Ja,
                Language::En => MailLanguage::En,
            },
            content: Content::Thin,
        },
        when: crate::subscription::When::default(),
    })
}
