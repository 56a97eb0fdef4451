use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Work that outlives whoever wanted it done: what was begun elsewhere and is given up has to be taken back there, also by
/// a future that is dropped.
pub(crate) struct Errands(watch::Sender<usize>);

impl Default for Errands {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

/// Counts an errand until it is done, or is given up itself.
struct Running(watch::Sender<usize>);

impl Running {
    fn begin(errands: &Errands) -> Self {
        errands.0.send_modify(|count| *count += 1);
        Self(errands.0.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Errands {
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Without a runtime there is nobody to do it: the process is ending.
        let Ok(runtime) = Handle::try_current() else { return };
        let running = Running::begin(self);
        runtime.spawn(async move {
            work.await;
            drop(running);
        });
    }

    pub(crate) async fn done(&self, limit: Duration) {
        let mut count = self.0.subscribe();
        // The sender lives as long as this value.
        let _ = tokio::time::timeout(limit, count.wait_for(|count| *count == 0)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn errands_are_waited_for_and_not_for_ever() {
        let errands = Errands::default();
        let begin = tokio::time::Instant::now();
        errands.done(Duration::from_secs(9)).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
        errands.run(tokio::time::sleep(Duration::from_secs(2)));
        errands.run(tokio::time::sleep(Duration::from_secs(1)));
        errands.done(Duration::from_secs(9)).await;
        assert_eq!(begin.elapsed().as_secs(), 2);
        errands.run(std::future::pending());
        errands.done(Duration::from_secs(9)).await;
        assert_eq!(begin.elapsed().as_secs(), 11);
    }

    #[test]
    fn without_a_runtime_nothing_is_begun() {
        Errands::default().run(async {});
    }
}
