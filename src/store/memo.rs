//! What a transaction has learnt of the database and may go on believing: it asks once for a whole
//! envelope what each of its objects would ask again. Nothing here outlives the transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::db::{StoreError, Tx, on};

/// Its rows, by the id, the digest and the kind of item they go with.
type SupportKey = (String, Vec<u8>, String);

/// Each fact is taken back by whatever write could change it.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// STIX ids under which no object is stored.
    pub unused: HashSet<String>,
    /// Numbers of audiences by the digests of their definitions.
    pub audiences: HashMap<Vec<u8>, i64>,
    /// The audiences that have a support object.
    pub supported: HashMap<SupportKey, BTreeSet<i64>>,
}

impl Tx {
    /// Asks once which of these STIX ids nothing is stored under, so that it is not asked for each of
    /// them again. Of those nothing can be found until something is stored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn learn_unused(&mut self, stix_ids: &[String]) -> Result<(), StoreError> {
        // Well below what either database binds in one statement.
        for chunk in stix_ids.chunks(400) {
            let used: Vec<(String,)> = on!(self, conn => {
                let mut select = sqlx::QueryBuilder::new("SELECT DISTINCT stix_id FROM object WHERE stix_id IN (");
                let mut list = select.separated(", ");
                for id in chunk {
                    list.push_bind(id.as_str());
                }
                select.push(")");
                select.build_query_as().fetch_all(conn).await?
            });
            let used: HashSet<String> = used.into_iter().map(|(id,)| id).collect();
            let unused = chunk.iter().filter(|id| !used.contains(*id)).cloned();
            self.memo.unused.extend(unused);
        }
        Ok(())
    }

    /// Whether it is known that nothing is stored under a STIX id.
    #[must_use]
    pub fn is_unused(&self, stix_id: &str) -> bool {
        self.memo.unused.contains(stix_id)
    }
}
