//! The command line: thin; every command calls the library and prints.

mod charter;
pub(crate) mod council;
mod council_plan;
mod key;
mod ledger;
mod peer;
mod policy;
mod policy_static;
mod policy_test;
mod serve;

use clap::{Parser, Subcommand};

/// Information sharing hub of a council of critical-infrastructure sectors.
#[derive(Parser, Debug)]
#[command(name = "sekisho", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve a fictional council with sample cases, until stopped.
    Demo(serve::Demo),
    /// Serve a hub.
    Serve(crate::config::Settings),
    /// Credentials and signing keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Check a council file, or put one in force.
    #[command(subcommand)]
    Council(council::Council),
    /// Ask the handling rule, without any item.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// The TAXII servers that the hub pulls from and pushes to.
    #[command(subcommand)]
    Peer(peer::Peer),
    /// Write the ledger out, or check what was written.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// What went wrong, in words for the person at the terminal.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Demo(demo) => runtime()?.block_on(demo.run()),
            Command::Serve(settings) => runtime()?.block_on(serve::serve(settings)),
            Command::Key(command) => runtime()?.block_on(command.run()),
            Command::Council(command) => runtime()?.block_on(command.run()),
            Command::Policy(command) => command.run(),
            Command::Peer(command) => runtime()?.block_on(command.run()),
            Command::Ledger(command) => runtime()?.block_on(command.run()),
        }
    }
}

/// A runtime with logs to standard error, as `SEKISHO_LOG` asks (default: warnings).
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEKISHO_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .json()
        .init();
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}
