//! Killed in the middle, run again: what had arrived is not sent a second time.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ocm_testkit::Wire;

use crate::registry::Registry;
use crate::sandbox::Sandbox;

const MIB: u64 = 1 << 20;

/// Size of the blob.
const SIZE: u64 = 256 * MIB;

/// What may be moved again: what was missing, and a piece.
const AGAIN: u64 = SIZE / 10 + 16 * MIB;

/// Bytes in a second: slow enough to be killed in time.
const RATE: u64 = 200 * MIB;

const VERSION: &str = "acme.org/large:1.0.0";

/// An archive with the blob.
fn archive(sandbox: &Sandbox) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let content: Vec<u8> = noise.take(SIZE as usize / 8).flatten().collect();
    sandbox.file("large.bin", content).add(
        "name: acme.org/large
version: 1.0.0
provider: {name: acme.org}
resources:
- {name: blob, type: blob, input: {type: file, path: large.bin, mediaType: application/octet-stream}}
",
    );
}

/// Starts the program, as [`Sandbox::ocm`] does.
fn start(sandbox: &Sandbox, line: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocm"));
    command.args(line.split(' ')).current_dir(sandbox.path("")).env_clear().env("HOME", sandbox.path(""));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Runs the program and kills it when `moved` says that nine tenths of the blob are over.
fn kill(sandbox: &Sandbox, line: &str, moved: impl Fn() -> u64) {
    let mut program = start(sandbox, line);
    let end = Instant::now() + Duration::from_mins(1);
    while moved() < SIZE / 10 * 9 {
        let ended = program.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < end, "ocm {line}: {ended:?} after {} bytes", moved());
        std::thread::sleep(Duration::from_millis(1));
    }
    program.kill().unwrap();
    program.wait().unwrap();
    // What was on its way arrives, or its connection ends.
    std::thread::sleep(Duration::from_millis(300));
}

/// Whether the place holds the blob as it was.
fn check(sandbox: &Sandbox, place: &str) {
    let output = sandbox.free_name();
    sandbox.ocm(&format!("download resource {place}//{VERSION} --identity name=blob --output {output}"));
    assert!(sandbox.read(&output) == sandbox.read("large.bin"), "{place}");
}

#[test]
fn a_killed_upload_goes_on() {
    let sandbox = Sandbox::new();
    archive(&sandbox);
    for registry in Registry::each() {
        let wire = Wire::to(&registry.address, RATE).unwrap();
        let target = format!("http://{}", wire.address());
        let line = format!("transfer cv transport-archive//{VERSION} {target}");
        kill(&sandbox, &line, || wire.sent());
        wire.forget();
        sandbox.ocm(&line);
        match registry.name {
            "registry" | "ocm" => assert!(wire.sent() <= AGAIN, "{}: {} bytes again", registry.name, wire.sent()),
            // Distribution before its version 3 forgets an upload whose connection broke, and the one with the referrers
            // API keeps nothing of a broken request: they get all of it once more.
            _ => assert!(wire.sent() <= SIZE + MIB, "{}: {} bytes again", registry.name, wire.sent()),
        }
        check(&sandbox, &target);
        assert_eq!(sandbox.path(".local/state/ocm/uploads").read_dir().unwrap().count(), 0, "{}", registry.name);
    }
}

#[test]
fn a_killed_download_goes_on() {
    let sandbox = Sandbox::new();
    archive(&sandbox);
    for registry in Registry::each() {
        sandbox.ocm(&format!("transfer cv transport-archive//{VERSION} http://{}", registry.address));
        let wire = Wire::to(&registry.address, RATE).unwrap();
        let line = format!("transfer cv http://{}//{VERSION} copy-{}", wire.address(), registry.name);
        kill(&sandbox, &line, || wire.received());
        wire.forget();
        sandbox.ocm(&line);
        assert!(wire.received() <= AGAIN, "{}: {} bytes again", registry.name, wire.received());
        check(&sandbox, &format!("copy-{}", registry.name));
    }
}
