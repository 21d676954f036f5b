#pragma once
// config.json files of packages: the plain values near the top of an untrusted document.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace corral::package {

// "hidden_size", and "text_config.hidden_size" one and two objects below; texts and booleans ("true") and
// whole numbers as they would be written. Lists are left out, and so is all that lies deeper.
class json_document {
public:
    // Nothing when it is not one JSON object, is nested deeper than 64 or holds more than 10,000 values.
    [[nodiscard]] static std::optional<json_document> parse(std::string_view text);

    [[nodiscard]] bool has(const std::string& key) const { return known_.contains(key); }
    // Empty where it is not a plain value.
    [[nodiscard]] std::string text(const std::string& key) const;
    // From 1 to `most`.
    [[nodiscard]] std::optional<std::uint64_t> count(const std::string& key, std::uint64_t most) const;

private:
    std::map<std::string, std::string> known_;  // "" for an object or a list
};

}  // namespace corral::package
