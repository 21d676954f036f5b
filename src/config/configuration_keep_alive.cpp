#include "configuration_keep_alive.hpp"

#include <charconv>

#include "corral/catalog/toml_section.hpp"

namespace corral::config {

std::optional<core::nanoseconds> parse_keep_alive(std::string_view text) {
    constexpr core::nanoseconds for_ever{-1};
    if (text == "forever") {
        return for_ever;
    }
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    std::optional<core::nanoseconds> span;
    std::int64_t whole = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (!text.empty() && end == text.data() + text.size() && text.front() != '-') {
        constexpr std::int64_t longest = 1'000'000'000;  // seconds, some thirty years
        span = error != std::errc{} || whole > longest ? for_ever : core::nanoseconds(core::seconds(whole));
    } else if (const auto parsed = catalog::parse_duration(text)) {
        span = *parsed;
    }
    const bool nothing = span && span->count() == 0;
    return span && negative && !nothing ? std::optional(for_ever) : span;
}

}  // namespace corral::config
