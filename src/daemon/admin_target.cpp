#include "admin_verbs.hpp"

#include <algorithm>
#include <utility>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

namespace {

// A name that clients may use, to what runs it.
std::string served_name(const known_targets& among, std::string_view typed) {
    const generation::served found = among.models.find(typed);
    return found == nullptr ? std::string() : found->deployment;
}

std::string no_model(const known_targets& among, const std::string& typed) {
    std::vector<std::string> names;
    for (const generation::served& each : among.models.all()) {
        names.push_back(each->name);
    }
    return catalog::no_such_model(telemetry::printable(typed), names);
}

// A model, or one of its instances.
bool resolve_model(const known_targets& among, std::string_view target, admin_target& out) {
    if (std::string deployment = served_name(among, target); !deployment.empty()) {
        out.models.push_back(std::move(deployment));
        return true;
    }
    if (const engine::backend* const set = instance_named(among, target)) {
        out.models.push_back(set->model().name);
        out.label = catalog::label_of(set->model());
        return true;
    }
    return false;
}

// MODEL, MODEL@CARDS, or one of them and /SERVICE; a model's name may hold a '/' itself.
admin_target resolve_name(const known_targets& among, const std::string& target) {
    admin_target out;
    if (resolve_model(among, target, out)) {
        return out;
    }
    const auto slash = target.rfind('/');
    if (slash == std::string::npos || !resolve_model(among, target.substr(0, slash), out)) {
        out.problem = no_model(among, target);
        out.unknown = true;
        return out;
    }
    out.service = target.substr(slash + 1);
    std::string known;
    const std::string& model = out.models.front();
    for (const supervisor::service_status& one : among.admission.runtime_of(model)->services().status()) {
        if (one.name == out.service) {
            return out;
        }
        known += (known.empty() ? "" : ", ") + one.name;
    }
    out.problem =
        "model " + model + " has no service '" + telemetry::printable(out.service) + "'; it has " + known;
    out.unknown = true;
    return out;
}

}  // namespace

engine::backend* instance_named(const known_targets& among, std::string_view typed) {
    const auto at = typed.rfind('@');
    if (at == std::string_view::npos) {
        return nullptr;
    }
    const std::string deployment = served_name(among, typed.substr(0, at));
    const std::string label = deployment + std::string(typed.substr(at));
    for (const auto& runtime : among.backends) {
        if (!deployment.empty() && catalog::label_of(runtime->model()) == label) {
            return runtime.get();
        }
    }
    return nullptr;
}

admin_target resolve_target(const known_targets& among, const std::string& target) {
    admin_target out;
    if (among.admission.refuses_new()) {
        out.problem = "the server is shutting down";
    } else if (target.empty()) {
        for (const auto& runtime : among.backends) {
            const std::string& name = runtime->model().name;
            if (std::ranges::find(out.models, name) == out.models.end()) {
                out.models.push_back(name);
            }
        }
    } else {
        out = resolve_name(among, target);
    }
    return out;
}

}  // namespace corral::daemon
