//! Facts about the CPU.

/// Bytes of the last-level cache that this CPU reports. `None` where it reports none, as some virtual
/// machines and emulators do, and on other CPUs than x86.
pub(crate) fn last_level_cache_bytes() -> Option<usize> {
    largest_level(caches())
}

/// The bytes of the highest level among (level, bytes).
fn largest_level(caches: impl Iterator<Item = (u8, usize)>) -> Option<usize> {
    caches
        .max_by_key(|&(level, _)| level)
        .map(|(_, bytes)| bytes)
}

/// Level and bytes of each cache that holds data.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn caches() -> impl Iterator<Item = (u8, usize)> {
    let parameters = raw_cpuid::CpuId::new().get_cache_parameters();
    parameters
        .into_iter()
        .flatten()
        .filter(|cache| cache.cache_type() != raw_cpuid::CacheType::Instruction)
        .map(|cache| {
            let ways = cache.associativity() * cache.physical_line_partitions();
            let bytes = ways * cache.coherency_line_size() * cache.sets();
            (cache.level(), bytes)
        })
}

/// Other CPUs are not asked, nor is the interpreter.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn caches() -> impl Iterator<Item = (u8, usize)> {
    std::iter::empty()
}

/// Whether this CPU's units are 256 bits wide, so that 512-bit instructions go through them in two halves: Zen 4 and
/// the mobile Zen 5.
#[cfg(x86_tiers)]
pub(crate) fn halves_512_bits() -> bool {
    // "Performance optimization identifiers" of AMD: bit 2 says 256 bits, bit 3 says 512.
    const LEAF: u32 = 0x8000_001a;
    let cpu = raw_cpuid::CpuId::new();
    let amd = cpu
        .get_vendor_info()
        .is_some_and(|vendor| vendor.as_str() == "AuthenticAMD");
    let has_leaf = raw_cpuid::cpuid!(0x8000_0000).eax >= LEAF;
    amd && has_leaf && raw_cpuid::cpuid!(LEAF).eax & 0b1100 == 0b0100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_level_is_the_highest() {
        let caches = [(1, 32 << 10), (3, 32 << 20), (2, 1 << 20), (1, 48 << 10)];
        assert_eq!(largest_level(caches.into_iter()), Some(32 << 20));
        assert_eq!(largest_level(std::iter::empty()), None);
    }
}
