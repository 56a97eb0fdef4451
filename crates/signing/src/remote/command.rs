use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use ocm_model::descriptor::SignatureValue;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::Known;
use crate::error::{Kind, malformed};
use crate::rsa::Algorithm;
use crate::{Error, Result, SignedDigest, Signer};
use ocm_blob::hex;

/// A program may ask a person to touch a key; after this it is stuck.
const TIMEOUT: Duration = Duration::from_mins(5);
/// Largest answer in bytes: a signature and a few certificates.
const LIMIT: u64 = 1 << 20;

/// Signs by starting a program, without a shell.
///
/// The program reads one JSON object, `{"algorithm": …, "digest": {"hashAlgorithm": …, "value": …}}` with the digest in hexadecimal
/// digits, and prints another, the stored form of the signature: `{"algorithm": …, "mediaType": …, "value": …}`. What it writes to
/// its standard error is for people.
pub struct CommandSigner {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The algorithm that is asked for.
    pub algorithm: Algorithm,
    /// What is known of its key.
    pub known: Known,
}

impl CommandSigner {
    async fn ask(&self, question: &[u8]) -> Result<Vec<u8>> {
        let failed = |reason: String| Error::new(Kind::Unavailable, reason);
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| failed(format!("cannot be started: {error}")))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let talk = async {
            if let Some(mut input) = input {
                // A program that does not read may still answer.
                let _ = input.write_all(question).await;
            }
            let mut said = Vec::new();
            if let Some(output) = output {
                output.take(LIMIT + 1).read_to_end(&mut said).await?;
            }
            if said.len() as u64 > LIMIT {
                return Ok((said, None));
            }
            Ok::<_, std::io::Error>((said, Some(child.wait().await?)))
        };
        let ended = tokio::time::timeout(TIMEOUT, talk).await;
        let ended = ended.map_err(|_| failed(format!("no answer within {} seconds", TIMEOUT.as_secs())))?;
        match ended.map_err(|error| failed(error.to_string()))? {
            (said, Some(status)) if status.success() => Ok(said),
            (_, Some(status)) => Err(failed(format!("ended with {status}"))),
            (_, None) => Err(failed("its answer is too long".into())),
        }
    }
}

#[async_trait]
impl Signer for CommandSigner {
    async fn sign(&self, digest: &SignedDigest) -> Result<SignatureValue> {
        let about = |error: Error| error.about(format!("signing program {}", self.program.display()));
        let question = json!({
            "algorithm": self.algorithm.name(),
            "digest": {"hashAlgorithm": digest.hash().name(), "value": hex::encode(digest.bytes())},
        });
        let said = self.ask(question.to_string().as_bytes()).await.map_err(about)?;
        let answer: SignatureValue = serde_json::from_slice(&said)
            .map_err(|error| about(malformed(format!("its answer is no signature in JSON: {error}"))))?;
        self.known.check(digest, self.algorithm, &answer).map_err(about)?;
        Ok(answer)
    }
}
