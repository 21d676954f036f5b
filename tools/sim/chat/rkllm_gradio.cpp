// Rockchip's gradio_server.py over Gradio 5 (docs/facts/other_runtimes.md#rkllm-gradio): a queue with one place, whose run
// goes on when its reader leaves, and one list of text for all runs.

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "chat/openai_wire.hpp"
#include "chat/personalities.hpp"
#include "chat/rkllm_start.hpp"
#include "process_end.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr int context_tokens = 512;
constexpr const char* before_message =
    "<|im_start|>system You are a helpful assistant. <|im_end|> <|im_start|>user";
constexpr const char* behind_message = "<|im_end|><|im_start|>assistant";
constexpr const char* queue_path = "/gradio_api/call/get_RKLLM_output";

// One place in the queue: what its reader will find.
struct queued_event {
    json history;
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::string> told;
    bool over = false;
    bool left = false;

    void tell(const std::string& name, const json& data, bool last) {
        const std::lock_guard lock(mutex);
        told.push_back("event: " + name + "\ndata: " + data.dump() + "\n\n");
        over = last;
        wake.notify_all();
    }
    bool wanted() {
        const std::lock_guard lock(mutex);
        return !left;
    }
};

struct gradio_parts {
    chat_program program{"rkllm-gradio"};
    http_listener listener{program.faults(), program.settings(), {}};
    std::mutex turn;   // of whom the queue lets in
    std::mutex mutex;  // of all below
    std::map<std::string, std::shared_ptr<queued_event>> events;
    int count = 0;
    std::deque<std::string> texts;  // of whichever run
};

std::optional<std::string> take_text(gradio_parts& parts) {
    const std::lock_guard lock(parts.mutex);
    if (parts.texts.empty()) return std::nullopt;
    std::string out = std::move(parts.texts.front());
    parts.texts.pop_front();
    return out;
}

bool run_ended(chat_run& run) {
    std::string own;
    auto step = run.next(own, 5ms);
    while (step == chat_run::step::piece) step = run.next(own, 0ms);  // the list has it too
    return step == chat_run::step::end;
}

// The script's generator, until its run is over or its reader has left.
void answer_event(gradio_parts& parts, queued_event& event) {
    const std::lock_guard place(parts.turn);
    if (!event.wanted()) return;
    auto& history = event.history;
    if (!history.is_array() || history.empty() || !history.back().is_array() || history.back().size() != 2 ||
        !history.back()[0].is_string())
        return event.tell("error", nullptr, true);
    run_order order;
    order.prompt = before_message + history.back()[0].get<std::string>() + behind_message;
    order.asked = {{"messages", history}, {"sampling", json::object()}};
    order.context = context_tokens;
    order.shifts = true;
    {
        const std::lock_guard lock(parts.mutex);
        parts.texts.clear();
    }
    const auto run = parts.program.engine().begin(std::move(order));
    std::string answer;
    json told;  // null before the first word
    for (bool ended = false; !ended;) {
        ended = run_ended(*run);
        while (const auto text = take_text(parts)) {
            answer += *text;
            history.back()[1] = answer;
            told = history;
            event.tell("generating", json::array({told}), false);
        }
        if (!event.wanted()) return;  // the run goes on
    }
    say_end_of_run(parts.program, run->figures());
    event.tell("complete", json::array({told}), true);
}

void join_queue(gradio_parts& parts, const chat_request& request, http_exchange& exchange) {
    parts.program.count_request();
    const auto body = json::parse(request.body, nullptr, false);
    if (!body.is_object() || !body.contains("data"))
        return exchange.answer(422, "application/json", R"({"detail":[{"type":"missing"}]})");
    auto event = std::make_shared<queued_event>();
    if (body["data"].is_array() && !body["data"].empty()) event->history = body["data"][0];
    std::string name;
    {
        const std::lock_guard lock(parts.mutex);
        name = "e" + std::to_string(++parts.count);
        parts.events[name] = event;
    }
    std::thread([&parts, event] { answer_event(parts, *event); }).detach();
    exchange.answer(200, "application/json", json{{"event_id", name}}.dump());
}

void read_event(gradio_parts& parts, const std::string& name, http_exchange& exchange) {
    std::shared_ptr<queued_event> event;
    {
        const std::lock_guard lock(parts.mutex);
        const auto found = parts.events.find(name);
        if (found != parts.events.end()) event = found->second;
        if (event) parts.events.erase(found);
    }
    exchange.begin_stream(200, "text/event-stream; charset=utf-8");
    if (!event) {
        exchange.write("event: error\ndata: \"404: Not Found\"\n\n");
        return exchange.end_stream();
    }
    std::unique_lock lock(event->mutex);
    while (!event->told.empty() || !event->over) {
        event->wake.wait_for(lock, 20ms);
        while (!event->told.empty()) {
            const std::string next = std::move(event->told.front());
            event->told.pop_front();
            lock.unlock();
            const bool sent = exchange.write(next);
            lock.lock();
            event->left = event->left || !sent;
        }
        event->left = event->left || exchange.gone();
        if (event->left) return exchange.abandon();
    }
    exchange.end_stream();
}

void route_gradio(gradio_parts& parts, const chat_request& request, http_exchange& exchange) {
    const std::string event = std::string(queue_path) + "/";
    if (request.method == "POST" && request.path == queue_path) return join_queue(parts, request, exchange);
    if (request.method == "GET" && request.path.rfind(event, 0) == 0)
        return read_event(parts, request.path.substr(event.size()), exchange);
    if (request.method == "GET" && request.path == "/config")
        return exchange.answer(200, "application/json",
                               R"({"version":"5.50.0","api_prefix":"/gradio_api","protocol":"sse_v3"})");
    exchange.answer(404, "application/json", R"({"detail":"Not Found"})");
}

}  // namespace

int run_rkllm_gradio(const std::vector<std::string>& args) {
    auto& parts = *new gradio_parts;
    parts.program.engine().set_places(0);  // nothing keeps two runs off the one handle
    parts.program.engine().set_tap([&parts](const std::string& text) {
        const std::lock_guard lock(parts.mutex);
        parts.texts.push_back(text);
    });
    load_rkllm(parts.program, args, "1.2.0");
    if (!parts.program.listen(parts.listener, "0.0.0.0", 8080)) {
        std::fputs("OSError: Cannot find empty port in range: 8080-8080.\n", stderr);
        chat_program::leave_clean(1);
    }
    std::printf("* Running on local URL:  http://0.0.0.0:%d\n", parts.listener.port());
    std::fflush(stdout);
    parts.program.become_ready();
    const chat_handler handler = [&parts](const chat_request& request, http_exchange& exchange) {
        route_gradio(parts, request, exchange);
    };
    parts.listener.serve(handler);
    return 0;
}

}  // namespace corral::sim
