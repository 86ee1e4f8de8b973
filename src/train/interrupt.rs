//! Ctrl-C: once to save and stop, twice to abort.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// Exit status of a program ended by SIGINT, as shells count it.
const ABORTED: i32 = 130;

/// Gives a flag that the first Ctrl-C raises; the second one ends the process with status 130. Call it once a process, after
/// [`keep_signals_from_computing`](crate::runtime::keep_signals_from_computing).
pub fn install_interrupt_handler() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    let handler = move || {
        if flag.swap(true, Ordering::SeqCst) {
            // Not `exit`: libtorch's threads may be at work, and its destructors would wait for them or crash.
            // SAFETY: `_exit` only ends the process.
            unsafe { libc::_exit(ABORTED) }
        }
        eprintln!("stopping: the state is saved after this update; Ctrl-C again aborts without saving");
    };
    ctrlc::set_handler(handler).context("cannot watch for Ctrl-C")?;
    Ok(interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Duration;

    const CHILD: &str = "TARGUM_TEST_INTERRUPTED";

    /// Runs itself as another process, which interrupts itself twice.
    #[test]
    fn once_raises_the_flag_and_twice_aborts() {
        if std::env::var_os(CHILD).is_some() {
            let interrupted = install_interrupt_handler().unwrap();
            // SAFETY: `raise` sends this process a signal that it handles.
            let interrupt = || unsafe { libc::raise(libc::SIGINT) };
            assert!(!interrupted.load(Ordering::SeqCst));
            interrupt();
            while !interrupted.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
            eprintln!("raised once");
            interrupt();
            std::thread::sleep(Duration::from_secs(10));
            unreachable!("the second interrupt ends the process");
        }
        let module = module_path!().split_once("::").expect("a module of the crate").1;
        let test = format!("{module}::once_raises_the_flag_and_twice_aborts");
        let child = Command::new(std::env::current_exe().unwrap())
            .args([&test, "--exact", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&child.stderr);
        assert_eq!(child.status.code(), Some(ABORTED), "{stderr}");
        assert!(stderr.contains("raised once") && stderr.contains("Ctrl-C again aborts"), "{stderr}");
    }
}
