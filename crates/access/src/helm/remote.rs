use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Digest, read_to_end, verified};
use ocm_http::{Client, Handshake, HeaderValue, Method, Reach, Request, Url, same_origin};
use ocm_model::TypedObject;
use ocm_model::access::Access;
use ocm_oci::{Descriptor, Error, ImageReference, Kind, Repository};

use super::artifact::{LARGEST_CHART, PROVENANCE, artifact, chart_layer};
use super::index::{Entry, INDEX_LIMIT, Index};
use crate::fetch::{Fetch, address, authority, client, good, unanswered};
use crate::github::with_member;
use crate::{Content, Properties, Result, Sources, consumer};

/// Largest provenance file in bytes.
const PROVENANCE_LIMIT: u64 = 1 << 20;

/// How registries stand in front of an address, and how the address of an image is written that says the same.
const REGISTRIES: [(&str, &str); 2] = [("oci://", "oci://"), ("oci+http://", "http://")];

/// A chart somewhere on the network.
#[derive(Clone, Debug, Default)]
pub struct Remote {
    /// Address of the repository, `oci://` for a registry, `oci+http://` for one without TLS.
    pub repository: String,
    /// Name of the chart, or of its packed file.
    pub chart: String,
    /// Version, or a constraint on it; none for the newest.
    pub version: Option<String>,
    /// A certificate authority (PEM) that is trusted beside those of the system.
    pub authority: Option<String>,
    /// OpenPGP keys, one of which has to have signed the provenance file of the chart.
    pub keyring: Option<String>,
}

/// What was found in an index, or is an address in itself.
struct Found {
    client: Client,
    /// Where credentials may go.
    base: Url,
    credentials: Option<HeaderValue>,
    handshake: Handshake,
    url: Url,
    digest: Option<Digest>,
    reach: Reach,
    version: Option<String>,
}

impl Remote {
    /// What an access names: `helmRepository`, `helmChart` (`name`, `name:version`, or a file), `version`, which goes first,
    /// `caCert`, `keyring`.
    pub(crate) fn of(access: &TypedObject) -> Result<Self> {
        let Access::Helm { repository, chart, version } = Access::of(access) else {
            return Err(Error::new(Kind::Malformed, &access.kind, "is no access to a chart"));
        };
        if repository.is_empty() || chart.is_empty() {
            return Err(Error::new(Kind::Malformed, "helm", "the access needs helmRepository and helmChart"));
        }
        let (chart, own) = match chart.split_once(':') {
            Some((chart, own)) => (chart.to_owned(), Some(own.to_owned())),
            None => (chart, None),
        };
        let text = |key: &str| access.text(key).filter(|text| !text.trim().is_empty()).map(str::to_owned);
        let version = version.or(own).filter(|version| !version.is_empty());
        Ok(Self { repository, chart, version, authority: text("caCert"), keyring: text("keyring") })
    }

    /// An address that names everything: of a packed chart, `https://host/path/chart:version` of a repository
    /// with an index, or `oci://host/path/chart:tag`.
    pub fn at(text: &str) -> Self {
        let (base, last) = text.rsplit_once('/').unwrap_or(("", text));
        let (chart, version) = match last.split_once(':') {
            Some((chart, version)) => (chart, Some(version.to_owned())),
            None => (last, None),
        };
        Self { repository: base.to_owned(), chart: chart.to_owned(), version, ..Self::default() }
    }

    /// Whether it lies in a registry.
    pub fn is_oci(&self) -> bool {
        REGISTRIES.iter().any(|(scheme, _)| self.repository.starts_with(scheme))
    }

    /// Whether the address of a repository begins with a scheme that is known.
    pub fn is_address(repository: &str) -> bool {
        let mut schemes = ["https://", "http://"].into_iter().chain(REGISTRIES.map(|(scheme, _)| scheme));
        schemes.any(|scheme| repository.starts_with(scheme))
    }

    fn subject(&self) -> String {
        format!("chart {} of {}", self.chart, ocm_http::redacted(&self.repository))
    }

    fn image(&self) -> Result<ImageReference> {
        let tag = self.version.as_ref().map(|version| {
            if version.starts_with("sha256:") {
                format!("@{version}")
            } else {
                format!(":{}", version.replace('+', "_"))
            }
        });
        let known = REGISTRIES.iter().find_map(|(scheme, of_images)| {
            Some(format!("{of_images}{}", self.repository.strip_prefix(scheme)?.trim_end_matches('/')))
        });
        let repository = known.unwrap_or_else(|| self.repository.trim_end_matches('/').to_owned());
        format!("{repository}/{}{}", self.chart, tag.unwrap_or_default()).parse()
    }

