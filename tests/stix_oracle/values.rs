//! Values for the kinds of the table: good ones, and those around the border of what is good. Which
//! side of the border a value is on is not said here; the two validators are asked.

use serde_json::{Value, json};

use super::dice::Dice;
use super::table::Kind;

pub const SDO: &[&str] = &[
    "attack-pattern",
    "campaign",
    "course-of-action",
    "grouping",
    "identity",
    "incident",
    "indicator",
    "infrastructure",
    "intrusion-set",
    "location",
    "malware",
    "malware-analysis",
    "note",
    "observed-data",
    "opinion",
    "report",
    "threat-actor",
    "tool",
    "vulnerability",
];

pub const SCO: &[&str] = &[
    "artifact",
    "autonomous-system",
    "directory",
    "domain-name",
    "email-addr",
    "email-message",
    "file",
    "ipv4-addr",
    "ipv6-addr",
    "mac-addr",
    "mutex",
    "network-traffic",
    "process",
    "software",
    "url",
    "user-account",
    "windows-registry-key",
    "x509-certificate",
];

/// The types a reference of the table may name.
pub fn targets(argument: &'static str) -> Vec<&'static str> {
    match argument {
        "SDO" => SDO.to_vec(),
        "SCO" => SCO.to_vec(),
        "ANY" => [SDO, SCO, &["relationship", "sighting"]].concat(),
        types => types.split('|').collect(),
    }
}

fn bounds(argument: &str) -> (f64, f64) {
    let (low, high) = argument.split_once("..").unwrap_or(("", ""));
    (
        low.parse().unwrap_or(-1e6),
        high.parse().unwrap_or(1_000_000.0),
    )
}

/// A good value of a kind that is no part; an instant falls `at` seconds into one hour, so that
/// whoever needs an order can have it.
pub fn good(kind: Kind, dice: &mut Dice, at: usize) -> Value {
    let instant =
        |fraction: &str| format!("2024-05-06T07:{:02}:{:02}{fraction}Z", at / 60, at % 60);
    match kind.name {
        "string" => json!(dice.text()),
        "boolean" => json!(dice.below(2) == 0),
        "single" => json!(false),
        "integer" => {
            let (low, high) = bounds(kind.argument);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the bounds are whole and small"
            )]
            let (low, high) = (low as i64, high as i64);
            let span = usize::try_from(high - low).unwrap() + 1;
            json!(low + i64::try_from(dice.below(span)).unwrap())
        }
        "float" => {
            let (low, high) = bounds(kind.argument);
            let part = f64::from(u16::try_from(dice.below(1000)).unwrap()) / 1000.0;
            json!(low + (high.min(1e6) - low) * part)
        }
        "timestamp" => json!(instant(dice.one(&["", ".5", ".123", ".000001"]))),
        "seconds" => json!(instant("")),
        "millis" => json!(instant(dice.one(&[".000", ".123", ".999999"]))),
        "hashes" => {
            let (name, digits) = dice.one(&[
                ("MD5", 32),
                ("SHA-1", 40),
                ("SHA-256", 64),
                ("SHA-512", 128),
            ]);
            json!({name: dice.hex(digits)})
        }
        "hex" => {
            let pairs = 1 + dice.below(8);
            json!(dice.hex(2 * pairs))
        }
        "binary" => json!(dice.one(&[
            "AAAA",
            "aGVsbG8=",
            "aGk=",
            "VGhpcyBpcyBhIHBsYWNlaG9sZGVyLg=="
        ])),
        "url" => json!(dice.one(&[
            "https://www.example.com/a/b?c=d#e",
            "http://198.51.100.7:8080/",
            "ftp://files.example.net/x.zip",
            "urn:example:a123",
        ])),
        "email" => json!(dice.one(&["jo@example.com", "a.b+c@mail.example.co.jp"])),
        "domain" => {
            json!(dice.one(&["example.com", "www.xn--bcher-kva.example", "a-b.example.jp"]))
        }
        "ipv4" => json!(dice.one(&["198.51.100.3", "192.0.2.0/24", "255.255.255.255"])),
        "ipv6" => json!(dice.one(&[
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            "2001:db8::/32",
            "::1"
        ])),
        "mac" => json!(dice.one(&["d2:fb:49:24:37:18", "00:00:00:00:00:00"])),
        "mime" => json!(dice.one(&["application/zip", "image/png", "text/plain"])),
        "charset" => json!(dice.one(&["UTF-8", "ISO-8859-1", "Shift_JIS"])),
        "lang" => json!(dice.one(&["en", "ja", "fr", "en-US"])),
        "cpe" => json!(dice.one(&[
            "cpe:2.3:a:microsoft:word:2000:*:*:*:*:*:*:*",
            "cpe:2.3:o:vendor:product:1.0:-:*:en:*:*:*:*",
        ])),
        "hyphened" => json!(dice.one(&["uses", "targets", "related-to", "my-own-2"])),
        "word" => json!(dice.one(&kind.argument.split('|').collect::<Vec<_>>())),
        "ref" => {
            let types = targets(kind.argument);
            let kind = dice.one(&types);
            json!(dice.id(kind))
        }
        "pattern" => json!(dice.one(super::patterns::GOOD)),
        "stix" => json!("stix"),
        "version" => json!("2.1"),
        "registry" => json!("HKEY_LOCAL_MACHINE\\System\\Foo\\Bar"),
        "statement" => json!("statement"),
        "texts" => json!({"Author": dice.text(), "Title_2": "t"}),
        "numbers" => json!({"minimumIpTotalLength": 32, "name-1": "x"}),
        "headers" => json!({"Accept-Encoding": ["gzip, deflate"], "Host": ["www.example.com"]}),
        "sockets" => json!({"SO_RCVTIMEO": 100}),
        "startup" => json!({"lpDesktop": "winsta0"}),
        "fields" => json!({"Reply-To": ["a@example.com", "b@example.com"], "X-Mailer": "m"}),
        "exif" => json!({"Make": "Nikon", "XResolution": 4928}),
        "contents" => {
            json!({"ja": {"name": "名前", "labels": ["一", ""]}, "de": {"description": "d"}})
        }
        other => panic!("no such kind: {other}"),
    }
}

