//! Which file of a folder is what.

/// Does a file of this name belong to SIESTA alone?
pub fn is_own(name: &str) -> bool {
    [".HSX", ".TSHS", ".TSDE", ".DM", ".fdf", ".XV", "H_DMGEN", "H_IN"].iter().any(|end| name.ends_with(end))
}
