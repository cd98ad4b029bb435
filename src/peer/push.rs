//! From the hub to a peer: what the service sees that stands for it, in order, in posts that the peer
//! takes. A post that is refused whole is cut until the object at fault is found. The mark moves when a
//! page is through; what was posted before that is posted again, and changes nothing there.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use super::Round;
use super::client::{Answer, Trouble};
use crate::exchange::peers::{Leaving, PeerRefused, Step};

/// So many entries of the log are looked at in one page.
const PAGE: usize = 100;

/// A post is never larger, whatever the peer would take.
const POST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Where a peer does not say what it takes.
const POST_BYTES_DEFAULT: usize = 1024 * 1024;

/// A status is asked for again after so long, then twice as long.
const STATUS_AFTER: Duration = Duration::from_millis(250);

/// So often; about a minute in all.
const STATUS_ASKED_MAX: usize = 14;

/// A peer's words on an object are kept up to here.
const REASON_CHARS_MAX: usize = 300;

impl Round<'_> {
    /// One round. The mark is a stamp of the hub's, in microseconds.
    pub(super) async fn push(&self, mark: Option<String>) -> Result<(), Trouble> {
        let mut mark: Option<i64> = mark.and_then(|mark| mark.parse().ok());
        let mut bytes_max = None;
        loop {
            let page = self.exchange.outgoing(&self.towards(), mark, PAGE).await?;
            let moved = page.mark.is_some();
            mark = page.mark.or(mark);
            let mut refused = page.kept;
            let passed = page.objects.iter();
            let passed: Vec<_> = passed
                .map(|object| (object.id.clone(), object.digest.clone()))
                .collect();
            let most = match bytes_max {
                None if page.objects.is_empty() => POST_BYTES_DEFAULT, // nothing to ask it for
                None => *bytes_max.insert(self.bytes_max().await?),
                Some(known) => known,
            };
            // The last is taken first.
            let mut open = posts(page.objects, most, &mut refused);
            open.reverse();
            while let Some(mut post) = open.pop() {
                self.keep().await?;
                match self.post(&post).await {
                    Ok(failed) => refused.extend(failed),
                    Err(trouble) if is_about_content(&trouble) => {
                        if post.len() > 1 {
                            let rest = post.split_off(post.len() / 2);
                            open.extend([rest, post]);
                        } else {
                            let why = format!("{trouble}");
                            refused.extend(post.iter().map(|object| left(object, &why)));
                        }
                    }
                    Err(trouble) => return Err(trouble),
                }
            }
            if moved {
                self.step(Step {
                    mark: mark.map(|mark| mark.to_string()),
                    news: passed.len(),
                    passed,
                    refused,
                })
                .await?;
            }
            if !page.more {
                return Ok(());
            }
        }
    }

    /// The largest post that the peer says it takes.
    async fn bytes_max(&self) -> Result<usize, Trouble> {
        let root = match self.client.get("", &[]).await {
            Ok(root) => root,
            Err(Trouble::Status { status, .. }) if status == StatusCode::NOT_FOUND => {
                return Ok(POST_BYTES_DEFAULT);
            }
            Err(Trouble::Elsewhere) => return Ok(POST_BYTES_DEFAULT),
            Err(other) => return Err(other),
        };
        let said = read(&root).and_then(|root| root.get("max_content_length")?.as_u64());
        let said = said.and_then(|said| usize::try_from(said).ok());
        Ok(said
            .filter(|said| *said > 0)
            .unwrap_or(POST_BYTES_DEFAULT)
            .min(POST_BYTES_MAX))
    }

    /// Posts, and waits until the peer has decided: what it did not take.
    async fn post(&self, post: &[Leaving]) -> Result<Vec<PeerRefused>, Trouble> {
        let collection = &self.held.place.collection;
        let path = format!("collections/{collection}/objects");
        let answer = self.client.post(&path, &envelope(post)).await?;
        let mut status = read(&answer);
        let mut pause = STATUS_AFTER;
        for _ in 0..STATUS_ASKED_MAX {
            let Some(id) = status.as_ref().filter(|status| is_pending(status)) else {
                break;
            };
            let Some(id) = id.get("id").and_then(Value::as_str) else {
                break;
            };
            let plain = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
            if !id.chars().all(plain) {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
            self.keep().await?;
            match self.client.get(&format!("status/{id}"), &[]).await {
                Ok(answer) => status = read(&answer),
                // It took the post, and does not say what became of it.
                Err(Trouble::Status { status: code, .. }) if code.is_client_error() => break,
                Err(other) => return Err(other),
            }
        }
        Ok(status.map(|status| refused(&status)).unwrap_or_default())
    }
}

