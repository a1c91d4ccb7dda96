//! A bounded cache of rendered bodies, so that many watchers of one thing render it once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use super::render;

/// Most bodies that one generation keeps.
pub(super) const GENERATION_ENTRIES: usize = 512;
/// Most bytes of keys, bodies and their compressed forms that one generation keeps; two
/// generations are alive.
pub(super) const GENERATION_BYTES: usize = 32 * 1024 * 1024;
/// A larger body is rendered for each request.
pub(super) const CACHED_BODY_MAX: usize = 4 * 1024 * 1024;

/// Bytes of a target; an answer to a longer one is rendered for each request.
pub(super) const CACHED_TARGET_MAX: usize = 4 * 1024;

/// What a rendered body depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// Decoded path and every parameter that changes the body.
    pub target: Box<[u8]>,
    /// The token that the answer was authorised for.
    pub token: Box<str>,
    /// `?pretty`.
    pub pretty: bool,
    /// Index of the answer. Within one generation the same index means the same body, so that an
    /// entry can never be out of date.
    pub index: u64,
    /// Which restored snapshot the state goes back to; indexes may repeat across a restore.
    pub generation: u64,
}

impl CacheKey {
    fn bytes(&self) -> usize {
        self.target.len() + self.token.len()
    }
}

/// A body, and its compressed form once somebody has asked for that.
#[derive(Debug)]
pub struct Rendered {
    plain: Bytes,
    gzip: OnceLock<Option<Bytes>>,
}

impl Rendered {
    /// Wraps a rendered body.
    pub fn new(plain: Bytes) -> Self {
        Self {
            plain,
            gzip: OnceLock::new(),
        }
    }

    /// The body as it is.
    pub fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// The body for a client that accepts gzip, or `None` when compressing is not worth it.
    pub fn gzip(&self) -> Option<&Bytes> {
        self.gzip
            .get_or_init(|| {
                (self.plain.len() >= render::GZIP_MIN_BYTES)
                    .then(|| render::gzip(&self.plain).ok())
                    .flatten()
                    .filter(|packed| packed.len() < self.plain.len())
            })
            .as_ref()
    }

    /// Whether [`Self::gzip`] answers at once.
    pub(super) fn is_gzip_ready(&self) -> bool {
        self.gzip.get().is_some()
    }

    /// Bytes that the body takes at most, once its compressed form exists: that is kept only where
    /// it is the smaller one.
    fn bytes_max(&self) -> usize {
        match self.plain.len() {
            plain if plain < render::GZIP_MIN_BYTES => plain,
            plain => 2 * plain,
        }
    }
}

type Slot = Arc<Mutex<Option<Arc<Rendered>>>>;

/// Two generations: a hit in the old one moves the entry to the young one, and when the young one is
/// full it becomes the old one. What nobody asked for during a whole generation is forgotten.
#[derive(Debug, Default)]
pub struct RenderCache {
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<CacheKey, Slot>,
    young_bytes: usize,
    old: HashMap<CacheKey, Slot>,
}

impl Generations {
    fn slot(&mut self, key: &CacheKey) -> Slot {
        if let Some(slot) = self.young.get(key) {
            return slot.clone();
        }
        let slot = self.old.remove(key).unwrap_or_default();
        if self.young.len() >= GENERATION_ENTRIES {
            self.turn();
        }
        self.account(key.bytes() + slot_bytes(&slot));
        self.young.insert(key.clone(), slot.clone());
        slot
    }

    fn account(&mut self, bytes: usize) {
        if self.young_bytes + bytes > GENERATION_BYTES {
            self.turn();
        }
        self.young_bytes += bytes;
    }

    fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.young_bytes = 0;
    }
}

/// Bytes of a filled slot; a slot that is being filled right now counts when it is done.
fn slot_bytes(slot: &Slot) -> usize {
    slot.try_lock()
        .ok()
        .and_then(|body| body.as_ref().map(|body| body.bytes_max()))
        .unwrap_or(0)
}

impl RenderCache {
    /// The body for `key`, rendering it when nobody has yet. Requests for the same key wait for the
    /// one that renders; others do not.
    ///
    /// # Errors
    /// What `render` returns; an error is not kept.
    pub fn get_or_render<E>(
        &self,
        key: &CacheKey,
        render: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Arc<Rendered>, E> {
        if key.target.len() > CACHED_TARGET_MAX {
            return Ok(Arc::new(Rendered::new(render()?)));
        }
        let slot = self.lock().slot(key);
        let mut body = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(body) = body.as_ref() {
            return Ok(body.clone());
        }
        let rendered = Arc::new(Rendered::new(render()?));
        if rendered.plain.len() <= CACHED_BODY_MAX {
            *body = Some(rendered.clone());
            drop(body);
            self.lock().account(rendered.bytes_max());
        } else {
            drop(body);
            self.lock().young.remove(key);
        }
        Ok(rendered)
    }

    /// How many bodies are kept.
    pub fn len(&self) -> usize {
        let generations = self.lock();
        generations.young.len() + generations.old.len()
    }

    /// True when nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(target: &str, index: u64) -> CacheKey {
        CacheKey {
            target: target.as_bytes().into(),
            token: "".into(),
            pretty: false,
            index,
            generation: 0,
        }
    }

