//! The audience's list and the index beside it say the same, however they came about.

use sekisho::handling::{BodyId, Depth, Form, Grant, Grants, Join};

fn body(n: usize) -> BodyId {
    BodyId::from(format!("body-{n}"))
}

fn grant(n: usize) -> Grant {
    let depth = Depth::ALL[n % Depth::ALL.len()];
    Grant::new(depth, [Form::Identified, Form::Anonymised][n % 2])
}

/// Every third body from `first` on, written from the last to the first.
fn some(first: usize) -> Grants {
    let numbers = (0..300).rev().map(|n| first + 3 * n);
    numbers.map(|n| (body(n), grant(n + first))).collect()
}

#[test]
fn a_body_is_found_however_many_there_are_and_one_that_is_not_listed_has_nothing() {
    for count in [0, 1, 7, 1000] {
        let all: Grants = (0..count).map(|n| (body(n), grant(n))).collect();
        for n in 0..count {
            assert_eq!(all.get(&body(n)), grant(n), "body {n} of {count}");
            assert_eq!(all.listed(&body(n)), Some(grant(n)), "body {n} of {count}");
        }
        assert_eq!(all.get(&body(count)), Grant::NONE);
        assert_eq!(all.listed(&body(count)), None);
        assert_eq!(all.iter().count(), count);
    }
    let anything = Grants::unrestricted();
    assert_eq!(anything.get(&body(0)), Grant::WIDEST);
    assert_eq!(anything.listed(&body(0)), None);
}

#[test]
fn what_is_set_after_a_question_is_found_and_a_copy_keeps_what_it_had() {
    let mut all = some(0);
    assert_eq!(all.get(&body(0)), grant(0));
    let copy = all.clone();
    all.set(body(0), Grant::NONE);
    all.set(body(1), Grant::WIDEST);
    for (asked, is, was) in [
        (0, Grant::NONE, grant(0)),
        (1, Grant::WIDEST, Grant::NONE),
        (3, grant(3), grant(3)),
    ] {
        assert_eq!(all.get(&body(asked)), is, "body {asked}");
        assert_eq!(copy.get(&body(asked)), was, "the copy's body {asked}");
    }
    let listed: Vec<_> = all.iter().collect();
    assert!(listed.is_sorted_by(|(a, _), (b, _)| a < b));
    assert!(listed.contains(&(&body(0), Grant::NONE)));
    assert!(listed.contains(&(&body(1), Grant::WIDEST)));
    assert_ne!(all, copy);
}

#[test]
fn a_join_meets_every_body_of_either_once() {
    let (a, b) = (some(0), some(1).join(&some(0)));
    for (one, two) in [(&a, &b), (&b, &a), (&a, &Grants::default())] {
        let joined = one.join(two);
        let mut listed = 0;
        for n in 0..1000 {
            let body = body(n);
            let expected = one.get(&body).join(&two.get(&body));
            assert_eq!(joined.get(&body), expected, "body {n}");
            let either = one.listed(&body).is_some() || two.listed(&body).is_some();
            assert_eq!(joined.listed(&body).is_some(), either, "body {n}");
            listed += usize::from(either);
        }
        assert_eq!(joined.iter().count(), listed);
    }
    assert_eq!(a.join(&Grants::unrestricted()), a);
}

#[test]
fn of_a_body_written_twice_the_later_grant_counts() {
    let twice = r#"{"b": {"depth": "poc", "form": "identified"},
        "a": {"depth": "analyst", "form": "identified"},
        "b": {"depth": "analyst", "form": "anonymised"}}"#;
    let read: Grants = serde_json::from_str(twice).expect("a map of grants");
    let later = Grant::new(Depth::Analyst, Form::Anonymised);
    assert_eq!(read.get(&BodyId::from("b")), later);
    assert_eq!(read.iter().count(), 2);
    let written = serde_json::to_string(&read).expect("JSON");
    let again: Grants = serde_json::from_str(&written).expect("a map of grants");
    assert_eq!(again, read);
    assert!(written.starts_with(r#"{"a""#), "{written}");
}
