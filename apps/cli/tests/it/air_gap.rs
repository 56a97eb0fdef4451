//! Archives that cross an air gap: in parts, and without what the other side has.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use ocm_testkit::{TestRegistry, fixtures};
use serde_json::Value;

use crate::images;
use crate::sandbox::Sandbox;

/// Two versions that share content, and another component that has it too.
fn sides() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("shared.bin", &"shared ".repeat(40_000)).file("one.txt", "one").file("two.txt", "two");
    let component = |name: &str, version: &str, own: &str| {
        format!(
            "- name: acme.org/{name}\n  version: {version}\n  provider: {{name: acme.org}}\n  resources:\n  \
             - {{name: shared, type: blob, input: {{type: file, path: shared.bin}}}}\n  \
             - {{name: own, type: blob, input: {{type: file, path: {own}}}}}\n"
        )
    };
    let old = format!("components:\n{}", component("app", "1.0.0", "one.txt"));
    let new =
        format!("components:\n{}{}", component("app", "1.1.0", "two.txt"), component("other", "1.0.0", "two.txt"));
    sandbox.file("old.yaml", &old).file("new.yaml", &new);
    sandbox.ok("add cv -c old.yaml -r base");
    sandbox.ok("add cv -c old.yaml -r full");
    sandbox.ok("add cv -c new.yaml -r full");
    sandbox
}

