// rkllama (docs/facts/other_runtimes.md#rkllama): the look of Ollama's API over Rockchip's library. What a run says goes
// through one pipe, from which whoever asks next reads; what it computed is kept by the first two messages of whomever.

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "chat/chat_program.hpp"
#include "chat/chat_template.hpp"
#include "chat/command_flags.hpp"
#include "chat/openai_wire.hpp"
#include "chat/personalities.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr int usual_limit = 1024;
constexpr int usual_context = 4096;
constexpr const char* failed_token = "<RKLLM_TASK_ERROR>";

struct from_worker {
    std::string text;
    std::optional<run_figures> end;
};

// Of one model's worker; pieces of a run that nobody reads stay in it.
class worker_pipe {
public:
    void push(from_worker one) {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(one));
        wake_.notify_all();
    }
    std::optional<from_worker> pop(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        if (!wake_.wait_for(lock, patience, [this] { return !waiting_.empty(); })) return std::nullopt;
        from_worker out = std::move(waiting_.front());
        waiting_.pop_front();
        return out;
    }

private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<from_worker> waiting_;
};

struct rkllama_parts {
    chat_program program{"rkllama"};
    http_listener listener{program.faults(), program.settings(), {}};
    worker_pipe pipe;
    fs::path models;
    std::mutex mutex;  // of all below
    std::string loaded;
    int loads = 0;
    std::map<std::string, std::string> caches;  // by the name of the file: what the library then holds
};

void answer_json(http_exchange& exchange, int status, const json& body) {
    exchange.answer(status, "application/json", dump_text(body));
}

bool has_model(const rkllama_parts& parts, const std::string& name) {
    std::error_code away;
    for (const auto& one : fs::directory_iterator(parts.models / name, away))
        if (one.path().extension() == ".rkllm") return !name.empty();
    return false;
}

// Named by its first two messages and by how many there are.
std::string cache_name(const json& messages, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < messages.size() && i < 2; ++i)
        out += messages[i].value("role", "") + ":" + content_text(messages[i].value("content", json())) + "|";
    return out + std::to_string(count);
}

// False with the status and words of a refusal.
bool load_model(rkllama_parts& parts, const std::string& name, http_exchange& exchange) {
    const std::lock_guard lock(parts.mutex);
    if (!has_model(parts, name)) {
        answer_json(exchange, 404, {{"error", "Model '" + name + "' not found"}});
        return false;
    }
    if (parts.loaded == name) return true;
    if (parts.program.load() != load_end::done) {
        answer_json(exchange, 500,
                    {{"error", "Failed to load model '" + name + "': Unexpected Error loading the model"}});
        return false;
    }
    parts.loaded = name;
    parts.program.note("loads", ++parts.loads);
    return true;
}

void begin_run(rkllama_parts& parts, const json& body, const json& messages) {
    run_order order;
    order.prompt =
        render_chatml(messages, json(),
                      {parts.program.snapshot().tokenizer.family, body.value("think", json(false)) == true});
    {
        const std::lock_guard lock(parts.mutex);
        const auto held = parts.caches.find(cache_name(messages, messages.size()));
        if (held != parts.caches.end()) {
            order.prompt = held->second + order.prompt;  // that it compares the rest is not known
            parts.caches.erase(held);
        }
        // Behind the answer and the next question.
        parts.caches[cache_name(messages, messages.size() + 2)] = order.prompt;
    }
    order.asked = {{"messages", messages}, {"sampling", body.value("options", json::object())}};
    order.max_tokens = usual_limit;  // options count where they load the model, and Corral sends none
    order.context = usual_context;
    order.marks_thought = body.value("think", json(false)) == true;
    const auto run = parts.program.engine().begin(std::move(order));
    std::thread([&parts, run] {
        std::string text;
        for (auto step = chat_run::step::nothing; step != chat_run::step::end;) {
            step = run->next(text, 20ms);
            if (step == chat_run::step::piece) parts.pipe.push({text, std::nullopt});
        }
        if (run->figures().reason == "error") {
            if (parts.program.faults().active("worker_raises")) {
                std::puts(
                    "rkllama.worker - ERROR - Failed executing task the worker for model 'sim': Broken pipe");
                std::fflush(stdout);
                return parts.pipe.push({failed_token, std::nullopt});  // and nothing behind it
            }
            std::puts("Execution Error");  // of the library's callback; the worker takes no notice
            std::fflush(stdout);
        }
        parts.pipe.push({"", run->figures()});
    }).detach();
}

