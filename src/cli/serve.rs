//! `sekisho serve` and `sekisho demo`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::config::Settings;
use crate::demo::{self, Login};
use crate::exchange::sessions::Limits;
use crate::subscription::Receivers;
use crate::{app, cli};

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Serve a hub.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    let settings = settings.with_file()?;
    let database = settings
        .database
        .context("which database? use --database sqlite:FILE or postgres://…")?;
    let council = match &settings.council {
        Some(path) => {
            cli::council::read(path)?;
            Some(std::fs::read_to_string(path)?)
        }
        None => None,
    };
    let exchange = app::open(&database, council.as_deref()).await?;
    exchange.allow_receivers(settings.receivers);
    exchange.limit_sessions(Limits {
        idle_seconds: i64::from(settings.console.idle_minutes) * 60,
        absolute_seconds: i64::from(settings.console.session_hours) * 3600,
        behind_tls: settings.console.behind_tls,
    });
    let listener = app::bind(settings.listen.unwrap_or(LISTEN)).await?;
    println!("sekisho serves http://{}", listener.local_addr()?);
    app::serve_with(exchange, listener, &settings.peers, settings.mail.as_ref()).await
}

#[derive(Args, Debug)]
pub struct Demo {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value_t = LISTEN)]
    listen: SocketAddr,
    /// Where the demo keeps its database and logins.
    #[arg(long, default_value = "demo-data")]
    data_dir: PathBuf,
    /// How many of the sample cases: all, or 0 for a council without items.
    #[arg(long, default_value_t = 30)]
    cases: usize,
}

impl Demo {
    /// Serves the demo until stopped. A folder that holds a demo already is used as it is.
    pub async fn run(self) -> anyhow::Result<()> {
        let dir = &self.data_dir;
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
        let listener = app::bind(self.listen).await?;
        let logins_file = dir.join("credentials.json");
        let database = format!("sqlite:{}", dir.join("hub.sqlite").display());
        let exchange = app::open(&database, Some(demo::COUNCIL)).await?;
        exchange.allow_receivers(Receivers::loopback());
        std::fs::write(dir.join("council.toml"), demo::COUNCIL)?;
        let logins: Vec<Login> = if logins_file.exists() {
            serde_json::from_str(&std::fs::read_to_string(&logins_file)?)
                .with_context(|| format!("`{}` is not a demo's", logins_file.display()))?
        } else {
            if self.cases > 0 {
                let (released, held) = demo::publish_cases(&exchange, self.cases).await?;
                println!(
                    "{} cases published: {released} reports released, {held} held",
                    self.cases.min(30)
                );
            }
            // Last, so that a demo that was stopped on the way begins anew.
            demo::give_logins(&exchange, &logins_file).await?
        };
        tour(&format!("http://{}", listener.local_addr()?), &logins, dir);
        app::serve(exchange, listener).await
    }
}

fn tour(url: &str, logins: &[Login], dir: &std::path::Path) {
    let key = |name: &str| {
        let login = logins.iter().find(|login| login.principal == name);
        login.map_or("", |login| login.api_key.as_str())
    };
    println!(
        "\nSekisho demo: {url}\n\
         Everything in it is fictional. Data: {dir}\n\
         Logins: {dir}/credentials.json ({count} principals; user name and password, or api_key)\n\
         For people: {url}/console   (sign in with user name and password)\n\
         TAXII 2.1: {url}/taxii2/   REST: {url}/v1   OpenAPI: {url}/openapi.json\n\n\
         Some who can log in:\n\
         \x20 finance-publisher  publishes for finance       finance-poc    agrees that it leaves finance\n\
         \x20 power-analyst      reads for power             fsa-analyst    reads for a ministry\n\
         \x20 nco-analyst        reads for the centre        secretariat    runs the office, reads nothing\n\n\
         Paste these:\n\
         \x20 curl -s -H 'X-API-Key: {power}' '{url}/v1/reports?limit=2'\n\
         \x20 curl -s -u 'power-analyst:{power}' '{url}/taxii2/council/collections/exchange/objects/?limit=3'\n\
         \x20 curl -s -H 'X-API-Key: {lead}' '{url}/v1/approvals'\n",
        dir = dir.display(),
        count = logins.len(),
        power = key("power-analyst"),
        lead = key("chemical-ot-lead"),
    );
}
