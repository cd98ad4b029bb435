//! Files made of several cases: a STIX bundle, a table, a text. The API and the console hand out the
//! same ones. What goes into one and under which rule, the exchange says; each file says it at its
//! head, and a table, which has none, in every row.

mod csv;
mod markdown;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Hub;
use super::api::{CSV, bundled};
use super::console::{Language, day};
use crate::exchange::{Caller, Refusal};
use crate::handling::Channel;

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A bundle of STIX 2.1.
    Stix,
    /// One row for each case.
    Csv,
    /// A text to paste.
    Markdown,
}

impl Format {
    /// The format of a word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "stix" => Some(Self::Stix),
            "csv" => Some(Self::Csv),
            "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Stix => "json",
            Self::Csv => "csv",
            Self::Markdown => "md",
        }
    }
}

/// Makes the file of some reports for whoever may take a copy of every one of them.
///
/// # Errors
/// As the exchange refuses to put them together.
pub async fn file(
    hub: &Hub,
    caller: &Caller,
    language: Language,
    ids: &[String],
    format: Format,
) -> Result<Response, Refusal> {
    let (made_at, mut response) = if format == Format::Stix {
        let (dossier, objects) = hub.exchange.dossier_as_stix(caller, ids).await?;
        let objects = objects.into_iter().map(RawValue::from_string);
        let objects = objects.collect::<Result<Vec<_>, _>>()?;
        let mut of = vec![caller.principal.id.as_str(), dossier.made_at.as_str()];
        of.extend(ids.iter().map(String::as_str));
        let id = hub.exchange.secret().stix_id("bundle", "dossier", &of);
        (dossier.made_at, bundled(id, objects))
    } else {
        let dossier = hub.exchange.dossier(caller, Channel::Rest, ids).await?;
        let response = match format {
            Format::Csv => (CSV, csv::table(language, &dossier)).into_response(),
            _ => {
                let kind = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
                let text = markdown::text(language, &caller.directory, &dossier);
                (kind, text).into_response()
            }
        };
        (dossier.made_at, response)
    };
    let name = format!("sekisho-{}.{}", day(&made_at), format.extension());
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    if let Ok(disposition) = disposition {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
