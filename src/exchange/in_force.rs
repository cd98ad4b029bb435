//! What is decided by a council file is written under that file, or decided anew: between the two
//! another file may come into force, at another hub too, and what is out is narrowed only once.

use futures_util::future::BoxFuture;

use super::access::{self, Caller};
use super::refusal::Refusal;
use super::{Exchange, Tx};
use crate::council::Directory;

/// An act is decided anew so often, each time because another file came into force meanwhile.
const TRIES: usize = 8;

/// Another council file came into force since the act was decided.
#[derive(Debug, thiserror::Error)]
#[error("the council file changed while this was decided")]
struct Changed;

/// Refuses to write what was decided by another directory than that in force.
///
/// # Errors
/// Where it is not, which has the act decided anew; or the database fails.
pub(super) async fn still_in_force(tx: &mut Tx, directory: &Directory) -> Result<(), Refusal> {
    if tx.council_version().await? == directory.version() {
        Ok(())
    } else {
        Err(Refusal::Internal(Changed.into()))
    }
}

/// Whether an act was refused for [`still_in_force`] alone.
fn has_changed<T>(outcome: &Result<T, Refusal>) -> bool {
    matches!(outcome, Err(Refusal::Internal(error)) if error.is::<Changed>())
}

impl Exchange {
    /// Has a caller act, and anew for as long as another council file comes into force before the act
    /// is written, each time as that file knows the caller.
    ///
    /// # Errors
    /// The act's own refusal, or where the file in force knows the caller no more.
    pub(super) async fn as_in_force<'a, T>(
        &'a self,
        caller: &Caller,
        act: impl Fn(Caller) -> BoxFuture<'a, Result<T, Refusal>> + Send,
    ) -> Result<T, Refusal> {
        let mut outcome = act(caller.clone()).await;
        for _ in 1..TRIES {
            if !has_changed(&outcome) {
                break;
            }
            outcome = act(self.as_of_now(caller).await?).await;
        }
        outcome
    }

    /// The same caller as the directory in force knows it.
    async fn as_of_now(&self, caller: &Caller) -> Result<Caller, Refusal> {
        let directory = self.refresh().await?;
        let now = self.clock().now();
        access::caller(&directory, &caller.principal.id, now).ok_or_else(|| {
            Refusal::Forbidden("the council file knows the caller no more".to_owned())
        })
    }
}
