//! Group commit: every write goes through one task per process, which runs all that wait in one
//! transaction. A job that fails, or panics, is undone alone; the others
//! commit.
//!
//! INVARIANT: the batch locks the stamp counter first, so on a database shared by several hubs
//! everything a job reads afterwards is the latest committed state, and stamps appear in commit
//! order (law 5).
//!
//! INVARIANT: no two batches stamp within one millisecond of each other, so the entries of one
//! millisecond are there together or not at all. A client that keeps its mark to the millisecond
//! relies on it (`http/taxii/grid.rs`).

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::listen::Growth;
use super::refusal::Refusal;
use crate::store::{Db, StoreError, Tx};

/// One transaction carries at most so many jobs: a job waits for those before it, and this many
/// take well under a second.
const BATCH_MAX: usize = 128;

/// So many may wait before callers do.
const QUEUE_MAX: usize = 1024;

/// Stamps are microseconds.
const MILLISECOND: i64 = 1000;

type Answer = Result<Box<dyn Any + Send>, Refusal>;
type Job = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Answer> + Send>;

struct Waiting {
    job: Job,
    answer: oneshot::Sender<Answer>,
}

/// Hands jobs to the writing task.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
}

impl Writer {
    /// Starts the writing task, which tells when the log has grown; it ends when the last `Writer` is dropped.
    #[must_use]
    pub(super) fn start(db: Db, growth: Growth) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(run(db, jobs, growth));
        Self { queue }
    }

    /// Runs a job in the next transaction and answers after it has committed.
    ///
    /// # Errors
    /// The job's own refusal, or the database's failure to commit.
    pub async fn write<T, F>(&self, job: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Refusal>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |tx| {
            let work = job(tx);
            Box::pin(async move { work.await.map(|done| Box::new(done) as Box<dyn Any + Send>) })
        });
        let stopped = || Refusal::Internal(anyhow::anyhow!("the hub is stopping"));
        self.queue
            .send(Waiting { job, answer })
            .await
            .map_err(|_| stopped())?;
        let done = answered.await.map_err(|_| stopped())??;
        done.downcast::<T>()
            .map(|done| *done)
            .map_err(|_| Refusal::Internal(anyhow::anyhow!("a job answered with another's type")))
    }
}

async fn run(db: Db, mut jobs: mpsc::Receiver<Waiting>, growth: Growth) {
    while let Some(first) = jobs.recv().await {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX {
            match jobs.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        let mut answers = Vec::with_capacity(batch.len());
        match transaction(&db, batch, &mut answers).await {
            Ok(grew) => {
                if grew {
                    growth.tell();
                }
                for (to, answer) in answers {
                    let _ = to.send(answer); // a caller that went away does not undo the write
                }
            }
            Err(error) => {
                tracing::error!(%error, "a batch of writes was not committed");
                for (to, _) in answers {
                    let _ = to.send(Err(Refusal::Internal(anyhow::anyhow!("not committed"))));
                }
            }
        }
    }
}

async fn transaction(
    db: &Db,
    batch: Vec<Waiting>,
    answers: &mut Vec<(oneshot::Sender<Answer>, Answer)>,
) -> Result<bool, StoreError> {
    let mut tx = db.write().await?;
    let before = tx.lock("stamp").await?;
    for Waiting { job, answer } in batch {
        tx.savepoint().await?;
        let outcome = AssertUnwindSafe(job(&mut tx))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(Refusal::Internal(anyhow::anyhow!("a write panicked"))));
        if outcome.is_ok() {
            tx.keep().await?;
        } else {
            tx.undo().await?;
        }
        answers.push((answer, outcome));
    }
    let grew = tx.lock("stamp").await? != before;
    if grew {
        tx.take("stamp", 0, MILLISECOND).await?;
    }
    tx.commit().await?;
    Ok(grew)
}
