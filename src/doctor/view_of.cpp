#include <utility>

#include "corral/catalog/placeholders.hpp"
#include "corral/doctor/doctor.hpp"

namespace corral::doctor {

namespace {

// A port that a service gets at its start stands for itself in texts; nothing is looked for on it.
constexpr std::uint16_t chosen_later = 1;

bool is_chosen(const catalog::profile& runtime, const catalog::service_template& service) {
    return service.port == 0 || catalog::port_is_moved(runtime, service);
}

}  // namespace

core::result<model_view> view_of(const catalog::model_entry& model) {
    const auto ports = catalog::stand_in_ports(model.runtime, chosen_later);
    model_view out;
    out.entry = model;
    for (const catalog::service_template& service : model.runtime.services) {
        auto expanded = catalog::expand_service(model, service, ports);
        if (!expanded) {
            return core::make_failure(core::errc::invalid,
                                      "service " + service.name + ": " + expanded.error().message);
        }
        service_view view;
        view.rules = service;
        view.command.command = std::move(expanded->command);
        view.command.environment = process::clean_environment();
        for (auto& [name, value] : expanded->environment) {
            view.command.environment[name] = std::move(value);
        }
        view.command.working_directory = std::move(expanded->working_directory);
        const bool chosen = is_chosen(model.runtime, service);
        view.port = chosen ? std::uint16_t{0} : service.port;
        view.compiled_port = chosen ? service.port : std::uint16_t{0};
        out.services.push_back(std::move(view));
    }
    return out;
}

}  // namespace corral::doctor
