#include "cli/fleet_tags.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "cli/fleet_calls.hpp"
#include "cli/server_address.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest_reply = 4UL * 1024 * 1024;
constexpr std::size_t deepest = 16;
constexpr unsigned good = 200;

core::failure not_told(const std::string& why) {
    return core::make_failure(core::errc::unavailable,
                              "it does not tell its models: " + why +
                                  "; see that it runs, or give it 'models' in the list of boxes");
}

core::result<json> list_in(unsigned status, const std::string& text) {
    if (status != good) {
        return not_told("its answer has status " + std::to_string(status) +
                        (status == 401 ? ", for its 'key_file' has no key that it knows" : ""));
    }
    auto body = core::parse_json<json>(text, {deepest, longest_reply});
    if (!body.is_object()) {
        return not_told("its answer is no list of models");
    }
    return body;
}

struct told_list {
    unsigned status = 0;
    std::string text;
};

core::awaitable<core::result<told_list>> ask(const server_address& at, const std::string& key,
                                             const std::string& target, core::deadline until) {
    http::stream_call what;
    what.to = at.at;
    what.host = at.host;
    what.tls = at.tls;
    what.preface = at.preface;
    what.method = "GET";
    what.target = target;
    what.until = until;
    if (!key.empty()) {
        what.headers.add("Authorization", "Bearer " + key);
    }
    auto opened = co_await http::reply_stream::open(std::move(what));
    if (!opened) {
        co_return not_told(telemetry::printable(opened.error().message));
    }
    const core::result<std::string> text = co_await http::read_all(**opened, longest_reply, until);
    if (!text) {
        co_return not_told(telemetry::printable(text.error().message));
    }
    co_return told_list{(*opened)->status(), *text};
}

// Whether another try without the PROXY header may do better: this may be no machine that the box wants one of.
bool may_be_unwanted(const server_address& at, const core::result<told_list>& told) {
    constexpr unsigned bad_request = 400;
    return !at.preface.empty() && (!told || told->status == bad_request);
}

core::awaitable<core::result<box_lists>> ask_all(server_address at, std::string key, const list_call& what) {
    box_lists out;
    out.ip = at.at.address().to_string();
    const auto until = core::deadline::after(what.limit, std::chrono::steady_clock::now());
    for (const std::string& target : what.targets) {
        core::result<told_list> told = co_await ask(at, key, target, until);
        if (may_be_unwanted(at, told) && !until.passed(std::chrono::steady_clock::now())) {
            server_address plain = at;
            plain.preface.clear();
            core::result<told_list> again = co_await ask(plain, key, target, until);
            if (again && again->status == good) {
                told = std::move(again);
                at = std::move(plain);
            }
        }
        if (!told) {
            co_return told.error();
        }
        core::result<json> list = list_in(told->status, told->text);
        if (!list) {
            co_return list.error();
        }
        out.all.push_back(*std::move(list));
    }
    co_return out;
}

}  // namespace

core::result<box_lists> lists_of(const boxes::box_entry& box, const list_call& what) {
    auto at = find_server("address", url_of(box), box.ca_file.string());
    if (!at) {
        return not_told(at.error().message);
    }
    at->preface = what.announced ? own_connection : "";
    auto key = key_in(box.key_file.string());
    if (!key) {
        return key.error();
    }
    boost::asio::io_context loop;
    core::result<box_lists> out = box_lists{};
    std::exception_ptr thrown;
    core::asio::co_spawn(loop, ask_all(*std::move(at), *std::move(key), what),
                         [&](std::exception_ptr error, core::result<box_lists> told) {
                             thrown = std::move(error);
                             out = std::move(told);
                         });
    loop.run();
    if (thrown) {
        return not_told("the request failed");
    }
    return out;
}

std::vector<core::result<box_lists>> lists_of(const std::vector<boxes::box_entry>& boxes,
                                              const list_call& what) {
    std::vector<core::result<box_lists>> out(boxes.size(), box_lists{});
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < boxes.size(); i = next++) {
            out[i] = lists_of(boxes[i], what);
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(what.at_once, boxes.size()); ++i) {
        threads.emplace_back(work);
    }
    threads.clear();  // joins them
    return out;
}

core::result<std::vector<std::string>> names_in(const json& tags) {
    if (const auto models = tags.find("models"); models == tags.end() || !models->is_array()) {
        return not_told("its answer is no list of models");
    }
    std::vector<std::string> out;
    for (const json& one : core::list_at(tags, "models")) {
        out.push_back(core::text_at(one, "name"));
    }
    return out;
}

std::vector<core::result<std::vector<std::string>>> tags_of(const std::vector<boxes::box_entry>& boxes,
                                                            bool announced) {
    std::vector<core::result<std::vector<std::string>>> out;
    for (const auto& told : lists_of(boxes, {.targets = {"/api/tags"}, .announced = announced})) {
        out.push_back(told ? names_in(told->all.front()) : told.error());
    }
    return out;
}

}  // namespace corral::cli
