//! libtorch allocates through libc. Left alone, glibc gives every large tensor back to the system and takes fresh, unmapped pages
//! for the next one: a page fault for every 4 KiB, again and again.

/// Makes libc keep what it has. Call first thing in `main`.
pub fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets numbers of the allocator; it may be called at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 256 << 20);
    }
}
