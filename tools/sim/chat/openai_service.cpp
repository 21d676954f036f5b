#include "chat/openai_service.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "vocabulary.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto glance = 20ms;

bool passed(clock::time_point since, int ms) {
    return ms >= 0 && clock::now() - since >= std::chrono::milliseconds(ms);
}

std::vector<std::string> stops_of(const json& body) {
    std::vector<std::string> out;
    const auto given = body.value("stop", json());
    if (given.is_string()) out.push_back(given.get<std::string>());
    if (given.is_array())
        for (const auto& one : given)
            if (one.is_string()) out.push_back(one.get<std::string>());
    std::erase(out, std::string());
    return out;
}

// How many of the likeliest tokens are told; nothing: no logprobs are.
std::optional<int> likeliest_for(const json& body, logprob_shape shape, answer_kind kind) {
    const bool chat = kind == answer_kind::chat;
    if (shape == logprob_shape::llama_cpp) {
        const int count =
            chat && body.value("logprobs", false) ? body.value("top_logprobs", 20) : body.value("n_probs", 0);
        return count > 0 ? std::optional(count) : std::nullopt;
    }
    if (shape == logprob_shape::none) return std::nullopt;
    if (chat)
        return body.value("logprobs", false) ? std::optional(body.value("top_logprobs", 0)) : std::nullopt;
    const auto count = body.value("logprobs", json());
    return count.is_number_integer() ? std::optional(count.get<int>()) : std::nullopt;
}

// What the request said about sampling, for the record.
json sampling_of(const json& body) {
    json out = json::object();
    for (const auto& [key, value] : body.items())
        if (key != "messages" && key != "model" && key != "stream" && key != "tools") out[key] = value;
    return out;
}

}  // namespace

void openai_service::refuse(http_exchange& exchange, const refusal& why) const {
    exchange.answer(why.status, rules_.json_type, rules_.error_body(why));
}

void openai_service::refuse_late(http_exchange& exchange, const refusal& why) const {
    exchange.begin_stream(200, rules_.stream_type);
    if (rules_.wire.role_chunk) exchange.write(openai_answer(rules_.wire, false).role());
    exchange.write(rules_.stream_error(why));
    exchange.write("data: [DONE]\n\n");
    exchange.end_stream();
}

bool openai_service::admitted(http_exchange& exchange) {
    const auto since = clock::now();
    const int patience = program_.snapshot().chat.busy_wait_ms;
    for (;;) {
        const bool forced = program_.faults().fire("busy").has_value();
        auto why = rules_.busy ? rules_.busy() : std::nullopt;
        if (forced && !why) why = refusal{503, "server_error", "the server is busy", json::object()};
        if (!why && rules_.guarded) {
            const std::lock_guard lock(guard_mutex_);
            if (guarded_ == 0) {
                ++guarded_;
                return true;
            }
            why = refusal{503, "rate_limit_exceeded", "Rate limit exceeded", json::object()};
        }
        if (!why) return true;
        if (forced || !rules_.guarded || passed(since, patience)) {
            refuse(exchange, *why);
            return false;
        }
        if (exchange.gone()) {
            exchange.abandon();
            return false;
        }
        std::this_thread::sleep_for(glance);
    }
}

run_order openai_service::order_for(const json& body, std::string prompt) const {
    run_order order;
    order.prompt = std::move(prompt);
    if (rules_.counted) order.counted = rules_.counted(body);
    order.asked = {{"messages", body.value("messages", json())},
                   {"model", body.value("model", json())},
                   {"sampling", sampling_of(body)}};
    if (rules_.honours_max_tokens) {
        const auto given = body.value(rules_.max_tokens_key, json());
        order.max_tokens = given.is_number() ? given.get<int>() : rules_.default_max_tokens;
    } else {
        order.max_tokens = rules_.default_max_tokens;
    }
    if (rules_.most_max_tokens >= 0)
        order.max_tokens = order.max_tokens < 0 ? rules_.most_max_tokens
                                                : std::min(order.max_tokens, rules_.most_max_tokens);
    if (rules_.honours_stop) order.stops = stops_of(body);
    order.context = rules_.context;
    if (rules_.slots > 0) {
        order.slots = rules_.slots;
        order.slot = body.value("id_slot", -1);
        order.uses_cache = body.value("cache_prompt", true);
    }
    order.shifts = rules_.shifts;
    order.by_character = rules_.by_character;
    order.marks_thought = rules_.marks_thought && rules_.marks_thought(body);
    if (rules_.several_tokens) order.piece_tokens = program_.snapshot().timing.burst;
    if (rules_.done)
        order.done = [done = rules_.done, text = order.prompt](const run_figures& f) { done(text, f); };
    return order;
}

std::string openai_service::prompt_of(const json& body, answer_kind kind) const {
    return kind == answer_kind::chat ? rules_.prompt(body) : body.at("prompt").get<std::string>();
}

