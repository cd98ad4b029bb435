//! Ticket numbers of the source's own form, and addresses of ticket systems.
//!
//! A report's `reference` (`INC-12345`) shows how the source numbers its matters: another number of
//! that form leads to the same desk. Numbers of public catalogues (`CVE-…`) lead to nobody.

use super::fold::{Depth, Folded, Glyph};
use super::spelling::Script;

/// Prefixes that everybody uses.
const PUBLIC: [&str; 36] = [
    "cve", "cwe", "capec", "rfc", "iso", "iec", "jis", "jvn", "jvndb", "tlp", "ms", "kb", "sha",
    "md", "utf", "tcp", "udp", "aes", "rsa", "nist", "sp", "usb", "http", "https", "tls", "ssl",
    "ipv", "ip", "cvss", "epss", "ghsa", "ta", "apt", "unc", "port", "ver",
];

/// The letters before the number of a reference; `None` where it has no such form or a public one.
pub(super) fn prefix_of(reference: &str) -> Option<String> {
    let folded = Folded::deep(reference, Depth::Loose);
    let letters: String = folded
        .glyphs()
        .iter()
        .map_while(|glyph| (glyph.script == Script::Latin).then_some(glyph.ch))
        .collect();
    let digit = folded
        .glyphs()
        .get(letters.chars().count())
        .is_some_and(|glyph| glyph.script == Script::Digit);
    let fits = letters.len() >= 2 && digit && !PUBLIC.contains(&letters.as_str());
    fits.then_some(letters)
}

/// Fewest digits of a number that counts as a ticket's.
const DIGITS_MIN: usize = 2;

/// The first number of the form `prefix-123` in loosely folded text.
pub(super) fn find(glyphs: &[Glyph], prefix: &str) -> Option<String> {
    let wanted: Vec<char> = prefix.chars().collect();
    for at in 0..glyphs.len() {
        let end = at + wanted.len();
        let Some(found) = glyphs.get(at..end) else {
            break;
        };
        if !found
            .iter()
            .map(|glyph| glyph.ch)
            .eq(wanted.iter().copied())
        {
            continue;
        }
        let inside = found.iter().skip(1).any(|glyph| glyph.gap);
        let before = at.checked_sub(1).and_then(|i| glyphs.get(i));
        let begins = found.first().is_some_and(|first| first.gap)
            || before.is_none_or(|glyph| glyph.script != Script::Latin);
        let number: Vec<&Glyph> = glyphs
            .iter()
            .skip(end)
            .enumerate()
            .take_while(|(i, g)| g.script == Script::Digit && (*i == 0 || !g.gap || g.joined))
            .map(|(_, glyph)| glyph)
            .collect();
        let Some(first) = number.first() else {
            continue;
        };
        // Only a sign or nothing between: `gas 120` is a quantity.
        let tied = first.joined || !first.gap && found.iter().all(|glyph| glyph.upper);
        if begins && !inside && tied && number.len() >= DIGITS_MIN {
            let digits: String = number.iter().map(|glyph| glyph.ch).collect();
            return Some(format!("{}-{digits}", prefix.to_uppercase()));
        }
    }
    None
}

/// Hosts of ticket systems that are somebody's own by their first label.
const SERVICES: [&str; 12] = [
    "atlassian.net",
    "service-now.com",
    "zendesk.com",
    "backlog.jp",
    "backlog.com",
    "freshdesk.com",
    "freshservice.com",
    "youtrack.cloud",
    "myjetbrains.com",
    "redmine.org",
    "pagerduty.com",
    "opsgenie.com",
];
/// Labels that name a ticket system inside a house.
const LABELS: [&str; 18] = [
    "jira",
    "redmine",
    "servicenow",
    "ticket",
    "tickets",
    "otrs",
    "rt",
    "helpdesk",
    "servicedesk",
    "backlog",
    "bugzilla",
    "mantis",
    "trac",
    "issues",
    "youtrack",
    "zammad",
    "glpi",
    "incident",
];
/// Parts of a path or query that lead to one ticket.
const PATHS: [&str; 12] = [
    "/browse/",
    "/issues/",
    "/issue/",
    "/tickets/",
    "/ticket/",
    "ticket=",
    "ticketid=",
    "sys_id=",
    "show_bug.cgi",
    "/incidents/",
    "incident.do",
    "/display.html?id=",
];

/// The host of the first address that leads into a ticket system.
pub(super) fn url(text: &str) -> Option<String> {
    let plain = Folded::deep(text, Depth::Host).refanged();
    let plain: String = plain
        .glyphs()
        .iter()
        .flat_map(|glyph| glyph.gap.then_some(' ').into_iter().chain([glyph.ch]))
        .collect();
    let mut rest = plain.as_str();
    while let Some((_, after)) = rest.split_once("://") {
        let end = after
            .find(|ch: char| ch.is_whitespace() || !ch.is_ascii())
            .unwrap_or(after.len());
        let address = after.get(..end).unwrap_or_default();
        rest = after.get(end..).unwrap_or_default();
        let (host, path) = address
            .find(['/', '?'])
            .and_then(|at| address.split_at_checked(at))
            .unwrap_or((address, ""));
        let host = host.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        let rented = SERVICES.iter().any(|service| {
            host.strip_suffix(service)
                .is_some_and(|own| own.ends_with('.'))
        });
        let label = host.split('.').any(|label| LABELS.contains(&label));
        let leads = PATHS.iter().any(|part| path.contains(part));
        let numbered = path.chars().filter(char::is_ascii_digit).count() >= DIGITS_MIN;
        if rented && path.len() > 1
            || label && (leads || numbered)
            || leads && numbered && keyed(path)
        {
            return Some(host.to_owned());
        }
    }
    None
}

/// Whether a path ends in a ticket's key, as of `/browse/ABC-123`.
fn keyed(path: &str) -> bool {
    let end = path.rsplit(['/', '=']).next().unwrap_or_default();
    end.split_once('-').is_some_and(|(project, number)| {
        project.len() >= 2
            && project.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && number.len() >= DIGITS_MIN
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_the_sources_form_is_found_and_a_public_one_is_not() {
        let find = |text: &str, reference: &str| {
            let prefix = prefix_of(reference)?;
            super::find(Folded::deep(text, Depth::Loose).glyphs(), &prefix)
        };
        for text in [
            "別件INC-00987も",
            "ｉｎｃ－987",
            "INC987",
            "inc_987",
            "(INC-2026-01)",
        ] {
            assert!(find(text, "INC-12345").is_some(), "{text}");
        }
        for text in [
            "inc 987",
            "zinc-98",
            "INC-",
            "INC-9",
            "incident-98",
            "Inc98",
        ] {
            assert_eq!(find(text, "INC-12345"), None, "{text}");
        }
        assert_eq!(find("CVE-2026-0001", "CVE-2026-9999"), None);
        assert_eq!(
            find("12-34", "12-34"),
            None,
            "a number alone is looked for as it is"
        );
    }

    #[test]
    fn an_address_into_a_ticket_system_is_found_and_another_is_not() {
        for text in [
            "https://jira.bank.example/browse/SEC-12",
            "hxxps://helpdesk[.]bank[.]example/tickets/99",
            "https://bank.service-now.com/nav_to.do?uri=incident.do",
            "詳細はhttps://x.example/issues/SEC-123参照",
        ] {
            assert!(url(text).is_some(), "{text}");
        }
        for text in [
            "https://helpdesk.evil.example/login",
            "https://evil.example/issues/",
            "https://www.zendesk.com/",
            "jira",
        ] {
            assert_eq!(url(text), None, "{text}");
        }
    }
}
