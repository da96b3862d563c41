//! Makes a folder of web files ready to be served: what a browser is told about each of them, and
//! a compressed copy where one is worth having. The build script packs the dashboard, the tests
//! pack folders of their own.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{Error, Result, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// One file of the folder.
pub struct Packed {
    /// Where it is served: its path in the folder, from a slash on.
    pub path: String,
    pub content_type: &'static str,
    pub etag: String,
    pub bytes: Vec<u8>,
    /// Only where it is smaller.
    pub gzip: Option<Vec<u8>>,
}

/// All files in the folder and below it, by path.
pub fn pack(folder: &Path) -> Result<Vec<Packed>> {
    let mut packed = Vec::new();
    pack_below(folder, "", &mut packed)?;
    packed.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(packed)
}

fn pack_below(folder: &Path, path: &str, packed: &mut Vec<Packed>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| Error::other("a name that is no text"))?;
        let path = format!("{path}/{name}");
        if entry.file_type()?.is_dir() {
            pack_below(&entry.path(), &path, packed)?;
        } else {
            packed.push(pack_file(path, fs::read(entry.path())?)?);
        }
    }
    Ok(())
}

fn pack_file(path: String, bytes: Vec<u8>) -> Result<Packed> {
    let (content_type, is_compressed) = kind_of(&path)
        .ok_or_else(|| Error::other(format!("{path}: of which type is it? Say so in pack.rs")))?;
    let gzip = if is_compressed { None } else { compress(&bytes)? };
    // It need only differ where the bytes do, so it needs no cryptographic hash. Weak, because the
    // compressed copy goes by the same one.
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let etag = format!("W/\"{:016x}\"", hasher.finish());
    Ok(Packed { path, content_type, etag, bytes, gzip })
}

/// The content type, and whether the format is a compressed one.
fn kind_of(path: &str) -> Option<(&'static str, bool)> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "html" => ("text/html; charset=utf-8", false),
        "js" | "mjs" => ("text/javascript; charset=utf-8", false),
        "css" => ("text/css; charset=utf-8", false),
        "json" | "map" => ("application/json", false),
        "webmanifest" => ("application/manifest+json", false),
        "svg" => ("image/svg+xml", false),
        "txt" => ("text/plain; charset=utf-8", false),
        "ico" => ("image/x-icon", false),
        "png" => ("image/png", true),
        "webp" => ("image/webp", true),
        "woff2" => ("font/woff2", true),
        _ => return None,
    })
}

fn compress(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    let gzip = encoder.finish()?;
    Ok((gzip.len() < bytes.len()).then_some(gzip))
}
