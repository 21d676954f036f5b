#include "supervisor/group/group_core.hpp"

#include <algorithm>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::supervisor {

namespace {

// After the caller's deadline everything gets SIGKILL and this long to be gone.
constexpr core::milliseconds last_wait{3000};
// Observers hear every state in between, but not without bound.
constexpr std::size_t most_news = 256;
constexpr std::size_t most_records = 64;

}  // namespace

group_core::group_core(const supervisor_context& context, group_spec wanted)
    : context_(context),
      name_(std::move(wanted.name)),
      changed_(context.on),
      changes_([this](change) { give_orders(); }) {
    for (service_spec& service : wanted.services) {
        services_.push_back(
            std::make_shared<service_runner>(context, name_, std::move(service), wanted.restart, this));
    }
}

std::shared_ptr<group> group_core::handle() {
    // Counted apart from the tasks' own references.
    return {static_cast<group*>(this), [core = shared_from_this()](group*) { core->close(); }};
}

void group_core::close() {
    closed_ = true;
    wanted_ = false;
    observers_.clear();
    for (auto service = services_.rbegin(); service != services_.rend(); ++service) {
        (*service)->abandon();
    }
    changed_.ring();
}

void group_core::start() {
    wanted_ = true;
    settle();
    for (const auto& service : services_) {
        service->feed({event_kind::start, {}, {}});
    }
}

void group_core::restart(std::string_view service, core::reason cause, restart_reason why) {
    for (const auto& each : services_) {
        if (each->name() == service) {
            service_event kill{event_kind::kill, std::move(cause), {}};
            kill.why = why;
            each->feed(std::move(kill));
            return;
        }
    }
    telemetry::warn(core::say("service.sign-of-life/unknown", name_, telemetry::printable(service)));
}

// Feeding a service makes it call on_changed(); what that asks for waits until these orders are given.
void group_core::give_orders() {
    if (closed_) {
        return;
    }
    std::vector<service_view> views;
    for (const auto& service : services_) {
        const service_machine& machine = service->machine();
        views.push_back({service->name(), machine.state(), machine.wanted, machine.held.has_value(),
                         service->spec().dependents_survive, machine.alive()});
    }
    for (group_order& order : next_orders(views, wanted_)) {
        settle();
        services_[order.service]->feed(std::move(order.event));
    }
}

void group_core::on_changed(service_runner& service) {
    queue_news(service.status());
    settle();
    changed_.ring();
}

void group_core::on_transition(transition_record what) {
    what.number = ++transitions_;
    if (history_.size() >= most_records) {
        history_.pop_front();
    }
    history_.push_back(std::move(what));
}

void group_core::on_output(const service_runner& service, process::output_stream stream,
                           std::string_view bytes) {
    const std::vector<group_observer*> present = observers_;
    for (group_observer* hears : present) {
        if (still_hears(hears)) {
            hears->on_output(service.name(), stream, bytes);
        }
    }
}

void group_core::queue_news(service_status status) {
    const bool repeats =
        !news_.empty() && news_.back().name == status.name && news_.back().state == status.state;
    if (repeats) {
        news_.back() = std::move(status);
    } else {
        if (news_.size() >= most_news) {
            news_.pop_front();
        }
        news_.push_back(std::move(status));
    }
    if (!telling_ && !closed_) {
        telling_ = true;
        context_.tasks->spawn(name_ + ": status", tell(shared_from_this()));
    }
}

core::awaitable<void> group_core::tell(std::shared_ptr<group_core> self) {
    while (!self->news_.empty()) {
        const service_status now = std::move(self->news_.front());
        self->news_.pop_front();
        const std::vector<group_observer*> present = self->observers_;
        for (group_observer* hears : present) {
            if (self->still_hears(hears)) {
                hears->on_status(now);
            }
        }
    }
    self->telling_ = false;
    co_return;
}

bool group_core::still_hears(const group_observer* hears) const {
    return std::find(observers_.begin(), observers_.end(), hears) != observers_.end();
}

void group_core::add_observer(group_observer* hears) {
    if (!still_hears(hears)) {
        observers_.push_back(hears);
    }
}

void group_core::remove_observer(group_observer* hears) {
    std::erase(observers_, hears);
}

bool group_core::ready() const noexcept {
    return !services_.empty() && std::all_of(services_.begin(), services_.end(), [](const auto& service) {
        return service->machine().state() == service_state::ready;
    });
}

bool group_core::at_rest() const noexcept {
    return std::all_of(services_.begin(), services_.end(),
                       [](const auto& service) { return service->at_rest(); });
}

core::awaitable<bool> group_core::verify_endpoints(std::shared_ptr<group_core> self) {
    bool verified = true;
    for (const auto& service : self->services_) {
        auto looking = service_runner::verify_endpoint(service);
        const bool own = co_await std::move(looking);
        verified = verified && own;
    }
    co_return verified && self->ready();
}

std::vector<service_status> group_core::status() const {
    std::vector<service_status> all;
    for (const auto& service : services_) {
        all.push_back(service->status());
    }
    return all;
}

