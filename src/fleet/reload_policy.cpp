#include "corral/fleet/reload_policy.hpp"

#include <algorithm>
#include <utility>

#include "corral/config/server_places.hpp"
#include "corral/core/say.hpp"

namespace corral::fleet {

namespace {

catalog::model_entry without_survey(catalog::model_entry of) {
    of.size_bytes = 0;
    of.device_bytes = 0;
    of.digest.clear();
    of.modified = {};
    of.source.clear();
    for (catalog::model_entry& fallback : of.fallbacks) {
        fallback = without_survey(std::move(fallback));
    }
    return of;
}

const catalog::model_entry* find_exactly(const config::configuration& in, const std::string& name) {
    const auto found = std::ranges::find(in.models, name, &catalog::model_entry::name);
    return found == in.models.end() ? nullptr : &*found;
}

// By the folder itself, when that can't be read.
bool is_left_out(const catalog::model_entry& model, const config::configuration& in) {
    return !model.source.empty() && std::ranges::any_of(in.left_out, [&](const auto& one) {
        return one.file == model.source || one.file == model.source.parent_path();
    });
}

// No client was let in so far, so nothing has to go on as before.
bool is_shut(const config::configuration& of) {
    return of.in_place && of.in_place->door_differs;
}

bool is_free(const catalog::model_entry& model, const config::configuration& in) {
    return config::find_model(in, model.name) == nullptr &&
           std::ranges::none_of(model.aliases, [&](const std::string& name) {
               return config::find_model(in, name) != nullptr;
           });
}

}  // namespace

std::vector<std::string> keep_served(const config::configuration& now, config::configuration& wanted) {
    std::vector<std::string> kept;
    for (const catalog::model_entry& model : now.models) {
        if (is_left_out(model, wanted) && is_free(model, wanted)) {
            wanted.models.push_back(model);
            kept.push_back(model.name);
        }
    }
    return kept;
}

void keep_folders(const config::configuration& now, config::configuration& wanted) {
    const std::filesystem::path folder = config::rendered_folder(now.state_directory);
    for (catalog::model_entry& model : wanted.models) {
        model.files_folder = folder;
        for (catalog::model_entry& fallback : model.fallbacks) {
            fallback.files_folder = folder;
        }
    }
}

bool same_setup(const catalog::model_entry& a, const catalog::model_entry& b) {
    return without_survey(a) == without_survey(b);
}

reload_plan plan_reload(const config::configuration& now, const config::configuration& wanted) {
    reload_plan out;
    for (const catalog::model_entry& model : now.models) {
        if (find_exactly(wanted, model.name) == nullptr) {
            out.removed.push_back(model.name);
        }
    }
    for (const catalog::model_entry& model : wanted.models) {
        const catalog::model_entry* const before = find_exactly(now, model.name);
        if (before == nullptr) {
            out.added.push_back(model.name);
        } else if (same_setup(*before, model)) {
            out.unchanged.push_back(model.name);
        } else {
            out.changed.push_back(model.name);
        }
    }
    const auto note = [&](bool differs, const char* key) {
        if (differs) {
            out.later.emplace_back(key);
        }
    };
    note(now.listen != wanted.listen, "listen");
    note(now.state_directory != wanted.state_directory, "state_directory");
    const bool named = now.admin_socket_named || wanted.admin_socket_named;
    note(named && now.admin_socket != wanted.admin_socket, "admin_socket");
    note(now.agent != wanted.agent, "fleet.agent");
    note(now.log_content != wanted.log_content, "log_content");
    note(now.black_box != wanted.black_box, "black_box");
    note(now.tls.has_value() != wanted.tls.has_value() && !is_shut(now), "tls");
    return out;
}

std::string refuse_emptied(const config::configuration& now, const config::configuration& wanted) {
    const std::string remedy = "; if that is wanted, say 'corral reload --allow-empty'";
    if (wanted.blank && !now.blank) {
        return "the configuration file is empty or gone, as one whose writing was cut short" + remedy;
    }
    if (wanted.models.empty() && !now.models.empty()) {
        return "the configuration has no model any more, and " + std::to_string(now.models.size()) +
               " would be unloaded" + remedy;
    }
    return {};
}

config::configuration settings_after(const config::configuration& now, config::configuration wanted) {
    if (is_shut(now) && now.listen != wanted.listen) {
        // Its author may have wanted fewer to come in than do at the old address.
        wanted.in_place = now.in_place;
        wanted.in_place->problems = {{"listen", 0, 0, core::say("configuration.warned/address")}};
    }
    wanted.listen = now.listen;
    wanted.state_directory = now.state_directory;
    wanted.admin_socket = now.admin_socket;
    wanted.admin_socket_named = now.admin_socket_named;
    wanted.agent = now.agent;
    wanted.log_content = now.log_content;
    wanted.black_box = now.black_box;
    if (now.tls.has_value() != wanted.tls.has_value() && !is_shut(now)) {
        wanted.tls = now.tls;
    }
    return wanted;
}

}  // namespace corral::fleet
