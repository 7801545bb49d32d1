//! How much memory is there.

use std::fs::read_to_string;
use std::path::Path;

/// Bytes that this process can still take, on Linux: without others being pushed out, as the kernel estimates it, within the
/// limits of its control groups (a job's, a container's) and of its address space. `None` elsewhere.
pub fn available() -> Option<usize> {
    let free = 1024 * number_after(&read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    Some([control_groups(), address_space()].into_iter().flatten().fold(free, usize::min))
}

/// The first number after `key`, which begins a line.
fn number_after(text: &str, key: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What RLIMIT_AS leaves (`ulimit -v`).
fn address_space() -> Option<usize> {
    let limit = number_after(&read_to_string("/proc/self/limits").ok()?, "Max address space")?;
    let taken = 1024 * number_after(&read_to_string("/proc/self/status").ok()?, "VmSize:")?;
    Some(limit.saturating_sub(taken))
}

/// What the control groups of this process leave.
fn control_groups() -> Option<usize> {
    let groups = read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().filter_map(|line| room_in(Path::new("/sys/fs/cgroup"), line)).min()
}

/// What the group of one line of /proc/self/cgroup and those that it is part of leave, the first version's or the second's.
fn room_in(root: &Path, line: &str) -> Option<usize> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, group) = (fields.next()?, fields.next()?.trim_start_matches('/'));
    let (root, limit, usage) = match controllers {
        "" => (root.to_owned(), "memory.max", "memory.current"),
        "memory" => (root.join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
        _ => return None,
    };
    let read = |folder: &Path, file: &str| read_to_string(folder.join(file)).ok()?.trim().parse::<usize>().ok();
    let room = |folder: &Path| {
        // The kernel gives files' pages back first.
        let cached =
            read_to_string(folder.join("memory.stat")).ok().and_then(|text| number_after(&text, "inactive_file"));
        let taken = read(folder, usage)?.saturating_sub(cached.unwrap_or(0));
        Some(read(folder, limit)?.saturating_sub(taken))
    };
    root.join(group).ancestors().take_while(|folder| folder.starts_with(&root)).filter_map(room).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_of_nested_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |folder: &str, file: &str, text: &str| {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
            std::fs::write(root.path().join(folder).join(file), text).unwrap();
        };
        write("job", "memory.max", "5000\n");
        write("job", "memory.current", "2000\n");
        write("job", "memory.stat", "anon 7\ninactive_file 500\n");
        write("job/step", "memory.max", "max\n");
        write("job/step", "memory.current", "2000\n");
        assert_eq!(room_in(root.path(), "0::/job/step"), Some(3500));
        write("memory/job", "memory.limit_in_bytes", "900\n");
        write("memory/job", "memory.usage_in_bytes", "1000\n");
        assert_eq!(room_in(root.path(), "4:memory:/job"), Some(0));
        assert_eq!(room_in(root.path(), "4:cpu:/job"), None);
    }

    #[test]
    fn a_machine_has_memory() {
        assert!(!cfg!(target_os = "linux") || available().is_some_and(|bytes| bytes > 1 << 20));
    }
}
