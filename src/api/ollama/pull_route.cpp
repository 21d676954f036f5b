#include "api/ollama/pull_route.hpp"

#include <utility>

#include "api/models/package_pull.hpp"
#include "api/ollama/answer.hpp"
#include "corral/api/package_desk.hpp"
#include "corral/core/say.hpp"

namespace corral::api::ollama {

namespace {

constexpr unsigned forbidden = 403;
constexpr unsigned busy = 503;
constexpr unsigned failed = 500;

// As Ollama says that there is no such model, and then why.
progress refusal(const core::reason& why) {
    progress out;
    out.statuses = {"pulling manifest"};
    out.error = core::say("request.not-pulled/absent").led_to_by(why);
    return out;
}

// The end alone.
core::awaitable<void> await_pull(pull_watch& watch, http::response_writer& out) {
    while (true) {
        auto reading = watch.next();
        core::result<std::optional<std::string>> line = co_await std::move(reading);
        if (!line && line.error().code == core::errc::cancelled) {
            co_return;
        }
        if (!line || !*line) {
            progress end;
            end.error = line ? std::string() : line.error().message.text();
            co_await send_progress(std::move(end), false, out);
            co_return;
        }
    }
}

}  // namespace

std::optional<core::reason> why_not_pull(const api_context& context, const http::request& incoming) {
    if (context.packages == nullptr) {
        return core::say("pull.off/clients");
    }
    if (!incoming.may_pull && context.keys == nullptr) {
        return core::say("pull.not-yours/own-machine");
    }
    if (!incoming.may_pull) {
        return core::say("pull.not-yours/scope");
    }
    return std::nullopt;
}

core::awaitable<void> pull_package(api_context context, std::string typed, bool stream,
                                   const http::request& incoming, http::response_writer& out) {
    if (const auto why = why_not_pull(context, incoming)) {
        if (context.packages == nullptr) {
            progress refused = refusal(*why);
            co_await send_progress(std::move(refused), stream, out);
        } else {
            co_await send_progress_error(forbidden, *why, out);
        }
        co_return;
    }
    auto name = pulled_name(typed);
    if (!name) {
        progress refused = refusal(core::say("pull.off/kinds"));
        co_await send_progress(std::move(refused), stream, out);
        co_return;
    }
    if (!may_bring(context, *name)) {
        progress refused = refusal(core::say("pull.off/owners"));
        co_await send_progress(std::move(refused), stream, out);
        co_return;
    }
    auto beginning = context.packages->pull(*std::move(name), incoming.client);
    auto watch = co_await std::move(beginning);
    if (!watch && watch.error().code == core::errc::cancelled) {
        co_return;
    }
    if (!watch) {
        const unsigned status = watch.error().code == core::errc::limit_exceeded ? busy : failed;
        co_await send_progress_error(status, watch.error().message, out);
    } else if (stream) {
        auto streaming = stream_pull(**watch, out);
        const std::optional<core::failure> why = co_await std::move(streaming);
        if (why) {
            co_await send_progress_error(failed, why->message, out);
        }
    } else {
        co_await await_pull(**watch, out);
    }
}

}  // namespace corral::api::ollama
