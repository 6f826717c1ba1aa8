//! Entries of a table of 8 `f32` or 16 `f64`, by the lowest three or four bits of each lane.
//!
//! Lane by lane, but for `f32` on AArch64: there 32 bytes are two registers, of which one instruction takes any 16 bytes. Lane by
//! lane four of them are 17 instructions. Two `f64` would be two such instructions, of eight
//! registers, and gain nothing.
#![allow(unsafe_code)]

use crate::vector::{Bits, Functions};

macro_rules! by_lanes {
    ($($name:ident: $register:ident of $element:ident;)*) => {$(
        #[inline(always)]
        pub(super) fn $name(
            index: wide::$register,
            table: &<$element as Functions>::Table,
        ) -> wide::$register {
            let mut lanes = index.to_array();
            for lane in &mut lanes {
                *lane = lane.look_up(table);
            }
            wide::$register::new(lanes)
        }
    )*};
}

by_lanes! {
    look_up_f64x2: f64x2 of f64;
    look_up_f64x4: f64x4 of f64;
}

#[cfg(not(all(
    target_arch = "aarch64",
    target_feature = "neon",
    target_endian = "little"
)))]
by_lanes! {
    look_up_f32x4: f32x4 of f32;
    look_up_f32x8: f32x8 of f32;
}

#[cfg(all(
    target_arch = "aarch64",
    target_feature = "neon",
    target_endian = "little"
))]
pub(super) use neon::{look_up_f32x4, look_up_f32x8};

#[cfg(all(
    target_arch = "aarch64",
    target_feature = "neon",
    target_endian = "little"
))]
mod neon {
    use std::arch::aarch64::*;
    use std::mem::transmute;

    use wide::{f32x4, f32x8};

    #[inline(always)]
    pub(in super::super) fn look_up_f32x4(index: f32x4, table: &[f32; 8]) -> f32x4 {
        // SAFETY: NEON was enabled at compile time; 32 bytes are loaded, which the table has; all bits are values, of both types.
        unsafe {
            let entries = vld1q_u8_x2(table.as_ptr().cast());
            let index = vandq_u32(transmute::<f32x4, uint32x4_t>(index), vdupq_n_u32(7));
            // Where the four bytes of each entry are.
            let bytes = vmlaq_u32(vdupq_n_u32(0x0302_0100), index, vdupq_n_u32(0x0404_0404));
            transmute::<uint8x16_t, f32x4>(vqtbl2q_u8(entries, vreinterpretq_u8_u32(bytes)))
        }
    }

    #[inline(always)]
    pub(in super::super) fn look_up_f32x8(index: f32x8, table: &[f32; 8]) -> f32x8 {
        // SAFETY: a pair of registers, where the target has no wider ones.
        unsafe {
            let [low, high] = transmute::<f32x8, [f32x4; 2]>(index);
            transmute::<[f32x4; 2], f32x8>([look_up_f32x4(low, table), look_up_f32x4(high, table)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! the_lowest_bits_count {
        ($($test:ident: $look_up:ident($register:ident of [$element:ident; $lanes:literal] as $bits:ident), of $count:literal;)*) => {$(
            #[test]
            fn $test() {
                let table: [$element; $count] = std::array::from_fn(|i| 1.1 * i as $element - 5.0);
                // Every entry in every lane, whatever the other bits.
                for first in 0..$count {
                    let place = |lane| (first + 3 * lane) % $count;
                    for others in [0, $element::NAN.to_bits(), $element::MAX.to_bits() << 3] {
                        let index = |lane| $element::from_bits(others & !($count - 1) | place(lane) as $bits);
                        let index = wide::$register::new(std::array::from_fn(index));
                        let expected: [$element; $lanes] = std::array::from_fn(|lane| table[place(lane)]);
                        assert_eq!($look_up(index, &table).to_array(), expected);
                    }
                }
            }
        )*};
    }

    the_lowest_bits_count! {
        f32x4s: look_up_f32x4(f32x4 of [f32; 4] as u32), of 8;
        f32x8s: look_up_f32x8(f32x8 of [f32; 8] as u32), of 8;
        f64x2s: look_up_f64x2(f64x2 of [f64; 2] as u64), of 16;
        f64x4s: look_up_f64x4(f64x4 of [f64; 4] as u64), of 16;
    }
}
