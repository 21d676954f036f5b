// Rockchip's flask_server.py of 1.2.1 to 1.2.3 (docs/facts/other_runtimes.md#rkllm-flask): one queue of text
// for all requests, a busy flag that streams clear too early, no way to cancel.

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "chat/chat_template.hpp"
#include "chat/openai_wire.hpp"
#include "chat/personalities.hpp"
#include "chat/rkllm_start.hpp"
#include "process_end.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr int context_tokens = 4096;
constexpr int newest_tokens = 4096;
constexpr const char* busy_text = "RKLLM_Server is busy! Maybe you can try again later.";

// The globals of the script.
struct flask_globals {
    std::mutex mutex;
    std::deque<std::string> texts;
    std::atomic<bool> blocking{false};
    std::vector<json> seen;  // with `tools`: messages that earlier requests brought
};

struct flask_parts {
    chat_program program{"rkllm-flask"};
    http_listener listener{
        program.faults(), program.settings(), {.look = rkllm_look(program.snapshot().chat.http10)}};
    flask_globals globals;
};

std::string html_error(int status) {
    const std::string title = std::to_string(status) + " " + reason_phrase(status);
    return "<!doctype html>\n<html lang=en>\n<title>" + title + "</title>\n<h1>" + reason_phrase(status) +
           "</h1>\n<p>The server was unable to handle the request.</p>\n";
}

void answer_html(http_exchange& exchange, int status) {
    exchange.answer(status, "text/html; charset=utf-8", html_error(status));
}

void answer_status(http_exchange& exchange, int status, const char* message) {
    exchange.answer(status, "application/json",
                    std::string(R"({"status":"error","message":")") + message + "\"}\n");
}

json choice(int index, const char* key, const std::string& text, json finish) {
    return {{"index", index},
            {key, {{"role", "assistant"}, {"content", text}}},
            {"logprobs", nullptr},
            {"finish_reason", std::move(finish)}};
}

// `choices`: the elements as text, for a stream sends all of them again with each piece.
std::string document(const std::string& choices) {
    return R"({"id":"rkllm_chat","object":"rkllm_chat","created":null,"choices":[)" + choices +
           R"(],"usage":{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null}})";
}

// 503 holds from the first token of a stream to the end of its run, and for the whole of any other run.
bool is_busy(flask_parts& parts) {
    return parts.globals.blocking || parts.program.engine().speaking() || parts.program.faults().fire("busy");
}

struct flask_input {
    std::optional<std::string> text;  // what the model is asked; nothing: no run
    bool unbound = false;             // the script's name error
};

// Only element 0, and only of a user; with tools, what no request brought before.
flask_input input_of(flask_parts& parts, const json& body, const json& messages) {
    if (!body.contains("tools") || body["tools"].is_null()) {
        if (messages.empty() || messages[0].value("role", "") != "user") return {std::nullopt, true};
        return {content_text(messages[0].value("content", json())), false};
    }
    auto& seen = parts.globals.seen;
    std::string tools;
    std::optional<std::string> input;
    for (std::size_t at = seen.size(); at < messages.size(); ++at) {
        const auto text = content_text(messages[at].value("content", json()));
        const auto role = messages[at].value("role", "");
        if (role == "tool") tools += (tools.empty() ? "" : ",") + text;
        if (role == "user") input = text;
    }
    if (!tools.empty()) input = "[" + tools + "]";
    seen.assign(messages.begin(), messages.end());
    return {input, !input.has_value()};
}

std::shared_ptr<chat_run> begin_run(flask_parts& parts, const json& body, const std::string& text) {
    run_order order;
    const bool has_thinking = body.contains("enable_thinking") && body["enable_thinking"] == true;
    order.prompt =
        render_chatml(json::array({{{"role", "user"}, {"content", text}}}), body.value("tools", json()),
                      {parts.program.snapshot().tokenizer.family, has_thinking});
    order.asked = {
        {"messages", body["messages"]},
        {"sampling", {{"top_k", 1}, {"top_p", 0.9}, {"temperature", 0.8}, {"repeat_penalty", 1.1}}}};
    order.context = context_tokens;
    order.max_tokens = newest_tokens;
    order.shifts = true;
    order.by_character = true;
    {
        const std::lock_guard lock(parts.globals.mutex);
        parts.globals.texts.clear();
    }
    return parts.program.engine().begin(std::move(order));
}

