//! The command line: thin; every command calls the library and prints.

mod council;
mod policy;

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
    /// Check a council file.
    #[command(subcommand)]
    Council(council::Council),
    /// Ask the handling rule, without any item.
    #[command(subcommand)]
    Policy(policy::Policy),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// What went wrong, in words for the person at the terminal.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Council(command) => command.run(),
            Command::Policy(command) => command.run(),
        }
    }
}
