//! A filter without the official crate, which takes records apart byte by byte and puts them together again: this one leaves
//! them where they are, and so shows what the engine around a module takes. It keeps all records with a value.
#![allow(clippy::missing_safety_doc)]

use std::alloc::Layout;
use std::sync::Mutex;

/// The latest output, which must stay where it is until the engine has read it.
static OUTPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn copy_records(at: *const u8, len: usize);
}

#[unsafe(no_mangle)]
pub extern "C" fn alloc(len: usize) -> *mut u8 {
    Layout::array::<u8>(len.max(1)).map_or(std::ptr::null_mut(), |layout| unsafe { std::alloc::alloc(layout) })
}

/// Bytes being read. A read behind the end gives zeros.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A zig-zag number of seven bits a byte.
    fn number(&mut self) -> i64 {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.byte();
            n |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                break;
            }
        }
        (n >> 1) as i64 ^ -((n & 1) as i64)
    }

    fn skip(&mut self, n: i64) {
        self.0 = self.0.get(usize::try_from(n).unwrap_or(usize::MAX)..).unwrap_or_default();
    }
}

/// Whether a record has a value.
fn keep(record: &[u8]) -> bool {
    let mut r = Reader(record);
    r.byte(); // attributes
    r.number(); // timestamp
    r.number(); // offset
    if r.byte() == 1 {
        let key = r.number();
        r.skip(key);
    }
    r.number() > 0
}

/// The input is a base offset, a length, a list of records and more; the output a list of records and 0 for no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn filter(at: *mut u8, len: usize, _version: u32) -> i32 {
    let mut input = unsafe { Vec::from_raw_parts(at, len, len) };
    let word = |b: &[u8]| b.try_into().map_or(0, u32::from_be_bytes) as usize;
    if len < 17 || word(&input[8..12]) < 4 || word(&input[8..12]) > len - 13 {
        return -11;
    }
    let end = 12 + word(&input[8..12]);
    let (mut from, mut to, mut kept) = (16, 16, 0u32);
    while from < end {
        let mut r = Reader(&input[from..end]);
        let size = r.number();
        let body = end - r.0.len();
        if size < 0 || size as usize > end - body {
            return -22;
        }
        let next = body + size as usize;
        if keep(&input[body..next]) {
            if to < from {
                input.copy_within(from..next, to);
            }
            to += next - from;
            kept += 1;
        }
        from = next;
    }
    input[12..16].copy_from_slice(&kept.to_be_bytes());
    input[to] = 0;
    unsafe { copy_records(input[12..].as_ptr(), to - 11) };
    if let Ok(mut output) = OUTPUT.lock() {
        *output = input; // moves the vector, not its bytes
    }
    kept as i32
}
