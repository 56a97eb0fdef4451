use ocm_blob::Digest;
use ocm_http::{Method, StatusCode};

use super::RemoteRepository;
use super::scope::Scope;
use crate::{Kind, Result};

impl RemoteRepository {
    /// Asks the registry to take a blob over from another of its repositories.
    ///
    /// The answer "no" opens an upload all the same (distribution specification, *Mounting a blob*), which is kept for
    /// the push that follows: the attempt then stood in for the question whether the blob exists and costs no request.
    pub(super) async fn mount_from(&self, digest: &Digest, from: &str) -> Result<bool> {
        let known = &self.connection().known;
        let turn = known.turn(self.name(), digest);
        let _turn = turn.lock().await;
        if known.size(self.name(), digest).is_some() {
            return Ok(true);
        }
        if from == self.name() || !known.mounts() {
            return Ok(false);
        }
        let mut request = self.request(Method::POST, "blobs/uploads/")?;
        request.url_mut().query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
        let scope = self.push_scope().and(&Scope::pull(from));
        let response = match self.send(request, &scope).await {
            Ok(response) => response,
            // Whoever may not read the other repository cannot mount from it, but may still push.
            Err(error) if error.kind() == Kind::Denied => {
                known.mount_answered(false);
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        match response.status() {
            StatusCode::CREATED => {
                known.mount_answered(true);
                let size = known.size(from, digest);
                if let Some(size) = size {
                    known.learn(self.name(), digest, size);
                }
                Ok(true)
            }
            StatusCode::ACCEPTED => {
                known.mount_answered(false);
                let session = self.session(&response, None)?;
                known.keep_session(self.name(), digest, session);
                Ok(false)
            }
            _ => {
                known.mount_answered(false);
                Ok(false)
            }
        }
    }
}
