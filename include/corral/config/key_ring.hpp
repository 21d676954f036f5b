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

// What the holder of a key may do.
struct key_scopes {
    bool inference = true;  // ask models
    bool observe = false;   // see how the box fares
    bool operate = false;   // change what the box holds and does; pulls too
    bool pull = false;      // bring and delete packages, where clients may
    bool operator==(const key_scopes&) const = default;
};

// "inference,operate"; nothing for an unknown word or none.
[[nodiscard]] std::optional<key_scopes> parse_scopes(std::string_view text);
// The same way round.
[[nodiscard]] std::string scopes_text(const key_scopes& scopes);
[[nodiscard]] std::vector<std::string_view> scope_names(const key_scopes& scopes);
// Whoever may `all` may hand on `some`.
[[nodiscard]] bool holds(const key_scopes& all, const key_scopes& some);

struct key_entry {
    std::string name;  // 1 to 64 of A-Z a-z 0-9 _ . -
    key_digest digest{};
    key_scopes scopes;
    std::string made_by;     // the key by which it was made; empty: it was made on the box
    std::uint32_t line = 0;  // in its file
};

struct key_ring_reading;

inline constexpr std::string_view key_file_head = "# corral keys ";
inline constexpr unsigned key_file_format = 1;

// Immutable; replaced as a whole when its file changes.
class key_ring {
public:
    // Lines of "NAME SHA256HEX [SCOPES]", without scopes it is inference alone, after a first line with key_file_head and the
    // number of the format, without which it is 1; words after '#' don't count, but for the "by NAME" that add_key() writes
    // there, nor do empty lines; names and digests are unique. `file` is for complaints.
    [[nodiscard]] static key_ring_reading parse(std::string_view text, const std::string& file);

    // The entry of that key, borrowed; nullptr for an unknown one. Takes as long whichever it is.
    [[nodiscard]] const key_entry* find(std::string_view key) const;
    [[nodiscard]] const std::vector<key_entry>& all() const noexcept { return all_; }
    // Of the text that was parsed: two rings with another one differ.
    [[nodiscard]] std::uint64_t fingerprint() const noexcept { return fingerprint_; }

private:
    std::vector<key_entry> all_;
    std::uint64_t fingerprint_ = 0;
};

struct key_ring_reading {
    std::optional<key_ring> value;  // set exactly when `errors` is empty
    std::vector<catalog::diagnostic> errors;
};

// True for a name that a key may have, and for one that a new key may be given: words that a command takes for an option
// or a folder are none.
[[nodiscard]] bool is_key_name(std::string_view name);
[[nodiscard]] bool is_new_key_name(std::string_view name);

}  // namespace corral::config
