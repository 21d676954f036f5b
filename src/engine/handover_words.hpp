#pragma once
// The words of backend_handover::state: what one image writes another reads, and neither trusts it.

#include <cstdint>
#include <map>
#include <string>

namespace corral::engine {

using handover_words = std::map<std::string, std::string>;

// Empty, false and 0 for what is not there or makes no sense.
[[nodiscard]] std::string word_of(const handover_words& in, const char* name);
[[nodiscard]] bool flag_of(const handover_words& in, const char* name);
[[nodiscard]] std::uint32_t number_of(const handover_words& in, const char* name);
// What flag_of() reads.
[[nodiscard]] const char* flag_text(bool value);

}  // namespace corral::engine
