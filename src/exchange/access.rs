//! Who is calling. Rights come from the directory in force, never from what a client claims.
//!
//! Keys and passwords are random and made by the hub, so a keyed hash is enough to store and to
//! find them by; nothing about a wrong one can be timed.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Exchange, deliveries, hex, record};
use crate::clock::random;
use crate::council::{Body, BodyKind, Directory, Principal};
use crate::handling::{PrincipalId, Reader};
use crate::store::credentials::SigningKey;

/// Access tokens live this long: a role taken away is gone anyway, since rights are looked up per
/// request; this bounds what a stolen token is worth.
pub const TOKEN_SECONDS: i64 = 900;

const ISSUER: &str = "sekisho";

/// Someone whom the hub knows.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The directory by which the caller's rights were looked up.
    pub directory: Arc<Directory>,
    /// The person or service.
    pub principal: Principal,
    /// Its body.
    pub body: Body,
    /// What decisions may depend on.
    pub reader: Reader,
    /// The level of its own scheme that bounds everything it posts: what comes from a peer arrives
    /// under it, marked or not.
    pub ceiling: Option<String>,
}

impl Caller {
    /// Whether the caller holds a role.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.principal.has(role)
    }

    /// Whether the directory shows a body to this caller: operators to their own and their CEPTOAR.
    #[must_use]
    pub fn is_listed(&self, body: &Body) -> bool {
        body.kind != BodyKind::Operator
            || body.id == self.body.id
            || body.ceptoars.contains(&self.body.id)
    }
}

/// What a client presents.
pub enum Presented {
    /// User name and password; a key does as a password.
    Password {
        /// The principal's name.
        username: String,
        /// The password or key.
        secret: String,
    },
    /// A key alone.
    Key(String),
    /// An access token.
    Token(String),
}

/// Which kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// For programs.
    Key,
    /// For people.
    Password,
}

impl Credential {
    const fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Password => "password",
        }
    }
}

