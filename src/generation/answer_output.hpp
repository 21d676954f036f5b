#pragma once
// What a run gives, on its way to the reader: through the filter of its dialect, the hold of its logprobs, and the
// gates of a wanted format and of offered tools. Lives as long as the request; what it gathers is of the present run,
// and of those that this one goes on with. Pure but for the ids of calls.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/output_filter.hpp"
#include "corral/core/random_source.hpp"
#include "generation/answer_gates.hpp"
#include "generation/outcome_policy.hpp"

namespace corral::generation {

class answer_output {
public:
    // `ids`: of tool calls; borrowed.
    explicit answer_output(core::random_source& ids) : ids_(&ids) {}

    // `begun`: the answer that the model goes on with.
    void expect_format(chat::format_plan plan, std::string begun) {
        format_.emplace(std::move(plan), std::move(begun));
    }
    void forget_format() { format_.reset(); }
    // `tools`: an array; borrowed. Later ones than the first change nothing.
    void expect_calls(const nlohmann::ordered_json& tools);

    struct run_plan {
        chat::filter_options filter;
        bool goes_on = false;         // with the answer of the last run
        bool drops_thinking = false;  // the client turned it off
        bool hides_thoughts = false;  // that, or the format has no place for it: nor are logprobs of it told
        bool ends_behind_thoughts = false;
        std::optional<hidden_block> block;  // the model is expected to write one
    };
    void begin_run(run_plan plan);
    // A piece of text, and how many tokens the run has generated with it: the events that go out.
    [[nodiscard]] std::vector<chat::generation_event> feed(std::string_view piece, std::uint32_t generated);
    void add(chat::token_logprobs tokens) { tokens_.add(std::move(tokens)); }
    // The rest, at the run's end. `cut`: the model was not at its end.
    [[nodiscard]] std::vector<chat::generation_event> finish(bool cut);

    // Nothing more of this run is wanted.
    [[nodiscard]] bool complete() const;
    // Something stands behind the thoughts of a run that was to end there.
    [[nodiscard]] bool thoughts_ended() const;
    // Its limit of tokens was reached before the runtime knew.
    [[nodiscard]] bool cut() const { return block_ && block_->cut(); }
    [[nodiscard]] std::size_t waiting_bytes() const;

    struct judgement {
        chat::finish_reason reason = chat::finish_reason::stop;
        std::optional<judged_answer> format;
        std::optional<std::string> misfit;  // of a call that waits
    };
    // Of an answer that is whole, or was cut with `length`. Once a run.
    [[nodiscard]] judgement judge(chat::finish_reason reason);
    // The conversation that asks for a better one. REQUIRES: a judgement that found something.
    [[nodiscard]] std::vector<chat::message> corrected(const std::vector<chat::message>& conversation,
                                                       const std::string& violation) const;
    // Calls that wait, which is over.
    [[nodiscard]] std::vector<chat::generation_event> release();
    [[nodiscard]] bool call_waits() const { return calls_ && calls_->waits(); }
    // Logprobs that were not sent yet; `stop`: the text that ended the answer, or empty.
    [[nodiscard]] chat::token_logprobs take_logprobs(std::string_view stop) { return tokens_.take_all(stop); }

    [[nodiscard]] const std::string& stopped_by() const { return filter_->stopped_by(); }
    // No part of it is judged as a whole.
    [[nodiscard]] bool is_plain() const noexcept {
        return !format_ && !calls_ && !ends_behind_thoughts_ && !block_;
    }
    [[nodiscard]] bool has_text() const noexcept { return !text_.empty(); }
    // The answer so far, as a turn of the conversation, with the calls that have gone out.
    [[nodiscard]] chat::message turn() const;
    [[nodiscard]] const std::optional<hidden_block>& block() const noexcept { return block_; }
    [[nodiscard]] unsigned format_tries() const noexcept { return format_ ? format_->tries() : 0; }
    [[nodiscard]] telemetry::call_counts call_counts() const {
        return calls_ ? calls_->counts() : telemetry::call_counts{};
    }

private:
    void tell_logprobs(std::vector<chat::generation_event>& events);
    [[nodiscard]] std::vector<chat::generation_event> pass(std::vector<chat::generation_event> events);
    void gather(const std::vector<chat::generation_event>& events);

    core::random_source* ids_;
    std::optional<format_gate> format_;
    std::optional<call_gate> calls_;
    std::optional<chat::output_filter> filter_;
    token_hold tokens_{{}};
    std::optional<hidden_block> block_;
    bool drops_thinking_ = false;
    bool hides_thoughts_ = false;
    bool ends_behind_thoughts_ = false;
    std::string thinking_;
    std::string text_;
    std::vector<chat::tool_call> called_;
};

}  // namespace corral::generation
