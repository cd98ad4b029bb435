//! Who is looking, and from where: the session of a request, its language, and the two locks on every
//! form. A form is taken from this origin alone, and with the token of its own session.

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use uuid::Uuid;

use super::language::Language;
use super::trouble::{self, Trouble};
use crate::clock::random;
use crate::exchange::View;
use crate::exchange::once::Said;
use crate::exchange::sessions::Session;
use crate::exchange::{Caller, Refusal};
use crate::handling::Channel;
use crate::http::Hub;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types sekisho";

/// One request to the console.
#[derive(Clone, Debug)]
pub struct Visit {
    /// In which language it is answered.
    pub language: Language,
    /// Path and query as asked, to come back to.
    pub place: String,
    /// Where it is answered to someone signed in.
    pub session: Option<Session>,
    /// The session's id as the cookie has it.
    pub id: Option<String>,
}

/// The names of cookies: with the prefix that binds them to this host where TLS allows it.
pub fn cookie_name(hub: &Hub, name: &str) -> String {
    if hub.exchange.session_limits().behind_tls {
        format!("__Host-{name}")
    } else {
        name.to_owned()
    }
}

/// The value of a cookie that comes once; one that comes twice may be planted, and is none.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Sets a cookie; `seconds` of `None` lasts as long as the browser runs, 0 takes it away.
pub fn set_cookie(hub: &Hub, name: &str, value: &str, seconds: Option<i64>) -> HeaderValue {
    let secure = if hub.exchange.session_limits().behind_tls {
        "; Secure"
    } else {
        ""
    };
    let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let name = cookie_name(hub, name);
    HeaderValue::try_from(format!(
        "{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"
    ))
    .unwrap_or(HeaderValue::from_static(""))
}

/// Cookie of the session.
pub const SESSION: &str = "sekisho-session";
/// Cookie of the language that was chosen.
pub const LANGUAGE: &str = "sekisho-language";

/// What stands before every page: finds the visit out, refuses forms from elsewhere, dresses errors as
/// pages, and sends the headers that bind the browser.
pub async fn guard(State(hub): State<Hub>, mut request: Request, next: Next) -> Response {
    let place = request.uri().path_and_query();
    let place = place.map(ToString::to_string).unwrap_or_default();
    let visit = match visit(&hub, request.headers(), place).await {
        Ok(visit) => visit,
        Err(refusal) => {
            let visit = Visit {
                language: Language::wanted(request.headers()),
                place: super::HOME.to_owned(),
                session: None,
                id: None,
            };
            return bound(trouble::dress(&visit, &Trouble::from(refusal)));
        }
    };
    if request.method() == Method::POST && !from_here(request.headers()) {
        return bound(trouble::dress(&visit, &Trouble::elsewhere()));
    }
    request.extensions_mut().insert(visit.clone());
    let response = next.run(request).await;
    bound(match response.extensions().get::<Trouble>() {
        Some(trouble) => trouble::dress(&visit, &trouble.clone()),
        None => response,
    })
}

async fn visit(hub: &Hub, headers: &HeaderMap, place: String) -> Result<Visit, Refusal> {
    let chosen = cookie(headers, &cookie_name(hub, LANGUAGE));
    let id = cookie(headers, &cookie_name(hub, SESSION));
    let session = match &id {
        Some(id) => hub.exchange.session(id).await?,
        None => None,
    };
    Ok(Visit {
        language: chosen
            .and_then(|tag| Language::of(&tag))
            .unwrap_or_else(|| Language::wanted(headers)),
        place,
        session,
        id,
    })
}

