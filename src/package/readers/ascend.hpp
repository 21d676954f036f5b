#pragma once
// What Huawei's Ascend runtimes load (docs/facts/other_runtimes.md#ascend).

#include "package/readers/reader.hpp"

namespace corral::package {

// A MindIE service folder: conf/config.json with ModelDeployConfig (docs/facts/other_runtimes.md#mindie).
[[nodiscard]] package_kind mindie_kind();

// A model folder as the hub has it: config.json and *.safetensors (docs/facts/other_runtimes.md#vllm-ascend).
[[nodiscard]] package_kind safetensors_kind();

}  // namespace corral::package
