//! Usage: CPU time and memory of a process and its children, as Linux tells in /proc (proc(5)).

use std::collections::VecDeque;
use std::fs;
use std::time::Duration;

use anyhow::Context;

/// What a process tree has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// User and system time, with that of children that have ended.
    pub cpu: Duration,
    /// Resident memory at this moment.
    pub resident_bytes: u64,
}

impl Usage {
    /// Of a process and all that come from it.
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let mut usage = Self::of_one(pid).with_context(|| format!("there is no process {pid} to measure"))?;
        let mut unseen: VecDeque<u32> = children(pid).into();
        while let Some(child) = unseen.pop_front() {
            // One that has ended meanwhile counts with its parent.
            if let Some(its) = Self::of_one(child) {
                usage.cpu += its.cpu;
                usage.resident_bytes += its.resident_bytes;
                unseen.extend(children(child));
            }
        }
        Ok(usage)
    }

    /// Of this process alone: a child of it may be what is measured.
    pub(super) fn of_this_process() -> anyhow::Result<Self> {
        Self::of_one(std::process::id()).context("this process is not in /proc")
    }

    fn of_one(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Understands /proc/PID/stat. The name of the program, in parentheses, may have anything in it.
    fn parse(stat: &str) -> Option<Self> {
        const UTIME: usize = 11;
        const CSTIME: usize = 14;
        const RSS: usize = 21;
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = fields.get(UTIME..=CSTIME)?.iter().map(|field| field.parse::<u64>().ok());
        let ticks = ticks.sum::<Option<u64>>()?;
        let pages: u64 = fields.get(RSS)?.parse().ok()?;
        let cpu = Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64);
        Some(Self { cpu, resident_bytes: pages * rustix::param::page_size() as u64 })
    }
}

/// Processes that come from any thread of a process.
fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_is_understood_whatever_the_program_is_called() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 7 3 20 0 1 0 100 1000000 256 18446744073709551615";
        let usage = Usage::parse(stat).unwrap();
        let seconds = 310.0 / rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(usage.cpu, Duration::from_secs_f64(seconds));
        assert_eq!(usage.resident_bytes, 256 * rustix::param::page_size() as u64);
        assert_eq!(Usage::parse("42 (short) S 1"), None);
    }

    #[test]
    fn this_process_is_there_and_one_that_cannot_be_is_not() {
        assert!(Usage::of(std::process::id()).unwrap().resident_bytes > 0);
        assert!(Usage::of(u32::MAX).is_err());
    }
}
