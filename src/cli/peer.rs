//! `sekisho peer`: how it goes with the peers, and a round now.

use anyhow::Context;
use clap::Subcommand;

use crate::app;
use crate::config::Settings;
use crate::peer::Peers;
use crate::stix::timestamp::format_taxii;

#[derive(Subcommand, Debug)]
pub enum Peer {
    /// Say how it goes with each peer, and what did not pass.
    List {
        #[command(flatten)]
        settings: Settings,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make one round with every peer now, due or not; fails where one of them failed.
    RunOnce {
        #[command(flatten)]
        settings: Settings,
    },
}

impl Peer {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        let (Self::List { settings, .. } | Self::RunOnce { settings }) = &self;
        let settings = settings.clone().with_file()?;
        let database = settings
            .database
            .context("which database? use --database sqlite:FILE or postgres://…")?;
        let exchange = app::open(&database, None).await?;
        match self {
            Self::List { json, .. } => {
                let places = exchange.all_peers().await?;
                let mut refused = Vec::new();
                let mut names: Vec<&str> = places.iter().map(|at| at.peer.as_str()).collect();
                names.dedup();
                for peer in names {
                    for (way, what, at) in exchange.peer_refused(peer).await? {
                        refused.push((peer, way, what, format_taxii(at)));
                    }
                }
                if json {
                    let refused: Vec<_> = refused
                        .iter()
                        .map(|(peer, way, what, at)| {
                            serde_json::json!({
                                "peer": peer, "direction": way, "object": what.object,
                                "version": what.version, "reason": what.reason, "at": at,
                            })
                        })
                        .collect();
                    let all = serde_json::json!({"places": places, "refused": refused});
                    println!("{}", serde_json::to_string_pretty(&all)?);
                    return Ok(());
                }
                for at in &places {
                    let since = at.succeeded_at.as_deref().unwrap_or("never");
                    println!(
                        "{}: last success {since}, {} passed, {} did not, {} failures since",
                        at.id, at.passed, at.refused, at.failures
                    );
                    if let (Some(failure), 1..) = (&at.last_failure, at.failures) {
                        println!("  {failure}; again at {}", at.next_at);
                    }
                }
                for (peer, way, what, at) in refused {
                    println!("{at} {peer} {way} {}: {}", what.object, what.reason);
                }
                Ok(())
            }
            Self::RunOnce { .. } => {
                let peers = Peers::open(exchange, &settings.peers)?;
                let turns = peers.once(true).await;
                let mut failed = 0;
                for turn in &turns {
                    let place = &turn.place;
                    let outcome = turn.failure.as_deref().unwrap_or("done");
                    failed += usize::from(turn.failure.is_some());
                    println!(
                        "{} {} {}: {outcome}",
                        place.peer, place.collection, place.way
                    );
                }
                anyhow::ensure!(failed == 0, "{failed} of {} rounds failed", turns.len());
                Ok(())
            }
        }
    }
}
