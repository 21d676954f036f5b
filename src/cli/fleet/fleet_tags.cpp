#include "cli/fleet/fleet_tags.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/server_address.hpp"
#include "cli/fleet/fleet_calls.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest_reply = 4UL * 1024 * 1024;
constexpr std::size_t deepest = 16;
constexpr unsigned good = 200;

core::failure no_list(const std::string& reason) {
    return core::make_failure(core::errc::unavailable, core::say("fleet.no-models/tell", reason));
}

core::result<json> list_in(unsigned status, const std::string& text) {
    if (status != good) {
        return no_list("its answer has status " + std::to_string(status) +
                       (status == 401 ? ", for its 'key_file' has no key that it knows" : ""));
    }
    auto body = core::parse_json<json>(text, {deepest, longest_reply});
    if (!body.is_object()) {
        return no_list("its answer is no list of models");
    }
    return body;
}

struct box_reply {
    unsigned status = 0;
    std::string text;
};

core::awaitable<core::result<box_reply>> ask(server_address at, std::string key, core::deadline until) {
    http::stream_call what;
    what.to = at.at;
    what.host = at.host;
    what.tls = at.tls;
    what.preface = at.preface;
    what.method = "GET";
    what.target = "/api/tags";
    what.until = until;
    if (!key.empty()) {
        what.headers.add("Authorization", "Bearer " + key);
    }
    auto opened = co_await http::reply_stream::open(std::move(what));
    if (!opened) {
        co_return no_list(telemetry::printable(opened.error().message));
    }
    const core::result<std::string> text = co_await http::read_all(**opened, longest_reply, until);
    if (!text) {
        co_return no_list(telemetry::printable(text.error().message));
    }
    co_return box_reply{(*opened)->status(), *text};
}

// Whether another try without the PROXY header may do better: this may be no machine that the box wants one of.
bool may_be_unwanted(const server_address& at, const core::result<box_reply>& reply) {
    constexpr unsigned bad_request = 400;
    return !at.preface.empty() && (!reply || reply->status == bad_request);
}

core::awaitable<core::result<box_reply>> ask_twice(server_address at, std::string key, core::deadline until) {
    core::result<box_reply> reply = co_await ask(at, key, until);
    if (may_be_unwanted(at, reply) && !until.passed(std::chrono::steady_clock::now())) {
        at.preface.clear();
        core::result<box_reply> again = co_await ask(std::move(at), std::move(key), until);
        if (again && again->status == good) {
            co_return again;
        }
    }
    co_return reply;
}

core::result<std::vector<std::string>> names_in(const json& tags) {
    if (const auto models = tags.find("models"); models == tags.end() || !models->is_array()) {
        return no_list("its answer is no list of models");
    }
    std::vector<std::string> out;
    for (const json& one : core::list_at(tags, "models")) {
        out.push_back(core::text_at(one, "name"));
    }
    return out;
}

core::result<std::vector<std::string>> tags_of_one(const boxes::box_entry& box, const tags_call& call) {
    auto at = find_server("address", url_of(box), box.ca_file.string());
    if (!at) {
        return no_list(at.error().message);
    }
    at->preface = call.announced ? own_connection : "";
    auto key = key_in(box.key_file.string());
    if (!key) {
        return key.error();
    }
    boost::asio::io_context loop;
    core::result<box_reply> reply = box_reply{};
    std::exception_ptr thrown;
    const auto until = core::deadline::after(call.limit, std::chrono::steady_clock::now());
    core::asio::co_spawn(loop, ask_twice(*std::move(at), *std::move(key), until),
                         [&](std::exception_ptr error, core::result<box_reply> answer) {
                             thrown = std::move(error);
                             reply = std::move(answer);
                         });
    loop.run();
    if (thrown) {
        return no_list("the request failed");
    }
    if (!reply) {
        return reply.error();
    }
    const core::result<json> list = list_in(reply->status, reply->text);
    return list ? names_in(*list) : list.error();
}

}  // namespace

std::vector<core::result<std::vector<std::string>>> tags_of(const std::vector<boxes::box_entry>& boxes,
                                                            const tags_call& call) {
    constexpr std::size_t most_at_once = 64;
    std::vector<core::result<std::vector<std::string>>> out(boxes.size(), std::vector<std::string>());
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < boxes.size(); i = next++) {
            // A failure of this machine, such as no descriptor left, is one of this question alone.
            try {
                out[i] = tags_of_one(boxes[i], call);
            } catch (const std::exception& problem) {
                out[i] = no_list(problem.what());
            }
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(most_at_once, boxes.size()); ++i) {
        threads.emplace_back(work);
    }
    threads.clear();  // joins them
    return out;
}

}  // namespace corral::cli
