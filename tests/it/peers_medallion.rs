//! medallion 3.0.0, the TAXII server that most others are compared with, as a peer: one hub pushes to
//! it and another pulls from it.

use std::net::TcpListener;
use std::process::{Child, Command};

use sekisho::config::peers::{Auth, AuthKind, Direction, Hidden};
use serde_json::{Value, json};

use crate::harness::both;
use crate::peers::{EXCHANGE, GREEN, indicator, peer_at, peers, post, refused, round, seen};

/// The server; it ends with the test.
struct Medallion {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Medallion {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `None` where no Python is named, as with the other real clients.
async fn medallion() -> Option<Medallion> {
    let python = std::env::var("TEST_PYTHON").ok()?;
    let folder = tempfile::tempdir().unwrap();
    let data = json!({
        "/discovery": {"title": "t", "default": "/one/", "api_roots": ["/one/"]},
        "one": {
            "information": {
                "title": "one", "versions": ["application/taxii+json;version=2.1"],
                "max_content_length": 9000,
            },
            "status": [],
            "collections": [{
                "id": EXCHANGE, "title": "all", "can_read": true, "can_write": true,
                "media_types": ["application/stix+json;version=2.1"], "manifest": [], "objects": [],
            }],
        },
    });
    let (data_file, file) = (
        folder.path().join("data.json"),
        folder.path().join("conf.json"),
    );
    std::fs::write(&data_file, data.to_string()).unwrap();
    let configuration = json!({
        "backend": {
            "module": "medallion.backends.memory_backend", "module_class": "MemoryBackend",
            "filename": data_file,
        },
        "users": {"hub": "hush"},
        "taxii": {"max_page_size": 5},
    });
    std::fs::write(&file, configuration.to_string()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = Command::new(python)
        .args(["-m", "medallion.scripts.run", "--port", &port.to_string()])
        .arg(&file)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Medallion {
        process: server,
        url: format!("http://127.0.0.1:{port}/one/"),
        _folder: folder,
    };
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_ok()
        {
            return Some(server);
        }
        let ended = server.process.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "medallion did not start: is tests/requirements.txt installed?"
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("medallion did not answer");
}

both! {
    medallion_3_0_0_takes_what_one_hub_pushes_and_gives_it_to_another => |hub| {
        let Some(server) = medallion().await else { return };
        let other = hub.fresh().await;
        let settings = |direction, principal: &str| {
            let mut peer = peer_at(&server.url, direction, principal);
            peer.auth = Some(Auth {
                kind: AuthKind::Basic,
                username: Some("hub".to_owned()),
                header: None,
                secret_file: None,
                secret_env: None,
                secret: Some(Hidden::new("hush".to_owned())),
            });
            peer
        };
        let objects: Vec<Value> = (1..=17).map(|n| indicator(n, GREEN)).collect();
        post(&hub, "ict-taxii", &objects).await;
        let (push, pull) = (settings(Direction::Push, "power-taxii"), settings(Direction::Pull, "gas-taxii"));
        round(&hub, &peers(&hub, &[push])).await;
        assert_eq!(refused(&hub).await, [""; 0]);
        let from = peers(&other, &[pull]);
        round(&other, &from).await;
        assert_eq!(refused(&other).await, [""; 0]);
        let (given, got) = (seen(&hub, "power-taxii").await, seen(&other, "gas-taxii").await);
        assert!(given.len() > 17);
        for (id, object) in &given {
            assert_eq!(got.get(id), Some(object), "{id}");
        }
        // Again, and nothing is news.
        let before = other.objects(Some("gas-taxii")).await.len();
        round(&other, &from).await;
        assert_eq!(other.objects(Some("gas-taxii")).await.len(), before);
    }
}