fn blobs(sandbox: &Sandbox, archive: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(sandbox.path(archive).join("blobs")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn names(sandbox: &Sandbox) -> BTreeSet<String> {
    let entries = fs::read_dir(sandbox.path(".")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn an_archive_in_parts_is_written_and_any_part_opens_it() {
    let sandbox = sides();
    sandbox.ok("transfer ctf full out.tar --split 100KiB");
    for number in 1..=3 {
        let part = sandbox.path(&format!("out.tar.00{number}"));
        assert!(part.metadata().unwrap().len() <= 100 << 10);
        sandbox.ok(&format!("transfer ctf out.tar.00{number} back{number}"));
        assert_eq!(blobs(&sandbox, &format!("back{number}")), blobs(&sandbox, "full"));
    }
    assert!(!sandbox.path("out.tar.004").exists());
    assert_eq!(sandbox.ok("get cv out.tar -o ndjson"), sandbox.ok("get cv full -o ndjson"));
    let joined = (1..=3).flat_map(|number| fs::read(sandbox.path(&format!("out.tar.00{number}"))).unwrap());
    fs::write(sandbox.path("joined.tar"), joined.collect::<Vec<u8>>()).unwrap();
    sandbox.ok("transfer ctf joined.tar back");
    assert_eq!(blobs(&sandbox, "back"), blobs(&sandbox, "full"));
}

#[test]
fn a_missing_or_damaged_part_is_named_and_nothing_is_taken() {
    let sandbox = sides();
    sandbox.ok("transfer ctf full out.tar --split 100KiB");
    let part = sandbox.path("out.tar.002");
    let saved = fs::read(&part).unwrap();
    fs::remove_file(&part).unwrap();
    let said = sandbox.fails("transfer ctf out.tar back", 3);
    assert!(said.contains("out.tar.002: is missing: part 2 of 3, 102400 bytes with digest sha256:"), "{said}");
    let mut damaged = saved.clone();
    damaged[50_000] ^= 1;
    fs::write(&part, &damaged).unwrap();
    let said = sandbox.fails("transfer ctf out.tar back", 5);
    assert!(said.contains("out.tar.002: is damaged: it has digest sha256:"), "{said}");
    assert!(said.contains("(part 2 of 3)"), "{said}");
    assert!(!sandbox.path("back").exists());
}

#[test]
fn a_lost_first_part_is_named_and_no_archive_is_written_beside_the_others() {
    let sandbox = sides();
    sandbox.ok("transfer ctf full out.tar --split 100KiB");
    let first = sandbox.path("out.tar.001");
    fs::rename(&first, sandbox.path("saved")).unwrap();
    for opened in ["out.tar", "out.tar.001", "out.tar.002"] {
        let said = sandbox.fails(&format!("list cv {opened}"), 3);
        assert!(said.contains("out.tar.001: is missing: it is the first part"), "{said}");
    }
    let conflict = || {
        let said = sandbox.fails("transfer ctf base out.tar", 4);
        assert!(said.contains("nothing is written beside its parts") && said.contains("out.tar.002"), "{said}");
        assert!(!sandbox.path("out.tar").exists());
    };
    conflict();
    fs::write(&first, "").unwrap();
    assert!(sandbox.fails("list cv out.tar", 5).contains("out.tar.001: is damaged: it is empty"));
    conflict();
    fs::rename(sandbox.path("out.tar.002"), &first).unwrap();
    fs::rename(sandbox.path("saved"), sandbox.path("out.tar.002")).unwrap();
    let said = sandbox.fails("list cv out.tar", 5);
    assert!(said.contains("out.tar.001: is not the first part, since out.tar.002 has the list"), "{said}");
    conflict();
}

#[test]
fn names_that_are_no_place_for_an_archive_are_told_apart() {
    let sandbox = sides();
    sandbox.ok("transfer ctf full out.tar --split 100KiB");
    let said = sandbox.fails("list cv out.tar.004", 3);
    assert!(said.contains("out.tar.004: is no part 4: out.tar has 3 parts"), "{said}");
    let said = sandbox.fails("transfer ctf full new.tar.001", 2);
    assert!(said.contains("new.tar.001: is the name of a part: name the archive new.tar"), "{said}");
    for nested in ["./full/nested", "./full/blobs/nested.tar"] {
        let said = sandbox.fails(&format!("transfer cv full//acme.org/app:1.0.0 {nested}"), 4);
        assert!(said.contains("is inside of the transport archive"), "{said}");
        assert!(!sandbox.path(nested).exists());
    }
    let said = sandbox.fails("transfer cv full//acme.org/app:1.0.0 -", 2);
    assert!(said.contains("-: is no place"), "{said}");
    assert!(!sandbox.path("-").exists());
}

#[test]
fn parts_that_are_too_small_are_a_mistake_in_the_command_line() {
    let sandbox = sides();
    // Too small for any archive; and for this one.
    for (size, moves) in [("1KiB", false), ("2KiB", true)] {
        let ran = sandbox.run(&format!("transfer ctf full out.tar --split {size}"));
        assert_eq!(ran.status, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("choose at least"), "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("item completed"), moves, "{}", ran.stderr);
        assert!(!names(&sandbox).iter().any(|name| name.contains("out")), "{:?}", names(&sandbox));
        // Whoever does what is said need not be told again.
        let told = ran.stderr.split("choose at least ").nth(1).unwrap().split(' ').next().unwrap();
        sandbox.ok(&format!("transfer ctf full out.tar --split {told}"));
        sandbox.ok("check cv out.tar");
        for name in names(&sandbox).iter().filter(|name| name.starts_with("out.tar")) {
            std::fs::remove_file(sandbox.path(name)).unwrap();
        }
    }
}

#[test]
fn a_subject_is_said_once_and_a_place_counted_once() {
    let sandbox = sides();
    sandbox.ok("transfer ctf full tr.tar");
    let whole = fs::read(sandbox.path("tr.tar")).unwrap();
    fs::write(sandbox.path("tr.tar"), &whole[..100_000]).unwrap();
    let said = sandbox.fails("list cv tr.tar", 5);
    assert!(said.contains("Error: tr.tar: the archive is truncated"), "{said}");
    let once: Value = serde_json::from_str(&sandbox.ok("get inventory ./full")).unwrap();
    let twice: Value = serde_json::from_str(&sandbox.ok("get inventory ./full ./full")).unwrap();
    assert_eq!(once, twice);
    // The base is a part of the whole.
    let both: Value = serde_json::from_str(&sandbox.ok("get inventory ./full ./base")).unwrap();
    assert_eq!(both["componentVersions"], once["componentVersions"]);
}

#[test]
fn only_archive_files_can_be_split() {
    let sandbox = sides();
    let said = sandbox.fails("transfer ctf full out --split 1MiB", 2);
    assert!(said.contains("a folder cannot be split"), "{said}");
    sandbox.fails("transfer ctf full out.tar --split many", 2);
    let said = sandbox.fails("transfer ctf full http://127.0.0.1:1/x --split 1MiB", 2);
    assert!(said.contains("--split is for archives"), "{said}");
    assert!(!names(&sandbox).iter().any(|name| name.starts_with("out")), "{:?}", names(&sandbox));
}

#[test]
fn a_differential_archive_holds_what_the_base_lacks_and_completes_it() {
    let sandbox = sides();
    let inventory = sandbox.ok("get inventory base");
    sandbox.file("base.json", &inventory);
    let read: Value = serde_json::from_str(&inventory).unwrap();
    assert_eq!(read["componentVersions"][0]["version"], "1.0.0");
    let missing: BTreeSet<String> = blobs(&sandbox, "full").difference(&blobs(&sandbox, "base")).cloned().collect();
    for (base, diff) in [("base", "by-archive"), ("base.json", "by-inventory")] {
        sandbox.ok(&format!("transfer ctf full {diff} --since {base}"));
        assert_eq!(blobs(&sandbox, diff), missing);
        assert!(!sandbox.ok(&format!("get cv {diff} -o ndjson")).contains("\"1.0.0\"},\"app\""));

        let target = format!("target-{diff}");
        sandbox.ok(&format!("transfer ctf base {target}"));
        sandbox.ok(&format!("transfer ctf {diff} {target}"));
        sandbox.ok(&format!("transfer ctf full whole-{diff}"));
        assert_eq!(blobs(&sandbox, &target), blobs(&sandbox, &format!("whole-{diff}")));
        let index = |archive: &str| fs::read(sandbox.path(archive).join("artifact-index.json")).unwrap();
        assert_eq!(index(&target), index(&format!("whole-{diff}")));
        assert!(!sandbox.path(&target).join("archive-base.json").exists());
    }
    // As one file, and in parts.
    sandbox.ok("transfer ctf full diff.tgz --since base.json");
    sandbox.ok("transfer ctf full parts.tar --since base.json --split 64KiB");
    for diff in ["diff.tgz", "parts.tar"] {
        let target = format!("./target-{diff}.d");
        sandbox.ok(&format!("transfer ctf base {target}"));
        sandbox.ok(&format!("transfer ctf {diff} {target}"));
        assert_eq!(blobs(&sandbox, &target), blobs(&sandbox, "full"));
    }
}

#[test]
fn an_image_for_several_platforms_that_the_base_has_is_left_to_it() {
    let sandbox = Sandbox::new();
    let (registry, _) = images::two_platforms();
    for version in ["1.0.0", "1.1.0"] {
        let constructor = format!(
            "name: acme.org/app\nversion: {version}\nprovider: {{name: acme.org}}\nresources:\n\
             - {{name: own, type: plainText, input: {{type: utf8, text: own {version}}}}}\n\
             {}",
            images::resource("app", &registry)
        );
        sandbox.file("app.yaml", &constructor).ok("add cv -c app.yaml -r there");
    }
    sandbox.ok("transfer cv there//acme.org/app:1.0.0 base -V");
    sandbox.ok("transfer cv there//acme.org/app:1.1.0 whole -V");
    let target = TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer ctf base {}/team", target.url()));
    let inventory = sandbox.ok(&format!("get inventory {}/team//acme.org/app", target.url()));
    sandbox.file("base.json", &inventory);
    for (base, diff) in [("base", "by-archive"), ("base.json", "by-inventory.tar")] {
        sandbox.ok(&format!("transfer cv there//acme.org/app:1.1.0 ./{diff} -V --since {base}"));
    }
    let left_out = blobs(&sandbox, "base").intersection(&blobs(&sandbox, "by-archive")).count();
    assert_eq!(left_out, 0, "nothing that the base has is carried");
    for diff in ["by-archive", "by-inventory.tar"] {
        let target = format!("target-{diff}.d");
        sandbox.ok(&format!("transfer ctf base ./{target}"));
        sandbox.ok(&format!("transfer ctf ./{diff} ./{target}"));
        assert!(blobs(&sandbox, "whole").is_subset(&blobs(&sandbox, &target)), "{diff}");
        sandbox.ok(&format!("check cv ./{target}//acme.org/app:1.1.0 --resources local"));
    }
    sandbox.ok(&format!("transfer ctf by-inventory.tar {}/team", target.url()));
    sandbox.ok(&format!("check cv {}/team//acme.org/app:1.1.0 --resources local", target.url()));

    // In the factory, the old version refers to its image: only written anew it is the one that the base has.
    for base in ["base", "base.json"] {
        sandbox.ok(&format!("transfer ctf there ./all-{base}.tar --copy-resources --since {base}"));
        sandbox.ok(&format!("get cv ./all-{base}.tar"));
        sandbox.ok(&format!("transfer ctf base ./all-{base}.d"));
        sandbox.ok(&format!("transfer ctf ./all-{base}.tar ./all-{base}.d"));
        sandbox.ok(&format!("check cv ./all-{base}.d --resources local"));
    }
}

/// The base has the image with one component, the archive brings it with another one as well.
#[test]
fn an_image_of_two_components_is_left_to_the_base_of_one_and_found_by_both() {
    let sandbox = Sandbox::new();
    let (registry, _) = images::two_platforms();
    for (component, version) in [("app", "1.0.0"), ("app", "1.1.0"), ("other", "1.0.0")] {
        let constructor = format!(
            "name: acme.org/{component}\nversion: {version}\nprovider: {{name: acme.org}}\nresources:\n\
             - {{name: own, type: plainText, input: {{type: utf8, text: own {version}}}}}\n\
             {}",
            images::resource("app", &registry)
        );
        sandbox.file("app.yaml", &constructor).ok("add cv -c app.yaml -r there");
    }
    sandbox.ok("transfer cv there//acme.org/app:1.0.0 base -V");
    sandbox.ok("transfer ctf there whole -V");
    for (number, diff) in ["diff", "diff.tar"].into_iter().enumerate() {
        sandbox.ok(&format!("transfer ctf whole ./{diff} --since base"));
        let target = format!("target{number}");
        sandbox.ok(&format!("transfer ctf base {target}"));
        sandbox.ok(&format!("transfer ctf ./{diff} {target}"));
        assert!(blobs(&sandbox, "whole").is_subset(&blobs(&sandbox, &target)), "{diff}");
        // In two steps: what one left to the base, the next one brings.
        let stepwise = format!("steps-{diff}");
        sandbox.ok(&format!("transfer cv whole//acme.org/app:1.1.0 ./{stepwise} --since base"));
        sandbox.ok(&format!("transfer cv whole//acme.org/other:1.0.0 ./{stepwise} --since base"));
        sandbox.ok(&format!("transfer ctf base ./again-{target}"));
        sandbox.ok(&format!("transfer ctf ./{stepwise} ./again-{target}"));
        for place in [target.clone(), format!("again-{target}")] {
            for version in ["app:1.0.0", "app:1.1.0", "other:1.0.0"] {
                sandbox.ok(&format!("check cv ./{place}//acme.org/{version} --resources local"));
            }
        }
        let empty = TestRegistry::start().unwrap();
        let said = sandbox.fails(&format!("transfer ctf ./{diff} {}", empty.url()), 3);
        assert!(said.contains("leaves to its base base"), "{said}");
    }
}

/// The base has the component version; its image, or a signature of that, is new all the same.
#[test]
fn more_than_the_base_has_of_a_component_version_is_carried() {
    let sandbox = Sandbox::new();
    let image = fixtures::image_with(1, 2, 1000);
    let registry = images::serving(&image);
    let constructor = images::constructor("acme.org/app", &images::resource("app", &registry));
    sandbox.file("app.yaml", &constructor).ok("add cv -c app.yaml -r there");
    sandbox.ok("transfer ctf there referring --compat v2");
    sandbox.ok("transfer cv there ./diff --copy-resources --since referring");
    let name = |digest: &ocm_blob::Digest| digest.to_string().replace(':', ".");
    assert!(blobs(&sandbox, "diff").contains(&name(&image.root().digest)));
    sandbox.ok("transfer cv there ./base --copy-resources");

    let signature = fixtures::referrer(image.root(), "application/vnd.example.signature", "a signature");
    let signed = images::repository(&registry);
    images::wait(signature.push(signed.as_ref(), None)).unwrap();
    sandbox.ok("transfer cv there ./whole --copy-resources --with referrers");
    sandbox.ok("transfer cv whole ./signed --with referrers --since base");
    let carried = blobs(&sandbox, "signed");
    assert!(carried.contains(&name(&signature.root().digest)), "{carried:?}");
    assert!(!carried.contains(&name(&image.root().digest)), "{carried:?}");
    sandbox.ok("transfer cv signed ./base --with referrers");
    assert!(blobs(&sandbox, "whole").is_subset(&blobs(&sandbox, "base")));
    // Nothing is new without what was asked for besides.
    sandbox.ok("transfer cv whole ./nothing --since base");
    assert!(!sandbox.path("nothing").exists());
}

#[test]
fn a_target_without_the_base_is_told_what_is_missing() {
    let sandbox = sides();
    sandbox.ok("transfer ctf full diff --since base");
    let said = sandbox.fails("transfer ctf diff elsewhere", 3);
    assert!(said.contains("leaves to its base base: sha256:"), "{said}");
    assert!(said.contains("elsewhere: lacks 1 blob"), "{said}");
    assert!(!sandbox.path("elsewhere").exists());
    let said = sandbox.fails("download resource diff//acme.org/app:1.1.0 --identity name=shared --output x", 3);
    assert!(said.contains("is not in this archive but in its base base"), "{said}");
    sandbox.ok("download resource diff//acme.org/app:1.1.0 --identity name=own --output own");
    assert_eq!(sandbox.read("own"), "two");
}

#[test]
fn a_registry_with_the_base_takes_a_differential_archive_and_mounts_across_components() {
    let sandbox = sides();
    let registry = TestRegistry::start().unwrap();
    let target = format!("http://{}/sub/path", registry.address());
    sandbox.ok(&format!("transfer ctf base {target}"));
    sandbox.ok(&format!("get inventory {target}//acme.org/app -o json"));
    sandbox.file("base.json", &sandbox.ok(&format!("get inventory {target}//acme.org/app -o json")));
    sandbox.ok("transfer ctf full diff.tar --since base.json");
    sandbox.ok(&format!("transfer ctf diff.tar {target}"));
    for (component, version) in [("app", "1.0.0"), ("app", "1.1.0"), ("other", "1.0.0")] {
        let reference = format!("{target}//acme.org/{component}:{version}");
        sandbox.ok(&format!("download resource {reference} --identity name=shared --output {component}-{version}"));
        assert_eq!(sandbox.read(&format!("{component}-{version}")), sandbox.read("shared.bin"));
    }
    let empty = TestRegistry::start().unwrap();
    let said = sandbox.fails(&format!("transfer ctf diff.tar http://{}", empty.address()), 3);
    assert!(said.contains("that the differential archive diff.tar leaves to its base"), "{said}");
}

#[test]
fn a_second_differential_archive_builds_on_the_first() {
    let sandbox = sides();
    sandbox.ok("transfer ctf full first --since base");
    sandbox.file("three.txt", "three").file(
        "third.yaml",
        "name: acme.org/app\nversion: 1.2.0\nprovider: {name: acme.org}\nresources:\n\
         - {name: shared, type: blob, input: {type: file, path: shared.bin}}\n\
         - {name: own, type: blob, input: {type: file, path: three.txt}}\n",
    );
    sandbox.ok("add cv -c third.yaml -r full");
    sandbox.ok("transfer cv full//acme.org/app:1.2.0 second --since first");
    let shared = blobs(&sandbox, "second").intersection(&blobs(&sandbox, "base")).count();
    assert_eq!(shared, 0);
    for archive in ["base", "first", "second"] {
        sandbox.ok(&format!("transfer ctf {archive} target"));
    }
    assert_eq!(blobs(&sandbox, "target"), blobs(&sandbox, "full"));
}

#[test]
fn a_killed_transfer_into_an_archive_goes_on_where_it_was() {
    let sandbox = Sandbox::new();
    // Larger than what is not worth keeping, and slow enough to be killed in the middle.
    let noise: Vec<u8> = (0_u64..96 << 20).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    fs::write(sandbox.path("large.bin"), noise).unwrap();
    sandbox.file(
        "large.yaml",
        "name: acme.org/large\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n\
         - {name: large, type: blob, input: {type: file, path: large.bin}}\n",
    );
    sandbox.ok("add cv -c large.yaml -r ctf");
    for target in ["out", "out.tar"] {
        let staging = if target == "out" { sandbox.path("out") } else { sandbox.path(".") };
        let mut command = sandbox.command(&["transfer", "ctf", "ctf", target]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let part = || {
            let folder = fs::read_dir(&staging)
                .ok()?
                .flatten()
                .find(|entry| entry.file_name().to_string_lossy().contains(".staging-"))?;
            let mut files = fs::read_dir(folder.path()).ok()?.flatten();
            files
                .find(|file| file.file_name().to_string_lossy().ends_with(".part"))?
                .metadata()
                .ok()
                .map(|part| part.len())
        };
        let is_running = loop {
            match part() {
                Some(size) if size > 32 << 20 => break true,
                _ if child.try_wait().unwrap().is_some() => break false,
                _ => {}
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        if !is_running || part().is_none() {
            eprintln!("skipped: the transfer was over before it could be killed");
            continue;
        }
        let ran = sandbox.run(&format!("transfer ctf ctf {target}"));
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("taking up what an unfinished run left"), "{}", ran.stderr);
        sandbox.ok(&format!(
            "download resource {target}//acme.org/large:1.0.0 --identity name=large --output got-{target}"
        ));
        assert!(
            fs::read(sandbox.path(&format!("got-{target}"))).unwrap() == fs::read(sandbox.path("large.bin")).unwrap()
        );
        let left = fs::read_dir(&staging).unwrap().flatten();
        assert!(!left.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().contains(".staging-")));
    }
}
