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

#include "cli/server_address.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using names = std::vector<std::string>;

constexpr core::seconds answer_limit{12};
constexpr std::size_t longest_reply = 4UL * 1024 * 1024;
constexpr std::size_t deepest = 16;
constexpr unsigned good = 200;

core::failure not_told(const std::string& why) {
    return core::make_failure(core::errc::unavailable,
                              "it does not tell its models: " + why +
                                  "; see that it runs, or give it 'models' in the list of boxes");
}

core::result<names> names_in(unsigned status, const std::string& text) {
    if (status != good) {
        return not_told("its answer has status " + std::to_string(status) +
                        (status == 401 ? ", for its 'key_file' has no key that it knows" : ""));
    }
    const auto body = core::parse_json<nlohmann::json>(text, {deepest, longest_reply});
    const auto models = body.find("models");
    if (models == body.end() || !models->is_array()) {
        return not_told("its answer is no list of models");
    }
    names out;
    for (const auto& one : *models) {
        out.push_back(core::text_at(one, "name"));
    }
    return out;
}

core::awaitable<core::result<names>> ask(server_address at, std::string key) {
    http::stream_call what;
    what.to = at.at;
    what.host = std::move(at.host);
    what.tls = std::move(at.tls);
    what.method = "GET";
    what.target = "/api/tags";
    what.until = core::deadline::after(answer_limit, std::chrono::steady_clock::now());
    if (!key.empty()) {
        what.headers.add("Authorization", "Bearer " + key);
    }
    const core::deadline until = what.until;
    auto opened = co_await http::reply_stream::open(std::move(what));
    if (!opened) {
        co_return not_told(telemetry::printable(opened.error().message));
    }
    const core::result<std::string> text = co_await http::read_all(**opened, longest_reply, until);
    if (!text) {
        co_return not_told(telemetry::printable(text.error().message));
    }
    co_return names_in((*opened)->status(), *text);
}

core::result<names> ask_one(const boxes::box_entry& box) {
    const std::string url = std::string(box.address.tls ? "https://" : "http://") + box.address.host_text() +
                            ":" + std::to_string(*box.address.port);
    auto at = find_server("address", url, box.ca_file.string());
    if (!at) {
        return not_told(at.error().message);
    }
    auto key = key_in(box.key_file.string());
    if (!key) {
        return key.error();
    }
    boost::asio::io_context loop;
    core::result<names> out = names{};
    std::exception_ptr thrown;
    core::asio::co_spawn(loop, ask(*std::move(at), *std::move(key)),
                         [&](std::exception_ptr error, core::result<names> told) {
                             thrown = std::move(error);
                             out = std::move(told);
                         });
    loop.run();
    if (thrown) {
        return not_told("the request failed");
    }
    return out;
}

}  // namespace

std::vector<core::result<names>> tags_of(const std::vector<boxes::box_entry>& boxes) {
    constexpr std::size_t most_at_once = 16;
    std::vector<core::result<names>> out(boxes.size(), names{});
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < boxes.size(); i = next++) {
            out[i] = ask_one(boxes[i]);
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
