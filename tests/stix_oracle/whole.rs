//! Changes of the corpus that concern a whole object: its id and type, markings and their selectors,
//! extensions, names of its own, orders of instants, and what only goes together.

use serde_json::{Value, json};

use super::bodies::{cited, marking_definitions, observed};
use super::corpus::Maker;
use super::dice::Dice;

type Change = (String, String, Value);

fn set(place: &str, value: Value) -> Change {
    (format!("{value}"), place.to_owned(), value)
}

impl Maker<'_> {
    /// The changes every type gets, and those of its own.
    pub fn whole(&mut self, class: &'static str, name: &'static str) {
        let mut changes = ids(name, &mut self.dice);
        changes.extend(names());
        changes.extend(misplaced(class, name, &mut self.dice));
        changes.extend(versions());
        for (label, place, value) in changes {
            let mut object = self.minimal(class, name);
            object[place.trim_start_matches('/')] = value;
            self.case(format!("{name} {place} {label}"), Some(place), object);
        }
        for (label, value) in extensions(&mut self.dice) {
            let mut object = self.minimal(class, name);
            object["extensions"] = value;
            self.case(
                format!("{name} extensions {label}"),
                Some("/extensions".to_owned()),
                object,
            );
        }
        for (label, list) in markings(name, &mut self.dice) {
            let mut object = self.full(class, name);
            object["granular_markings"] = list;
            if name == "file" {
                object["hashes"] = json!({"MD5": "d41d8cd98f00b204e9800998ecf8427e"});
            }
            let place = Some("/granular_markings".to_owned());
            self.case(format!("{name} granular_markings {label}"), place, object);
        }
        self.orders(class, name);
        self.together(name);
    }

    fn orders(&mut self, class: &'static str, name: &'static str) {
        let pairs = [
            ("2024-05-06T07:00:00.000Z", "2024-05-06T07:00:00.000Z"),
            ("2024-05-06T07:00:00.000Z", "2024-05-06T07:00:00.001Z"),
            ("2024-05-06T07:00:00.001Z", "2024-05-06T07:00:00.000Z"),
            ("2024-05-06T07:00:00.100Z", "2024-05-06T07:00:00.09999Z"),
            ("2024-05-06T07:00:00.100Z", "2024-05-06T07:00:00.1000Z"),
            (
                "2024-05-06T07:00:00.0000001Z",
                "2024-05-06T07:00:00.0000002Z",
            ),
            (
                "2024-05-06T07:00:00.0000002Z",
                "2024-05-06T07:00:00.00000011Z",
            ),
            ("2024-05-06T07:00:00.9999999Z", "2024-05-06T07:00:01.000Z"),
            (
                "2024-05-06T07:00:00.00000010Z",
                "2024-05-06T07:00:00.0000001Z",
            ),
            (
                "2024-05-06T07:00:00.0000001Z",
                "2024-05-06T07:00:00.00000010Z",
            ),
            (
                "2024-05-06T07:00:00.123Z",
                "2024-05-06T07:00:00.1230000001Z",
            ),
            ("9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z"),
        ];
        for section in self.table.of_type(class, name).map(Clone::clone) {
            for order in &section.orders {
                for (earlier, later) in pairs {
                    let mut object = self.minimal(class, name);
                    object[order.earlier] = json!(earlier);
                    object[order.later] = json!(later);
                    let label =
                        format!("{name} {} {later} {} {earlier}", order.later, order.earlier);
                    self.single(label, Some(format!("/{}", order.later)), object);
                }
            }
        }
    }

    /// What the sections of single types say about several properties.
    fn together(&mut self, name: &'static str) {
        let id = |dice: &mut Dice, kind: &str| json!(dice.id(kind));
        let dice = &mut self.dice;
        let changes: Vec<Value> = match name {
            "location" => vec![
                json!({"country": null, "region": "eastern-asia"}),
                json!({"country": null}),
                json!({"country": null, "latitude": 1.0}),
                json!({"country": null, "latitude": 1.0, "longitude": 2}),
                json!({"longitude": 2}),
                json!({"precision": 5}),
                json!({"latitude": 1, "longitude": 2, "precision": 5}),
                json!({"country": null, "city": "Tokyo"}),
            ],
            "malware" => vec![
                json!({"is_family": true, "name": null}),
                json!({"is_family": true, "name": "x"}),
                json!({"is_family": false, "name": null}),
            ],
            "malware-analysis" => vec![
                json!({"result": null}),
                json!({"result": null, "analysis_sco_refs": [id(dice, "file")]}),
                json!({"result": null, "result_name": "x"}),
            ],
            "observed-data" => observed(dice),
            "indicator" => vec![
                json!({"pattern_type": "sigma", "pattern": "not a stix pattern"}),
                json!({"pattern_type": "STIX", "pattern": "not a stix pattern"}),
                json!({"pattern_type": "snort", "pattern": ""}),
                json!({"pattern_version": "2.0"}),
                json!({"pattern": "[ipv4-addr:value = '1.2.3.4'] START '2024-01-01T00:00:00Z' STOP '2024-01-02T00:00:00Z'", "pattern_version": "2.0"}),
            ],
            "network-traffic" => vec![
                json!({"src_ref": null}),
                json!({"src_ref": null, "dst_ref": id(dice, "ipv6-addr")}),
                json!({"is_active": true, "end": "2024-01-01T00:00:00Z"}),
                json!({"is_active": false, "end": "2024-01-01T00:00:00Z"}),
                json!({"end": "2024-01-01T00:00:00Z"}),
                json!({"is_active": true, "start": "2024-01-01T00:00:00Z"}),
            ],
            "email-message" => vec![
                json!({"is_multipart": true}),
                json!({"is_multipart": true, "body": "x"}),
                json!({"is_multipart": false, "body": "x"}),
                json!({"is_multipart": false, "body_multipart": [{"body": "x"}]}),
                json!({"is_multipart": true, "body_multipart": [{"body": "x"}]}),
                json!({"is_multipart": true, "body_multipart": [{"body": "x", "body_raw_ref": id(dice, "artifact")}]}),
                json!({"is_multipart": true, "body_multipart": [{"body_raw_ref": id(dice, "file"), "content_type": "image/png"}]}),
                json!({"is_multipart": true, "body_multipart": [{"content_type": "text/plain"}]}),
                json!({"additional_header_fields": {"date": "x"}}),
                json!({"additional_header_fields": {"Reply-To": ["only one"]}}),
                json!({"additional_header_fields": {"Reply-To": "one"}}),
            ],
            "file" => vec![
                json!({"name": null}),
                json!({"name": null, "size": 5}),
                json!({"name": null, "hashes": {"MD5": "d41d8cd98f00b204e9800998ecf8427e"}}),
                json!({"name": null, "name_enc": "UTF-8", "size": 5}),
                json!({"name": null, "hashes": {"MD5": "d41d8cd98f00b204e9800998ecf8427e"}, "name_enc": "UTF-8"}),
            ],
            "directory" => vec![json!({"path_enc": "UTF-8"}), json!({"path_enc": 5})],
            "artifact" => {
                let hashes = json!({"MD5": "d41d8cd98f00b204e9800998ecf8427e"});
                vec![
                    json!({"payload_bin": null}),
                    json!({"payload_bin": null, "url": "https://a.example/"}),
                    json!({"payload_bin": null, "url": "https://a.example/", "hashes": hashes}),
                    json!({"url": "https://a.example/", "hashes": hashes}),
                    json!({"hashes": hashes}),
                    json!({"decryption_key": "infected"}),
                    json!({"decryption_key": "infected", "encryption_algorithm": "AES-256-GCM"}),
                    json!({"encryption_algorithm": "AES-256-GCM"}),
                    json!({"payload_bin": null, "hashes": hashes}),
                ]
            }
            "process" => vec![
                json!({"pid": null}),
                json!({"pid": null, "created_time": "2024-01-01T00:00:00Z"}),
                json!({"pid": null, "x_own_name": "x"}),
                json!({"pid": null, "extensions": {"windows-process-ext": {"owner_sid": "S-1"}}}),
                json!({"pid": null, "defanged": true}),
            ],
            "user-account" => vec![
                json!({"user_id": null}),
                json!({"user_id": null, "credential": "x"}),
            ],
            "windows-registry-key" => vec![
                json!({"key": null}),
                json!({"key": null, "modified_time": "2024-01-01T00:00:00Z"}),
                json!({"key": null, "values": [{"data": "x"}]}),
                json!({"values": [{}]}),
                json!({"values": []}),
            ],
            "x509-certificate" => vec![
                json!({"issuer": null}),
                json!({"issuer": null, "is_self_signed": true}),
                json!({"issuer": null, "x509_v3_extensions": {"key_usage": "x"}}),
                json!({"x509_v3_extensions": {}}),
            ],
            "autonomous-system" => vec![
                json!({"number": -1}),
                json!({"number": 4_294_967_295_u64}),
                json!({"number": 1e30}),
            ],
            "extension-definition" => vec![
                json!({"extension_properties": ["a_b"]}),
                json!({"extension_types": ["toplevel-property-extension"], "extension_properties": ["a_b"]}),
                json!({"extension_types": ["property-extension", "toplevel-property-extension"], "extension_properties": ["a_b"]}),
                json!({"extension_types": ["property-extension"], "extension_properties": ["a_b"]}),
                json!({"extension_types": ["toplevel-property-extension"], "extension_properties": ["A b"]}),
                json!({"created_by_ref": null}),
            ],
            "marking-definition" => marking_definitions(),
            "language-content" => [
                "tool",
                "relationship",
                "file",
                "marking-definition",
                "extension-definition",
                "language-content",
                "bundle",
                "x-own",
            ]
            .map(|kind| json!({"object_ref": id(dice, kind)}))
            .to_vec(),
            "relationship" => [
                "tool",
                "relationship",
                "sighting",
                "file",
                "marking-definition",
                "extension-definition",
                "language-content",
                "bundle",
                "x-own",
            ]
            .iter()
            .flat_map(|kind| ["source_ref", "target_ref"].map(|end| json!({end: id(dice, kind)})))
            .collect(),
            "attack-pattern" => cited(),
            _ => Vec::new(),
        };
        let class = self
            .table
            .types
            .iter()
            .find(|(_, kind)| *kind == name)
            .unwrap()
            .0;
        for (at, change) in changes.into_iter().enumerate() {
            let mut object = self.minimal(class, name);
            for (key, value) in change.as_object().unwrap() {
                if value.is_null() {
                    object.as_object_mut().unwrap().remove(key);
                } else {
                    object[key] = value.clone();
                }
            }
            self.single(format!("{name} together {at} {change}"), None, object);
        }
    }
}

