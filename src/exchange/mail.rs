//! Whose say a mail address is: nothing is mailed to one but a code, until the subscriber, who has
//! logged in, gives that code back; and who reads it can end it at any time without logging in.
//!
//! What is mailed unasked is bounded: by subscriber and address, by subscriber, and by address whoever
//! asks. The last bound is kept without a word, since it depends on what others did.

use serde_json::json;

use super::access::Caller;
use super::deliveries::stop;
use super::refusal::Refusal;
use super::subscriptions::SubscriptionView;
use super::{Exchange, Tx, record};
use crate::store::{Delivery, MailAddress, Subscription};
use crate::subscription::mail::mailbox;
use crate::subscription::{Channel, Definition, Mailing};

/// The lane of what asks an address for its say.
pub(super) const LANE: i64 = 2;

/// A code counts for so long after it was asked for.
const COUNTS_MICROS: i64 = DAY_MICROS;
const DAY_MICROS: i64 = 24 * super::time::HOUR_MICROS;
/// Wrong answers after which a code counts no more.
const TRIES_MAX: i64 = 5;

/// Confirmation mails a day: to one address for one subscriber, …
const PER_ADDRESS: i64 = 3;
/// … for one subscriber, …
const PER_PRINCIPAL: i64 = 10;
/// … and to one address, whoever asks.
const TO_ADDRESS: i64 = 10;
/// One that refused is asked by the same subscriber once in so many days.
const REFUSED_DAYS: i64 = 7;

/// Characters of a code: none that is read as another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// So many of them, 40 bits.
const CODE_LENGTH: usize = 8;

const UNSUBSCRIBE: &str = "unsubscribe";

/// What the mail of one attempt needs beside its items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Postmark {
    /// The code, where the mail does nothing but ask the address.
    pub code: Option<String>,
    /// Whether nothing is mailed though it asks: the address was asked often enough this day.
    pub silent: bool,
    /// Where who reads it can end it, where the hub has an address on the web.
    pub unsubscribe: Option<String>,
    /// Where the hub is on the web.
    pub hub: Option<String>,
}

impl MailAddress {
    fn agreed(&self) -> bool {
        self.confirmed_at.is_some_and(|at| at > 0)
    }

    /// Whether an answer to its code is still taken.
    fn open(&self, now: i64) -> bool {
        now < self.asked_at.saturating_add(COUNTS_MICROS) && self.tries < TRIES_MAX
    }
}

impl Exchange {
    /// Says that mail is sent, and how; once, before serving.
    pub fn allow_mail(&self, mailing: Mailing) {
        let _ = self.0.mailing.set(mailing);
    }

    /// How mail is sent; `None` where it is not.
    #[must_use]
    pub fn mailing(&self) -> Option<&Mailing> {
        self.0.mailing.get()
    }

    /// Whether something may be sent by a definition's channel: to any webhook, and to a mail address
    /// that has agreed.
    pub(super) async fn agreed(
        &self,
        tx: &mut Tx,
        who: &str,
        definition: &Definition,
    ) -> Result<bool, Refusal> {
        let Some(address) = definition.channel.mail_address() else {
            return Ok(true);
        };
        let known = tx.mail_address(who, &address).await?;
        Ok(known.is_some_and(|known| known.agreed()))
    }

