//! Signals that ask the program to end.

use std::future::Future;

use crate::exit::Failure;

/// Ends when the program is asked to end: Ctrl-C, a terminal that goes away, or the signal of service managers.
///
/// From the call on, before anything has been opened, these no longer kill the program. What does not end when it is
/// dropped, such as a file that waits for a writer, is not waited for: the second signal ends the program at once, and
/// so does the first one after a while. Signals have a thread of their own, because all others may be stuck.
///
/// # Errors
/// There is no such thread.
#[cfg(unix)]
pub(super) fn interruption() -> Result<impl Future<Output = ()>, Failure> {
    use std::io;
    use std::time::Duration;

    use tokio::signal::unix::{SignalKind, signal};

    use crate::exit::{Exit, end_at_once};

    /// How long the program has to end in order after the first signal.
    const PATIENCE: Duration = Duration::from_secs(5);

    let failed = |error: io::Error| Failure::new(Exit::Failed, format!("cannot listen for signals: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    if !ignores_hangup() {
        kinds.push(SignalKind::hangup());
    }
    let signals = {
        let _guard = runtime.enter();
        kinds.into_iter().map(signal).collect::<io::Result<Vec<_>>>()
    };
    let mut signals = signals.map_err(failed)?;
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        /// A file became larger than `ulimit -f` allows: 25 on all processors but MIPS.
        const FILE_SIZE: i32 = 25;
        let _guard = runtime.enter();
        // The handler stays, and writing fails with a message in place of the program with half-written files.
        drop(signal(SignalKind::from_raw(FILE_SIZE)).map_err(failed)?);
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let listen = move || {
        runtime.block_on(async {
            let mut next = async || {
                std::future::poll_fn(|context| {
                    let is_ready = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
                    if is_ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
                })
                .await;
            };
            next().await;
            // Whoever no longer listens is ending already.
            let _ = sender.send(());
            let _ = tokio::time::timeout(PATIENCE, next()).await;
            end_at_once(Exit::Interrupted)
        })
    };
    std::thread::Builder::new().name("signals".into()).spawn(listen).map_err(failed)?;
    Ok(async move {
        if receiver.await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Whether the program was started with `nohup`, which a handler for the signal would undo.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // A mask whose lowest bit is signal 1, the hangup.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Ends when the program is asked to end.
#[cfg(not(unix))]
pub(super) fn interruption() -> Result<impl Future<Output = ()>, Failure> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
