//! Sessions of people at the console: begun with a credential, bound to it, over when it is revoked,
//! when nobody used them for a while, when they are old, or when the principal is gone.
//!
//! A session carries no right: the directory in force is asked at each request, as for any caller.
//! What a browser holds is a random id; the database holds its keyed hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::access::{Caller, Presented, caller};
use super::refusal::Refusal;
use super::{Exchange, hex};
use crate::clock::random;
use crate::handling::PrincipalId;
use crate::stix::timestamp::format_taxii;
use crate::store::sessions::SessionRow;

const MICROS: i64 = 1_000_000;

/// A use is noted once a minute, so that reading costs no write.
const SEEN_EVERY: i64 = 60 * MICROS;

/// So many sessions one principal has; one more ends the oldest.
const PER_PRINCIPAL: i64 = 20;

/// After so many failures with one name, that name waits.
const FAILURES_MAX: i64 = 10;

/// How long failures count, and so how long a name waits at most.
const FAILURES_FOR: i64 = 15 * 60 * MICROS;

/// Places that failures are counted at: names share them, so that trying names fills nothing.
const PLACES: i64 = 65_536;

/// Random bytes of an id.
const ID_BYTES: usize = 32;

/// How long sessions last, and how their cookie is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds without a request until a session is over.
    pub idle_seconds: i64,
    /// Seconds from its begin until it is over, used or not.
    pub absolute_seconds: i64,
    /// Whether browsers reach the hub over TLS alone, so that cookies may say so.
    pub behind_tls: bool,
}

impl Default for Limits {
    /// An hour without use, and a shift of twelve.
    fn default() -> Self {
        Self {
            idle_seconds: 3_600,
            absolute_seconds: 12 * 3_600,
            behind_tls: false,
        }
    }
}

/// A session and who is calling in it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The caller, by the directory in force.
    pub caller: Caller,
    /// What its owner calls it by; not its id.
    pub name: String,
    /// What every form of this session carries, so that no other page can have made it.
    pub token: String,
}

/// A session in its owner's list.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// What it is called by.
    pub name: String,
    /// When it began.
    pub begun_at: String,
    /// When it was last used, to the minute.
    pub seen_at: String,
}

/// A key or password in its owner's list, without the secret.
#[derive(Clone, Debug)]
pub struct CredentialView {
    /// `key` or `password`.
    pub kind: String,
    /// When it was made.
    pub issued_at: String,
}

/// How a sign-in ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// With a session.
    Yes {
        /// Its id, for the browser alone.
        id: String,
        /// What makes the browser one that this principal has signed in with.
        known: String,
    },
    /// The hub knows nobody by this name and secret.
    No,
    /// Too many failures under this name.
    Later {
        /// How long to wait.
        seconds: i64,
    },
}

impl SignedIn {
    fn later(since: i64, now: i64) -> Self {
        let seconds = (since + FAILURES_FOR - now + MICROS - 1).div_euclid(MICROS);
        Self::Later { seconds }
    }
}

