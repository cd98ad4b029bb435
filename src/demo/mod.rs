//! The demo: a fictional council and thirty fictional cases, published through the same use cases
//! as the API, each ending where its `release` says.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::council::Directory;
use crate::exchange::publish::{Published, Submission};
use crate::exchange::{Caller, Credential, Exchange, Refusal};
use crate::handling::Approver;

/// The fictional council.
pub const COUNCIL: &str = include_str!("../../demo/council.toml");
const CASES: &str = include_str!("../../demo/cases.json");

/// One line of `credentials.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// Name in the directory.
    pub principal: String,
    /// `person` or `service`.
    pub kind: String,
    /// Its body.
    pub body: String,
    /// What that is.
    pub body_kind: String,
    /// Its sector, where it has exactly one.
    pub sector: Option<String>,
    /// The scheme its items are handled under.
    pub scheme: Option<String>,
    /// What it may do.
    pub roles: Vec<String>,
    /// To log in with.
    pub username: String,
    /// To log in with.
    pub password: String,
    /// For programs, and as OAuth client secret.
    pub api_key: String,
}

#[derive(Deserialize)]
struct Case<'a> {
    publisher: String,
    #[serde(borrow)]
    report: &'a RawValue,
    #[serde(borrow)]
    release: Release<'a>,
}

#[derive(Deserialize)]
struct Release<'a> {
    status: String,
    #[serde(default)]
    approved_by: Vec<String>,
    #[serde(default)]
    pending_approver: Option<String>,
    #[serde(borrow, default)]
    generalised: Option<&'a RawValue>,
}

