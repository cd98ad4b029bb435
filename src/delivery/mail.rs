//! Mail over SMTP: one message for each delivery, under one Message-ID over all attempts. Which of the
//! server's answers are final follows from what was asked of it. What a mail says is `mail_text`'s.

use std::error::Error as _;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use tokio::sync::Semaphore;

use super::mail_text;
use crate::config::mail::{MailSettings, Tls};
use crate::exchange::deliveries::Sending;
use crate::subscription::Language;
use crate::subscription::retry::Outcome;

/// So many mails are handed to the server at once.
const AT_ONCE: usize = 16;

/// A mail that finds no place among them within this goes back to those that wait.
const PLACE_TIMEOUT: Duration = Duration::from_secs(1);

/// A server that has taken the mail is told goodbye, and not waited for longer than this.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends mail.
pub struct Sender {
    host: String,
    port: u16,
    tls: Option<(Tls, TlsParameters)>,
    credentials: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
    timeout: Duration,
    places: Semaphore,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}

/// Subject and body of the mail of one attempt.
#[must_use]
pub fn words(sending: &Sending, language: Language) -> (String, String) {
    let text = mail_text::write(sending, language);
    (text.subject, text.body)
}

/// How far an attempt came when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// What does not depend on the mail: the hub and its server do not get on.
    Server,
    /// What the server says of this recipient or this mail.
    Mail,
}

impl Sender {
    /// A sender by one server.
    ///
    /// # Errors
    /// When the sender's address is none, or a file of the settings cannot be read.
    pub fn open(settings: &MailSettings) -> anyhow::Result<Self> {
        let from: Mailbox = settings.from.parse().context("mail: from is no address")?;
        let password = settings.password()?;
        let login = settings.username.clone().zip(password);
        let tls = match settings.tls {
            Tls::None => None,
            how => Some((how, tls(settings)?)),
        };
        Ok(Self {
            host: settings.host.trim_matches(['[', ']']).to_owned(),
            port: settings.port(),
            tls,
            credentials: login.map(|(user, word)| Credentials::new(user, word.show().to_owned())),
            hello: ClientId::Domain(from.email.domain().to_owned()),
            from,
            timeout: Duration::from_secs(settings.timeout_seconds),
            places: Semaphore::new(AT_ONCE),
        })
    }

    /// Makes one attempt.
    pub async fn send(&self, sending: &Sending, address: &str, language: Language) -> Outcome {
        let Some((to, mail)) = self.message(sending, address, language) else {
            return Outcome::Refused {
                why: "the mail cannot be written".to_owned(),
            };
        };
        let Ok(Ok(_place)) = tokio::time::timeout(PLACE_TIMEOUT, self.places.acquire()).await
        else {
            return Outcome::NotMade;
        };
        match tokio::time::timeout(self.timeout, self.hand_over(to, &mail)).await {
            Err(_) => failed("no answer in time"),
            Ok(Ok(mut line)) => {
                // It is the server's now, whatever it says to a goodbye, and however late.
                let _ = tokio::time::timeout(GOODBYE_TIMEOUT, line.quit()).await;
                Outcome::Delivered
            }
            Ok(Err((step, error))) => outcome(step, &error),
        }
    }

    /// The recipient and the message as it is sent.
    fn message(
        &self,
        sending: &Sending,
        address: &str,
        language: Language,
    ) -> Option<(Address, Vec<u8>)> {
        let to: Address = address.parse().ok()?;
        let text = mail_text::write(sending, language);
        let micros = u64::try_from(sending.at).ok()?;
        let id = format!("<{}@{}>", sending.id, self.from.email.domain());
        let tongue = match language {
            Language::Ja => "ja",
            Language::En => "en",
        };
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(text.subject)
            .date(UNIX_EPOCH + Duration::from_micros(micros))
            .message_id(Some(id))
            // RFC 3834: nobody's machine answers it.
            .raw_header(plain("Auto-Submitted", "auto-generated")?)
            .raw_header(plain("Content-Language", tongue)?);
        // RFC 8058. The code that asks an address is no list to leave.
        if let (Some(url), None) = (&sending.postmark.unsubscribe, &sending.postmark.code) {
            message = message
                .raw_header(plain("List-Unsubscribe", &format!("<{url}>"))?)
                .raw_header(plain(
                    "List-Unsubscribe-Post",
                    "List-Unsubscribe=One-Click",
                )?);
        }
        let body = SinglePart::builder()
            .header(ContentType::TEXT_PLAIN)
            .body(text.body);
        Some((to, message.singlepart(body).ok()?.formatted()))
    }

