#include "generation/tool_call_id.hpp"

#include <cstdint>
#include <string_view>

namespace corral::generation {

std::string new_tool_call_id(core::random_source& random) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    constexpr int length = 8;
    std::string out = "call_";
    std::uint64_t bits = random.next();
    for (int i = 0; i < length; ++i) {
        out += letters[static_cast<std::size_t>(bits % letters.size())];
        bits /= letters.size();
    }
    return out;
}

}  // namespace corral::generation
