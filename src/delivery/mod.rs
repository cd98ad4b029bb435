//! Sends what is due to subscribers: takes it, asks the channel to send it, notes how that ended. What
//! may be sent was decided by the exchange a moment before.

pub mod mail;
mod mail_text;
mod resolve;
pub mod webhook;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config::mail::MailSettings;
use crate::exchange::deliveries::Sending;
use crate::exchange::{Exchange, Refusal};
use crate::subscription::Channel;
use crate::subscription::retry::Outcome;

/// So many attempts are under way at once: they wait for others' machines, not for ours.
const AT_ONCE: usize = 512;

/// So many are taken from the list at once.
const TAKEN_AT_ONCE: usize = 128;

/// Settled deliveries that are old enough are forgotten each time so many rounds were made.
const ROUNDS_BETWEEN_FORGETTING: u64 = 20_000;

/// What sends.
#[derive(Debug)]
pub struct Delivery {
    exchange: Exchange,
    webhooks: webhook::Sender,
    mails: Option<mail::Sender>,
    places: Arc<Semaphore>,
}

impl Delivery {
    /// Sends for a hub that sends no mail.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(exchange: Exchange) -> anyhow::Result<Arc<Self>> {
        Self::with_mail(exchange, None)
    }

    /// Sends for a hub, mail too where there is a mail server.
    ///
    /// # Errors
    /// When no HTTP client can be made, or the mail server's settings will not do.
    pub fn with_mail(exchange: Exchange, mail: Option<&MailSettings>) -> anyhow::Result<Arc<Self>> {
        let webhooks = webhook::Sender::new(exchange.receivers())?;
        let mails = mail.map(mail::Sender::open).transpose()?;
        if let Some(mail) = mail {
            exchange.allow_mail(mail.mailing());
        }
        Ok(Arc::new(Self {
            exchange,
            webhooks,
            mails,
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }))
    }

    /// Sends what is due, again and again, for as long as it is awaited.
    pub async fn run(self: Arc<Self>) {
        let mut rounds: u64 = 0;
        loop {
            match self.round().await {
                Ok(true) => {}
                Ok(false) => self.exchange.deliverable().await,
                Err(error) => {
                    tracing::error!(%error, "deliveries could not be taken; trying again");
                    self.exchange.deliverable().await;
                }
            }
            rounds = rounds.wrapping_add(1);
            if rounds.is_multiple_of(ROUNDS_BETWEEN_FORGETTING)
                && let Err(error) = self.exchange.forget_old_deliveries().await
            {
                tracing::error!(%error, "old deliveries could not be forgotten");
            }
        }
    }

    /// Starts an attempt at everything that is due and for which there is place; whether there may be
    /// more.
    async fn round(self: &Arc<Self>) -> Result<bool, Refusal> {
        let free = self.places.available_permits().min(TAKEN_AT_ONCE);
        if free == 0 {
            // One of those under way has to end first.
            let _place = self.places.acquire().await;
            return Ok(true);
        }
        let limit = i64::try_from(free).unwrap_or(i64::MAX);
        let due = self.exchange.take_due_deliveries(limit).await?;
        let any = !due.is_empty();
        for sending in due {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                break;
            };
            let this = Arc::clone(self);
            tokio::spawn(async move {
                this.attempt(&sending).await;
                drop(place);
            });
        }
        Ok(any)
    }

    async fn attempt(&self, sending: &Sending) {
        let outcome = match &sending.definition.channel {
            _ if sending.postmark.silent => Outcome::Delivered,
            _ if sending.items.is_empty() && sending.postmark.code.is_none() => Outcome::Withheld,
            Channel::Webhook { url, signature, .. } => {
                self.webhooks.send(sending, url, *signature).await
            }
            Channel::Mail {
                address, language, ..
            } => match &self.mails {
                Some(mails) => mails.send(sending, address, *language).await,
                None => Outcome::Failed {
                    why: "the hub has no mail server".to_owned(),
                    after: None,
                },
            },
        };
        let (id, whose) = (&sending.id, &sending.subscription);
        let noted = self
            .exchange
            .attempt_ended(id, whose, sending.attempt, outcome)
            .await;
        if let Err(error) = noted {
            // The claim ends by itself, and the receiver knows the id again.
            tracing::error!(%error, "the end of an attempt could not be noted");
        }
    }
}
