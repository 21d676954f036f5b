#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "engine/dialects/ax_poll/ax_poll_backend.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr std::string_view tokenizer_name = "tokenizer";

// The runtime's own word for the size of its vocabulary.
std::uint32_t vocabulary_in(const std::vector<std::string>& command) {
    constexpr std::string_view flag = "--tokens_embed_num";
    for (std::size_t i = 0; i < command.size(); ++i) {
        std::string_view value;
        if (command[i] == flag && i + 1 < command.size()) {
            value = command[i + 1];
        } else if (command[i].starts_with("--tokens_embed_num=")) {
            value = std::string_view(command[i]).substr(flag.size() + 1);
        }
        std::uint32_t number = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error == std::errc{} && end == value.data() + value.size()) {
            return number;
        }
    }
    return 0;
}

// The tap is possible where a later service can be given another URL of the tokenizer.
bool wants_tap(const catalog::profile& runtime) {
    const auto& all = runtime.services;
    const auto tokenizer = std::find_if(all.begin(), all.end(),
                                        [](const auto& service) { return service.name == tokenizer_name; });
    return runtime.tokenizer_tap && tokenizer != all.end() &&
           std::any_of(tokenizer + 1, all.end(),
                       [](const auto& service) { return catalog::mentions(service, "tokenizer_url"); });
}

}  // namespace

core::result<std::vector<supervisor::service_spec>> services_in_principle(const catalog::model_entry& model) {
    const port_map ports = nominal_ports(model);
    std::map<std::string, std::string> urls;
    std::vector<supervisor::service_spec> out;
    for (const catalog::service_template& rules : model.runtime.services) {
        auto service = make_service(model, rules, ports, urls);
        if (!service) {
            return service.error();
        }
        if (rules.name == tokenizer_name && wants_tap(model.runtime)) {
            urls[rules.name] = "tap";
        }
        out.push_back(std::move(*service));
    }
    return out;
}

core::result<ax_poll_places> find_places(const supervisor::supervisor_context& context,
                                         const catalog::model_entry& model,
                                         const backend_handover* handover) {
    const std::vector<catalog::service_template>& templates = model.runtime.services;
    if (templates.empty() || templates.back().name == tokenizer_name) {
        return core::make_failure(core::errc::invalid,
                                  core::say("runtime.profile/names-runtime", model.name, model.runtime.name));
    }
    ax_poll_places out;
    if (const auto begun = begin_group(context, model, handover, out); !begun) {
        return begun.error();
    }
    std::map<std::string, std::string> urls;
    for (const catalog::service_template& rules : templates) {
        auto service = make_service(model, rules, out.ports, urls);
        if (!service) {
            return service.error();
        }
        if (rules.pty && !wants_tap(model.runtime)) {
            // Then only a line in time tells that the tokenizer refused a reset.
            service->command.stdio = process::stdio_kind::pty;
        }
        if (rules.name == tokenizer_name) {
            out.tokenizer = rules.name;
            out.tokenizer_calls = tokenizer_client(service->endpoint);
            if (wants_tap(model.runtime)) {
                out.tap = std::make_shared<tokenizer_tap>(context.on, *context.clock, out.tokenizer_calls,
                                                          tap_options{.model = catalog::label_of(model)});
                const auto where =
                    handover == nullptr ? out.tap->listen() : out.tap->listen_on(handover->tap);
                if (!where) {
                    return about(model, rules.name, where.error());
                }
                urls[rules.name] = "http://127.0.0.1:" + std::to_string(where->port());
                service->dependents_survive = true;
            }
        }
        out.vocabulary = vocabulary_in(service->command.command);
        add_service(context, model, std::move(*service), out);
    }
    return out;
}

core::result<std::unique_ptr<backend>> make_ax_poll(const supervisor::supervisor_context& context,
                                                    const catalog::model_entry& model) {
    auto places = find_places(context, model);
    if (!places) {
        return places.error();
    }
    std::unique_ptr<backend> made = std::make_unique<ax_poll_backend>(context, model, std::move(*places));
    return made;
}

}  // namespace corral::engine::ax_poll
