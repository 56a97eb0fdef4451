use std::time::Duration;

/// A way in which a registry differs from the specification, or uses a freedom that clients do not expect.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Quirk {
    /// No referrers API: 404, and manifests with a subject are stored without a word about it.
    NoReferrers,
    /// Nothing is mounted; the answer is always a new upload.
    NoMount,
    /// A blob sent with the first `POST` is ignored; the answer is a new upload.
    NoSinglePost,
    /// `HEAD` is refused with 405.
    NoHead,
    /// `Range` is ignored; the whole blob comes.
    NoRange,
    /// No list of repositories: 404.
    NoCatalog,
    /// Nothing can be deleted: 405.
    NoDelete,
    /// At most so many tags come at once, with a `Link` to the next page.
    TagsPage(usize),
    /// A token from the token endpoint is needed for everything.
    Token {
        /// How long a token is valid.
        lifetime: Duration,
        /// User and password that the token endpoint asks for; without, everybody gets a token.
        user: Option<(String, String)>,
    },
    /// User and password are needed for everything.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// Blobs are not sent but found at the storage (307).
    RedirectBlobs,
    /// Uploads are to be sent to the storage.
    ForeignLocation,
    /// The location of an upload is a whole address, not only a path.
    AbsoluteLocation,
    /// The location of an upload has a parameter without which it is refused (the specification's *critical query
    /// parameters*); its value is new after every request.
    LocationParameter,
    /// Chunks of an upload must have so many bytes, except the last one.
    ChunkMinimum(u64),
    /// Chunked uploads are refused with 405: a blob comes in one `PUT` or not at all.
    NoChunks,
    /// Answers have no `Docker-Content-Digest`.
    NoDigestHeader,
}
