//! Where the time and the memory of a prediction go.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

/// One part of the work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    /// Its name, with `_` for blanks.
    pub name: &'static str,
    /// Seconds on the clock.
    pub seconds: f64,
    /// CPU seconds of all threads; `None` where the system does not tell.
    pub cpu_seconds: Option<f64>,
    /// The most memory that the process has held until the end of this phase, MB; `None` where the system does not tell.
    pub peak_memory_mb: Option<f64>,
}

/// All parts, in the order in which they began first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Phases(Vec<Phase>);

impl Phases {
    /// Does some work and notes what it took; parts of the same name are added up.
    pub fn note<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let result = work();
        self.add(Phase {
            name,
            seconds: start.elapsed().as_secs_f64(),
            cpu_seconds: cpu.zip(cpu_seconds()).map(|(before, after)| after - before),
            peak_memory_mb: peak_memory().map(|bytes| bytes as f64 / 1e6),
        });
        result
    }

    /// The phases in order.
    pub fn iter(&self) -> impl Iterator<Item = &Phase> {
        self.0.iter()
    }

    /// Adds all phases of another list.
    pub fn extend(&mut self, other: Phases) {
        other.0.into_iter().for_each(|phase| self.add(phase));
    }

    /// Seconds on the clock of all phases.
    pub fn seconds(&self) -> f64 {
        self.0.iter().map(|phase| phase.seconds).sum()
    }

    /// Seconds on the clock by name.
    pub fn by_name(&self) -> BTreeMap<&'static str, f64> {
        self.0.iter().map(|phase| (phase.name, phase.seconds)).collect()
    }

    fn add(&mut self, phase: Phase) {
        let Some(known) = self.0.iter_mut().find(|known| known.name == phase.name) else { return self.0.push(phase) };
        known.seconds += phase.seconds;
        known.cpu_seconds = known.cpu_seconds.zip(phase.cpu_seconds).map(|(a, b)| a + b);
        known.peak_memory_mb = phase.peak_memory_mb;
    }
}

/// Most memory that this process has held at any time, bytes (Linux).
pub fn peak_memory() -> Option<u64> {
    peak_memory_of(std::process::id())
}

/// Most memory that a running process has held at any time, bytes (Linux).
pub fn peak_memory_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// CPU time of this process so far, to a hundredth of a second (Linux).
pub fn cpu_seconds() -> Option<f64> {
    ticks_from(14)
}

/// CPU time of the processes that this one started and that have ended, to a hundredth of a second (Linux).
pub fn children_cpu_seconds() -> Option<f64> {
    ticks_from(16)
}

/// Sum of two fields of `/proc/self/stat`, time for the program and for the system; the first is number 1, and the second, the name
/// in brackets, may hold blanks.
fn ticks_from(field: usize) -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let ticks = after_name.split_ascii_whitespace().skip(field - 3).take(2).map(|field| field.parse::<u64>().ok());
    Some(ticks.sum::<Option<u64>>()? as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_one_name_are_added() {
        let mut phases = Phases::default();
        let busy = || std::hint::black_box((0..20_000_000_u64).map(|k| k ^ 7).fold(0, u64::wrapping_add));
        let first = phases.note("read", busy);
        phases.note("write", || ());
        assert_eq!(phases.note("read", busy), first);
        let names: Vec<&str> = phases.iter().map(|phase| phase.name).collect();
        assert_eq!(names, ["read", "write"]);
        assert_eq!(phases.seconds(), phases.by_name().values().sum::<f64>());
        assert!(phases.iter().all(|phase| phase.seconds >= 0.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_time_and_memory() {
        let (start, before) = (Instant::now(), cpu_seconds().unwrap());
        // On a machine with much else to do it may take long until the counter moves.
        while cpu_seconds().unwrap() == before {
            assert!(start.elapsed().as_secs() < 60, "the process gets no time");
        }
        assert!(cpu_seconds().unwrap() > before && peak_memory().unwrap() > 1 << 20);
    }
}
