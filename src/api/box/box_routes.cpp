// How the box fares: once, and as it changes.

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "api/add_header.hpp"
#include "api/box/query_parameter.hpp"
#include "api/box/routes.hpp"
#include "api/door/access_check.hpp"
#include "api/timestamp.hpp"
#include "corral/api/page_shelf.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::api::box {

namespace {

// A stream outlives what let it in: a key may be removed meanwhile, and a session ended.
bool may_still(const api_context& context, const http::request& incoming) {
    if (incoming.owner.empty()) {
        return true;
    }
    const config::key_scopes may = judge_access(context.keys, incoming, context.sessions, context.secure).may;
    return may.observe >= incoming.may_observe && may.operate >= incoming.may_operate;
}

core::awaitable<void> send_stream(const api_context& context, const http::request& incoming,
                                  core::result<std::unique_ptr<desk_stream>> from,
                                  http::response_writer& out) {
    if (!from) {
        co_await send(refusal_of(from.error()), out);
        co_return;
    }
    http::response_head head;
    head.content_type = "text/event-stream";
    add_header(head.headers, "Cache-Control", "no-store");
    add_header(head.headers, "X-Accel-Buffering", "no");
    core::error_code gone = co_await out.begin(std::move(head));
    while (!gone) {
        auto coming = (*from)->next();
        std::optional<std::string> piece = co_await std::move(coming);
        if (!piece || !may_still(context, incoming)) {
            co_await out.finish();
            co_return;
        }
        gone = co_await out.write(*std::move(piece));
    }
}

core::awaitable<void> send_status(const api_context& context, http::request&, http::response_writer& out) {
    desk_json body = context.desk->status();
    co_await send(std::move(body), out);
}

core::awaitable<void> send_requests(const api_context& context, http::request&, http::response_writer& out) {
    desk_json body = context.desk->requests();
    co_await send(std::move(body), out);
}

core::awaitable<void> send_events(const api_context& context, http::request& incoming,
                                  http::response_writer& out) {
    co_await send_stream(context, incoming, context.desk->watch(incoming.client), out);
}

// nullopt: the number of lines can't be meant.
std::optional<log_question> lines_asked_for(const http::request& incoming, const std::string& target) {
    constexpr std::int64_t most = 10'000;
    log_question asked;
    asked.target = target;
    asked.follow = query_parameter(incoming.query, "follow") != "0";
    const std::string lines = query_parameter(incoming.query, "lines");
    const char* const end = lines.data() + lines.size();
    const auto read = std::from_chars(lines.data(), end, asked.lines);
    const bool good = read.ec == std::errc() && read.ptr == end && asked.lines >= 0 && asked.lines <= most;
    return lines.empty() || good ? std::optional(asked) : std::nullopt;
}

// What a vendor's program prints may be anything, so its lines are for who operates the box; so are all lines where the
// configuration lets texts into the log.
core::awaitable<void> send_lines(const api_context& context, http::request& incoming,
                                 http::response_writer& out) {
    constexpr unsigned forbidden = 403;
    const std::string wanted = query_parameter(incoming.query, "service");
    const bool own_alone = wanted == "corral" && !context.desk->logs_content();
    if (!incoming.may_operate && !own_alone) {
        http::response refused =
            refusal(forbidden, core::say("page.refused/lines"), core::say("page.refused/do-lines"));
        co_await send(std::move(refused), out);
        co_return;
    }
    const std::optional<log_question> asked = lines_asked_for(incoming, wanted);
    if (!asked) {
        constexpr unsigned bad_request = 400;
        http::response refused = refusal(bad_request, core::say("page.request/lines"));
        co_await send(std::move(refused), out);
        co_return;
    }
    const std::string client = incoming.over_unix ? std::string() : incoming.client;
    co_await send_stream(context, incoming, context.desk->follow(*asked, client), out);
}

constexpr unsigned failed = 500;

// Of a refusal it makes nothing.
desk_json examined(desk_json findings) {
    if (!findings.is_array()) {
        return findings;
    }
    return {{"at", utc_stamp(std::chrono::system_clock::now())}, {"findings", std::move(findings)}};
}

std::vector<std::string> doctor_words() {
    return {"doctor", "--json"};
}

core::awaitable<void> examine(const api_context& context, http::request& incoming,
                              http::response_writer& out) {
    auto running = context.desk->run(doctor_words(), examined, incoming.client);
    core::result<desk_answer> found = co_await std::move(running);
    co_await answer_command(std::move(found), failed, out);
}

core::awaitable<void> send_speeds(const api_context& context, http::request&, http::response_writer& out) {
    auto writing = context.desk->speeds();
    core::result<desk_answer> found = co_await std::move(writing);
    co_await answer_command(std::move(found), failed, out);
}

core::awaitable<void> list_incidents(const api_context& context, http::request&, http::response_writer& out) {
    auto running = context.desk->incidents();
    core::result<desk_answer> found = co_await std::move(running);
    co_await answer_command(std::move(found), failed, out);
}

core::awaitable<void> send_printed(const api_context& context, const char* command,
                                   const http::request& incoming, http::response_writer& out) {
    auto running = context.desk->run({command, "--json"}, {}, incoming.client);
    core::result<desk_answer> printed = co_await std::move(running);
    co_await answer_command(std::move(printed), failed, out);
}

// What a command prints, as it is.
box_handler printed_by(const char* command) {
    return [command](const api_context& context, http::request& incoming,
                     http::response_writer& out) -> core::awaitable<void> {
        return send_printed(context, command, incoming, out);
    };
}

core::awaitable<void> send_incident(const api_context& context, http::request& incoming,
                                    http::response_writer& out) {
    constexpr unsigned not_found = 404;
    auto running = context.desk->incident(incoming.path.substr(incoming.path.rfind('/') + 1));
    core::result<desk_answer> found = co_await std::move(running);
    co_await answer_command(std::move(found), not_found, out);
}

core::awaitable<void> send_settings(const api_context& context, http::request&, http::response_writer& out) {
    auto reading = context.desk->settings();
    core::result<desk_answer> found = co_await std::move(reading);
    co_await answer_command(std::move(found), failed, out);
}

// What programs may rely on; it lies with the page.
core::awaitable<void> send_document(const api_context& context, http::request&, http::response_writer& out) {
    constexpr unsigned not_found = 404;
    constexpr const char* name = "openapi.json";
    std::shared_ptr<const page_files> files;
    if (context.page != nullptr) {
        auto reading = context.page->files(context.clock->now());
        const auto read = co_await std::move(reading);
        files = read ? *read : nullptr;
    }
    if (files == nullptr || files->find(name) == files->end()) {
        http::response refused = refusal(not_found, core::say("page.request/document"));
        co_await send(std::move(refused), out);
        co_return;
    }
    http::response whole;
    whole.content_type = "application/json; charset=utf-8";
    whole.body = files->find(name)->second.plain;
    add_header(whole.headers, "Cache-Control", "no-store");
    co_await send(std::move(whole), out);
}

}  // namespace

