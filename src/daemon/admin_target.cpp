#include "admin_target.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

namespace {

// A name that clients may use, to what runs it.
std::string served_name(const admin_context& of, std::string_view typed) {
    const api::served found = of.running->models().find(typed);
    return found == nullptr ? std::string() : found->lane;
}

// "qwen3:4b@1": the only one that `typed` can mean; nullptr: none.
engine::backend* set_of(const admin_context& of, std::string_view typed) {
    const auto at = typed.rfind('@');
    if (at == std::string_view::npos) {
        return nullptr;
    }
    const std::string deployment = served_name(of, typed.substr(0, at));
    const std::string label = deployment + std::string(typed.substr(at));
    for (const auto& runtime : of.running->backends()) {
        if (!deployment.empty() && catalog::label_of(runtime->model()) == label) {
            return runtime.get();
        }
    }
    return nullptr;
}

std::string names_of_all(const admin_context& of) {
    std::string out;
    for (const auto& runtime : of.running->backends()) {
        out += (out.empty() ? "" : ", ") + catalog::label_of(runtime->model());
    }
    return out.empty() ? "none" : out;
}

std::string no_model(const admin_context& of, const std::string& typed) {
    std::vector<std::string> names;
    for (const api::served& each : of.running->models().all()) {
        names.push_back(each->name);
    }
    const std::string meant = catalog::nearest(typed, names);
    return "there is no model '" + telemetry::printable(typed) + "'" +
           (meant.empty() ? "" : "; did you mean '" + meant + "'?") + "; models: " + names_of_all(of);
}

// A model, or one of its process sets.
bool resolve_model(const admin_context& of, std::string_view target, admin_target& out) {
    if (std::string deployment = served_name(of, target); !deployment.empty()) {
        out.models.push_back(std::move(deployment));
        return true;
    }
    if (const engine::backend* const set = set_of(of, target)) {
        out.models.push_back(set->model().name);
        out.label = catalog::label_of(set->model());
        return true;
    }
    return false;
}

// MODEL, MODEL@CARDS, or one of them and /SERVICE; a model's name may hold a '/' itself.
admin_target resolve_name(const admin_context& of, const std::string& target) {
    admin_target out;
    if (resolve_model(of, target, out)) {
        return out;
    }
    const auto slash = target.rfind('/');
    if (slash == std::string::npos || !resolve_model(of, target.substr(0, slash), out)) {
        out.problem = no_model(of, target);
        return out;
    }
    out.service = target.substr(slash + 1);
    std::string known;
    const std::string& model = out.models.front();
    for (const supervisor::service_status& one :
         of.running->admission().runtime_of(model)->services().status()) {
        if (one.name == out.service) {
            return out;
        }
        known += (known.empty() ? "" : ", ") + one.name;
    }
    out.problem =
        "model " + model + " has no service '" + telemetry::printable(out.service) + "'; it has " + known;
    return out;
}

}  // namespace

admin_target resolve_target(const admin_context& of, const control::admin_json& asked) {
    admin_target out;
    const auto found = asked.find("target");
    if (of.running->admission().refuses_new()) {
        out.problem = "the server is shutting down";
    } else if (found == asked.end() || found->is_null()) {
        for (const auto& runtime : of.running->backends()) {
            const std::string& name = runtime->model().name;
            if (std::find(out.models.begin(), out.models.end(), name) == out.models.end()) {
                out.models.push_back(name);
            }
        }
    } else if (!found->is_string()) {
        out.problem = "'target' must be a text: MODEL, MODEL@CARDS or MODEL/SERVICE";
    } else {
        out = resolve_name(of, found->get<std::string>());
    }
    return out;
}

}  // namespace corral::daemon
