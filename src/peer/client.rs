//! Requests to one peer. It puts up with what servers do with slashes, redirects within their own
//! origin, media types and `Accept`; it never takes its credentials elsewhere, reads no more than it
//! bounds, and asks no proxy. It knows nothing of objects.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url, redirect};
use serde_json::Value;

use crate::config::peers::{Auth, AuthKind, PeerSettings};
use crate::exchange::Refusal;

/// What the hub asks for first; servers compare the text.
const TAXII: &str = "application/taxii+json;version=2.1";

/// What it asks for where a server does not take that.
const TAXII_ANY: &str = "application/taxii+json";

/// An answer is at most so long: several of the largest envelopes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Redirects within the peer's own origin are followed so far.
const HOPS_MAX: usize = 3;

/// Why a round ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nobody answered.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// It answered with a failure.
    #[error("the peer answered {status}")]
    Status {
        /// The answer.
        status: StatusCode,
        /// What it said on when to come back: seconds, or a date.
        retry_after: Option<String>,
    },
    /// It sent the hub to another server, which is not asked.
    #[error("the peer redirects to another origin, which is not followed")]
    Elsewhere,
    /// The answer is longer than the hub reads.
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// The answer is none of TAXII's.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// Asking again brings nothing new, and the peer says that there is more.
    #[error("the peer repeats itself: {0}")]
    Repeats(&'static str),
    /// Another process is at the place.
    #[error("another process has taken over")]
    Lost,
    /// The hub could not do its part.
    #[error("{}", of_the_hub(.0))]
    Hub(#[from] Refusal),
}

fn of_the_hub(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Forbidden(why) | Refusal::Conflict(why) => why.clone(),
        other => format!("the hub could not do its part: {other}"),
    }
}

impl Trouble {
    /// For how many seconds the peer asks to be left alone.
    #[must_use]
    pub fn asked_to_wait(&self, now: DateTime<Utc>) -> Option<u64> {
        let Self::Status {
            retry_after: Some(text),
            ..
        } = self
        else {
            return None;
        };
        let text = text.trim();
        if let Ok(seconds) = text.parse() {
            return Some(seconds);
        }
        let at = DateTime::parse_from_rfc2822(text).ok()?;
        u64::try_from((at.with_timezone(&Utc) - now).num_seconds()).ok()
    }

    /// The status, where there is one.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// An answer that is no failure.
#[derive(Debug)]
pub struct Answer {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// One peer's client.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    root: Url,
}

impl Client {
    /// Makes the client of a peer.
    ///
    /// # Errors
    /// When its address, its secret or its CA file will not do.
    pub fn new(settings: &PeerSettings) -> anyhow::Result<Self> {
        let root = root(&settings.url)?;
        let mut headers = HeaderMap::new();
        if let Some(auth) = &settings.auth {
            let (name, value) = credential(auth)?;
            headers.insert(name, value);
        }
        let timeout = Duration::from_secs(settings.timeout_seconds);
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("sekisho/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .no_proxy() // an environment is no place from which to reroute what is shared
            .connect_timeout(timeout)
            .timeout(timeout);
        if let Some(path) = &settings.ca_file {
            let pem = std::fs::read(path)
                .with_context(|| format!("cannot read the CA file `{}`", path.display()))?;
            let authorities = reqwest::Certificate::from_pem_bundle(&pem)
                .with_context(|| format!("in the CA file `{}`", path.display()))?;
            ensure!(!authorities.is_empty(), "the CA file holds no certificate");
            http = http.tls_certs_only(authorities);
        }
        Ok(Self {
            http: http.build().context("cannot make an HTTP client")?,
            root,
        })
    }

    /// Whether what was configured as an API root is a discovery resource: the address of the API root
    /// it names, where it is at the same origin.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn discovered(&self) -> Result<Option<Self>, Trouble> {
        let answer = match self.get("", &[]).await {
            Ok(answer) => answer,
            Err(Trouble::Status { status, .. }) if status.is_client_error() => return Ok(None),
            Err(other) => return Err(other),
        };
        let discovery: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let roots = discovery.get("api_roots").and_then(Value::as_array);
        let only = roots
            .filter(|roots| roots.len() == 1)
            .and_then(|roots| roots.first());
        let named = discovery.get("default").or(only).and_then(Value::as_str);
        let root = named
            .and_then(|named| self.root.join(named).ok())
            .filter(|root| root.origin() == self.root.origin())
            .and_then(|found| root(found.as_str()).ok());
        let http = self.http.clone();
        Ok(root.map(|root| Self { http, root }))
    }

