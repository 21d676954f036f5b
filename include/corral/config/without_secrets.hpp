#pragma once
// A configuration for other eyes: what may be a secret is left out, the rest stays.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace corral::config {

// Stands in the place of what is left out.
inline constexpr std::string_view left_out = "(left out)";

// True for the name of a variable or option whose value is confidential: API_KEY, MYKEY, --auth-token, passwords; not
// for --tokens_embed_num.
[[nodiscard]] bool names_secret(std::string_view name);

// A word of a command, or the value of a variable, without what follows a name of a secret in it ("--api-key X",
// "KEY=X", "Authorization: Bearer X"), and without user and password of a URL.
[[nodiscard]] std::string word_without_secrets(std::string_view word);

// The same for all words of a command, one of which may name what the next one holds.
[[nodiscard]] std::vector<std::string> command_without_secrets(std::vector<std::string> words);

// `text` read and written again, without comments, its keys in the order of the alphabet. Left out are: values whose key
// names a secret (key, token, password and the like), unless they are a path; variables of an environment that are not
// known to be harmless; in lists, what command_without_secrets() leaves out; user and password of a URL. Nothing when it
// is no TOML.
[[nodiscard]] std::optional<std::string> without_secrets(std::string_view text);

}  // namespace corral::config
