#pragma once
// The API keys of this server. Only their SHA-256 is known, each with the name of who holds the key.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/diagnostic.hpp"

namespace corral::config {

using key_digest = std::array<std::uint8_t, 32>;

struct key_entry {
    std::string name;  // 1 to 64 of A-Z a-z 0-9 _ . -
    key_digest digest{};
    std::uint32_t line = 0;  // in its file
};

struct key_ring_reading;

// Immutable; replaced as a whole when its file changes.
class key_ring {
public:
    // Lines of "NAME SHA256HEX", words after '#' and empty lines don't count; names and digests are unique.
    // `file` is for complaints.
    [[nodiscard]] static key_ring_reading parse(std::string_view text, const std::string& file);

    // Whose key that is; nothing for an unknown one. Takes as long whichever it is.
    [[nodiscard]] std::optional<std::string> owner_of(std::string_view key) const;
    [[nodiscard]] const std::vector<key_entry>& all() const noexcept { return all_; }

private:
    std::vector<key_entry> all_;
};

struct key_ring_reading {
    std::optional<key_ring> value;  // set exactly when `errors` is empty
    std::vector<catalog::diagnostic> errors;
};

// True for a name that a key may have.
[[nodiscard]] bool is_key_name(std::string_view name);

}  // namespace corral::config
