//! The last look at a rendition: does any string still say whom it comes from?
//!
//! The anonymiser strips what the source listed; this check knows what the directory knows of a body
//! and reads any JSON value, whatever made it, in every spelling people use. It only finds; holding
//! the item back is for the caller.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use serde_json::Value;
use uuid::Uuid;

use super::address::{addresses, host_numbers};
use super::find::{Edges, Finder, Gaps};
use super::fold::{Depth, Folded};
use super::name::loose_forms;
use super::person::{self, Person};
use super::uuids::{self, Guessable};
use super::{encoding, punycode, ticket};

/// Something that tells a body from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// A name or alias; names of fewer than two characters are not looked for.
    Name(String),
    /// A domain; its subdomains count too.
    Domain(String),
    /// An address range of the body's own.
    Network(IpNet),
    /// A person of the body: the whole name, or the family name where it is said of a person.
    Person(String),
    /// A user name or an internal id; those of a word alone are not looked for.
    Id(String),
    /// The source's number for the matter; others of its form count too (`INC-12345`).
    Reference(String),
    /// What was stripped; it may be anything, so only ids computed from it are looked for.
    Stripped(String),
    /// A UUID of something of the source's own, and what that is.
    Own(Uuid, String),
    /// A UUID that can be computed from what was stripped, and what from.
    Guessable(Uuid, String),
}

/// What kind of thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FindingKind {
    /// A body's name or alias.
    Name,
    /// A person of the source.
    Person,
    /// A domain, or a host below it.
    Domain,
    /// An address, or a network of the source's own.
    Network,
    /// An id, a user name, the source's number for the matter.
    Id,
    /// Another number of the source's form, or an address into a ticket system.
    Ticket,
    /// An id that anybody can compute from what identifies the source.
    GuessableId,
    /// Fewer bodies fit the description than the rule demands.
    SmallGroup,
}

/// One place where a mark was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// JSON pointer (RFC 6901) to the string, or to the member whose key it is.
    pub pointer: String,
    /// Of which kind it is.
    pub kind: FindingKind,
    /// What was found there, such as "domain `bank.example`".
    pub what: String,
}

/// Finds every string, keys included, that carries one of the marks.
///
/// Names are compared as people read them: width, case, kana, old Kanji, accents, look-alike letters
/// and what stands between the characters aside; Latin ones as whole words, short ones with care.
///
/// ```
/// use sekisho::report::identity_check::{find_identity, Mark};
/// let marks = [Mark::Network("192.0.2.0/24".parse().unwrap())];
/// let value = serde_json::json!({"note": ["reached 192[.]0[.]2[.]9"]});
/// assert_eq!(find_identity(&value, &marks)[0].pointer, "/note/0");
/// ```
pub fn find_identity(value: &Value, marks: &[Mark]) -> Vec<Finding> {
    IdentityCheck::new(marks, &[]).find(value)
}

/// Every UUID in the strings of a value, with the pointer to the string.
#[must_use]
pub fn uuids_of(value: &Value) -> Vec<(String, Uuid)> {
    let mut found = Vec::new();
    walk(value, "", &mut String::new(), &mut |_, text, pointer| {
        let uuids = uuids::in_glyphs(Folded::deep(text, Depth::Host).glyphs()).into_iter();
        found.extend(uuids.map(|uuid| (pointer.to_owned(), uuid)));
    });
    found
}

/// Characters of an id or reference from which on it is looked for.
const ID_MIN: usize = 4;
/// How often encodings are undone: a text encoded more often was made to be read by nobody.
const DECODE_MAX: usize = 3;

/// Marks made ready, once for everything that one source sends at a time.
#[derive(Debug, Default)]
pub struct IdentityCheck {
    labels: Vec<(FindingKind, String)>,
    names: Finder,
    name_labels: Vec<usize>,
    families: Finder,
    family_labels: Vec<usize>,
    people: Vec<(Person, usize)>,
    domains: Finder,
    domain_labels: Vec<usize>,
    networks: Vec<(IpNet, usize)>,
    tickets: Vec<String>,
    own: Guessable,
    stripped: Guessable,
    namespaces: Vec<Uuid>,
    /// Texts whose ids are computed when there is an id that could be one of them.
    guesses: Vec<String>,
    guessed: OnceLock<Guessable>,
    /// Short strings that carry nothing: the same few names of members stand in every object.
    clean: Mutex<HashSet<String>>,
}

/// Strings of so many bytes are remembered, and so many of them.
const CLEAN_BYTES_MAX: usize = 48;
const CLEAN_MAX: usize = 1024;

/// What was found in one string.
type Found = HashSet<(FindingKind, String)>;

