//! One suite for every store: the duties of each, and that both do the same on random commits.

/// Tests each behaviour on each store.
macro_rules! every_store_must {
    ($($behaviour:ident,)*) => {
        mod in_memory {
            $(#[test]
            fn $behaviour() {
                super::$behaviour(&mut crate::store::memory::MemoryStore::new());
            })*
        }
        mod on_sqlite {
            $(#[test]
            fn $behaviour() {
                let folder = crate::store::tests::sample::folder();
                let path = folder.path().join("transferd.db");
                super::$behaviour(&mut crate::store::sqlite::SqliteStore::open(&path).unwrap());
            })*
        }
    };
}

mod conformance;
mod questions;
mod random;
pub(crate) mod sample;
mod thread;
