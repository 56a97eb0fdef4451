use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{Credentials, Error, Result, Secret};

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
    fn find(&self, folders: &[PathBuf]) -> Option<PathBuf> {
        let name = if cfg!(windows) { format!("{}.exe", self.program) } else { self.program.clone() };
        let absolute = folders.iter().filter(|folder| folder.is_absolute());
        absolute.map(|folder| folder.join(&name)).find(|path| path.is_file())
    }

    /// Asks for the credentials of a host; `None` if the helper knows of none. The program is looked for in `folders`, those
    /// of `PATH`.
    pub async fn get(&self, host: &str, folders: &[PathBuf]) -> Result<Option<Credentials>> {
        let fail = |reason: String| Error::Helper { program: self.program.clone(), host: host.to_owned(), reason };
        let program =
            self.find(folders).ok_or_else(|| fail("there is no such program in the folders of PATH".into()))?;
        let mut command = tokio::process::Command::new(program);
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| fail(format!("cannot be started: {error}")))?;
        if let Some(mut input) = child.stdin.take() {
            // A helper that does not read its input may still answer.
            let _ = input.write_all(host.as_bytes()).await;
        }
        let answered = async {
            let mut said = Vec::new();
            if let Some(output) = child.stdout.take() {
                output.take(LIMIT + 1).read_to_end(&mut said).await?;
            }
            Ok::<_, std::io::Error>((said, child.wait().await?))
        };
        let (said, status) = tokio::time::timeout(TIMEOUT, answered)
            .await
            .map_err(|_| fail(format!("no answer within {} s", TIMEOUT.as_secs())))?
            .map_err(|error| fail(error.to_string()))?;
        if said.len() as u64 > LIMIT {
            return Err(fail("its answer is too long".into()));
        }
        if !status.success() {
            // The protocol says "not found" in words on standard output.
            let words = String::from_utf8_lossy(&said).to_lowercase();
            let unknown = words.contains("not found") || words.contains("no credentials");
            return if unknown { Ok(None) } else { Err(fail(format!("it ended with {status}"))) };
        }
        let answer: Answer = serde_json::from_slice(&said)
            .map_err(|_| fail("its answer is not the JSON of the helper protocol".into()))?;
        Ok(match (answer.username.as_str(), answer.secret) {
            (_, secret) if secret.is_empty() => None,
            (TOKEN_USER, secret) => Some(Credentials::IdentityToken(secret)),
            (username, password) => Some(Credentials::Basic { username: username.to_owned(), password }),
        })
    }
}