impl IdentityCheck {
    /// Makes marks ready; ids are also guessed in `namespaces`, beside those everybody knows.
    #[must_use]
    pub fn new(marks: &[Mark], namespaces: &[Uuid]) -> Self {
        let mut ready = Self {
            namespaces: namespaces.to_vec(),
            ..Self::default()
        };
        for mark in marks {
            match mark {
                Mark::Name(name) => {
                    let label = ready.label(FindingKind::Name, format!("name `{name}`"));
                    for form in loose_forms(name) {
                        ready.name(&form, Edges::Name, Gaps::Name, label);
                    }
                    ready.guess(name);
                }
                Mark::Domain(domain) => {
                    let label = ready.label(FindingKind::Domain, format!("domain `{domain}`"));
                    ready.domain(domain, label);
                    let bare = domain.trim().trim_start_matches("*.");
                    ready.guess(bare);
                }
                Mark::Network(network) => {
                    let label = ready.label(FindingKind::Network, format!("network `{network}`"));
                    ready.networks.push((*network, label));
                }
                Mark::Person(name) => {
                    let label = ready.label(FindingKind::Person, format!("person `{name}`"));
                    ready.person(name, label);
                    ready.guess(name);
                }
                Mark::Id(id) => {
                    let label = ready.label(FindingKind::Id, format!("id `{id}`"));
                    if ready.id(id, label) {
                        ready.guess(id);
                    }
                }
                Mark::Reference(reference) => {
                    let what = format!("reference `{reference}`");
                    let label = ready.label(FindingKind::Id, what);
                    ready.id(reference, label);
                    ready.tickets.extend(ticket::prefix_of(reference));
                    ready.guess(reference);
                }
                Mark::Stripped(text) => ready.guess(text),
                Mark::Own(uuid, what) => ready.own.add(*uuid, what),
                Mark::Guessable(uuid, what) => ready.stripped.add(*uuid, what),
            }
        }
        ready
    }

    /// Every string of a value, keys included, that carries a mark.
    #[must_use]
    pub fn find(&self, value: &Value) -> Vec<Finding> {
        let mut findings = Vec::new();
        walk(value, "", &mut String::new(), &mut |key, text, pointer| {
            self.report(key, text, pointer, &mut findings);
        });
        findings
    }

    fn label(&mut self, kind: FindingKind, what: String) -> usize {
        self.labels.push((kind, what));
        self.labels.len() - 1
    }

    fn name(&mut self, form: &Folded, edges: Edges, gaps: Gaps, label: usize) {
        if self.names.add(form, edges, gaps).is_some() {
            self.name_labels.push(label);
        }
    }

    fn domain(&mut self, domain: &str, label: usize) {
        let bare = domain.trim().trim_start_matches("*.").trim_matches('.');
        let spoken = punycode::decoded(bare);
        for spelling in std::iter::once(bare).chain(spoken.as_deref()) {
            let folded = Folded::deep(spelling, Depth::Host);
            let number = self.domains.add(&folded, Edges::Domain, Gaps::Tight);
            self.domain_labels.extend(number.map(|_| label));
        }
    }

    fn person(&mut self, name: &str, label: usize) {
        let person = Person::new(name);
        for whole in &person.whole {
            self.name(whole, Edges::Name, Gaps::Name, label);
        }
        if let Some(family) = &person.family
            && self.families.add(family, Edges::Any, Gaps::Name).is_some()
        {
            self.family_labels.push(label);
        }
        self.people.push((person, label));
    }

    /// An id of a word alone (`desk`) stands in every text; one with a digit or a sign does not.
    fn id(&mut self, id: &str, label: usize) -> bool {
        let folded = Folded::deep(id, Depth::Loose);
        let digit = id.chars().any(char::is_numeric);
        let telling = digit || folded.glyphs().iter().skip(1).any(|glyph| glyph.gap);
        if folded.glyphs().len() < ID_MIN || !telling {
            return false;
        }
        self.name(
            &folded,
            Edges::Word,
            if digit { Gaps::Name } else { Gaps::Id },
            label,
        );
        true
    }

