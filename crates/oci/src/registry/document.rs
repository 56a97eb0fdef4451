use bytes::Bytes;
use ocm_http::{Response, Retry};

use crate::{Error, Kind, Result};

/// Documents that are read into memory: one whose answer breaks off in its middle is asked for again.
pub(super) struct Attempts {
    retry: Retry,
    made: u32,
}

impl Attempts {
    pub(super) fn new(retry: Retry) -> Self {
        Self { retry, made: 0 }
    }

    /// Reads an answer to its end; `None` means to ask again, after a wait that is over. `broken` names what is being read.
    pub(super) async fn read(
        &mut self,
        response: Response,
        limit: u64,
        broken: impl FnOnce(ocm_http::Error) -> Error,
    ) -> Result<Option<Bytes>> {
        let url = ocm_http::redacted(response.url());
        let error = match response.bytes(limit).await {
            Ok(content) => return Ok(Some(content)),
            Err(error) => broken(error),
        };
        let wait = self.retry.wait(self.made).filter(|_| error.kind() == Kind::Unavailable);
        let Some(wait) = wait else { return Err(error) };
        self.made += 1;
        tracing::info!(url, cause = error.reason(), ?wait, attempt = self.made, "trying again");
        tokio::time::sleep(wait).await;
        Ok(None)
    }
}