fn ids(name: &str, dice: &mut Dice) -> Vec<Change> {
    let plain = dice.id(name);
    let uuid = plain
        .strip_prefix(name)
        .unwrap()
        .trim_start_matches("--")
        .to_owned();
    let v = |digit: &str| format!("{name}--{}-{digit}{}", &uuid[..13], &uuid[15..]);
    let mut list: Vec<Change> = [
        String::new(),
        name.to_owned(),
        uuid.clone(),
        format!("{name}-{uuid}"),
        format!("{name}--{}", uuid.to_uppercase()),
        format!("{name}--{}", &uuid[1..]),
        format!("{name}--{{{uuid}}}"),
        format!("{name}--{}", uuid.replace('-', "")),
        format!("x-other--{uuid}"),
        format!("{name}s--{uuid}"),
        v("1"),
        v("3"),
        v("5"),
        v("7"),
        v("0"),
        format!("{name}--{}", uuid.replacen(&uuid[19..20], "c", 1)),
        format!("{name}--{uuid} "),
    ]
    .into_iter()
    .map(|id| set("/id", json!(id)))
    .collect();
    list.extend([json!(5), Value::Null, json!([plain])].map(|id| set("/id", id)));
    list
}

fn names() -> Vec<Change> {
    [
        "x_own",
        "own",
        "severity",
        "username",
        "phone_number",
        "action",
        "phone_numbers",
        "X_own",
        "x-own",
        "ab",
        "1st_own",
        "_own",
        "own name",
        "own_ünicode",
        "own.name",
        "OWN",
    ]
    .iter()
    .map(|name| set(&format!("/{name}"), json!("value")))
    .chain([
        set("/x_own_hex", json!("00ff")),
        set("/x_own_hex", json!("0")),
        set("/x_own_bin", json!("AAAA")),
        set("/x_own_bin", json!("A")),
        set(
            "/x_own_ref",
            json!("identity--1c9d5a6e-1e5b-4b5f-9d5f-0a1b2c3d4e5f"),
        ),
        set("/x_own_ref", json!("nobody")),
        set("/x_own_refs", json!(["nobody"])),
        set("/x_own_list", json!([])),
        set("/x_own_null", Value::Null),
        set("/x_own_map", json!({})),
        set("/x_own_map", json!({"Any Key": 1})),
        set("/x_own_deep", json!({"a": {"b": null}})),
        set(&format!("/{}", "n".repeat(250)), json!(1)),
        set(&format!("/{}", "n".repeat(251)), json!(1)),
    ])
    .collect()
}

