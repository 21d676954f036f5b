#include "cli/bench/bench_run.hpp"

#include <algorithm>
#include <sstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/remote_server.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::json;

constexpr core::seconds question_limit{10};
constexpr std::size_t longest_reply = 4 * 1024 * 1024;

struct reply {
    unsigned status = 0;
    std::string corral;  // the header
    json body;           // an object, maybe an empty one
    bool https = false;  // what it says of a request without it
};

core::awaitable<core::result<reply>> ask(const bench::trial_target& target, std::string method,
                                         std::string path, std::string body) {
    http::stream_call what;
    what.to = target.at;
    what.host = target.host;
    what.tls = target.tls;
    what.method = std::move(method);
    what.target = std::move(path);
    what.body = std::move(body);
    what.until = core::deadline::after(question_limit, std::chrono::steady_clock::now());
    if (!target.key.empty()) {
        what.headers.add("Authorization", "Bearer " + target.key);
    }
    const core::deadline until = what.until;
    auto opened = co_await http::reply_stream::open(std::move(what));
    if (!opened) {
        co_return opened.error();
    }
    const core::result<std::string> text = co_await http::read_all(**opened, longest_reply, until);
    if (!text) {
        co_return text.error();
    }
    reply out;
    out.status = (*opened)->status();
    out.corral = telemetry::printable((*opened)->headers().find("Corral-Version"), 40);
    out.https = http::wants_https(out.status, *text);
    out.body = core::parse_json(*text);
    if (!out.body.is_object()) {
        out.body = json::object();
    }
    co_return out;
}

std::string shown(const std::string& text) {
    return telemetry::printable(text, 200);
}

std::vector<std::string> names_in(const json& list) {
    constexpr std::size_t most = 1000;
    std::vector<std::string> out;
    for (const json& one : core::list_at(list, "models")) {
        std::string name = core::text_at(one, "name");
        if (!name.empty() && out.size() < most) {
            out.push_back(std::move(name));
        }
    }
    return out;
}

bool is_model(const std::string& name, const std::string& model) {
    return name == model || name == model + ":latest";
}

core::failure no_key(const bench_side& side, unsigned status) {
    return core::make_failure(core::errc::refused,
                              side.target.key.empty()
                                  ? core::say("command.key-wanted/answers", side.record.url, status)
                                  : core::say("command.not-ollama/other-key", side.record.url, status));
}

core::failure no_model(const bench_side& side, const std::vector<std::string>& there) {
    constexpr std::size_t most = 8;
    // ":latest" is seldom typed.
    std::vector<std::string> typed = there;
    for (const std::string& name : there) {
        typed.push_back(name.substr(0, name.find(":latest")));
    }
    const std::string meant = catalog::nearest(side.target.model, typed);
    std::string all;
    for (std::size_t i = 0; i < std::min(most, there.size()); ++i) {
        all += (all.empty() ? "" : ", ") + shown(there[i]);
    }
    if (there.size() > most) {
        all += " and " + std::to_string(there.size() - most) + " more";
    }
    return core::make_failure(
        core::errc::not_found,
        core::say("command.no-model-there/there", shown(side.target.model), side.record.url,
                  (meant.empty() ? "." : "; did you mean '" + shown(meant) + "'?"),
                  (all.empty() ? " It lists none." : " It has " + all + ".")));
}

void take_sampling(bench::run_record& to, const json& shown_model) {
    std::istringstream lines(core::text_at(shown_model, "parameters"));
    std::string line;
    while (std::getline(lines, line) && to.sampling.size() < 100) {
        std::istringstream words(line);
        std::string name;
        double value = 0;
        if (words >> name >> value) {
            to.sampling.emplace_back(name, value);
        }
    }
}

void take_facts(bench::server_facts& to, const json& shown_model) {
    for (const json& one : core::list_at(shown_model, "capabilities")) {
        if (one.is_string()) {
            to.capabilities.push_back(one.get<std::string>());
        }
    }
    const json* const details = core::member(shown_model, "details");
    if (details != nullptr && details->is_object()) {
        to.profile = shown(core::text_at(*details, "format"));
        to.family = shown(core::text_at(*details, "family"));
        to.parameters = shown(core::text_at(*details, "parameter_size"));
        to.quantization = shown(core::text_at(*details, "quantization_level"));
    }
}

// The first that is loaded, else the first that there is.
core::awaitable<std::string> first_model(const bench_side& side, const std::vector<std::string>& there) {
    const core::result<reply> loaded = co_await ask(side.target, "GET", "/api/ps", "");
    const std::vector<std::string> names = loaded ? names_in(loaded->body) : std::vector<std::string>{};
    if (!names.empty()) {
        co_return names.front();
    }
    co_return there.empty() ? std::string() : there.front();
}

