//! Maps and sets keyed by ids of ours. The standard library hashes keys so that strangers cannot
//! choose colliding ones, at some 120 instructions a look-up; ids are chosen by us, so a
//! multiplication is enough. Never to be keyed by what a stranger can choose.

use std::hash::BuildHasherDefault;

use rustc_hash::FxHasher;

/// A map keyed by an id.
pub type IdMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<FxHasher>>;

/// A set of ids.
pub type IdSet<K> = std::collections::HashSet<K, BuildHasherDefault<FxHasher>>;
