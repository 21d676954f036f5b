#include "cli/status/model_listing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/status/ollama_page.hpp"
#include "cli/status/status_page.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

constexpr core::seconds status_limit{3};

using json = nlohmann::ordered_json;

listed_model from_entry(const catalog::model_entry& model) {
    listed_model out;
    out.name = model.name;
    out.aliases = model.aliases;
    out.size_bytes = model.size_bytes;
    out.profile = model.runtime.name;
    out.package = model.package.string();
    out.source = model.source.string();
    return out;
}

listed_model from_left_out(const config::left_out_manifest& manifest) {
    listed_model out;
    out.name = manifest.name.empty() ? manifest.file.filename().string() : manifest.name;
    out.state = "left out";
    out.source = manifest.file.string();
    out.note = manifest.problems.empty() ? std::string() : catalog::to_text(manifest.problems.front());
    return out;
}

void take_state(listed_model& model, const json& served) {
    model.state = reported_text(served, "state");
    if (const json* const queue = core::member(served, "queue"); queue != nullptr && queue->is_object()) {
        model.running = reported_amount(*queue, "running");
        model.waiting = reported_amount(*queue, "waiting");
    }
    model.unload_seconds = reported_number(served, "unload_seconds");
    for (const json& name : core::list_at(served, "also")) {
        model.also.push_back(name.is_string() ? name.get<std::string>() : std::string());
    }
    for (const json& one : reported_objects(served, "instances")) {
        model.instances.emplace_back(reported_text(one, "name"), reported_text(one, "state"));
    }
}

// "ready @0 @1": of a model with several instances also which of them are so.
std::string places_text(const listed_model& model) {
    std::string out;
    for (const auto& [name, state] : model.instances) {
        const auto at = name.rfind('@');
        out += state == model.state && at != std::string::npos ? " " + name.substr(at) : "";
    }
    return out;
}

// With what the daemon knows of it. Of a manifest that is left out only what is served of that very file: its
// name may be another model's.
void join(listed_model& model, const std::vector<json>& served, const json& status) {
    const bool left_out = model.state == "left out";
    const std::string why = left_out_there(status, model.source);
    const auto found = std::ranges::find_if(served, [&](const json& object) {
        return left_out ? reported_text(object, "source") == model.source : serves(object, model.name);
    });
    if (found != served.end()) {
        take_state(model, *found);
        if (left_out) {
            model.name = reported_text(*found, "name");
        }
        if (const std::string& problem = left_out ? model.note : why; !problem.empty()) {
            model.note = core::say("command.list-note/manifest", problem);
        }
    } else if (status.is_object() && !left_out) {
        model.state = why.empty() ? "new" : "left out";
        model.note = why.empty() ? "not served yet; say 'corral reload'" : why;
    }
}

}  // namespace

bool serves(const json& served, const std::string& name) {
    return catalog::same_model(reported_text(served, "name"), name) ||
           std::ranges::any_of(core::list_at(served, "also"),
                               [&](const json& other) { return other.is_string() && other == json(name); });
}

int fail_to_read(const known_models& known) {
    return fail(core::say("command.check-mistake/models"), bad_configuration, known.errors);
}

std::string left_out_there(const json& status, const std::string& manifest) {
    for (const json& one : reported_objects(status, "left_out")) {
        if (reported_text(one, "file") == manifest) {
            const json& problems = core::list_at(one, "problems");
            const bool said = !problems.empty() && problems.front().is_string();
            return said ? problems.front().get<std::string>() : "it has a mistake; see 'corral status'";
        }
    }
    return {};
}

known_models look_for_models(const daemon_place& place,
                             const std::map<std::string, std::string>& environment) {
    known_models out;
    auto status = control::ask_daemon(sockets_of(place, environment), {}, status_limit);
    config::configuration_source source = source_of(place.config, environment);
    if (!status) {
        out.silent = status.error().message;
    } else if (!place.config && status->contains("configuration") && (*status)["configuration"].is_string()) {
        source.file = (*status)["configuration"].get<std::string>();
        source.file_may_be_missing = true;
    }
    if (status && is_about(*status, source.file)) {
        out.status = std::move(*status);
    } else if (status) {
        out.silent = "the running Corral has another configuration";
    }
    out.file = source.file;
    config::configuration_result read = config::load_configuration(source);
    for (const catalog::diagnostic& what : read.errors) {
        out.errors.push_back(catalog::to_text(what));
    }
    out.readable = read.value.has_value();
    if (read.value) {
        out.files = std::move(*read.value);
    }
    return out;
}

