//! libtorch allocates through libc. Left alone, glibc gives every large tensor back to the system and takes fresh, unmapped pages
//! for the next one: a page fault for every 4 KiB, again and again.

/// Makes libc keep what it has. Call first thing in `main`.
pub fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets numbers of the allocator; the environment is written while there is one thread alone.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 256 << 20);
        // oneDNN compiles its half-precision products for every shape and keeps the last 1,024 of them, scattered over the memory; batches of
        // all lengths hardly meet a shape again. What the user says comes first.
        libc::setenv(c"ONEDNN_PRIMITIVE_CACHE_CAPACITY".as_ptr(), c"32".as_ptr(), 0);
    }
}
