#include "api/json/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "corral/core/utf8.hpp"

namespace corral::api {

namespace {

void append_escape(std::string& out, unsigned code) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) {
        out += digits[(code >> shift) & 0xF];
    }
}

void append_ascii(std::string& out, char c) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        default:
            break;
    }
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || c == '<' || c == '>' || c == '&') {
        append_escape(out, code);
    } else {
        out += c;
    }
}

// Code of a character that line readers take for a line end; 0 for all others.
unsigned line_break_code(std::string_view character) {
    if (character == "\xC2\x85") {
        return 0x85;
    }
    if (character == "\xE2\x80\xA8") {
        return 0x2028;
    }
    return character == "\xE2\x80\xA9" ? 0x2029 : 0;
}

template <typename Number>
void append_shortest(std::string& out, Number value) {
    const Number size = std::fabs(value);
    const bool exponent = size != 0 && (size < Number(1e-6) || size >= Number(1e21));
    std::array<char, 64> digits{};
    const auto form = exponent ? std::chars_format::scientific : std::chars_format::fixed;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, form).ptr;
    std::string text(digits.data(), end);
    // Go writes e-7 where C writes e-07.
    const auto zero = text.size() >= 4 && exponent ? text.size() - 4 : std::string::npos;
    if (zero != std::string::npos && text[zero] == 'e' && text[zero + 1] == '-' && text[zero + 2] == '0') {
        text.erase(zero + 2, 1);
    }
    out += text;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const std::size_t length = core::character_length(text);
        if (length == 0) {
            out += "\\ufffd";
            text.remove_prefix(1);
            continue;
        }
        const std::string_view character = text.substr(0, length);
        if (length == 1) {
            append_ascii(out, text.front());
        } else if (const unsigned code = line_break_code(character)) {
            append_escape(out, code);
        } else {
            out += character;
        }
        text.remove_prefix(length);
    }
    out += '"';
}

void append_json_number(std::string& out, double value) {
    append_shortest(out, value);
}

void append_json_number(std::string& out, float value) {
    append_shortest(out, value);
}

json_writer& json_writer::key(std::string_view name) {
    separate();
    append_json_string(out_, name);
    out_ += ':';
    needs_comma_ = false;
    return *this;
}

json_writer& json_writer::text(std::string_view value) {
    separate();
    append_json_string(out_, value);
    return *this;
}

json_writer& json_writer::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
    return *this;
}

json_writer& json_writer::real(double value) {
    separate();
    append_json_number(out_, value);
    return *this;
}

json_writer& json_writer::real(float value) {
    separate();
    append_json_number(out_, value);
    return *this;
}

json_writer& json_writer::tree(const nlohmann::ordered_json& value) {
    using kind = nlohmann::ordered_json::value_t;
    switch (value.type()) {
        case kind::object:
            begin_object();
            for (const auto& [name, inner] : value.items()) {
                key(name).tree(inner);
            }
            return end_object();
        case kind::array:
            begin_array();
            for (const auto& inner : value) {
                tree(inner);
            }
            return end_array();
        case kind::string:
            return text(value.get_ref<const std::string&>());
        case kind::boolean:
            return boolean(value.get<bool>());
        case kind::number_integer:
            return number(value.get<std::int64_t>());
        case kind::number_unsigned:
            return number(value.get<std::uint64_t>());
        case kind::number_float:
            return real(value.get<double>());
        case kind::null:
        case kind::binary:
        case kind::discarded:
            break;
    }
    separate();
    out_ += "null";
    return *this;
}

json_writer& json_writer::open(char bracket) {
    separate();
    out_ += bracket;
    needs_comma_ = false;
    return *this;
}

json_writer& json_writer::close(char bracket) {
    out_ += bracket;
    needs_comma_ = true;
    return *this;
}

void json_writer::separate() {
    if (needs_comma_) {
        out_ += ',';
    }
    needs_comma_ = true;
}

}  // namespace corral::api