std::vector<listed_model> list_models(const config::configuration& files, const json& status) {
    const std::vector<json> served = reported_objects(status, "models");
    std::vector<listed_model> out;
    for (const catalog::model_entry& model : files.models) {
        out.push_back(from_entry(model));
    }
    for (const config::left_out_manifest& manifest : files.left_out) {
        out.push_back(from_left_out(manifest));
    }
    for (listed_model& model : out) {
        join(model, served, status);
    }
    for (const json& one : served) {
        const std::string name = reported_text(one, "name");
        const bool known = std::ranges::any_of(
            out, [&](const listed_model& model) { return catalog::same_model(model.name, name); });
        if (!known) {
            listed_model gone;
            gone.name = name;
            take_state(gone, one);
            gone.source = reported_text(one, "source");
            gone.note = "no file says it any more; 'corral reload' takes it out";
            out.push_back(std::move(gone));
        }
    }
    return out;
}

json listing_json(const std::vector<listed_model>& models) {
    json out = json::array();
    for (const listed_model& model : models) {
        json one;
        one["name"] = model.name;
        one["state"] = model.state.empty() ? json(nullptr) : json(model.state);
        if (!model.instances.empty()) {
            one["instances"] = json::array();
            for (const auto& [name, state] : model.instances) {
                one["instances"].push_back({{"name", name}, {"state", state}});
            }
        }
        one["queue"] = {{"running", static_cast<std::uint64_t>(model.running)},
                        {"waiting", static_cast<std::uint64_t>(model.waiting)}};
        one["unload_seconds"] = model.unload_seconds ? json(*model.unload_seconds) : json(nullptr);
        one["aliases"] = model.aliases;
        one["size_bytes"] = model.size_bytes;
        one["profile"] = model.profile;
        one["package"] = model.package;
        one["source"] = model.source;
        one["note"] = model.note;
        out.push_back(std::move(one));
    }
    return out;
}

std::string size_text(std::uint64_t bytes) {
    if (bytes == 0) {
        return "-";
    }
    constexpr std::array<const char*, 5> units{"B", "KB", "MB", "GB", "TB"};
    auto amount = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; amount >= 1000.0 && unit + 1 < units.size(); ++unit) {
        amount /= 1000.0;
    }
    const double whole = std::trunc(amount);
    return amount < 10.0 && amount != whole ? fmt::format("{:.1f} {}", amount, units[unit])
                                            : fmt::format("{:.0f} {}", whole, units[unit]);
}

namespace {

using table_rows = std::vector<std::vector<std::string>>;

// `rows` begin with the head; that column is the state, `gap` blanks are between two.
std::string table_text(const table_rows& rows, std::size_t state, std::size_t gap, const text_style& style) {
    const std::size_t columns = rows.front().size();
    std::vector<std::size_t> widths(columns);
    for (const auto& each : rows) {
        for (std::size_t i = 0; i < columns; ++i) {
            widths[i] = std::max<std::size_t>(widths[i], columns_of(each[i]));
        }
    }
    // On a narrow terminal the last columns go; 'corral show' has what they hold.
    std::size_t shown = columns;
    const auto width_of = [&](std::size_t count) {
        std::size_t out = count == 0 ? 0 : gap * (count - 1);
        for (std::size_t i = 0; i < count; ++i) {
            out += widths[i];
        }
        return out;
    };
    while (style.live && shown > 2 && width_of(shown) > style.columns) {
        --shown;
    }
    std::string out;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::size_t i = 0; i < shown; ++i) {
            const std::string& cell = rows[r][i];
            const std::size_t word = std::min(cell.find(" @"), cell.size());
            out += r == 0       ? painted(cell, colour::bold, style)
                   : i == state ? state_text(cell.substr(0, word), style) + cell.substr(word)
                                : cell;
            out += i + 1 < shown ? std::string(widths[i] - columns_of(cell) + gap, ' ') : "\n";
        }
    }
    return out;
}