core::awaitable<core::result<void>> learn(bench_side& side) {
    const core::result<reply> version = co_await ask(side.target, "GET", "/api/version", "");
    if (!version) {
        co_return with_ca_file(version.error());
    }
    if (version->https) {
        co_return core::make_failure(core::errc::invalid,
                                     core::say("command.address/https", side.record.url));
    }
    if (version->status == 401 || version->status == 403) {
        co_return no_key(side, version->status);
    }
    if (version->status != 200 || version->body.empty()) {
        co_return core::make_failure(
            core::errc::protocol, core::say("command.not-ollama/get-api", side.record.url, version->status));
    }
    side.record.server = shown(core::text_at(version->body, "version"));
    side.record.facts.corral = version->corral;
    const core::result<reply> listed = co_await ask(side.target, "GET", "/api/tags", "");
    const std::vector<std::string> there = listed ? names_in(listed->body) : std::vector<std::string>{};
    if (side.target.model.empty()) {
        side.target.model = co_await first_model(side, there);
        side.record.model = side.target.model;
    }
    if (side.target.model.empty()) {
        co_return core::make_failure(core::errc::not_found,
                                     core::say("command.not-ollama/lists-model", side.record.url));
    }
    std::string question =
        json{{"model", side.target.model}}.dump(-1, ' ', false, json::error_handler_t::replace);
    const core::result<reply> model = co_await ask(side.target, "POST", "/api/show", std::move(question));
    if (!model) {
        co_return core::result<void>{};  // a server that doesn't know the question
    }
    if (model->status == 401 || model->status == 403) {
        co_return no_key(side, model->status);
    }
    const bool is_listed =
        std::ranges::any_of(there, [&](const auto& name) { return is_model(name, side.target.model); });
    if (model->status != 200 && !is_listed && (model->body.contains("error") || !there.empty())) {
        co_return no_model(side, there);
    }
    take_sampling(side.record, model->body);
    take_facts(side.record.facts, model->body);
    for (const json& one : listed ? core::list_at(listed->body, "models") : json::array()) {
        if (is_model(core::text_at(one, "name"), side.target.model)) {
            side.record.facts.digest = shown(core::text_at(one, "digest"));
        }
    }
    co_return core::result<void>{};
}

core::awaitable<core::result<void>> learn_models(bench_side& side, std::string like) {
    const core::result<reply> listed = co_await ask(side.target, "GET", "/v1/models", "");
    if (!listed) {
        co_return listed.error();
    }
    if (listed->status == 401 || listed->status == 403) {
        co_return no_key(side, listed->status);
    }
    std::vector<std::string> names;
    for (const json& one : core::list_at(listed->body, "data")) {
        names.push_back(core::text_at(one, "id"));
    }
    if (side.target.model.empty() && (listed->status != 200 || names.empty())) {
        co_return core::make_failure(
            core::errc::protocol, core::say("command.bench-beside/no-list", side.record.url, listed->status));
    }
    if (side.target.model.empty() && names.size() > 1 && std::ranges::find(names, like) == names.end()) {
        std::string all;
        for (std::size_t i = 0; i < std::min<std::size_t>(8, names.size()); ++i) {
            all += (all.empty() ? "" : ", ") + shown(names[i]);
        }
        co_return core::make_failure(core::errc::not_found,
                                     core::say("command.bench-beside/which-model", side.record.url, all));
    }
    if (side.target.model.empty()) {
        side.target.model = names.size() == 1 ? names.front() : like;
    }
    side.record.model = side.target.model;
    side.record.server = "a server of OpenAI's kind";
    co_return core::result<void>{};
}

core::result<void> run_alone(core::awaitable<core::result<void>> question) {
    boost::asio::io_context loop{1};
    core::result<void> out;
    std::exception_ptr thrown;
    core::asio::co_spawn(loop, std::move(question),
                         [&](std::exception_ptr error, core::result<void> learned) {
                             thrown = std::move(error);
                             out = std::move(learned);
                         });
    loop.run();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    return out;
}

}  // namespace

core::result<void> learn_server(bench_side& side) {
    return run_alone(learn(side));
}

core::result<void> learn_openai(bench_side& side, const std::string& like) {
    return run_alone(learn_models(side, like));
}

core::awaitable<std::optional<double>> loaded_mb(const bench_side& side) {
    const core::result<reply> loaded = co_await ask(side.target, "GET", "/api/ps", "");
    if (!loaded) {
        co_return std::nullopt;
    }
    for (const json& one : core::list_at(loaded->body, "models")) {
        if (!is_model(core::text_at(one, "name"), side.target.model)) {
            continue;
        }
        for (const char* const key : {"size_vram", "size"}) {
            const double size = core::number_at<double>(one, key).value_or(0);
            if (size > 0) {
                co_return size / (1024.0 * 1024.0);
            }
        }
    }
    co_return std::nullopt;
}

}  // namespace corral::cli
