#pragma once
// The keywords of JSON Schema that say more than words, and what is done with each.

#include <string_view>

#include <nlohmann/json.hpp>

namespace corral::chat {

enum class keyword_kind {
    in_place,       // a schema for the same value
    in_place_list,  // several
    inside,         // a schema for what is in the value
    inside_map,     // by name
    items,
    dependencies,
    reference,
    copied,
    rule,
    refused,
};

struct schema_keyword {
    std::string_view name;
    keyword_kind kind;
};

// nullptr: it only describes.
[[nodiscard]] const schema_keyword* find_keyword(std::string_view name);

// "null", "boolean", "integer", "number", "string", "array" or "object".
[[nodiscard]] bool is_type_name(const nlohmann::ordered_json& value);

}  // namespace corral::chat
