//! The real binary as a test sees it: started on a free port in a folder of its own, asked over
//! HTTP, signalled, killed, started again.
//!
//! What it prints is in [`Server::output`] when a test wants to know more.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]
#![expect(dead_code, reason = "every test file compiles this module and uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything that works ever takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const KEY: &str = "phk_test_0123456789_0123456789_0123456789";

/// A command of the real binary, with nothing of this process's settings.
pub fn posthaste(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("POSTHASTE_") || name.starts_with("PH_") || name == "NO_COLOR" {
            command.env_remove(name);
        }
    }
    command
}

/// What a command printed, and its exit code.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn expect_code(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The lines of stdout as JSON, one each.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The only line of stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "{}", self.stdout);
        lines.remove(0)
    }
}

/// Runs a command to its end, `stdin` given to it.
pub fn run_with_stdin(mut command: Command, stdin: &[u8]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that fails at once need not read it.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    Ran::of(child.wait_with_output().unwrap())
}

pub fn run(arguments: &[&str]) -> Ran {
    Ran::of(posthaste(arguments).output().unwrap())
}

/// How a server is started. `..Options::default()` for the rest.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub dev: bool,
    /// Further flags of `posthaste serve`.
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
}

/// A running server. Killed, and its folder removed, when it is dropped.
pub struct Server {
    child: Child,
    options: Options,
    /// `None` while it is being started again.
    folder: Option<TempDir>,
    pub url: String,
    /// Everything it has printed, stdout and stderr.
    pub output: Arc<Mutex<String>>,
}

impl Server {
    /// With `--dev` and [`KEY`].
    pub fn dev() -> Server {
        Server::start(Options { dev: true, ..Options::default() })
    }

    pub fn start(options: Options) -> Server {
        Server::start_in(tempfile::tempdir().unwrap(), options)
    }

    /// On a folder that exists: the data of an earlier server, if [`Server::into_folder`] gave it.
    pub fn start_in(folder: TempDir, options: Options) -> Server {
        let (child, url, output) = spawn(folder.path(), &options);
        Server { child, options, folder: Some(folder), url, output }
    }

    /// Where its data lies.
    pub fn data(&self) -> PathBuf {
        data_in(self.folder.as_ref().expect("only gone while restarting").path())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// SIGTERM. Does not wait.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Any signal by its name, such as `INT`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        // Without `unsafe`, a signal other than KILL needs the shell's kill.
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
        assert!(sent.unwrap().success(), "kill -{name} {pid}");
    }

    /// Waits until it has ended; fails the test after [`PATIENCE`].
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the server ends", || self.child.try_wait().unwrap())
    }

    /// SIGTERM, and waits for it to end well.
    #[track_caller]
    pub fn stop(&mut self) {
        self.terminate();
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.output.lock().unwrap());
    }

    /// Starts again on the same folder, after [`Server::kill`] or [`Server::stop`] or by killing.
    /// The port, and with it `url`, is another one.
    pub fn restart(&mut self) {
        self.kill();
        let folder = self.folder.take().expect("only gone in here");
        let (child, url, output) = spawn(folder.path(), &self.options);
        (self.child, self.url, self.output, self.folder) = (child, url, output, Some(folder));
    }

    /// Ends the server and keeps its folder, for [`Server::start_in`] with other options.
    pub fn into_folder(mut self) -> TempDir {
        self.kill();
        self.folder.take().expect("only gone while restarting")
    }

    /// A command line that talks to this server as its platform.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = posthaste(arguments);
        command.env("PH_URL", &self.url).env("PH_KEY", KEY).current_dir(self.data());
        command
    }

    /// Runs such a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// A request with [`KEY`]. Fails the test if there is no answer.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let body = body.map(Value::to_string).unwrap_or_default();
        let authorization = format!("Bearer {KEY}");
        let mut headers = vec![("authorization", authorization.as_str())];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        http(method, &format!("{}{path}", self.url), &headers, body.as_bytes()).unwrap()
    }

    /// A GET that must succeed.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.request("GET", path, None).expect_success().json()
    }

    /// A POST that must succeed.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", path, Some(body)).expect_success().json()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn data_in(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn spawn(folder: &Path, options: &Options) -> (Child, String, Arc<Mutex<String>>) {
    let mut command = posthaste(&["serve", "--listen", "127.0.0.1:0", "--color", "never"]);
    command.arg("--data").arg(data_in(folder)).current_dir(folder);
    if options.dev {
        command.arg("--dev");
    }
    command.args(&options.arguments).env("POSTHASTE_API_KEY", KEY);
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = Arc::new(Mutex::new(String::new()));
    let lines = follow(child.stdout.take().unwrap(), output.clone());
    drop(follow(child.stderr.take().unwrap(), output.clone()));
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                if let Some(url) = line.strip_prefix("listening on ") {
                    return (child, url.to_owned(), output);
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let _ = child.kill();
                let status = child.wait();
                panic!("the server did not start ({status:?}): {}", output.lock().unwrap());
            }
        }
    }
}

/// Keeps what is printed, and hands each line on to whoever still listens.
fn follow(pipe: impl Read + Send + 'static, output: Arc<Mutex<String>>) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            output.lock().unwrap().push_str(&format!("{line}\n"));
            let _ = sender.send(line);
        }
    });
    lines
}

/// Asks again and again until there is an answer; fails the test after [`PATIENCE`].
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "waits for another process, whose time is real")]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    const PAUSE: Duration = Duration::from_millis(20);
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("not within {PATIENCE:?}: {what}");
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn expect_success(self) -> Response {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self
    }
}

/// One request on a connection of its own. An error where the server is gone, or goes away before
/// its answer is complete.
pub fn http(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Response> {
    let rest = url.strip_prefix("http://").expect("an http URL");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    #[expect(clippy::disallowed_methods, reason = "a test's own client, to a server of its own")]
    let mut connection = TcpStream::connect(host)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    connection.write_all(head.as_bytes())?;
    connection.write_all(body)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

fn parse(answer: &[u8]) -> Option<Response> {
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..head_end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let header = |wanted: &str| {
        headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    let rest = &answer[head_end + 4..];
    let body = if header("transfer-encoding") == Some("chunked") {
        unchunked(rest)?
    } else {
        let length: usize =
            header("content-length").map_or(Some(rest.len()), |l| l.parse().ok())?;
        rest.get(..length)?.to_vec()
    };
    Some(Response { status, headers, body })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line_end]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        rest = rest.get(line_end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
