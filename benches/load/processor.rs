//! Where threads run, and for how long they did.
#![allow(unsafe_code, reason = "std does not move threads")]

use std::time::Duration;
use std::{fs, io};

use crate::Failure;
use crate::forwarder::Ready;

/// Has a thread run on one core alone; 0 is the calling one.
pub(crate) fn pin(tid: u32, core: usize) -> io::Result<()> {
    // SAFETY: all-zero bytes are an empty set of cores.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `core` is below the 1,024 that a set has room for.
    unsafe { libc::CPU_SET(core, &mut cores) };
    // SAFETY: the pointer and the length describe `cores`, which outlives the call.
    let done =
        unsafe { libc::sched_setaffinity(tid as i32, size_of_val(&cores), &raw const cores) };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// For how long the threads of the forwarder have run: one forwards, and some may help it.
pub(crate) fn spent(ready: &Ready) -> Result<Duration, Failure> {
    let mut ran = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", ready.pid))? {
        let account = fs::read_to_string(thread?.path().join("schedstat"))?;
        let of_it: u64 = account
            .split(' ')
            .next()
            .ok_or("an empty account")?
            .parse()?;
        ran += of_it;
    }
    Ok(Duration::from_nanos(ran))
}
