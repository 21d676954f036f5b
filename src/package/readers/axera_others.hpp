#pragma once
// Axera packages that the polling server's profile does not serve: recognised, looked at, and told apart.

#include "package/readers/reader.hpp"

namespace corral::package {

// A tokenizer service without identities (2024): bos_id, eos_id, encode, decode (vendor_ax.md §6.1 A).
[[nodiscard]] package_kind axera_legacy_kind();

// A model that looks at pictures (vendor_ax.md §6.1 B', §13.1).
[[nodiscard]] package_kind axera_vision_kind();

// A real config.json with tokenizer_type, no programs (vendor_ax.md §12.3, §13.3).
[[nodiscard]] package_kind axllm_kind();

}  // namespace corral::package