/// Common properties of other classes.
fn misplaced(class: &str, name: &str, dice: &mut Dice) -> Vec<Change> {
    let time = "2024-05-06T07:59:59.000Z";
    let all = [
        ("defanged", json!(true), "sco"),
        ("lang", json!("en"), "sdo sro"),
        ("confidence", json!(50), "sdo sro language-content"),
        (
            "revoked",
            json!(false),
            "sdo sro language-content extension-definition",
        ),
        (
            "labels",
            json!(["x"]),
            "sdo sro language-content extension-definition",
        ),
        (
            "created",
            json!("2024-05-06T07:00:00.000Z"),
            "sdo sro language-content extension-definition marking-definition",
        ),
        (
            "modified",
            json!(time),
            "sdo sro language-content extension-definition",
        ),
        (
            "created_by_ref",
            json!(dice.id("identity")),
            "sdo sro language-content extension-definition marking-definition",
        ),
        (
            "external_references",
            json!([{"source_name": "s", "description": "d"}]),
            "sdo sro language-content extension-definition marking-definition",
        ),
    ];
    all.into_iter()
        .filter(|(.., at)| {
            !at.split(' ')
                .any(|column| column == class || column == name)
        })
        .map(|(property, value, _)| set(&format!("/{property}"), value))
        .collect()
}