/// An access token and its life in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct AccessToken {
    /// The token, a JWT (RFC 9068).
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Exchange {
    /// Who presents this; `None` for whom the hub does not know, whatever the reason.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn authenticate(&self, presented: &Presented) -> Result<Option<Caller>, Refusal> {
        let (name, directory) = match presented {
            Presented::Token(token) => match self.subject(token).await? {
                Some(name) => (name, self.refresh().await?),
                None => return Ok(None),
            },
            Presented::Password { secret, .. } | Presented::Key(secret) => {
                let Some((name, kind, council)) = self.holder(secret).await? else {
                    return Ok(None);
                };
                let theirs = match presented {
                    Presented::Password { username, .. } => name == *username,
                    _ => kind == Credential::Key.word(),
                };
                if !theirs {
                    return Ok(None);
                }
                (name, self.directory_of(council).await?)
            }
        };
        Ok(caller(
            &directory,
            &PrincipalId::from(name),
            self.clock().now(),
        ))
    }

    /// A principal as a caller, without a credential: for the hub's own doing (the demo, the CLI).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn caller(&self, name: &str) -> Result<Option<Caller>, Refusal> {
        let directory = self.refresh().await?;
        Ok(caller(
            &directory,
            &PrincipalId::from(name),
            self.clock().now(),
        ))
    }

    /// Who holds a credential, of which kind it is, and the version of the council file in force.
    pub(super) async fn holder(
        &self,
        secret: &str,
    ) -> Result<Option<(String, String, i64)>, Refusal> {
        let hash = self.secret().credential_hash(secret);
        Ok(self.db().glance().await?.credential(&hash).await?)
    }

    /// Makes a credential and returns it, once; only its keyed hash is kept.
    ///
    /// # Errors
    /// When the directory has no such principal, or the database fails.
    pub async fn issue(&self, principal: &str, kind: Credential) -> Result<String, Refusal> {
        let mut all = self.issue_many(vec![(principal.to_owned(), kind)]).await?;
        all.pop().ok_or(Refusal::NotFound)
    }

    /// Makes several credentials in one transaction, in the order asked for.
    ///
    /// # Errors
    /// When the directory lacks one of the principals, or the database fails.
    pub async fn issue_many(
        &self,
        wanted: Vec<(String, Credential)>,
    ) -> Result<Vec<String>, Refusal> {
        let directory = self.refresh().await?;
        let now = self.clock().now_micros();
        let mut made = Vec::with_capacity(wanted.len());
        let mut rows = Vec::with_capacity(wanted.len());
        for (principal, kind) in wanted {
            if directory
                .principal(&PrincipalId::from(principal.as_str()))
                .is_none()
            {
                return Err(Refusal::NotFound);
            }
            let secret = format!("sk_{}", URL_SAFE_NO_PAD.encode(random::<32>()?));
            rows.push((self.secret().credential_hash(&secret), principal, kind));
            made.push(secret);
        }
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    for (hash, principal, kind) in rows {
                        tx.add_credential(&hash, &principal, kind.word(), now).await?;
                        record(tx, now, &[], &json!({
                            "decision": "credential.issued", "principal": principal, "kind": kind.word(),
                        }))
                        .await?;
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(made)
    }

    /// Revokes every credential of a principal, and stops what was subscribed to with one; how many
    /// credentials there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke(&self, principal: &str) -> Result<u64, Refusal> {
        let (principal, now) = (principal.to_owned(), self.clock().now_micros());
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    let count = tx.revoke_credentials(&principal, now).await?;
                    for one in tx.subscriptions_of(&principal).await? {
                        let why = "the credentials of its owner were revoked";
                        deliveries::stop(tx, &one.id, why, now).await?;
                    }
                    record(tx, now, &[], &json!({
                        "decision": "credential.revoked", "principal": principal, "count": count,
                    }))
                    .await?;
                    Ok(count)
                })
            })
            .await
    }

    /// A token for a client that proves who it is by name and key; `None` for anyone else.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token(&self, client: &str, secret: &str) -> Result<Option<AccessToken>, Refusal> {
        let presented = Presented::Password {
            username: client.to_owned(),
            secret: secret.to_owned(),
        };
        let Some(caller) = self.authenticate(&presented).await? else {
            return Ok(None);
        };
        let key = self.signing_key().await?;
        let now = self.clock().now().timestamp();
        let name = caller.principal.id.to_string();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: name.clone(),
            client_id: name,
            iat: now,
            exp: now + TOKEN_SECONDS,
            jti: hex(&random::<16>()?),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(key.kid);
        let access_token =
            jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&key.pkcs8))
                .map_err(|error| Refusal::Internal(error.into()))?;
        Ok(Some(AccessToken {
            access_token,
            token_type: "Bearer",
            expires_in: TOKEN_SECONDS,
        }))
    }

    async fn subject(&self, token: &str) -> Result<Option<String>, Refusal> {
        let Ok(header) = jsonwebtoken::decode_header(token) else {
            return Ok(None);
        };
        // RFC 9068 §4: only tokens made as access tokens, only our algorithm, only our keys.
        if header.typ.as_deref() != Some("at+jwt") || header.alg != Algorithm::EdDSA {
            return Ok(None);
        }
        let keys = self.signing_keys().await?;
        let Some(key) = keys
            .iter()
            .find(|key| Some(&key.kid) == header.kid.as_ref())
        else {
            return Ok(None);
        };
        let Ok(verifying) = DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(&key.public))
        else {
            return Ok(None);
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The hub's own clock decides below; the library would ask the machine's.
        validation.validate_exp = false;
        let Ok(token) = jsonwebtoken::decode::<Claims>(token, &verifying, &validation) else {
            return Ok(None);
        };
        let now = self.clock().now().timestamp();
        let claims = token.claims;
        let in_time = claims.iat <= now + 60 && now < claims.exp;
        Ok(in_time.then_some(claims.sub))
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKey>, Refusal> {
        let now = self.clock().now_micros();
        Ok(self.db().read().await?.signing_keys(now).await?)
    }

    async fn signing_key(&self) -> Result<SigningKey, Refusal> {
        match self.signing_keys().await?.into_iter().next() {
            Some(key) => Ok(key),
            None => self.rotate_signing_key().await,
        }
    }

    /// Makes a new signing key; the old ones verify until the last token they signed has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate_signing_key(&self) -> Result<SigningKey, Refusal> {
        let failed = |_| Refusal::Internal(anyhow::anyhow!("no Ed25519 key could be made"));
        let pair = Ed25519KeyPair::generate().map_err(failed)?;
        let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
        let now = self.clock().now_micros();
        let key = SigningKey {
            kid: hex(&random::<8>()?),
            pkcs8: pkcs8.as_ref().to_vec(),
            public: pair.public_key().as_ref().to_vec(),
            created_at: now,
        };
        let stored = key.clone();
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    tx.add_signing_key(&stored, now + TOKEN_SECONDS * 1_000_000)
                        .await?;
                    record(
                        tx,
                        now,
                        &[],
                        &json!({"decision": "signing_key.rotated", "kid": stored.kid}),
                    )
                    .await
                })
            })
            .await?;
        Ok(key)
    }

    /// The public keys, as a JSON Web Key Set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jwks(&self) -> Result<Value, Refusal> {
        self.signing_key().await?; // a hub that never signed has a key to show all the same
        let keys: Vec<Value> = self
            .signing_keys()
            .await?
            .iter()
            .map(|key| {
                json!({
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                    "kid": key.kid, "x": URL_SAFE_NO_PAD.encode(&key.public),
                })
            })
            .collect();
        Ok(json!({ "keys": keys }))
    }
}

pub(super) fn caller(
    directory: &Arc<Directory>,
    name: &PrincipalId,
    now: chrono::DateTime<chrono::Utc>,
) -> Option<Caller> {
    let principal = directory.principal(name)?.clone();
    let body = directory.body(&principal.body)?.clone();
    let reader = directory.reader(&principal, now)?;
    Some(Caller {
        directory: Arc::clone(directory),
        principal,
        body,
        reader,
        ceiling: None,
    })
}
