#pragma once
// With thinking turned off by a soft switch a model still writes `<think>\n\n</think>\n\n` before its answer
// (docs/facts/vendor_ax.md#tokenizer-semantics). That block is swallowed; a block with words in it and every
// later tag stay text.

#include <string>
#include <string_view>

namespace corral::chat {

class empty_think_filter {
public:
    [[nodiscard]] std::string feed(std::string_view text);
    [[nodiscard]] std::string finish();

private:
    enum class state { looking, closed, answer };

    state state_ = state::looking;
    std::string held_;
};

}  // namespace corral::chat
