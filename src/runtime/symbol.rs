//! Functions that libtorch brings along and tch does not bind, by name.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

/// Where the loader finds a function of this name first: in this program, then in the libraries it is linked with.
pub(super) fn symbol(name: &CStr) -> Option<NonNull<c_void>> {
    #[cfg(unix)]
    {
        // SAFETY: dlsym only looks a name up; RTLD_DEFAULT and a string with its NUL are valid arguments.
        NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
    }
    #[cfg(not(unix))]
    {
        let _ = name;
        None
    }
}

/// The same where libtorch has MKL inside: not so but on 64-bit x86 under Linux.
pub(super) fn symbol_of_mkl(name: &CStr) -> Option<NonNull<c_void>> {
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) { symbol(name) } else { None }
}
