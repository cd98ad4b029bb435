//! Tests of the rules that bind several properties, type by type.

use super::*;

#[test]
fn instants_keep_their_order_to_the_last_digit() {
    let at = |tail: &str| format!("2024-01-01T00:00:00.{tail}Z");
    neighbours(
        "tool",
        json!({"created": at("1234567"), "modified": at("1234568")}),
        json!({"created": at("1234567"), "modified": at("1234566")}),
        "STIX 3.2 modified",
    );
    neighbours(
        "indicator",
        json!({"valid_until": "2024-01-01T00:00:00.0001Z"}),
        json!({"valid_until": "2024-01-01T00:00:00.000Z"}),
        "STIX 4.7 valid_until",
    );
    for (kind, clause) in [
        ("campaign", "4.2"),
        ("infrastructure", "4.8"),
        ("intrusion-set", "4.9"),
        ("malware", "4.11"),
        ("threat-actor", "4.17"),
        ("sighting", "5.2"),
    ] {
        neighbours(
            kind,
            json!({"first_seen": at("1"), "last_seen": at("1")}),
            json!({"first_seen": at("1"), "last_seen": at("0")}),
            &format!("STIX {clause} last_seen"),
        );
    }
    neighbours(
        "relationship",
        json!({"start_time": at("0"), "stop_time": at("1")}),
        json!({"start_time": at("1"), "stop_time": at("1")}),
        "STIX 5.1 stop_time",
    );
    neighbours(
        "observed-data",
        json!({"last_observed": "2024-01-02T00:00:00Z"}),
        json!({"last_observed": "2023-01-02T00:00:00Z"}),
        "STIX 4.14 last_observed",
    );
}

#[test]
fn references_point_at_the_right_types() {
    let refs = |kind: &str| json!({"object_refs": [id(kind)]});
    for (kind, clause) in [
        ("report", "4.16"),
        ("grouping", "4.4"),
        ("note", "4.13"),
        ("opinion", "4.15"),
    ] {
        let rule = format!("STIX {clause} object_refs");
        neighbours(kind, refs("relationship"), refs("bundle"), &rule);
    }
    neighbours(
        "relationship",
        json!({"target_ref": id("x-anything")}),
        json!({"target_ref": id("sighting")}),
        "STIX 5.1 target_ref",
    );
    neighbours(
        "sighting",
        json!({"sighting_of_ref": id("x-anything")}),
        json!({"sighting_of_ref": id("url")}),
        "STIX 5.2 sighting_of_ref",
    );
    neighbours(
        "sighting",
        json!({"where_sighted_refs": [id("location")]}),
        json!({"where_sighted_refs": [id("tool")]}),
        "STIX 5.2 where_sighted_refs",
    );
    neighbours(
        "observed-data",
        json!({"object_refs": [id("url"), id("relationship")]}),
        json!({"object_refs": [id("relationship")]}),
        "STIX 4.14 object_refs",
    );
    neighbours(
        "malware",
        json!({"sample_refs": [id("file")]}),
        json!({"sample_refs": [id("url")]}),
        "STIX 4.11 sample_refs",
    );
}

