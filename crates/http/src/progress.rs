use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::time::Instant;

use crate::Timeouts;
use crate::gate::Permit;
use crate::request::{Body, BodyStream, BoxError};
use crate::response::PAUSED;

/// How often to look again while there is no limit.
const LOOK: Duration = Duration::from_secs(1);

/// Which side has to act next while a request is being sent.
#[derive(Clone, Copy)]
enum Turn {
    /// The connection is being made.
    Connect,
    /// The transport has bytes to send.
    Transport,
    /// The content's source has to give bytes; no fault of the other side, however long it takes.
    Source,
    /// Everything is sent, the other side has to answer.
    Answer,
}

struct State {
    turn: Turn,
    since: Instant,
    error: Option<BoxError>,
}

/// How far a request has come; shared between the content that is being sent and the watch over it.
#[derive(Clone)]
pub(crate) struct Progress {
    state: Arc<Mutex<State>>,
    permit: Arc<Permit>,
}

impl Progress {
    pub(crate) fn start(body: &Body, permit: Arc<Permit>) -> Self {
        let turn = if matches!(body, Body::Stream { .. } | Body::File { .. }) { Turn::Connect } else { Turn::Answer };
        Self { state: Arc::new(Mutex::new(State { turn, since: Instant::now(), error: None })), permit }
    }

    fn pass(&self, turn: Turn) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.turn, state.since) = (turn, Instant::now());
    }

    /// The error of the source, if that is what ended the request.
    pub(crate) fn take_error(&self) -> Option<BoxError> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).error.take()
    }

    /// Ends when the other side has been silent for too long.
    pub(crate) async fn stalled(&self, timeouts: &Timeouts, sends: bool) {
        loop {
            let deadline = {
                let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let patience = match state.turn {
                    Turn::Transport => Some(timeouts.stall),
                    Turn::Source => None,
                    Turn::Answer if sends => Some(timeouts.commit),
                    Turn::Connect | Turn::Answer => {
                        Some(timeouts.connect.saturating_add(timeouts.handshake).saturating_add(timeouts.answer))
                    }
                };
                patience.and_then(|patience| state.since.checked_add(patience))
            };
            match deadline {
                Some(deadline) if deadline <= Instant::now() => return,
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// The content from its source. While the source has nothing, others may use the place at the gate.
    pub(crate) fn lend(&self, stream: BodyStream) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + use<> {
        let (mut stream, permit) = (stream, self.permit.clone());
        futures_util::stream::poll_fn(move |context| {
            let polled = stream.poll_next_unpin(context);
            match polled {
                Poll::Pending => permit.spare(PAUSED),
                Poll::Ready(_) => permit.busy(),
            }
            polled
        })
    }

    /// The content, reporting here while it is read.
    pub(crate) fn watch(&self, stream: BodyStream) -> ReportingBody {
        ReportingBody { stream, progress: self.clone() }
    }
}

/// Content on its way to the other side, which says how far it has come.
pub(crate) struct ReportingBody {
    stream: BodyStream,
    progress: Progress,
}

impl Stream for ReportingBody {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.stream.poll_next_unpin(context);
        match polled {
            Poll::Pending => {
                self.progress.pass(Turn::Source);
                Poll::Pending
            }
            Poll::Ready(None) => {
                self.progress.pass(Turn::Answer);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(chunk))) => {
                self.progress.pass(Turn::Transport);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(error))) => {
                let shown = error.to_string();
                self.progress.state.lock().unwrap_or_else(PoisonError::into_inner).error = Some(error);
                Poll::Ready(Some(Err(shown.into())))
            }
        }
    }
}
