//! Puts the dashboard into the binary: packs `web/dist`, or the page that stands in for it where
//! the dashboard was not built, and writes the table that `src/dashboard.rs` includes. Cargo alone
//! is enough to build; Node is needed for the dashboard only.

mod pack;

use std::fmt::Write;
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

use pack::{Packed, pack};

const BUILT: &str = "../../web/dist";
const NOT_BUILT: &str = "assets/not-built";

fn main() -> Result<()> {
    let out = std::env::var_os("OUT_DIR").ok_or_else(|| Error::other("cargo names a folder"))?;
    let out = PathBuf::from(out);

    // Cargo would run this script at every build for a folder that is not there, so an empty one
    // is made. Where nothing can be written, that is what it does.
    let _ = fs::create_dir_all(BUILT);
    for folder in [BUILT, NOT_BUILT] {
        println!("cargo::rerun-if-changed={folder}");
    }

    let is_built = Path::new(BUILT).join("index.html").is_file();
    let packed = pack(Path::new(if is_built { BUILT } else { NOT_BUILT }))?;
    let copies = out.join("dashboard");
    if copies.is_dir() {
        fs::remove_dir_all(&copies)?;
    }
    fs::create_dir_all(&copies)?;
    fs::write(out.join("dashboard.rs"), table(&packed, &copies)?)
}

/// The files as a Rust expression. It includes copies, so that the bytes are surely those that the
/// etags were made of.
fn table(packed: &[Packed], copies: &Path) -> Result<String> {
    let mut table = String::from("&[\n");
    for (index, file) in packed.iter().enumerate() {
        fs::write(copies.join(index.to_string()), &file.bytes)?;
        let bytes = format!("include_bytes!(\"dashboard/{index}\")");
        let gzip = match &file.gzip {
            Some(gzip) => {
                fs::write(copies.join(format!("{index}.gz")), gzip)?;
                format!("Some(include_bytes!(\"dashboard/{index}.gz\"))")
            }
            None => "None".to_owned(),
        };
        let Packed { path, content_type, etag, .. } = file;
        writeln!(
            table,
            "File {{ path: {path:?}, content_type: {content_type:?}, etag: {etag:?}, \
             bytes: {bytes}, gzip: {gzip} }},"
        )
        .map_err(Error::other)?;
    }
    table.push_str("]\n");
    Ok(table)
}
