#include "cli/base/reported_fields.hpp"

#include <algorithm>
#include <iterator>

#include "corral/core/json_members.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

using json = nlohmann::ordered_json;

std::string reported_text(const json& object, const char* key, std::size_t longest) {
    return telemetry::printable(core::text_at(object, key), longest);
}

std::optional<double> reported_number(const json& object, const char* key) {
    return core::number_at<double>(object, key);
}

double reported_amount(const json& object, const char* key) {
    return reported_number(object, key).value_or(0);
}

bool reported_flag(const json& object, const char* key) {
    return core::flag_at(object, key);
}

std::vector<json> reported_objects(const json& object, const char* key) {
    std::vector<json> out;
    const json& all = core::list_at(object, key);
    std::copy_if(all.begin(), all.end(), std::back_inserter(out),
                 [](const json& member) { return member.is_object(); });
    return out;
}

std::vector<json> reported_instances(const json& model) {
    std::vector<json> out = reported_objects(model, "instances");
    return out.empty() ? std::vector<json>{model} : out;
}

std::vector<json> all_instances(const json& status) {
    std::vector<json> out;
    for (const json& model : reported_objects(status, "models")) {
        std::ranges::move(reported_instances(model), std::back_inserter(out));
    }
    return out;
}

bool is_served(const json& status, const std::string& model) {
    return std::ranges::any_of(reported_objects(status, "models"),
                               [&](const json& object) { return reported_text(object, "name") == model; });
}

std::string reported_words(const json& object, const char* key) {
    std::string out;
    for (const json& word : core::list_at(object, key)) {
        if (word.is_string()) {
            out += (out.empty() ? "" : ", ") + telemetry::printable(word.get<std::string>(), 100);
        }
    }
    return out;
}

}  // namespace corral::cli
