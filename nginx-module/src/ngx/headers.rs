//! Lists of header fields.

use super::text;
use nginx_sys::{ngx_list_part_t, ngx_list_t, ngx_table_elt_t};
use std::ptr::NonNull;

/// Goes through a list of header fields: name and value, in the order in which they came.
pub struct Headers<'a> {
    part: Option<&'a ngx_list_part_t>,
    place: usize,
}

impl<'a> Headers<'a> {
    /// Goes through this list.
    ///
    /// # Safety
    ///
    /// The list must hold `ngx_table_elt_t` and stay unchanged as long as the iterator and what it yields are used.
    #[must_use]
    pub unsafe fn new(list: &'a ngx_list_t) -> Self {
        Self { part: Some(&list.part), place: 0 }
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let part = self.part?;
            if self.place >= part.nelts {
                // SAFETY: NGINX links valid parts or null.
                self.part = NonNull::new(part.next).map(|next| unsafe { next.as_ref() });
                self.place = 0;
                continue;
            }
            // SAFETY: a part holds `nelts` elements of the list's type, and `place` is below that.
            let field = unsafe { &*part.elts.cast::<ngx_table_elt_t>().add(self.place) };
            self.place += 1;
            // NGINX marks a removed field by a hash of 0.
            if field.hash != 0 {
                // SAFETY: the strings of a field live as long as the request.
                return Some(unsafe { (text::bytes(&field.key), text::bytes(&field.value)) });
            }
        }
    }
}
