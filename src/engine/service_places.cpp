#include "engine/service_places.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/http/client.hpp"
#include "engine/preflight_gate.hpp"

namespace corral::engine {

core::failure about(const catalog::model_entry& model, const std::string& service, const core::failure& why) {
    return core::failure{why.code,
                         core::say("runtime.places/model", catalog::label_of(model), service, why.message)};
}

core::result<port_map> choose_ports(core::random_source& random, const catalog::model_entry& model,
                                    std::vector<process::service_port>& held) {
    port_map ports;
    for (const catalog::service_template& service : model.runtime.services) {
        std::vector<std::string> wanted = service.more_ports;
        if (service.port == 0 || catalog::port_is_moved(model.runtime, service)) {
            wanted.push_back(service.name);
        } else {
            ports[service.name] = service.port;
        }
        for (const std::string& name : wanted) {
            auto free = process::service_port::promise(random);
            if (!free) {
                return about(model, service.name, free.error());
            }
            ports[name] = free->number();
            held.push_back(std::move(*free));
        }
    }
    return ports;
}

core::result<port_map> keep_ports(const catalog::model_entry& model, const port_map& known,
                                  std::vector<process::service_port>& held) {
    port_map ports;
    for (const catalog::service_template& service : model.runtime.services) {
        std::vector<std::string> wanted = service.more_ports;
        wanted.push_back(service.name);
        for (const std::string& name : wanted) {
            const auto found = known.find(name);
            if (found == known.end()) {
                return about(
                    model, service.name,
                    core::make_failure(core::errc::invalid, core::say("runtime.places/port-handed")));
            }
            ports.insert(*found);
            held.push_back(process::service_port::keep(found->second));
        }
    }
    return ports;
}

core::result<supervisor::service_spec> make_service(const catalog::model_entry& model,
                                                    const catalog::service_template& rules,
                                                    const port_map& ports,
                                                    const std::map<std::string, std::string>& urls) {
    auto expanded = catalog::expand_service(model, rules, ports, urls);
    if (!expanded) {
        return about(model, rules.name, expanded.error());
    }
    const auto where = http::parse_http_url(expanded->url);
    if (!where) {
        return about(model, rules.name, where.error());
    }
    supervisor::service_spec out;
    for (const auto& [url, to] : {std::pair{&expanded->probe_url, &out.probe_at},
                                  std::pair{&expanded->liveness_url, &out.liveness_at}}) {
        if (url->empty()) {
            continue;
        }
        const auto other = http::parse_http_url(*url);
        if (!other) {
            return about(model, rules.name, other.error());
        }
        *to = *other;
    }
    for (const catalog::expanded_service::file& file : expanded->files) {
        if (!nlohmann::json::accept(file.text)) {
            return about(
                model, rules.name,
                core::make_failure(core::errc::invalid, core::say("runtime.settings-file/settings-json",
                                                                  file.path.filename().string())));
        }
    }
    out.files = std::move(expanded->files);
    out.name = rules.name;
    out.command.command = std::move(expanded->command);
    out.command.environment = process::clean_environment();
    for (auto& [name, value] : expanded->environment) {
        out.command.environment[name] = std::move(value);
    }
    out.command.working_directory = std::move(expanded->working_directory);
    out.command.stdio = rules.pty ? process::stdio_kind::pty_or_pipe : process::stdio_kind::pipe;
    constexpr std::uint64_t mebibyte = 1024 * 1024;
    out.command.limits = {rules.limits.memory_mb * mebibyte, rules.limits.files, rules.limits.nice};
    out.command.together = {catalog::label_of(model), model.runtime.limits.memory_mb * mebibyte,
                            model.runtime.limits.tasks};
    out.rules = rules;
    out.endpoint = *where;
    out.asked_port = catalog::port_is_moved(model.runtime, rules) ? rules.port : std::uint16_t{0};
    return out;
}

port_map nominal_ports(const catalog::model_entry& model) {
    port_map ports;
    std::uint16_t next = 1;
    for (const catalog::service_template& service : model.runtime.services) {
        const bool chosen = service.port == 0 || catalog::port_is_moved(model.runtime, service);
        ports[service.name] = chosen ? next++ : service.port;
        for (const std::string& name : service.more_ports) {
            ports[name] = next++;
        }
    }
    return ports;
}

core::result<void> begin_group(const supervisor::supervisor_context& context,
                               const catalog::model_entry& model, const backend_handover* handover,
                               group_places& places) {
    auto ports = handover == nullptr ? choose_ports(*context.random, model, places.held_ports)
                                     : keep_ports(model, handover->ports, places.held_ports);
    if (!ports) {
        return ports.error();
    }
    places.ports = std::move(*ports);
    places.runtime = model.runtime.services.back().name;
    places.services.name = catalog::label_of(model);
    places.services.restart = model.runtime.restart;
    return {};
}

void add_service(const supervisor::supervisor_context& context, const catalog::model_entry& model,
                 supervisor::service_spec service, group_places& places) {
    service.gate = gate_for(context, model, service);
    if (service.gate) {
        places.gates.push_back(service.gate);
    }
    places.runtime_at = service.endpoint;  // the last one stays
    service.gate = with_preflight(context, model, service);
    service.gate = with_settings(context, service);
    places.services.services.push_back(std::move(service));
}

}  // namespace corral::engine
