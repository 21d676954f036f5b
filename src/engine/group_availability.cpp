#include "engine/group_availability.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "corral/core/say.hpp"

namespace corral::engine {

namespace {

constexpr core::milliseconds next_look{10};

bool all_stopped(const std::vector<supervisor::service_status>& services) {
    return std::all_of(services.begin(), services.end(), [](const auto& service) {
        return service.state == supervisor::service_state::stopped;
    });
}

bool was_renewed(const supervisor::service_status& service) {
    using supervisor::restart_reason;
    return service.state != supervisor::service_state::ready &&
           (service.last_loss == restart_reason::asked || service.last_loss == restart_reason::cancel);
}

std::string warnings_of(const std::vector<supervisor::service_status>& services) {
    std::string all;
    for (const auto& service : services) {
        if (!service.warning.empty()) {
            all += (all.empty() ? "" : "; ") + service.name + " " + service.warning;
        }
    }
    return all;
}

}  // namespace

std::uint64_t outside_faults_of(const supervisor::group& group) {
    std::uint64_t out = 0;
    for (const supervisor::service_status& service : group.status()) {
        out += service.outside_faults;
    }
    return out;
}

availability availability_of(const supervisor::group& group, std::string_view runtime) {
    const std::vector<supervisor::service_status> services = group.status();
    availability out;
    out.warning = warnings_of(services);
    out.load = load_of(services);
    if (group.ready()) {
        out.state = availability_state::ready;
        return out;
    }
    for (const supervisor::service_status& service : services) {
        if (service.next_try && (!out.next_try || *service.next_try > *out.next_try)) {
            out.next_try = service.next_try;  // it takes all of them
        }
    }
    for (const supervisor::service_status& service : services) {
        if (service.state == supervisor::service_state::broken) {
            out.state = availability_state::broken;
            out.reason = supervisor::with_advice(service.reason, service.advice);
            return out;
        }
    }
    if (all_stopped(services)) {
        out.reason = core::say("model.loading");
        return out;
    }
    out.state = availability_state::loading;
    out.leaves = !group.wanted();
    out.renewed = std::any_of(services.begin(), services.end(), was_renewed);
    for (const supervisor::service_status& service : services) {
        if (service.state != supervisor::service_state::ready) {
            out.reason = service.reason.empty() ? core::say("model.loading/loads") : service.reason;
            out.progress = service.name == runtime ? service.progress : std::nullopt;
            out.left = service.name == runtime ? service.left : std::nullopt;
            break;
        }
    }
    return out;
}

// docs/facts/ollama_wire.md#embeddings.
chat::failure no_embeddings() {
    chat::failure out;
    out.kind = chat::failure_kind::unsupported;
    out.message = core::say("request.not-for-chat/embeddings");
    return out;
}

core::failure counts_no_prompts() {
    return core::make_failure(core::errc::refused, core::say("runtime.given-up/count"));
}

core::reason absence(std::span<backend* const> all, const core::reason& why) {
    const bool elsewhere =
        std::ranges::all_of(all, [](backend* const each) { return each->model().runtime.services.empty(); });
    return elsewhere && !all.empty() ? core::say("request.remote-away/found", why)
                                     : core::say("request.model-broken/starts-not", why);
}

std::optional<core::seconds> until_next_try(std::span<backend* const> all, core::steady_time now) {
    std::optional<core::steady_time> first;
    for (const backend* const each : all) {
        const auto next = each->available().next_try;
        first = next && (!first || *next < *first) ? next : first;
    }
    if (!first) {
        return std::nullopt;
    }
    return std::max(core::seconds{1}, std::chrono::ceil<core::seconds>(*first - now));
}

// One after the other. The last is the model itself.
std::optional<core::nanoseconds> load_of(const std::vector<supervisor::service_status>& services) {
    core::nanoseconds all{0};
    bool ready = true;
    for (const supervisor::service_status& service : services) {
        if (service.state == supervisor::service_state::ready) {
            continue;
        }
        ready = false;
        if (service.left) {
            all += *service.left;
        } else if (service.usual_load) {
            all += *service.usual_load;
        } else {
            return std::nullopt;
        }
    }
    if (!ready) {
        return all;
    }
    return services.empty() ? std::nullopt : services.back().usual_load;
}

std::optional<core::seconds> until_ready(std::span<backend* const> all, core::steady_time now) {
    std::optional<core::nanoseconds> first;
    for (const backend* const each : all) {
        const availability stands = each->available();
        if (!stands.load) {
            continue;
        }
        const core::nanoseconds rest =
            stands.next_try ? std::max(*stands.next_try - now, core::nanoseconds{0}) : core::nanoseconds{0};
        const core::nanoseconds wait = rest + *stands.load;
        first = first ? std::min(*first, wait) : wait;
    }
    if (!first) {
        return std::nullopt;
    }
    return std::max(core::seconds{1}, std::chrono::ceil<core::seconds>(*first));
}

core::awaitable<std::optional<run_outcome>> refused_run(
    supervisor::group& group, std::string runtime, const run_control& control,
    const core::clock_source& clock, const std::function<void(const run_outcome&)>& on_end) {
    const core::deadline patience = core::deadline::after(notice_of_death, clock.now());
    bool goes_on = true;
    auto looking = group.verify_endpoints();
    bool verified = co_await std::move(looking);
    while (!verified && group.ready() && goes_on && !control.cancelled() && !patience.passed(clock.now())) {
        goes_on = co_await core::sleep_for(next_look);
        if (goes_on) {
            auto looking_again = group.verify_endpoints();
            verified = co_await std::move(looking_again);
        }
    }
    if (verified) {
        co_return std::nullopt;
    }
    const availability why = availability_of(group, runtime);
    run_outcome out;
    run_failure failure;
    failure.kind = chat::failure_kind::unavailable;
    failure.message = why.reason.empty() ? core::say("request.not-ready")
                                         : core::say("request.not-ready/found", why.reason);
    failure.retryable = true;
    out.failure = std::move(failure);
    if (on_end) {
        on_end(out);
    }
    co_return out;
}

}  // namespace corral::engine
