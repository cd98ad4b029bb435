//! Who is calling, from the headers. Basic, Bearer, Token and `X-API-Key` lead to the same
//! principals, and the scheme's word may be in any case, since clients write it in any.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Hub;
use crate::exchange::{Caller, Presented, Refusal};

/// What the headers say about the caller.
#[derive(Debug)]
pub enum Identified {
    /// Nothing was presented.
    Nobody,
    /// Something was, and the hub does not know it.
    Unknown,
    /// This principal.
    As(Box<Caller>),
}

/// The challenges of a 401, one header with several.
pub const CHALLENGES: &str =
    "Basic realm=\"sekisho\", charset=\"UTF-8\", Bearer realm=\"sekisho\", Token realm=\"sekisho\"";

/// Finds out who is calling.
///
/// # Errors
/// When the database fails.
pub async fn identify(hub: &Hub, headers: &HeaderMap) -> Result<Identified, Refusal> {
    let Some(presented) = presented(headers) else {
        let silent =
            !headers.contains_key(header::AUTHORIZATION) && !headers.contains_key("x-api-key");
        return Ok(if silent {
            Identified::Nobody
        } else {
            Identified::Unknown
        });
    };
    Ok(match hub.exchange.authenticate(&presented).await? {
        Some(caller) => Identified::As(Box::new(caller)),
        None => Identified::Unknown,
    })
}

fn presented(headers: &HeaderMap) -> Option<Presented> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let key = headers.get("x-api-key")?.to_str().ok()?;
        return Some(Presented::Key(key.trim().to_owned()));
    };
    let (scheme, rest) = value.to_str().ok()?.trim().split_once(' ')?;
    let rest = rest.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => {
            let (username, secret) = basic(rest)?;
            Some(Presented::Password { username, secret })
        }
        // A token has dots and a key has none, so a client that only knows one word may use either.
        "bearer" | "token" if rest.contains('.') => Some(Presented::Token(rest.to_owned())),
        "bearer" | "token" | "x-api-key" => Some(Presented::Key(rest.to_owned())),
        _ => None,
    }
}

/// User name and secret of a Basic credential; the secret may contain colons.
pub fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (username, secret) = text.split_once(':')?;
    Some((username.to_owned(), secret.to_owned()))
}