/// Whether a form was sent by a page of this hub: browsers say so themselves, and no script of another
/// page can say otherwise. One that says nothing is refused.
fn from_here(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text("origin").and_then(|origin| origin.split_once("://"));
    match (origin, text("host")) {
        (Some((_, origin)), Some(host)) => origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

fn bound(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

impl FromRequestParts<Hub> for Visit {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &Hub) -> Result<Self, Trouble> {
        let visit = parts.extensions.get::<Self>().cloned();
        visit.ok_or_else(|| {
            Trouble::from(Refusal::Internal(anyhow::anyhow!(
                "a page without its guard"
            )))
        })
    }
}

/// A visit by someone who is signed in; anybody else is asked to.
#[derive(Clone, Debug)]
pub struct Seated {
    /// The visit.
    pub visit: Visit,
    /// Its session.
    pub session: Session,
}

impl Seated {
    /// Who is calling.
    pub fn caller(&self) -> &Caller {
        &self.session.caller
    }

    /// The language of the page.
    pub fn language(&self) -> Language {
        self.visit.language
    }

    /// What this caller may look at on the hub's pages.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn view(&self, hub: &Hub) -> Result<View, Trouble> {
        Ok(hub
            .exchange
            .view(Some(self.caller()), Channel::Console)
            .await?)
    }
}

/// Where someone is sent who is not signed in.
pub struct ToTheDoor(String);

impl IntoResponse for ToTheDoor {
    fn into_response(self) -> Response {
        Redirect::to(&self.0).into_response()
    }
}

/// Why a page is not shown to this visitor.
pub enum Unseated {
    /// The visitor is not signed in.
    Door(ToTheDoor),
    /// Anything else.
    Trouble(Box<Trouble>),
}

impl IntoResponse for Unseated {
    fn into_response(self) -> Response {
        match self {
            Self::Door(door) => door.into_response(),
            Self::Trouble(trouble) => trouble.into_response(),
        }
    }
}

impl FromRequestParts<Hub> for Seated {
    type Rejection = Unseated;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Unseated> {
        let visit = Visit::from_request_parts(parts, hub)
            .await
            .map_err(|trouble| Unseated::Trouble(Box::new(trouble)))?;
        match visit.session.clone() {
            Some(session) => Ok(Self { visit, session }),
            None => {
                // A form that nobody is signed in for is lost; its page is asked for again.
                let back = if parts.method == Method::GET {
                    visit.place.as_str()
                } else {
                    super::HOME
                };
                let door = format!("/console/sign-in?next={}", encoded(back));
                Err(Unseated::Door(ToTheDoor(door)))
            }
        }
    }
}

/// A form's fields, in the order they were sent.
#[derive(Clone, Debug, Default)]
pub struct Fields(pub Vec<(String, String)>);

/// Bytes of a key under which a form is sent once.
const ONCE_BYTES_MAX: usize = 255;

impl Fields {
    /// The first value of a field, without the spaces around it; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        let mut all = self.0.iter();
        all.find(|(known, _)| known == name)
            .map_or("", |(_, value)| value.trim())
    }

    /// Every value of a field that says something.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// What a form says beside its act: sent twice it is done once, and only to what was on its page.
    pub fn said(&self) -> Said {
        let given = |name: &str| Some(self.get(name).to_owned()).filter(|text| !text.is_empty());
        // The hub's own keys are short and plain; another is none.
        let plain = |key: &String| {
            key.len() <= ONCE_BYTES_MAX && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        Said {
            idempotency_key: given("once").filter(plain),
            seen: given("seen"),
            expected: None,
        }
    }
}

/// A key for a form that is to be sent once.
pub fn once() -> Result<String, Refusal> {
    Ok(Uuid::from_bytes(random::<16>()?).to_string())
}

/// A form of someone who is signed in, with the token of that session.
pub struct Sent {
    /// Who sent it.
    pub by: Seated,
    /// What it says.
    pub fields: Fields,
}

impl FromRequest<Hub> for Sent {
    type Rejection = Unseated;

    async fn from_request(request: Request, hub: &Hub) -> Result<Self, Unseated> {
        let (mut parts, body) = request.into_parts();
        let by = Seated::from_request_parts(&mut parts, hub).await?;
        let request = Request::from_parts(parts, body);
        let refused = |trouble| Unseated::Trouble(Box::new(trouble));
        let Form(fields) = Form::<Vec<(String, String)>>::from_request(request, hub)
            .await
            .map_err(|rejection| {
                refused(match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Trouble::too_large(),
                    _ => Trouble::unreadable(),
                })
            })?;
        let fields = Fields(fields);
        if fields.get("token") != by.session.token {
            return Err(refused(Trouble::elsewhere()));
        }
        Ok(Self { by, fields })
    }
}

/// Percent-encoded for a query's value.
pub fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A place of the console to go back to; anything else is the front page, so that no link leads out.
pub fn inside(place: &str) -> &str {
    let rest = place.strip_prefix(super::HOME);
    let within = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let plain = place
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if within && plain && !place.contains("//") && !place.contains("..") {
        place
    } else {
        super::HOME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_back_stays_inside_the_console() {
        for good in ["/console", "/console/cases/1?x=%2F", "/console?a=b"] {
            assert_eq!(inside(good), good);
        }
        for bad in [
            "https://evil.example/console",
            "//evil.example",
            "/consoled",
            "/console//evil.example",
            "/console/../v1/reports",
            "/console/\\evil.example",
            "/console/\r\nset-cookie: a=b",
            "/v1/reports",
            "",
        ] {
            assert_eq!(inside(bad), "/console", "{bad}");
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    axum::http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn a_form_comes_from_this_origin_or_not_at_all() {
        let host = ("host", "hub.example:8080");
        for good in [
            [host, ("sec-fetch-site", "same-origin")],
            [host, ("origin", "http://hub.example:8080")],
        ] {
            assert!(from_here(&headers(&good)), "{good:?}");
        }
        for bad in [
            [host, ("sec-fetch-site", "same-site")],
            [host, ("sec-fetch-site", "cross-site")],
            [host, ("sec-fetch-site", "none")],
            [host, ("origin", "http://evil.example")],
            [host, ("origin", "null")],
            [host, ("accept", "*/*")],
        ] {
            assert!(!from_here(&headers(&bad)), "{bad:?}");
        }
        let both = [
            host,
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://hub.example:8080"),
        ];
        assert!(!from_here(&headers(&both)));
    }

    #[test]
    fn a_cookie_that_comes_twice_is_none() {
        let once = headers(&[("cookie", "a=1; b=2")]);
        assert_eq!(cookie(&once, "b").as_deref(), Some("2"));
        assert_eq!(cookie(&headers(&[("cookie", "a=1; a=2")]), "a"), None);
    }
}
