use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// Longest line in bytes; the rest of a longer one is thrown away.
const LONGEST: usize = 64 * 1024;

/// Lines of what a program says, in constant memory.
pub(crate) struct Lines<R>(BufReader<R>);

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(output: R) -> Self {
        Self(BufReader::new(output))
    }

    /// The next line; `None` at the end, and when the program cannot be read any more.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let chunk = self.0.fill_buf().await.ok()?;
            if chunk.is_empty() {
                return (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned());
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = &chunk[..end.unwrap_or(chunk.len())];
            line.extend_from_slice(&taken[..taken.len().min(LONGEST - line.len())]);
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.0.consume(used);
            if end.is_some() {
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_lines_are_cut() {
        let text = format!("a\n{}\nlast", "x".repeat(3 * LONGEST));
        let mut lines = Lines::new(text.as_bytes());
        assert_eq!(lines.next().await.unwrap(), "a");
        assert_eq!(lines.next().await.unwrap().len(), LONGEST);
        assert_eq!(lines.next().await.unwrap(), "last");
        assert_eq!(lines.next().await, None);
    }
}