    fn report(&self, key: &str, text: &str, pointer: &str, findings: &mut Vec<Finding>) {
        // What bytes say depends on the member that holds them.
        let short =
            text.len() <= CLEAN_BYTES_MAX && !key.ends_with("_bin") && !key.ends_with("_hex");
        let clean = || self.clean.lock().unwrap_or_else(PoisonError::into_inner);
        if short && clean().contains(text) {
            return;
        }
        let mut found = Found::new();
        self.look(text, &mut found);
        let mut reading = bytes_of(key, text).or_else(|| encoding::decoded(text));
        for _ in 0..DECODE_MAX {
            let Some(plain) = reading else { break };
            self.look(&plain, &mut found);
            reading = encoding::decoded(&plain);
        }
        for plain in encoding::reverse_name(text)
            .into_iter()
            .chain(punycode::decoded(text))
        {
            self.look(&plain, &mut found);
        }
        if short && found.is_empty() {
            let mut clean = clean();
            if clean.len() < CLEAN_MAX {
                clean.insert(text.to_owned());
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by(|a, b| a.1.cmp(&b.1));
        findings.extend(found.into_iter().map(|(kind, what)| Finding {
            pointer: pointer.to_owned(),
            kind,
            what,
        }));
    }

    fn look(&self, text: &str, found: &mut Found) {
        let mut keep = |label: Option<&usize>| {
            found.extend(label.and_then(|label| self.labels.get(*label)).cloned());
        };
        let loose = Folded::deep(text, Depth::Loose);
        for hit in self.names.find_all(&loose) {
            keep(self.name_labels.get(hit.needle));
        }
        for hit in self.families.find_all(&loose) {
            if person::is_addressed(loose.glyphs(), &hit.glyphs) {
                keep(self.family_labels.get(hit.needle));
            }
        }
        let host = Folded::deep(text, Depth::Host);
        for local in person::mail_locals(host.glyphs()) {
            for (_, label) in self.people.iter().filter(|(p, _)| p.owns_mail(&local)) {
                keep(Some(label));
            }
        }
        // The full stop of Japanese ends a sentence, and also parts the labels of a host name.
        if text.contains(['。', '｡']) {
            let dotted = text.replace(['。', '｡'], ".");
            self.hosts(&Folded::deep(&dotted, Depth::Host), &mut keep);
        }
        self.hosts(&host, &mut keep);
        for prefix in &self.tickets {
            if let Some(number) = ticket::find(loose.glyphs(), prefix) {
                found.insert((FindingKind::Ticket, format!("ticket number `{number}`")));
            }
        }
        if text.contains("//")
            && let Some(host) = ticket::url(text)
        {
            found.insert((
                FindingKind::Ticket,
                format!("address of a ticket at `{host}`"),
            ));
        }
        if text.len() >= 32 {
            for uuid in uuids::in_glyphs(host.glyphs()) {
                if let Some(what) = self.own.get(&uuid) {
                    found.insert((FindingKind::Id, format!("id `{uuid}` of {what}")));
                }
                if let Some(what) = self.computed_from(&uuid) {
                    let what = format!("id `{uuid}`, which anybody can compute from `{what}`");
                    found.insert((FindingKind::GuessableId, what));
                }
            }
        }
    }

    fn guess(&mut self, text: &str) {
        self.guesses.push(text.to_owned());
    }

    fn computed_from(&self, uuid: &Uuid) -> Option<&str> {
        if uuid.get_version_num() != 5 {
            return None;
        }
        let guessed = self.guessed.get_or_init(|| {
            let mut guessed = Guessable::default();
            for text in &self.guesses {
                guessed.add_text(text, &self.namespaces);
            }
            guessed
        });
        self.stripped.get(uuid).or_else(|| guessed.get(uuid))
    }

    /// Domains and addresses, disguises undone.
    fn hosts<'a>(&'a self, folded: &Folded, keep: &mut impl FnMut(Option<&'a usize>)) {
        if self.domain_labels.is_empty() && self.networks.is_empty() {
            return;
        }
        let folded = folded.refanged();
        for hit in self.domains.find_all(&folded) {
            keep(self.domain_labels.get(hit.needle));
        }
        if self.networks.is_empty() {
            return;
        }
        let found = addresses(folded.glyphs());
        for (_, found) in found.into_iter().chain(host_numbers(folded.glyphs())) {
            for (network, label) in &self.networks {
                if overlaps(network, &found) {
                    keep(Some(label));
                }
            }
        }
    }
}

/// Shows every string of a value, keys included: the key it stands under (none for a key itself), the
/// string, and the pointer to it.
fn walk(value: &Value, key: &str, pointer: &mut String, show: &mut dyn FnMut(&str, &str, &str)) {
    let length = pointer.len();
    match value {
        Value::String(text) => show(key, text, pointer),
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                let _ = write!(pointer, "/{index}");
                walk(item, key, pointer, show);
                pointer.truncate(length);
            }
        }
        Value::Object(members) => {
            for (key, item) in members {
                let _ = write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"));
                show("", key, pointer);
                walk(item, key, pointer, show);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

/// The text in the bytes that a STIX member holds as base64 (`_bin`) or hexadecimal (`_hex`).
fn bytes_of(key: &str, text: &str) -> Option<String> {
    let bytes = match key.rsplit_once('_')?.1 {
        "bin" => STANDARD.decode(text.trim()).ok()?,
        "hex" => {
            let digits: Option<Vec<u8>> = text
                .chars()
                .map(|ch| ch.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
                .collect();
            digits?
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |sum, digit| sum * 16 + digit))
                .collect()
        }
        _ => return None,
    };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn overlaps(own: &IpNet, found: &IpNet) -> bool {
    // A prefix of length 0 means everybody and so names nobody.
    if found.prefix_len() == 0 {
        return false;
    }
    own.contains(found) || found.contains(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(text: &str) -> Mark {
        Mark::Name(text.to_owned())
    }

    fn hit(mark: Mark, text: &str) -> bool {
        !find_identity(&json!({"a": [text]}), &[mark]).is_empty()
    }

    #[test]
    fn a_japanese_name_is_found_with_and_without_its_corporate_form() {
        let bank = || name("株式会社あかつき中央銀行");
        for text in [
            "㈱あかつき中央銀行で",
            "あかつき 中央\u{3000}銀行の",
            "旧あかつき中央銀行",
            "株式会社 あかつき中央銀行",
        ] {
            assert!(hit(bank(), text), "{text}");
        }
        assert!(!hit(bank(), "あかつき信用金庫と中央銀行"));
        // Two characters stay: too few to be looked for alone.
        assert!(!hit(name("甲乙株式会社"), "甲乙丙"));
        assert!(hit(name("甲乙株式会社"), "甲乙株式会社の"));
        assert!(!hit(name("甲"), "甲"));
        assert!(hit(name("甲乙"), "甲乙"));
    }

    #[test]
    fn a_latin_name_is_found_as_words() {
        for text in [
            "AKATSUKI Chuo\nBank",
            "akatsuki_chuo_bank akatsukichuobank's",
            "ＡｋａｔｓｕｋｉChuoBank",
        ] {
            assert!(hit(name("Akatsuki Chuo Bank, Ltd."), text), "{text}");
        }
        assert!(!hit(name("Sun Co., Ltd."), "on Sunday"));
        assert!(hit(name("Sun Co., Ltd."), "the Sun group"));
        assert!(!hit(name("Costco"), "cost"));
    }

    #[test]
    fn a_domain_is_found_with_subdomains_and_defanged() {
        let own = || Mark::Domain("*.Akatsuki-Bank.example".to_owned());
        for text in [
            "https://direct.akatsuki-bank.example/",
            "x@akatsuki-bank[.]example",
            "ＡＫＡＴＳＵＫＩ-bank.example、",
        ] {
            assert!(hit(own(), text), "{text}");
        }
        for text in [
            "not-akatsuki-bank.example",
            "akatsuki-bank.example.org",
            "akatsuki-bank",
        ] {
            assert!(!hit(own(), text), "{text}");
        }
    }

    #[test]
    fn an_address_in_an_own_network_is_found_and_its_neighbour_is_not() {
        let own = |net: &str| Mark::Network(net.parse().unwrap());
        for text in [
            "192.0.2.77",
            "192.0.2.77:443へ",
            "送信元１９２．０．２．７７",
            "192[.]0[.]2(.)77",
            "192.0.2.64/28",
            "192.0.0.0/16",
            "::ffff:192.0.2.77",
            "::ffff:c000:24d",
            "192.000.002.077",
            "経路192.0.2.127。",
        ] {
            assert!(hit(own("192.0.2.64/26"), text), "{text}");
        }
        for text in [
            "192.0.2.128",
            "192.0.2.0/26",
            "0.0.0.0/0",
            "192.0.2",
            "1192.0.2.77",
            "192.0.2. 77",
            "192.0.2.1777",
        ] {
            assert!(!hit(own("192.0.2.64/26"), text), "{text}");
        }
        for text in [
            "[2001:db8:1::5]:443",
            "addr:2001:DB8:1:0::1%eth0",
            "2001:db8::/32",
            "2001:db8:1::",
            "2001:db8:1:0:0:0:0:1.",
        ] {
            assert!(hit(own("2001:db8:1::/48"), text), "{text}");
        }
        for text in [
            "2001:db8:2::1",
            "::/0",
            "12:34:56",
            "std::io",
            "02:00:5e:10:00:00",
        ] {
            assert!(!hit(own("2001:db8:1::/48"), text), "{text}");
        }
    }

    #[test]
    fn keys_are_read_and_pointers_escaped() {
        let found = find_identity(&json!({"x": {"a/甲乙丙": 1}}), &[name("甲乙丙")]);
        assert_eq!(
            found,
            [Finding {
                pointer: "/x/a~1甲乙丙".to_owned(),
                kind: FindingKind::Name,
                what: "name `甲乙丙`".to_owned()
            }]
        );
    }

    #[test]
    fn each_mark_is_reported_once_per_string() {
        let marks = [name("甲乙丙"), Mark::Domain("a.example".to_owned())];
        let found = find_identity(&json!(["甲乙丙 甲乙丙 a.example b.a.example"]), &marks);
        assert_eq!(found.len(), 2);
    }
}
