//! Reading objects and their versions (TAXII 5.4, 5.6, 5.8). Bytes go out as they are stored.

use std::borrow::Cow;

use axum::response::Response;
use serde_json::Value;

use super::error::Failure;
use super::lenient;
use super::page::{Of, Page};
use super::session::Session;
use crate::council::TaxiiProfile;

/// TAXII 5.4.
pub async fn list(session: Session) -> Result<Response, Failure> {
    envelope(&session, Of::Collection).await
}

/// TAXII 5.6.
pub async fn one(session: Session) -> Result<Response, Failure> {
    envelope(&session, Of::Object).await
}

async fn envelope(session: &Session, of: Of) -> Result<Response, Failure> {
    let page = Page::read(session, of).await?;
    let objects = page.entries.iter().map(|entry| match page.profile {
        TaxiiProfile::Standard => Cow::Borrowed(entry.bytes.as_str()),
        TaxiiProfile::Lenient => lenient::versioned(&entry.bytes),
    });
    Ok(page.answer("objects", objects))
}

/// TAXII 5.8.
pub async fn versions(session: Session) -> Result<Response, Failure> {
    let page = Page::read(&session, Of::Versions).await?;
    let versions: Vec<String> = page
        .entries
        .iter()
        .map(|entry| Value::from(entry.version.as_str()).to_string())
        .collect();
    Ok(page.answer("versions", versions.into_iter()))
}
