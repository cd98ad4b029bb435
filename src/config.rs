//! Settings of a serving hub: from a TOML file, then the environment, then the command line; the
//! later wins.

pub mod console;
pub mod mail;
pub mod peers;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Deserialize;

use crate::subscription::Receivers;

/// The settings, each optional until they are put together.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the hub keeps everything: `sqlite:FILE` or `postgres://…`.
    #[arg(long, env = "SEKISHO_DATABASE")]
    pub database: Option<String>,
    /// The council file to put in force at the start; without one, the file in force stays.
    #[arg(long, env = "SEKISHO_COUNCIL")]
    pub council: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, env = "SEKISHO_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where webhooks may go beside public addresses over https; in the settings file alone.
    #[arg(skip)]
    #[serde(default)]
    pub receivers: Receivers,
    /// The mail server; without one no mail is sent. In the file only.
    #[arg(skip)]
    #[serde(default)]
    pub mail: Option<mail::MailSettings>,
    /// Sessions of the console. In the file only.
    #[arg(skip)]
    #[serde(default)]
    pub console: console::ConsoleSettings,
    /// The TAXII servers that the hub pulls from and pushes to; in the file only.
    #[arg(skip)]
    #[serde(default)]
    pub peers: Vec<peers::PeerSettings>,
    /// A file with these settings.
    #[arg(long, env = "SEKISHO_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}

impl Settings {
    /// Fills what is not set from the settings file, where one is named.
    ///
    /// # Errors
    /// When the file cannot be read, or sets something unknown.
    pub fn with_file(self) -> anyhow::Result<Self> {
        let Some(path) = &self.config else {
            return Ok(self);
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read settings `{}`", path.display()))?;
        let file: Self =
            toml::from_str(&text).with_context(|| format!("in `{}`", path.display()))?;
        peers::check(&file.peers).with_context(|| format!("in `{}`", path.display()))?;
        if let Some(mail) = &file.mail {
            mail.check()
                .with_context(|| format!("in `{}`", path.display()))?;
        }
        file.console
            .check()
            .with_context(|| format!("in `{}`", path.display()))?;
        Ok(Self {
            console: file.console,
            database: self.database.or(file.database),
            council: self.council.or(file.council),
            listen: self.listen.or(file.listen),
            receivers: file.receivers,
            mail: file.mail,
            peers: file.peers,
            config: None,
        })
    }
}
