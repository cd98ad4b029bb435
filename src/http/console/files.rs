//! The stylesheet, the script and the icon: compiled in, named by their hash, kept by browsers for ever. There is
//! no other file, and nothing is fetched from anywhere else.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::exchange::secret::sha256;
use crate::http::Unchanging;

const CSS: &str = include_str!("../../../assets/console.css");
const JS: &str = include_str!("../../../assets/console.js");
const ICON: &str = include_str!("../../../assets/console.svg");

/// The stylesheet's path.
pub static CSS_PATH: LazyLock<String> = LazyLock::new(|| path(CSS, "css"));
/// The script's path.
pub static JS_PATH: LazyLock<String> = LazyLock::new(|| path(JS, "js"));
/// The icon's path.
pub static ICON_PATH: LazyLock<String> = LazyLock::new(|| path(ICON, "svg"));

fn path(text: &str, kind: &str) -> String {
    let hash: String = sha256(text.as_bytes())
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("/console/files/console-{hash}.{kind}")
}

/// `GET /console/files/{name}`.
pub async fn serve(Path(name): Path<String>) -> Response {
    let wanted = format!("/console/files/{name}");
    let (text, kind) = if wanted == *CSS_PATH {
        (CSS, "text/css; charset=utf-8")
    } else if wanted == *JS_PATH {
        (JS, "text/javascript; charset=utf-8")
    } else if wanted == *ICON_PATH {
        (ICON, "image/svg+xml")
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = text.into_response();
    response.extensions_mut().insert(Unchanging);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    response
}
