//! The servers that are measured: the hub as its release build serves it, medallion and OpenTAXII in an
//! environment of their own, and nginx with a file. Each on a free port of the loopback, in a temporary
//! folder, ended when its handle goes.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

/// A server that runs.
pub struct Server {
    child: Child,
    _folder: tempfile::TempDir,
    /// What it is called.
    pub name: &'static str,
    /// Its collection's objects.
    pub objects: String,
    /// What is free for everybody, where it has such a thing.
    pub public: Option<String>,
    /// Who posts, and reads.
    pub user: (String, String),
    /// The keys of all people and services, by name, where there are such.
    pub keys: BTreeMap<String, String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Its memory, in bytes.
    pub fn resident(&self) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
        kib.unwrap_or(0) * 1024
    }
}

/// A port of the loopback that is free now.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = quiet(command).status()?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

/// Waits until a port answers.
fn wait(port: u16) -> anyhow::Result<()> {
    for _ in 0..300 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("port {port} does not answer")
}

/// This program as another process that serves on a port, under a name of its own.
pub fn itself(word: &str, port: u16) -> anyhow::Result<Server> {
    let mut command = Command::new(std::env::current_exe()?);
    let child = quiet(command.arg(word).arg(port.to_string())).spawn()?;
    wait(port)?;
    Ok(Server {
        child,
        name: "the limit",
        objects: String::new(),
        public: None,
        user: (String::new(), String::new()),
        keys: BTreeMap::new(),
        _folder: tempfile::tempdir()?,
    })
}

/// Lets this process and those it starts have as many open files as the system allows.
pub fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("  open files stay limited: {error}");
    }
}

/// The hub, with the demo's council and no cases. `SEKISHO_BIN` names another build.
pub fn sekisho() -> anyhow::Result<Server> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let program = match std::env::var_os("SEKISHO_BIN") {
        Some(program) => PathBuf::from(program),
        None => {
            let mut build = Command::new("cargo");
            let build = build.args(["build", "--release", "--locked", "--bin", "sekisho"]);
            ensure!(
                build.current_dir(&root).status()?.success(),
                "the hub does not build"
            );
            root.join("target/release/sekisho")
        }
    };
    let folder = tempfile::tempdir()?;
    let (port, data) = (free_port()?, folder.path().join("data"));
    let listen = format!("127.0.0.1:{port}");
    let mut command = Command::new(&program);
    let command = command
        .args(["demo", "--cases", "0", "--listen", &listen, "--data-dir"])
        .arg(&data);
    let child = quiet(command)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    wait(port)?;
    // The address is bound before the logins are made.
    let logins = (0..300).find_map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        let text = std::fs::read(data.join("credentials.json")).ok()?;
        serde_json::from_slice::<Value>(&text).ok()
    });
    let logins = logins.context("the hub gives no logins")?;
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let keys: BTreeMap<String, String> = logins
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (text(one, "principal"), text(one, "api_key")))
        .collect();
    let key = keys
        .get("logistics-taxii")
        .context("no such login")?
        .clone();
    let base = format!("http://{listen}/taxii2");
    Ok(Server {
        child,
        name: "Sekisho, SQLite",
        objects: format!("{base}/council/collections/exchange/objects/"),
        public: Some(format!("{base}/public/collections/exchange/objects/")),
        user: ("logistics-taxii".to_owned(), key),
        keys,
        _folder: folder,
    })
}

/// The folder of the peers' programs, installed once below `benches/target`.
fn peers() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = here.join("target/peers");
    if !venv.join("bin/medallion").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let mut pip = Command::new(venv.join("bin/pip"));
        run(pip
            .args(["install", "-q", "-r"])
            .arg(here.join("peers.txt")))?;
    }
    Ok(venv.join("bin"))
}

/// medallion, in memory: its other store is MongoDB.
pub fn medallion() -> anyhow::Result<Server> {
    let bin = peers()?;
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let collection = "91a7b528-80eb-42ed-a74d-c6fbd5a26116";
    let data = json!({
        "/discovery": {"title": "b", "default": "/trust/", "api_roots": ["/trust/"]},
        "trust": {
            "information": {"title": "b", "versions": ["application/taxii+json;version=2.1"], "max_content_length": 100_000_000},
            "status": [],
            "collections": [{"id": collection, "title": "c", "can_read": true, "can_write": true,
                "media_types": ["application/stix+json;version=2.1"], "objects": [], "manifest": []}],
        },
    });
    std::fs::write(folder.path().join("data.json"), data.to_string())?;
    let config = json!({
        "backend": {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend",
            "filename": folder.path().join("data.json")},
        "users": {"admin": "admin"}, "taxii": {"max_page_size": 1000},
    });
    let path = folder.path().join("config.json");
    std::fs::write(&path, config.to_string())?;
    let mut command = Command::new(bin.join("medallion"));
    let command = command
        .args([
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--log-level",
            "CRITICAL",
        ])
        .arg(path);
    let child = quiet(command).spawn()?;
    wait(port)?;
    Ok(Server {
        child,
        name: "medallion 3.0.0, memory",
        objects: format!("http://127.0.0.1:{port}/trust/collections/{collection}/objects/"),
        public: None,
        user: ("admin".to_owned(), "admin".to_owned()),
        keys: BTreeMap::new(),
        _folder: folder,
    })
}

