//! The store, on both databases: every statement prepares, and both schemas are the same.

use sekisho::store::{Db, QUERIES};

use crate::harness::both;

both! {
    every_static_statement_prepares => |hub| {
        let db = Db::open(&hub.address).await.unwrap();
        let mut count = 0;
        for (file, statements) in QUERIES {
            for statement in *statements {
                if let Err(error) = db.prepare(statement).await {
                    panic!("{file}: {statement}: {error}");
                }
                count += 1;
            }
        }
        assert!(count > 40, "{count}");
    }

    opening_again_migrates_nothing_and_keeps_the_secret => |hub| {
        let again = hub.another().await;
        assert_eq!(again.directory().version(), hub.exchange.directory().version());
        let id = hub.exchange.secret().uuid("x", &[]);
        assert_eq!(again.secret().uuid("x", &[]), id);
    }
}

/// Same tables, same columns, in the same order, of corresponding types.
#[test]
fn both_migration_folders_say_the_same() {
    // Full text is each database's own; what both keep of it is beside it.
    let full_text = |line: &&str| {
        let own = [
            "CREATE VIRTUAL TABLE search_gram",
            "    tokenize=",
            "CREATE TABLE search_gram",
            "CREATE INDEX search_gram",
        ];
        !own.iter().any(|start| line.starts_with(start))
    };
    let tables = |text: &str| {
        let lines: Vec<&str> = text.lines().filter(full_text).collect();
        lines
            .join("\n")
            .replace("BYTEA", "BLOB")
            .replace(" COLLATE \"C\"", "")
    };
    let [sqlite, postgres] = sekisho::store::MIGRATIONS;
    assert_eq!(sqlite.len(), postgres.len());
    for ((number, name, one), (other, word, two)) in sqlite.iter().zip(postgres) {
        assert_eq!((number, name), (other, word));
        assert_eq!(tables(one), tables(two), "{name}");
    }
}
