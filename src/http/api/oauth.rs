//! Access tokens by client credentials (RFC 6749 §4.4), and the keys that verify them. Errors here
//! have OAuth's own shape (§5.2), which its clients read.

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::extract::bytes;
use super::problem::Problem;
use crate::http::Hub;
use crate::http::auth::{CHALLENGES, basic};

/// Longest form, in bytes: a few short fields.
const FORM_BYTES_MAX: usize = 8 * 1024;

const FORM: &str = "application/x-www-form-urlencoded";

fn refused(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({"error": error, "error_description": description});
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(CHALLENGES),
        );
    }
    response
}

fn invalid_request(description: &str) -> Response {
    refused(StatusCode::BAD_REQUEST, "invalid_request", description)
}

fn invalid_client() -> Response {
    refused(
        StatusCode::UNAUTHORIZED,
        "invalid_client",
        "no client of that name and secret",
    )
}

/// The form's fields. A form has the syntax of a query, and is read as one.
fn fields(body: &[u8]) -> Option<Vec<(String, String)>> {
    let uri: Uri = format!("/?{}", std::str::from_utf8(body).ok()?.trim())
        .parse()
        .ok()?;
    let Query(fields) = Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?;
    Some(fields)
}

/// `POST /oauth/token`.
pub async fn token(State(hub): State<Hub>, request: Request) -> Result<Response, Problem> {
    let authorization = request.headers().get(header::AUTHORIZATION).cloned();
    let Ok(body) = bytes(request, FORM_BYTES_MAX, FORM).await else {
        return Ok(invalid_request("the body is a short form"));
    };
    let Some(fields) = fields(&body) else {
        return Ok(invalid_request("the form cannot be read"));
    };
    for (at, (name, _)) in fields.iter().enumerate() {
        if fields.iter().take(at).any(|(earlier, _)| earlier == name) {
            return Ok(invalid_request("a field is given more than once"));
        }
    }
    let field = |wanted: &str| {
        fields
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.clone())
    };
    match field("grant_type").as_deref() {
        Some("client_credentials") => {}
        None => return Ok(invalid_request("`grant_type` is missing")),
        Some(_) => {
            return Ok(refused(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "only `client_credentials` is given here",
            ));
        }
    }
    let (id, secret) = match (authorization, field("client_secret")) {
        // §2.3: a client uses one way to say who it is.
        (Some(_), Some(_)) => return Ok(invalid_request("the client is named in two ways")),
        (Some(value), None) => {
            let Some(client) = value
                .to_str()
                .ok()
                .and_then(|text| text.trim().split_once(' '))
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
                .and_then(|(_, encoded)| basic(encoded.trim()))
            else {
                return Ok(invalid_client());
            };
            client
        }
        (None, Some(secret)) => match field("client_id") {
            Some(id) => (id, secret),
            None => return Ok(invalid_request("`client_id` is missing")),
        },
        (None, None) => return Ok(invalid_client()),
    };
    Ok(match hub.exchange.token(&id, &secret).await? {
        Some(token) => ([(header::CACHE_CONTROL, "no-store")], Json(token)).into_response(),
        None => invalid_client(),
    })
}

/// `GET /.well-known/jwks.json`.
pub async fn jwks(State(hub): State<Hub>) -> Result<Json<Value>, Problem> {
    Ok(Json(hub.exchange.jwks().await?))
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn a_form_is_read_with_its_escapes() {
        let read = fields(b"grant_type=client_credentials&client_id=a%2Db&client_secret=x+y");
        let read = read.unwrap();
        assert_eq!(read[1], ("client_id".to_owned(), "a-b".to_owned()));
        assert_eq!(read[2].1, "x y");
    }

    #[test]
    fn bytes_that_are_no_form_are_refused() {
        assert!(fields(b"\xff\xfe").is_none());
        assert!(fields(b"client_id=a b\nc").is_none());
    }
}
