#pragma once
// What holds parts of an answer back on their way from a run to its reader.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/chat/generation_event.hpp"
#include "corral/chat/structured_output.hpp"
#include "corral/telemetry/metrics.hpp"

namespace corral::generation {

// How a run's text compares with the format.
struct format_verdict {
    bool fits = false;
    std::string text;       // for the client; may be empty
    std::string violation;  // when it does not fit
};

// Between a run and a client that wants a format: thinking passes, the text waits until it is known to fit,
// so that another run can take its place.
class format_gate {
public:
    // `begun`: the answer that the model goes on with.
    format_gate(chat::format_plan plan, std::string begun);

    // Before each run. Of runs that follow a judged one, thinking does not go out.
    void begin_run();
    // What of a run's events goes out now. A call is an answer of its own: with the first one the text that
    // waits goes out before it, and nothing waits any more.
    [[nodiscard]] std::vector<chat::generation_event> pass(std::vector<chat::generation_event> events);
    // A fitting value is there; the run may be stopped.
    [[nodiscard]] bool complete() const noexcept;
    [[nodiscard]] std::size_t waiting_bytes() const noexcept;
    // At the end of a run, once. `cut`: the model was not at its end.
    [[nodiscard]] format_verdict finish(bool cut);
    // The text of the last run as the model wrote it.
    [[nodiscard]] std::string_view written() const noexcept;
    // Answers that were judged.
    [[nodiscard]] unsigned tries() const noexcept { return tries_; }

private:
    chat::format_plan plan_;
    std::string begun_;
    chat::format_reader reader_;
    unsigned tries_ = 0;
    bool called_ = false;
};

// Between a run and a client that offers tools: a call whose arguments don't fit their schema, even repaired, waits, and
// the model is asked once more. The text of the first answer counts, and of the second one its calls; without any the
// call that waits goes out as it is, for its client may make more of it.
class call_gate {
public:
    // `tools`: null or an array; borrowed.
    explicit call_gate(const nlohmann::ordered_json& tools) : tools_(&tools) {}

    void begin_run() noexcept { asked_ = !waiting_.empty(); }
    // What of a run's events goes out now.
    [[nodiscard]] std::vector<chat::generation_event> pass(std::vector<chat::generation_event> events);
    // The model should be asked once more; the run may be stopped.
    [[nodiscard]] bool asks() const noexcept { return !asked_ && waits(); }
    [[nodiscard]] bool waits() const noexcept { return !waiting_.empty(); }
    // Of the first that waits. REQUIRES: waits().
    [[nodiscard]] const chat::tool_call& call() const {
        return std::get<chat::tool_call_event>(waiting_.front()).call;
    }
    [[nodiscard]] const std::string& violation() const noexcept { return violation_; }
    // What waits, which is over.
    [[nodiscard]] std::vector<chat::generation_event> release();
    [[nodiscard]] const telemetry::call_counts& counts() const noexcept { return counts_; }

private:
    const nlohmann::ordered_json* tools_;
    std::vector<chat::generation_event> waiting_;  // calls
    std::string violation_;
    bool asked_ = false;
    bool called_ = false;  // a call has gone out
    telemetry::call_counts counts_;
};

// The empty thinking block that a model writes when a soft switch turned thinking off
// (docs/facts/vendor_ax.md#tokenizer-semantics), as the client's limit and counts see it: not at all. How many tokens it
// took shows by the count at the piece in which the answer begins.
class hidden_block {
public:
    // Of Qwen3: the two tags, and a blank line behind each. Tokenizers of others may take more for it.
    static constexpr std::uint32_t usual = 4;
    // What the runtime may make beyond the client's limit.
    static constexpr std::uint32_t room = 8;

    // `limit`: of the client; absent: none.
    explicit hidden_block(std::optional<std::uint32_t> limit) : limit_(limit) {}

    // A piece came, and so many tokens were made until its end. False: it lies behind the limit.
    [[nodiscard]] bool admits(std::uint32_t generated) noexcept {
        earlier_ = now_;
        now_ = std::max(now_, generated);
        const bool full = begun_ && limit_ && earlier_ - std::min(earlier_, tokens_) >= *limit_;
        cut_ = cut_ || full;
        return !full;
    }
    // What the filter found in all pieces so far: a whole block, and nothing yet behind it.
    void look(bool whole_block, bool before_answer) noexcept {
        if (begun_) {
            return;
        }
        begun_ = !before_answer;
        tokens_ = before_answer ? now_ : !whole_block ? 0 : closed_ ? earlier_ : std::min(usual, now_);
        closed_ = whole_block;
    }

    [[nodiscard]] std::uint32_t tokens() const noexcept { return tokens_; }
    [[nodiscard]] const std::optional<std::uint32_t>& limit() const noexcept { return limit_; }
    // Something was not admitted.
    [[nodiscard]] bool cut() const noexcept { return cut_; }

private:
    std::optional<std::uint32_t> limit_;
    std::uint32_t earlier_ = 0;
    std::uint32_t now_ = 0;
    std::uint32_t tokens_ = 0;
    bool closed_ = false;
    bool begun_ = false;
    bool cut_ = false;
};

// Logprobs on their way: each waits until no stop text can begin at its token or before it, for a token that a stop
// takes away is not reported. Pure.
class token_hold {
public:
    explicit token_hold(const std::vector<std::string>& stops) {
        for (const std::string& stop : stops) {
            window_ = std::max(window_, stop.size());
        }
        window_ -= std::min<std::size_t>(window_, 1);
    }

    void add(chat::token_logprobs tokens) {
        bytes_ += chat::size_of(tokens);
        std::ranges::move(tokens, std::back_inserter(held_));
        tokens.clear();
    }
    // Those that are certain.
    [[nodiscard]] chat::token_logprobs take() {
        std::size_t behind = 0;
        std::size_t keep = 0;
        while (keep < held_.size() && behind < window_) {
            ++keep;
            behind += held_[held_.size() - keep].written.bytes.size();
        }
        return take_first(held_.size() - keep);
    }
    // The rest, at the end; `stop`: the text that ended the answer, or empty.
    [[nodiscard]] chat::token_logprobs take_all(std::string_view stop) {
        std::string text;
        for (const chat::token_logprob& each : held_) {
            text += each.written.bytes;
        }
        const std::size_t end = stop.empty() ? std::string::npos : text.find(stop);
        std::size_t count = 0;
        for (std::size_t at = 0; count < held_.size() && at < end; ++count) {
            at += held_[count].written.bytes.size();
        }
        chat::token_logprobs out = take_first(count);
        clear();
        return out;
    }
    void clear() {
        held_.clear();
        bytes_ = 0;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    chat::token_logprobs take_first(std::size_t count) {
        const auto end = held_.begin() + static_cast<std::ptrdiff_t>(count);
        chat::token_logprobs out(std::make_move_iterator(held_.begin()), std::make_move_iterator(end));
        held_.erase(held_.begin(), end);
        bytes_ -= chat::size_of(out);
        return out;
    }

    std::size_t window_ = 0;  // bytes of the longest stop but one
    chat::token_logprobs held_;
    std::size_t bytes_ = 0;
};

}  // namespace corral::generation
