//! `--device auto|cpu|cuda[:N]`.

use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use tch::{Cuda, Device};

use super::libtorch::{CudaLibrary, libtorch};

/// What a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU if one can be used, else the CPU.
    #[default]
    Auto,
    Cpu,
    /// This GPU or none.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" => Ok(DeviceChoice::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|number| number.parse().ok())
                .map(DeviceChoice::Cuda)
                .ok_or_else(|| anyhow!("{text:?} is no device: use auto, cpu, cuda or cuda:N")),
        }
    }
}

/// A device, and why it was taken.
#[derive(Debug, Clone)]
pub struct ChosenDevice {
    pub device: Device,
    pub reason: String,
}

impl DeviceChoice {
    /// The device to use. Asking for a GPU that cannot be used is an error that says what is missing and what mends it.
    pub fn resolve(self) -> Result<ChosenDevice> {
        match self {
            DeviceChoice::Cpu => Ok(ChosenDevice { device: Device::Cpu, reason: "asked for".into() }),
            DeviceChoice::Auto => Ok(match usable_gpu_count() {
                Ok(_) => ChosenDevice { device: Device::Cuda(0), reason: "a GPU can be used".into() },
                Err(reason) => ChosenDevice { device: Device::Cpu, reason: format!("no GPU: {reason}") },
            }),
            DeviceChoice::Cuda(index) => {
                let count = usable_gpu_count()
                    .map_err(|reason| anyhow!("--device cuda:{index}: {reason}. Use --device cpu, or see `targum doctor`"))?;
                if index >= count {
                    bail!("--device cuda:{index}: there are {count} GPUs, numbered from 0");
                }
                Ok(ChosenDevice { device: Device::Cuda(index), reason: "asked for".into() })
            }
        }
    }
}

/// How many GPUs can be used, or why none can.
pub fn usable_gpu_count() -> Result<usize, String> {
    // SAFETY: the driver's own library; it is only opened to see whether it is there.
    let driver = unsafe { libloading::Library::new("libcuda.so.1") };
    match (&libtorch().cuda, driver) {
        (CudaLibrary::Absent, Err(_)) => Err("no NVIDIA driver, and this libtorch is built for CPUs only".into()),
        (_, Err(_)) => Err("no NVIDIA driver".into()),
        (CudaLibrary::Absent, Ok(_)) => {
            Err("this libtorch is built for CPUs only; `make libtorch CUDA=1` installs the CUDA build".into())
        }
        (CudaLibrary::Broken(error), Ok(_)) => {
            Err(format!("a library that libtorch's CUDA half needs is missing ({error}); `make libtorch CUDA=1` installs it"))
        }
        (CudaLibrary::Loaded, Ok(_)) => match usize::try_from(Cuda::device_count()) {
            Ok(count) if count > 0 && Cuda::is_available() => Ok(count),
            _ => Err("the NVIDIA driver shows no usable GPU (`nvidia-smi` tells more)".into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_spelled_in_four_ways() {
        for (text, choice) in [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("cuda", DeviceChoice::Cuda(0)),
            ("cuda:3", DeviceChoice::Cuda(3)),
        ] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap(), choice);
        }
        for text in ["gpu", "cuda:", "cuda:x", "CPU", ""] {
            let error = text.parse::<DeviceChoice>().unwrap_err().to_string();
            assert!(error.contains("auto, cpu, cuda or cuda:N"), "{error}");
        }
    }

    #[test]
    fn a_gpu_that_is_not_there_is_an_error_that_says_why() {
        match usable_gpu_count() {
            Ok(count) => {
                let error = DeviceChoice::Cuda(count).resolve().unwrap_err().to_string();
                assert!(error.contains(&format!("there are {count} GPUs")), "{error}");
            }
            Err(reason) => {
                let error = DeviceChoice::Cuda(0).resolve().unwrap_err().to_string();
                assert!(error.contains(&reason) && error.contains("--device cpu"), "{error}");
                assert_eq!(DeviceChoice::Auto.resolve().unwrap().device, Device::Cpu);
            }
        }
    }
}
