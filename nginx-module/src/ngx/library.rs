//! This library, as the system sees it.

use nginx_sys::{Dl_info, RTLD_NODELETE, RTLD_NOLOAD, RTLD_NOW, dladdr, dlopen};
use std::mem::MaybeUninit;

/// Keeps this library in memory until the process ends: NGINX unloads it when a worker ends, and a thread that still runs would
/// find nothing where its code was.
pub fn keep() {
    let mut info = MaybeUninit::<Dl_info>::uninit();
    // SAFETY: any address may be asked for; `info` is valid for writing.
    let found = unsafe { dladdr((keep as fn() as *const ()).cast(), info.as_mut_ptr()) };
    if found == 0 {
        return;
    }
    // SAFETY: the call above filled it, and its name is a string that the system keeps.
    unsafe {
        // The handle is never closed; asking for a library that is loaded runs nothing of it.
        dlopen(info.assume_init().dli_fname, (RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE) as i32);
    }
}
