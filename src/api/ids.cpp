#include "api/ids.hpp"

#include <cstdint>

namespace corral::api {

std::string hex_id(std::string_view prefix, unsigned digits, core::random_source& random) {
    constexpr std::string_view alphabet = "0123456789abcdef";
    constexpr unsigned digits_of_a_draw = 16;
    std::string out(prefix);
    std::uint64_t bits = 0;
    for (unsigned i = 0; i < digits; ++i) {
        if (i % digits_of_a_draw == 0) {
            bits = random.next();
        }
        out += alphabet[bits % alphabet.size()];
        bits /= alphabet.size();
    }
    return out;
}

std::string short_id(std::string_view prefix, core::random_source& random) {
    constexpr std::uint64_t ids = 999;
    std::string out(prefix);
    out += std::to_string(random.next() % ids);
    return out;
}

}  // namespace corral::api
