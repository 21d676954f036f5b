#include "package/readers/toml_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::package {

namespace {

std::string escaped(std::uint32_t point) {
    if (point == '"' || point == '\\') {
        return {'\\', static_cast<char>(point)};
    }
    if (point == '\n') {
        return "\\n";
    }
    if (point == '\t') {
        return "\\t";
    }
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), point < 0x10000 ? "\\u%04X" : "\\U%08X",
                  static_cast<unsigned>(point));
    return text.data();
}

bool is_number(std::string_view text) {
    return !text.empty() && text.size() <= 15 && (text.size() == 1 || text.front() != '0') &&
           std::all_of(text.begin(), text.end(), core::is_digit);
}

}  // namespace

std::string toml_string(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const core::utf8_step step = core::next_utf8(text);
        const bool whole = step.kind == core::utf8_kind::whole;
        if (!whole) {
            out += core::replacement_character;
        } else if (step.point == '"' || step.point == '\\' || !core::is_printable(step.point)) {
            out += escaped(step.point);
        } else {
            out += text.substr(0, step.length);
        }
        text.remove_prefix(whole ? step.length : 1);
    }
    return out += '"';
}

std::string toml_value(std::string_view text) {
    return is_number(text) ? std::string(text) : toml_string(text);
}

std::string toml_list(const std::vector<std::string>& words) {
    std::string out = "[";
    for (const auto& word : words) {
        out += (out.size() == 1 ? "" : ", ") + toml_string(word);
    }
    return out += "]";
}

std::string toml_key(std::string_view name) {
    const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return core::is_letter(c) || core::is_digit(c) || c == '_' || c == '-';
    });
    return bare ? std::string(name) : toml_string(name);
}

std::string toml_comment(std::string_view text) {
    return shown(text, 400);
}

}  // namespace corral::package
