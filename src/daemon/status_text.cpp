#include "status_text.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "corral/catalog/placement.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

namespace {

constexpr std::size_t most_reason = 120;
constexpr std::size_t most_line = 400;

std::string span_text(core::seconds span) {
    if (span.count() >= 120) {
        return fmt::format("{} min", (span.count() + 30) / 60);
    }
    return fmt::format("{} s", span.count());
}

// The first sentence says what; the figures are in the log.
std::string shortened(std::string_view reason) {
    const std::size_t end = std::min(reason.find_first_of(";\n"), reason.find(". "));
    std::string out(reason.substr(0, end));
    while (out.ends_with('.')) {
        out.pop_back();
    }
    return telemetry::printable(out, most_reason);
}

std::string with_reason(std::string out, const model_view& of) {
    return of.reason.empty() ? out : out + ": " + shortened(of.reason);
}

std::string text_of(const model_view& of) {
    const std::string name = telemetry::printable(of.name, most_reason);
    const std::string in = of.next_try ? ", next try in " + span_text(*of.next_try) : std::string();
    switch (of.phase) {
        case model_phase::ready:
            return name + " ready";
        case model_phase::unloaded:
            return name + " unloaded";
        case model_phase::waiting:
            return with_reason(name + " waits" + in, of);
        case model_phase::broken:
            return with_reason(name + " broken" + in, of);
        case model_phase::loading:
            break;
    }
    std::string out = "loading " + name;
    if (of.progress) {
        out += fmt::format(" {:.0f} %", std::floor(*of.progress * 100.0));
    }
    if (of.left) {
        out += ", about " + span_text(*of.left) + " left";
    }
    return out;
}

// The service that a backoff or a breaker keeps down; held ones wait without a time.
void see_who_waits(model_view& view, const std::vector<supervisor::service_status>& services,
                   core::steady_time now) {
    for (const supervisor::service_status& service : services) {
        const bool waits = service.state == supervisor::service_state::waiting;
        const bool broken = service.state == supervisor::service_state::broken;
        if (!service.next_try || !(waits || broken)) {
            continue;
        }
        view.phase = broken ? model_phase::broken : model_phase::waiting;
        view.reason = service.reason;
        const core::nanoseconds left = *service.next_try - now;
        view.next_try = std::max(std::chrono::ceil<core::seconds>(left), core::seconds{0});
        if (broken) {
            return;
        }
    }
}

}  // namespace

std::string status_text(const std::vector<model_view>& models, std::size_t running, std::size_t waiting) {
    std::string line;
    for (const model_view& each : models) {
        line += (line.empty() ? "" : "; ") + text_of(each);
    }
    const char* separator = line.empty() ? "" : "; ";
    for (const auto& [count, what] : {std::pair{running, "running"}, std::pair{waiting, "waiting"}}) {
        if (count > 0) {
            line += fmt::format("{}{} {}", separator, count, what);
            separator = ", ";
        }
    }
    return line.size() > most_line ? telemetry::printable(line, most_line) : line;
}

model_view view_of(engine::backend& runtime, core::steady_time now) {
    const engine::availability state = runtime.available();
    model_view view;
    view.name = catalog::label_of(runtime.model());
    switch (state.state) {
        case engine::availability_state::ready:
            view.phase = model_phase::ready;
            return view;
        case engine::availability_state::stopped:
            view.phase = model_phase::unloaded;
            return view;
        case engine::availability_state::broken:
            view.phase = model_phase::broken;
            view.reason = state.reason;
            break;
        case engine::availability_state::loading:
            view.phase = model_phase::loading;
            view.progress = state.progress;
            view.left = state.left;
            break;
    }
    see_who_waits(view, runtime.services().status(), now);
    return view;
}

std::string url_of(const boost::asio::ip::tcp::endpoint& where, bool tls) {
    const std::string address = where.address().to_string();
    const std::string host = where.address().is_v6() ? "[" + address + "]" : address;
    return fmt::format("{}://{}:{}", tls ? "https" : "http", host, where.port());
}

}  // namespace corral::daemon
