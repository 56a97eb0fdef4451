//! Tar archives byte by byte, right and wrong ones alike.

/// One header and its content, padded.
pub(crate) fn entry(name: &[u8], type_flag: u8, link: &[u8], content: &[u8]) -> Vec<u8> {
    sized_entry(name, type_flag, link, content.len() as u64, content)
}

/// The same with a size of its own in the header.
pub(crate) fn sized_entry(name: &[u8], type_flag: u8, link: &[u8], size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let bytes = header.as_mut_bytes();
    bytes[..name.len()].copy_from_slice(name);
    bytes[157..157 + link.len()].copy_from_slice(link);
    bytes[156] = type_flag;
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    let mut entry = header.as_bytes().to_vec();
    entry.extend_from_slice(content);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

pub(crate) fn file(name: &str, content: &str) -> Vec<u8> {
    entry(name.as_bytes(), b'0', b"", content.as_bytes())
}

pub(crate) fn directory(name: &str) -> Vec<u8> {
    entry(name.as_bytes(), b'5', b"", b"")
}

pub(crate) fn symbolic_link(name: &str, target: &str) -> Vec<u8> {
    entry(name.as_bytes(), b'2', target.as_bytes(), b"")
}

pub(crate) fn hard_link(name: &str, target: &str) -> Vec<u8> {
    entry(name.as_bytes(), b'1', target.as_bytes(), b"")
}

/// An extended header with the given records.
pub(crate) fn extended(records: &[(&str, &str)]) -> Vec<u8> {
    let mut content = String::new();
    for (keyword, value) in records {
        let body = keyword.len() + value.len() + 3;
        let length = (body + 1..body + 9).find(|length| length - body == length.to_string().len()).unwrap();
        content.push_str(&format!("{length} {keyword}={value}\n"));
    }
    entry(b"pax", b'x', b"", content.as_bytes())
}

/// The end of an archive.
pub(crate) fn end() -> Vec<u8> {
    vec![0; 1024]
}

/// A whole archive.
pub(crate) fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), end()].concat()
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
