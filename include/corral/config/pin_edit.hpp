#pragma once
// `pinned` of one model, changed in the text of its manifest; all else of the file, comments too, stays as it is.

#include <string>
#include <string_view>

#include "corral/core/result.hpp"

namespace corral::config {

// `text`: a manifest (docs/configuration.md) whose `name` is `model`, in any case, with or without ":latest". The
// text with `pinned` set, which is `text` itself where it has that value already. Fails with a sentence when it is
// another model's, or can't be changed without changing what else it says.
[[nodiscard]] core::result<std::string> with_pin(std::string_view text, std::string_view model, bool pinned);

}  // namespace corral::config