    /// Asks the address of a pending subscription for its say, unless it was asked already and may
    /// still answer; `anew` asks in any case.
    pub(super) async fn ask_address(
        &self,
        tx: &mut Tx,
        one: &Subscription,
        address: &str,
        (now, anew): (i64, bool),
    ) -> Result<(), Refusal> {
        let who = one.principal.as_str();
        let known = tx.mail_address(who, address).await?;
        if !anew && known.is_some_and(|known| known.open(now)) {
            return Ok(());
        }
        let day = day_of(now);
        let refused = tx.refused_addresses(who).await?;
        let lately = |(other, at): &(String, i64)| {
            mailbox(other) == mailbox(address) && day < at + REFUSED_DAYS
        };
        if refused.iter().any(lately) {
            return Err(Refusal::Conflict(format!(
                "who reads this address ended what went to it; it is asked again after {REFUSED_DAYS} \
                 days at the earliest"
            )));
        }
        let asked = tx.confirmation_mails(who, day).await?;
        let today = tx.mail_addresses_of(day).await?;
        let same = |(other, _): &&(String, i64)| mailbox(other) == mailbox(address);
        let got: i64 = today.iter().filter(same).map(|(_, mails)| mails).sum();
        let today = known.filter(|known| known.day == day);
        let today = today.map_or(0, |known| known.mails);
        if today >= PER_ADDRESS || asked >= PER_PRINCIPAL {
            return Err(Refusal::Conflict(format!(
                "at most {PER_ADDRESS} confirmation mails a day to one address and \
                 {PER_PRINCIPAL} in all; ask again tomorrow"
            )));
        }
        let next = MailAddress {
            // One that was forgotten begins elsewhere: no code of then counts again.
            code: known.map_or(now, |known| known.code) + 1,
            asked_at: now,
            tries: 0,
            confirmed_at: None,
            day,
            mails: today + 1,
        };
        tx.ask_mail_address(who, address, &next).await?;
        let Some(number) = tx.number_deliveries(&one.id, 1, "pending").await? else {
            return Ok(());
        };
        let id = self
            .secret()
            .uuid("delivery", &[&one.id, &number.to_string()]);
        // What others asked for is not this caller's to learn: it is on the list all the same.
        let asks = got < TO_ADDRESS;
        let which = asks.then(|| self.which_confirmation(who, address, next.code));
        tx.add_delivery(&Delivery {
            id: format!("msg_{id}"),
            subscription: one.id.clone(),
            number,
            lane: LANE,
            stamps: serde_json::to_string(&Vec::from_iter(which))?,
            created_at: now,
            state: String::new(),
            next_at: now,
            attempts: 0,
        })
        .await?;
        Ok(())
    }

