//! The query part of a TAXII address: what is read is within its limits, and written again it reads
//! the same.

#![no_main]

use axum::http::Uri;
use libfuzzer_sys::fuzz_target;
use sekisho::exchange::read::{PAGE_MAX, Versions};
use sekisho::http::taxii::query::Parameters;
use sekisho::stix::timestamp::format_taxii;
use sekisho_fuzz::SECRET;

const VALUES_MAX: usize = 500;

fuzz_target!(|text: &str| {
    let Ok(uri) = format!("/taxii2/council/collections/x/objects?{text}").parse::<Uri>() else {
        return;
    };
    let Ok(read) = Parameters::read(&uri) else {
        return;
    };
    assert!((1..=PAGE_MAX).contains(&read.limit));
    assert!(read.next.as_ref().is_none_or(|next| !next.is_empty()));
    let filters = &read.filters;
    for (list, holds) in [(&filters.ids, "--"), (&filters.types, "")] {
        assert!(list.len() <= VALUES_MAX);
        for value in list {
            assert!(value.contains(holds) && (1..=290).contains(&value.len()));
            assert!(
                value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            );
        }
    }
    if let Versions::Some { first, last, at } = filters.versions() {
        assert!((first || last || !at.is_empty()) && at.len() <= VALUES_MAX);
    }
    let _ = filters.wants_2_1();
    let written = write(&read);
    let again = Parameters::read(&format!("/x?{written}").parse().expect("an address"));
    assert!(
        again.is_ok_and(|again| again == read),
        "{text:?} became {written:?}"
    );
    let _ = read.resume(&SECRET, "x");
});

fn write(read: &Parameters) -> String {
    let mut out = vec![format!("limit={}", read.limit)];
    out.extend(
        read.added_after
            .map(|at| format!("added_after={}", format_taxii(at))),
    );
    out.extend(
        read.next
            .iter()
            .map(|next| format!("next={}", encoded(next))),
    );
    let filters = serde_json::to_value(&read.filters).expect("filters are written");
    for (member, name) in [
        ("ids", "id"),
        ("types", "type"),
        ("versions", "version"),
        ("spec_versions", "spec_version"),
    ] {
        let list = filters
            .get(member)
            .and_then(serde_json::Value::as_array)
            .into_iter()
            .flatten();
        let values: Vec<&str> = list.filter_map(serde_json::Value::as_str).collect();
        if !values.is_empty() {
            out.push(format!("match[{name}]={}", encoded(&values.join(","))));
        }
    }
    out.join("&")
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
