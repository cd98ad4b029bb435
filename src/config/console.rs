//! Settings of the console: how long a session lasts, and whether browsers come over TLS. In the file
//! only.

use anyhow::ensure;
use serde::Deserialize;

/// The `[console]` table.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsoleSettings {
    /// Minutes without a request until a session is over.
    pub idle_minutes: u32,
    /// Hours from its begin until it is over, used or not.
    pub session_hours: u32,
    /// Whether browsers reach the hub over TLS alone: then cookies are `Secure` and bound to the host.
    pub behind_tls: bool,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self {
            idle_minutes: 60,
            session_hours: 12,
            behind_tls: false,
        }
    }
}

impl ConsoleSettings {
    /// Refuses sessions that end before they begin, or hardly ever.
    ///
    /// # Errors
    /// With the setting at fault.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (1..=24 * 60).contains(&self.idle_minutes),
            "`console.idle_minutes` is 1 to 1440"
        );
        ensure!(
            (1..=7 * 24).contains(&self.session_hours),
            "`console.session_hours` is 1 to 168"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_between_a_minute_and_a_week() {
        let read = |text: &str| toml::from_str::<ConsoleSettings>(text).unwrap().check();
        for good in [
            "",
            "idle_minutes = 1440",
            "session_hours = 168",
            "behind_tls = true",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in [
            "idle_minutes = 0",
            "idle_minutes = 1441",
            "session_hours = 0",
            "session_hours = 169",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
