//! The peers of a deployment: TAXII servers that the hub pulls from and pushes to, as the settings
//! file names them (`[[peers]]`). It checks what can be checked without asking anybody.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// One peer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSettings {
    /// Its name here. Marks are kept under it: a peer that is renamed begins anew.
    pub id: String,
    /// Its API root. `http` only to this machine.
    pub url: String,
    /// Its collections, by UUID or alias.
    pub collections: Vec<String>,
    /// Which way.
    pub direction: Direction,
    /// The directory's service that stands for the peer: what it may see is pushed, and what is
    /// pulled is published in its name. No two peers share one.
    pub principal: String,
    /// The level of that service's scheme that bounds everything pulled, and is that of what is not
    /// marked.
    #[serde(default)]
    pub default_level: Option<String>,
    /// Whether what came from other peers is pushed to this one. Only where peers form a tree.
    #[serde(default)]
    pub forward: bool,
    /// Seconds between two rounds.
    #[serde(default = "a_minute")]
    pub interval_seconds: u64,
    /// Seconds in which a request is answered or given up.
    #[serde(default = "half_a_minute")]
    pub timeout_seconds: u64,
    /// A PEM file with the only authorities that may vouch for the peer.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How the hub logs in there.
    #[serde(default)]
    pub auth: Option<Auth>,
}

const fn a_minute() -> u64 {
    60
}

const fn half_a_minute() -> u64 {
    30
}

/// Which way objects go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the peer.
    Pull,
    /// To the peer.
    Push,
    /// Both.
    Both,
}

/// How the hub logs in, and where the secret is: in exactly one place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// In which way.
    pub kind: AuthKind,
    /// The user, for `basic`.
    #[serde(default)]
    pub username: Option<String>,
    /// The header, for `api_key`; else `X-API-Key`.
    #[serde(default)]
    pub header: Option<String>,
    /// A file that holds the secret; its last line break does not count.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// An environment variable that holds it.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// The secret itself; a file or variable is better kept.
    #[serde(default)]
    pub secret: Option<Hidden>,
}

/// The ways of logging in that TAXII servers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// User name and password.
    Basic,
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: Token …`.
    Token,
    /// A header of its own.
    ApiKey,
}

/// A secret; its `Debug` prints nothing.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

impl Hidden {
    /// Wraps a secret.
    #[must_use]
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret, for the one header that it goes into.
    #[must_use]
    pub fn show(&self) -> &str {
        &self.0
    }
}

impl Auth {
    /// Reads the secret from where it is.
    ///
    /// # Errors
    /// When it is in no place, in several, or cannot be read.
    pub fn read(&self) -> anyhow::Result<Hidden> {
        match (&self.secret_file, &self.secret_env, &self.secret) {
            (Some(path), None, None) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the secret in `{}`", path.display()))?;
                Ok(Hidden(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            (None, Some(name), None) => std::env::var(name)
                .map(Hidden)
                .with_context(|| format!("no secret in the variable `{name}`")),
            (None, None, Some(secret)) => Ok(secret.clone()),
            _ => anyhow::bail!("give exactly one of secret_file, secret_env and secret"),
        }
    }
}

/// Checks the peers of one deployment.
///
/// # Errors
/// The first fault, with the peer's name.
pub fn check(peers: &[PeerSettings]) -> anyhow::Result<()> {
    let (mut ids, mut principals) = (BTreeSet::new(), BTreeSet::new());
    for peer in peers {
        let id = &peer.id;
        ensure!(!id.is_empty(), "a peer has no id");
        ensure!(ids.insert(id), "two peers are called `{id}`");
        // It is by its service that the hub knows what came from whom.
        ensure!(
            principals.insert(&peer.principal),
            "`{}` stands for peer `{id}` and for another",
            peer.principal
        );
        ensure!(
            !peer.collections.is_empty(),
            "peer `{id}` has no collection"
        );
        for collection in &peer.collections {
            let plain = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
            ensure!(
                !collection.is_empty() && collection.chars().all(plain),
                "peer `{id}`: `{collection}` is neither a UUID nor an alias"
            );
        }
        ensure!(
            (1..=86_400).contains(&peer.interval_seconds),
            "peer `{id}`: interval_seconds is 1 to 86400"
        );
        ensure!(
            (1..=600).contains(&peer.timeout_seconds),
            "peer `{id}`: timeout_seconds is 1 to 600"
        );
        if let Some(auth) = &peer.auth {
            ensure!(
                (auth.kind == AuthKind::Basic) == auth.username.is_some(),
                "peer `{id}`: a username goes with `basic`, and only there"
            );
            ensure!(
                auth.kind == AuthKind::ApiKey || auth.header.is_none(),
                "peer `{id}`: a header goes with `api_key` only"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(more: &str) -> anyhow::Result<PeerSettings> {
        let base = "id = \"council\"\nurl = \"https://hub.example/taxii2/council/\"\n\
                    collections = [\"exchange\"]\ndirection = \"both\"\nprincipal = \"p\"\n";
        Ok(toml::from_str(&format!("{base}{more}"))?)
    }

    #[test]
    fn a_peer_is_read_with_its_defaults_and_an_unknown_word_is_refused() {
        let read = peer("").unwrap();
        assert_eq!((read.interval_seconds, read.timeout_seconds), (60, 30));
        assert!(!read.forward && read.default_level.is_none());
        assert!(peer("colour = \"red\"").is_err());
        assert!(check(&[read]).is_ok());
    }

    #[test]
    fn two_peers_share_neither_name_nor_service() {
        let (one, mut two) = (peer("").unwrap(), peer("").unwrap());
        two.id = "other".to_owned();
        assert!(check(&[one.clone(), two.clone()]).is_err());
        two.principal = "q".to_owned();
        assert!(check(&[one.clone(), two.clone()]).is_ok());
        two.id = one.id.clone();
        assert!(check(&[one, two]).is_err());
    }

    #[test]
    fn a_secret_is_in_one_place_and_is_never_printed() {
        let auth = |more: &str| {
            let text = format!("[auth]\nkind = \"bearer\"\n{more}");
            peer(&text).unwrap().auth.unwrap()
        };
        let inline = auth("secret = \"hush\"");
        assert_eq!(inline.read().unwrap().show(), "hush");
        assert!(!format!("{inline:?}").contains("hush"));
        assert!(auth("").read().is_err());
        assert!(auth("secret = \"a\"\nsecret_env = \"B\"").read().is_err());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "from a file\n").unwrap();
        let file = auth(&format!("secret_file = {path:?}"));
        assert_eq!(file.read().unwrap().show(), "from a file");
    }
}
