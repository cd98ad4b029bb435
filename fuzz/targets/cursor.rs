//! The cursor: what opens was sealed here for the same purpose, and whatever a sealed one holds, it
//! resumes within bounds or is refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho::exchange::secret::Secret;
use sekisho::http::taxii::query::{Filters, Parameters};
use sekisho_fuzz::SECRET;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        arbitrary(text);
    }
    sealed(data);
});

/// Any text: a cursor that opens is, to the letter, the one that was given out.
fn arbitrary(text: &str) {
    for purpose in ["taxii", "receipts", ""] {
        if let Some(content) = SECRET.open(purpose, text) {
            assert_eq!(SECRET.seal(purpose, &content), text);
        }
    }
    resume(text);
}

fn sealed(content: &[u8]) {
    let cursor = SECRET.seal("taxii", content);
    assert_eq!(SECRET.open("taxii", &cursor).as_deref(), Some(content));
    assert_eq!(
        SECRET.open("taxi", &cursor),
        None,
        "it opens for another purpose"
    );
    assert_eq!(
        Secret::new(&[8; 32]).open("taxii", &cursor),
        None,
        "another hub opens it"
    );
    // One letter changed, chosen by the content.
    let at = content.iter().map(|&byte| usize::from(byte)).sum::<usize>() % cursor.len();
    let mut changed = cursor.clone().into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    assert_eq!(
        SECRET.open("taxii", &changed),
        None,
        "a changed cursor opens"
    );
    assert_eq!(SECRET.open("taxii", &cursor[..cursor.len() - 1]), None);
    assert_eq!(SECRET.open("taxii", &format!("{cursor}=")), None);
    resume(&cursor);
}

fn resume(next: &str) {
    let own = Parameters {
        added_after: None,
        limit: 1,
        next: Some(next.to_owned()),
        filters: Filters::default(),
    };
    let Ok(here) = own.resume(&SECRET, "collection") else {
        // Beside a mark of the client's own, what cannot be read is passed over.
        let marked = Parameters {
            added_after: Some(5),
            ..own
        };
        let here = marked.resume(&SECRET, "collection");
        assert!(
            here.is_ok_and(|here| here.after == Some(5)),
            "a mark is lost"
        );
        return;
    };
    assert!(here.after.is_some(), "a cursor that says nothing");
    let _ = (here.filters.versions(), here.filters.wants_2_1());
    assert!(
        own.resume(&SECRET, "another").is_err(),
        "it is of one collection"
    );
    // Given out again, it says the same.
    let stamp = here.after.unwrap();
    let again = here.cursor(&SECRET, "collection", stamp).unwrap();
    let again = Parameters {
        next: Some(again),
        ..own
    };
    assert!(
        again
            .resume(&SECRET, "collection")
            .is_ok_and(|there| there == here)
    );
}
