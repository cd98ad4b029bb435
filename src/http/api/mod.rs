//! The REST API.

use axum::Router;

use super::Hub;

/// Its routes.
pub fn routes() -> Router<Hub> {
    Router::new()
}
