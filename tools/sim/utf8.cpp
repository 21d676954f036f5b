#include "utf8.hpp"

#include <cstddef>

namespace corral::sim {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

struct lead_rule {
    std::size_t length;  // whole sequence; 0 for a byte that cannot lead
    unsigned char low;   // bounds of the second byte
    unsigned char high;
};

lead_rule rule_of(unsigned char lead) {
    if (lead < 0x80) return {1, 0, 0};
    if (lead < 0xC2) return {0, 0, 0};
    if (lead < 0xE0) return {2, 0x80, 0xBF};
    if (lead == 0xE0) return {3, 0xA0, 0xBF};
    if (lead == 0xED) return {3, 0x80, 0x9F};
    if (lead < 0xF0) return {3, 0x80, 0xBF};
    if (lead == 0xF0) return {4, 0x90, 0xBF};
    if (lead < 0xF4) return {4, 0x80, 0xBF};
    if (lead == 0xF4) return {4, 0x80, 0x8F};
    return {0, 0, 0};
}

// Bytes of the longest well-formed beginning of a sequence at `at`, at least 1.
std::size_t valid_prefix(std::string_view bytes, std::size_t at, lead_rule rule) {
    std::size_t have = 1;
    while (have < rule.length && at + have < bytes.size()) {
        const auto byte = static_cast<unsigned char>(bytes[at + have]);
        const unsigned char low = have == 1 ? rule.low : 0x80;
        const unsigned char high = have == 1 ? rule.high : 0xBF;
        if (byte < low || byte > high) break;
        ++have;
    }
    return have;
}

}  // namespace

utf8_text decode_utf8(std::string_view bytes) {
    utf8_text out;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto rule = rule_of(static_cast<unsigned char>(bytes[at]));
        const std::size_t have = rule.length == 0 ? 1 : valid_prefix(bytes, at, rule);
        if (rule.length != 0 && have == rule.length)
            out.text += bytes.substr(at, have);
        else
            out.text += replacement;
        at += have;
    }
    out.has_replacement = out.text.find(replacement) != std::string::npos;
    return out;
}

}  // namespace corral::sim
