//! Archives that were made to do harm, given to both readers: the index and the extraction.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_push_string, missing_docs)]

mod raw_tar;

use std::path::Path;

use ocm_blob::{Archive, Error, ExtractOptions, Extracted, Kind, Limits, Links, extract_from};
use proptest::prelude::*;
use raw_tar::{archive, directory, end, entry, extended, file, gzip, hard_link, sized_entry, symbolic_link};

fn index(bytes: &[u8], limits: Limits) -> Result<Archive, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    std::fs::write(&path, bytes).unwrap();
    Archive::index(&path, limits)
}

/// Unpacks into `<sandbox>/target`; the sandbox must hold nothing else afterwards, and nothing at all after a failure.
fn unpack(bytes: &[u8], options: ExtractOptions) -> Result<Extracted, Error> {
    let sandbox = tempfile::tempdir().unwrap();
    let result = extract_from(bytes, &sandbox.path().join("target"), options);
    let left: Vec<_> = names(sandbox.path());
    assert_eq!(left, if result.is_ok() { vec!["target"] } else { vec![] });
    result
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn malformed_archives_are_refused_by_both_readers() {
    let global = |records: &str| entry(b"global", b'g', b"", records.as_bytes());
    let long_name = |name: &str| entry(b"././@LongLink", b'L', b"", name.as_bytes());
    let mut bad_checksum = file("a", "a");
    bad_checksum[0] = b'b';
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "empty"),
        ("text", b"hello".to_vec(), "truncated"),
        ("long text", vec![b'x'; 2048], "checksum"),
        ("wrong checksum", archive(&[bad_checksum]), "checksum"),
        ("cut in a header", file("a", "a")[..300].to_vec(), "truncated"),
        ("cut in content", file("a", &"a".repeat(2000))[..1500].to_vec(), "truncated"),
        ("cut in padding", file("a", &"a".repeat(2000))[..2520].to_vec(), "truncated"),
        ("size beyond the end", archive(&[sized_entry(b"a", b'0', b"", 1 << 40, b"a")]), "truncated"),
        ("content after the end", [archive(&[file("a", "a")]), file("b", "b")].concat(), "after its end"),
        ("content after one zero block", [file("a", "a"), vec![0; 512], file("b", "b")].concat(), "after its end"),
        ("duplicate", archive(&[file("a", "1"), file("./a", "2")]), "twice"),
        ("file and directory", archive(&[file("a", "1"), directory("a")]), "\"a\""),
        ("file named like a directory", archive(&[file("a/", "a")]), "name is that of a directory"),
        ("unknown type", archive(&[entry(b"a", b'Z', b"", b"")]), "unknown type"),
        ("sparse file", archive(&[entry(b"a", b'S', b"", b"")]), "sparse"),
        ("pax sparse file", archive(&[extended(&[("GNU.sparse.major", "1")]), file("a", "a")]), "sparse"),
        ("directory with content", archive(&[entry(b"d", b'5', b"", b"content")]), "has content"),
        ("link with content", archive(&[entry(b"l", b'2', b"a", b"content")]), "has content"),
        ("malformed pax record", archive(&[entry(b"p", b'x', b"", b"99 path=a\n"), file("a", "a")]), "malformed"),
        ("pax record without end", archive(&[entry(b"p", b'x', b"", b"9 path=ab"), file("a", "a")]), "malformed"),
        ("zeros after pax records", archive(&[entry(b"p", b'x', b"", b"10 path=b\n\0"), file("a", "a")]), "malformed"),
        (
            "two pax headers",
            archive(&[extended(&[("path", "b")]), extended(&[("path", "c")]), file("a", "a")]),
            "two extended",
        ),
        ("two pax paths", archive(&[extended(&[("path", "b"), ("path", "c")]), file("a", "a")]), "two records"),
        ("pax and GNU name", archive(&[extended(&[("path", "b")]), long_name("c"), file("a", "a")]), "two names"),
        ("negative pax size", archive(&[extended(&[("size", "-1")]), file("a", "a")]), "invalid size"),
        ("global pax path", archive(&[global("10 path=b\n"), file("a", "a")]), "global"),
        ("pax header at the end", archive(&[extended(&[("path", "b")])]), "extended header"),
        ("long name with NUL inside", archive(&[long_name("a\0b"), file("a", "a")]), "long name"),
        (
            "long link target",
            archive(&[extended(&[("linkpath", &"a/".repeat(3000))]), symbolic_link("l", "a")]),
            "invalid target",
        ),
        ("empty link target", archive(&[symbolic_link("l", "")]), "target"),
        ("zstd", b"\x28\xb5\x2f\xfd0123456789".to_vec(), "zstd"),
    ];
    for (what, bytes, reason) in cases {
        for (reader, error) in [
            ("index", index(&bytes, Limits::default()).err()),
            ("extraction", unpack(&bytes, ExtractOptions::default()).err()),
            ("compressed index", index(&gzip(&bytes), Limits::default()).err().filter(|_| !bytes.is_empty())),
        ] {
            if reader == "compressed index" && ["empty", "zstd"].contains(&what) {
                continue;
            }
            let error = error.unwrap_or_else(|| panic!("{what}: accepted by {reader}")).to_string();
            assert!(error.contains(reason), "{what}, {reader}: {error}");
        }
    }
}

