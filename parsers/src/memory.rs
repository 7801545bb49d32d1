//! Large arrays without a page fault for every 4 KiB.

/// Asks the kernel for huge pages behind a large slice that was not touched yet: filling hundreds of megabytes page by page
/// takes a quarter of the time of reading a csr file. A hint: without it everything is the same, slower.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "madvise is the only way to ask for huge pages")]
pub fn prefer_huge_pages<T>(values: &mut [T]) {
    const HUGE: usize = 2 << 20;
    let range = values.as_mut_ptr_range();
    let (start, end) = ((range.start as usize).next_multiple_of(HUGE), range.end as usize / HUGE * HUGE);
    if start < end {
        // SAFETY: the range lies inside `values`, which we borrow; MADV_HUGEPAGE changes no content.
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE) };
    }
}

/// Elsewhere the kernel decides.
#[cfg(not(target_os = "linux"))]
pub fn prefer_huge_pages<T>(_values: &mut [T]) {}
