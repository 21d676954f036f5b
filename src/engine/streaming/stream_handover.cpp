// What of a ready backend outlives one image of this program.

#include <utility>

#include "engine/handover_words.hpp"
#include "engine/service_fingerprint.hpp"
#include "engine/service_places.hpp"
#include "engine/streaming/stream_backend.hpp"

namespace corral::engine::streaming {

std::string stream_backend::fingerprint_of(const catalog::model_entry& model) {
    const port_map ports = nominal_ports(model);
    std::vector<supervisor::service_spec> services;
    for (const catalog::service_template& rules : model.runtime.services) {
        auto service = make_service(model, rules, ports, {});
        if (!service) {
            return {};
        }
        services.push_back(std::move(*service));
    }
    return service_fingerprint(model, services);
}

std::optional<backend_handover> stream_backend::hand_over() const {
    if (runs_.busy()) {
        return std::nullopt;
    }
    std::optional<backend_handover> out = handed_over(fingerprint_of(model_), places_.ports);
    if (!out) {
        return std::nullopt;
    }
    out->state["model_bytes"] = std::to_string(stated_.size_bytes);
    out->state["embedding_length"] = std::to_string(stated_.embedding_length);
    out->state["parameters"] = stated_.parameter_size;
    out->state["context"] = std::to_string(sizes_.context(0));
    out->state["prompt"] = std::to_string(sizes_.stated_prompt());
    out->state["quantization"] = stated_.quantization;
    out->state["system_at_question"] = protocol_->has_system_at_question() ? "yes" : "";
    out->state["unsalted"] = unsalted_.word();
    return out;
}

}  // namespace corral::engine::streaming
