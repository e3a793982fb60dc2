//! Threads that help one that has work to divide.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Threads that help one that has work to divide, and sleep while there is none.
///
/// They end when it is dropped, which waits for them.
pub struct Crew {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    begin: Condvar,
    end: Condvar,
    /// Counts tasks, for who looks whether there is a new one without the lock.
    begun: AtomicUsize,
    /// Helpers at work; changed under the lock.
    busy: AtomicUsize,
}

struct State {
    task: Option<Task>,
    /// Helpers that may still begin with the task.
    wanted: usize,
    asleep: usize,
    panic: Option<Box<dyn Any + Send>>,
    over: bool,
}

/// A borrowed task whose lifetime nobody knows any more.
type Task = &'static (dyn Fn() + Sync);

/// How often a thread looks whether it is its turn before it sleeps: about ten microseconds, which
/// is what being woken takes, and what lies between two tasks of one tick.
const LOOKS: u32 = 256;

impl Crew {
    /// Starts `helpers` threads.
    ///
    /// # Errors
    ///
    /// The system gives no more threads.
    pub fn start(helpers: usize) -> io::Result<Self> {
        let state = State {
            task: None,
            wanted: 0,
            asleep: 0,
            panic: None,
            over: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            begin: Condvar::new(),
            end: Condvar::new(),
            begun: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
        });
        let mut crew = Self {
            shared,
            helpers: Vec::with_capacity(helpers),
        };
        for _ in 0..helpers {
            let shared = Arc::clone(&crew.shared);
            let helper = Builder::new().name("flumen-crew".into());
            crew.helpers.push(helper.spawn(move || shared.help())?);
        }
        Ok(crew)
    }

    /// Calls `task` on this thread and on up to `helpers` others, and returns when none of them is
    /// in it. A helper that has not begun when this thread is done does not begin any more; and none
    /// does while they help somebody else, a task of a task included.
    ///
    /// # Panics
    ///
    /// When `task` panics, on whichever thread.
    pub fn run(&self, helpers: usize, task: &(dyn Fn() + Sync)) {
        if !self.shared.begin(helpers, task) {
            return task();
        }
        let here = catch_unwind(AssertUnwindSafe(task));
        let there = self.shared.finish();
        if let Some(panic) = here.err().or(there) {
            resume_unwind(panic);
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.state().over = true;
        self.shared.begun.fetch_add(1, Ordering::Relaxed);
        self.shared.begin.notify_all();
        for helper in self.helpers.drain(..) {
            // A helper catches every panic.
            let _ = helper.join();
        }
    }
}

impl std::fmt::Debug for Crew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let helpers = self.helpers.len();
        let mut shown = f.debug_struct("Crew");
        shown.field("helpers", &helpers).finish_non_exhaustive()
    }
}

impl Shared {
    /// Nothing panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets helpers begin, unless they have a task already. Behind it [`finish`](Self::finish) is
    /// called before `task` ends.
    fn begin(&self, helpers: usize, task: &(dyn Fn() + Sync)) -> bool {
        let mut state = self.state();
        // A helper that is asked from within a task counts as busy itself.
        if state.task.is_some() || self.busy.load(Ordering::Relaxed) > 0 {
            return false;
        }
        // SAFETY: only the lifetime changes. A helper takes the task out of `state` and counts itself
        // among the busy under one lock; `run` does not return, and does not unwind, before `finish`
        // has taken the task away under that lock and seen nobody busy. So no helper has the
        // reference any longer than `run` borrows it.
        state.task = Some(unsafe { std::mem::transmute::<&(dyn Fn() + Sync), Task>(task) });
        state.wanted = helpers;
        let woken = helpers.min(state.asleep);
        self.begun.fetch_add(1, Ordering::Relaxed);
        drop(state);
        (0..woken).for_each(|_| self.begin.notify_one());
        true
    }

    /// Waits for the helpers that have begun: what the first of them that panicked said.
    fn finish(&self) -> Option<Box<dyn Any + Send>> {
        self.state().task = None;
        look(|| self.busy.load(Ordering::Relaxed) == 0);
        let mut state = self.state();
        while self.busy.load(Ordering::Relaxed) > 0 {
            state = self.end.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.panic.take()
    }

    /// What a helper does until it is over.
    fn help(&self) {
        while let Some(task) = self.next() {
            let outcome = catch_unwind(AssertUnwindSafe(task));
            let begun = self.begun.load(Ordering::Relaxed);
            self.leave(outcome.err());
            // The next task of a tick follows soon, and who sleeps by then comes late.
            look(|| self.begun.load(Ordering::Relaxed) != begun);
        }
    }

    /// Waits for a task that wants a helper, and begins with it.
    fn next(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if state.over {
                return None;
            }
            if let Some(task) = state.task.filter(|_| state.wanted > 0) {
                state.wanted -= 1;
                self.busy.fetch_add(1, Ordering::Relaxed);
                return Some(task);
            }
            state.asleep += 1;
            let woken = self.begin.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.asleep -= 1;
        }
    }

    fn leave(&self, panic: Option<Box<dyn Any + Send>>) {
        let mut state = self.state();
        if state.panic.is_none() {
            state.panic = panic;
        }
        if self.busy.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Whose task is done, and who has begun one since, may both wait.
            self.end.notify_all();
        }
    }
}

/// Looks for a short while whether something is so.
fn look(is_so: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread::current;

    use super::*;

    #[test]
    fn a_task_runs_on_this_thread_and_on_those_that_help() {
        let crew = Crew::start(3).unwrap();
        for helpers in [3, 1, 2, 0, 3] {
            let (all_here, threads) = (Barrier::new(helpers + 1), Mutex::new(Vec::new()));
            crew.run(helpers, &|| {
                all_here.wait();
                threads.lock().unwrap().push(current().id());
            });
            let mut threads = threads.into_inner().unwrap();
            assert_eq!(threads.len(), helpers + 1);
            assert!(threads.contains(&current().id()));
            threads.dedup();
            assert_eq!(threads.len(), helpers + 1);
        }
    }

    #[test]
    fn nobody_is_in_a_task_that_is_done() {
        let crew = Crew::start(3).unwrap();
        for _ in 0..1_000 {
            let inside = AtomicUsize::new(0);
            crew.run(3, &|| {
                inside.fetch_add(1, Ordering::SeqCst);
                std::thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
            });
            assert_eq!(inside.load(Ordering::SeqCst), 0);
        }
    }

    #[test]
    fn a_panic_comes_out_and_the_helpers_go_on() {
        let crew = Crew::start(1).unwrap();
        let main = current().id();
        for panics_here in [false, true] {
            let both_here = Barrier::new(2);
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                crew.run(1, &|| {
                    both_here.wait();
                    assert!((current().id() == main) != panics_here, "as it should");
                });
            }));
            let said = outcome.unwrap_err();
            assert_eq!(said.downcast_ref::<&str>(), Some(&"as it should"));
        }
        let both_here = Barrier::new(2);
        crew.run(1, &|| {
            both_here.wait();
        });
    }

    #[test]
    fn a_task_within_a_task_is_done_by_who_has_it() {
        let crew = Crew::start(2).unwrap();
        for _ in 0..100 {
            let inner = Mutex::new(Vec::new());
            let all_here = Barrier::new(3);
            crew.run(2, &|| {
                all_here.wait();
                let outside = current().id();
                crew.run(2, &|| inner.lock().unwrap().push((outside, current().id())));
            });
            let inner = inner.into_inner().unwrap();
            assert_eq!(inner.len(), 3);
            assert!(inner.iter().all(|(outside, inside)| outside == inside));
        }
    }
}
