#include "admin_verbs.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/time.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/log.hpp"
#include "log_cursor.hpp"

namespace corral::daemon {

namespace {

constexpr const char* own_log = "corral";
constexpr std::int64_t most_lines = 10'000;
constexpr std::int64_t most_followers = 8;
constexpr core::milliseconds between_looks{200};
// Who reads looks up in between: it may be at its end.
constexpr core::seconds sign_of_life{1};

// Which lines are wanted; looked up anew each time, for models come and go.
struct log_choice {
    std::string model;    // empty: every model
    std::string service;  // empty: every service
    bool own = true;      // Corral's own log too
    bool services = true;
    core::reason problem;
};

// A name that clients may use, or one of several process sets, "qwen3:4b@1"; the first of what it means.
const engine::backend* find_backend(const admin_context& context, std::string_view typed) {
    const fleet::fleet& running = *context.running;
    const generation::served served = running.models().find(typed);
    if (const engine::backend* const instance =
            instance_named({running.backends(), running.models(), running.admission()}, typed)) {
        return instance;
    }
    const auto found = std::ranges::find_if(running.backends(), [&](const auto& one) {
        return served != nullptr ? one->model().name == served->deployment
                                 : catalog::label_of(one->model()) == typed;
    });
    return found == running.backends().end() ? nullptr : found->get();
}

// What the lines of all that `typed` means are chosen by: a model, or one process set.
std::string chosen_by(const engine::backend& first, std::string_view typed) {
    return typed.find('@') == std::string_view::npos ? first.model().name : catalog::label_of(first.model());
}

bool is_chosen(const engine::backend& runtime, const std::string& model) {
    return model.empty() || runtime.model().name == model || catalog::label_of(runtime.model()) == model;
}

bool has_service(const engine::backend& runtime, std::string_view service) {
    const auto& all = runtime.model().runtime.services;
    return std::ranges::any_of(all, [&](const auto& one) { return one.name == service; });
}

// Every name that would do.
std::vector<std::string> all_names(const admin_context& context) {
    std::vector<std::string> out{own_log};
    for (const auto& runtime : context.running->backends()) {
        if (std::ranges::find(out, runtime->model().name) != out.end()) {
            continue;  // another instance of it
        }
        out.push_back(runtime->model().name);
        for (const auto& service : runtime->model().runtime.services) {
            out.push_back(runtime->model().name + "/" + service.name);
        }
    }
    return out;
}

log_choice unknown(const admin_context& context, const std::string& target) {
    const std::vector<std::string> names = all_names(context);
    // Near is what is near to the whole name, the tag included.
    const auto slash = target.rfind('/');
    const auto model = catalog::display_name(target.substr(0, slash));
    const std::string whole = slash == std::string::npos || !model ? target : *model + target.substr(slash);
    const std::string meant = catalog::nearest(whole, names);
    const std::string asked = telemetry::printable(target.substr(0, slash));
    log_choice out;
    if (slash == std::string::npos || find_backend(context, target.substr(0, slash)) == nullptr) {
        out.problem = catalog::no_such_model(asked, names);
        return out;
    }
    const std::string service = telemetry::printable(target.substr(slash + 1));
    out.problem = meant.empty()
                      ? core::say("command.unknown/services", asked, service, core::joined(names, ", "))
                      : core::say("command.unknown/service", asked, service, meant);
    return out;
}

log_choice choose(const admin_context& context, const std::string& target) {
    if (target.empty()) {
        return {};
    }
    if (target == own_log) {
        return {{}, {}, true, false, {}};
    }
    if (const auto* whole = find_backend(context, target)) {
        return {chosen_by(*whole, target), {}, false, true, {}};
    }
    const auto slash = target.rfind('/');
    if (slash != std::string::npos) {
        const std::string typed = target.substr(0, slash);
        const auto* model = find_backend(context, typed);
        const std::string service = target.substr(slash + 1);
        const bool known = model != nullptr && has_service(*model, service);
        return known ? log_choice{chosen_by(*model, typed), service, false, true, {}}
                     : unknown(context, target);
    }
    std::vector<std::string> with_it;
    for (const auto& runtime : context.running->backends()) {
        const std::string& name = runtime->model().name;
        if (has_service(*runtime, target) && std::ranges::find(with_it, name) == with_it.end()) {
            with_it.push_back(name);
        }
    }
    if (with_it.empty()) {
        return unknown(context, target);
    }
    if (with_it.size() > 1) {
        log_choice out;
        out.problem = core::say("command.unknown/which", target,
                                core::joined(with_it, "/" + target + " or ") + "/" + target);
        return out;
    }
    return {with_it.front(), target, false, true, {}};
}

std::vector<log_source> sources_of(const admin_context& context, const log_choice& wanted) {
    std::vector<log_source> out;
    if (wanted.own) {
        out.push_back({{}, own_log, [](std::uint64_t number, std::size_t most) {
                           auto tail = telemetry::recent_log(number, most);
                           return ring_part{tail.ring, tail.end, std::move(tail.lines)};
                       }});
    }
    for (const auto& runtime : context.running->backends()) {
        const std::string model = catalog::label_of(runtime->model());
        if (!wanted.services || !is_chosen(*runtime, wanted.model)) {
            continue;
        }
        for (const auto& service : runtime->model().runtime.services) {
            const telemetry::line_ring* const ring = runtime->services().output_of(service.name);
            if (ring != nullptr && (wanted.service.empty() || service.name == wanted.service)) {
                out.push_back({model, service.name, [ring](std::uint64_t number, std::size_t most) {
                                   return ring_part{ring->id(), ring->end(), ring->from(number, most)};
                               }});
            }
        }
    }
    return out;
}

// How many lines of each service were counted and not kept.
control::admin_json routine_json(const admin_context& context, const log_choice& wanted) {
    control::admin_json out = control::admin_json::array();
    for (const auto& runtime : context.running->backends()) {
        if (!wanted.services || !is_chosen(*runtime, wanted.model)) {
            continue;
        }
        for (const auto& service : runtime->model().runtime.services) {
            const telemetry::line_ring* const ring = runtime->services().output_of(service.name);
            const bool chosen = wanted.service.empty() || service.name == wanted.service;
            if (chosen && ring != nullptr && ring->routine() > 0) {
                out.push_back({{"model", catalog::label_of(runtime->model())},
                               {"service", service.name},
                               {"count", ring->routine()}});
            }
        }
    }
    return out;
}

control::admin_json stamp(std::chrono::system_clock::time_point when) {
    if (when == std::chrono::system_clock::time_point{}) {
        return nullptr;
    }
    return core::utc_milliseconds(when);
}

control::admin_json batch_of(const std::vector<log_line>& lines) {
    control::admin_json all = control::admin_json::array();
    for (const log_line& line : lines) {
        control::admin_json one;
        one["model"] = line.model.empty() ? control::admin_json(nullptr) : control::admin_json(line.model);
        one["service"] = line.service;
        one["time"] = stamp(line.when);
        if (line.lost > 0) {
            one["lost"] = line.lost;
        } else {
            one["text"] = line.text;
        }
        all.push_back(std::move(one));
    }
    return {{"lines", std::move(all)}};
}

// One reader's way through the lines.
struct stream_state {
    const admin_context* of = nullptr;
    log_choice wanted;
    bool follow = false;
    bool over = false;
    std::vector<log_line> pending;  // the lines that were there when it began
    std::size_t sent = 0;           // of them
    log_cursor cursor;
    std::shared_ptr<const int> counted;
};

using state_ptr = std::shared_ptr<stream_state>;

// A bounded piece of what was there when the stream began.
control::admin_json take_pending(stream_state& state) {
    constexpr std::size_t at_once = 400;
    const std::size_t end = std::min(state.pending.size(), state.sent + at_once);
    const std::vector<log_line> part(state.pending.begin() + static_cast<std::ptrdiff_t>(state.sent),
                                     state.pending.begin() + static_cast<std::ptrdiff_t>(end));
    state.sent = end;
    if (state.sent == state.pending.size()) {
        state.pending = {};
        state.sent = 0;
    }
    return batch_of(part);
}

core::awaitable<std::optional<control::admin_json>> next_of(state_ptr state) {
    if (!state->pending.empty()) {
        co_return take_pending(*state);
    }
    if (!state->follow) {
        if (std::exchange(state->over, true)) {
            co_return std::nullopt;
        }
        control::admin_json last;
        last["routine"] = routine_json(*state->of, state->wanted);
        co_return last;
    }
    const core::deadline alive = core::deadline::after(sign_of_life, state->of->clock->now());
    std::vector<log_line> lines = state->cursor.next(sources_of(*state->of, state->wanted));
    while (lines.empty() && !alive.passed(state->of->clock->now())) {
        const bool awake = co_await core::sleep_for(between_looks);
        if (!awake) {
            co_return std::nullopt;
        }
        lines = state->cursor.next(sources_of(*state->of, state->wanted));
    }
    co_return batch_of(lines);
}

}  // namespace

core::result<log_batches> open_log_stream(const admin_context& context, const api::log_question& asked) {
    auto state = std::make_shared<stream_state>();
    state->of = &context;
    state->wanted = choose(context, asked.target);
    if (!state->wanted.problem.empty()) {
        return core::make_failure(core::errc::not_found, state->wanted.problem);
    }
    state->follow = asked.follow;
    if (context.followers.use_count() > most_followers) {
        return core::make_failure(core::errc::limit_exceeded,
                                  core::say("command.too-many-readers/readers", most_followers));
    }
    state->counted = context.followers;
    state->pending =
        state->cursor.last(sources_of(context, state->wanted),
                           static_cast<std::size_t>(std::clamp(asked.lines, std::int64_t{0}, most_lines)));
    return log_batches([state = std::move(state)] { return next_of(state); });
}

}  // namespace corral::daemon
