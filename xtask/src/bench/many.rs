//! Many images that share layers, and the same again.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::Bench;
use super::measure::{Measured, best, better};
use super::registry::Registry;
use super::trouble;
use super::workload::{self, COMPONENTS, IMAGES_EACH};
use crate::report::Row;

/// How many times as fast as the fastest peer.
const FASTER: f64 = 1.5;

/// 200 images in 20 components, into an empty registry; all of them again; one of them again.
pub(super) fn images(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let program = Registry::program(bench)?;
    let regctl = bench.peer("regctl").ok_or("bench: the peer `regctl` is missing, nothing can be prepared")?;
    let source = Registry::start(&program, &bench.folder.join("many-source"))?;
    let layout = bench.folder.join("many");
    let blobs = workload::many_images(&layout)?;
    let push = format!(
        r#"for c in $(seq 1 {COMPONENTS}); do for i in $(seq 1 {IMAGES_EACH}); do
             "$0" --host reg={address},tls=disabled image copy ocidir://"$1":$c-$i {address}/image-$c:$i || exit 1
           done; done"#,
        address = source.address
    );
    workload::shell(Command::new("sh").arg("-c").arg(push).arg(&regctl).arg(&layout))?;
    let constructor = bench.folder.join("many.yaml");
    workload::many_components(&constructor, &source.address)?;
    let place = format!("http://{}", source.address);
    let mut add = Command::new(&bench.ocm);
    workload::shell(add.args(["add", "cv", "--constructor"]).arg(&constructor).args(["--repository", &place]))?;

    let storage = bench.folder.join("many-target");
    let scripts = scripts(bench, &source.address, &bench.folder)?;
    let mut ours: Option<Measured> = None;
    let mut theirs: Vec<Option<Measured>> = vec![None; scripts.len()];
    let (mut again, mut one): (Option<Measured>, Option<Measured>) = (None, None);
    let (mut requests, mut read) = (0, 0);
    for _ in 0..bench.options.rounds {
        {
            let target = Registry::start(&program, &storage)?;
            let before = source.requests()?;
            ours = better(ours, best(1, || Ok(()), || transfer(bench, &source.address, &target.address, COMPONENTS))?);
            requests = target.requests()?.0;
            eprintln!("  many images: at the target {}", target.kinds()?);
            read = source.requests()?.1 - before.1;
            again =
                better(again, best(1, || Ok(()), || transfer(bench, &source.address, &target.address, COMPONENTS))?);
            one = better(one, best(3, || Ok(()), || transfer(bench, &source.address, &target.address, 1))?);
        }
        for (number, theirs) in theirs.iter_mut().enumerate() {
            let target = Registry::start(&program, &storage)?;
            *theirs = better(*theirs, best(1, || Ok(()), || scripts[number].command(&target.address))?);
        }
    }
    for (script, theirs) in scripts.iter().zip(theirs.iter().flatten()) {
        eprintln!("  many images: {} {}", script.name, theirs.shown());
    }
    let (Some(ours), Some(again), Some(one)) = (ours, again, one) else { return Err("bench: no rounds".to_owned()) };
    let peers = scripts.iter().zip(theirs.iter().flatten());
    let (script, fastest) =
        peers.min_by_key(|(_, theirs)| theirs.wall).ok_or("bench: no peer to compare with is there")?;
    let ratio = ours.seconds() / fastest.seconds();
    let images = COMPONENTS * IMAGES_EACH;
    let shown = format!(
        "{}, {:.1} requests at the target for each of {blobs} blobs, {read} blobs read",
        ours.shown(),
        requests as f64 / blobs as f64
    );
    let again_row = |work: String, run: Measured, bar: f64| Row {
        work,
        ours: run.shown(),
        against: "–".to_owned(),
        ratio: None,
        memory: run.memory(),
        bar: format!("≤ {bar} s"),
        met: run.seconds() <= bar,
    };
    let broken = trouble::broken(bench, &program, &source)?;
    Ok(vec![
        Row {
            work: format!("registry → registry, {images} images sharing bases, {COMPONENTS} components"),
            ours: shown,
            against: format!("{} {}", script.name, fastest.shown()),
            ratio: Some(ratio),
            memory: ours.memory(),
            bar: format!("≥ {FASTER} × as fast (ratio ≤ {:.2})", 1.0 / FASTER),
            met: ratio <= 1.0 / FASTER,
        },
        again_row(format!("the same {COMPONENTS} components again"), again, 1.0),
        again_row("one of them again".to_owned(), one, 0.1),
        broken,
    ])
}

pub(super) fn transfer(bench: &Bench<'_>, source: &str, target: &str, components: usize) -> Command {
    let mut command = Command::new(&bench.ocm);
    command.args(["transfer", "cv", "--copy-resources", "--upload-as", "ociArtifact"]);
    for number in 1..=components {
        command.arg(format!("http://{source}//acme.org/bench/many-{number}:1.0.0"));
    }
    command.arg(format!("http://{target}"));
    command
}

/// A peer's way to copy all images: the first argument is the program, `$1` the target.
struct Script {
    name: &'static str,
    text: String,
    program: std::path::PathBuf,
}

impl Script {
    fn command(&self, target: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.text).arg(&self.program).arg(target);
        command
    }
}

/// Each peer copies as many images with one call as it can.
fn scripts(bench: &Bench<'_>, source: &str, folder: &Path) -> Result<Vec<Script>, String> {
    let each = |line: &str| {
        format!(
            "for c in $(seq 1 {COMPONENTS}); do for i in $(seq 1 {IMAGES_EACH}); do {line} >/dev/null || exit 1; done; done"
        )
    };
    let list = folder.join("many-sync.yaml");
    let mut text = format!("{source}:\n  tls-verify: false\n  images:\n");
    for number in 1..=COMPONENTS {
        let tags = (1..=IMAGES_EACH).map(|tag| format!("\"{tag}\"")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "    image-{number}: [{tags}]");
    }
    std::fs::write(&list, text).map_err(|e| format!("{}: {e}", list.display()))?;
    let lines = [
        (
            "crane",
            format!(
                r#"for c in $(seq 1 {COMPONENTS}); do "$0" copy --insecure --all-tags {source}/image-$c "$1"/image-$c || exit 1; done"#
            ),
        ),
        (
            "regctl",
            each(&format!(
                r#""$0" --host reg={source},tls=disabled --host reg="$1",tls=disabled image copy {source}/image-$c:$i "$1"/image-$c:$i"#
            )),
        ),
        ("oras", each(&format!(r#""$0" cp --from-plain-http --to-plain-http {source}/image-$c:$i "$1"/image-$c:$i"#))),
        (
            "skopeo",
            format!(r#""$0" sync --src yaml --dest docker --dest-tls-verify=false {} "$1" >/dev/null"#, list.display()),
        ),
    ];
    let scripts = lines.into_iter().filter_map(|(name, text)| Some(Script { name, text, program: bench.peer(name)? }));
    Ok(scripts.collect())
}
