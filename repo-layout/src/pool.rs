//! Reading many packages on all cores.

use std::fs::{self, File};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::Error;

/// How many threads can run at once.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Applies `work` to every item, on as many threads as there are cores; results come in the order of the items.
///
/// After the first error no new item is begun; the error of the earliest failed item is given.
pub(crate) fn on_all_cores<T, R, E>(items: &[T], work: impl Fn(&T) -> Result<R, E> + Sync) -> Result<Vec<R>, E>
where
    T: Sync,
    R: Send,
    E: Send,
{
    on_threads(cores(), items, work)
}

/// Applies `work` to a few large items, each with its number, on a thread for each.
pub(crate) fn each_of_few<T: Send, E: Send>(
    items: &mut [T],
    work: impl Fn(usize, &mut T) -> Result<(), E> + Sync,
) -> Result<(), E> {
    if let [item] = items {
        return work(0, item);
    }
    let work = &work;
    thread::scope(|scope| {
        let start = |(number, item)| scope.spawn(move || work(number, item));
        let threads: Vec<_> = items.iter_mut().enumerate().map(start).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        threads.into_iter().map(join).collect::<Vec<Result<(), E>>>().into_iter().collect()
    })
}

/// The same on so many threads: for work that waits for others more than it computes.
pub(crate) fn on_threads<T, R, E>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    T: Sync,
    R: Send,
    E: Send,
{
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let work_on_some = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return };
            let result = work(item);
            if result.is_err() {
                next.store(items.len(), Ordering::Relaxed);
            }
            // A poisoned lock only says that another item's work panicked; that is passed on.
            done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((index, result));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.min(items.len())).map(|_| scope.spawn(work_on_some)).collect();
        // The scope would wait for the work alone. A thread that is not gone yet keeps its memory, and the next ones get new memory.
        threads.into_iter().for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Opens a package: a regular file and no link to one, so that a pool cannot lead out of itself or in circles.
pub(crate) fn open_regular(path: &Path) -> Result<File, Error> {
    let metadata = fs::symlink_metadata(path).map_err(Error::io("read", path))?;
    if !metadata.is_file() {
        return Err(Error::NotRegular { path: path.to_owned() });
    }
    File::open(path).map_err(Error::io("read", path))
}

/// The file's name as text; a name that is not UTF-8 is never that of a package.
pub(crate) fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<u32> = (0..1000).collect();
        let doubled = on_all_cores(&items, |item| Ok::<_, ()>(item * 2)).unwrap();
        assert!(doubled.iter().zip(&items).all(|(double, item)| *double == item * 2));
        assert_eq!(doubled.len(), items.len());
    }

    #[test]
    fn each_of_a_few_is_worked_on_once_and_the_first_error_is_given() {
        for count in 0..4 {
            let mut items = vec![1; count];
            each_of_few(&mut items, |number, item| {
                *item += number;
                Ok::<_, ()>(())
            })
            .unwrap();
            assert_eq!(items, (1..=count).collect::<Vec<_>>());
            let result = each_of_few(&mut items, |number, _| if number == 0 { Ok(()) } else { Err(number) });
            assert_eq!(result, if count < 2 { Ok(()) } else { Err(1) });
        }
    }

    #[test]
    fn the_first_error_is_given() {
        let items: Vec<u32> = (0..100).collect();
        let result = on_all_cores(&items, |item| if *item == 5 { Err(*item) } else { Ok(()) });
        assert_eq!(result, Err(5));
    }
}
