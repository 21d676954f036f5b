#pragma once
// A configuration for other eyes: what may be a secret is left out, the rest stays.

#include <optional>
#include <string>
#include <string_view>

namespace corral::config {

// `text` read and written again, without comments, its keys in the order of the alphabet. Left out are: values whose key
// names a secret (key, token, password and the like), unless they are a path; variables of an environment that are not
// known to be harmless; words of a command behind an option that names a secret; user and password of a URL. Nothing
// when it is no TOML.
[[nodiscard]] std::optional<std::string> without_secrets(std::string_view text);

}  // namespace corral::config
