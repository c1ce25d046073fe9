//! Shared memory: a zone whose content survives reloads, as words.

use super::conf::{Conf, OutOfMemory};
use super::guard;
use super::log::Log;
use super::{Answer, text};
use nginx_sys::{ngx_int_t, ngx_module_t, ngx_shm_zone_t, ngx_slab_pool_t};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Words before those that are handed out: the first holds their number, the rest keeps cache lines where they begin.
const HEAD: usize = 8;

/// A zone of a configuration.
#[derive(Clone, Copy)]
pub struct Zone(NonNull<ngx_shm_zone_t>);

impl Zone {
    /// The bytes of a zone that has room for so many words: NGINX keeps a few pages and a description of each page for itself.
    #[must_use]
    pub const fn bytes_for(words: usize) -> usize {
        let bytes = (words + HEAD) * 8;
        bytes + bytes / 64 + 8 * 4096
    }

    /// Declares a zone of `bytes`. A zone of the same name, size and module that the running configuration has is taken over.
    ///
    /// # Errors
    ///
    /// When NGINX refuses it; NGINX has then said why.
    pub fn declare(
        conf: &Conf,
        name: &'static str,
        bytes: usize,
        module: &'static ngx_module_t,
    ) -> Result<Self, OutOfMemory> {
        let tag = std::ptr::from_ref(module).cast_mut().cast();
        // SAFETY: the pool is that of the configuration being read.
        let mut name = unsafe { text::copy(conf.pool(), name.as_bytes()) }.ok_or(OutOfMemory)?;
        // SAFETY: as above; NGINX copies the string, whose bytes live in the pool.
        let zone = unsafe { nginx_sys::ngx_shared_memory_add(conf.0.as_ptr(), &raw mut name, bytes, tag) };
        let mut zone = NonNull::new(zone).ok_or(OutOfMemory)?;
        // SAFETY: NGINX gave a zone that lives as long as the configuration; nobody else uses it now.
        unsafe { zone.as_mut() }.init = Some(init);
        Ok(Self(zone))
    }

    /// The words, all zero when the memory is new; none before NGINX mapped it. They may be used as long as the configuration that
    /// declared the zone, or one that took it over, is the one that runs.
    #[must_use]
    pub fn words(&self) -> &'static [AtomicU64] {
        // SAFETY: the zone lives as long as its configuration, and so does this value.
        let data = unsafe { self.0.as_ref() }.data.cast::<AtomicU64>();
        let Some(area) = NonNull::new(data) else { return &[] };
        // SAFETY: `init` stored the number of the words there, in memory that is mapped as long as the configuration lives.
        let count = usize::try_from(unsafe { area.as_ref() }.load(Relaxed)).unwrap_or(0);
        // SAFETY: so many words follow the head; atomics may be shared between processes. A worker keeps its configuration, and
        // with it the mapping, until it exits.
        unsafe { std::slice::from_raw_parts(area.as_ptr().add(HEAD), count) }
    }
}

/// Called by NGINX when the zone is mapped, with the data of the former configuration's zone if that is taken over.
unsafe extern "C" fn init(zone: *mut ngx_shm_zone_t, former: *mut c_void) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Error.code(), || {
        // SAFETY: NGINX gives a zone that it mapped; nobody else uses it now.
        let Some(zone) = (unsafe { zone.as_mut() }) else { return Answer::Error.code() };
        if !former.is_null() {
            zone.data = former;
            return Answer::Ok.code();
        }
        let pool = zone.shm.addr.cast::<ngx_slab_pool_t>();
        // SAFETY: NGINX puts an allocator at the start of each zone before it calls this.
        let pages = unsafe { (*pool).pfree };
        // SAFETY: NGINX sets the size of a page at its start.
        let bytes = pages * unsafe { nginx_sys::ngx_pagesize };
        // The memory is fresh from the system, hence zero. It is not cleared: a large zone costs nothing before it is used.
        // SAFETY: the allocator is valid. What has more than half a page is aligned to pages.
        let area = unsafe { nginx_sys::ngx_slab_alloc(pool, bytes) };
        let Some(area) = NonNull::new(area.cast::<AtomicU64>()) else { return Answer::Error.code() };
        let count = u64::try_from((bytes / 8).saturating_sub(HEAD)).unwrap_or(0);
        // SAFETY: the area has at least one page.
        unsafe { area.as_ref() }.store(count, Relaxed);
        zone.data = area.as_ptr().cast();
        Answer::Ok.code()
    })
}