/// What every kind must not be, each under a name; which of them a kind may be is its own matter.
fn foreign() -> Vec<(&'static str, Value)> {
    vec![
        ("a number", json!(7)),
        ("a text", json!("text")),
        ("a flag", json!(true)),
        ("an object", json!({"a_key": 1})),
        ("a list", json!(["text"])),
        ("null", Value::Null),
        ("an empty list", json!([])),
        ("an empty object", json!({})),
    ]
}

fn texts(list: &[&str]) -> Vec<Value> {
    list.iter().map(|text| json!(text)).collect()
}

/// Values on and beyond the border of a kind.
pub fn border(kind: Kind, dice: &mut Dice) -> Vec<(String, Value)> {
    let own: Vec<Value> = match kind.name {
        "string" | "stix" | "statement" | "version" => texts(&["", " ", "日本語"]),
        "boolean" | "single" => vec![json!(1), json!("true"), json!("False"), json!(0)],
        "integer" => {
            let (low, high) = bounds(kind.argument);
            let mut list = vec![
                json!(1.5),
                json!("3"),
                json!(3.0),
                json!(-1),
                json!(low),
                json!(low - 1.0),
            ];
            if kind.argument.contains(".") && !kind.argument.ends_with("..") {
                list.extend([json!(high), json!(high + 1.0)]);
            }
            list
        }
        "float" => {
            let (low, high) = bounds(kind.argument);
            let mut list = vec![json!("1.5"), json!(0), json!(low)];
            if kind.argument.contains("..") {
                list.extend([json!(low - 0.5), json!(high + 0.5)]);
            }
            list
        }
        "timestamp" | "millis" | "seconds" => texts(&[
            "2024-05-06T07:59:59Z",
            "2024-05-06T07:59:59.1Z",
            "2024-05-06T07:59:59.123456789Z",
            "2024-05-06",
            "2024-05-06T07:59:59",
            "2024-05-06T07:59:59+00:00",
            "2024-05-06T07:59:59+09:00",
            "2024-05-06t07:59:59z",
            "2024-05-06 07:59:59Z",
            "2024-13-06T07:59:59Z",
            "2024-05-32T07:59:59Z",
            "2023-02-29T07:59:59.000Z",
            "2024-05-06T24:00:00Z",
            "2024-05-06T07:60:00Z",
            "2024-05-06T07:59:61Z",
            "2016-12-31T23:59:60.000Z",
            "2024-05-06T07:59:59.Z",
            "2024-5-6T07:59:59Z",
            "yesterday",
            "",
        ]),
        "hashes" => hashes(dice),
        "hex" => texts(&["", "0", "0g", "abc", "ABCD", "aBcD", "00 11", "0x11", "00"]),
        "binary" => texts(&[
            "",
            "A",
            "AAA",
            "AA==A",
            "A===",
            "AA-_",
            "AAAA\n",
            "QQ==",
            "====",
            "AAAA AAAA",
        ]),
        "url" => texts(&[
            "",
            "www.example.com",
            "http://",
            "http:// a.example/",
            "http://a.example/<x>",
            "://x",
            "mailto:a@b.example",
            "http://[::1]/",
            "http://a.example/%zz",
            "http://a.example/日本",
            "1http://a.example",
            "http://a.example:80a/",
            "file:///etc/hosts",
            "http://user:pw@a.example/",
            "http://a.example/a\\b",
            "http://a.example/a|b",
        ]),
        "email" => texts(&[
            "",
            "jo",
            "jo@",
            "@example.com",
            "Jo <jo@example.com>",
            "jo@例え.jp",
            "jo@@example.com",
            "a b@example.com",
            "\"a b\"@example.com",
            "jo@[192.0.2.1]",
        ]),
        "domain" => texts(&[
            "",
            "a b",
            "-a.example",
            "a-.example",
            "a..example",
            "例え.テスト",
            "a.example.",
            "http://a.example",
            "a_b.example",
            "localhost",
            "1.2.3.4",
            "xn--a.example",
            "*.example.com",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
        ]),
        "ipv4" => texts(&[
            "",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.2.3.4/33",
            "1.2.3.4/32",
            "1.2.3.4/0",
            "01.2.3.4",
            "1.2.3.4/",
            "::1",
            "1.2.3.4 ",
            "1.2.3.4/08",
            "a.b.c.d",
        ]),
        "ipv6" => texts(&[
            "",
            "::",
            "::1/128",
            "::1/129",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "12345::",
            "1::2::3",
            "fe80::1%eth0",
            "::ffff:192.0.2.1",
            "192.0.2.1",
            "2001:DB8::1",
            "g::1",
            "::1/",
            "1:2:3:4:5:6:7::",
        ]),
        "mac" => texts(&[
            "",
            "D2:FB:49:24:37:18",
            "d2-fb-49-24-37-18",
            "d2:fb:49:24:37",
            "d2:fb:49:24:37:18:00",
            "d2fb49243718",
            "g2:fb:49:24:37:18",
            "2:fb:49:24:37:18",
        ]),
        "mime" => texts(&[
            "",
            "text",
            "text/",
            "Text/Plain",
            "nonsense/x",
            "application/x-own",
            "application/vnd.ms-excel",
            "text/html; charset=utf-8",
        ]),
        "charset" => texts(&["", "utf8", "nonsense", "US-ASCII", "EUC-JP", "x y", "utf-8"]),
        "lang" => texts(&[
            "",
            "j",
            "ja_JP",
            "ja-JP",
            "ja-Jpan",
            "JA",
            "english",
            "日本",
            "x-own",
            "zh-Hant-TW",
            "und",
            "en-",
            "eng",
            "en-us",
        ]),
        "cpe" => texts(&[
            "",
            "cpe:/a:microsoft:word",
            "cpe:2.3:a:b:c",
            "cpe:2.3:a::c:1:*:*:*:*:*:*:*",
            "cpe:2.3:x:b:c:1:*:*:*:*:*:*:*",
            "cpe:2.3:a:b:c:1:*:*:*:*:*:*:*:*",
            "cpe:2.3:*:*:*:*:*:*:*:*:*:*:*",
            "cpe:2.3:a:b c:d:1:*:*:*:*:*:*:*",
            "cpe:2.3:a:b:c\\:d:1:*:*:*:*:*:*:*",
            "cpe:2.3:a:B:c:1:*:*:*:*:*:*:*",
        ]),
        "hyphened" => texts(&["", "Uses", "a b", "a_b", "日本", "-", "uses--x"]),
        "word" => vec![
            json!(""),
            json!("off-list"),
            json!(first_upper(kind.argument)),
            json!(flipped(kind.argument)),
        ],
        "ref" => references(kind.argument, dice),
        "pattern" => texts(super::patterns::BORDER),
        "registry" => texts(&[
            "",
            "HKLM\\System",
            "hkcu\\x",
            "HKEY_USERS\\x",
            "hkey_users",
            "Own\\HKLM",
        ]),
        "texts" => dictionary(&json!("v"), &json!(1)),
        "numbers" => dictionary(&json!(1), &json!([1])),
        "headers" => dictionary(&json!(["v"]), &json!("v")),
        "sockets" => {
            let mut list = dictionary(&json!(1), &json!("v"));
            list.extend([
                json!({"TCP_NODELAY": 1}),
                json!({"SO_X": "1"}),
                json!({"XX_Y": 1}),
                json!({"so_x": 1}),
            ]);
            list
        }
        "startup" => vec![
            json!({"dwX": 1}),
            json!({"lpReserved": null}),
            json!({"own": "x"}),
            json!({"cb": "x"}),
        ],
        "fields" => dictionary(&json!("v"), &json!(1)),
        "exif" => dictionary(&json!("v"), &json!([1])),
        "contents" => vec![
            json!({"ja": {}}),
            json!({"ja": 1}),
            json!({"ja_JP": {"name": "x"}}),
            json!({"ja": {"Name": "x"}}),
            json!({"zz": {"name": "x"}}),
            json!({"ja-Jpan": {"name": "x"}}),
            json!({"ja": {"name": ["a", ""]}}),
            json!({"ja": {"a": "x"}}),
            json!({"en-US": {"name": ""}}),
            json!({"ja": {"name": null}}),
            json!({"": {"name": "x"}}),
            json!({"ja": {"external_references": [{}, {"description": "訳"}]}}),
            json!({"ja": {"name": "x", "x y": "z"}}),
        ],
        other => panic!("no such kind: {other}"),
    };
    let mut all: Vec<(String, Value)> = own
        .into_iter()
        .enumerate()
        .map(|(at, value)| (format!("{} {at} {value}", kind.name), value))
        .collect();
    for (name, value) in foreign() {
        all.push((format!("is {name}"), value));
    }
    all
}

