//! Changes JSON as JSON, so that most inputs still are: bytes changed blindly rarely get past the
//! reader. Now and then it leaves the bytes to libFuzzer, whose changes break the reader itself.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value, json};

struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Texts that mean something to a reader of STIX, CSAF or an anonymiser.
const TEXTS: &[&str] = &[
    "",
    "zqxacme",
    "ＺＱＸＡＣＭＥ",
    "www.zqxacme.example",
    "a@zqxacme.example",
    "zqx\u{200b}acme",
    "'",
    "\\",
    "--",
    "~1/",
    "é\u{301}ｶﾞ",
    "\u{1f600}",
    "enpxYWNtZQ==",
    "7a717861636d65",
    "[ipv4-addr:value = 'zqxacme']",
    "[x-zqxacme:value = 1]",
    "[a:b = 1] FOLLOWEDBY [c:d = t'2020-01-01T00:00:00Z'] WITHIN 5 SECONDS",
    "2020-01-01T00:00:00Z",
    "2020-01-01T00:00:00.1234567Z",
    "9999-12-31T23:59:59.999Z",
    "2026-02-30T00:00:00Z",
    "tlp:amber+strict",
    "PAP:RED",
    "TLP:ｗｈｉｔｅ",
    "TLP v2.0: TLP:AMBER+STRICT",
    "new-sco",
    "property-extension",
    "toplevel-property-extension",
    "new-sdo",
    "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
    "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4",
    "ipv4-addr--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
    "identity--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
    "x-zqxacme--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
    "x-a-b--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
    "extension-definition--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d",
    "see indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f.",
    "labels",
    "labels.[0]",
    "object_refs.[1]",
    "granular_markings.[0]",
    "extensions",
    "ja",
    "en",
    "stix",
    "2.0",
    "2.1",
    "CLEAR",
    "RED",
    "draft",
    "final",
    "CSAFPID-1",
    "P1",
    "CVE-2026-10001",
    "http://[::1]:80/%zz",
    "xn--zqxacme-",
    "198.51.100.0/24",
    "::ffff:1.2.3.4",
    "00:00:5e:00:53:af",
    "urn:x:y",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "pkg:npm/a@1",
    "cpe:2.3:a:b:c:1:*:*:*:*:*:*:*",
    "windows-pebinary-ext",
];

/// Names of members with a meaning of their own.
const NAMES: &[&str] = &[
    "type",
    "id",
    "spec_version",
    "created",
    "modified",
    "revoked",
    "labels",
    "confidence",
    "lang",
    "external_references",
    "object_marking_refs",
    "granular_markings",
    "defanged",
    "extensions",
    "extension_type",
    "created_by_ref",
    "object_refs",
    "object_ref",
    "contents",
    "definition",
    "definition_type",
    "tlp",
    "statement",
    "name",
    "pattern",
    "value",
    "payload_bin",
    "url",
    "hashes",
    "x_zqxacme",
    "x_any_ref",
    "x_any_bin",
    "x_any_hex",
    "external_id",
    "source_name",
    "objects",
    "authors",
    "selectors",
    "marking_ref",
    "object_modified",
    "zqxacme-ext",
    "lang",
    "notes",
    "distribution",
    "aggregate_severity",
    "product_tree",
    "branches",
    "vulnerabilities",
    "acknowledgments",
    "flags",
    "involvements",
    "remediations",
    "threats",
    "scores",
    "metrics",
    "a.b",
    "[0]",
    "",
];

/// One step of mutation, as `fuzz_mutator!` asks for it.
pub fn mutate_json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed) << 20 | 0x9e37);
    let blind = dice.below(6) == 0;
    let read = (!blind).then(|| serde_json::from_slice::<Value>(&data[..size]).ok());
    let Some(mut value) = read.flatten() else {
        return fuzzer_mutate(data, size, max_size);
    };
    for _ in 0..=dice.below(3) {
        change(&mut value, &mut dice);
    }
    let text = value.to_string();
    if text.len() > max_size {
        return fuzzer_mutate(data, size, max_size);
    }
    data[..text.len()].copy_from_slice(text.as_bytes());
    text.len()
}

fn change(root: &mut Value, dice: &mut Dice) {
    let places = count(root);
    let other = nth(root, &mut dice.below(places)).map(|found| found.clone());
    let Some(here) = nth(root, &mut dice.below(places)) else {
        return;
    };
    match here {
        Value::Object(members) if dice.below(3) > 0 => member(members, other, dice),
        Value::Array(items) if dice.below(3) > 0 => item(items, other, dice),
        Value::String(text) if dice.below(2) == 0 => letters(text, dice),
        _ if dice.below(4) == 0 => *here = other.unwrap_or(Value::Null),
        _ => *here = value(dice),
    }
}

fn member(members: &mut Map<String, Value>, other: Option<Value>, dice: &mut Dice) {
    let name = members.keys().nth(dice.below(members.len())).cloned();
    match (name, dice.below(4)) {
        (Some(name), 0) => {
            members.shift_remove(&name);
        }
        (Some(name), 1) => {
            if let Some(value) = members.shift_remove(&name) {
                members.insert((*dice.one(NAMES)).to_owned(), value);
            }
        }
        (_, 2) => {
            members.insert((*dice.one(NAMES)).to_owned(), other.unwrap_or(Value::Null));
        }
        _ => {
            let value = value(dice);
            members.insert((*dice.one(NAMES)).to_owned(), value);
        }
    }
}

fn item(items: &mut Vec<Value>, other: Option<Value>, dice: &mut Dice) {
    let at = dice.below(items.len());
    match dice.below(4) {
        0 if !items.is_empty() => {
            items.remove(at);
        }
        1 if !items.is_empty() => items.push(items[at].clone()),
        2 => items.extend(other),
        _ => items.insert(at, value(dice)),
    }
}

fn letters(text: &mut String, dice: &mut Dice) {
    let ends: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    let (from, to) = (*dice.one(&ends), *dice.one(&ends));
    let put = *dice.one(TEXTS);
    match dice.below(3) {
        0 => text.insert_str(from, put),
        1 => text.replace_range(from.min(to)..from.max(to), ""),
        _ => text.replace_range(from.min(to)..from.max(to), put),
    }
}

fn value(dice: &mut Dice) -> Value {
    match dice.below(24) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(false),
        3 => json!(dice.below(200)),
        4 => json!(-1),
        5 => json!(9_007_199_254_740_991_u64),
        6 => json!(9_007_199_254_740_992_u64),
        7 => json!(1e17),
        8 => json!(0.1 + 0.2),
        9 => json!(f64::from_bits(dice.roll())),
        10 => json!([]),
        11 => json!({}),
        12 => json!([dice.one(TEXTS)]),
        13 => json!({*dice.one(NAMES): dice.one(TEXTS)}),
        _ => json!(dice.one(TEXTS)),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// The value at a place, counted in depth.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, left)),
        _ => None,
    }
}
