#include "cli/base/remote_box.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "cli/base/server_address.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using control::admin_json;

constexpr std::size_t longest_sentence = 2000;

bool is_of_the_box(const std::string& verb) {
    constexpr std::array<std::string_view, 6> all{"doctor", "drain", "undrain", "reload", "upgrade", "ui"};
    return std::ranges::find(all, verb) != all.end();
}

bool is_look(const std::string& verb) {
    return verb == "status" || verb == "requests" || verb == "incidents" || verb.starts_with('/');
}

core::awaitable<core::result<control::admin_reply>> ask(found_box of, control::admin_question question) {
    http::stream_call what;
    what.to = of.at.at;
    what.host = std::move(of.at.host);
    what.tls = std::move(of.at.tls);
    what.preface = std::move(of.at.preface);
    // A box without keys wants to know that this is no page of another site.
    what.headers.add("X-Corral-Action", "1");
    if (!of.key.empty()) {
        what.headers.add("Authorization", "Bearer " + of.key);
    }
    const core::deadline until = core::deadline::after(of.limit, std::chrono::steady_clock::now());
    auto asking = control::exchange(std::move(what), std::move(question), until);
    co_return co_await std::move(asking);
}

// What such a port answers is no JSON, so it is asked again for its words.
core::awaitable<bool> is_https(found_box of) {
    constexpr std::size_t longest_words = 4096;
    const core::deadline until = core::deadline::after(of.limit, std::chrono::steady_clock::now());
    http::stream_call what;
    what.to = of.at.at;
    what.host = std::move(of.at.host);
    what.method = "GET";
    what.until = until;
    auto opened = co_await http::reply_stream::open(std::move(what));
    if (!opened) {
        co_return false;
    }
    const auto words = co_await http::read_all(**opened, longest_words, until);
    co_return words.has_value() && http::wants_https((*opened)->status(), *words);
}

core::failure refusal_of(const found_box& box, const control::admin_reply& reply) {
    constexpr unsigned unauthorized = 401;
    const std::string url = telemetry::printable(box.url, longest_sentence);
    if (reply.status == unauthorized) {
        return core::make_failure(core::errc::refused, box.key.empty()
                                                           ? core::say("command.key-wanted/box", url)
                                                           : core::say("command.key-wanted/unknown", url));
    }
    std::string why = telemetry::printable(core::text_at(reply.body, "error"), longest_sentence);
    if (why.empty()) {
        return core::make_failure(core::errc::unavailable,
                                  core::say("command.asks-daemon/answers-status", url, reply.status));
    }
    if (const std::string advice = core::text_at(reply.body, "advice"); !advice.empty()) {
        why += ". " + telemetry::printable(advice, longest_sentence);
    }
    return core::make_failure(core::errc::refused, core::reason::unlisted(why));
}

}  // namespace

void add_remote_options(CLI::App& app, remote_box& into) {
    CLI::Option* const url =
        app.add_option("--url", into.url,
                       "Ask the Corral there, http://HOST:PORT or https://HOST:PORT, by its API")
            ->type_name("URL");
    app.add_option("--key-file", into.key_file, "A file whose first line is a key; else OLLAMA_API_KEY")
        ->type_name("FILE")
        ->needs(url);
    app.add_option("--ca-file", into.ca_file,
                   "Certificates (PEM) to trust in place of the system's; that of the server will do")
        ->type_name("FILE")
        ->needs(url);
    for (const char* const local : {"--socket", "--config", "--wait", "--now", "--watch"}) {
        if (CLI::Option* const one = app.get_option_no_throw(local)) {
            url->excludes(one);
        }
    }
}

control::admin_question question_of(const std::string& verb, const std::string& model) {
    if (is_look(verb)) {
        return {"GET", verb.starts_with('/') ? verb : "/corral/v1/" + verb};
    }
    if (is_of_the_box(verb)) {
        return {"POST", "/corral/v1/" + (verb == "ui" ? "page-link" : verb), admin_json::object()};
    }
    const std::string action = verb == "start" ? "load" : verb == "stop" ? "unload" : verb;
    return {"POST", "/corral/v1/models/" + action,
            model.empty() ? admin_json{{"all", true}} : admin_json{{"model", model}}};
}

core::result<found_box> find_box(const remote_box& at,
                                 const std::map<std::string, std::string>& environment) {
    const core::result<std::string> key = key_of(at.key_file, environment);
    if (!key) {
        return key.error();
    }
    core::result<server_address> server = find_server("--url", at.url, at.ca_file);
    if (!server) {
        return server.error();
    }
    return found_box{at.url, *std::move(server), *key, at.limit};
}

core::awaitable<core::result<admin_json>> ask_box(found_box box, std::string verb, std::string model) {
    constexpr unsigned good = 200;
    constexpr unsigned bad_request = 400;
    const control::admin_question asked = question_of(verb, model);
    core::result<control::admin_reply> reply = co_await ask(box, asked);
    // Perhaps this is no machine of which the box wants a PROXY header. A request with status 400 was not begun.
    const bool refused = reply ? reply->status == bad_request : asked.method == "GET";
    if (!box.at.preface.empty() && refused) {
        box.at.preface.clear();
        core::result<control::admin_reply> again = co_await ask(box, asked);
        if (again) {
            reply = std::move(again);
        }
    }
    if (!reply) {
        co_return reply.error();
    }
    if (reply->status != good || !reply->body.is_object()) {
        const bool unread = reply->status == bad_request && !reply->body.is_object() && !box.at.tls;
        bool encrypted = false;
        if (unread) {
            encrypted = co_await is_https(box);
        }
        if (encrypted) {
            co_return core::make_failure(
                core::errc::invalid,
                core::say("command.address/https", telemetry::printable(box.url, longest_sentence)));
        }
        co_return refusal_of(box, *reply);
    }
    co_return std::move(reply->body);
}

core::result<admin_json> ask_remote(const remote_box& at, const std::string& verb, const std::string& model,
                                    const std::map<std::string, std::string>& environment) {
    if (!is_look(verb) && !is_of_the_box(verb) && model.empty()) {
        return core::make_failure(core::errc::invalid, core::say("command.asks-daemon/corral-url"));
    }
    const core::result<found_box> found = find_box(at, environment);
    if (!found) {
        return found.error();
    }
    boost::asio::io_context loop;
    core::result<admin_json> out = admin_json();
    std::exception_ptr thrown;
    core::asio::co_spawn(loop, ask_box(*found, verb, model),
                         [&](std::exception_ptr error, core::result<admin_json> reply) {
                             thrown = std::move(error);
                             out = std::move(reply);
                         });
    loop.run();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    if (!out) {
        return with_ca_file(out.error());
    }
    return out;
}

}  // namespace corral::cli