/// Whether a refusal is for what was sent, so that a part of it may be taken.
fn is_about_content(trouble: &Trouble) -> bool {
    trouble.status().is_some_and(|status| {
        matches!(
            status,
            StatusCode::BAD_REQUEST
                | StatusCode::CONFLICT
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY
        )
    })
}

fn read(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(&answer.body).ok()
}

fn envelope(post: &[Leaving]) -> String {
    let objects: Vec<&str> = post.iter().map(|object| object.bytes.as_str()).collect();
    format!("{{\"objects\":[{}]}}", objects.join(","))
}

/// Cuts a page into posts; what is too large by itself stays.
fn posts(
    objects: Vec<Leaving>,
    bytes_max: usize,
    refused: &mut Vec<PeerRefused>,
) -> Vec<Vec<Leaving>> {
    let empty = envelope(&[]).len();
    let mut posts: Vec<Vec<Leaving>> = Vec::new();
    let mut bytes = 0;
    for object in objects {
        let length = object.bytes.len() + 1;
        if empty + length > bytes_max {
            let why = format!("it is larger than the {bytes_max} bytes that the peer takes");
            refused.push(left(&object, &why));
            continue;
        }
        if posts.is_empty() || bytes + length > bytes_max {
            posts.push(Vec::new());
            bytes = empty;
        }
        bytes += length;
        if let Some(post) = posts.last_mut() {
            post.push(object);
        }
    }
    posts
}

fn left(object: &Leaving, reason: &str) -> PeerRefused {
    PeerRefused {
        object: object.id.clone(),
        version: object.version.clone(),
        reason: reason.to_owned(),
    }
}

fn is_pending(status: &Value) -> bool {
    let pending = status.get("pending_count").and_then(Value::as_u64);
    pending.is_some_and(|count| count > 0)
        || status.get("status").and_then(Value::as_str) == Some("pending")
}

/// What a status says was not taken, or is still open.
fn refused(status: &Value) -> Vec<PeerRefused> {
    let mut found = Vec::new();
    for (list, otherwise) in [
        ("failures", "the peer did not take it"),
        ("pendings", "the peer had not decided"),
    ] {
        for detail in status
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let text = |name: &str| detail.get(name).and_then(Value::as_str);
            let words = text("message").unwrap_or(otherwise);
            found.push(PeerRefused {
                object: text("id").unwrap_or_default().to_owned(),
                version: text("version").unwrap_or_default().to_owned(),
                reason: words.chars().take(REASON_CHARS_MAX).collect(),
            });
        }
    }
    let failed = status.get("failure_count").and_then(Value::as_u64);
    if let (true, Some(count @ 1..)) = (found.is_empty(), failed) {
        found.push(PeerRefused {
            object: String::new(),
            version: String::new(),
            reason: format!("the peer did not take {count} objects, and does not say which"),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: &str, bytes: usize) -> Leaving {
        Leaving {
            id: id.to_owned(),
            version: String::new(),
            digest: Vec::new(),
            bytes: "x".repeat(bytes),
        }
    }

    #[test]
    fn a_post_is_never_larger_than_the_peer_takes_and_what_is_too_large_stays() {
        let mut refused = Vec::new();
        let all = vec![
            object("a", 40),
            object("b", 40),
            object("c", 500),
            object("d", 30),
        ];
        let posts = posts(all, 100, &mut refused);
        let ids: Vec<Vec<&str>> = posts
            .iter()
            .map(|post| post.iter().map(|object| object.id.as_str()).collect())
            .collect();
        assert_eq!(ids, [vec!["a", "b"], vec!["d"]]);
        assert!(posts.iter().all(|post| envelope(post).len() <= 100));
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].object, "c");
    }

    #[test]
    fn a_status_without_its_lists_still_says_that_something_failed() {
        let status = serde_json::json!({"status": "complete", "failure_count": 2});
        assert_eq!(refused(&status).len(), 1);
        let status =
            serde_json::json!({"failure_count": 1, "failures": [{"id": "x--1", "version": "v"}]});
        assert_eq!(refused(&status)[0].object, "x--1");
        assert!(refused(&serde_json::json!({"success_count": 3})).is_empty());
    }
}