void add_box_routes(http::router& routes, const api_context& context) {
    routes.add("GET", "/corral/v1/status", guarded(context, right::observe, send_status));
    routes.add("GET", "/corral/v1/requests", guarded(context, right::observe, send_requests));
    routes.add("GET", "/corral/v1/speeds", guarded(context, right::observe, send_speeds));
    routes.add("GET", "/corral/v1/events", guarded(context, right::observe, send_events));
    routes.add("GET", "/corral/v1/logs/stream", guarded(context, right::observe, send_lines));
    routes.add("GET", "/corral/v1/incidents", guarded(context, right::observe, list_incidents));
    // A bundle holds the last lines of services.
    routes.add("GET", "/corral/v1/incidents/*", guarded(context, right::operate, send_incident));
    routes.add("GET", "/corral/v1/settings", guarded(context, right::observe, send_settings));
    routes.add("GET", "/corral/v1/catalogue", guarded(context, right::observe, printed_by("search")));
    routes.add("GET", "/corral/v1/packages", guarded(context, right::observe, printed_by("prune")));
    routes.add("GET", "/corral/v1/openapi.json", guarded(context, right::observe, send_document));
    routes.add("POST", "/corral/v1/doctor", guarded(context, right::observe, examine));
}

}  // namespace corral::api::box
