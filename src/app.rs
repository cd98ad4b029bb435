//! The composition root: a database, a clock and a council become a hub that serves.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::mail::MailSettings;
use crate::config::peers::PeerSettings;
use crate::delivery::Delivery;
use crate::exchange::{Exchange, Refusal};
use crate::http;
use crate::peer::Peers;
use crate::store::Db;

/// Opens a hub, and puts the council file in force where one is given.
///
/// # Errors
/// When the database cannot be used, or the file has faults.
pub async fn open(database: &str, council: Option<&str>) -> anyhow::Result<Exchange> {
    let db = Db::open(database)
        .await
        .with_context(|| format!("cannot open the database `{}`", without_password(database)))?;
    let exchange = Exchange::open(db, Clock::System).await?;
    if let Some(text) = council {
        exchange.apply_council(text).await.map_err(explained)?;
    }
    Ok(exchange)
}

fn explained(refusal: Refusal) -> anyhow::Error {
    match refusal {
        Refusal::Invalid(faults) => {
            let lines: Vec<String> = faults
                .iter()
                .map(|fault| format!("{}: {}", fault.pointer, fault.message))
                .collect();
            anyhow::anyhow!("the council file has faults:\n  {}", lines.join("\n  "))
        }
        other => other.into(),
    }
}

/// Secrets stay out of messages.
fn without_password(address: &str) -> String {
    let address = address.split_once('?').map_or(address, |(place, _)| place);
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
        _ => address.to_owned(),
    }
}

/// Binds the address; port 0 takes a free one.
///
/// # Errors
/// When it is taken or not allowed.
pub async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))
}

/// Serves until asked to stop by Ctrl-C or SIGTERM; requests under way are finished first.
///
/// # Errors
/// When the listener fails.
pub async fn serve(exchange: Exchange, listener: TcpListener) -> anyhow::Result<()> {
    serve_with(exchange, listener, &[], None).await
}

/// The same, and takes turns with peers meanwhile, and sends mail where there is a mail server.
///
/// # Errors
/// When the listener fails, or the settings of a peer or of the mail server will not do.
pub async fn serve_with(
    exchange: Exchange,
    listener: TcpListener,
    peers: &[PeerSettings],
    mail: Option<&MailSettings>,
) -> anyhow::Result<()> {
    let peers = Peers::open(exchange.clone(), peers)?;
    let delivery = Delivery::with_mail(exchange.clone(), mail)?;
    let mut work = JoinSet::new();
    let (time, listeners, releases) = (exchange.clone(), exchange.clone(), exchange.clone());
    work.spawn(async move { time.keep_time().await });
    work.spawn(async move { listeners.serve_streams().await });
    work.spawn(async move { releases.fan_out().await });
    work.spawn(delivery.run());
    work.spawn(async move { peers.keep().await });
    let streams = exchange.clone();
    let served = axum::serve(listener, http::router(exchange))
        .with_graceful_shutdown(async move {
            stop_asked().await;
            streams.close_streams();
        })
        .await;
    // Between two transactions, or in one that is then undone whole; a page that is not done is asked for again.
    work.abort_all();
    Ok(served?)
}

async fn stop_asked() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
