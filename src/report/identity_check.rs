//! The last look at a rendition: does any string still say whom it comes from?
//!
//! The anonymiser strips what the source listed; this check knows what the directory knows (names,
//! aliases, domains and networks of a body) and reads any JSON value, whatever made it. It only
//! finds; holding the item back is for the caller.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;

use ipnet::IpNet;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use super::address::addresses;
use super::fold::{Edges, Finder, Folded, Gaps};

/// Shortest name that is looked for, in folded characters.
const NAME_MIN: usize = 2;
/// Shortest remainder of a name without its corporate form, in folded characters.
const CORE_MIN: usize = 3;

/// Legal forms written before or after a Japanese name, NFKC and longest first.
const FORMS_JA: [&str; 27] = [
    "特定非営利活動法人",
    "国立研究開発法人",
    "地方独立行政法人",
    "一般社団法人",
    "一般財団法人",
    "公益社団法人",
    "公益財団法人",
    "医療法人社団",
    "医療法人財団",
    "社会福祉法人",
    "国立大学法人",
    "独立行政法人",
    "医療法人",
    "学校法人",
    "社団法人",
    "財団法人",
    "株式会社",
    "有限会社",
    "合同会社",
    "合資会社",
    "合名会社",
    "相互会社",
    "(株)",
    "(有)",
    "(同)",
    "(医)",
    "(独)",
];

/// Legal forms written after a Latin name, lower case.
const FORMS_LATIN: [&str; 16] = [
    "incorporated",
    "corporation",
    "limited",
    "company",
    "g.k.",
    "k.k.",
    "corp",
    "gmbh",
    "inc",
    "llc",
    "ltd",
    "plc",
    "co",
    "kk",
    "gk",
    "ag",
];

/// Something that tells a body from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// A name or alias; names of fewer than two characters are not looked for.
    Name(String),
    /// A domain; its subdomains count too.
    Domain(String),
    /// An address range of the body's own.
    Network(IpNet),
}

/// One place where a mark was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// JSON pointer (RFC 6901) to the string, or to the member whose key it is.
    pub pointer: String,
    /// What was found there, such as "domain `bank.example`".
    pub what: String,
}

/// Finds every string, keys included, that carries one of the marks.
///
/// Names are compared after NFKC, in lower case and without white space, also without their
/// corporate form where at least three characters stay; Latin ones as whole words.
///
/// ```
/// use sekisho::report::identity_check::{find_identity, Mark};
/// let marks = [Mark::Network("192.0.2.0/24".parse().unwrap())];
/// let value = serde_json::json!({"note": ["reached 192[.]0[.]2[.]9"]});
/// assert_eq!(find_identity(&value, &marks)[0].pointer, "/note/0");
/// ```
pub fn find_identity(value: &Value, marks: &[Mark]) -> Vec<Finding> {
    let marks = IdentityMarks::new(marks);
    let mut findings = Vec::new();
    marks.walk(value, &mut String::new(), &mut findings);
    findings
}

/// Marks made ready to be searched for.
#[derive(Debug, Default)]
pub(super) struct IdentityMarks {
    names: Finder,
    domains: Finder,
    networks: Vec<(IpNet, usize)>,
    /// Number of the mark that a needle of `names` or `domains` belongs to.
    name_marks: Vec<usize>,
    domain_marks: Vec<usize>,
    labels: Vec<String>,
}

impl IdentityMarks {
    pub(super) fn new(marks: &[Mark]) -> Self {
        let mut ready = Self::default();
        for (number, mark) in marks.iter().enumerate() {
            match mark {
                Mark::Name(name) => {
                    ready.labels.push(format!("name `{name}`"));
                    for form in name_forms(name) {
                        if ready.names.add(&form, Edges::Word, Gaps::Loose).is_some() {
                            ready.name_marks.push(number);
                        }
                    }
                }
                Mark::Domain(domain) => {
                    ready.labels.push(format!("domain `{domain}`"));
                    let bare = domain.trim().trim_start_matches("*.").trim_matches('.');
                    if ready
                        .domains
                        .add(&Folded::new(bare), Edges::Domain, Gaps::Tight)
                        .is_some()
                    {
                        ready.domain_marks.push(number);
                    }
                }
                Mark::Network(network) => {
                    ready.labels.push(format!("network `{network}`"));
                    ready.networks.push((*network, number));
                }
            }
        }
        ready
    }