/// CVE-2025-62518: the pax header says the entry has content, the ustar header says it has none. A reader that believes
/// the latter takes the content for entries of the archive.
#[test]
fn the_size_in_an_extended_header_is_law() {
    let inner = archive(&[file("smuggled", "evil")]);
    let size = inner.len().to_string();
    let mut outer = extended(&[("size", &size)]);
    outer.extend(sized_entry(b"outer.tar", b'0', b"", 0, b""));
    outer.extend(&inner);
    outer.extend(file("after", "good"));
    outer.extend(end());
    let archive = index(&outer, Limits::default()).unwrap();
    let seen: Vec<_> = archive.entries().iter().map(|entry| (entry.path().as_str(), entry.size())).collect();
    assert_eq!(seen, [("outer.tar", inner.len() as u64), ("after", 4)]);
    assert_eq!(unpack(&outer, ExtractOptions::default()).unwrap().files, 2);
}

#[test]
fn names_that_lead_out_are_never_entries() {
    for name in [&b"../evil"[..], b"/tmp/evil", b"a/../../evil", b"a\\..\\evil", b"..", b"\xff\xfe"] {
        let bytes = archive(&[file("good", "good"), entry(name, b'0', b"", b"evil")]);
        let index = index(&bytes, Limits::default()).unwrap();
        assert_eq!((index.entries().len(), index.refused().len()), (1, 1), "{name:?}");
        assert!(index.refuse_foreign_paths().is_err());
        assert!(index.entry(&String::from_utf8_lossy(name)).is_none());
        assert!(unpack(&bytes, ExtractOptions::default()).is_err(), "{name:?}");
    }
    let long = archive(&[extended(&[("path", "x/../../evil")]), file("good", "evil")]);
    assert!(unpack(&long, ExtractOptions::default()).is_err());
}

#[test]
fn links_cannot_be_used_to_write_or_point_outside() {
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("through a link", vec![symbolic_link("d", "/tmp"), file("d/evil", "evil")]),
        ("through a link inside", vec![directory("real"), symbolic_link("d", "real"), file("d/evil", "evil")]),
        ("link over a directory", vec![file("d/good", "good"), symbolic_link("d", "/tmp")]),
        ("file over a link", vec![symbolic_link("l", "x"), file("l", "evil")]),
        ("directory over a link", vec![symbolic_link("l", "x"), directory("l")]),
        ("absolute target", vec![symbolic_link("l", "/etc/passwd")]),
        ("target outside", vec![symbolic_link("l", "../evil")]),
        ("outside by way of a link", vec![symbolic_link("up", "."), symbolic_link("l", "up/../../evil")]),
        ("deep outside", vec![symbolic_link("a/b/l", "../../../evil")]),
        ("hard link outside", vec![hard_link("l", "../../etc/passwd")]),
        ("absolute hard link", vec![hard_link("l", "/etc/passwd")]),
        ("hard link to a file of the current directory", vec![hard_link("l", "Cargo.toml")]),
        ("hard link to a link", vec![symbolic_link("s", "x"), hard_link("l", "s")]),
        ("hard link to a later file", vec![hard_link("l", "a"), file("a", "a")]),
        ("hard link to itself", vec![hard_link("l", "l")]),
        ("character device", vec![entry(b"null", b'3', b"", b"")]),
        ("block device", vec![entry(b"sda", b'4', b"", b"")]),
        ("pipe", vec![entry(b"fifo", b'6', b"", b"")]),
        ("root as a file", vec![file("./", "evil")]),
        ("root as a link", vec![symbolic_link(".", "/tmp")]),
        ("file as a directory", vec![file("a", "a"), file("a/b", "b")]),
    ];
    for (what, entries) in cases {
        let bytes = archive(&entries);
        assert!(unpack(&bytes, ExtractOptions::default()).is_err(), "{what}");
        assert!(unpack(&gzip(&bytes), ExtractOptions::default()).is_err(), "{what}, compressed");
    }
}

#[test]
fn every_link_can_be_refused() {
    let options = ExtractOptions { links: Links::Refuse, ..ExtractOptions::default() };
    assert!(unpack(&archive(&[file("a", "a"), symbolic_link("l", "a")]), options).is_err());
    assert!(unpack(&archive(&[file("a", "a"), hard_link("l", "a")]), options).is_err());
}

#[test]
fn bombs_are_stopped() {
    let limits = Limits { entries: 10, names: 1 << 20, expanded: 1 << 20, ratio: 100, ratio_from: 1 << 18 };
    let options = ExtractOptions { limits, ..ExtractOptions::default() };
    let many = archive(&(0..11).map(|at| file(&format!("f{at}"), "")).collect::<Vec<_>>());
    let zeros = gzip(&archive(&[file("zeros", &"\0".repeat(900_000))]));
    let large = archive(&[file("a", &"a".repeat(700_000)), file("b", &"b".repeat(700_000))]);
    let copies = archive(&[file("a", &"a".repeat(700_000)), hard_link("b", "a")]);
    assert!(index(&many, limits).is_err_and(|error| error.to_string().contains("entries")));
    assert!(index(&zeros, limits).is_err_and(|error| error.to_string().contains("bomb")));
    for bytes in [many, zeros, large, copies] {
        assert!(unpack(&bytes, options).is_err());
    }
}

