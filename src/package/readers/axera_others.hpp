#pragma once
// Axera packages that the polling server's profile does not serve: recognised, looked at, and told apart.

#include "package/readers/reader.hpp"

namespace corral::package {

// A tokenizer service without identities (2024): bos_id, eos_id, encode, decode
// (docs/facts/vendor_ax.md#tokenizer-families, family A).
[[nodiscard]] package_kind axera_legacy_kind();

// A model that looks at pictures (docs/facts/vendor_ax.md#tokenizer-families, #vlm-build, family B').
[[nodiscard]] package_kind axera_vision_kind();

// A real config.json with tokenizer_type, no programs (docs/facts/vendor_ax.md#axllm-packages, #axllm).
[[nodiscard]] package_kind axllm_kind();

}  // namespace corral::package
