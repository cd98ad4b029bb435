//! The mail server of a deployment, as the settings file names it (`[mail]`). Without it the hub sends
//! no mail. It checks what can be checked without asking anybody.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::peers::Hidden;
use crate::subscription::Mailing;

/// Longest wait for the mail server, in seconds: shorter than one process keeps a delivery to itself.
pub const TIMEOUT_MAX: u64 = 30;

/// How the hub sends mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The mail server's name or address.
    pub host: String,
    /// Its port; by `tls` where left out: 587, 465, 25.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the way to it is encrypted.
    #[serde(default)]
    pub tls: Tls,
    /// Lets `tls = "none"` leave this machine. No mail holds content then.
    #[serde(default)]
    pub plain: bool,
    /// A PEM file with the only authorities that may vouch for the server.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The user to log in as; none logs in as nobody.
    #[serde(default)]
    pub username: Option<String>,
    /// A file that holds the password; its last line break does not count.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// An environment variable that holds it.
    #[serde(default)]
    pub password_env: Option<String>,
    /// The sender, `address` or `Name <address>`. Message ids end in its domain.
    pub from: String,
    /// Seconds in which a mail is taken or the attempt has failed, 1 to 30.
    #[serde(default = "half_a_minute")]
    pub timeout_seconds: u64,
    /// Where the hub is on the web; without it mails hold no links, and cannot be unsubscribed from by
    /// one click.
    #[serde(default)]
    pub public_url: Option<String>,
    /// Only to these domains and those below them; empty is any.
    #[serde(default)]
    pub domains: Vec<String>,
}

const fn half_a_minute() -> u64 {
    30
}

/// How the way to the mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// In the clear until both change over; a server that does not offer it gets nothing.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
    /// Not: to this machine alone, unless `plain` is said.
    None,
}

impl MailSettings {
    /// Checks what one settings file says.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.host.is_empty(), "mail: host is empty");
        ensure!(
            (1..=TIMEOUT_MAX).contains(&self.timeout_seconds),
            "mail: timeout_seconds is 1 to {TIMEOUT_MAX}"
        );
        ensure!(
            self.tls != Tls::None || self.plain || self.is_here(),
            "mail: tls = \"none\" is for a server on this machine; say plain = true to send in the \
             clear all the same"
        );
        ensure!(
            self.tls != Tls::None || self.ca_file.is_none(),
            "mail: a ca_file goes with TLS"
        );
        let passwords =
            usize::from(self.password_file.is_some()) + usize::from(self.password_env.is_some());
        ensure!(
            passwords == usize::from(self.username.is_some()),
            "mail: a username goes with one of password_file and password_env"
        );
        ensure!(
            self.username.is_none() || self.encrypted(),
            "mail: no password is sent in the clear"
        );
        if let Some(url) = &self.public_url {
            let uri = fluent_uri::Uri::parse(url.as_str()).ok();
            let host = uri.and_then(|uri| Some(uri.authority()?.host()));
            let here = host.is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
            ensure!(
                host.is_some() && !url.contains(['?', '#']),
                "mail: public_url is an address on the web without ? and #"
            );
            // RFC 8058 3.1: whoever unsubscribes is not overheard.
            ensure!(
                url.starts_with("https://") || here && url.starts_with("http://"),
                "mail: public_url begins with https://"
            );
        }
        Ok(())
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Starttls => 587,
            Tls::Tls => 465,
            Tls::None => 25,
        })
    }

    /// Whether nothing leaves this machine in the clear.
    #[must_use]
    pub fn encrypted(&self) -> bool {
        self.tls != Tls::None || self.is_here()
    }

    fn is_here(&self) -> bool {
        let address: Option<IpAddr> = self.host.trim_matches(['[', ']']).parse().ok();
        self.host == "localhost" || address.is_some_and(|address| address.is_loopback())
    }

    /// What subscriptions need to know of it.
    #[must_use]
    pub fn mailing(&self) -> Mailing {
        let url = self.public_url.as_deref();
        Mailing {
            domains: self.domains.clone(),
            encrypted: self.encrypted(),
            public_url: url.map(|url| url.trim_end_matches('/').to_owned()),
        }
    }

    /// Reads the password, where there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn password(&self) -> anyhow::Result<Option<Hidden>> {
        if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the password in `{}`", path.display()))?;
            return Ok(Some(Hidden::new(
                text.trim_end_matches(['\r', '\n']).to_owned(),
            )));
        }
        let Some(name) = &self.password_env else {
            return Ok(None);
        };
        let password = std::env::var(name);
        let password = password.with_context(|| format!("no password in the variable `{name}`"))?;
        Ok(Some(Hidden::new(password)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(more: &str) -> anyhow::Result<MailSettings> {
        let base = "from = \"hub@hub.example\"\n";
        let read: MailSettings = toml::from_str(&format!("{base}{more}"))?;
        read.check()?;
        Ok(read)
    }

    #[test]
    fn the_way_is_encrypted_unless_it_ends_here_or_its_operator_says_so() {
        let starttls = mail("host = \"smtp.example\"").unwrap();
        assert!(starttls.encrypted() && starttls.port() == 587);
        assert_eq!(
            mail("host = \"smtp.example\"\ntls = \"tls\"")
                .unwrap()
                .port(),
            465
        );
        assert!(mail("host = \"smtp.example\"\ntls = \"none\"").is_err());
        assert!(mail("host = \"10.0.0.1\"\ntls = \"none\"").is_err());
        let open = mail("host = \"smtp.example\"\ntls = \"none\"\nplain = true").unwrap();
        assert!(!open.encrypted() && !open.mailing().encrypted);
        for here in ["localhost", "127.0.0.1", "::1"] {
            let here = mail(&format!("host = \"{here}\"\ntls = \"none\"")).unwrap();
            assert!(here.encrypted());
        }
    }

    #[test]
    fn a_password_is_in_one_place_never_printed_and_never_sent_in_the_clear() {
        let host = "host = \"smtp.example\"\n";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "hush\n").unwrap();
        let file = format!("{host}username = \"hub\"\npassword_file = {path:?}");
        let read = mail(&file).unwrap();
        assert_eq!(read.password().unwrap().unwrap().show(), "hush");
        assert!(!format!("{:?}", read.password().unwrap()).contains("hush"));
        assert!(mail(&format!("{host}username = \"hub\"")).is_err());
        assert!(mail(&format!("{file}\npassword_env = \"X\"")).is_err());
        assert!(mail(&format!("{file}\ntls = \"none\"\nplain = true")).is_err());
    }

    #[test]
    fn an_unknown_word_and_an_address_that_is_none_are_refused() {
        assert!(mail("host = \"smtp.example\"\ncolour = \"red\"").is_err());
        assert!(mail("host = \"smtp.example\"\ntimeout_seconds = 31").is_err());
        assert!(mail("host = \"smtp.example\"\npublic_url = \"hub.example\"").is_err());
        let url = mail("host = \"smtp.example\"\npublic_url = \"https://hub.example/\"").unwrap();
        assert_eq!(
            url.mailing().public_url.as_deref(),
            Some("https://hub.example")
        );
    }
}