    /// GET below the API root. A path ends in a slash, and a server that does not know it so is asked
    /// without.
    ///
    /// # Errors
    /// Whatever keeps the answer from being one.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Trouble> {
        let mut last = None;
        for (slash, accept) in [(true, TAXII), (true, TAXII_ANY), (false, TAXII)] {
            let wanted = last.as_ref().and_then(Trouble::status);
            // Each further form is for one answer to the form before.
            let fits = match wanted {
                None => last.is_none(),
                Some(StatusCode::NOT_ACCEPTABLE) => slash,
                Some(StatusCode::NOT_FOUND) => !slash,
                Some(_) => false,
            };
            if !fits {
                continue;
            }
            let mut url = self.below(path, slash)?;
            for (name, value) in query {
                url.query_pairs_mut().append_pair(name, value);
            }
            match self.ask(Method::GET, url, accept, None).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => last = Some(trouble),
            }
        }
        Err(last.unwrap_or(Trouble::Lost))
    }

    /// POST of an envelope below the API root.
    ///
    /// # Errors
    /// Whatever keeps it from being taken.
    pub async fn post(&self, path: &str, body: &str) -> Result<Answer, Trouble> {
        let mut last = None;
        for kind in [TAXII, TAXII_ANY] {
            let url = self.below(path, true)?;
            match self.ask(Method::POST, url, kind, Some(body)).await {
                Err(trouble)
                    if trouble.status().is_some_and(|status| {
                        status == StatusCode::NOT_ACCEPTABLE
                            || status == StatusCode::UNSUPPORTED_MEDIA_TYPE
                    }) =>
                {
                    last = Some(trouble);
                }
                done => return done,
            }
        }
        Err(last.unwrap_or(Trouble::Lost))
    }

    fn below(&self, path: &str, slash: bool) -> Result<Url, Trouble> {
        let path = path.trim_matches('/');
        let path = match (path.is_empty(), slash) {
            (true, true) => String::new(),
            (true, false) => return Ok(without_slash(&self.root)),
            (false, true) => format!("{path}/"),
            (false, false) => path.to_owned(),
        };
        let url = self.root.join(&path);
        url.map_err(|_| Trouble::Unreadable(format!("`{path}` is no path")))
    }

    async fn ask(
        &self,
        method: Method,
        mut url: Url,
        kind: &str,
        body: Option<&str>,
    ) -> Result<Answer, Trouble> {
        for _ in 0..=HOPS_MAX {
            let mut request = self.http.request(method.clone(), url.clone());
            request = request.header(header::ACCEPT, kind);
            if let Some(body) = body {
                request = request
                    .header(header::CONTENT_TYPE, kind)
                    .body(body.to_owned());
            }
            let response = request.send().await.map_err(unreachable)?;
            let status = response.status();
            if status.is_redirection() {
                let same = matches!(
                    status,
                    StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
                );
                let to = response.headers().get(header::LOCATION);
                let to = to.and_then(|to| to.to_str().ok());
                let to = to.and_then(|to| url.join(to).ok());
                // A changed address and credentials go together only at the peer's own origin; and a
                // POST is sent again only where it stays one.
                match to.filter(|to| to.origin() == self.root.origin()) {
                    Some(to) if same || body.is_none() => url = to,
                    Some(_) => break,
                    None => return Err(Trouble::Elsewhere),
                }
                continue;
            }
            if !status.is_success() {
                let retry_after = response.headers().get(header::RETRY_AFTER);
                let retry_after = retry_after.and_then(|text| text.to_str().ok());
                return Err(Trouble::Status {
                    status,
                    retry_after: retry_after.map(str::to_owned),
                });
            }
            return read(response).await;
        }
        Err(Trouble::Repeats("one redirect leads to the next"))
    }
}

async fn read(response: reqwest::Response) -> Result<Answer, Trouble> {
    let headers = response.headers().clone();
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(unreachable)?;
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Trouble::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { headers, body })
}

/// The library's own words, and those of what caused it, without the address.
fn unreachable(error: reqwest::Error) -> Trouble {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        words = format!("{words}: {deeper}");
        cause = deeper.source();
    }
    Trouble::Unreachable(words)
}

fn without_slash(root: &Url) -> Url {
    let mut url = root.clone();
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url
}

fn root(text: &str) -> anyhow::Result<Url> {
    let mut url = Url::parse(text).with_context(|| format!("`{text}` is no address"))?;
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "an address holds no credentials; they go under auth"
    );
    ensure!(
        url.query().is_none() && url.fragment().is_none(),
        "an API root ends with its path"
    );
    let host = url
        .host_str()
        .with_context(|| format!("`{text}` names no host"))?;
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    let own_machine = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if own_machine => {}
        _ => anyhow::bail!("`{text}`: https only, but for a peer on this machine"),
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

fn credential(auth: &Auth) -> anyhow::Result<(HeaderName, HeaderValue)> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let secret = auth.read()?;
    let secret = secret.show();
    let (name, text) = match auth.kind {
        AuthKind::Basic => {
            let user = auth.username.as_deref().unwrap_or_default();
            let pair = STANDARD.encode(format!("{user}:{secret}"));
            (header::AUTHORIZATION, format!("Basic {pair}"))
        }
        AuthKind::Bearer => (header::AUTHORIZATION, format!("Bearer {secret}")),
        AuthKind::Token => (header::AUTHORIZATION, format!("Token {secret}")),
        AuthKind::ApiKey => {
            let name = auth.header.as_deref().unwrap_or("x-api-key");
            let name = HeaderName::try_from(name).context("no header has that name")?;
            (name, secret.to_owned())
        }
    };
    let mut value =
        HeaderValue::try_from(text).map_err(|_| anyhow::anyhow!("the secret fits no header"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_this_machine_only_and_an_address_holds_no_secret() {
        for good in [
            "https://hub.example/taxii2/council",
            "https://hub.example/taxii2/council/",
            "http://127.0.0.1:9/x",
            "http://[::1]:9/x",
            "http://localhost/x",
        ] {
            assert!(root(good).unwrap().path().ends_with('/'), "{good}");
        }
        for bad in [
            "http://hub.example/x",
            "http://192.0.2.1/x",
            "http://localhost.example/x",
            "https://user:secret@hub.example/x",
            "https://hub.example/x?key=1",
            "ftp://hub.example/x",
            "hub.example/x",
        ] {
            assert!(root(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_peer_says_in_seconds_or_by_date_when_to_come_back() {
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        let wait = |text: &str| {
            let trouble = Trouble::Status {
                status: StatusCode::TOO_MANY_REQUESTS,
                retry_after: Some(text.to_owned()),
            };
            trouble.asked_to_wait(now)
        };
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait("Sun, 22 Nov 2026 00:01:00 GMT"), Some(60));
        assert_eq!(wait("Sun, 22 Nov 2020 00:01:00 GMT"), None, "in the past");
        assert_eq!(wait("soon"), None);
    }
}