fn first_upper(words: &str) -> String {
    let mut first = words.split('|').next().unwrap().to_owned();
    if let Some(head) = first.get_mut(0..1) {
        head.make_ascii_uppercase();
    }
    first
}

fn flipped(words: &str) -> String {
    let last = words.split('|').next_back().unwrap();
    format!("{last} ")
}

fn hashes(dice: &mut Dice) -> Vec<Value> {
    let named = |name: &str, text: String| json!({name: text});
    vec![
        named("MD5", dice.hex(31)),
        named("MD5", dice.hex(32).to_uppercase()),
        named("SHA-1", dice.hex(41)),
        named("SHA-256", dice.hex(63)),
        named("SHA-512", dice.hex(127)),
        named("SHA3-256", dice.hex(64)),
        named("SHA3-512", dice.hex(100)),
        named("SHA-256", "z".repeat(64)),
        named(
            "SSDEEP",
            "3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C".to_owned(),
        ),
        named("SSDEEP", "no spaces".to_owned()),
        named("TLSH", dice.hex(70)),
        named("TLSH", dice.hex(69)),
        named("x_own", "anything".to_owned()),
        named("ab", "too short a name".to_owned()),
        named("with space", dice.hex(8)),
        named("md5", dice.hex(3)),
        json!({"MD5": 5}),
        json!({"MD5": null}),
        json!({"SHA-1": dice.hex(40), "MD5": dice.hex(32)}),
    ]
}