std::string notes_text(const std::vector<listed_model>& models, const text_style& style) {
    std::string out;
    for (const listed_model& model : models) {
        if (!model.note.empty()) {
            out += wrapped(fmt::format("{}: {}\n", model.name, model.note), style);
        }
    }
    return out;
}

std::string names_text(const listed_model& model) {
    std::string out = model.name;
    for (const std::string& alias : model.aliases) {
        out += ", " + alias;
    }
    return out;
}

std::string or_dash(const std::string& text) {
    return text.empty() ? "-" : text;
}

}  // namespace

std::string listing_text(const std::vector<listed_model>& models, const text_style& style) {
    table_rows rows{{"NAME", "STATE", "SIZE", "PROFILE", "PACKAGE", "FROM"}};
    for (const listed_model& model : models) {
        rows.push_back({names_text(model), or_dash(model.state + places_text(model)),
                        size_text(model.size_bytes), or_dash(model.profile), or_dash(model.package),
                        or_dash(model.source)});
    }
    return table_text(rows, 1, 2, style) + notes_text(models, style);
}

std::string loaded_text(const std::vector<listed_model>& models, const json& running,
                        const std::string& prefix, core::wall_time now, const text_style& style) {
    table_rows rows{running_head};
    rows.front().insert(rows.front().end(), {"STATE", "QUEUE", "PROFILE"});
    std::set<std::string> listed;
    const auto add = [&](std::vector<std::string> row, const listed_model& model) {
        listed.insert({model.name, row.front()});
        if (!row.front().starts_with(prefix)) {
            return;
        }
        row.push_back(or_dash(model.state + places_text(model)));
        row.push_back(or_dash(queue_text(model.running, model.waiting)));
        row.push_back(or_dash(model.profile));
        rows.push_back(std::move(row));
    };
    for (const auto& row : running_rows(running, now)) {
        const auto found = std::ranges::find_if(models, [&](const listed_model& model) {
            return model.name == row.front() ||
                   std::ranges::find(model.also, row.front()) != model.also.end();
        });
        add(row, found == models.end() ? listed_model{} : *found);
    }
    for (const listed_model& model : models) {
        if (!listed.contains(model.name)) {
            const char* const until = model.state == "stopping" ? "Stopping..." : "-";
            add({model.name, "-", size_text(model.size_bytes), "-", "-", until}, model);
        }
    }
    // Programs may split at the gap, which is Ollama's for them.
    return table_text(rows, running_head.size(), style.live ? 2 : 4, style) + notes_text(models, style);
}

json loaded_json(const std::vector<listed_model>& models, const json& running) {
    const std::vector<json> rows = reported_objects(running, "models");
    json out = listing_json(models);
    for (std::size_t i = 0; i < models.size(); ++i) {
        const listed_model& model = models[i];
        const auto found = std::ranges::find_if(rows, [&](const json& row) {
            const std::string name = reported_text(row, "name");
            return name == model.name || std::ranges::find(model.also, name) != model.also.end();
        });
        const json row = found == rows.end() ? json(nullptr) : *found;
        if (const double size = reported_amount(row, "size"); size > 0) {
            out[i]["size_bytes"] = static_cast<std::uint64_t>(size);
        }
        out[i].update(running_facts(row));
    }
    return out;
}

core::reason no_such_model(const config::configuration& files, const std::string& typed) {
    const std::string shown = telemetry::printable(typed);
    if (!catalog::display_name(typed)) {
        return core::say("configuration.not-a-name/model", shown);
    }
    for (const config::left_out_manifest& manifest : files.left_out) {
        if (!manifest.name.empty() && catalog::same_model(manifest.name, typed)) {
            return core::say("command.no-model/left-out", shown, manifest.file.string());
        }
    }
    std::vector<std::string> names;
    for (const catalog::model_entry& model : files.models) {
        names.push_back(model.name);
        names.insert(names.end(), model.aliases.begin(), model.aliases.end());
    }
    for (const config::left_out_manifest& manifest : files.left_out) {
        if (!manifest.name.empty()) {
            names.push_back(manifest.name);
        }
    }
    return catalog::no_such_model(shown, names);
}

}  // namespace corral::cli