    /// Fetches the chart: from a registry as the artifact it is there, else as the artifact that Helm would make of it.
    ///
    /// # Errors
    /// There is no such chart or version, or its bytes are not those that the index promises.
    pub async fn open(&self, sources: &dyn Sources) -> Result<Content> {
        if self.is_oci() {
            let image = self.image()?;
            let source = sources.charts(&image).await?;
            let root = source.resolve(&image.selector()).await?;
            let root = root.ok_or_else(|| Error::not_found(format!("chart {image}")))?;
            if self.keyring.is_some() {
                let chart = chart_layer(&source, &root).await?;
                let chart =
                    chart.ok_or_else(|| Error::invalid(&image, "is no chart, and its access names a keyring"))?;
                let provenance = attached_provenance(&source, &root).await?;
                self.prove(&image.to_string(), provenance.as_deref(), &chart, sources).await?;
            }
            return Ok(Content::Image { source, root });
        }
        let found = self.find(sources).await?;
        let subject = ocm_http::redacted(&found.url);
        let packed = found.get(&found.url).document(LARGEST_CHART).await?;
        let digest = Digest::of(&packed);
        if let Some(promised) = found.digest.as_ref().filter(|promised| **promised != digest) {
            let reason = format!("has digest {digest}, but the index of the repository records {promised}");
            return Err(Error::invalid(subject, reason));
        }
        let provenance = found.provenance().await?;
        self.prove(&subject, provenance.as_deref(), &digest, sources).await?;
        artifact(&subject, packed, provenance).await
    }

    /// Compares a chart with its provenance file, which has to be signed by a key of the keyring if there is one.
    async fn prove(
        &self,
        subject: &str,
        provenance: Option<&[u8]>,
        digest: &Digest,
        sources: &dyn Sources,
    ) -> Result<()> {
        let text = match (provenance, &self.keyring) {
            (None, None) => return Ok(()),
            (Some(text), None) => String::from_utf8_lossy(text).into_owned(),
            (None, Some(_)) => {
                let reason = "has no provenance file beside it, but the access names a keyring to check it with";
                return Err(Error::invalid(subject, reason));
            }
            // Only what was signed counts, and not what somebody wrote around it.
            (Some(text), Some(keyring)) => {
                let checked = sources.signed_text(text, keyring.as_bytes()).await;
                checked.map_err(|error| error.on(&format!("provenance file of {subject}:")))?
            }
        };
        if text.contains(&digest.to_string()) {
            return Ok(());
        }
        Err(Error::invalid(subject, format!("its provenance file does not name its digest {digest}")))
    }

    async fn find(&self, sources: &dyn Sources) -> Result<Found> {
        let base = address(&format!("{}/", self.repository.trim_end_matches('/')), "helmRepository")?;
        let client = client(sources, &base)?;
        let mut consumer_url = base.clone();
        consumer_url.set_path(base.path().trim_end_matches('/'));
        let kinds = ["HelmChartRepository"];
        let properties: Option<Properties> = consumer::credentials(sources, &kinds, &consumer_url).await?;
        let credentials = properties.as_ref().map(|found| consumer::authorization(found, &base)).transpose()?.flatten();
        let handshake = properties.map(|found| consumer::handshake(&found, &base)).transpose()?.flatten();
        let mut handshake = handshake.as_deref().cloned().unwrap_or_default();
        handshake.certificate_authorities.extend(self.authority.as_ref().map(|text| text.clone().into_bytes()));
        let mut found = Found {
            client,
            url: base.clone(),
            base,
            credentials,
            handshake,
            digest: None,
            reach: Reach::Anywhere,
            version: None,
        };
        if self.chart.to_ascii_lowercase().ends_with(".tgz") {
            found.url = found.below(&self.chart)?;
            return Ok(found);
        }
        let index = found.below("index.yaml")?;
        let subject = ocm_http::redacted(&index);
        let answer = found.get(&index).good_answer().await?;
        let is_local = answer.is_local();
        let text = answer.bytes(INDEX_LIMIT).await.map_err(|error| unanswered(&subject, error))?;
        let entry: Entry = Index::read(&subject, &text)?.find(&subject, &self.chart, self.version.as_deref())?.clone();
        let there = entry.url().ok_or_else(|| Error::invalid(self.subject(), "has no address in the index"))?;
        found.url = found.below(there)?;
        found.digest = entry.digest(&subject)?;
        found.version = Some(entry.version);
        // An index on the public network must not lead into the local one.
        if !is_local && !same_origin(&found.base, &found.url) {
            found.reach = Reach::Public;
        }
        Ok(found)
    }
}