fn versions() -> Vec<Change> {
    let mut list: Vec<Change> = ["2.0", "2.2", "1.0", "", "2.1 "]
        .map(|version| set("/spec_version", json!(version)))
        .to_vec();
    list.push(set("/spec_version", json!(2.1)));
    list.extend(
        [
            "", "X", "ab", "bundle", "x--own", "-own", "9own", "action", "x-Own",
        ]
        .map(|kind| set("/type", json!(kind))),
    );
    list.push(set("/type", json!(5)));
    list
}

fn extensions(dice: &mut Dice) -> Vec<(String, Value)> {
    let key = dice.id("extension-definition");
    let seven = key.replacen("-4", "-7", 1);
    [
        json!({&key: {"extension_type": "property-extension", "rank": 5}}),
        json!({&key: {"extension_type": "toplevel-property-extension"}}),
        json!({&key: {"extension_type": "property-extension", "deep": {"Any": [1, {"b": "c"}]}}}),
        json!({&key: {"extension_type": "new"}}),
        json!({&key: {"extension_type": 5}}),
        json!({&key: {"rank": 5}}),
        json!({&key: {}}),
        json!({&key: "x"}),
        json!({&key: ["x"]}),
        json!({&key: null}),
        json!({&key: {"extension_type": "property-extension", "x": null}}),
        json!({&key: {"extension_type": "property-extension", "empty": []}}),
        json!({&key: {"extension_type": "property-extension", "Upper": 1}}),
        json!({&key: {"extension_type": "property-extension", "a_hex": "0"}}),
        json!({&key: {"extension_type": "property-extension", "ab": 1}}),
        json!({seven: {"extension_type": "property-extension", "rank": 5}}),
        json!({"x-own-ext": {"rank": 5}}),
        json!({"x-own-ext": {}}),
        json!({"x-own-ext": "x"}),
        json!({"own": {"rank": 5}}),
        json!({"X-own-ext": {"rank": 5}}),
        json!({"tool--1c9d5a6e-1e5b-4b5f-9d5f-0a1b2c3d4e5f": {"extension_type": "property-extension"}}),
        json!({"extension-definition--1": {"extension_type": "property-extension"}}),
        json!({}),
        json!([]),
        json!("x"),
        Value::Null,
    ]
    .into_iter()
    .map(|value| (value.to_string(), value))
    .collect()
}

