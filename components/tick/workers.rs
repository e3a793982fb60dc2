//! Who does side by side what can be divided.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bevy_ecs::resource::Resource;

/// The threads that an engine may use in a tick; one, unless the builder was told of more.
///
/// A stage cuts what it has into parts by a rule of its own, has them done in any order and on any
/// thread, and puts together what came of them in theirs: so what leaves is the same for any number of
/// threads. Systems of an application may do the same.
#[derive(Resource, Clone, Default)]
pub struct Workers(Option<Crew>);

#[derive(Clone)]
struct Crew {
    threads: usize,
    datagrams_per_thread: usize,
    run: Arc<Run>,
}

/// Calls a task on this thread and on up to so many others, and returns when none is in it any more.
type Run = dyn Fn(usize, &(dyn Fn() + Sync)) + Send + Sync;

/// Parts for each thread: one that comes late, or is taken away by the system, leaves more of them to
/// the others.
const PARTS_PER_THREAD: usize = 4;

/// What a panic carries.
type Panic = Box<dyn Any + Send>;

impl Workers {
    /// `threads` threads, of which none is woken for less than `datagrams_per_thread` datagrams. `run`
    /// calls what it is given on the calling thread, and at the same time on up to as many others as it
    /// is told, and returns when none of them is in it any more.
    pub fn new(
        threads: usize,
        datagrams_per_thread: usize,
        run: impl Fn(usize, &(dyn Fn() + Sync)) + Send + Sync + 'static,
    ) -> Self {
        let crew = Crew {
            threads,
            datagrams_per_thread: datagrams_per_thread.max(1),
            run: Arc::new(run),
        };
        Self((threads > 1).then_some(crew))
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.0.as_ref().map_or(1, |crew| crew.threads)
    }

    /// How many threads so many datagrams are worth: one where waking others costs more than they
    /// take off.
    #[inline]
    pub fn threads_for(&self, datagrams: usize) -> usize {
        match &self.0 {
            None => 1,
            Some(crew) => (datagrams / crew.datagrams_per_thread).clamp(1, crew.threads),
        }
    }

    /// In how many parts work for so many threads is best cut.
    pub fn parts_for(threads: usize) -> usize {
        threads * PARTS_PER_THREAD
    }

    /// Does `act` with each of `parts`, on up to `threads` threads; in order on one. A part is made by
    /// the thread that does it.
    ///
    /// # Panics
    ///
    /// When `act` panics: with what the first such part said; on several threads once all the others
    /// are done, and on one at once.
    pub fn share<P>(&self, threads: usize, parts: P, act: impl Fn(P::Item) + Sync)
    where
        P: Iterator + Send,
    {
        let Some(crew) = self.0.as_ref().filter(|_| threads > 1) else {
            return parts.for_each(act);
        };
        let parts = Mutex::new(parts.enumerate());
        let failure = Mutex::new(None::<(usize, Panic)>);
        (crew.run)(threads.min(crew.threads) - 1, &|| {
            while let Some((number, part)) = next(&parts) {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| act(part))) {
                    note(&mut lock(&failure), number, panic);
                }
            }
        });
        let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, panic)) = failure {
            resume_unwind(panic);
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Workers").field(&self.threads()).finish()
    }
}

fn next<P: Iterator>(parts: &Mutex<P>) -> Option<P::Item> {
    lock(parts).next()
}

/// Keeps the panic of the first part: which thread is the first to fail is chance.
fn note(failure: &mut Option<(usize, Panic)>, number: usize, panic: Panic) {
    if failure.as_ref().is_none_or(|(first, _)| number < *first) {
        *failure = Some((number, panic));
    }
}

/// What a panic leaves behind under a lock is looked at by nobody.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers of whom the others do what there is before this thread looks.
    fn workers(threads: usize) -> Workers {
        Workers::new(threads, 10, |others, task| {
            std::thread::scope(|scope| {
                let others: Vec<_> = (0..others).map(|_| scope.spawn(task)).collect();
                others.into_iter().for_each(|one| one.join().unwrap());
            });
            task();
        })
    }

    #[test]
    fn a_thread_is_woken_for_what_is_worth_it() {
        let threads = |workers: Workers| [0, 9, 19, 20, 39, 1_000].map(|n| workers.threads_for(n));
        assert_eq!(threads(workers(3)), [1, 1, 1, 2, 3, 3]);
        assert_eq!(threads(workers(1)), [1; 6]);
        assert_eq!(threads(Workers::default()), [1; 6]);
    }

    #[test]
    fn each_part_is_done_once() {
        for (there, asked) in [(1, 1), (1, 4), (3, 1), (3, 2), (3, 9)] {
            let mut parts = [0; 50];
            workers(there).share(asked, parts.iter_mut(), |part| *part += 1);
            assert_eq!(parts, [1; 50]);
        }
    }

    #[test]
    fn of_several_panics_the_first_part_tells_and_the_others_are_done() {
        let mut parts: Vec<_> = (0..40).collect();
        let shared = AssertUnwindSafe(|| {
            workers(4).share(4, parts.iter_mut(), |part| {
                assert!(*part < 20, "part {part}");
                *part = 0;
            });
        });
        let said = catch_unwind(shared).unwrap_err();
        assert_eq!(said.downcast_ref::<String>().unwrap(), "part 20");
        assert_eq!(parts.iter().sum::<i32>(), (20..40).sum::<i32>());
    }
}
