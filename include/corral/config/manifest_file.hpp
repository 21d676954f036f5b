#pragma once
// A manifest in the folder of manifests: written whole or not at all, and nowhere else.

#include <filesystem>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"

namespace corral::config {

// "qwen3:4b" -> "qwen3-4b.toml". `model` is a display name.
[[nodiscard]] std::string manifest_file_name(std::string_view model);

// Blocking. Makes the folder where it is missing; mode 0644. Fails (errc::refused) when the folder or the
// file is a link, for then it would be written elsewhere, and with EEXIST when there is one and it may not be
// replaced. `other_place`: how the person who asks names another place, "name a folder by --folder DIR"; may be empty.
[[nodiscard]] core::result<void> write_manifest(const std::filesystem::path& file, std::string_view text,
                                                bool replace, std::string_view other_place = {});

// Blocking. Gone for good when it returns, whatever becomes of the power.
[[nodiscard]] core::result<void> remove_manifest(const std::filesystem::path& file);

// `pinned` of one model, changed in the text of its manifest; all else of the file, comments too, stays as it is.

// `text`: a manifest (docs/configuration.md) whose `name` is `model`, in any case, with or without ":latest". The
// text with `pinned` set, which is `text` itself where it has that value already. Fails with a sentence when it is
// another model's, or can't be changed without changing what else it says.
[[nodiscard]] core::result<std::string> with_pin(std::string_view text, std::string_view model, bool pinned);

}  // namespace corral::config
