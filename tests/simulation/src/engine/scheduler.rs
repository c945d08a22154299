//! Who goes next: drawn from all who can go on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use super::{Going, MOST_TURNS, Sim, open};

/// Those who can go on, and whom to tell that there is one.
#[derive(Default)]
struct Ready {
    ids: Mutex<Vec<u64>>,
    root: Mutex<Option<Waker>>,
}

/// Wakes one task.
struct Bell {
    id: u64,
    rung: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            open(&self.ready.ids).push(self.id);
            if let Some(root) = open(&self.ready.root).as_ref() {
                root.wake_by_ref();
            }
        }
    }
}

struct Task {
    going: Going,
    bell: Arc<Bell>,
}

impl Sim {
    /// Runs everything that was spawned until nothing is left. Time passes only while nobody can go on.
    ///
    /// # Errors
    /// When the history does not end.
    pub(crate) async fn run(&self) -> Result<(), String> {
        self.run_until(|| false).await.map(|_| ())
    }

    /// The same, but everybody is dropped where he stands as soon as something holds after somebody's
    /// turn. Gives whether it came to that.
    ///
    /// # Errors
    /// When the history does not end.
    pub(crate) async fn run_until(&self, mut stop: impl FnMut() -> bool) -> Result<bool, String> {
        let ready = Arc::new(Ready::default());
        let mut tasks: BTreeMap<u64, Task> = BTreeMap::new();
        let mut next_id = 0;
        loop {
            for going in std::mem::take(&mut open(&self.state).spawned) {
                next_id += 1;
                let bell = Bell { id: next_id, rung: AtomicBool::new(false), ready: Arc::clone(&ready) };
                let bell = Arc::new(bell);
                Arc::clone(&bell).wake();
                tasks.insert(next_id, Task { going, bell });
            }
            let Some(id) = self.draw(&ready) else {
                if tasks.is_empty() {
                    return Ok(false);
                }
                std::future::poll_fn(|cx| {
                    *open(&ready.root) = Some(cx.waker().clone());
                    if open(&ready.ids).is_empty() { Poll::Pending } else { Poll::Ready(()) }
                })
                .await;
                continue;
            };
            if let Some(task) = tasks.get_mut(&id)
                && self.turn(id, task)?
            {
                tasks.remove(&id);
            }
            if stop() {
                let left = std::mem::take(&mut open(&self.state).spawned);
                drop(left);
                return Ok(true);
            }
        }
    }

    fn draw(&self, ready: &Ready) -> Option<u64> {
        let mut ids = open(&ready.ids);
        if ids.is_empty() {
            return None;
        }
        let at = usize::try_from(self.below(ids.len() as u64)).unwrap_or(0);
        Some(ids.swap_remove(at))
    }

    /// One turn of a task. Gives whether it has ended.
    fn turn(&self, id: u64, task: &mut Task) -> Result<bool, String> {
        {
            let mut state = open(&self.state);
            state.current = id;
            state.killed = false;
            state.turns += 1;
            if state.turns > MOST_TURNS {
                return Err(format!("no end after {MOST_TURNS} turns"));
            }
        }
        self.digest(id);
        task.bell.rung.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&task.bell));
        let ended = task.going.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let killed = std::mem::take(&mut open(&self.state).killed);
        Ok(ended || killed)
    }

    /// Lets whoever else can go on go first, if the draw wants it so.
    pub(super) async fn give_way(&self) {
        let mut waited = false;
        std::future::poll_fn(|cx| {
            if waited {
                return Poll::Ready(());
            }
            waited = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
