//! Which file of a folder is what.

/// Does a file of this name belong to OpenMX alone?
pub fn is_own(name: &str) -> bool {
    [".scfout"].iter().any(|end| name.ends_with(end))
}
