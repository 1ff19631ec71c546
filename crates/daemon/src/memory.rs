//! How the C library's allocator deals with memory that was freed.

/// Bytes at the end of the heap beyond which they go back to the system, and of an allocation from which on it has pages
/// of its own, which go back when it is freed. Both are glibc's values at the start of a process.
#[cfg(target_env = "gnu")]
const THRESHOLD: libc::c_int = 128 << 10;

/// Keeps the allocator giving freed memory back to the system. Left alone, glibc takes the largest block that was ever
/// freed, a list of ten thousand files say, for the measure of what to keep (mallopt(3), `M_MMAP_THRESHOLD`): later lists
/// lie between what lives long, and the service keeps their room for ever.
///
/// For a process that is a service, not for one that has it in it: the allocator is the whole process's.
pub(crate) fn give_back_what_is_freed() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two numbers and is safe to call from any thread (mallopt(3), section Attributes); this
    // parameter moves a threshold and touches no memory. What it does not take it says and leaves as it is.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, THRESHOLD);
    }
}
