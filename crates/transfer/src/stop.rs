use std::sync::Arc;

use tokio::sync::watch;

use crate::Error;

/// Stops transfers in order: what is under way is given up, nothing more becomes visible, and the report says what was done.
///
/// Clones stop the same transfers.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Asks transfers to stop. Returns whether there are any that will tell what they did; there is nothing to wait for
    /// otherwise.
    pub fn stop(&self) -> bool {
        self.0.send_replace(true);
        self.0.receiver_count() > 0
    }

    /// Whether it was asked for.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when it is asked for. Whoever holds this promises to end soon then.
    pub fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let mut asked = self.0.subscribe();
        async move {
            if asked.wait_for(|is_asked| *is_asked).await.is_err() {
                // Nobody is left who could ask.
                std::future::pending::<()>().await;
            }
        }
    }

    /// What a transfer that was stopped ends with.
    pub fn error() -> Error {
        let hint = "the same transfer again goes on where this one stopped".to_owned();
        Error::Target { reason: "the transfer was interrupted".to_owned(), hints: vec![hint] }
    }
}
