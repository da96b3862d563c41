//! What the allocator is asked for, beside memory.

/// Gives memory that was freed back to the system. The allocator does that by itself as it goes on
/// allocating, which a server at rest does not do: it would keep all that starting up needed, 3 to
/// 5 MB of some 41.
#[expect(unsafe_code, reason = "a C function that takes no pointer and may be called at any time")]
pub fn give_back() {
    // SAFETY: frees only what is free already, under the allocator's own locks.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
