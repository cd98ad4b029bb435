//! TAXII 2.1.

use axum::Router;

use super::Hub;

/// Its routes.
pub fn routes() -> Router<Hub> {
    Router::new()
}