/// OpenTAXII with its SQLite store, two workers.
pub fn opentaxii() -> anyhow::Result<Server> {
    let bin = peers()?;
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let store = |name: &str| format!("sqlite:///{}", folder.path().join(name).display());
    let config = format!(
        "domain: \"127.0.0.1:{port}\"\nsupport_basic_auth: yes\nauth_api:\n  class: opentaxii.auth.sqldb.SQLDatabaseAPI\n  \
         parameters:\n    db_connection: {}\n    create_tables: yes\n    secret: benchmark\n    token_ttl_secs: 36000\ntaxii1:\n\
         taxii2:\n  title: b\n  persistence_api:\n    class: opentaxii.persistence.sqldb.Taxii2SQLDatabaseAPI\n    parameters:\n      \
         db_connection: {}\n      create_tables: yes\n  max_content_length: 104857600\n  public_discovery: true\n  \
         allow_custom_properties: true\nlogging:\n  opentaxii: error\n  root: error\n",
        store("auth.db"),
        store("data.db"),
    );
    let path = folder.path().join("config.yml");
    std::fs::write(&path, config)?;
    let tool = |name: &str, args: &[&str]| -> anyhow::Result<()> {
        run(Command::new(bin.join(name))
            .args(args)
            .env("OPENTAXII_CONFIG", &path))
    };
    tool(
        "opentaxii-create-account",
        &["-u", "admin", "-p", "admin", "-a"],
    )?;
    tool("opentaxii-add-api-root", &["-t", "root", "--default"])?;
    let mut command = Command::new(bin.join("gunicorn"));
    let address = format!("127.0.0.1:{port}");
    let command = command
        .args(["-w", "2", "-b", &address, "opentaxii.http:app"])
        .env("OPENTAXII_CONFIG", &path);
    let discovery = format!("http://{address}/taxii2/");
    let root = {
        let mut first = quiet(&mut *command).spawn()?;
        wait(port)?;
        let found = read(&discovery)?;
        first.kill()?;
        first.wait()?;
        found["default"]
            .as_str()
            .context("no default root")?
            .to_owned()
    };
    let id = root
        .trim_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    tool(
        "opentaxii-add-collection",
        &[
            "-r",
            &id,
            "-t",
            "c",
            "-a",
            "c",
            "--public",
            "--public-write",
        ],
    )?;
    let child = quiet(command).spawn()?;
    wait(port)?;
    Ok(Server {
        child,
        name: "OpenTAXII 0.9.3, SQLite, 2 workers",
        objects: format!("http://{address}{root}collections/c/objects/"),
        public: None,
        user: ("admin".to_owned(), "admin".to_owned()),
        keys: BTreeMap::new(),
        _folder: folder,
    })
}

/// nginx with one file, in one worker for each processor; none where it is not installed.
pub fn nginx(bytes: &[u8]) -> anyhow::Result<Option<Server>> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    std::fs::write(folder.path().join("page"), bytes)?;
    let at = folder.path().display();
    let config = format!(
        "daemon off;\nworker_processes auto;\npid {at}/pid;\nerror_log /dev/null;\nevents {{}}\nhttp {{\n  access_log off;\n  \
         client_body_temp_path {at}/a;\n  proxy_temp_path {at}/b;\n  fastcgi_temp_path {at}/c;\n  uwsgi_temp_path {at}/d;\n  \
         scgi_temp_path {at}/e;\n  server {{ listen 127.0.0.1:{port}; root {at}; }}\n}}\n"
    );
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, config)?;
    let spawned = quiet(Command::new("nginx").arg("-c").arg(&path)).spawn();
    let Ok(child) = spawned else {
        return Ok(None);
    };
    wait(port)?;
    Ok(Some(Server {
        child,
        name: "nginx, a static file of the same bytes",
        objects: format!("http://127.0.0.1:{port}/page"),
        public: None,
        user: (String::new(), String::new()),
        keys: BTreeMap::new(),
        _folder: folder,
    }))
}

fn read(address: &str) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let request = reqwest::Client::new()
            .get(address)
            .basic_auth("admin", Some("admin"));
        let answer = request
            .header("accept", "application/taxii+json;version=2.1")
            .send()
            .await?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    })
}
