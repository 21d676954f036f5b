#include "engine/handover_words.hpp"

#include <charconv>
#include <system_error>

namespace corral::engine {

std::string word_of(const handover_words& in, const char* name) {
    const auto found = in.find(name);
    return found == in.end() ? std::string() : found->second;
}

bool flag_of(const handover_words& in, const char* name) {
    return word_of(in, name) == "1";
}

std::uint32_t number_of(const handover_words& in, const char* name) {
    const std::string text = word_of(in, name);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

const char* flag_text(bool value) {
    return value ? "1" : "0";
}

}  // namespace corral::engine
