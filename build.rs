//! Adds the run path of the libtorch that torch-sys found, so that the binary starts without LD_LIBRARY_PATH.
//! Only direct dependants of torch-sys see `DEP_TCH_LIBTORCH_LIB`, which is why Cargo.toml names torch-sys beside tch.

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    if let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") {
        let lib = lib.to_string_lossy();
        println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
        println!("cargo::rustc-env=TARGUM_LIBTORCH_LIB={lib}");
    }
}
