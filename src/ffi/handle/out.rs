//! Results in the memory of a caller, whose structs may be shorter or longer than ours.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr;

/// Writes as much of `value` as the caller's struct has, and zeros behind it.
///
/// # Safety
/// `out` is valid for writing `size` bytes. `T` is a C struct whose padding nobody reads.
pub(super) unsafe fn write<T: Copy>(out: *mut u8, size: usize, value: &T) {
    let known = size.min(size_of::<T>());
    // SAFETY: valid for `size` bytes, of which the first `known` are copied from a value
    // that has as many.
    unsafe {
        ptr::write_bytes(out, 0, size);
        ptr::copy_nonoverlapping(ptr::from_ref(value).cast(), out, known);
    }
}

/// The smallest size of an element in any version.
const MIN_ELEMENT_SIZE: usize = 8;

/// An array in the memory of a caller, filled from its beginning.
pub(super) struct Array<T> {
    out: *mut u8,
    capacity: usize,
    element_size: usize,
    len: usize,
    elements: PhantomData<T>,
}

impl<T: Copy> Array<T> {
    /// An empty array; `None` if the arguments are invalid.
    ///
    /// # Safety
    /// `out` is NULL, or valid for writing `capacity * element_size` bytes for as
    /// long as the array lives.
    pub(super) unsafe fn new(out: *mut T, capacity: usize, element_size: usize) -> Option<Self> {
        let room = capacity == 0 || (!out.is_null() && element_size >= MIN_ELEMENT_SIZE);
        room.then_some(Self {
            out: out.cast(),
            // The length must fit into an int.
            capacity: capacity.min(c_int::MAX as usize),
            element_size,
            len: 0,
            elements: PhantomData,
        })
    }

    pub(super) fn has_room(&self) -> bool {
        self.len < self.capacity
    }

    /// Appends an element, if there is room.
    pub(super) fn push(&mut self, element: &T) {
        if self.has_room() {
            // SAFETY: the caller of `new` promised so many bytes, and there is room.
            unsafe {
                let at = self.out.add(self.len * self.element_size);
                write(at, self.element_size, element);
            }
            self.len += 1;
        }
    }

    pub(super) fn len(&self) -> c_int {
        self.len as c_int
    }
}