    /// Takes the code that was mailed; the caller's subscriptions to that address begin where they
    /// were made.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a subscription that is not the caller's; a conflict where nothing is
    /// to be confirmed; a fault at `/code` for a wrong code, or one that counts no more.
    pub async fn confirm_address(
        &self,
        caller: &Caller,
        id: &str,
        code: &str,
    ) -> Result<SubscriptionView, Refusal> {
        let (who, body) = (caller.principal.id.to_string(), caller.body.id.to_string());
        let (subscription, now) = (id.to_owned(), self.clock().now_micros());
        let (this, given) = (self.clone(), plain(code));
        // A wrong answer is counted, so it is no refusal until it has been.
        let taken = self
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let one = tx.subscription(&subscription).await?;
                    let one = one
                        .filter(|one| one.principal == who)
                        .ok_or(Refusal::NotFound)?;
                    let definition: Definition = serde_json::from_str(&one.definition)?;
                    let address = definition.channel.mail_address();
                    let (Some(address), "pending") = (address, one.state.as_str()) else {
                        let words = "this subscription waits for no confirmation";
                        return Err(Refusal::Conflict(words.to_owned()));
                    };
                    let known = tx.mail_address(&who, &address).await?;
                    let Some(known) = known.filter(|known| known.open(now)) else {
                        return Ok(false);
                    };
                    if given != plain(&this.code(&who, &address, known.code)) {
                        tx.wrong_mail_code(&who, &address).await?;
                        return Ok(false);
                    }
                    tx.confirm_mail_address(&who, &address, now).await?;
                    for other in tx.subscriptions_of(&who).await? {
                        let definition: Definition = serde_json::from_str(&other.definition)?;
                        let same = definition.channel.mail_address().as_ref() == Some(&address);
                        if same && other.state == "pending" {
                            tx.set_subscription(&other.id, "behind", "", other.mark)
                                .await?;
                        }
                    }
                    let decision = json!({
                        "decision": "subscription.confirmed", "subscription": subscription, "by": who,
                    });
                    record(tx, now, &[&body], &decision).await?;
                    Ok(true)
                })
            })
            .await?;
        if !taken {
            let words =
                "is not the code that was mailed last, or counts no more; `resume` mails another";
            return Err(Refusal::fault("/code", "confirmation", words));
        }
        self.0.growth.tell(); // it may have something to catch up with
        self.subscription(caller, id).await
    }

    /// Ends what goes to an address, by the link in a mail: the subscriptions of the one who had
    /// subscribed stop, and the address has to agree again before anything else is mailed to it.
    /// `false` where the link is none of the hub's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unsubscribe(&self, link: &str) -> Result<bool, Refusal> {
        let Some(opened) = self.secret().open(UNSUBSCRIBE, link) else {
            return Ok(false);
        };
        let Some((id, proof)) = opened.split_at_checked(opened.len().saturating_sub(PROOF_BYTES))
        else {
            return Ok(false);
        };
        let Ok(id) = String::from_utf8(id.to_vec()) else {
            return Ok(false);
        };
        let (proof, now, this) = (proof.to_vec(), self.clock().now_micros(), self.clone());
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    // It has ended, or goes elsewhere by now: what the link is for is so already.
                    let Some(one) = tx.subscription(&id).await? else {
                        return Ok(true);
                    };
                    let definition: Definition = serde_json::from_str(&one.definition)?;
                    let address = definition.channel.mail_address().unwrap_or_default();
                    if this.proof(&address) != proof {
                        return Ok(true);
                    }
                    let day = day_of(now);
                    tx.refuse_mail_address(&one.principal, &address, day)
                        .await?;
                    for other in tx.subscriptions_of(&one.principal).await? {
                        let definition: Definition = serde_json::from_str(&other.definition)?;
                        if definition.channel.mail_address().as_ref() == Some(&address) {
                            let why = "who reads the address wants no more";
                            stop(tx, &other.id, why, now).await?;
                        }
                    }
                    Ok(true)
                })
            })
            .await
    }

    /// What a mail needs beside its items; `None` where it may not be sent: its code counts no more,
    /// or its address has not agreed.
    pub(super) async fn postmark(
        &self,
        tx: &mut Tx,
        one: &Subscription,
        definition: &Definition,
        (delivery, now): (&Delivery, i64),
    ) -> Result<Option<Postmark>, Refusal> {
        let Some(address) = definition.channel.mail_address() else {
            return Ok(Some(Postmark::default()));
        };
        let known = tx.mail_address(&one.principal, &address).await?;
        let hub = self
            .mailing()
            .and_then(|mailing| mailing.public_url.clone());
        let mut mark = Postmark {
            code: None,
            silent: false,
            unsubscribe: None,
            hub,
        };
        if delivery.lane == LANE {
            let open = known.filter(|known| !known.agreed() && known.open(now));
            let Some(known) = open else { return Ok(None) };
            if delivery.stamps == "[]" {
                mark.silent = true;
                return Ok(Some(mark));
            }
            let which = self.which_confirmation(&one.principal, &address, known.code);
            if delivery.stamps != serde_json::to_string(&[which])? {
                return Ok(None);
            }
            mark.code = Some(self.code(&one.principal, &address, known.code));
        } else if !known.is_some_and(|known| known.agreed()) {
            return Ok(None);
        }
        mark.unsubscribe = mark.hub.as_ref().map(|hub| {
            let mut content = one.id.clone().into_bytes();
            content.extend(self.proof(&address));
            format!(
                "{hub}/unsubscribe/{}",
                self.secret().seal(UNSUBSCRIBE, &content)
            )
        });
        Ok(Some(mark))
    }

    /// The code number `number` of an address for one subscriber: it follows from the hub's secret.
    fn code(&self, who: &str, address: &str, number: i64) -> String {
        let label = format!("mail {who} {address} {number}");
        let key = self.secret().key_for(&label);
        let mut code = String::with_capacity(CODE_LENGTH + 1);
        for (at, byte) in key.iter().take(CODE_LENGTH).enumerate() {
            if at == CODE_LENGTH / 2 {
                code.push('-');
            }
            let letter = ALPHABET.get(usize::from(byte % 32)).copied();
            code.push(char::from(letter.unwrap_or(b'A')));
        }
        code
    }

    fn which_confirmation(&self, who: &str, address: &str, number: i64) -> i64 {
        let parts = [who, address, &number.to_string()];
        self.secret().place("confirmation", &parts, i64::MAX)
    }

    /// Tells an address apart from others without saying it.
    fn proof(&self, address: &str) -> Vec<u8> {
        let key = self.secret().key_for(&format!("unsubscribe {address}"));
        key.iter().take(PROOF_BYTES).copied().collect()
    }
}

const PROOF_BYTES: usize = 8;

/// The day of an instant in microseconds, counted from 1970.
pub(super) const fn day_of(micros: i64) -> i64 {
    micros.div_euclid(DAY_MICROS)
}

/// A code as it is compared: however it was typed.
fn plain(code: &str) -> String {
    let kept = code.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|char| char.to_ascii_uppercase()).collect()
}

/// Whether an item itself, and not only that there is one, may go out by a channel.
pub(super) fn carries(
    channel: &Channel,
    mailing: Option<&Mailing>,
    news: &super::news::News,
) -> bool {
    use crate::subscription::Content;
    match channel {
        Channel::Webhook { content, .. } => *content == Content::Full,
        // A posted object may ask for encryption to its very end, and nobody reads JSON in a mail.
        Channel::Mail { content, .. } => {
            *content == Content::Full
                && mailing.is_some_and(|mailing| mailing.encrypted)
                && news.tlp.in_mail()
                && news.is_report()
        }
    }
}
