//! The shared library's name for the dynamic linker, and that it stays loaded: its threads outlive `dlclose`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libdosvc.so.0");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