impl Exchange {
    /// Begins a session, and ends the one that the browser had before.
    ///
    /// Failures are counted by name, and for a browser that the principal signed in with before by
    /// that browser: nobody locks another out of the browser they work with.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in(
        &self,
        presented: (&str, &str),
        known: Option<&str>,
        former: Option<&str>,
    ) -> Result<SignedIn, Refusal> {
        let (username, password) = presented;
        let known = known.filter(|known| self.knows_browser(username, known));
        let place = self
            .secret()
            .place("sign-in", &[username, known.unwrap_or_default()], PLACES);
        let now = self.clock().now_micros();
        let over = now - FAILURES_FOR;
        // Whoever waits costs no write.
        let failures = self.db().read().await?.failures(place, over).await?;
        if let Some((since, failed)) = failures
            && failed >= FAILURES_MAX
        {
            return Ok(SignedIn::later(since, now));
        }
        // Counted before it is known to fail, so that many at once are not all let in to try.
        let tried = self
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    tx.count_failure(place, now, over).await?;
                    Ok(tx.failures(place, over).await?)
                })
            })
            .await?;
        if let Some((since, failed)) = tried
            && failed > FAILURES_MAX
        {
            return Ok(SignedIn::later(since, now));
        }
        let presented = Presented::Password {
            username: username.to_owned(),
            secret: password.to_owned(),
        };
        let Some(caller) = self.authenticate(&presented).await? else {
            return Ok(SignedIn::No);
        };
        let id = URL_SAFE_NO_PAD.encode(random::<ID_BYTES>()?);
        let browser = match known {
            Some(known) => known.to_owned(),
            None => self.new_browser(username)?,
        };
        let hash = self.session_hash(&id);
        let former = former.map(|former| self.session_hash(former));
        let credential = self.secret().credential_hash(password);
        let principal = caller.principal.id.to_string();
        let limits = self.session_limits();
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    tx.drop_old_sessions(
                        now - limits.idle_seconds * MICROS,
                        now - limits.absolute_seconds * MICROS,
                    )
                    .await?;
                    if let Some(former) = former
                        && let Some(row) = tx.session(&former).await?
                    {
                        tx.end_session(&former, &row.principal).await?;
                    }
                    tx.begin_session(&hash, &principal, &credential, now)
                        .await?;
                    tx.keep_newest_sessions(&principal, PER_PRINCIPAL).await?;
                    Ok(tx.forget_failures(place).await?)
                })
            })
            .await?;
        Ok(SignedIn::Yes { id, known: browser })
    }

    /// The session of an id, and who is calling in it; none where it is over, whatever the reason.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, id: &str) -> Result<Option<Session>, Refusal> {
        let hash = self.session_hash(id);
        let Some(row) = self.db().read().await?.session(&hash).await? else {
            return Ok(None);
        };
        let now = self.clock().now_micros();
        if self.is_over(&row, now) {
            return Ok(None);
        }
        let directory = self.refresh().await?;
        let principal = PrincipalId::from(row.principal.as_str());
        let Some(caller) = caller(&directory, &principal, self.clock().now()) else {
            return Ok(None);
        };
        if now - row.seen_at >= SEEN_EVERY {
            let hash = hash.clone();
            self.writer()
                .write(move |tx| Box::pin(async move { Ok(tx.session_seen(&hash, now).await?) }))
                .await?;
        }
        let hash = hex(&hash);
        Ok(Some(Session {
            caller,
            name: self.session_name(&hash),
            token: self.secret().uuid("session-token", &[&hash]).to_string(),
        }))
    }

    /// Ends the session of an id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out(&self, id: &str) -> Result<(), Refusal> {
        let hash = self.session_hash(id);
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(row) = tx.session(&hash).await? {
                        tx.end_session(&hash, &row.principal).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Ends every session of the caller; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out_everywhere(&self, caller: &Caller) -> Result<u64, Refusal> {
        let principal = caller.principal.id.to_string();
        self.writer()
            .write(move |tx| Box::pin(async move { Ok(tx.end_sessions(&principal).await?) }))
            .await
    }

    /// Ends one session of the caller by its name.
    ///
    /// # Errors
    /// When the caller has no such session, or the database fails.
    pub async fn end_session(&self, caller: &Caller, name: &str) -> Result<(), Refusal> {
        let principal = caller.principal.id.to_string();
        let rows = self.db().read().await?.sessions_of(&principal).await?;
        let row = rows
            .into_iter()
            .find(|row| self.session_name(&hex(&row.hash)) == name)
            .ok_or(Refusal::NotFound)?;
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    tx.end_session(&row.hash, &principal).await?;
                    Ok(())
                })
            })
            .await
    }

    /// The caller's sessions that are not over, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<SessionView>, Refusal> {
        let principal = caller.principal.id.as_str();
        let rows = self.db().read().await?.sessions_of(principal).await?;
        let now = self.clock().now_micros();
        Ok(rows
            .iter()
            .filter(|row| !self.is_over(row, now))
            .map(|row| SessionView {
                name: self.session_name(&hex(&row.hash)),
                begun_at: format_taxii(row.begun_at),
                seen_at: format_taxii(row.seen_at),
            })
            .collect())
    }

    /// The caller's own keys and passwords, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_credentials(&self, caller: &Caller) -> Result<Vec<CredentialView>, Refusal> {
        let principal = caller.principal.id.as_str();
        let rows = self.db().read().await?.credentials_of(principal).await?;
        Ok(rows
            .into_iter()
            .map(|(kind, at)| CredentialView {
                kind,
                issued_at: format_taxii(at),
            })
            .collect())
    }

    fn is_over(&self, row: &SessionRow, now: i64) -> bool {
        let limits = self.session_limits();
        now - row.seen_at >= limits.idle_seconds * MICROS
            || now - row.begun_at >= limits.absolute_seconds * MICROS
    }

    fn session_hash(&self, id: &str) -> Vec<u8> {
        // Another purpose than a credential's, so that an id is no key and a key no id.
        self.secret().credential_hash(&format!("session {id}"))
    }

    fn session_name(&self, hash: &str) -> String {
        self.secret().uuid("session-name", &[hash]).to_string()
    }

    /// Marks a browser as one that `username` signed in with.
    fn new_browser(&self, username: &str) -> Result<String, Refusal> {
        let nonce = hex(&random::<16>()?);
        let purpose = format!("browser {username}");
        Ok(self.secret().seal(&purpose, nonce.as_bytes()))
    }

    fn knows_browser(&self, username: &str, known: &str) -> bool {
        let purpose = format!("browser {username}");
        self.secret().open(&purpose, known).is_some()
    }
}