    fn put(cache: &RenderCache, key: &CacheKey, size: usize) -> Arc<Rendered> {
        cache
            .get_or_render(key, || Ok::<_, Infallible>(Bytes::from(vec![b'x'; size])))
            .unwrap()
    }

    #[test]
    fn one_body_is_rendered_for_many_threads() {
        let cache = RenderCache::default();
        let rendered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let body = cache.get_or_render(&key("/a", 7), || {
                        rendered.fetch_add(1, Ordering::SeqCst);
                        Ok::<_, Infallible>(Bytes::from_static(b"body"))
                    });
                    assert_eq!(body.unwrap().plain().as_ref(), b"body");
                });
            }
        });
        assert_eq!(rendered.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn another_index_token_or_form_is_another_body() {
        let cache = RenderCache::default();
        put(&cache, &key("/a", 1), 1);
        assert_eq!(put(&cache, &key("/a", 2), 2).plain().len(), 2);
        let pretty = CacheKey {
            pretty: true,
            ..key("/a", 1)
        };
        assert_eq!(put(&cache, &pretty, 3).plain().len(), 3);
        let token = CacheKey {
            token: "t".into(),
            ..key("/a", 1)
        };
        assert_eq!(put(&cache, &token, 4).plain().len(), 4);
        assert_eq!(put(&cache, &key("/a", 1), 9).plain().len(), 1);
    }

    #[test]
    fn entries_and_bytes_are_bounded() {
        let cache = RenderCache::default();
        for index in 0..10_000 {
            put(&cache, &key("/a", index), 1);
        }
        assert!(cache.len() <= 2 * GENERATION_ENTRIES);
        let cache = RenderCache::default();
        for index in 0..100 {
            put(&cache, &key("/a", index), CACHED_BODY_MAX);
        }
        assert!(
            cache.len() <= 2 * GENERATION_BYTES / CACHED_BODY_MAX + 2,
            "{}",
            cache.len()
        );
        put(&cache, &key("/huge", 1), CACHED_BODY_MAX + 1);
        assert_eq!(put(&cache, &key("/huge", 1), 5).plain().len(), 5);
    }

    #[test]
    fn keys_and_compressed_forms_count() {
        let cache = RenderCache::default();
        for index in 0..100 {
            put(&cache, &key("/a", index), CACHED_BODY_MAX);
        }
        let most = 2 * GENERATION_BYTES / (2 * CACHED_BODY_MAX) + 2;
        assert!(cache.len() <= most, "{} > {most}", cache.len());
        let cache = RenderCache::default();
        let token = "t".repeat(1024 * 1024);
        for index in 0..100 {
            let key = CacheKey {
                token: token.as_str().into(),
                ..key("/a", index)
            };
            put(&cache, &key, 1);
        }
        let most = 2 * GENERATION_BYTES / token.len();
        assert!(cache.len() <= most, "{} > {most}", cache.len());
    }

    #[test]
    fn a_compressed_form_that_is_larger_is_not_kept() {
        let mut random = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random.to_be_bytes()[3]
        })
        .take(5000)
        .collect();
        assert!(Rendered::new(Bytes::from(noise)).gzip().is_none());
    }

    #[test]
    fn a_long_target_is_not_kept() {
        let cache = RenderCache::default();
        let longest = "a".repeat(CACHED_TARGET_MAX);
        put(&cache, &key(&longest, 1), 1);
        assert_eq!(cache.len(), 1);
        let longer = format!("{longest}a");
        put(&cache, &key(&longer, 1), 1);
        assert_eq!(cache.len(), 1);
        assert_eq!(put(&cache, &key(&longer, 1), 5).plain().len(), 5);
    }

    #[test]
    fn errors_are_not_kept() {
        let cache = RenderCache::default();
        assert_eq!(
            cache
                .get_or_render(&key("/a", 1), || Err("no"))
                .unwrap_err(),
            "no"
        );
        assert_eq!(put(&cache, &key("/a", 1), 5).plain().len(), 5);
    }

    #[test]
    fn small_bodies_are_not_compressed() {
        assert!(Rendered::new(Bytes::from_static(b"small")).gzip().is_none());
        assert!(
            Rendered::new(Bytes::from(vec![b'x'; 5000]))
                .gzip()
                .is_some()
        );
    }
}
