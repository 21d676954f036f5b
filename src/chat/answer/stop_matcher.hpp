#pragma once
// Text up to the first of several texts that end it. The hit that starts first wins, whatever the pieces;
// held back is only the longest tail that may still become one.

#include <string>
#include <string_view>
#include <vector>

namespace corral::chat {

class stop_matcher {
public:
    // Empty ones are ignored.
    explicit stop_matcher(std::vector<std::string> ends);

    // `text` is whole UTF-8 characters, and so is what comes back. Nothing after stopped().
    [[nodiscard]] std::string feed(std::string_view text);
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }
    // What was held back; may stop, when a longer candidate that began earlier stood in the way of a hit.
    [[nodiscard]] std::string finish();

private:
    [[nodiscard]] std::string advance(bool more_may_come);

    std::vector<std::string> ends_;
    std::string held_;
    bool stopped_ = false;
};

}  // namespace corral::chat
