#pragma once
// Settings added to a JSON file of a person: comments, order and layout of what stands there stay.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::cli {

// `text` may be empty, and may have comments, trailing commas and a byte order mark. Objects are merged by key; lists of
// objects by "name"; a value of ours takes the place of another one, but not of a list or an object. Fails with why.
[[nodiscard]] core::result<std::string> merge_json(std::string_view text,
                                                   const nlohmann::ordered_json& addition);

}  // namespace corral::cli
