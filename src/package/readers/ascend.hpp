#pragma once
// What Huawei's Ascend runtimes load (other_runtimes.md §C).

#include "package/readers/reader.hpp"

namespace corral::package {

// A MindIE service folder: conf/config.json with ModelDeployConfig (§C2).
[[nodiscard]] package_kind mindie_kind();

// A model folder as the hub has it: config.json and *.safetensors (§C1).
[[nodiscard]] package_kind safetensors_kind();

}  // namespace corral::package
