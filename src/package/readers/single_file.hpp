#pragma once
// Packages that are one file, with what that file's head or name says.

#include "package/readers/reader.hpp"

namespace corral::package {

// *.gguf, for llama-server (other_runtimes.md §D).
[[nodiscard]] package_kind gguf_kind();

// *.rkllm, for Rockchip's demo servers (other_runtimes.md §A1).
[[nodiscard]] package_kind rkllm_kind();

}  // namespace corral::package
