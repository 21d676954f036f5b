#include "corral/catalog/trait_numbers.hpp"

#include <string>
#include <utility>
#include <variant>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::catalog {

namespace {

constexpr std::uint32_t most_at_once = 256;
constexpr std::uint32_t most_vector = 1024 * 1024;
constexpr std::uint32_t most_context = 16 * 1024 * 1024;

core::result<std::uint32_t> number_of(const model_entry& model, const std::string& said, std::uint32_t most) {
    const auto variable = model.variables.find(said);
    const std::string& text = variable == model.variables.end() ? said : variable->second;
    const auto number = core::whole_number<std::uint32_t>(text);
    if (!number || *number < 1 || *number > most) {
        return core::make_failure(core::errc::invalid,
                                  core::say("runtime.profile/model-profile", label_of(model), said,
                                            model.runtime.name, most, text));
    }
    return *number;
}

core::known_wording<std::string> wording_of(core::url_fault fault) {
    switch (fault) {
        case core::url_fault::tls:
            return "runtime.remote-address/tls";
        case core::url_fault::more:
            return "runtime.remote-address/more";
        case core::url_fault::host:
            return "runtime.remote-address/host";
        case core::url_fault::scheme:
        case core::url_fault::port:
            break;
    }
    return "runtime.remote-address/none";
}

}  // namespace

core::result<unsigned> capacity_of(const model_entry& model) {
    return number_of(model, model.runtime.traits.capacity, most_at_once);
}

core::result<std::uint32_t> image_tokens_of(const model_entry& model) {
    return can(model, "vision") ? number_of(model, model.runtime.traits.images.tokens, most_context)
                                : core::result<std::uint32_t>(0U);
}

std::uint32_t embedding_length_of(const model_entry& model) {
    for (const variable_spec& each : model.runtime.variables) {
        const bool rows_first = each.bytes.size() > 1 && each.bytes.front() == "vocabulary";
        const auto width = rows_first ? model.variables.find(each.bytes[1]) : model.variables.end();
        if (width != model.variables.end()) {
            const auto number = core::whole_number<std::uint32_t>(width->second);
            return number && *number <= most_vector ? *number : 0U;
        }
    }
    return 0;
}

core::result<std::uint32_t> context_of(const model_entry& model) {
    const runtime_traits& traits = model.runtime.traits;
    if (traits.context.empty()) {
        return 0U;
    }
    auto whole = number_of(model, traits.context, most_context);
    if (!whole || !traits.context_is_shared) {
        return whole;
    }
    const auto parts = capacity_of(model);
    if (!parts) {
        return parts.error();
    }
    return *whole / *parts;
}

core::result<core::server_url> remote_url_of(const std::string& text) {
    auto read = core::parse_server_url(text);
    if (const auto* const fault = std::get_if<core::url_fault>(&read)) {
        return core::make_failure(core::errc::invalid, core::say(wording_of(*fault), text));
    }
    return std::get<core::server_url>(std::move(read));
}

}  // namespace corral::catalog
