#include "engine/device_gates.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "corral/catalog/placement.hpp"
#include "corral/device/reader.hpp"
#include "corral/engine/device_tools.hpp"
#include "corral/supervisor/device_gate.hpp"

namespace corral::engine {

namespace {

std::shared_ptr<supervisor::start_gate> gate_of_card(const supervisor::supervisor_context& context,
                                                     const catalog::model_entry& model,
                                                     const supervisor::service_spec& service, unsigned card) {
    const catalog::device_template& said = model.runtime.device;
    device::gate_options gate;
    gate.optional = said.optional;
    gate.card = card;
    // A model's layers are dealt out to its cards in turn, so each takes its share.
    gate.memory_mb = said.memory_mb / model.cards.size();
    gate.memory_wait = said.memory_wait;
    gate.program = std::filesystem::path(service.command.command.front()).filename().string();
    gate.advice = with_card(said.advice, card);
    return supervisor::make_device_gate(context, catalog::label_of(model) + "/" + service.name,
                                        context.devices->find_or_make(reader_options_of(said, card)),
                                        std::move(gate));
}

}  // namespace

std::shared_ptr<supervisor::start_gate> gate_for(const supervisor::supervisor_context& context,
                                                 const catalog::model_entry& model,
                                                 const supervisor::service_spec& service) {
    if (!service.rules.device || context.devices == nullptr || !can_be_asked(model.runtime.device) ||
        model.cards.empty()) {
        return nullptr;
    }
    std::vector<std::shared_ptr<supervisor::start_gate>> all;
    for (const unsigned card : model.cards) {
        all.push_back(gate_of_card(context, model, service, card));
    }
    return supervisor::join_gates(std::move(all));
}

}  // namespace corral::engine
