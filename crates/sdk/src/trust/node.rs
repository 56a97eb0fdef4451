use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use ocm_blob::Digest;
use ocm_model::digest::HashAlgorithm;
use ocm_model::normalise::{Algorithm, check_unambiguous};
use ocm_model::{Descriptor, DigestSpec, Identity, Resource};
use ocm_repository::ComponentVersion;

use super::content;
use super::variant::{self, Variant};
use crate::{Error, Kind, Result};

/// A component version with its digest, and with everything that the digest depends on.
pub(crate) struct Node {
    pub(crate) component: String,
    pub(crate) version: String,
    /// Where it was found.
    pub(crate) place: String,
    /// What its tag points to.
    pub(super) root: Digest,
    /// How many resources it has.
    pub(crate) resources: usize,
    /// Those with content and without a digest.
    pub(crate) uncovered: Vec<Identity>,
    pub(crate) digest: DigestSpec,
    /// In the order of the descriptor; empty if references were not followed.
    pub(crate) references: Vec<Edge>,
    /// How deep references are nested below it.
    pub(super) height: usize,
    /// What the digest was made of, where somebody wants it: a tree of thousands of versions is verified one by one, and
    /// only digests stay.
    pub(super) document: Option<Document>,
}

/// A reference and the version that it leads to.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) node: Arc<Node>,
    /// Whether the descriptor does not record the digest.
    pub(crate) was_missing: bool,
    pub(crate) digest: DigestSpec,
    /// What the digest was made of.
    pub(crate) made_of: Variant,
}

/// What a digest was made of.
pub(crate) struct Document {
    pub(crate) version: Arc<ComponentVersion>,
    /// The descriptor with the digests of all references, if it does not record them all.
    completed: Option<Descriptor>,
    pub(crate) normal: Vec<u8>,
}

impl Document {
    /// The descriptor with the digests of all references.
    pub(crate) fn complete(&self) -> &Descriptor {
        self.completed.as_ref().unwrap_or(&self.version.descriptor)
    }

    /// Finds what a digest of this version was made of.
    pub(crate) fn variant(&self, expected: &DigestSpec) -> Result<Option<Variant>> {
        let (algorithm, hash) = variant::algorithms(expected)?;
        variant::find(&self.version.descriptor, self.complete(), expected, algorithm, hash)
    }
}

impl Node {
    /// The digest of a version whose references lead to what is given.
    ///
    /// # Errors
    /// A descriptor that other programs read differently, or that has no normal form.
    pub(super) fn new(
        version: &Arc<ComponentVersion>,
        algorithm: Algorithm,
        hash: HashAlgorithm,
        references: Vec<Edge>,
    ) -> Result<Self> {
        check(version)?;
        let completed = references.iter().any(|edge| edge.was_missing).then(|| {
            let mut completed = version.descriptor.clone();
            for (reference, edge) in completed.component.component_references.iter_mut().zip(&references) {
                reference.digest = Some(edge.digest.clone());
            }
            completed
        });
        let descriptor = completed.as_ref().unwrap_or(&version.descriptor);
        let normal = variant::form(descriptor, algorithm, Variant::Complete).map_err(|error| error.during(version))?;
        let digest = variant::digest_of(&normal, algorithm, hash);
        Ok(Self {
            component: version.name().to_owned(),
            version: version.version().to_owned(),
            place: version.content().address(),
            root: version.root.digest().clone(),
            resources: version.descriptor.component.resources.len(),
            uncovered: uncovered(&version.descriptor),
            digest,
            height: height(&references),
            references,
            document: Some(Document { version: version.clone(), completed, normal }),
        })
    }

    /// What the digest was made of.
    ///
    /// # Errors
    /// It was not kept, because the walk was asked for digests alone.
    pub(crate) fn document(&self) -> Result<&Document> {
        let document = self.document.as_ref();
        document.ok_or_else(|| Error::new(Kind::Other, format!("{self}: the descriptor was not kept")))
    }

    /// Whether a digest is the one of this version, made as the specification says.
    pub(crate) fn has(&self, expected: &DigestSpec) -> Result<bool> {
        let (algorithm, _) = variant::algorithms(expected)?;
        Ok(variant::same(&self.digest, expected) && self.digest.normalisation_algorithm == algorithm.name())
    }

    /// Finds what a digest of this version was made of.
    pub(crate) fn variant(&self, expected: &DigestSpec) -> Result<Option<Variant>> {
        if self.has(expected)? { Ok(Some(Variant::Complete)) } else { self.document()?.variant(expected) }
    }

    /// This version and everything it refers to, each once, referenced ones first.
    pub(crate) fn all(self: &Arc<Self>) -> Vec<Arc<Self>> {
        let mut seen = HashSet::new();
        let mut sorted = Vec::new();
        let mut stack = vec![(self, false)];
        while let Some((node, leaving)) = stack.pop() {
            if leaving {
                sorted.push(node.clone());
            } else if seen.insert((&node.component, &node.version)) {
                stack.push((node, true));
                stack.extend(node.references.iter().rev().map(|edge| (&edge.node, false)));
            }
        }
        sorted
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.component, self.version)
    }
}

fn uncovered(descriptor: &Descriptor) -> Vec<Identity> {
    let unknown = |resource: &&Resource| resource.recorded_digest().is_none();
    let all = descriptor.component.resources.iter();
    all.filter(unknown).filter(|resource| content::has_content(resource)).map(Resource::identity).collect()
}

fn check(version: &ComponentVersion) -> Result<()> {
    check_unambiguous(&version.descriptor).map_err(|error| Error::new(Kind::Verification, error).during(version))
}

/// How deep references are nested.
pub(super) fn height(references: &[Edge]) -> usize {
    references.iter().map(|edge| edge.node.height + 1).max().unwrap_or(0)
}
