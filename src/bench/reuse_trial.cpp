#include "corral/bench/reuse_trial.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "bench/shown.hpp"
#include "bench/vendor_trial.hpp"
#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/http/reply_stream.hpp"

namespace corral::bench {

namespace {

using json = nlohmann::json;

constexpr std::size_t most_bytes = 1024 * 1024;

constexpr std::array<std::string_view, 10> questions{
    "I want to plant a small garden behind the house. It gets sun until noon, the soil is heavy, and "
    "I have an hour a week. What should I plant first?",
    "Some of that would have to be bought. Which of it can be grown from seed on a window sill, and "
    "in which month would I have to begin?",
    "My neighbour says that snails ate everything last year. What can be done about them without "
    "poison, and what does not work although people say so?",
    "How much water does all this need in a dry week of July, and is it better to water in the "
    "morning or in the evening?",
    "There is an old apple tree at the end of the plot. May I plant below it, and what grows there in"
    " spite of its roots and its shade?",
    "I would like to have something to eat from May to October. Put what we have spoken of in the "
    "order in which it can be picked.",
    "Which of these plants do not like each other as neighbours? Name the pairs, and say in a few "
    "words what goes wrong with them.",
    "I am away for two weeks in August. What has to be done before, so that not everything is dry or "
    "overgrown when I come back?",
    "What is to be done in autumn, when all is picked: to the soil, to the tools, and to the plants "
    "that stay where they are?",
    "Write the whole year as a short list by months, with no more than one line for each month and no"
    " more than eight words in it.",
};

json number_in(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number() ? *found : json(0);
}

json object_in(const json& object, const char* name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    return object.is_object() && found != object.end() && found->is_object() ? *found : json::object();
}

void read_usage(const json& usage, turn_cost& into) {
    into.prompt_tokens = number_in(usage, "prompt_tokens").get<std::int64_t>();
    into.answer_tokens = number_in(usage, "completion_tokens").get<std::int64_t>();
    into.cached_tokens =
        number_in(object_in(usage, "prompt_tokens_details"), "cached_tokens").get<std::int64_t>();
}

std::string text_in(const json& chunk, const char* name) {
    const auto choices = chunk.find("choices");
    if (choices == chunk.end() || !choices->is_array() || choices->empty()) {
        return {};
    }
    const json delta = object_in(choices->front(), "delta");
    const auto content = delta.find(name);
    return content != delta.end() && content->is_string() ? content->get<std::string>() : std::string{};
}

json as_json(const turn_cost& one) {
    json out = {{"first_text_seconds", one.first_text_s},
                {"seconds", one.total_s},
                {"prompt_tokens", one.prompt_tokens},
                {"cached_tokens", one.cached_tokens},
                {"shortened", one.shortened}};
    if (!one.failure.empty()) {
        out = {{"failure", one.failure}};
    }
    return out;
}

std::string cells(const turn_cost& one) {
    if (!one.failure.empty()) {
        return fmt::format("{:>10}  {:>8}", "failed", "");
    }
    return fmt::format("{:>8.3f} s  {:>8}", one.first_text_s, one.cached_tokens);
}

}  // namespace

std::vector<chat_turn> reuse_messages(std::string_view mark, const std::vector<std::string>& answers) {
    std::vector<chat_turn> out;
    out.push_back({"system", std::string(mark) +
                                 " You are a gardener who answers in plain words and short sentences."});
    for (std::size_t i = 0; i <= answers.size() && i < questions.size(); ++i) {
        out.push_back({"user", std::string(questions.at(i))});
        if (i < answers.size()) {
            out.push_back({"assistant", answers[i]});
        }
    }
    return out;
}

std::string reuse_mark(std::string_view run, unsigned number) {
    return fmt::format("{:03} {}.", number, run);
}

bool completion_reader::take(std::string_view bytes, double at_s) {
    rest_ += bytes;
    if (rest_.size() > most_bytes || into_.answer.size() > most_bytes) {
        into_.failure = "the answer is longer than 1 MiB";
        return false;
    }
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const std::string_view line = std::string_view(rest_).substr(begin, end - begin);
        if (!take_line(line, at_s)) {
            return false;
        }
    }
    rest_.erase(0, begin);
    return true;
}

bool completion_reader::take_line(std::string_view line, double at_s) {
    constexpr std::string_view field = "data:";
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    if (!line.starts_with(field)) {
        return true;
    }
    line.remove_prefix(field.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line == "[DONE]") {
        done_ = true;
        return true;
    }
    const json chunk = core::parse_json(line);
    if (!chunk.is_object()) {
        into_.failure = "the server sent something that is no JSON";
        return false;
    }
    if (const json error = object_in(chunk, "error"); !error.empty()) {
        into_.failure = on_one_line(error.value("message", json("it failed")).dump());
        return false;
    }
    const std::string text = text_in(chunk, "content");
    const bool thinks = !text_in(chunk, "reasoning_content").empty() || !text_in(chunk, "reasoning").empty();
    if (thinks && !into_.first_thought_s) {
        into_.first_thought_s = at_s;
    }
    if (!text.empty() && into_.answer.empty()) {
        into_.first_text_s = at_s;
    }
    into_.answer += text;
    if (const json usage = object_in(chunk, "usage"); !usage.empty()) {
        read_usage(usage, into_);
    }
    return true;
}