    /// The line by which the server took the mail.
    async fn hand_over(
        &self,
        to: Address,
        mail: &[u8],
    ) -> Result<AsyncSmtpConnection, (Step, Error)> {
        let mut line = self
            .connect()
            .await
            .map_err(|error| (Step::Server, error))?;
        let from = Mail::new(Some(self.from.email.clone()), Vec::new());
        line.command(from)
            .await
            .map_err(|error| (Step::Server, error))?;
        let taken = async {
            line.command(Rcpt::new(to, Vec::new())).await?;
            line.command(Data).await?;
            line.message(mail).await
        };
        taken.await.map_err(|error| (Step::Mail, error))?;
        Ok(line)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let (from_start, later) = match &self.tls {
            None => (None, None),
            Some((Tls::Tls, parameters)) => (Some(parameters.clone()), None),
            Some((_, parameters)) => (None, Some(parameters.clone())),
        };
        let server = (self.host.as_str(), self.port);
        let mut line = AsyncSmtpConnection::connect_tokio1(
            server,
            Some(self.timeout),
            &self.hello,
            from_start,
            None,
        )
        .await?;
        if let Some(parameters) = later {
            // Fails where the server does not offer it: nothing is said in the clear instead.
            line.starttls(parameters, &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            line.auth(&[Mechanism::Plain, Mechanism::Login], credentials)
                .await?;
        }
        Ok(line)
    }
}

fn tls(settings: &MailSettings) -> anyhow::Result<TlsParameters> {
    let mut parameters = TlsParameters::builder(settings.host.trim_matches(['[', ']']).to_owned());
    if let Some(path) = &settings.ca_file {
        let text = std::fs::read(path)
            .with_context(|| format!("cannot read the authorities in `{}`", path.display()))?;
        let found = Certificate::from_pem(&text)
            .with_context(|| format!("no certificate in `{}`", path.display()))?;
        parameters = parameters
            .certificate_store(CertificateStore::None)
            .add_root_certificate(found);
    }
    parameters.build().context("TLS cannot be set up")
}

/// A header of plain ASCII, as it is.
fn plain(name: &str, value: &str) -> Option<HeaderValue> {
    let whole = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let name = HeaderName::new_from_ascii(name.to_owned()).ok()?;
    whole.then(|| HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned()))
}

fn failed(why: &str) -> Outcome {
    Outcome::Failed {
        why: why.to_owned(),
        after: None,
    }
}

/// What an error means. What a server says in words stays out: it may name other addresses.
fn outcome(step: Step, error: &Error) -> Outcome {
    if let Some(code) = error.status() {
        let why = format!("the mail server answered {code}");
        return match step {
            Step::Mail if error.is_permanent() => Outcome::Refused { why },
            _ => failed(&why),
        };
    }
    let refused = |error: &Error| {
        let mut source = error.source();
        while let Some(inner) = source {
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                return io.kind() == std::io::ErrorKind::ConnectionRefused;
            }
            source = inner.source();
        }
        false
    };
    failed(if error.is_tls() {
        "the mail server could not prove who it is"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_client() {
        "the mail server does not offer what the hub asks of it"
    } else if refused(error) {
        "no connection to the mail server"
    } else {
        "the line to the mail server broke off"
    })
}
