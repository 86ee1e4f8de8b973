//! What matrix products are computed in, by name.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

/// What matrix products are computed in. Weights are float32 always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// float32.
    #[default]
    Fp32,
    /// bfloat16: eight bits of precision and float32's range.
    Bf16,
    /// float16: eleven bits of precision and a range that gradients leave unless the loss is scaled.
    Fp16,
}

impl Precision {
    pub(super) fn kind(self) -> Kind {
        match self {
            Precision::Fp32 => Kind::Float,
            Precision::Bf16 => Kind::BFloat16,
            Precision::Fp16 => Kind::Half,
        }
    }

    /// What speaks against it on this device, in words: half precision that a processor has no instructions for is slower.
    pub fn warning(self, device: Device) -> Option<&'static str> {
        match (self, device) {
            (Precision::Bf16, Device::Cpu) if !cpu_has_bf16() => {
                Some("bf16 on this processor is emulated and slower than fp32: it has neither AVX512-BF16 nor AMX")
            }
            (Precision::Fp16, Device::Cpu) => {
                Some("fp16 on a CPU is slower than fp32; where half precision pays there, it is bf16")
            }
            _ => None,
        }
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "fp32" => Ok(Precision::Fp32),
            "bf16" => Ok(Precision::Bf16),
            "fp16" => Ok(Precision::Fp16),
            _ => Err("expected fp32, bf16 or fp16".into()),
        }
    }
}

fn cpu_has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        // Every processor with AMX has these too.
        std::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(target_arch = "aarch64")]
    {
        std::arch::is_aarch64_feature_detected!("bf16")
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        false
    }
}
