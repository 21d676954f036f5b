#pragma once
// Packages that are one file, with what that file's head or name says.

#include "package/readers/reader.hpp"

namespace corral::package {

// *.gguf, for llama-server (docs/facts/other_runtimes.md#llama-server).
[[nodiscard]] package_kind gguf_kind();

// *.rkllm, for Rockchip's demo servers (docs/facts/other_runtimes.md#rkllm-launch).
[[nodiscard]] package_kind rkllm_kind();

}  // namespace corral::package
