#include "api/context_fit.hpp"

#include <algorithm>
#include <string>

namespace corral::api {

namespace {

// The words around a turn count too.
constexpr std::size_t turn_overhead_bytes = 16;

std::size_t turn_bytes(const std::vector<chat::message>& messages) {
    std::size_t sum = 0;
    for (const chat::message& each : messages) {
        if (each.from == chat::role::system) {
            continue;
        }
        sum += each.content.size() + turn_overhead_bytes;
        for (const chat::tool_call& call : each.calls) {
            sum += call.name.size() + call.arguments.dump().size() + turn_overhead_bytes;
        }
    }
    return sum;
}

engine::run_failure too_long(const engine::prompt_measure& measured, bool may_shorten) {
    const std::string about = measured.exact ? "" : "about ";
    engine::run_failure out;
    out.kind = chat::failure_kind::context_too_long;
    out.cause = "context-too-long";
    out.message = "the prompt is " + about + std::to_string(measured.system_tokens + measured.turn_tokens) +
                  " tokens long, but the context of this model has room for " +
                  std::to_string(measured.limit);
    if (may_shorten) {
        out.message += ", and its newest turn can't be shortened";
    }
    return out;
}

engine::run_failure measure_failure(const core::failure& why) {
    engine::run_failure out;
    out.kind = why.code == core::errc::timed_out ? chat::failure_kind::timed_out
                                                 : chat::failure_kind::runtime_failed;
    out.cause = "measure-failed";
    out.message = why.message;
    out.retryable = why.code != core::errc::refused && why.code != core::errc::invalid;
    return out;
}

// The part of the turns that fits; smaller with each round, in case the text left is denser than the text
// that went.
double wanted_share(const engine::prompt_measure& measured, unsigned round) {
    const double room = measured.limit > measured.system_tokens ? measured.limit - measured.system_tokens : 0;
    const double turns = std::max<double>(1, measured.turn_tokens);
    return room / turns * std::max(0.0, 1.0 - 0.1 * round);
}

}  // namespace

engine::run_failure render_failure(const core::failure& why) {
    engine::run_failure out;
    const bool ours = why.code == core::errc::internal;
    out.kind = ours ? chat::failure_kind::internal : chat::failure_kind::bad_request;
    out.cause = ours ? "render-failed" : "render-refused";
    out.message = why.message;
    return out;
}

bool drop_to_share(std::vector<chat::message>& messages, double share) {
    const double wanted = static_cast<double>(turn_bytes(messages)) * share;
    if (!chat::drop_oldest_turn(messages)) {
        return false;
    }
    while (static_cast<double>(turn_bytes(messages)) > wanted && chat::drop_oldest_turn(messages)) {
    }
    return true;
}

core::awaitable<fit_result> fit_prompt(engine::backend& runtime, const chat::render_options& how,
                                       const chat::generation_request& request, core::deadline until) {
    std::vector<chat::message> messages = request.messages;
    for (unsigned round = 0;; ++round) {
        auto rendered = chat::render(how, messages, request.tools, request.thinking);
        if (!rendered) {
            co_return render_failure(rendered.error());
        }
        const auto measured = co_await runtime.measure(*rendered, until);
        if (!measured) {
            co_return measure_failure(measured.error());
        }
        if (measured->fits) {
            const std::size_t dropped = request.messages.size() - messages.size();
            co_return fitted_prompt{std::move(*rendered), dropped};
        }
        const bool may_shorten = request.limits.truncate;
        if (!may_shorten || !drop_to_share(messages, wanted_share(*measured, round))) {
            co_return too_long(*measured, may_shorten);
        }
    }
}

}  // namespace corral::api
