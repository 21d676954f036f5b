#include "api/anthropic/identifier.hpp"

namespace corral::api::anthropic {

std::string new_identifier(std::string_view prefix, core::random_source& random) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr int wanted = 24;
    std::string out(prefix);
    std::uint64_t bits = 0;
    for (int i = 0; i < wanted; ++i) {
        if (i % 16 == 0) {
            bits = random.next();
        }
        out += digits[bits % 16];
        bits /= 16;
    }
    return out;
}

}  // namespace corral::api::anthropic