fn dictionary(good: &Value, bad: &Value) -> Vec<Value> {
    let long = "k".repeat(251);
    vec![
        json!({"Key_1-x": good}),
        json!({"k": good}),
        json!({"key": bad}),
        json!({"a key": good}),
        json!({"a.key": good}),
        json!({"": good}),
        json!({long: good}),
        json!({"鍵": good}),
        json!({"key": null}),
        json!({"key": []}),
    ]
}

fn references(argument: &'static str, dice: &mut Dice) -> Vec<Value> {
    let types = targets(argument);
    let kind = dice.one(&types);
    let plain = dice.id(kind);
    let uuid = plain
        .strip_prefix(kind)
        .unwrap()
        .trim_start_matches('-')
        .to_owned();
    let mut list = texts(&[
        "",
        kind,
        "0",
        &format!("{kind}--"),
        &format!("{kind}-{uuid}"),
        &format!("{kind}--{}", uuid.replace('-', "")),
        &format!("{kind}--{}", &uuid[1..]),
        &format!("{kind}--{uuid}0"),
        &format!("{kind}--{{{uuid}}}"),
        &format!("{kind}--{}", uuid.to_uppercase()),
        &format!("{kind}--{}", uuid.replacen("-4", "-7", 1)),
        &format!("{kind}--00000000-0000-0000-0000-000000000000"),
        &format!(" {plain}"),
        &uuid,
    ]);
    for other in [
        "identity",
        "tool",
        "observed-data",
        "file",
        "ipv4-addr",
        "software",
        "process",
        "relationship",
        "sighting",
        "marking-definition",
        "language-content",
        "extension-definition",
        "bundle",
        "x-own",
        "x-own-thing",
    ] {
        list.push(json!(dice.id(other)));
    }
    list
}
