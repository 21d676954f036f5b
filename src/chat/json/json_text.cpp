#include "chat/json/json_text.hpp"

#include <string_view>

namespace corral::chat {

namespace {

using json = nlohmann::ordered_json;

void append_json(std::string& out, const json& value) {
    if (value.is_object()) {
        out += '{';
        std::string_view between;
        for (const auto& [key, member] : value.items()) {
            out += between;
            append_json(out, json(key));
            out += ": ";
            append_json(out, member);
            between = ", ";
        }
        out += '}';
    } else if (value.is_array()) {
        out += '[';
        std::string_view between;
        for (const auto& element : value) {
            out += between;
            append_json(out, element);
            between = ", ";
        }
        out += ']';
    } else {
        out += value.dump(-1, ' ', false, json::error_handler_t::replace);
    }
}

}  // namespace

std::string spaced_json(const json& value) {
    std::string out;
    append_json(out, value);
    return out;
}

std::string indented_json(const json& value) {
    return value.dump(4, ' ', false, json::error_handler_t::replace);
}

}  // namespace corral::chat
