#include "engine/group_backend.hpp"

#include <utility>

#include "engine/device_claims.hpp"
#include "engine/group_availability.hpp"
#include "engine/handover_words.hpp"

namespace corral::engine {

group_backend::group_backend(const supervisor::supervisor_context& context, catalog::model_entry model)
    : context_(context), model_(std::move(model)), changed_(context.on) {}

void group_backend::own(group_places& places, unsigned capacity,
                        const std::function<void(supervisor::service_spec&)>& hook,
                        const backend_handover* handover) {
    runtime_service_ = places.runtime;
    gates_ = places.gates;
    supervisor::group_spec wanted = std::move(places.services);
    for (supervisor::service_spec& service : wanted.services) {
        service.quoted = [this](std::string_view words) { return words_.hold(words); };
        service.words_in = [this](std::string_view line) { return words_.begin_in(line); };
        hook(service);
        if (service.self_test) {
            service.end_self_test = [this] {
                if (const auto control = first_test_.lock()) {
                    control->cancel();
                }
            };
        }
    }
    group_ = handover == nullptr
                 ? supervisor::make_group(context_, std::move(wanted))
                 : supervisor::adopt_group(context_, std::move(wanted), handover->services).value();
    if (model_.renews_slow) {
        decay_.emplace(context_, model_, runtime_service_, capacity, group_);
    }
    if (handover != nullptr) {
        measured_before_ = number_of(handover->state, "device_mb");
        if (decay_) {
            decay_->resume(word_of(handover->state, "usual_speed"));
        }
    }
}

std::shared_ptr<run_control> group_backend::control_of_first_test() {
    auto control = std::make_shared<run_control>(context_.on);
    first_test_ = control;
    return control;
}

void group_backend::disown() {
    group_->remove_observer(this);
    group_.reset();
}

availability group_backend::available() const {
    availability out = availability_of(*group_, runtime_service_);
    if (out.warning.empty()) {
        out.warning = warning();
    }
    return out;
}

backend_report group_backend::report() const {
    backend_report out;
    if (decay_) {
        out.speed = decay_->speed();
        out.growth = decay_->growth();
    }
    return out;
}

device_claim group_backend::claim() const {
    return claim_of(model_, measured_by(gates_, measured_before_), group_.get());
}

bool group_backend::renew(const catalog::model_entry& as) {
    if (as.cards != model_.cards) {
        return false;
    }
    model_ = as;
    return true;
}

std::uint64_t group_backend::outside_faults() const {
    return outside_faults_of(*group_);
}

void group_backend::look_at_services() {
    for (const supervisor::service_status& service : group_->status()) {
        on_status(service);
    }
}

void group_backend::note_load(supervisor::service_state of_runtime) {
    if (of_runtime != supervisor::service_state::starting) {
        loading_.reset();
    } else if (!loading_) {
        loading_.emplace(context_.activity, *context_.clock);
    }
}

std::optional<backend_handover> group_backend::handed_over(std::string fingerprint,
                                                           const port_map& ports) const {
    auto services = group_->hand_over();
    if (!services) {
        return std::nullopt;
    }
    backend_handover out;
    out.fingerprint = std::move(fingerprint);
    out.services = std::move(*services);
    out.ports = ports;
    out.state["device_mb"] = std::to_string(measured_by(gates_, measured_before_));
    out.state["usual_speed"] = decay_ ? decay_->usual() : "";
    return out;
}

}  // namespace corral::engine
