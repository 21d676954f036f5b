#pragma once

#include "package/readers/reader.hpp"

namespace corral::package {

// Packages of main_api_* and *_tokenizer_uid.py, for the profile axera-poll.
[[nodiscard]] package_kind axera_uid_kind();

}  // namespace corral::package
