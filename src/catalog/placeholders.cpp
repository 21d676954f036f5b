#include "corral/catalog/placeholders.hpp"

#include <algorithm>
#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::catalog {

namespace {

struct piece {
    std::string literal;      // text before the placeholder
    std::string placeholder;  // "" after the last
};

bool name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

core::failure stray_brace(std::string_view text) {
    return core::make_failure(core::errc::invalid, core::say("runtime.profile/brace-belongs", text));
}

core::result<std::vector<piece>> split(std::string_view text) {
    std::vector<piece> out(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c != '{' && c != '}') {
            out.back().literal += c;
            continue;
        }
        if (i + 1 < text.size() && text[i + 1] == c) {
            out.back().literal += c;
            ++i;
            continue;
        }
        std::size_t end = i + 1;
        while (end < text.size() && name_character(text[end])) {
            ++end;
        }
        if (c == '}' || end == i + 1 || end == text.size() || text[end] != '}') {
            return stray_brace(text);
        }
        out.back().placeholder = text.substr(i + 1, end - i - 1);
        out.emplace_back();
        i = end;
    }
    return out;
}

// For what stands between the quotes of a JSON text.
std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            out += "\\u00";
            core::append_hex(out, byte);
        } else {
            out += c;
        }
    }
    return out;
}

// Every placeholder that the services of `model` may name but {port}.
core::result<placeholder_values> common_values(const model_entry& model,
                                               const std::map<std::string, std::uint16_t>& ports,
                                               const std::map<std::string, std::string>& urls) {
    placeholder_values values = model.variables;
    values["package"] = model.package.string();
    values["devices"] = card_set_text(model.cards);
    if (model.context.vocabulary != 0) {
        values["vocabulary"] = std::to_string(model.context.vocabulary);
    }
    for (const auto& [name, port] : ports) {
        values[name + "_port"] = std::to_string(port);
    }
    for (const auto& service : model.runtime.services) {
        const auto port = ports.find(service.name);
        if (port == ports.end()) {
            continue;
        }
        const auto instead = urls.find(service.name);
        if (instead != urls.end()) {
            values[service.name + "_url"] = instead->second;
            continue;
        }
        placeholder_values own = values;
        own["port"] = std::to_string(port->second);
        auto url = expand(service.url, own);
        if (!url) {
            return url.error();
        }
        values[service.name + "_url"] = std::move(*url);
    }
    return values;
}

core::result<expanded_service> expand_with(const service_template& service,
                                           const placeholder_values& values) {
    expanded_service out;
    core::failure wrong;
    const auto put = [&](const std::string& from, std::string& to) {
        auto text = expand(from, values);
        if (!text) {
            wrong = text.error();
            return false;
        }
        to = std::move(*text);
        return true;
    };
    for (const auto& word : service.command) {
        if (!put(word, out.command.emplace_back())) {
            return wrong;
        }
    }
    for (const auto& [name, value] : service.environment) {
        if (!put(value, out.environment[name])) {
            return wrong;
        }
    }
    if (!put(service.working_directory, out.working_directory) || !put(service.url, out.url) ||
        !put(service.probe.url, out.probe_url) || !put(service.liveness.probe.url, out.liveness_url)) {
        return wrong;
    }
    return out;
}

}  // namespace

std::filesystem::path rendered_path(const model_entry& model, const service_template& service,
                                    const std::string& name) {
    std::string file = label_of(model) + "." + service.name + "." + name + ".json";
    std::replace(file.begin(), file.end(), '/', '%');
    return model.files_folder / file;
}

core::result<std::vector<std::string>> placeholders_in(std::string_view text) {
    auto pieces = split(text);
    if (!pieces) {
        return pieces.error();
    }
    std::vector<std::string> names;
    for (auto& one : *pieces) {
        if (!one.placeholder.empty()) {
            names.push_back(std::move(one.placeholder));
        }
    }
    return names;
}

core::result<std::string> expand(std::string_view text, const placeholder_values& values) {
    const auto pieces = split(text);
    if (!pieces) {
        return pieces.error();
    }
    std::string out;
    for (const auto& one : *pieces) {
        out += one.literal;
        if (one.placeholder.empty()) {
            continue;
        }
        const auto found = values.find(one.placeholder);
        if (found == values.end()) {
            return core::make_failure(core::errc::invalid,
                                      core::say("runtime.profile/placeholder-value", one.placeholder, text));
        }
        out += found->second;
    }
    return out;
}

