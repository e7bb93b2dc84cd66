//! Embeds every file of `migrations/`, so that a binary contains the schema it was built for.

use std::{env, fmt::Write as _, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let var = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other("cargo sets this"));
    let folder = var("CARGO_MANIFEST_DIR")?.join("../../migrations");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<_> = fs::read_dir(&folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    let mut list = String::from("&[");
    for file in files.iter().filter(|file| file.path().is_file()) {
        println!("cargo::rerun-if-changed={}", file.path().display());
        let (name, path) =
            (file.file_name().into_string(), file.path().canonicalize()?.into_os_string().into_string());
        let (Ok(name), Ok(path)) = (name, path) else {
            return Err(io::Error::other("a path that is not UTF-8"));
        };
        write!(list, "({name:?}, include_bytes!({path:?}) as &[u8]),").map_err(io::Error::other)?;
    }
    list.push(']');
    fs::write(var("OUT_DIR")?.join("embedded.rs"), list)
}