std::string completion_body(const std::string& model, const std::vector<chat_turn>& messages,
                            unsigned max_tokens) {
    json body = {{"model", model},
                 {"stream", true},
                 {"temperature", 0},
                 {"max_tokens", max_tokens},
                 {"stream_options", {{"include_usage", true}}},
                 {"messages", json::array()}};
    for (const chat_turn& one : messages) {
        body["messages"].push_back({{"role", one.role}, {"content", one.content}});
    }
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

namespace {

// Axera's server of late 2025 has names of its own, and knows no limit (docs/facts/vendor_ax.md#sse-build).
std::string asked_of(const trial_target& target, const std::vector<chat_turn>& messages,
                     unsigned max_tokens) {
    std::string body = completion_body(target.model, messages, max_tokens);
    if (target.how == asking::axera) {
        json own = core::parse_json(body);
        for (const char* const key : {"temperature", "max_tokens", "stream_options"}) {
            own.erase(key);
        }
        own["top-k"] = 1;
        body = own.dump(-1, ' ', false, json::error_handler_t::replace);
    }
    return body;
}

}  // namespace

core::awaitable<turn_cost> try_turn(trial_target target, std::vector<chat_turn> messages,
                                    unsigned max_tokens) {
    turn_cost out;
    const core::steady_time begin = std::chrono::steady_clock::now();
    http::stream_call what =
        call_of(target, "/v1/chat/completions", asked_of(target, messages, max_tokens), begin);
    core::result<std::unique_ptr<http::reply_stream>> opened =
        co_await http::reply_stream::open(std::move(what));
    if (!opened) {
        out.failure = opened.error().message;
        co_return out;
    }
    http::reply_stream& answer = **opened;
    if (answer.status() != 200) {
        const core::deadline until = core::deadline::after(target.silence, std::chrono::steady_clock::now());
        const core::result<std::string> body = co_await http::read_all(answer, most_bytes, until);
        out.failure = fmt::format("the server answered with status {}: {}", answer.status(),
                                  on_one_line(body ? *body : body.error().message.text()));
        co_return out;
    }
    out.shortened = !answer.headers().find("Corral-Shortened").empty();
    completion_reader reader(out);
    while (!reader.done() && out.failure.empty()) {
        const core::nanoseconds patience = out.answer.empty() ? target.first_byte : target.silence;
        const core::deadline until = core::deadline::after(patience, std::chrono::steady_clock::now());
        const core::result<std::string> bytes = co_await answer.read(until);
        out.total_s = seconds_since(begin);
        if (!bytes || bytes->empty()) {
            out.failure = bytes ? core::say("command.bench-test/no-last-line") : bytes.error().message;
        } else if (!reader.take(*bytes, out.total_s)) {
            co_return out;
        }
    }
    if (out.failure.empty() && out.answer.empty()) {
        out.failure = core::say("command.bench-test/empty");
    }
    co_return out;
}

std::string json_report(const reuse_record& run) {
    json out = {{"model", run.model},
                {"url", run.url},
                {"hardware", run.hardware},
                {"generated", run.generated},
                {"server", run.server},
                {"max_tokens", run.max_tokens},
                {"interrupted", run.interrupted},
                {"turns", json::array()}};
    for (const reuse_row& row : run.rows) {
        out["turns"].push_back(
            {{"turn", row.turn}, {"with_reuse", as_json(row.with)}, {"without_reuse", as_json(row.without)}});
    }
    return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string table_report(const reuse_record& run) {
    std::string out = fmt::format("{} at {}\n\n", on_one_line(run.model), on_one_line(run.url));
    out += fmt::format("{:>4}  {:>6}  {:>20}  {:>20}\n", "", "", "behind what is held", "computed anew");
    out += fmt::format("{:>4}  {:>6}  {:>10}  {:>8}  {:>10}  {:>8}\n", "turn", "prompt", "first text",
                       "cached", "first text", "cached");
    for (const reuse_row& row : run.rows) {
        out += fmt::format("{:>4}  {:>6}  {}  {}{}\n", row.turn, row.with.prompt_tokens, cells(row.with),
                           cells(row.without), row.with.shortened ? "  shortened" : "");
        for (const turn_cost* const one : {&row.with, &row.without}) {
            out += one->failure.empty() ? "" : "      " + one->failure + "\n";
        }
    }
    return out;
}

}  // namespace corral::bench
