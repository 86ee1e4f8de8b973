//! Which thread handles signals.

use std::mem::MaybeUninit;
use std::ptr;

/// From here on Ctrl-C reaches a thread of its own, and none that computes. A handler's frame is laid on the stack of the thread that it
/// interrupts, and half of all trainings that were interrupted in a product of libtorch's LSTM went on with a corrupted heap; none does since
/// the frame lies elsewhere. Call it before there are other threads: those that come later are like the one that starts them.
pub fn keep_signals_from_computing() {
    std::thread::spawn(|| {
        loop {
            std::thread::park();
        }
    });
    let mut signals = MaybeUninit::uninit();
    // SAFETY: the set is made empty before it is used, and no former mask is asked for.
    unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGINT);
        libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ptr(), ptr::null_mut());
    }
}
