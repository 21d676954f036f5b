#include "api/models/model_lookup.hpp"

#include <algorithm>

#include "api/json/go_text.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

namespace {

bool is_cloud(std::string_view lower) {
    const auto colon = lower.rfind(':');
    return colon != std::string_view::npos &&
           (lower.substr(colon) == ":cloud" || lower.substr(colon).ends_with("-cloud"));
}

bool take_suffix(std::string_view& name, std::string_view suffix) {
    const bool has = name.ends_with(suffix);
    name.remove_suffix(has ? suffix.size() : 0);
    return has;
}

// Sets the problem of a cloud name, if it is one. The suffixes come in any order.
void refuse_cloud(std::string_view typed, decode_problem& problem) {
    const std::string lower = core::lower_case(core::trimmed(typed));
    std::string_view name = lower;
    const bool local = take_suffix(name, ":local");
    if (!is_cloud(name)) {
        return;
    }
    if (local || (take_suffix(name, ":cloud") && name.ends_with(":local"))) {
        problem.set(core::say("request.bad-name/use", go_quoted(typed)));
    } else {
        problem.set(core::say("request.cloud"), 403);
    }
}

}  // namespace

bool names_cloud(std::string_view typed) {
    return typed.size() <= catalog::longest_name && is_cloud(core::lower_case(core::trimmed(typed)));
}

generation::served find_model(const generation::model_directory& models, std::string_view typed,
                              const lookup_words& words, decode_problem& problem) {
    if (typed.size() > catalog::longest_name) {
        problem.set(core::say("request.bad-name/invalid"));
        return nullptr;
    }
    if (core::trimmed(typed).empty()) {
        problem.set(core::say(words.missing), words.missing_status);
        return nullptr;
    }
    refuse_cloud(typed, problem);
    const auto display = catalog::display_name(typed);
    if (!display) {
        problem.set(core::say("request.bad-name/invalid"));
    }
    if (problem.found()) {
        return nullptr;
    }
    generation::served found = models.find(typed);
    if (found == nullptr) {
        const std::string shown(words.display_form ? std::string_view(*display) : typed);
        const core::reason unknown = core::say(words.unknown, shown);
        problem.set(models.all().empty() ? unknown.led_to_by(core::say("request.no-models")) : unknown, 404);
    }
    return found;
}

std::string long_name(const generation::served_model& model) {
    switch (std::ranges::count(model.name, '/')) {
        case 0:
            return "registry.ollama.ai/library/" + model.name;
        case 1:
            return "registry.ollama.ai/" + model.name;
        default:
            return model.name;
    }
}

}  // namespace corral::api