json chat_line(const std::string& model, const std::string& text, bool done) {
    return {{"model", model},
            {"created_at", "2026-01-01T00:00:00.000000Z"},
            {"message", {{"role", "assistant"}, {"content", text}}},
            {"done", done}};
}

json last_line(const std::string& model, const std::string& text, const run_figures& figures) {
    double decode = 0;
    for (const double one : figures.decode_ms) decode += one;
    json out = chat_line(model, text, true);
    out["done_reason"] = "stop";
    out["total_duration"] = static_cast<long>((figures.prefill_ms + decode) * 1e6);
    out["load_duration"] = 100'000'000;
    out["prompt_eval_count"] = figures.prompt_tokens;
    out["prompt_eval_duration"] = figures.prefill_ms;  // milliseconds, both
    out["eval_count"] = figures.output_tokens;
    out["eval_duration"] = decode;
    return out;
}

void answer_chat(rkllama_parts& parts, const chat_request& request, http_exchange& exchange) {
    parts.program.count_request();
    const auto body = json::parse(request.body, nullptr, false);
    const auto model = body.is_object() ? body.value("model", "") : std::string();
    if (model.empty() || !body.contains("messages"))
        return answer_json(exchange, 400, {{"error", "Missing model name"}});
    if (!load_model(parts, model, exchange)) return;
    try {
        begin_run(parts, body, body.at("messages"));
    } catch (const json::exception& problem) {
        return answer_json(exchange, 500, {{"error", problem.what()}});
    }
    const bool streams = body.value("stream", json(true)) == true;
    std::string all;
    if (streams) exchange.begin_stream(200, "application/x-ndjson");
    while (true) {
        const auto got = parts.pipe.pop(20ms);
        if (exchange.gone())
            return exchange.abandon();  // the worker goes on, and its pipe is read by the next
        if (!got) continue;
        if (got->end && !streams) return answer_json(exchange, 200, last_line(model, all, *got->end));
        if (got->end) {
            exchange.write(dump_text(last_line(model, "", *got->end)) + "\n");
            return exchange.end_stream();
        }
        all += got->text;
        if (streams && !exchange.write(dump_text(chat_line(model, got->text, false)) + "\n"))
            return exchange.abandon();
    }
}

void route_rkllama(rkllama_parts& parts, const chat_request& request, http_exchange& exchange) {
    const auto& path = request.path;
    if (request.method == "POST" && path == "/api/chat") return answer_chat(parts, request, exchange);
    if (request.method == "GET" && path == "/")
        return answer_json(exchange, 200, {{"message", "Welcome to RKLLama with Ollama API compatibility!"}});
    if (request.method == "GET" && path == "/api/version")
        return answer_json(exchange, 200, {{"version", "0.0.74"}});
    answer_json(exchange, 404, {{"error", "Not Found"}});
}

}  // namespace

int run_rkllama(const std::vector<std::string>& args) {
    const command_flags flags(args, {"--processor", "--port", "--models"}, {"--debug"});
    const auto processor = flags.text("--processor", "rk3588");
    if (!flags.wrong().empty()) return 2;
    if (processor != "rk3588" && processor != "rk3576") {
        std::puts("Error: Invalid processor. Please enter rk3588 or rk3576.");
        return 1;
    }
    auto& parts = *new rkllama_parts;
    parts.program.engine().set_places(1);
    parts.models = flags.text("--models", "models");
    if (!parts.program.listen(parts.listener, "0.0.0.0", flags.number("--port", 8080))) {
        std::puts("Address already in use");
        return 1;
    }
    std::printf("Start the API at http://localhost:%d\n * Running on http://127.0.0.1:%d\n",
                parts.listener.port(), parts.listener.port());
    std::fflush(stdout);
    chat_program::watch_signals({SIGINT, SIGTERM}, [](int, int) { chat_program::leave_clean(0); });
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_rkllama(parts, request, exchange);
    };
    parts.listener.serve(handler);
    while (true) std::this_thread::sleep_for(1h);  // the thread of the signal ends the program
}

}  // namespace corral::sim
