//! Saying no as a page: the same refusals as the API's, in words, with place and rule. What the API
//! hides is hidden here by the same answer.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::language::Language;
use super::page::{Page, render_as};
use super::visit::Visit;
use crate::exchange::{Fault, Refusal};
use crate::http::api::problem::Problem;

/// Why a request is not carried out.
#[derive(Clone, Debug)]
pub struct Trouble {
    status: StatusCode,
    why: Why,
    /// Every place that is wrong, with its rule.
    pub faults: Vec<Fault>,
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    NotFound,
    Method,
    Forbidden,
    Conflict,
    Invalid,
    Elsewhere,
    Unreadable,
    Asked,
    Failed,
}

impl Trouble {
    fn new(status: StatusCode, why: Why) -> Self {
        Self {
            status,
            why,
            faults: Vec::new(),
            detail: String::new(),
        }
    }

    /// Absent, or not for this reader: the same answer.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, Why::NotFound)
    }

    /// A form that this session's own page did not send.
    pub fn elsewhere() -> Self {
        Self::new(StatusCode::FORBIDDEN, Why::Elsewhere)
    }

    /// A form that is larger than its page takes.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Why::Unreadable)
    }

    /// A form that is none.
    pub fn unreadable() -> Self {
        Self::new(StatusCode::BAD_REQUEST, Why::Unreadable)
    }

    /// An address that asks for what cannot be understood; each parameter with its rule.
    pub fn asked(problem: &Problem) -> Self {
        let faults = problem.errors().iter().map(|wrong| {
            let place = wrong.parameter.clone().unwrap_or_default();
            Fault::at(place, wrong.rule.clone(), wrong.message.clone())
        });
        Self {
            faults: faults.collect(),
            ..Self::new(StatusCode::BAD_REQUEST, Why::Asked)
        }
    }

    fn title(&self, language: Language) -> &'static str {
        match self.why {
            Why::NotFound => language.t("見つかりません", "Not found"),
            Why::Method => language.t("この操作はできません", "Not possible here"),
            Why::Forbidden => language.t("権限がありません", "Not allowed"),
            Why::Conflict => language.t("今はできません", "Not possible now"),
            Why::Invalid => language.t("入力に誤りがあります", "Something needs correcting"),
            Why::Elsewhere => language.t("送信を受け付けませんでした", "The form was not accepted"),
            Why::Unreadable => language.t("読み取れませんでした", "The form could not be read"),
            Why::Asked => language.t("条件を読み取れません", "The filters cannot be read"),
            Why::Failed => language.t("ハブで障害が起きました", "The hub failed"),
        }
    }

    fn explanation(&self, language: Language) -> &'static str {
        match self.why {
            Why::NotFound => language.t(
                "このページはないか、あなたに公開されていません。",
                "There is no such page, or it is not for you.",
            ),
            Why::Method => language.t(
                "このページはその送り方を受け付けません。",
                "This page does not take that kind of request.",
            ),
            Why::Forbidden => language.t(
                "あなたの役割ではこの操作はできません。",
                "Your roles do not allow this.",
            ),
            Why::Conflict => language.t(
                "対象の状態が変わっています。ページを開き直して確かめてください。",
                "It is in another state by now. Open its page again and look.",
            ),
            Why::Invalid => language.t(
                "次の箇所を直して、もう一度送ってください。何も保存されていません。",
                "Correct these places and send it again. Nothing was stored.",
            ),
            Why::Elsewhere => language.t(
                "送信元か照合用の値が、このセッションのものと一致しません。ページを開き直してから送ってください。",
                "Where it came from, or its token, is not of this session. Open the page again and send it from there.",
            ),
            Why::Unreadable => language.t(
                "送られた内容が途中で切れているか、大きすぎます。",
                "What was sent breaks off or is too large.",
            ),
            Why::Asked => language.t(
                "アドレスの次の条件が使えません。検索のページから選び直してください。",
                "These filters of the address cannot be used. Choose again from the search page.",
            ),
            Why::Failed => language.t(
                "しばらくしてからもう一度お試しください。続く場合は、次の番号を運用者に伝えてください。",
                "Try again in a while. If it goes on, tell the operator this number.",
            ),
        }
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Forbidden(detail) => Self {
                detail,
                ..Self::new(StatusCode::FORBIDDEN, Why::Forbidden)
            },
            Refusal::Conflict(detail) => Self {
                detail,
                ..Self::new(StatusCode::CONFLICT, Why::Conflict)
            },
            Refusal::Stale => Self::new(StatusCode::PRECONDITION_FAILED, Why::Conflict),
            Refusal::Invalid(faults) | Refusal::Malformed(faults) => Self {
                faults,
                ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, Why::Invalid)
            },
            Refusal::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, Why::Unreadable),
            // Logged once, where the API logs it too; the page shows the id of the log line.
            internal @ Refusal::Internal(_) => Self {
                detail: Problem::from(internal).instance().to_owned(),
                ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, Why::Failed)
            },
        }
    }
}

impl IntoResponse for Trouble {
    /// The guard makes a page of it, in the visitor's language.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "console/trouble.html")]
struct TroublePage {
    p: Page,
    title: &'static str,
    explanation: &'static str,
    detail: String,
    faults: Vec<Fault>,
}

/// The page of a trouble.
pub fn dress(visit: &Visit, trouble: &Trouble) -> Response {
    let page = TroublePage {
        p: Page::of(visit, ""),
        title: trouble.title(visit.language),
        explanation: trouble.explanation(visit.language),
        detail: trouble.detail.clone(),
        faults: trouble.faults.clone(),
    };
    render_as(trouble.status, &page)
}

/// A path that leads nowhere.
pub async fn nothing() -> Trouble {
    Trouble::not_found()
}

/// A method that a page does not take.
pub async fn method() -> Trouble {
    Trouble::new(StatusCode::METHOD_NOT_ALLOWED, Why::Method)
}