impl Found {
    fn below(&self, there: &str) -> Result<Url> {
        let wrong = |error| Error::invalid(ocm_http::redacted(&self.base), format!("leads to {there:?}: {error}"));
        let url = self.base.join(there).map_err(wrong)?;
        if url.scheme() == "http" && self.base.scheme() == "https" {
            return Err(Error::new(
                Kind::Denied,
                ocm_http::redacted(&self.base),
                format!("leads to plain http at {}", authority(&url)),
            ));
        }
        address(url.as_str(), "address of the chart")
    }

    /// A request; credentials go to the host of the repository only (CVE-2021-32690).
    fn get(&self, url: &Url) -> Fetch {
        let mut handshake = self.handshake.clone();
        let mut request = Request::new(Method::GET, url.clone()).reach(self.reach);
        if same_origin(&self.base, url) {
            if let Some(value) = self.credentials.clone() {
                request = request.authorization(value);
            }
        } else {
            handshake.identity = None;
        }
        if handshake != Handshake::default() {
            request = request.handshake(Some(handshake.into()));
        }
        Fetch::new(self.client.clone(), request)
    }

    /// The provenance file, if there is one.
    async fn provenance(&self) -> Result<Option<Bytes>> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}.prov", self.url.path()));
        let subject = ocm_http::redacted(&url);
        let answer = match self.get(&url).answer().await {
            // Storage without the right to list says 403 of what does not exist.
            Ok(answer) if matches!(answer.status().as_u16(), 403 | 404 | 410) => return Ok(None),
            answer => good(&subject, answer?)?,
        };
        let text = answer.bytes(PROVENANCE_LIMIT).await.map_err(|error| unanswered(&subject, error))?;
        // Servers that answer every question with their front page have no provenance file.
        Ok(Some(text).filter(|text| text.starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----")))
    }
}

/// The provenance file that lies beside a chart in a registry.
async fn attached_provenance(source: &Arc<dyn Repository>, root: &Descriptor) -> Result<Option<Vec<u8>>> {
    let document = source.manifest(&root.digest.clone().into()).await?.document()?;
    let found = document.blobs().into_iter().find(|blob| blob.media_type == PROVENANCE).cloned();
    let Some(layer) = found else { return Ok(None) };
    let subject = format!("{}@{}", source.address(), layer.digest);
    let stream = verified(source.blob(&layer.digest, 0).await?, Some(layer.size), Some(layer.digest.clone()));
    let text = read_to_end(stream, PROVENANCE_LIMIT, "provenance file").await.map_err(Error::blob(subject))?;
    Ok(Some(text.to_vec()))
}

/// Opens the chart of an access.
pub(crate) async fn open(access: &TypedObject, sources: &dyn Sources) -> Result<Content> {
    Remote::of(access)?.open(sources).await
}

/// The access with the version that was found, if it names none or a constraint: the newest is another one tomorrow.
pub(crate) async fn pinned(access: &TypedObject, sources: &dyn Sources) -> Result<(TypedObject, Option<Digest>)> {
    let remote = Remote::of(access)?;
    if remote.is_oci() {
        return Ok((access.clone(), None));
    }
    let found = remote.find(sources).await?;
    let written = remote.version.as_deref();
    let access = match &found.version {
        Some(version)
            if written.is_none_or(|written| written.trim_start_matches('v') != version.trim_start_matches('v')) =>
        {
            with_member(access, "version", version)
        }
        _ => access.clone(),
    };
    // Whoever names a keyring wants the chart to be looked at, and not only what the index says of it.
    Ok((access, found.digest.filter(|_| remote.keyring.is_none())))
}

/// The digest that stands for a chart: of its manifest in a registry, else of its packed file.
pub(crate) async fn digest(content: &Content, remote_is_oci: bool) -> Result<Option<Digest>> {
    match content {
        Content::Image { root, .. } if remote_is_oci => Ok(Some(root.digest.clone())),
        Content::Image { source, root } => super::chart_layer(source, root).await,
        Content::Blob { .. } => Ok(None),
    }
}