/// Names that are refused are kept too, for messages, and are up to a mebibyte long.
#[test]
fn names_take_bounded_memory() {
    let limits = Limits { names: 10_000, ..Limits::default() };
    let named = |name: String| [extended(&[("path", &name)]), file("short", "")].concat();
    for first in ["../", "n/"] {
        let few = archive(&(0..2).map(|at| named(format!("{first}{at}{}", "a".repeat(4000)))).collect::<Vec<_>>());
        let many = archive(&(0..3).map(|at| named(format!("{first}{at}{}", "a".repeat(4000)))).collect::<Vec<_>>());
        assert!(index(&few, limits).is_ok(), "{first}");
        assert!(index(&many, limits).is_err_and(|error| error.to_string().contains("bytes of names")), "{first}");
    }
    // What links lead to is kept as well.
    let link = |at| [extended(&[("linkpath", &"a".repeat(4000))]), symbolic_link(&format!("l{at}"), "short")].concat();
    assert!(index(&archive(&[link(0), link(1)]), limits).is_ok());
    let error = index(&archive(&[link(0), link(1), link(2)]), limits).err().unwrap();
    assert!(error.to_string().contains("bytes of names"), "{error}");
}

/// A file with holes has a size of any number of terabytes and takes no room.
#[test]
fn zeros_behind_the_end_are_read_up_to_a_limit() {
    let holes = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(holes.path(), archive(&[file("a", "a")])).unwrap();
    holes.as_file().set_len(1 << 20).unwrap();
    assert_eq!(Archive::index(holes.path(), Limits::default()).unwrap().entries().len(), 1);
    holes.as_file().set_len(1 << 42).unwrap();
    let error = Archive::index(holes.path(), Limits::default()).err().unwrap().to_string();
    assert!(error.contains("behind its end"), "{error}");
}

#[test]
fn damaged_compression_is_an_error() {
    let mut bytes = gzip(&archive(&[file("a", "content")]));
    for cut in [bytes.len() - 1, bytes.len() - 8, bytes.len() / 2, 5] {
        assert!(index(&bytes[..cut], Limits::default()).is_err(), "{cut}");
        assert!(unpack(&bytes[..cut], ExtractOptions::default()).is_err(), "{cut}");
    }
    let checksum = bytes.len() - 6;
    bytes[checksum] ^= 1;
    assert!(index(&bytes, Limits::default()).is_err());
    assert!(unpack(&bytes, ExtractOptions::default()).is_err());
}

#[test]
fn a_missing_end_is_tolerated() {
    let bytes = [file("a", "a"), file("b", "b")].concat();
    let opened = index(&bytes, Limits::default()).unwrap();
    assert_eq!((opened.entries().len(), opened.is_ended()), (2, false));
    let whole = archive(&[file("a", "a")]);
    assert!([whole.clone(), gzip(&whole)].iter().all(|bytes| index(bytes, Limits::default()).unwrap().is_ended()));
    assert_eq!(unpack(&bytes, ExtractOptions::default()).unwrap().files, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is done to an archive: nobody panics, both readers see the same files, and so does another program's
    /// reader as far as it gets.
    #[test]
    fn readers_agree_about_damaged_archives(changes in prop::collection::vec((0_usize..6144, any::<u8>()), 0..4), cut in 0_usize..60_000) {
        let mut bytes = archive(&[
            directory("./"),
            file("./a", "content"),
            extended(&[("path", "b"), ("size", "600")]),
            sized_entry(b"short", b'0', b"", 600, &[b'x'; 600]),
            symbolic_link("l", "a"),
            file("c", ""),
        ]);
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        // Right checksums, so that the readers look further than that.
        for block in bytes.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
            block[148..156].copy_from_slice(b"        ");
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        if cut < bytes.len() {
            bytes.truncate(cut.max(1));
        }
        let index = index(&bytes, Limits::default());
        if let Ok(extracted) = unpack(&bytes, ExtractOptions::default()) {
            let index = index.as_ref().expect("the extraction took it");
            let files: Vec<_> = index.entries().iter().filter(|entry| *entry.kind() == Kind::File).collect();
            prop_assert_eq!(files.len(), extracted.files);
            prop_assert_eq!(files.iter().map(|entry| entry.size()).sum::<u64>(), extracted.bytes);
        }
        if let Ok(index) = index {
            let mut other = tar::Archive::new(&bytes[..]);
            let others: Vec<_> = other.entries().unwrap().map_while(Result::ok).map(|entry| entry.raw_file_position()).collect();
            let ours: Vec<_> = index.entries().iter().map(ocm_blob::Entry::offset).collect();
            prop_assert!(index.refused().is_empty() && others == ours || !index.refused().is_empty(), "{:?} {:?}", ours, others);
        }
    }
}