std::vector<std::string> built_in_placeholders(const profile& of) {
    std::vector<std::string> names{"package", "port", "vocabulary", "devices"};
    for (const auto& service : of.services) {
        names.push_back(service.name + "_port");
        names.push_back(service.name + "_url");
        for (const auto& port : service.more_ports) {
            names.push_back(port + "_port");
        }
        for (const auto& file : service.rendered) {
            names.push_back(file.name + "_file");
        }
    }
    return names;
}

core::reason variable_name_problem(const std::string& name, const profile& of) {
    if (name.empty() || !std::ranges::all_of(name, name_character)) {
        return core::say("configuration.bad-form/variable", name);
    }
    if (name == "vocabulary") {
        return core::say("configuration.bad-form/vocabulary");
    }
    const auto taken = built_in_placeholders(of);
    if (std::ranges::find(taken, name) != taken.end()) {
        return core::say("configuration.bad-form/taken", name, name);
    }
    return {};
}

bool mentions(const service_template& service, std::string_view name) {
    const auto holds = [&](const std::string& text) {
        const auto names = placeholders_in(text);
        return names && std::ranges::find(*names, name) != names->end();
    };
    return std::ranges::any_of(service.command, holds) ||
           std::ranges::any_of(service.environment, [&](const auto& entry) { return holds(entry.second); }) ||
           holds(service.working_directory) || holds(service.url) || holds(service.probe.url) ||
           holds(service.liveness.probe.url) ||
           std::ranges::any_of(service.rendered, [&](const auto& file) { return holds(file.json); });
}

bool chooses_port(const service_template& service) {
    service_template commands;
    commands.command = service.command;
    commands.environment = service.environment;
    commands.rendered = service.rendered;
    return mentions(commands, "port") || mentions(commands, service.name + "_port") ||
           mentions(commands, service.name + "_url");
}

bool port_is_moved(const profile& of, const service_template& service) {
    const bool guarded = service.guard == guard_mode::require ||
                         (service.guard == guard_mode::warn && service.name == of.services.back().name);
    return guarded && service.port != 0 && !chooses_port(service) &&
           service.url.find("{port}") != std::string::npos;
}

std::map<std::string, std::uint16_t> stand_in_ports(const profile& of, std::uint16_t chosen) {
    std::map<std::string, std::uint16_t> out;
    for (const service_template& service : of.services) {
        out[service.name] = service.port == 0 || port_is_moved(of, service) ? chosen : service.port;
        for (const std::string& name : service.more_ports) {
            out[name] = chosen;
        }
    }
    return out;
}

core::result<expanded_service> expand_service(const model_entry& model, const service_template& service,
                                              const std::map<std::string, std::uint16_t>& ports,
                                              const std::map<std::string, std::string>& urls) {
    const auto named = [&](core::failure why) {
        why.message = core::say("runtime.profile/of-service", model.name, service.name, why.message);
        return why;
    };
    auto values = common_values(model, ports, urls);
    if (!values) {
        return named(values.error());
    }
    if (const auto own = ports.find(service.name); own != ports.end()) {
        (*values)["port"] = std::to_string(own->second);
    }
    if (!service.rendered.empty() && model.files_folder.empty()) {
        return named(
            core::make_failure(core::errc::invalid, core::say("runtime.settings-file/folder-settings")));
    }
    std::vector<expanded_service::file> files;
    placeholder_values in_json;
    for (const auto& [name, value] : *values) {
        in_json[name] = escaped(value);
    }
    for (const rendered_file& file : service.rendered) {
        auto text = expand(file.json, in_json);
        if (!text) {
            return named(text.error());
        }
        files.push_back({rendered_path(model, service, file.name), std::move(*text)});
        (*values)[file.name + "_file"] = files.back().path.string();
    }
    auto out = expand_with(service, *values);
    if (!out) {
        return named(out.error());
    }
    out->files = std::move(files);
    return out;
}

}  // namespace corral::catalog