    /// Finds the marks in one string: bytes of the string, and the number of the mark.
    pub(super) fn hits(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let folded = Folded::new(text);
        let mut hits = Vec::new();
        let mut keep = |folded: &Folded, glyphs: &Range<usize>, mark: Option<&usize>| {
            hits.extend(folded.bytes(glyphs).zip(mark.copied()));
        };
        for hit in self.names.find_all(&folded) {
            keep(&folded, &hit.glyphs, self.name_marks.get(hit.needle));
        }
        if self.domain_marks.is_empty() && self.networks.is_empty() {
            return hits;
        }
        let folded = folded.refanged();
        for hit in self.domains.find_all(&folded) {
            keep(&folded, &hit.glyphs, self.domain_marks.get(hit.needle));
        }
        if !self.networks.is_empty() {
            for (glyphs, found) in addresses(folded.glyphs()) {
                for (network, mark) in &self.networks {
                    if overlaps(network, &found) {
                        keep(&folded, &glyphs, Some(mark));
                    }
                }
            }
        }
        hits
    }

    /// The marks that a string carries in an encoding that a browser or resolver undoes.
    fn encoded_hits(&self, text: &str) -> Vec<usize> {
        let decoded = super::encoding::decoded(text);
        let readings = decoded
            .into_iter()
            .chain(super::encoding::reverse_name(text));
        readings
            .flat_map(|reading| self.hits(&reading))
            .map(|(_, mark)| mark)
            .collect()
    }

    fn walk(&self, value: &Value, pointer: &mut String, findings: &mut Vec<Finding>) {
        let length = pointer.len();
        match value {
            Value::String(text) => self.report(text, pointer, findings),
            Value::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    let _ = write!(pointer, "/{index}");
                    self.walk(item, pointer, findings);
                    pointer.truncate(length);
                }
            }
            Value::Object(members) => {
                for (key, item) in members {
                    let _ = write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"));
                    self.report(key, pointer, findings);
                    self.walk(item, pointer, findings);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn report(&self, text: &str, pointer: &str, findings: &mut Vec<Finding>) {
        let mut seen = HashSet::new();
        let plain = self.hits(text).into_iter().map(|(_, mark)| mark);
        for mark in plain.chain(self.encoded_hits(text)) {
            if seen.insert(mark) {
                let what = self.labels.get(mark).cloned().unwrap_or_default();
                findings.push(Finding {
                    pointer: pointer.to_owned(),
                    what,
                });
            }
        }
    }
}

/// Returns the ways to look for a name: as it is, and without its corporate form.
pub(super) fn name_forms(name: &str) -> Vec<Folded> {
    let whole = Folded::new(name);
    let core = Folded::new(&without_form(name));
    let shorter = core.glyphs().len() < whole.glyphs().len();
    let mut forms = Vec::new();
    if whole.glyphs().len() >= NAME_MIN {
        forms.push(whole);
    }
    if shorter && core.glyphs().len() >= CORE_MIN {
        forms.push(core);
    }
    forms
}

fn without_form(name: &str) -> String {
    let name: String = name.nfkc().flat_map(char::to_lowercase).collect();
    let mut core = name.as_str();
    let edge = |c: char| c.is_whitespace() || matches!(c, ',' | '.' | '・');
    loop {
        let before = core.len();
        for form in FORMS_JA {
            core = core.strip_prefix(form).unwrap_or(core).trim();
            core = core.strip_suffix(form).unwrap_or(core).trim();
        }
        for form in FORMS_LATIN {
            let tail = core.trim_end_matches(edge);
            let tail = tail
                .strip_suffix(form)
                .or_else(|| tail.strip_suffix(form.trim_end_matches('.')));
            // "co" ends "Costco" without being its legal form.
            if let Some(rest) = tail.filter(|rest| rest.ends_with(edge)) {
                core = rest.trim_end_matches(edge);
            }
        }
        if core.len() == before {
            return core.to_owned();
        }
    }
}

fn overlaps(own: &IpNet, found: &IpNet) -> bool {
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