/// Gives every principal of the directory a password and a key, and writes them to a file that only
/// its owner can read.
///
/// # Errors
/// When the database or the file cannot be written.
pub async fn give_logins(exchange: &Exchange, file: &Path) -> anyhow::Result<Vec<Login>> {
    let directory = exchange.directory();
    let mut wanted = Vec::new();
    for principal in directory.principals() {
        wanted.push((principal.id.to_string(), Credential::Password));
        wanted.push((principal.id.to_string(), Credential::Key));
    }
    let secrets = exchange.issue_many(wanted).await?;
    let today = exchange.clock().now().date_naive();
    let logins: Vec<Login> = directory
        .principals()
        .zip(secrets.chunks_exact(2))
        .filter_map(|(principal, secrets)| {
            let body = directory.body(&principal.body)?;
            let ceptoar = directory.body(directory.ceptoar_of(body))?;
            let sectors = directory.sectors_of(body, today);
            let (password, api_key) = (secrets.first()?.clone(), secrets.last()?.clone());
            Some(Login {
                principal: principal.id.to_string(),
                kind: serde_json::to_value(principal.kind)
                    .ok()?
                    .as_str()?
                    .to_owned(),
                body: body.id.to_string(),
                body_kind: body.kind.word().to_owned(),
                sector: sectors
                    .first()
                    .filter(|_| sectors.len() == 1)
                    .map(ToString::to_string),
                scheme: body.scheme.clone().or_else(|| ceptoar.scheme.clone()),
                roles: principal.roles.iter().cloned().collect(),
                username: principal.id.to_string(),
                password,
                api_key,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&logins)?;
    write_private(file, &text).with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(logins)
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}

/// Publishes the first `count` sample cases and answers for their approvers as the cases say; how many ended
/// released and held.
///
/// # Errors
/// When a case does not end where its `release` says.
pub async fn publish_cases(exchange: &Exchange, count: usize) -> anyhow::Result<(usize, usize)> {
    let cases: Vec<Case<'_>> = serde_json::from_str(CASES)?;
    let (mut released, mut held) = (0, 0);
    for case in cases.iter().take(count) {
        let publisher = caller(exchange, &case.publisher).await?;
        let first = publish(exchange, &publisher, case.report, None).await?;
        let expected = match case.release.status.as_str() {
            "released" => {
                let end = approve(exchange, &first, &case.release.approved_by).await?;
                released += 1;
                (end, "released")
            }
            "released_generalised" => {
                let lesson = case.release.generalised.context("no generalised report")?;
                let second = publish(exchange, &publisher, lesson, Some(first.id.clone())).await?;
                let end = approve(exchange, &second, &case.release.approved_by).await?;
                if end != "released" {
                    bail!("the lesson from {} ended {end}", first.id);
                }
                released += 1;
                held += 1;
                (first.state.clone(), "held")
            }
            "refused_by_silence" => {
                // Everyone but the silent one has agreed, so it waits for that one alone.
                let silent = case.release.pending_approver.clone().unwrap_or_default();
                let others = waiting(&first)
                    .filter(|who| !same_role(who, &silent))
                    .collect::<Vec<_>>();
                let end = approve(exchange, &first, &others).await?;
                held += 1;
                (end, "held")
            }
            other => bail!("a case ends `{other}`, which the demo does not know"),
        };
        if expected.0 != expected.1 {
            bail!(
                "report {} ended {} instead of {}",
                first.id,
                expected.0,
                expected.1
            );
        }
    }
    Ok((released, held))
}

async fn caller(exchange: &Exchange, name: &str) -> anyhow::Result<Caller> {
    exchange
        .caller(name)
        .await?
        .ok_or_else(|| anyhow!("`{name}` is not in the directory"))
}

async fn publish(
    exchange: &Exchange,
    publisher: &Caller,
    report: &RawValue,
    generalises: Option<String>,
) -> anyhow::Result<Published> {
    let submission = Submission {
        bytes: report.get().as_bytes().to_vec(),
        generalises,
        ..Submission::default()
    };
    exchange
        .publish(publisher, submission)
        .await
        .map_err(|refusal| match refusal {
            Refusal::Invalid(faults) | Refusal::Malformed(faults) => {
                let first = faults
                    .first()
                    .map(|f| format!("{} {}: {}", f.pointer, f.rule, f.message));
                anyhow!("a sample case is refused: {}", first.unwrap_or_default())
            }
            other => other.into(),
        })
}

/// Approvers an item waits for, as its holds name them.
fn waiting(published: &Published) -> impl Iterator<Item = String> + '_ {
    published.holds.iter().filter_map(|hold| {
        let words = hold.message.strip_prefix("approvals: ")?;
        Some(words.split(' ').next()?.to_owned())
    })
}

fn same_role(concrete: &str, in_scheme: &str) -> bool {
    let role = |text: &str| text.rsplit('.').next().unwrap_or(text).to_owned();
    role(concrete) == role(in_scheme)
}

/// Says yes for each of these, by somebody else than who said yes before.
async fn approve(
    exchange: &Exchange,
    published: &Published,
    approvers: &[String],
) -> anyhow::Result<String> {
    let mut state = published.state.clone();
    let mut used = Vec::new();
    for concrete in waiting(published).collect::<Vec<_>>() {
        if !approvers.iter().any(|who| same_role(&concrete, who)) {
            continue;
        }
        let directory = exchange.directory();
        let person = person_for(&directory, &Approver::from(concrete.as_str()), &used)
            .with_context(|| format!("nobody can answer for `{concrete}`"))?;
        let caller = caller(exchange, &person).await?;
        let (requests, _) = exchange.approvals(&caller, None, 1000).await?;
        let request = requests
            .iter()
            .find(|r| r.report.as_deref() == Some(&published.id) && r.approver == concrete)
            .with_context(|| format!("`{person}` is not asked about {}", published.id))?;
        state = exchange
            .answer(&caller, &request.id, true, "demo")
            .await?
            .state;
        used.push(person);
    }
    Ok(state)
}

fn person_for(directory: &Directory, approver: &Approver, used: &[String]) -> Option<String> {
    directory
        .principals()
        .filter(|principal| directory.may_answer_for(principal, approver))
        .map(|principal| principal.id.to_string())
        .find(|name| !used.contains(name))
}
