#pragma once
// JSON as Go's encoder writes it (docs/facts/ollama_wire.md#transport): no spaces, keys in the order given,
// HTML-safe escapes.

#include <concepts>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace corral::api {

// Appends `text` as a JSON string. Invalid UTF-8 becomes U+FFFD; U+0085, U+2028 and U+2029 are escaped,
// because line readers split at them (docs/facts/platform_traps.md#line-separators).
void append_json_string(std::string& out, std::string_view text);

// Appends the shortest form that reads back as `value` (finite); an exponent only below 1e-6 and from 1e21.
void append_json_number(std::string& out, double value);
void append_json_number(std::string& out, float value);

// One document, written in order. The caller balances begin and end and writes a key before each member.
class json_writer {
public:
    json_writer& begin_object() { return open('{'); }
    json_writer& end_object() { return close('}'); }
    json_writer& begin_array() { return open('['); }
    json_writer& end_array() { return close(']'); }
    json_writer& key(std::string_view name);

    json_writer& text(std::string_view value);
    json_writer& boolean(bool value);
    json_writer& real(double value);
    json_writer& real(float value);
    template <std::integral Number>
    json_writer& number(Number value) {
        separate();
        out_ += std::to_string(value);
        return *this;
    }
    // A whole tree. REQUIRES: its depth was bounded when it was read.
    json_writer& tree(const nlohmann::ordered_json& value);

    // Members in one call.
    json_writer& member(std::string_view name, std::string_view value) { return key(name).text(value); }
    template <std::integral Number>
    json_writer& count(std::string_view name, Number value) {
        return key(name).number(value);
    }

    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    json_writer& open(char bracket);
    json_writer& close(char bracket);
    void separate();
    std::string out_;
    bool needs_comma_ = false;
};

}  // namespace corral::api
