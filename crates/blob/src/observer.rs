/// One thing that a verb works on, for progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Item {
    /// What a person calls it: `acme.org/product:1.0.0 image[ociImage]`.
    pub name: String,
    /// What is being done with it: `copy`, `pack`, `download`.
    pub action: String,
    /// How many bytes it has, if that is known.
    pub bytes: Option<u64>,
}

/// How an item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Completed,
    /// There was nothing to do.
    Present,
    /// It failed; the verb's error says why.
    Failed,
}

/// Is told what is being done and how many bytes have moved. Methods are called from several threads and must not block.
pub trait Observer: Send + Sync {
    /// Work on an item begins.
    fn started(&self, _item: &Item) {}

    /// So many more bytes of content have been moved.
    fn moved(&self, _bytes: u64) {}

    /// Work on an item has ended.
    fn ended(&self, _item: &Item, _outcome: Outcome) {}

    /// Something a person should know although the work goes on.
    fn warned(&self, _message: &str) {}
}

/// Watches nothing.
pub struct Unobserved;

impl Observer for Unobserved {}
