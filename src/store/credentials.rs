//! Keys and passwords (as keyed hashes) and the keys that sign tokens.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    FIND,
    ADD,
    REVOKE,
    SIGNING_KEYS,
    ADD_SIGNING_KEY,
    RETIRE_SIGNING_KEYS,
];

const FIND: &str = "SELECT principal, kind, (SELECT COALESCE(MAX(version), 0) FROM council) \
     FROM credential WHERE hash = $1 AND revoked_at IS NULL";
const ADD: &str =
    "INSERT INTO credential (hash, principal, kind, issued_at) VALUES ($1, $2, $3, $4)";
const REVOKE: &str =
    "UPDATE credential SET revoked_at = $1 WHERE principal = $2 AND revoked_at IS NULL";
const SIGNING_KEYS: &str = "SELECT kid, pkcs8, public, created_at FROM signing_key \
     WHERE retired_at IS NULL OR retired_at > $1 ORDER BY created_at DESC, kid DESC";
const ADD_SIGNING_KEY: &str =
    "INSERT INTO signing_key (kid, pkcs8, public, created_at) VALUES ($1, $2, $3, $4)";
const RETIRE_SIGNING_KEYS: &str =
    "UPDATE signing_key SET retired_at = $1 WHERE retired_at IS NULL AND kid <> $2";

/// A key that signs access tokens.
#[derive(Clone)]
pub struct SigningKey {
    /// Its name in the key set.
    pub kid: String,
    /// The private key, PKCS #8.
    pub pkcs8: Vec<u8>,
    /// The public key, 32 bytes.
    pub public: Vec<u8>,
    /// When it was made, in microseconds.
    pub created_at: i64,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl Tx {
    /// Whose credential has this hash, of which kind, and the version of the council file in force;
    /// revoked ones are nobody's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credential(
        &mut self,
        hash: &[u8],
    ) -> Result<Option<(String, String, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(FIND).bind(hash).fetch_optional(conn).await?))
    }

    /// Adds a credential.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_credential(
        &mut self,
        hash: &[u8],
        principal: &str,
        kind: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD).bind(hash).bind(principal).bind(kind).bind(at)
            .execute(conn).await?; });
        Ok(())
    }

    /// Revokes every credential of a principal; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_credentials(
        &mut self,
        principal: &str,
        at: i64,
    ) -> Result<u64, StoreError> {
        Ok(
            on!(self, conn => sqlx::query(REVOKE).bind(at).bind(principal)
            .execute(conn).await?.rows_affected()),
        )
    }

    /// Keys that verify tokens at `now`, the one that signs first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn signing_keys(&mut self, now: i64) -> Result<Vec<SigningKey>, StoreError> {
        let rows: Vec<(String, Vec<u8>, Vec<u8>, i64)> =
            on!(self, conn => sqlx::query_as(SIGNING_KEYS).bind(now).fetch_all(conn).await?);
        Ok(rows
            .into_iter()
            .map(|(kid, pkcs8, public, created_at)| SigningKey {
                kid,
                pkcs8,
                public,
                created_at,
            })
            .collect())
    }

    /// Adds a signing key and lets the others verify until `others_until`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_signing_key(
        &mut self,
        key: &SigningKey,
        others_until: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD_SIGNING_KEY).bind(&key.kid).bind(&key.pkcs8)
            .bind(&key.public).bind(key.created_at).execute(conn).await?; });
        on!(self, conn => { sqlx::query(RETIRE_SIGNING_KEYS).bind(others_until).bind(&key.kid)
            .execute(conn).await?; });
        Ok(())
    }
}
