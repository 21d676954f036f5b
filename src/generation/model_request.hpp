#pragma once
// A request and what preparation made of it for its model. As it was asked it can be had back: for another model, or
// for the time of its wait.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"
#include "generation/answer_output.hpp"
#include "generation/format_request.hpp"
#include "generation/moving_lines.hpp"

namespace corral::generation {

class model_request {
public:
    explicit model_request(chat::generation_request asked) : request_(std::move(asked)) {}
    [[nodiscard]] const chat::generation_request& operator*() const noexcept { return request_; }
    [[nodiscard]] const chat::generation_request* operator->() const noexcept { return &request_; }

    // To be prepared. REQUIRES: !prepared().
    [[nodiscard]] chat::generation_request& open(const served_model& model);
    // So many lines of its system prompt, those that `known` says move, stand before the newest question now.
    [[nodiscard]] std::size_t move_lines(moving_lines& known, const served_model& model);
    void accept(chat::render_options how, chat::rendered_prompt prompt,
                std::optional<chat::forced_call> call);
    [[nodiscard]] bool prepared() const noexcept { return before_.has_value(); }
    // It is as it was asked. REQUIRES: prepared().
    void take_back();
    // A long prompt is not kept for the time of its wait, in which the request holds what its body was charged for.
    // False: it is kept.
    [[nodiscard]] bool put_long_prompt_aside(const std::vector<engine::backend*>& runtimes);
    // engine::backend::held_bytes() of its prompt; of one that was put aside what was known when that happened, for it
    // decides no more than an order.
    [[nodiscard]] std::size_t held_at(const engine::backend& at) const;

    [[nodiscard]] const chat::render_options& how() const noexcept { return how_; }
    // As prepared, until a run takes it.
    [[nodiscard]] const std::optional<chat::rendered_prompt>& prompt() const noexcept { return prompt_; }
    [[nodiscard]] std::optional<chat::rendered_prompt> take_prompt() {
        return std::exchange(prompt_, std::nullopt);
    }
    // The answer has to be one.
    [[nodiscard]] const std::optional<chat::forced_call>& forced() const noexcept { return forced_; }
    // What is too long for its model may be left out.
    [[nodiscard]] bool may_shorten(const served_model& model) const;
    // A run could write on behind a part of its answer, word for word.
    [[nodiscard]] bool may_go_on() const;
    // As it was asked, for what follows it; but of the system prompt what stays.
    [[nodiscard]] chat::generation_request beginning_of_next() const;

    // Of the next run, and of what is prepared from now on.
    void think_no_more() noexcept { request_.thinking = chat::thinking_mode::off; }
    // REQUIRES: prepared().
    void think_as_asked() noexcept { request_.thinking = before_->thinking; }
    // How the answer to `prompt` is read. With `thought` its thoughts are in an earlier part.
    [[nodiscard]] answer_output::run_plan plan(const chat::rendered_prompt& prompt, const served_model& model,
                                               bool thought) const;
    // What `runtime` is asked; so many tokens of the answer are `written`.
    [[nodiscard]] engine::run_spec spec(chat::rendered_prompt prompt, const served_model& model,
                                        held_part held, const engine::backend& runtime,
                                        std::uint32_t written) const;

private:
    struct as_asked {
        chat::sampling sampling;
        chat::limits limits;
        chat::thinking_mode thinking = chat::thinking_mode::model_default;
        std::optional<std::vector<chat::message>> messages;  // where preparation adds some
    };
    static void restore(chat::generation_request& prepared, as_asked before);

    chat::generation_request request_;
    std::optional<as_asked> before_;
    chat::render_options how_;
    std::optional<chat::rendered_prompt> prompt_;
    std::optional<chat::forced_call> forced_;
    std::optional<settled_lines> lines_;  // of the system prompt
    // Of a prompt that was put aside.
    std::vector<std::pair<const engine::backend*, std::size_t>> held_before_;
};

}  // namespace corral::generation
