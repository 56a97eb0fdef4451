use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{Credentials, Error, Kind, Result, Secret};

/// A helper that has not answered by then is stuck, most often because it waits for a person.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Answers are a few hundred bytes; this is no place for more.
const LIMIT: u64 = 1 << 20;

/// User name that stands for "the secret is an identity token" in the helper protocol.
const TOKEN_USER: &str = "<token>";

/// A Docker credential helper: the program `docker-credential-<name>`, which speaks JSON over standard input and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    program: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    secret: Secret,
}

impl Helper {
    /// A helper by its short name. A name with anything but letters, digits, `-`, `_` and `.` is refused: it comes from a
    /// file and must not lead to a program elsewhere.
    pub fn new(name: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        (!name.is_empty() && !name.starts_with('.') && name.chars().all(plain))
            .then(|| Self { program: format!("docker-credential-{name}") })
    }

    /// Name of the program.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The program in one of some folders. Relative ones are left out, the working directory above all: it may be somebody
    /// else's.
    pub(crate) fn find(&self, folders: &[PathBuf]) -> Option<PathBuf> {
        let name = if cfg!(windows) { format!("{}.exe", self.program) } else { self.program.clone() };
        let absolute = folders.iter().filter(|folder| folder.is_absolute());
        absolute.map(|folder| folder.join(&name)).find(|path| path.is_file())
    }

    /// Asks for the credentials of a host; `None` if the helper knows of none. The program is looked for in `folders`, those
    /// of `PATH`.
    pub async fn get(&self, host: &str, folders: &[PathBuf]) -> Result<Option<Credentials>> {
        let said = self.run("get", host, host.as_bytes(), folders).await?;
        if !said.succeeded {
            return if said.is_unknown() { Ok(None) } else { Err(self.failed(host, said.status)) };
        }
        let answer: Answer = serde_json::from_slice(&said.output)
            .map_err(|_| self.failed(host, "its answer is not the JSON of the helper protocol"))?;
        Ok(match (answer.username.as_str(), answer.secret) {
            (_, secret) if secret.is_empty() => None,
            (TOKEN_USER, secret) => Some(Credentials::IdentityToken(secret)),
            (username, password) => Some(Credentials::Basic { username: username.to_owned(), password }),
        })
    }

    /// Gives the helper the credentials of a host to keep.
    pub async fn store(&self, host: &str, credentials: &Credentials, folders: &[PathBuf]) -> Result<()> {
        let (username, secret) = match credentials {
            Credentials::Basic { username, password } => (username.as_str(), password),
            Credentials::IdentityToken(token) => (TOKEN_USER, token),
            Credentials::AccessToken(_) => return Err(self.failed(host, "the helper protocol has no access tokens")),
        };
        let input = serde_json::json!({"ServerURL": host, "Username": username, "Secret": secret.reveal()});
        let said = self.run("store", host, input.to_string().as_bytes(), folders).await?;
        if said.succeeded { Ok(()) } else { Err(self.failed(host, said.status)) }
    }

    /// Has the helper forget the credentials of a host; false if it had none.
    pub async fn erase(&self, host: &str, folders: &[PathBuf]) -> Result<bool> {
        let said = self.run("erase", host, host.as_bytes(), folders).await?;
        match said.succeeded {
            false if !said.is_unknown() => Err(self.failed(host, said.status)),
            succeeded => Ok(succeeded),
        }
    }

    fn failed(&self, host: &str, reason: impl std::fmt::Display) -> Error {
        Error::new(Kind::Denied, format_args!("credential helper {} failed for {host}", self.program), reason)
    }

    async fn run(&self, verb: &str, host: &str, input: &[u8], folders: &[PathBuf]) -> Result<Said> {
        let program =
            self.find(folders).ok_or_else(|| self.failed(host, "there is no such program in the folders of PATH"))?;
        let mut command = tokio::process::Command::new(program);
        // What a helper says on its standard error may hold what it keeps.
        command.arg(verb).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child =
            command.spawn().map_err(|error| self.failed(host, format_args!("cannot be started: {error}")))?;
        let answered = async {
            if let Some(mut stdin) = child.stdin.take() {
                // A helper that does not read its input may still answer.
                let _ = stdin.write_all(input).await;
            }
            let mut said = Vec::new();
            if let Some(output) = child.stdout.take() {
                output.take(LIMIT + 1).read_to_end(&mut said).await?;
            }
            Ok::<_, std::io::Error>((said, child.wait().await?))
        };
        let (output, status) = tokio::time::timeout(TIMEOUT, answered)
            .await
            .map_err(|_| self.failed(host, format_args!("no answer within {} s", TIMEOUT.as_secs())))?
            .map_err(|error| self.failed(host, error))?;
        if output.len() as u64 > LIMIT {
            return Err(self.failed(host, "its answer is too long"));
        }
        Ok(Said { output, succeeded: status.success(), status: format!("it ended with {status}") })
    }
}

/// What a helper said.
struct Said {
    output: Vec<u8>,
    succeeded: bool,
    status: String,
}

impl Said {
    /// The protocol says "not found" in words on standard output.
    fn is_unknown(&self) -> bool {
        let words = String::from_utf8_lossy(&self.output).to_lowercase();
        words.contains("not found") || words.contains("no credentials")
    }
}
