#include "api/ollama/pull_route.hpp"

#include <utility>

#include "api/models/package_pull.hpp"
#include "api/ollama/answer.hpp"
#include "corral/api/package_desk.hpp"

namespace corral::api::ollama {

namespace {

constexpr unsigned forbidden = 403;
constexpr unsigned busy = 503;
constexpr unsigned failed = 500;

// As Ollama says that there is no such model, and then why.
constexpr std::string_view absent = "pull model manifest: file does not exist: ";

progress refusal(std::string why) {
    progress out;
    out.statuses = {"pulling manifest"};
    out.error = std::string(absent) + std::move(why);
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

std::optional<std::string> why_not_pull(const api_context& context, const http::request& incoming) {
    if (context.packages == nullptr) {
        return "clients may not pull or delete packages on this server; its operator can let them by "
               "'from_clients = true' in [pull], and has 'corral pull' and 'corral import'";
    }
    if (!incoming.may_pull && context.keys == nullptr) {
        return "this server has no API keys, so that only clients on its own machine may pull or delete "
               "packages";
    }
    if (!incoming.may_pull) {
        return "this API key may not pull or delete packages: it has no scope 'pull'; the operator can make "
               "one that "
               "has by 'corral key new NAME --scope inference,pull'";
    }
    return std::nullopt;
}

core::awaitable<void> pull_package(api_context context, std::string typed, bool stream,
                                   const http::request& incoming, http::response_writer& out) {
    if (auto why = why_not_pull(context, incoming)) {
        if (context.packages == nullptr) {
            co_await send_progress(refusal(*std::move(why)), stream, out);
        } else {
            co_await send_progress_error(forbidden, *std::move(why), out);
        }
        co_return;
    }
    auto name = pulled_name(typed);
    if (!name) {
        co_await send_progress(refusal("clients pull names of the catalogue and hf.co/OWNER/REPOSITORY; all "
                                       "else is pulled on the box itself"),
                               stream, out);
        co_return;
    }
    if (!may_bring(context, *name)) {
        co_await send_progress(
            refusal(
                "clients pull names of the catalogue here, and of the hub what its owners in 'owners' of "
                "[pull] "
                "have made, for a package runs its programs on this server; its operator can name more, or "
                "pull it by 'corral pull'"),
            stream, out);
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
