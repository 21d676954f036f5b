#pragma once
// The words of backend_handover::state, which one image writes, another reads, and neither trusts.

#include <cstdint>
#include <map>
#include <string>

#include "corral/core/text.hpp"

namespace corral::engine {

using handover_words = std::map<std::string, std::string>;

// Empty, false and 0 for what is not there or makes no sense.
[[nodiscard]] inline std::string word_of(const handover_words& in, const char* name) {
    const auto found = in.find(name);
    return found == in.end() ? std::string() : found->second;
}
[[nodiscard]] inline bool flag_of(const handover_words& in, const char* name) {
    return word_of(in, name) == "1";
}
[[nodiscard]] inline std::uint32_t number_of(const handover_words& in, const char* name) {
    return core::whole_number<std::uint32_t>(word_of(in, name)).value_or(0);
}
// What flag_of() reads.
[[nodiscard]] inline const char* flag_text(bool value) {
    return value ? "1" : "0";
}

}  // namespace corral::engine
