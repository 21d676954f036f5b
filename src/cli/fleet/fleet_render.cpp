// corral fleet render: HAProxy's configuration for a list of boxes.

#include "cli/fleet/fleet_command.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <thread>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/remote_server.hpp"
#include "corral/config/key_file.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

struct render_options {
    bool ask = false;
    bool watch = false;
    unsigned interval = 2;  // seconds
    watch_options watched;
};

// Asks boxes without a list for theirs; false, with an error printed, where one does not give it.
bool ask_models(boxes::boxes_file& list) {
    std::vector<std::size_t> without;
    std::vector<boxes::box_entry> asked;
    for (std::size_t i = 0; i < list.boxes.size(); ++i) {
        if (!list.boxes[i].models) {
            without.push_back(i);
            asked.push_back(list.boxes[i]);
        }
    }
    bool all = true;
    const auto lists = tags_of(asked, {.announced = list.edge.proxy_protocol});
    for (std::size_t i = 0; i < lists.size(); ++i) {
        boxes::box_entry& box = list.boxes[without[i]];
        if (lists[i]) {
            box.models = boxes::routed_names(*lists[i]);
            if (box.models->size() > most_models_of_a_box) {
                box.models->resize(most_models_of_a_box);
                std::cerr << "warning: "
                          << core::say("fleet.not-reloaded/too-many", "'" + box.name + "'",
                                       most_models_of_a_box)
                          << '\n';
            }
        } else {
            std::cerr << "error: box '" << box.name << "': " << lists[i].error().message << '\n';
            all = false;
        }
    }
    return all;
}

int render(const render_options& asked) {
    auto of = boxes_of(asked.watched.list);
    if (!of) {
        return bad_configuration;
    }
    const auto keys = edge_keys_of(of->edge, [](const std::string& text) { std::cerr << text << '\n'; });
    if (!keys) {
        return bad_configuration;
    }
    if (asked.ask && !ask_models(*of)) {
        return failed;
    }
    const auto text = boxes::render_haproxy(*of, *keys);
    if (!text) {
        return fail(text.error().message);
    }
    std::cout << *text;
    return succeeded;
}

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

std::optional<std::vector<boxes::edge_key>> edge_keys_of(
    const boxes::edge_settings& edge, const std::function<void(const std::string& complaint)>& tell) {
    std::vector<boxes::edge_key> out;
    if (edge.keys.empty()) {
        return out;
    }
    const config::key_file_reading read = config::read_key_file(edge.keys);
    for (const std::string& text : read.warnings) {
        tell("warning: " + text);
    }
    for (const catalog::diagnostic& wrong : read.errors) {
        tell("error: " + (wrong.line == 0 ? wrong.message : catalog::to_text(wrong)));
    }
    if (!read.value) {
        return std::nullopt;
    }
    for (const config::key_entry& key : read.value->all()) {
        if (key.scopes.inference) {
            out.push_back({key.name, core::hex_text(key.digest.data(), key.digest.size())});
        }
    }
    return out;
}

void add_fleet_render(CLI::App& fleet, command_context& context) {
    constexpr unsigned most_seconds = 3'600;
    const auto asked = std::make_shared<render_options>();
    CLI::App* one = fleet.add_subcommand(
        "render", "Print an HAProxy configuration for a list of boxes: corral fleet render boxes.toml");
    one->add_option("file", asked->watched.list, "List of boxes (TOML)")->type_name("FILE")->required();
    CLI::Option* ask = one->add_flag("--ask", asked->ask, "Ask boxes without 'models' what they serve");
    CLI::Option* watch =
        one->add_flag("--watch", asked->watch,
                      "Keep the file of --write in step with the list and its boxes, until a signal");
    watch->excludes(ask);
    CLI::Option* target = one->add_option("--write", asked->watched.target,
                                          "With --watch: file to write, validated with 'haproxy -c'")
                              ->type_name("FILE")
                              ->needs(watch);
    watch->needs(target);
    one->add_option("--interval", asked->interval, "With --watch: seconds between checks; default: 2")
        ->check(CLI::Range(1U, most_seconds).description(""))
        ->type_name("SECONDS")
        ->needs(watch);
    CLI::Option* command =
        one->add_option("command", asked->watched.command,
                        "With --watch: command that makes HAProxy reload: -- systemctl reload haproxy")
            ->type_name("COMMAND")
            ->needs(watch);
    watch->needs(command);
    one->parse_complete_callback([asked, &context] {
        asked->watched.interval = core::seconds(asked->interval);
        context.run = [asked] { return asked->watch ? watch_fleet(asked->watched) : render(*asked); };
    });
}

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
