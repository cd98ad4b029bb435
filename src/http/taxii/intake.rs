//! Posting to a collection and deleting from it (TAXII 5.5, 5.7): the body is read up to its bound and
//! handed on; each object's outcome comes back in the status.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;

use super::error::Failure;
use super::query::Parameters;
use super::session::Session;
use super::{media, status};
use crate::exchange::delete::Deleted;
use crate::exchange::objects::ENVELOPE_BYTES_MAX;
use crate::exchange::{Fault, Refusal};

/// What is read and thrown away of a body that is too large, so that the client is still there to
/// read the answer: one that is cut off while it sends reports a broken connection instead.
const DISCARD_BYTES_MAX: usize = 4 * ENVELOPE_BYTES_MAX;

/// TAXII 5.5.
pub async fn add(session: Session, headers: HeaderMap, body: Body) -> Result<Response, Failure> {
    let collection = session.collection()?;
    let Some(caller) = session
        .caller
        .as_deref()
        .filter(|caller| collection.can_write(Some(caller)))
    else {
        return Err(Failure::forbidden("this collection cannot be written to"));
    };
    media::postable(&headers)?;
    let bytes = read(&headers, body).await?;
    let outcomes = session.exchange.publish_objects(caller, &bytes).await?;
    if outcomes.is_empty() {
        return Err(Failure::unprocessable(vec![Fault::at(
            "/objects",
            "TAXII 3.7",
            "the envelope holds no objects",
        )]));
    }
    let status = status::of(&session.exchange, caller, &bytes, &outcomes);
    let text = status.body.to_string();
    session
        .exchange
        .keep_status(caller.principal.id.as_str(), &status.id, &text)
        .await?;
    Ok(media::answer(StatusCode::ACCEPTED, text))
}

/// TAXII 5.7: a withdrawal by the source. Whose right is missing follows the table there.
pub async fn remove(session: Session) -> Result<Response, Failure> {
    let collection = session.collection()?;
    let caller = session.caller.as_deref();
    let caller = match (collection.can_read(), collection.can_write(caller), caller) {
        (false, false, _) => return Err(Failure::not_found()),
        (true, true, Some(caller)) => caller,
        _ => {
            return Err(Failure::forbidden(
                "deleting needs a collection that can be read and written to",
            ));
        }
    };
    let parameters = Parameters::read(&session.uri)?;
    if !parameters.filters.wants_2_1() {
        return Err(Failure::not_found()); // nothing here is of another version of STIX
    }
    let id = session.parameter("object")?;
    let view = session.view().await?;
    let versions = parameters.filters.versions();
    let deleted = session
        .exchange
        .delete_object(caller, &view, id, &versions)
        .await?;
    match deleted {
        Deleted::Done => Ok(media::answer(StatusCode::OK, String::new())),
        Deleted::Anothers => Err(Failure::forbidden(
            "an object is deleted by the body that posted it; what a report was made into goes with the report",
        )),
        Deleted::Absent => Err(Failure::not_found()),
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Failure> {
    let too_large = || {
        Failure::from(Refusal::TooLarge {
            limit: ENVELOPE_BYTES_MAX,
        })
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok())
        .unwrap_or(0);
    // A client that asks before it sends has not begun; any other is heard out, within bounds.
    let asks = headers.contains_key(header::EXPECT);
    if announced > DISCARD_BYTES_MAX || asks && announced > ENVELOPE_BYTES_MAX {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut length = 0_usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| {
            Failure::new(
                StatusCode::BAD_REQUEST,
                "Malformed body",
                "the body broke off",
            )
        })?;
        length = length.saturating_add(chunk.len());
        if length > DISCARD_BYTES_MAX {
            break;
        }
        if length > ENVELOPE_BYTES_MAX {
            bytes = Vec::new();
        } else {
            bytes.extend_from_slice(&chunk);
        }
    }
    if length > ENVELOPE_BYTES_MAX {
        return Err(too_large());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_at_the_bound_is_read_and_one_byte_more_is_not() {
        let headers = HeaderMap::new();
        let whole = read(&headers, Body::from(vec![b' '; ENVELOPE_BYTES_MAX])).await;
        assert_eq!(whole.unwrap().len(), ENVELOPE_BYTES_MAX);
        let over = read(&headers, Body::from(vec![b' '; ENVELOPE_BYTES_MAX + 1])).await;
        assert!(over.is_err());
    }
}
