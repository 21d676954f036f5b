#include "api/openai/request_body.hpp"

#include <string>
#include <utility>

#include "api/json/go_text.hpp"
#include "api/json/json_input.hpp"
#include "corral/core/text.hpp"

namespace corral::api::openai {

nlohmann::ordered_json read_body(const http::request& incoming, std::string_view go_type,
                                 decode_problem& problem) {
    const std::string coding = core::lower_case(core::trimmed(incoming.headers.find("Content-Encoding")));
    if (!coding.empty() && coding != "identity") {
        problem.set("a request body with Content-Encoding " + go_quoted(coding.substr(0, 40)) +
                    " is not supported: send it uncompressed");
        return nlohmann::ordered_json::object();
    }
    auto tree = read_json(incoming.body, request_limits(), problem.memory);
    if (!tree && tree.error().code == core::errc::not_found) {
        problem.set("EOF");
        return nlohmann::ordered_json::object();
    }
    if (!tree) {
        problem.set(tree.error());
        return nlohmann::ordered_json::object();
    }
    if (tree->is_null()) {
        return nlohmann::ordered_json::object();
    }
    if (!tree->is_object()) {
        problem.set("json: cannot unmarshal " + std::string(kind_word(*tree)) +
                    " into Go value of type openai." + std::string(go_type));
        return nlohmann::ordered_json::object();
    }
    return std::move(*tree);
}

std::string_view go_type_of(const nlohmann::ordered_json& value) {
    if (value.is_object()) {
        return "map[string]interface {}";
    }
    if (value.is_array()) {
        return "[]interface {}";
    }
    if (value.is_string()) {
        return "string";
    }
    if (value.is_boolean()) {
        return "bool";
    }
    return value.is_null() ? "<nil>" : "float64";
}

bool says_something(const json_fields& fields, std::string_view key) {
    const auto* value = fields.find(key);
    if (value == nullptr) {
        return false;
    }
    if (value->is_boolean()) {
        return value->get<bool>();
    }
    if (value->is_number()) {
        return *value != 0;
    }
    if (value->is_string()) {
        return !value->get_ref<const std::string&>().empty();
    }
    return !value->empty();
}

}  // namespace corral::api::openai
