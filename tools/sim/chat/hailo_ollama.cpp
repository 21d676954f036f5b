// Hailo's server for the Hailo-10H, as of 2026 (docs/facts/other_runtimes.md#hailo-ollama): the look of Ollama's API, one
// context for all, which goes on where a prompt begins as the last one, and no way to stop a run. 5.1.1 refuses with
// status 200.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include "chat/chat_program.hpp"
#include "chat/chat_template.hpp"
#include "chat/openai_wire.hpp"
#include "chat/personalities.hpp"
#include "process_end.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr int context_tokens = 2048;
constexpr const char* end_of_turn = "<|im_end|>";
constexpr std::chrono::seconds default_keep_alive{300};

// What the mutex of the original guards, from the template to the last word of an answer.
struct hailo_context {
    std::mutex mutex;
    std::string model;    // loaded; empty: none
    std::string kv;       // what the accelerator holds
    std::string history;  // what the server takes it for
    std::optional<clock::time_point> expires;
    int loads = 0;
};

struct hailo_parts {
    chat_program program{"hailo-ollama"};
    http_listener listener{program.faults(), program.settings(), {}};
    hailo_context context;
    fs::path models;
};

void log_hailo(const char* tag, const std::string& text) {
    std::printf(" I |2026-01-01 00:00:00 1| %s:%s\n", tag, text.c_str());
    std::fflush(stdout);
}

// <home>/hailo-ollama, else the first of `others` that has one; empty: there is none.
fs::path find_folder(const char* home_variable, const char* below_home, const char* dirs_variable,
                     const std::string& usual) {
    const auto text = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string(value == nullptr ? "" : value);
    };
    const std::string home = text(home_variable);
    std::vector<fs::path> places{home.empty() ? fs::path(text("HOME")) / below_home : fs::path(home)};
    std::string others = text(dirs_variable).empty() ? usual : text(dirs_variable);
    for (std::size_t end = 0; !others.empty(); others.erase(0, end == others.npos ? end : end + 1)) {
        end = others.find(':');
        places.emplace_back(others.substr(0, end));
    }
    for (const auto& one : places) {
        std::error_code away;
        if (fs::is_directory(one / "hailo-ollama", away)) return one / "hailo-ollama";
    }
    return {};
}

// By an exception that nobody catches.
[[noreturn]] void end_thrown(const std::string& what) {
    std::fputs(
        ("terminate called after throwing an instance of 'std::runtime_error'\n  what():  " + what + "\n")
            .c_str(),
        stderr);
    die_by_signal(SIGABRT);
}

json read_json(const fs::path& from) {
    std::ifstream file(from);
    return json::parse(file, nullptr, false);
}

// Known there by its manifest, and its file was pulled.
bool has_model(const hailo_parts& parts, const std::string& name) {
    const auto colon = name.find(':');
    if (colon == std::string::npos || name.find('/') != std::string::npos) return false;
    const auto manifest = read_json(parts.models / "manifests" / name.substr(0, colon) /
                                    name.substr(colon + 1) / "manifest.json");
    return manifest.is_object() && manifest.contains("hef_h10h") &&
           fs::is_regular_file(parts.models / "blob" / ("sha256_" + manifest["hef_h10h"].get<std::string>()));
}

json listed_models(const hailo_parts& parts) {
    json out = json::array();
    std::error_code away;
    for (const auto& one : fs::recursive_directory_iterator(parts.models / "manifests", away)) {
        if (one.path().filename() != "manifest.json") continue;
        const auto folder = one.path().parent_path();
        const auto name = folder.parent_path().filename().string() + ":" + folder.filename().string();
        if (has_model(parts, name))
            out.push_back({{"name", name},
                           {"model", name},
                           {"modified_at", "2026-01-01T00:00:00.000000000Z"},
                           {"size", 1},
                           {"details", {{"format", "hef"}}}});
    }
    return out;
}

void answer_json(http_exchange& exchange, const json& body, int status = 200) {
    exchange.answer(status, "application/json", dump_text(body));
}

void refuse_hailo(hailo_parts& parts, http_exchange& exchange, int status, const std::string& why) {
    answer_json(exchange, {{"error", why}}, parts.program.faults().active("errors_200") ? 200 : status);
}

// oatpp's own words for what a handler throws.
void answer_thrown(http_exchange& exchange, const std::string& message) {
    exchange.answer(
        500, "text/plain",
        "server=oatpp/1.4.0\ncode=500\ndescription=Internal Server Error\nmessage=" + message + "\n");
}

