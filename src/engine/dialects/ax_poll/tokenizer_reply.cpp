#include "engine/dialects/ax_poll/tokenizer_reply.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/json.hpp"

namespace corral::engine::ax_poll {

namespace {

using nlohmann::json;

bool holds(const json& body, tokenizer_field wanted) {
    const auto has = [&body](const char* key, auto test) {
        const auto found = body.find(key);
        return found != body.end() && test(*found);
    };
    switch (wanted) {
        case tokenizer_field::uid:
            return has("uid", [](const json& v) {
                return v.is_string() && !v.get_ref<const std::string&>().empty();
            });
        case tokenizer_field::ids:
            return has("token_ids", is_id_array);
        case tokenizer_field::diff:
            return has("diff", is_id_array);
        case tokenizer_field::text:
            return has("text", [](const json& v) { return v.is_string(); });
        case tokenizer_field::number:
            return std::any_of(body.begin(), body.end(), [](const json& v) { return v.is_number_integer(); });
    }
    return false;
}

}  // namespace

const char* to_string(tokenizer_fault fault) noexcept {
    switch (fault) {
        case tokenizer_fault::none:
            return "answered";
        case tokenizer_fault::unreachable:
            return "can't be reached";
        case tokenizer_fault::timed_out:
            return "did not answer in time";
        case tokenizer_fault::unknown_uid:
            return "does not know its identity any more";
        case tokenizer_fault::bad_answer:
            return "answered nonsense";
        case tokenizer_fault::too_long:
            return "answered with more than any context can hold";
    }
    return "failed";
}

tokenizer_answer read_tokenizer_reply(unsigned status, std::string body, tokenizer_field wanted) {
    tokenizer_answer out;
    out.body = std::move(body);
    out.json = core::parse_json(out.body, {.bytes = most_tokenizer_reply});
    const json error = out.json.is_object() ? out.json.value("error", json{}) : json{};
    if (error.is_string() && error.get_ref<const std::string&>().find("uid") != std::string::npos) {
        out.fault = tokenizer_fault::unknown_uid;
        out.said = to_string(out.fault);
    } else if (status != 200) {
        out.fault = tokenizer_fault::bad_answer;
        out.said = "answered with status " + std::to_string(status);
    } else if (!out.json.is_object()) {
        out.fault = tokenizer_fault::bad_answer;
        out.said = "answered with something else than JSON";
    } else if (!holds(out.json, wanted)) {
        out.fault = tokenizer_fault::bad_answer;
        out.said = "answered without what it was asked for";
    } else if (wanted == tokenizer_field::ids || wanted == tokenizer_field::diff) {
        out.ids = ids_of(out.json[wanted == tokenizer_field::ids ? "token_ids" : "diff"]);
        out.json = json::object();  // many nodes, all of which are in `ids`
    }
    return out;
}

bool is_id_array(const json& value) {
    return value.is_array() &&
           std::all_of(value.begin(), value.end(), [](const json& id) { return id.is_number_integer(); });
}

bool within_vocabulary(const token_ids& ids, std::uint32_t rows) noexcept {
    return std::all_of(ids.begin(), ids.end(),
                       [rows](std::int64_t id) { return id >= 0 && (rows == 0 || id < std::int64_t{rows}); });
}

token_ids ids_of(const nlohmann::json& array) {
    token_ids out;
    out.reserve(array.size());
    for (const json& id : array) {
        out.push_back(id.get<std::int64_t>());
    }
    return out;
}

}  // namespace corral::engine::ax_poll
