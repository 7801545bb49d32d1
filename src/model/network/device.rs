//! Where the network runs, and which libtorch was found.

use std::str::FromStr;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tch::{Cuda, Device};

use crate::parsers::{Error, Result};

/// The user's choice of device: `auto`, `cpu`, `cuda` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DeviceChoice {
    /// CUDA where it works, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// This GPU.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is not the number of a GPU"));
        match text.split_once(':') {
            None if text == "auto" => Ok(DeviceChoice::Auto),
            None if text == "cpu" => Ok(DeviceChoice::Cpu),
            None if text == "cuda" => Ok(DeviceChoice::Cuda(0)),
            Some(("cuda", gpu)) => number(gpu).map(DeviceChoice::Cuda),
            _ => Err(format!("`{text}` is not a device: auto, cpu, cuda or cuda:N")),
        }
    }
}

impl DeviceChoice {
    /// The device, with libtorch ready to use it.
    ///
    /// # Errors
    /// `Unsupported` where a GPU is asked for that is not there.
    pub fn device(self) -> Result<Device> {
        let state = init_torch();
        match self {
            DeviceChoice::Auto => Ok(Device::cuda_if_available()),
            DeviceChoice::Cpu => Ok(Device::Cpu),
            DeviceChoice::Cuda(gpu) if (gpu as i64) < Cuda::device_count() => Ok(Device::Cuda(gpu)),
            DeviceChoice::Cuda(gpu) => {
                let count = Cuda::device_count();
                Err(Error::unsupported(format!(
                    "cuda:{gpu} was asked for, but {count} GPUs can be used ({})",
                    state.text()
                )))
            }
        }
    }
}

/// What libtorch can do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TorchState {
    /// No CUDA half was found.
    CpuOnly,
    /// The CUDA half is there, a GPU or its driver is not.
    NoGpu,
    /// Ready.
    Cuda,
}

impl TorchState {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            TorchState::CpuOnly => "libtorch without CUDA",
            TorchState::NoGpu => "libtorch with CUDA, but no usable GPU or driver",
            TorchState::Cuda => "CUDA works",
        }
    }
}

/// Loads libtorch's CUDA half if there is one: the binary itself links the CPU half only, so that it runs anywhere. Must come
/// before the first tensor; calling it again is free.
pub fn init_torch() -> TorchState {
    static STATE: OnceLock<TorchState> = OnceLock::new();
    *STATE.get_or_init(|| match load_cuda_half() {
        false => TorchState::CpuOnly,
        true if Cuda::is_available() => {
            tch::Cuda::cudnn_set_benchmark(false);
            TorchState::Cuda
        }
        true => TorchState::NoGpu,
    })
}

#[allow(unsafe_code, reason = "dlopen is the only way to load libtorch_cuda.so if and only if it is there")]
fn load_cuda_half() -> bool {
    // SAFETY: a valid C string and valid flags; libtorch's initializers may run at any time before the first tensor.
    let handle = unsafe { libc::dlopen(c"libtorch_cuda.so".as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    !handle.is_null()
}

/// CPU threads that libtorch uses for work that *this* thread gives it; 0 leaves the choice to libtorch.
pub fn set_threads(threads: usize) {
    if threads > 0 {
        tch::set_num_threads(threads as i32);
    }
}

/// Facts for `hzero doctor`: (name, value).
pub fn doctor() -> Vec<(String, String)> {
    let state = init_torch();
    let mut facts = vec![
        ("libtorch", loaded_library("libtorch_cpu").unwrap_or_else(|| "linked, path unknown".to_owned())),
        ("libtorch version", library_version().unwrap_or_else(|| "unknown".to_owned())),
        ("libtorch threads", tch::get_num_threads().to_string()),
        ("CUDA", state.text().to_owned()),
        ("CUDA devices", Cuda::device_count().to_string()),
    ];
    if state == TorchState::CpuOnly {
        facts.push(("for a GPU", GPU_ADVICE.to_owned()));
    }
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

const GPU_ADVICE: &str = "run with the libtorch of a PyTorch 2.11 with CUDA: \
    LD_LIBRARY_PATH=$(python3 -c 'import torch;print(torch.__path__[0]+\"/lib\")') hzero ...";

/// Path of a library that this process has mapped (Linux).
fn loaded_library(name: &str) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains(name)).map(str::to_owned)
}

/// The version that stands beside the library: `build-version` of libtorch, `version.py` of PyTorch.
fn library_version() -> Option<String> {
    let library = loaded_library("libtorch_cpu")?;
    let root = std::path::Path::new(&library).parent()?.parent()?;
    if let Ok(version) = std::fs::read_to_string(root.join("build-version")) {
        return Some(version.trim().to_owned());
    }
    let python = std::fs::read_to_string(root.join("version.py")).ok()?;
    let line = python.lines().find(|line| line.starts_with("__version__"))?;
    line.split(['\'', '"']).nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_by_name() {
        assert_eq!("cuda:2".parse(), Ok(DeviceChoice::Cuda(2)));
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert!("gpu".parse::<DeviceChoice>().is_err() && "cuda:x".parse::<DeviceChoice>().is_err());
    }

    #[test]
    fn an_absent_gpu_is_refused() {
        let error = DeviceChoice::Cuda(1000).device().unwrap_err().to_string();
        assert!(error.starts_with("cuda:1000 was asked for, but "), "{error}");
    }

    #[test]
    fn the_library_that_was_loaded_is_named() {
        assert!(doctor().iter().any(|(name, value)| name == "libtorch" && value.ends_with(".so")));
    }
}