#[test]
fn each_type_keeps_its_own_rules() {
    neighbours(
        "location",
        json!({"country": null, "latitude": 1.5, "longitude": 2, "precision": 3}),
        json!({"country": null}),
        "STIX 4.10 region",
    );
    neighbours(
        "location",
        json!({}),
        json!({"latitude": 1.5}),
        "STIX 4.10 latitude",
    );
    neighbours(
        "location",
        json!({}),
        json!({"precision": 1.5}),
        "STIX 4.10 precision",
    );
    neighbours(
        "malware",
        json!({"is_family": true, "name": "n"}),
        json!({"is_family": true}),
        "STIX 4.11 name",
    );
    neighbours(
        "malware-analysis",
        json!({"result": null, "analysis_sco_refs": [id("url")]}),
        json!({"result": null}),
        "STIX 4.12 result",
    );
    neighbours(
        "observed-data",
        json!({"object_refs": null, "objects": {"0": {"type": "url", "value": "https://a.example/"}}}),
        json!({"objects": {"0": {"type": "url", "value": "https://a.example/"}}}),
        "STIX 4.14 object_refs",
    );
    neighbours(
        "observed-data",
        json!({"number_observed": 999_999_999}),
        json!({"number_observed": 0}),
        "STIX 4.14 number_observed",
    );
    neighbours(
        "indicator",
        json!({"pattern_type": "sigma", "pattern": "title: x"}),
        json!({"pattern": "title: x"}),
        "STIX 4.7 pattern",
    );
    neighbours(
        "opinion",
        json!({"opinion": "neutral"}),
        json!({"opinion": "Neutral"}),
        "STIX 4.15 opinion",
    );
    neighbours(
        "grouping",
        json!({"name": null}),
        json!({"context": 1}),
        "STIX 4.4 context",
    );
    neighbours(
        "relationship",
        json!({"relationship_type": "seen-by-2"}),
        json!({"relationship_type": "Seen by"}),
        "STIX 5.1 relationship_type",
    );
    neighbours(
        "sighting",
        json!({"count": 0}),
        json!({"count": -1}),
        "STIX 5.2 count",
    );
    neighbours(
        "network-traffic",
        json!({"src_ref": null, "dst_ref": id("domain-name")}),
        json!({"src_ref": null}),
        "STIX 6.12 src_ref",
    );
    neighbours(
        "network-traffic",
        json!({"end": "2024-01-01T00:00:00Z", "is_active": false}),
        json!({"end": "2024-01-01T00:00:00Z", "is_active": true}),
        "STIX 6.12 end",
    );
    neighbours(
        "network-traffic",
        json!({"dst_port": 65535}),
        json!({"dst_port": 65536}),
        "STIX 6.12 dst_port",
    );
    neighbours(
        "email-message",
        json!({"is_multipart": true, "body_multipart": [{"body": "b"}]}),
        json!({"is_multipart": true, "body": "b"}),
        "STIX 6.6 body",
    );
    neighbours(
        "email-message",
        json!({"body": "b"}),
        json!({"body_multipart": [{"body": "b"}]}),
        "STIX 6.6 body_multipart",
    );
    neighbours(
        "file",
        json!({"name": null, "hashes": {"MD5": "a".repeat(32)}}),
        json!({"name": null}),
        "STIX 6.7 hashes",
    );
    neighbours(
        "file",
        json!({"hashes": {"SHA-1": "a".repeat(40)}}),
        json!({"hashes": {"SHA-1": "a".repeat(39)}}),
        "STIX 2.7 hashes",
    );
    neighbours(
        "artifact",
        json!({"payload_bin": null, "url": "https://a.example", "hashes": {"MD5": "a".repeat(32)}}),
        json!({"payload_bin": null, "url": "https://a.example"}),
        "STIX 6.1 hashes",
    );
    neighbours(
        "artifact",
        json!({"encryption_algorithm": "AES-256-GCM", "decryption_key": "k"}),
        json!({"decryption_key": "k"}),
        "STIX 6.1 decryption_key",
    );
    neighbours(
        "process",
        json!({"pid": null, "extensions": {"windows-process-ext": {"window_title": "t"}}}),
        json!({"pid": null}),
        "STIX 6.13 process",
    );
    neighbours(
        "windows-registry-key",
        json!({"values": [{"data_type": "REG_SZ"}]}),
        json!({"values": [{"data_type": "REG_TEXT"}]}),
        "STIX 6.17 data_type",
    );
    neighbours(
        "software",
        json!({"languages": ["ja"]}),
        json!({"languages": ["日本語"]}),
        "STIX 6.14 languages",
    );
}

#[test]
fn an_observable_with_nothing_to_hash_has_a_random_id() {
    let v5 = |kind: &str| format!("{kind}--22222222-2222-5222-8222-222222222222");
    neighbours(
        "process",
        json!({}),
        json!({"id": v5("process")}),
        "STIX 2.9 id",
    );
    neighbours(
        "x509-certificate",
        json!({"id": v5("x509-certificate"), "serial_number": "1"}),
        json!({"id": v5("x509-certificate")}),
        "STIX 2.9 id",
    );
    // that it fits the content is a SHOULD
    neighbours(
        "url",
        json!({"id": v5("url")}),
        json!({"value": 1}),
        "STIX 6.15 value",
    );
}

#[test]
fn external_references_say_something() {
    let refs = |reference: Value| json!({"external_references": [reference]});
    neighbours(
        "tool",
        refs(json!({"source_name": "s", "description": "d"})),
        refs(json!({"source_name": "s"})),
        "STIX 2.5 external_references",
    );
    neighbours(
        "tool",
        refs(json!({"source_name": "s", "url": "https://a.example"})),
        refs(json!({"url": "https://a.example"})),
        "STIX 3.2 source_name",
    );
    neighbours(
        "tool",
        refs(json!({"source_name": "cve", "external_id": "CVE-2024-12345"})),
        refs(json!({"source_name": "cve", "external_id": "2024-12345"})),
        "STIX 2.5 external_id",
    );
    neighbours(
        "tool",
        refs(json!({"source_name": "capec", "external_id": "CAPEC-1"})),
        refs(json!({"source_name": "capec", "external_id": "CAPEC-"})),
        "STIX 2.5 external_id",
    );
    neighbours(
        "tool",
        refs(json!({"source_name": "s", "url": "https://a.example"})),
        refs(json!({"source_name": "s", "url": "a.example"})),
        "STIX 3.2 url",
    );
}