fn markings(name: &str, dice: &mut Dice) -> Vec<(String, Value)> {
    let reference = dice.id("marking-definition");
    let one = |selectors: Value| json!([{"marking_ref": reference, "selectors": selectors}]);
    let selector = [
        "type",
        "id",
        "spec_version",
        "object_marking_refs",
        "object_marking_refs.[0]",
        "object_marking_refs.[9]",
        "granular_markings",
        "granular_markings.[0].selectors",
        "none_such",
        "",
        "id.[0]",
        "type.x",
        "[0]",
        ".",
        "id.",
        ".id",
        "object_marking_refs.0",
        "object_marking_refs.[00]",
        "object_marking_refs.[-1]",
        "object_marking_refs.[]",
        "object_marking_refs.x",
        "name.[0]",
        "ID",
        "external_references.[0].source_name",
        "external_references.[0].none",
        "external_references.source_name",
        "a b",
        "object_marking_refs.[0].x",
        "id ",
    ];
    let mut list: Vec<Value> = selector.map(|text| one(json!([text]))).to_vec();
    list.extend([
        one(json!([])),
        one(json!("id")),
        one(json!([5])),
        one(json!(["id", "type"])),
        one(json!(["id", "none_such"])),
        one(Value::Null),
        json!([{"marking_ref": reference}]),
        json!([{"selectors": ["id"]}]),
        json!([{"lang": "ja", "selectors": ["id"]}]),
        json!([{"lang": "ja_JP", "selectors": ["id"]}]),
        json!([{"lang": 5, "selectors": ["id"]}]),
        json!([{"lang": "ja", "marking_ref": reference, "selectors": ["id"]}]),
        json!([{"marking_ref": dice.id("identity"), "selectors": ["id"]}]),
        json!([{"marking_ref": "nobody", "selectors": ["id"]}]),
        json!([{"marking_ref": reference, "selectors": ["id"], "x_own": 1}]),
        json!([]),
        json!({}),
        json!(["x"]),
        json!("x"),
        Value::Null,
    ]);
    let special = match name {
        "file" => vec!["hashes", "hashes.MD5", "hashes.SHA-256"],
        "language-content" => vec![
            "contents.ja",
            "contents.ja.name",
            "contents.ja.labels.[1]",
            "contents.fr",
        ],
        "marking-definition" => vec!["definition.statement", "definition.[0]"],
        "threat-actor" => vec!["aliases.[0]", "aliases.[7]", "aliases.name", "description"],
        "user-account" => vec!["is_disabled", "is_disabled.x", "is_disabled.[0]"],
        _ => Vec::new(),
    };
    list.extend(special.into_iter().map(|text| one(json!([text]))));
    list.into_iter()
        .map(|value| (value.to_string(), value))
        .collect()
}
