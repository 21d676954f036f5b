#pragma once
// The text of the last configuration that was good, in the state directory: what a start goes by when the file has a
// mistake. Keys and certificates are not in it; they have files of their own.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/config/configuration.hpp"
#include "corral/core/result.hpp"

namespace corral::config {

struct last_good {
    std::string text;
    std::string written;  // "2026-01-31T12:00:00Z"
};

// Of that configuration file. Fails with a sentence where there is none, where it was changed by another hand, or
// where another version of Corral wrote it.
[[nodiscard]] core::result<last_good> read_last_good(const std::filesystem::path& state_directory,
                                                     const std::filesystem::path& file);

// Private to its owner; nothing is written when it is there already. `now` as last_good::written.
[[nodiscard]] core::result<void> keep_last_good(const std::filesystem::path& state_directory,
                                                const std::filesystem::path& file, const std::string& text,
                                                const std::string& now);

// The lines that say who may come in where, without blanks and comments: those with a key of the door anywhere, and
// all of [access] and [tls]. For a text that may be no TOML, so a line too many is better than one too few.
[[nodiscard]] std::vector<std::string> door_lines(std::string_view text);

// As a file is left by a power cut: of nothing but blanks and zero bytes.
[[nodiscard]] bool is_wiped(std::string_view text);

// The configuration of a start that must not end dead: a box without a person before it.

// As load_configuration(), but for what a person would have to repair first:
// * where the file has a mistake or lost all its text, the last good copy of it is read in its place; where that is
//   no good either, whichever of both is good without its [[models]] at fault. `in_place` of the value says so.
// * key files and certificates that can't be read are `awaited`.
// `errors` has what is wrong with the file, and why there is no copy, when there is no value.
[[nodiscard]] configuration_result load_for_boot(configuration_source source);

}  // namespace corral::config
