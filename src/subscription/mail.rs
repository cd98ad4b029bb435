//! Mail as a subscription sees it: which addresses there are, in which language, and what the hub's
//! operator allows. Whether an address has agreed is the exchange's to know.

use serde::{Deserialize, Serialize};

/// Longest address, in bytes (RFC 5321 4.5.3.1.3, without the brackets).
const ADDRESS_MAX: usize = 254;
/// Longest part before the `@`, in bytes.
const LOCAL_MAX: usize = 64;
/// Longest part of a domain between two dots, in bytes.
const LABEL_MAX: usize = 63;

/// The language of a mail's own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Japanese.
    #[default]
    Ja,
    /// English.
    En,
}

/// What the operator of the hub allows: that mail is sent at all, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailing {
    /// Only to these domains and those below them; empty is any.
    pub domains: Vec<String>,
    /// Whether mail leaves the machine encrypted; where not, no content is in it.
    pub encrypted: bool,
    /// Where the hub is on the web, without a slash at its end; links begin with it.
    pub public_url: Option<String>,
}

impl Mailing {
    /// Whether mail may go to an address's domain.
    #[must_use]
    pub fn allows(&self, address: &str) -> bool {
        let domain = domain(address).to_ascii_lowercase();
        let below = |allowed: &String| {
            let allowed = allowed.to_ascii_lowercase();
            domain == allowed
                || domain
                    .strip_suffix(&allowed)
                    .is_some_and(|rest| rest.ends_with('.'))
        };
        self.domains.is_empty() || self.domains.iter().any(below)
    }
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Whose mailbox an address most likely is: many servers do not tell case apart, nor what stands after
/// a `+`. Only for counting how often somebody is asked; mail goes to the address as it is known.
#[must_use]
pub fn mailbox(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let local = local.split('+').next().unwrap_or(local);
    format!("{local}@{domain}").to_lowercase()
}

/// The one spelling under which an address is known: its domain in lower case.
#[must_use]
pub fn known_as(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => address.to_owned(),
    }
}

/// Whether it is an address that mail can go to: the plain form of RFC 5321 (`Dot-string`, a domain of
/// two labels or more), without quotes, comments, names or anything that could end a header.
#[must_use]
pub fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let atom = |part: &str| {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        !part.is_empty() && part.bytes().all(plain)
    };
    let label = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty()
            && part.len() <= LABEL_MAX
            && part.bytes().all(plain)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    address.len() <= ADDRESS_MAX
        && local.len() <= LOCAL_MAX
        && local.split('.').all(atom)
        && domain.contains('.')
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_nothing_that_ends_a_header() {
        for good in ["soc@power.example", "a.b+c@x-1.example", "o'hara@A.EXAMPLE"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "soc",
            "soc@",
            "@power.example",
            "soc@localhost",
            "a..b@power.example",
            ".a@power.example",
            "\"a b\"@power.example",
            "a@b@power.example",
            "SOC <soc@power.example>",
            "soc@power.example\r\nBcc: x@y.example",
            "soc@power.example\n",
            "soc@power.example,x@y.example",
            "soc@[127.0.0.1]",
            "担当@power.example",
            "soc@-power.example",
            "soc@power..example",
        ] {
            assert!(!is_address(bad), "{bad:?}");
        }
        assert!(!is_address(&format!("{}@power.example", "a".repeat(65))));
        assert!(is_address(&format!("{}@power.example", "a".repeat(64))));
    }

    #[test]
    fn one_mailbox_is_known_under_one_spelling() {
        assert_eq!(known_as("Soc@Power.EXAMPLE"), "Soc@power.example");
    }

    #[test]
    fn the_operator_may_name_the_domains() {
        let any = Mailing::default();
        assert!(any.allows("a@power.example"));
        let some = Mailing {
            domains: vec!["power.example".to_owned()],
            ..Mailing::default()
        };
        assert!(some.allows("a@POWER.example") && some.allows("a@soc.power.example"));
        assert!(!some.allows("a@notpower.example") && !some.allows("a@power.example.evil.example"));
    }
}
