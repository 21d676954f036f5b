#include "chat/schema_keywords.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace corral::chat {

namespace {

// What is not here describes.
constexpr std::array<schema_keyword, 45> keywords{{
    {"$ref", keyword_kind::reference},
    {"$dynamicRef", keyword_kind::refused},
    {"$recursiveRef", keyword_kind::refused},
    {"additionalItems", keyword_kind::items},
    {"additionalProperties", keyword_kind::inside},
    {"allOf", keyword_kind::in_place_list},
    {"anyOf", keyword_kind::in_place_list},
    {"const", keyword_kind::rule},
    {"contains", keyword_kind::inside},
    {"dependencies", keyword_kind::dependencies},
    {"dependentRequired", keyword_kind::dependencies},
    {"dependentSchemas", keyword_kind::dependencies},
    {"else", keyword_kind::in_place},
    {"enum", keyword_kind::rule},
    {"exclusiveMaximum", keyword_kind::copied},
    {"exclusiveMinimum", keyword_kind::copied},
    {"if", keyword_kind::in_place},
    {"items", keyword_kind::items},
    {"maxContains", keyword_kind::refused},
    {"maxItems", keyword_kind::copied},
    {"maxLength", keyword_kind::copied},
    {"maxProperties", keyword_kind::copied},
    {"maximum", keyword_kind::copied},
    {"minContains", keyword_kind::refused},
    {"minItems", keyword_kind::copied},
    {"minLength", keyword_kind::copied},
    {"minProperties", keyword_kind::copied},
    {"minimum", keyword_kind::copied},
    {"multipleOf", keyword_kind::rule},
    {"not", keyword_kind::in_place},
    {"oneOf", keyword_kind::in_place_list},
    {"pattern", keyword_kind::rule},
    {"patternProperties", keyword_kind::refused},
    {"prefixItems", keyword_kind::items},
    {"properties", keyword_kind::inside_map},
    {"propertyNames", keyword_kind::inside},
    {"required", keyword_kind::copied},
    {"then", keyword_kind::in_place},
    {"type", keyword_kind::rule},
    {"unevaluatedItems", keyword_kind::refused},
    {"unevaluatedProperties", keyword_kind::refused},
    {"uniqueItems", keyword_kind::rule},
    // Draft 3 had these; valijson knows them no more.
    {"divisibleBy", keyword_kind::refused},
    {"disallow", keyword_kind::refused},
    {"extends", keyword_kind::refused},
}};

constexpr std::array<std::string_view, 7> type_names{"null",   "boolean", "integer", "number",
                                                     "string", "array",   "object"};

}  // namespace

const schema_keyword* find_keyword(std::string_view name) {
    for (const schema_keyword& each : keywords) {
        if (each.name == name) {
            return &each;
        }
    }
    return nullptr;
}

bool is_type_name(const nlohmann::ordered_json& value) {
    return value.is_string() && std::find(type_names.begin(), type_names.end(),
                                          value.get_ref<const std::string&>()) != type_names.end();
}

}  // namespace corral::chat