// Fields have one type each; a value of another is no answer at all. Unknown ones are passed over.
std::string wrong_field(const json& body) {
    const auto is_wrong = [](const json& in, const char* key, auto fits) {
        return in.contains(key) && !in[key].is_null() && !fits(in[key]);
    };
    const auto whole = [](const json& value) { return value.is_number_integer(); };
    const auto text = [](const json& value) { return value.is_string(); };
    const auto number = [](const json& value) { return value.is_number(); };
    if (is_wrong(body, "keep_alive", whole)) return "keep_alive";
    if (is_wrong(body, "format", text)) return "format";
    const auto options = body.value("options", json::object());
    if (!options.is_object()) return "options";
    for (const char* key : {"seed", "top_k", "num_predict"})
        if (is_wrong(options, key, whole)) return key;
    for (const char* key : {"temperature", "top_p", "frequency_penalty"})
        if (is_wrong(options, key, number)) return key;
    return {};
}

json final_line(const json& said, const run_figures& figures) {
    json out = said;
    out["done"] = true;
    out["done_reason"] = figures.reason == "length" ? "length" : "stop";
    out["total_duration"] = 1;
    out["eval_count"] = figures.output_tokens;
    return out;
}

json said_line(const std::string& model, bool chats, const std::string& text) {
    json out{{"model", model}, {"created_at", "2026-01-01T00:00:00.000000000Z"}, {"done", false}};
    if (chats)
        out["message"] = {{"role", "assistant"}, {"content", text}};
    else
        out["response"] = text;
    return out;
}

void forget(hailo_context& context) {
    context.model.clear();
    context.kv.clear();
    context.history.clear();
}

// REQUIRES: the mutex. False with the words of an exception.
bool load_model(hailo_parts& parts, const std::string& name, const json& keep_alive, std::string& thrown) {
    auto& context = parts.context;
    if (context.expires && clock::now() >= *context.expires) forget(context);
    std::chrono::seconds keep = default_keep_alive;
    if (keep_alive.is_number_integer()) keep = std::chrono::seconds(keep_alive.get<int>());
    context.expires = keep < 0s ? std::nullopt : std::optional(clock::now() + keep);
    if (context.model == name) return true;
    forget(context);
    log_hailo("GenerationThread", "replacing model to " + name);
    if (const auto end = parts.program.load(); end != load_end::done) {
        thrown = end == load_end::no_memory
                     ? "Failed to create VDevice, status = HAILO_OUT_OF_PHYSICAL_DEVICES(74)"
                     : "Failed to create LLM, status = HAILO_INVALID_HEF(26)";
        return false;
    }
    context.model = name;
    parts.program.note("loads", ++context.loads);
    return true;
}

// Goes on where the prompt begins as what was said so far, whoever said it.
std::string read_prompt(hailo_context& context, const std::string& prompt) {
    if (prompt.size() > context.history.size() && prompt.starts_with(context.history))
        context.kv += prompt.substr(context.history.size());
    else
        context.kv = prompt;
    context.history = prompt;
    return context.kv;
}

std::shared_ptr<chat_run> begin_run(hailo_parts& parts, const json& body, const json& messages) {
    const auto options = body.value("options", json::object());
    run_order order;
    order.prompt = read_prompt(
        parts.context, render_chatml(messages, json(), {parts.program.snapshot().tokenizer.family, true}));
    order.asked = {
        {"messages", messages}, {"sampling", options}, {"keep_alive", body.value("keep_alive", json())}};
    order.context = context_tokens;
    const auto limit = options.value("num_predict", json());
    order.max_tokens = limit.is_number() ? limit.get<int>() : -1;
    return parts.program.engine().begin(std::move(order));
}

// The run is read to its end in any case, and only a client that stayed has its answer in the history.
void follow(hailo_parts& parts, http_exchange& exchange, chat_run& run, const json& body, bool chats) {
    auto& context = parts.context;
    const bool streams = body.value("stream", true);
    const auto model = body["model"].get<std::string>();
    std::string all;
    std::string text;
    bool alive = true;
    if (streams) exchange.begin_stream(200, "application/x-ndjson");
    for (auto step = chat_run::step::nothing; step != chat_run::step::end;) {
        step = run.next(text, 20ms);
        if (step == chat_run::step::piece) {
            all += text;
            if (streams && alive) alive = exchange.write(dump_text(said_line(model, chats, text)) + "\r\n");
        }
        alive = alive && !exchange.gone();
    }
    const auto& figures = run.figures();
    const std::string end = figures.reason == "stop" ? end_of_turn : "";
    context.kv += all + end;
    if (!alive) return exchange.abandon();
    if (figures.reason == "error") {
        forget(context);
        return streams ? exchange.abandon() : answer_thrown(exchange, "read failed!");
    }
    context.history += all + end;
    if (!streams) return answer_json(exchange, final_line(said_line(model, chats, all), figures));
    exchange.write(dump_text(final_line(said_line(model, chats, ""), figures)) + "\r\n");
    exchange.end_stream();
}