void openai_service::answer(const chat_request& request, http_exchange& exchange, answer_kind kind) {
    program_.count_request();
    const auto body = json::parse(request.body, nullptr, false);
    if (!body.is_object())
        return refuse(exchange, {400, "invalid_request_error", "Invalid JSON: parse error", json::object()});
    if (rules_.check) {
        auto checked = body;
        if (kind == answer_kind::completion) checked["messages"] = json::array();
        if (const auto why = rules_.check(checked)) return refuse(exchange, *why);
    }
    std::string prompt;
    try {
        if (!admitted(exchange)) return;
        prompt = prompt_of(body, kind);
    } catch (const json::exception& problem) {
        if (rules_.guarded) --guarded_;
        return refuse(exchange, {500, "server_error", problem.what(), json::object()});
    }
    if (rules_.too_long) {
        const auto tokens = static_cast<int>(vocabulary::instance().encode(prompt).size());
        if (const auto why = rules_.too_long(tokens)) {
            if (rules_.guarded) --guarded_;
            const bool late = rules_.refuses_late && body.value("stream", json(false)) == true;
            return late ? refuse_late(exchange, *why) : refuse(exchange, *why);
        }
    }
    const auto options = body.value("stream_options", json::object());
    const bool usage_asked = options.is_object() && options.value("include_usage", false);
    const bool ignored = request.headers.count("x-conversation-id") != 0;
    const auto run = program_.engine().begin(order_for(body, prompt));
    const bool streams = body.value("stream", json(false)) == true;
    openai_answer answer(rules_.wire, streams && usage_asked, kind);
    answer.tell_early(body.value("return_progress", false),
                      options.is_object() && options.value("continuous_usage_stats", false));
    answer.tell_logprobs(likeliest_for(body, rules_.wire.logprobs, kind));
    if (streams) {
        if (rules_.guarded) --guarded_;  // its guard ends with the handler, before the stream
        return stream(exchange, run, std::move(answer), ignored);
    }
    whole(exchange, run, answer, ignored);
    if (rules_.guarded) --guarded_;
}

// `ignored`: the request asked for a run that outlives its connection.
void openai_service::client_left(const std::shared_ptr<chat_run>& run, bool ignored) const {
    if (!rules_.cancels || program_.faults().active("ignore_cancel")) return;
    if (ignored && rules_.id_keeps_run) return;
    run->cancel();
    if (rules_.cancelled) rules_.cancelled();
}

void openai_service::stream(http_exchange& exchange, const std::shared_ptr<chat_run>& run,
                            openai_answer answer, bool ignored) {
    exchange.begin_stream(200, rules_.stream_type);
    const bool tells_role = rules_.wire.role_chunk && answer.kind() == answer_kind::chat;
    bool alive = !tells_role || rules_.head_waits || exchange.write(answer.role());
    bool role_waits = tells_role && rules_.head_waits;
    auto spoke = clock::now();
    auto sent = spoke;
    std::string text;
    for (;;) {
        const auto step = run->next(text, glance);
        if (step == chat_run::step::end) break;
        if (step == chat_run::step::piece) {
            if (role_waits) alive = exchange.write(answer.role());
            role_waits = false;
            alive = alive && exchange.write(answer.piece(text, run->prompt()));
            spoke = sent = clock::now();
        } else if (rules_.ping_ms > 0 && passed(sent, rules_.ping_ms)) {
            alive = exchange.write(":\n\n");
            sent = clock::now();
        } else if (passed(spoke, rules_.time_limit_ms)) {
            if (!program_.faults().active("no_done")) exchange.write("data: [DONE]\n\n");
            exchange.end_stream();
            return;  // the model goes on
        }
        if (!alive || exchange.gone()) {
            client_left(run, ignored);
            return exchange.abandon();
        }
    }
    if (role_waits) exchange.write(answer.role());
    if (finish_stream(exchange, answer, *run)) exchange.end_stream();
}

bool openai_service::finish_stream(http_exchange& exchange, openai_answer& answer, const chat_run& run) {
    const auto& figures = run.figures();
    const bool hidden = rules_.hides_failure && !figures.text.empty();
    const bool failed = figures.reason == "error" && !hidden;
    if (figures.reason == "abort" && !rules_.abort_is_stop) {
        exchange.abandon();
        return false;
    }
    if (failed && program_.faults().active("aborts")) {
        auto dropped = figures;
        dropped.reason = given_up;
        exchange.write(answer.last(dropped));
    } else if (failed)
        exchange.write(rules_.stream_error ? rules_.stream_error(rules_.failure)
                                           : "data: " + rules_.error_body(rules_.failure) + "\n\n");
    else if (figures.reason != "timeout")
        exchange.write(answer.last(figures));
    if ((!failed || rules_.done_after_error) && !program_.faults().fire("no_done"))
        exchange.write("data: [DONE]\n\n");
    return true;
}

void openai_service::whole(http_exchange& exchange, const std::shared_ptr<chat_run>& run,
                           const openai_answer& answer, bool ignored) {
    std::string text;
    const auto since = clock::now();
    for (auto step = chat_run::step::nothing; step != chat_run::step::end;) {
        step = run->next(text, glance);
        if (step == chat_run::step::nothing && exchange.gone()) {
            client_left(run, ignored);
            return exchange.abandon();
        }
        if (step != chat_run::step::end && passed(since, rules_.time_limit_ms))
            return refuse(exchange, {504, "server_error", "Request timeout", json::object()});
    }
    const auto& figures = run->figures();
    if (figures.reason == "error" && rules_.failed) return rules_.failed(exchange);
    if (figures.reason == "error" || (figures.reason == "abort" && !rules_.abort_is_stop))
        return refuse(exchange, rules_.failure);
    exchange.answer(200, rules_.json_type, answer.whole(figures));
}

}  // namespace corral::sim
