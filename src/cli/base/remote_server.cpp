#include "cli/base/remote_server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <fstream>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/server_url.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

constexpr std::uint16_t usual_port = 11434;

using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

// A server takes connections there.
bool answers(const boost::asio::ip::tcp::endpoint& at) {
    boost::asio::io_context loop;
    boost::asio::ip::tcp::socket line(loop);
    bool taken = false;
    line.async_connect(at, [&taken](const core::error_code& error) { taken = !error; });
    loop.run_for(core::seconds{3});
    return taken;
}

// "localhost" is often ::1 first, and the server at 127.0.0.1 only.
boost::asio::ip::tcp::endpoint first_that_answers(const endpoints& found) {
    for (const auto& one : found) {
        if (found.size() == 1 || answers(one)) {
            return one;
        }
    }
    return found.front();
}

endpoints look_up(const std::string& host, std::uint16_t port, core::error_code& error) {
    endpoints out = core::own_endpoints(host, port);
    if (out.empty()) {
        boost::asio::io_context loop;
        boost::asio::ip::tcp::resolver resolver(loop);
        for (const auto& one : resolver.resolve(host, std::to_string(port), error)) {
            out.push_back(one.endpoint());
        }
    }
    return out;
}

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

std::string mistake_in_address(const std::string& address) {
    const auto read = core::parse_server_url(address, core::url_schemes::http_and_https);
    return std::holds_alternative<core::server_url>(read)
               ? std::string()
               : core::say("command.address/form", "the address", address).text();
}

core::result<server_address> find_server(const std::string& option, const std::string& address,
                                         const std::string& authorities) {
    const auto read = core::parse_server_url(address, core::url_schemes::http_and_https);
    const auto* const url = std::get_if<core::server_url>(&read);
    if (url == nullptr) {
        return core::make_failure(core::errc::invalid, core::say("command.address/form", option, address));
    }
    const std::uint16_t port = url->port.value_or(usual_port);
    core::error_code error;
    const endpoints found = look_up(url->host, port, error);
    if (error || found.empty()) {
        return core::make_failure(core::errc::invalid,
                                  core::say("command.address/address", url->host, error.message()));
    }
    server_address out;
    out.at = first_that_answers(found);
    out.host = url->host_text() + ":" + std::to_string(port);
    if (url->tls) {
        const core::result<http::tls_trust> trust = http::tls_trust::load(authorities);
        if (!trust) {
            return trust.error();
        }
        out.tls = http::tls_peer{*trust, url->host};
    }
    return out;
}

core::failure with_ca_file(core::failure failure) {
    if (failure.message.id() == "command.not-trusted") {
        failure.message = core::say("command.not-trusted/ca-file", failure.message);
    }
    return failure;
}

core::result<std::string> read_bounded(const std::filesystem::path& file, std::size_t most) {
    std::error_code error;
    const bool plain = std::filesystem::is_regular_file(file, error);  // the open of a pipe would wait
    std::ifstream in(plain ? file : std::filesystem::path(), std::ios::binary);
    if (!in) {
        return core::make_failure(core::errc::invalid,
                                  core::say("command.address/read-plain", file.string()));
    }
    std::string out(most + 1, '\0');
    in.read(out.data(), static_cast<std::streamsize>(out.size()));
    out.resize(static_cast<std::size_t>(in.gcount()));
    if (in.bad() || out.size() > most) {
        return core::make_failure(core::errc::invalid,
                                  core::say("command.address/longer-bytes", file.string(), most));
    }
    return out;
}

core::result<std::string> key_in(const std::string& file) {
    if (file.empty()) {
        return std::string();
    }
    core::result<std::string> text = read_bounded(file, 4096);
    return text ? text->substr(0, text->find_first_of("\r\n")) : text;
}

core::result<std::string> key_of(const std::string& file,
                                 const std::map<std::string, std::string>& environment) {
    core::result<std::string> said = key_in(file);
    const auto given = environment.find("OLLAMA_API_KEY");
    if (said && said->empty() && given != environment.end()) {
        return given->second;
    }
    return said;
}

void add_remote_options(CLI::App& app, remote_box& into) {
    CLI::Option* const url =
        app.add_option("--url", into.url,
                       "Use the API of the Corral at http://HOST:PORT or https://HOST:PORT")
            ->type_name("URL")
            ->check(mistake_in_address);
    app.add_option("--key-file", into.key_file,
                   "File whose first line is the API key; default: OLLAMA_API_KEY")
        ->type_name("FILE")
        ->needs(url);
    app.add_option("--ca-file", into.ca_file,
                   "CA certificates (PEM) to trust instead of the system's; may be the server's own")
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
    if (at.is_here && server->tls) {
        server->tls->name.clear();
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