void answer_generation(hailo_parts& parts, const chat_request& request, http_exchange& exchange, bool chats) {
    parts.program.count_request();
    const auto body = json::parse(request.body, nullptr, false);
    if (!body.is_object())
        return answer_thrown(exchange, "[oatpp::json::Deserializer]: Error. '{' - expected");
    if (const auto field = wrong_field(body); !field.empty())
        return answer_thrown(exchange,
                             "[oatpp::json::Deserializer]: Error. Can't deserialize '" + field + "'");
    const auto model = body.value("model", "");
    if (!has_model(parts, model))
        return refuse_hailo(parts, exchange, 404, "model '" + model + "' not found");
    json messages = body.value(chats ? "messages" : "prompt", json());
    const std::lock_guard lock(parts.context.mutex);
    const auto keep_alive = body.value("keep_alive", json());
    std::string thrown;
    if (messages.is_null() && keep_alive == 0) {
        forget(parts.context);
    } else if (!load_model(parts, model, keep_alive, thrown)) {
        return answer_thrown(exchange, thrown);
    }
    if (messages.is_null()) {
        json done = final_line(said_line(model, chats, ""), {});
        done["done_reason"] = keep_alive == 0 ? "unload" : "load";
        return answer_json(exchange, done);
    }
    if (!chats) messages = json::array({{{"role", "user"}, {"content", messages}}});
    try {
        const auto run = begin_run(parts, body, messages);
        follow(parts, exchange, *run, body, chats);
    } catch (const json::exception& problem) {
        answer_thrown(exchange, problem.what());
    }
}

// No streams here.
void answer_completions(hailo_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto body = json::parse(request.body, nullptr, false);
    if (body.is_object() && body.value("stream", json(false)) == true)
        return refuse_hailo(parts, exchange, 400,
                            "streaming not supported on this endpoint. Use /api/chat endpoint instead.");
    const auto model = body.is_object() ? body.value("model", "") : std::string();
    if (!has_model(parts, model))
        return refuse_hailo(parts, exchange, 404, "model '" + model + "' not found");
    exchange.answer(501, "", "");  // whole answers of this route are not modelled
}

void answer_loaded(hailo_parts& parts, http_exchange& exchange) {
    const std::lock_guard lock(parts.context.mutex);  // so it waits for the answer that is made
    json models = json::array();
    for (const auto& one : listed_models(parts))
        if (one["name"] == parts.context.model) models.push_back(one);
    answer_json(exchange, {{"models", models}});
}

void route_hailo(hailo_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto& path = request.path;
    if (request.method == "GET") {
        if (path == "/") return exchange.answer(200, "", "hailo-ollama is running");
        if (path == "/api/version") return answer_json(exchange, {{"version", "0.5.1"}});
        if (path == "/api/tags") return answer_json(exchange, {{"models", listed_models(parts)}});
        if (path == "/api/ps") return answer_loaded(parts, exchange);
    } else if (request.method == "POST") {
        if (path == "/api/chat" || path == "/api/generate")
            return answer_generation(parts, request, exchange, path == "/api/chat");
        if (path == "/v1/chat/completions") return answer_completions(parts, request, exchange);
    }
    exchange.answer(404, "text/plain", "server=oatpp/1.4.0\ncode=404\ndescription=Not Found\n");
}

// Waits for answers that are being sent.
void end_hailo(hailo_parts& parts) {
    log_hailo("MyApp", "Stop signal received, please wait for server shutdown");
    parts.listener.close_listener();
    while (parts.listener.connections() > 0) std::this_thread::sleep_for(10ms);
    chat_program::leave_clean(0);
}

}  // namespace

int run_hailo_ollama(const std::vector<std::string>&) {
    auto& parts = *new hailo_parts;
    parts.program.engine().set_places(1);
    // 5.1.1 ends without one; later releases have the values that Debian's package brings.
    const auto config = read_json(find_folder("XDG_CONFIG_HOME", ".config", "XDG_CONFIG_DIRS", "/etc/xdg") /
                                  "hailo-ollama.json");
    const auto data =
        find_folder("XDG_DATA_HOME", ".local/share", "XDG_DATA_DIRS", "/usr/local/share/:/usr/share/");
    if (data.empty()) end_thrown("hailo-ollama directory not found");
    parts.models = data / "models";
    const auto server = config.is_object() ? config.value("server", json::object()) : json::object();
    if (!parts.program.listen(parts.listener, server.value("host", "0.0.0.0"), server.value("port", 8000)))
        end_thrown("Failed to bind socket");
    log_hailo("MyApp", "Server running on port " + std::to_string(parts.listener.port()));
    chat_program::watch_signals({SIGINT, SIGTERM}, [&parts](int, int) { end_hailo(parts); });
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_hailo(parts, request, exchange);
    };
    parts.listener.serve(handler);
    while (true) std::this_thread::sleep_for(1h);  // the thread of the signal ends the program
}

}  // namespace corral::sim
