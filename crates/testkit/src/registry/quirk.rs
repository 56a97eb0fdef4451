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
    /// A blob that does not have the digest it was sent with is said to be stored all the same: 201.
    NoDigestCheck,
    /// An index is taken without what it lists.
    SparseIndexes,
    /// A pause before every 16 KiB of an upload that is taken.
    SlowUploads(Duration),
    /// Answers have no `Docker-Content-Digest`.
    NoDigestHeader,
    /// Pushing to any other repository fails: 404 `NAME_UNKNOWN` (ECR, where nobody asked for another way).
    RepositoryMustExist(Vec<String>),
    /// A repository is made by the first attempt to push into it, which is refused: 404 `NAME_UNKNOWN` (ECR with a template).
    MadeOnPush,
    /// Repositories are in these projects; there are no others: 403 (Harbor).
    Projects(Vec<String>),
    /// A tag stays where it is, even if it is to be moved to where it is: 400 (ECR, Harbor).
    ImmutableTags,
    /// So many requests of one method in one second, the others get 429 with `Retry-After` (GHCR, ECR).
    RequestsPerSecond(u64),
    /// So many manifests can be read with `GET`; `HEAD` is free. Answers tell what is left (Docker Hub).
    Metered(u64),
    /// The connection breaks when a request of an upload has more bytes (ACR, proxies in front of registries).
    LargestRequest(u64),
    /// Of an upload in several chunks one is kept, as its `Range` says (GHCR).
    LastChunkOnly,
    /// A blob that is not there is a server error: 500 (old versions of distribution).
    MissingBlobBreaks,
    /// Docker's manifests are refused: 415 (zot without compatibility).
    NoDockerTypes,
    /// An index within an index is refused (GCR).
    NoNestedIndex,
    /// Images whose configuration has another type are refused (Quay).
    AllowedTypes(Vec<String>),
    /// An OCI index that lists manifests of Docker is refused (Quay).
    StrictIndexes,
    /// A manifest about another one is refused before that one is there (Harbor).
    SubjectFirst,
    /// The next page of a list is at an address with parameters of the registry's own (Quay, Artifactory).
    OpaquePages,
    /// Lists of tags have entries that are no tags (Artifactory).
    DigestTags,
    /// The token endpoint is at the storage's address (Docker Hub, GitLab).
    TokensElsewhere,
    /// The token endpoint takes nothing but this refresh token in a `POST` (ACR).
    TokenExchange(String),
}
