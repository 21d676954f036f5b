#include "toml_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "corral/package/package_tree.hpp"

namespace corral::package {

namespace {

unsigned byte_at(std::string_view text, std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
}

// The length of the character that `text` begins with; 0 where it is not UTF-8.
std::size_t character_length(std::string_view text) {
    const unsigned first = byte_at(text, 0);
    if (first < 0x80) {
        return 1;
    }
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(text, i) & 0xC0U) != 0x80) {
            return 0;
        }
    }
    const unsigned second = byte_at(text, 1);
    const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) ||
                       (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90);
    return wrong ? 0 : length;
}

std::string escaped(char c) {
    if (c == '"' || c == '\\') {
        return {'\\', c};
    }
    if (c == '\n') {
        return "\\n";
    }
    if (c == '\t') {
        return "\\t";
    }
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "\\u%04X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    return text.data();
}

bool is_number(std::string_view text) {
    return !text.empty() && text.size() <= 15 && (text.size() == 1 || text.front() != '0') &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string toml_string(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        const char c = text.front();
        if (length == 0) {
            out += "\xEF\xBF\xBD";
        } else if (length == 1 &&
                   (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) {
            out += escaped(c);
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
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
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-';
    });
    return bare ? std::string(name) : toml_string(name);
}

std::string toml_comment(std::string_view text) {
    return shown(text, 400);
}

}  // namespace corral::package
