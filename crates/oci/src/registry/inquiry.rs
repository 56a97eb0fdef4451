use ocm_http::{Request, Response, Url, same_origin};

use super::RemoteRepository;
use crate::{Kind, Result};

/// What a request of one's own is for: what the registry is asked to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inquiry {
    /// To read.
    Pull,
    /// To write.
    Push,
    /// To remove.
    Delete,
}

impl RemoteRepository {
    /// The address of something below the repository's own path: `tags/list?n=1`, `blobs/uploads/`.
    ///
    /// # Errors
    /// The repository's name is none.
    pub fn address_of(&self, path: &str) -> Result<Url> {
        Ok(self.request(ocm_http::Method::GET, path)?.url().clone())
    }

    /// Sends a request of one's own to the registry, with the authorization for this repository. Whatever is answered,
    /// but for missing authorization, is a success; nothing of it is remembered. For looking into what a registry can do.
    ///
    /// # Errors
    /// There is no answer, authorization is refused, or the request leads to somebody else.
    pub async fn ask(&self, request: Request, purpose: Inquiry) -> Result<Response> {
        if !same_origin(&self.address_of("")?, request.url()) {
            return Err(self.error(Kind::Denied, "a request with authorization would leave the registry"));
        }
        let scope = match purpose {
            Inquiry::Pull => self.pull_scope(),
            Inquiry::Push => self.push_scope(),
            Inquiry::Delete => self.delete_scope(),
        };
        self.send(request, &scope).await
    }
}
