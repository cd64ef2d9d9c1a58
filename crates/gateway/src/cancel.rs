//! Cancel keys: the gateway's own, so that a request stops a statement of exactly the connection that was given the key.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::constant_time;

/// What stops the running statement; it is told when the returned future is done.
pub(crate) type Stop = Box<dyn Fn() -> Stopping + Send + Sync>;

/// The statement is being stopped.
pub(crate) type Stopping = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The keys of all connections.
#[derive(Clone, Default)]
pub(crate) struct Cancels(Arc<Mutex<HashMap<u32, Entry>>>);

struct Entry {
    secret: Vec<u8>,
    running: Running,
}

/// What a connection runs at the moment, if anything.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<Option<Stop>>>);

impl Running {
    /// From now on a cancel request calls `stop`.
    pub(crate) fn begin(&self, stop: Stop) {
        *lock(&self.0) = Some(stop);
    }

    /// The same for work of ours, which takes note at once.
    pub(crate) fn begin_ours(&self, stop: Box<dyn Fn() + Send + Sync>) {
        self.begin(Box::new(move || {
            stop();
            Box::pin(std::future::ready(()))
        }));
    }

    /// From now on there is nothing to cancel.
    pub(crate) fn end(&self) {
        *lock(&self.0) = None;
    }

    /// Stops what runs.
    pub(crate) async fn stop(&self) {
        let stopping = lock(&self.0).as_ref().map(|stop| stop());
        if let Some(stopping) = stopping {
            stopping.await;
        }
    }
}

/// A connection's key; dropping it forgets it.
pub(crate) struct Key {
    cancels: Cancels,
    /// Named in BackendKeyData.
    pub(crate) process: u32,
    /// The secret beside it.
    pub(crate) secret: Vec<u8>,
}

impl Cancels {
    /// A new key with a secret of 4 bytes (protocol 3.0) or 32 (3.2).
    pub(crate) fn register(&self, minor: u16, running: Running) -> Option<Key> {
        let mut secret = vec![0; if minor >= 2 { 32 } else { 4 }];
        aws_lc_rs::rand::fill(&mut secret).ok()?;
        let mut entries = lock(&self.0);
        // Random numbers tell nobody how many connections there are; a collision is drawn again.
        for _ in 0..64 {
            let mut number = [0; 4];
            aws_lc_rs::rand::fill(&mut number).ok()?;
            // Clients show it as a positive process id.
            let process = u32::from_be_bytes(number) >> 1;
            if process != 0 && !entries.contains_key(&process) {
                let entry = Entry {
                    secret: secret.clone(),
                    running,
                };
                entries.insert(process, entry);
                return Some(Key {
                    cancels: self.clone(),
                    process,
                    secret,
                });
            }
        }
        None
    }

    /// Stops what the named connection runs, if the secret is right. Says nothing either way; clients take the end of
    /// their request's connection for the sign that it was passed on.
    pub(crate) async fn request(&self, process: u32, secret: &[u8]) {
        let running = match lock(&self.0).get(&process) {
            Some(entry)
                if constant_time::verify_slices_are_equal(&entry.secret, secret).is_ok() =>
            {
                entry.running.clone()
            }
            _ => return,
        };
        running.stop().await;
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        lock(&self.cancels.0).remove(&self.process);
    }
}

/// The guarded maps are valid after any panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn only_the_right_secret_stops_and_only_what_runs() {
        let (cancels, running) = (Cancels::default(), Running::default());
        let key = cancels.register(2, running.clone()).unwrap();
        assert_eq!(key.secret.len(), 32);
        let stopped = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&stopped);
        cancels.request(key.process, &key.secret).await;
        running.begin(Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::ready(()))
        }));
        cancels.request(key.process, &[0; 32]).await;
        cancels.request(key.process, &key.secret[..4]).await;
        cancels.request(key.process ^ 1, &key.secret).await;
        assert_eq!(stopped.load(Ordering::SeqCst), 0);
        cancels.request(key.process, &key.secret).await;
        assert_eq!(stopped.load(Ordering::SeqCst), 1);
        running.end();
        let (process, secret) = (key.process, key.secret.clone());
        cancels.request(process, &secret).await;
        drop(key);
        cancels.request(process, &secret).await;
        assert_eq!(stopped.load(Ordering::SeqCst), 1);
        assert!(lock(&cancels.0).is_empty());
    }
}
