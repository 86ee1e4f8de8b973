//! Run paths, so that programs find libtorch without LD_LIBRARY_PATH.
//!
//! Targum's own binary looks beside itself (`$ORIGIN`, `$ORIGIN/../lib`: it may be moved together with its libraries), then where torch-sys
//! found libtorch. Programs that depend on Targum: `cargo run` and `cargo test` find libtorch by the link below; to start them without
//! cargo, their build script passes `DEP_TARGUM_LIBTORCH_LIB` on as a run path (docs/extending.md).
//!
//! Only direct dependants of torch-sys see `DEP_TCH_LIBTORCH_LIB`, which is why Cargo.toml names torch-sys beside tch.

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else { return };
    for path in ["$ORIGIN".into(), "$ORIGIN/../lib".into(), lib.to_string_lossy()] {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{path}");
    }
    println!("cargo::rustc-env=TARGUM_LIBTORCH_LIB={}", lib.display());
    println!("cargo::metadata=LIBTORCH_LIB={}", lib.display());
    link_from_target_folder(&lib);
}

/// Cargo lets a program that it starts look for libraries in search paths inside the target folder, and in no others.
fn link_from_target_folder(lib: &std::path::Path) {
    #[cfg(unix)]
    {
        let link = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("libtorch");
        let _ = std::fs::remove_file(&link);
        match std::os::unix::fs::symlink(lib, &link) {
            Ok(()) => println!("cargo::rustc-link-search=native={}", link.display()),
            Err(error) => println!("cargo::warning={}: cannot link to libtorch: {error}", link.display()),
        }
    }
    #[cfg(not(unix))]
    let _ = lib;
}