const service_runner* group_core::find(std::string_view service) const {
    for (const auto& each : services_) {
        if (each->name() == service) {
            return each.get();
        }
    }
    return nullptr;
}

void group_core::went_well(std::string_view service) {
    for (const auto& each : services_) {
        if (each->name() == service) {
            each->went_well();
        }
    }
}

bool group_core::halted(std::string_view service) const {
    const service_runner* const found = find(service);
    return found != nullptr && found->halted();
}

bool group_core::ended(std::string_view service) const {
    const service_runner* const found = find(service);
    return found == nullptr || found->ended();
}

std::deque<std::string> group_core::recent_lines(std::string_view service) const {
    const service_runner* const found = find(service);
    return found == nullptr ? std::deque<std::string>{} : found->output().lines();
}

const telemetry::line_ring* group_core::output_of(std::string_view service) const {
    const service_runner* const found = find(service);
    return found == nullptr ? nullptr : &found->output();
}

core::reason group_core::hopeless() const {
    if (!wanted_) {
        return core::say("service.sign-of-life/stopped", name_);
    }
    for (const auto& service : services_) {
        const service_machine& machine = service->machine();
        if (machine.state() == service_state::broken) {
            return core::reason(
                core::wording{nullptr, "{service}: {reason}"},
                {core::reason::unlisted(service->name()), with_advice(machine.reason, machine.advice)});
        }
    }
    return {};
}

core::reason group_core::not_in_time() const {
    for (const auto& service : services_) {
        const service_machine& machine = service->machine();
        if (machine.state() != service_state::ready) {
            return core::say("service.sign-of-life/ready", name_, service->name(), to_string(machine.state()),
                             machine.reason);
        }
    }
    return core::say("service.at/ready");
}

core::awaitable<core::result<void>> group_core::wait_ready(std::shared_ptr<group_core> self,
                                                           core::deadline until) {
    while (!self->ready()) {
        core::reason why = self->hopeless();
        if (!why.empty()) {
            co_return core::make_failure(core::errc::unavailable, std::move(why));
        }
        const core::wake_reason woken = co_await self->changed_.wait(until);
        if (woken == core::wake_reason::cancelled) {
            co_return core::make_failure(core::errc::cancelled,
                                         core::say("service.sign-of-life/nobody", self->name_));
        }
        if (woken == core::wake_reason::timed_out && !self->ready()) {
            co_return core::make_failure(core::errc::timed_out, self->not_in_time());
        }
    }
    co_return core::result<void>{};
}

core::awaitable<bool> group_core::stop(std::shared_ptr<group_core> self, core::deadline until) {
    self->wanted_ = false;
    self->settle();
    self->changed_.ring();  // whoever waits for readiness hears that it will not come
    while (!self->at_rest() && !self->wanted_ && !self->closed_) {
        const core::wake_reason woken = co_await self->changed_.wait(until);
        if (woken == core::wake_reason::cancelled) {
            co_return false;
        }
        if (woken == core::wake_reason::timed_out) {
            break;
        }
    }
    if (self->wanted_ || self->closed_ || self->at_rest()) {
        co_return self->at_rest();
    }
    for (auto service = self->services_.rbegin(); service != self->services_.rend(); ++service) {
        (*service)->feed({event_kind::stop, {}, {}});
        (*service)->feed({event_kind::kill, core::say("service.stop-late"), {}});
    }
    const auto last = core::deadline::after(last_wait, self->context_.clock->now());
    while (!self->at_rest() && !self->wanted_ && !self->closed_) {
        const core::wake_reason woken = co_await self->changed_.wait(last);
        if (woken != core::wake_reason::rung) {
            break;
        }
    }
    co_return self->at_rest();
}

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
core::result<void> group_core::take_over(const group_handover& handover) {
    if (handover.services.size() != services_.size()) {
        return core::make_failure(core::errc::invalid,
                                  core::say("upgrade.handed-over/other-services", name_));
    }
    for (std::size_t index = 0; index < services_.size(); ++index) {
        if (handover.services[index].name != services_[index]->name()) {
            return core::make_failure(core::errc::invalid,
                                      core::say("upgrade.handed-over/other-services", name_));
        }
        if (auto fit = process::child::can_adopt(handover.services[index].process); !fit) {
            return fit;
        }
    }
    wanted_ = true;
    for (std::size_t index = 0; index < services_.size(); ++index) {
        if (auto taken = services_[index]->take_over(handover.services[index]); !taken) {
            return taken;
        }
    }
    return {};
}

std::shared_ptr<group> make_group(const supervisor_context& context, group_spec wanted) {
    return std::make_shared<group_core>(context, std::move(wanted))->handle();
}

core::result<std::shared_ptr<group>> adopt_group(const supervisor_context& context, group_spec wanted,
                                                 const group_handover& handover) {
    const auto made = std::make_shared<group_core>(context, std::move(wanted));
    std::shared_ptr<group> handle = made->handle();
    if (auto taken = made->take_over(handover); !taken) {
        return taken.error();
    }
    return handle;
}

}  // namespace corral::supervisor
