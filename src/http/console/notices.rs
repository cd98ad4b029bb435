//! Notices: what was taken back from the reader, and the word that copies are gone.

use askama::Template;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};

use super::cases::id_of;
use super::page::{Page, render};
use super::trouble::Trouble;
use super::visit::{Seated, Sent};
use crate::exchange::notices::NoticeView;
use crate::http::Hub;

#[derive(Template)]
#[template(path = "console/notices.html")]
struct Notices {
    p: Page,
    notices: Vec<NoticeView>,
}

impl Notices {
    fn objects(&self, notice: &NoticeView) -> Vec<String> {
        let list = notice.objects.as_array();
        let ids = list.into_iter().flatten().filter_map(|id| id.as_str());
        ids.map(str::to_owned).collect()
    }
}

/// `GET /console/notices`.
pub async fn list(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    render(&Notices {
        p: Page::of(&seated.visit, "/console/notices").with_done(&uri),
        notices: hub.exchange.notices(seated.caller()).await?,
    })
}

/// `POST /console/notices/{id}`.
pub async fn acknowledge(
    State(hub): State<Hub>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let comment = sent.fields.get("comment");
    hub.exchange
        .acknowledge(sent.by.caller(), &id, comment)
        .await?;
    Ok(Redirect::to("/console/notices?done=acknowledged").into_response())
}
