#pragma once
// What a conversation costs turn by turn where the server goes on behind what it holds of it, and where it can't: one
// conversation that grows, and each of its prompts once more with another beginning of the same length.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/bench/trial.hpp"

namespace corral::bench {

struct chat_turn {
    std::string role;
    std::string content;
};

// One prompt as it was answered, by OpenAI's streams.
struct turn_cost {
    std::string failure;      // empty: none
    double first_text_s = 0;  // until the first text
    double total_s = 0;
    std::int64_t prompt_tokens = 0;  // 0: the server doesn't report it
    std::int64_t cached_tokens = 0;  // of these
    std::int64_t answer_tokens = 0;  // 0: likewise
    std::optional<double> first_thought_s;
    bool shortened = false;  // parts of the conversation were left out
    std::string answer;
};

struct reuse_row {
    unsigned turn = 0;
    turn_cost with;     // behind what the server holds
    turn_cost without;  // the same prompt with another beginning
};

struct reuse_record {
    std::string model;
    std::string url;
    std::string hardware;
    std::string generated;
    std::string server;
    unsigned max_tokens = 0;
    bool interrupted = false;
    std::vector<reuse_row> rows;
};

// The messages of a turn; `answers`: to the turns before it. `mark`, of any length, begins the system prompt.
[[nodiscard]] std::vector<chat_turn> reuse_messages(std::string_view mark,
                                                    const std::vector<std::string>& answers);
// A mark of the same length for each prompt that must begin unlike all others; `number` below 1,000.
[[nodiscard]] std::string reuse_mark(std::string_view run, unsigned number);

// Takes a stream of /v1/chat/completions as it comes; pure. Bounds: 1 MiB a line and of text.
class completion_reader {
public:
    explicit completion_reader(turn_cost& into) : into_(into) {}
    // False: it can't be read, and `failure` says why.
    [[nodiscard]] bool take(std::string_view bytes, double at_s);
    [[nodiscard]] bool done() const noexcept { return done_; }

private:
    [[nodiscard]] bool take_line(std::string_view line, double at_s);
    turn_cost& into_;
    std::string rest_;
    bool done_ = false;
};

[[nodiscard]] std::string completion_body(const std::string& model, const std::vector<chat_turn>& messages,
                                          unsigned max_tokens);
// Never throws for what the server does.
[[nodiscard]] core::awaitable<turn_cost> try_turn(trial_target target, std::vector<chat_turn> messages,
                                                  unsigned max_tokens);

[[nodiscard]] std::string json_report(const reuse_record& run);
[[nodiscard]] std::string table_report(const reuse_record& run);

}  // namespace corral::bench