// A piece of whichever run put it there.
bool take_text(flask_globals& globals, std::string& text) {
    const std::lock_guard lock(globals.mutex);
    if (globals.texts.empty()) return false;
    text = std::move(globals.texts.front());
    globals.texts.pop_front();
    return true;
}

bool run_ended(chat_run& run, std::chrono::milliseconds patience) {
    std::string own;
    auto step = run.next(own, patience);
    while (step == chat_run::step::piece) step = run.next(own, 0ms);  // the shared queue has it too
    return step == chat_run::step::end;
}

// Each event repeats all before it; the end of the body is the only end.
void stream_run(flask_parts& parts, http_exchange& exchange, chat_run& run) {
    exchange.begin_stream(200, "text/plain; charset=utf-8");
    std::string choices;
    int count = 0;
    std::string text;
    for (bool ended = false; !ended;) {
        ended = run_ended(run, 5ms);
        while (take_text(parts.globals, text)) {
            if (count > 0) choices += ",";
            choices += dump_text(choice(count++, "delta", text, nullptr));
            if (!exchange.write(document(choices) + "\n\n")) return exchange.abandon();
        }
        if (exchange.gone()) return exchange.abandon();  // the run goes on
    }
    say_end_of_run(parts.program, run.figures());
    exchange.end_stream();
}

void whole_run(flask_parts& parts, http_exchange& exchange, chat_run& run) {
    std::string all;
    std::string text;
    for (bool ended = false; !ended;) {
        ended = run_ended(run, 5ms);
        while (take_text(parts.globals, text)) all += text;
    }
    say_end_of_run(parts.program, run.figures());
    exchange.answer(200, "application/json", document(dump_text(choice(0, "message", all, "stop"))) + "\n");
}

void answer_chat(flask_parts& parts, const chat_request& request, http_exchange& exchange) {
    parts.program.count_request();
    if (is_busy(parts)) return answer_status(exchange, 503, busy_text);
    parts.globals.blocking = true;
    const auto clear = [&parts] { parts.globals.blocking = false; };
    const auto type = request.headers.find("content-type");
    const auto body = json::parse(request.body, nullptr, false);
    const bool is_json = type != request.headers.end() && type->second.find("json") != std::string::npos;
    if (!is_json || body.is_discarded()) {
        clear();
        return answer_html(exchange, is_json ? 400 : 415);
    }
    if (!body.is_object() || !body.contains("messages") || !body["messages"].is_array()) {
        clear();
        return answer_status(exchange, 400, "Invalid JSON data!");
    }
    const bool streams = body.value("stream", json(false)) == true;
    const auto input = input_of(parts, body, body["messages"]);
    if (input.unbound) {
        clear();
        if (streams) return answer_html(exchange, 500);
        return exchange.answer(200, "application/json", document("") + "\n");
    }
    const auto run = begin_run(parts, body, *input.text);
    if (!streams) {
        whole_run(parts, exchange, *run);
        return clear();
    }
    clear();  // the handler returns a generator, and its `finally` has run
    stream_run(parts, exchange, *run);
}

void route_flask(flask_parts& parts, const chat_request& request, http_exchange& exchange) {
    if (request.path != "/rkllm_chat") return answer_html(exchange, 404);
    if (request.method != "POST") return answer_html(exchange, 405);
    answer_chat(parts, request, exchange);
}

}  // namespace

int run_rkllm_flask(const std::vector<std::string>& args) {
    auto& parts = *new flask_parts;
    parts.program.engine().set_places(0);  // nothing keeps two runs off the one handle
    parts.program.engine().set_tap([&parts](const std::string& text) {
        const std::lock_guard lock(parts.globals.mutex);
        parts.globals.texts.push_back(text);
    });
    load_rkllm(parts.program, args, "1.2.3");
    if (!parts.program.listen(parts.listener, "0.0.0.0", 8080)) end_port_taken();
    chat_program::watch_signals({SIGINT}, [](int, int) {
        std::puts("RKLLM model inference completed, releasing RKLLM model resources...");
        chat_program::leave_clean(0);
    });
    announce_flask(parts.listener.port());
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_flask(parts, request, exchange);
    };
    parts.listener.serve(handler);
    return 0;
}

}  // namespace corral::sim
