//! The manifest: what a collection holds, without the objects (TAXII 5.3). It has a cursor, which the
//! standard's table forgot: a client that finds `more` without `next` asks for page one for ever.

use axum::response::Response;
use serde_json::json;

use super::error::Failure;
use super::media;
use super::page::{Of, Page};
use super::session::Session;
use crate::stix::timestamp::format_taxii;

/// TAXII 5.3.
pub async fn list(session: Session) -> Result<Response, Failure> {
    let page = Page::read(&session, Of::Collection).await?;
    let records: Vec<String> = page
        .entries
        .iter()
        .map(|entry| {
            json!({
                "id": entry.id,
                "date_added": format_taxii(page.date(entry)),
                "version": entry.version,
                "media_type": media::STIX,
            })
            .to_string()
        })
        .collect();
    Ok(page.answer("objects", records.into_iter()))
}
