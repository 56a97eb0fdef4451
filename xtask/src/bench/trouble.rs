//! What goes wrong on the way: connections that are cut, answers that say no, a process that is killed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Bench;
use super::many::transfer;
use super::measure::{best, once};
use super::proxy::Proxy;
use super::registry::Registry;
use super::workload::{self, COMPONENTS};
use crate::report::Row;

/// Most bytes that may be moved where the network breaks, as a multiple of what there is to move.
const BROKEN: f64 = 1.1;

/// Most bytes that may be moved again after the end of a process, beside a tenth.
const CHUNK: u64 = 16 << 20;

/// Many images through a network that breaks: from one registry into another, with a faulty proxy in front of both.
pub(super) fn broken(bench: &Bench<'_>, program: &Path, images: &Registry) -> Result<Row, String> {
    // The images have to lie with their component versions, or they are read from where their references say.
    let source = Registry::start(program, &bench.folder.join("broken-source"))?;
    let mut command = Command::new(&bench.ocm);
    command.args(["transfer", "cv", "--copy-resources"]);
    for number in 1..=COMPONENTS {
        command.arg(format!("http://{}//acme.org/bench/many-{number}:1.0.0", images.address));
    }
    workload::shell(command.arg(format!("http://{}", source.address)))?;
    let target = Registry::start(program, &bench.folder.join("broken-target"))?;
    let payload = workload::bytes_below(&bench.folder.join("many/blobs"));
    let [from, to] = [&source, &target].map(|registry| Proxy::start(&registry.address, true));
    let (from, to) = (from?, to?);
    let ours = once(&mut transfer(bench, &from.address, &to.address, COMPONENTS))?;
    let times = |bytes: u64| bytes as f64 / payload as f64;
    let (read, written) = (times(from.bytes().1), times(to.bytes().0));
    let [(asked, cut, refused), (others, more_cut, more_refused)] = [from.connections(), to.connections()];
    let met = read <= BROKEN && written <= BROKEN && cut + more_cut > 0;
    Ok(Row {
        work: "the same images through a network that breaks: 5 % of connections cut, 1 % answered with 503".to_owned(),
        ours: format!(
            "{}, {read:.2} × the bytes read, {written:.2} × written; of {} connections {} cut, {} refused",
            ours.shown(),
            asked + others,
            cut + more_cut,
            refused + more_refused
        ),
        against: "–".to_owned(),
        ratio: None,
        memory: ours.memory(),
        bar: format!("succeeds; ≤ {BROKEN} × the bytes on both sides"),
        met,
    })
}

/// A large image whose transfer is killed when nine tenths of it are there, and made once more.
pub(super) fn killed(bench: &Bench<'_>, program: &Path, from: &str) -> Result<Row, String> {
    let payload = workload::bytes_below(&bench.folder.join("layout/blobs"));
    // The reference implementation before version 3 signs how much of an upload it has into the address of the upload, and no
    // longer knows that address when a request breaks off: nobody can go on there.
    let resuming = bench.peer("registry");
    let target = Registry::start(resuming.as_deref().unwrap_or(program), &bench.folder.join("killed-target"))?;
    let proxy = Proxy::start(&target.address, false)?;
    let command = || {
        let mut command = Command::new(&bench.ocm);
        // What is remembered of an upload is remembered here.
        command.env("OCM_STATE_DIR", bench.folder.join("killed-state"));
        command.args(["transfer", "cv", "--copy-resources", from]).arg(format!("http://{}", proxy.address));
        command
    };
    let mut first = command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let first = first.as_mut().map_err(|e| format!("{}: {e}", bench.ocm.display()))?;
    while proxy.bytes().0 < payload / 10 * 9 {
        if first.try_wait().map_err(|e| e.to_string())?.is_some() {
            return Err("bench: the transfer that was to be killed ended before".to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    first.kill().and_then(|()| first.wait()).map_err(|e| format!("the transfer cannot be killed: {e}"))?;
    // The registry notices the end of the connections.
    std::thread::sleep(Duration::from_millis(500));
    let before = proxy.bytes().0;
    let ours = best(1, || Ok(()), command)?;
    let sent = proxy.bytes().0;
    let again = sent.saturating_sub(payload);
    let most = payload / 10 + CHUNK;
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    Ok(Row {
        work: format!("{} image, killed at {} and begun again", mib(payload), mib(before)),
        ours: format!("{}, {} moved again", ours.shown(), mib(again)),
        against: "–".to_owned(),
        ratio: None,
        memory: ours.memory(),
        bar: format!("≤ 10 % + 16 MiB ({})", mib(most)),
        met: again <= most,
    })
}
