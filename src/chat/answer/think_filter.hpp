#pragma once
// Separates thinking from the answer, by the states of docs/facts/ollama_wire.md#thinking-parser with the
// particulars of Qwen3. Held back are a possible tag, the white space before the answer, and white space at the
// current end of thinking; the answer itself passes unchanged. The part of a tag at which a limit or a stop cut
// the text is dropped.

#include <string>
#include <string_view>

namespace corral::chat {

struct split_text {
    std::string thinking;  // comes before `answer`
    std::string answer;
};

class think_filter {
public:
    // `end_tag` also ends the thinking and begins the answer; empty: there is none. It must outlive this.
    explicit think_filter(bool starts_in_thinking, std::string_view end_tag = {})
        : state_(starts_in_thinking ? state::opened : state::looking), end_tag_(end_tag) {}

    [[nodiscard]] split_text feed(std::string_view text);
    // An unclosed block stays thinking. `cut`: the text ended in the middle.
    [[nodiscard]] split_text finish(bool cut);
    // An empty block was met whole: what a model that was told not to think writes before its answer
    // (docs/facts/vendor_ax.md#tokenizer-semantics).
    [[nodiscard]] bool swallowed_block() const noexcept { return closed_empty_; }
    // What is fed now may still belong to such a block, or to the white space behind it.
    [[nodiscard]] bool before_answer() const noexcept { return state_ != state::answer && !has_words_; }
    // All that was fed since the answer began, or ever, is thinking, its tags, or the white space behind them.
    [[nodiscard]] bool in_thoughts() const noexcept {
        return state_ != state::looking && state_ != state::answer;
    }

private:
    enum class state { looking, opened, thinking, closed, answer };

    // Each consumes what it can of held_ and returns whether another state continues with the rest.
    bool look(split_text& out);
    bool open();
    bool think(split_text& out);
    bool skip_space();
    void drop_half_tag();

    state state_;
    std::string_view end_tag_;
    bool may_repeat_tag_ = true;
    bool has_words_ = false;     // the thinking
    bool closed_empty_ = false;  // it ended without any
    std::string held_;
};

}  // namespace corral::chat
