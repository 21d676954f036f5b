// A group that outlives one image of this program and is looked after by the next.

#include "supervisor/group/group_core.hpp"

namespace corral::supervisor {

std::optional<group_handover> group_core::hand_over() const {
    group_handover out;
    for (const auto& service : services_) {
        auto one = service->hand_over();
        if (!one) {
            return std::nullopt;
        }
        out.services.push_back(std::move(*one));
    }
    if (!wanted_ || out.services.empty()) {
        return std::nullopt;
    }
    return out;
}

// All are looked at before the first is taken: half a group is none.
core::result<void> group_core::take_over(const group_handover& from) {
    if (from.services.size() != services_.size()) {
        return core::make_failure(core::errc::invalid, name_ + ": other services were handed over");
    }
    for (std::size_t index = 0; index < services_.size(); ++index) {
        if (from.services[index].name != services_[index]->name()) {
            return core::make_failure(core::errc::invalid, name_ + ": other services were handed over");
        }
        if (auto fit = process::child::can_adopt(from.services[index].process); !fit) {
            return fit;
        }
    }
    wanted_ = true;
    for (std::size_t index = 0; index < services_.size(); ++index) {
        if (auto taken = services_[index]->take_over(from.services[index]); !taken) {
            return taken;
        }
    }
    return {};
}

}  // namespace corral::supervisor
