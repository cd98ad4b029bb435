//! Signing in and out, and the choice of language.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

use super::language::Language;
use super::page::{Page, render_as};
use super::trouble::Trouble;
use super::visit::{
    Fields, LANGUAGE, SESSION, Sent, Visit, cookie, cookie_name, inside, set_cookie,
};
use crate::exchange::sessions::SignedIn;
use crate::http::Hub;

/// Cookie by which a name knows the browsers it signed in with.
const KNOWN: &str = "sekisho-browser";

/// How long a browser is known, in seconds: a season.
const KNOWN_SECONDS: i64 = 90 * 86_400;

/// How long a choice of language lasts, in seconds.
const LANGUAGE_SECONDS: i64 = 365 * 86_400;

/// Longest name and secret, in bytes; the hub makes none nearly as long.
const TYPED_MAX: usize = 500;

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignIn {
    p: Page,
    username: String,
    next: String,
    failure: Option<String>,
}

/// `GET /console/sign-in`.
pub async fn ask(visit: Visit, uri: Uri) -> Response {
    let next = query(&uri, "next");
    let next = inside(&next).to_owned();
    if visit.session.is_some() {
        return Redirect::to(&next).into_response();
    }
    form(&visit, (String::new(), next), None)
}

fn form(
    visit: &Visit,
    (username, next): (String, String),
    failed: Option<(StatusCode, String)>,
) -> Response {
    let (status, failure) = match failed {
        Some((status, words)) => (status, Some(words)),
        None => (StatusCode::OK, None),
    };
    let mut p = Page::of(visit, "");
    // The form itself is a place to come back to after changing the language.
    p.place = format!("/console/sign-in?next={}", super::visit::encoded(&next));
    render_as(
        status,
        &SignIn {
            p,
            username,
            next,
            failure,
        },
    )
}

/// One value of a query, empty where there is none.
pub fn query(uri: &Uri, name: &str) -> String {
    axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .ok()
        .and_then(|pairs| pairs.0.into_iter().find(|(known, _)| known == name))
        .map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

/// `POST /console/sign-in`.
pub async fn sign_in(
    State(hub): State<Hub>,
    visit: Visit,
    headers: HeaderMap,
    sent: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Trouble> {
    let Form(fields) = sent.map_err(|_| Trouble::unreadable())?;
    let fields = Fields(fields);
    let (username, password) = (fields.get("username"), fields.get("password"));
    let next = inside(fields.get("next")).to_owned();
    if username.len() > TYPED_MAX || password.len() > TYPED_MAX {
        return Err(Trouble::unreadable());
    }
    let known = cookie(&headers, &cookie_name(&hub, KNOWN));
    let presented = (username, password);
    let ended = hub
        .exchange
        .sign_in(presented, known.as_deref(), visit.id.as_deref())
        .await?;
    let language = visit.language;
    Ok(match ended {
        SignedIn::Yes { id, known } => {
            let cookies = AppendHeaders([
                (header::SET_COOKIE, set_cookie(&hub, SESSION, &id, None)),
                (
                    header::SET_COOKIE,
                    set_cookie(&hub, KNOWN, &known, Some(KNOWN_SECONDS)),
                ),
            ]);
            (cookies, Redirect::to(&next)).into_response()
        }
        SignedIn::No => form(
            &visit,
            (username.to_owned(), next),
            Some((
                StatusCode::UNAUTHORIZED,
                language
                    .t(
                        "この利用者名とパスワードの組み合わせは登録されていません。",
                        "The hub knows nobody by this user name and password.",
                    )
                    .to_owned(),
            )),
        ),
        SignedIn::Later { seconds } => {
            let minutes = seconds.div_euclid(60) + 1;
            let words = match language {
                Language::Ja => {
                    format!("この利用者名での失敗が続いたため、約{minutes}分お待ちください。")
                }
                Language::En => {
                    format!("Too many attempts under this name. Wait about {minutes} minutes.")
                }
            };
            let failed = Some((StatusCode::TOO_MANY_REQUESTS, words));
            let mut response = form(&visit, (username.to_owned(), next), failed);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
            response
        }
    })
}

/// `POST /console/sign-out`.
pub async fn sign_out(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    if let Some(id) = &sent.by.visit.id {
        hub.exchange.sign_out(id).await?;
    }
    Ok(out(&hub))
}

/// Takes the session's cookie away and shows the door.
pub fn out(hub: &Hub) -> Response {
    let cookies = AppendHeaders([(header::SET_COOKIE, set_cookie(hub, SESSION, "", Some(0)))]);
    (cookies, Redirect::to("/console/sign-in")).into_response()
}

/// `POST /console/language`: the choice is the browser's, signed in or not.
pub async fn language(
    State(hub): State<Hub>,
    sent: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Trouble> {
    let Form(fields) = sent.map_err(|_| Trouble::unreadable())?;
    let fields = Fields(fields);
    let language = Language::of(fields.get("language")).ok_or_else(Trouble::unreadable)?;
    let chosen = set_cookie(&hub, LANGUAGE, language.tag(), Some(LANGUAGE_SECONDS));
    let cookies = AppendHeaders([(header::SET_COOKIE, chosen)]);
    Ok((cookies, Redirect::to(inside(fields.get("place")))).into_response())
}
