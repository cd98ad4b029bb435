//! `sekisho key …`: credentials of people and services, and the keys that sign tokens.

use anyhow::Context;
use clap::Subcommand;

use crate::app;
use crate::exchange::{Credential, Refusal};

#[derive(Subcommand, Debug)]
pub enum Key {
    /// Make a key (or password) for a principal and print it, once.
    Issue {
        /// The principal's name in the directory.
        principal: String,
        /// A password for a person instead of a key for a program.
        #[arg(long)]
        password: bool,
        /// The hub's database.
        #[arg(long, env = "SEKISHO_DATABASE")]
        database: String,
    },
    /// Revoke every key and password of a principal.
    Revoke {
        /// The principal's name.
        principal: String,
        /// The hub's database.
        #[arg(long, env = "SEKISHO_DATABASE")]
        database: String,
    },
    /// Make a new key for signing access tokens; the old one verifies until its tokens have ended.
    Rotate {
        /// The hub's database.
        #[arg(long, env = "SEKISHO_DATABASE")]
        database: String,
    },
}

impl Key {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Issue {
                principal,
                password,
                database,
            } => {
                let exchange = app::open(&database, None).await?;
                let kind = if password {
                    Credential::Password
                } else {
                    Credential::Key
                };
                let secret =
                    exchange
                        .issue(&principal, kind)
                        .await
                        .map_err(|refusal| match refusal {
                            Refusal::NotFound => {
                                anyhow::anyhow!("`{principal}` is not in the council in force")
                            }
                            other => other.into(),
                        })?;
                println!("{secret}");
            }
            Self::Revoke {
                principal,
                database,
            } => {
                let exchange = app::open(&database, None).await?;
                let count = exchange.revoke(&principal).await?;
                println!("{count} credentials of {principal} revoked");
            }
            Self::Rotate { database } => {
                let exchange = app::open(&database, None).await?;
                let key = exchange.rotate_signing_key().await.context("no new key")?;
                println!("tokens are now signed by {}", key.kid);
            }
        }
        Ok(())
    }
}
