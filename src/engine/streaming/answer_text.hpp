#pragma once
// The text of one answer on its way to the borrower: what may be a failure in words is held back until that
// is known, and tokens are counted where the server does not. No I/O.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/traits.hpp"

namespace corral::engine::streaming {

// A plausible count where none may be asked.
[[nodiscard]] std::uint32_t estimated_tokens(std::string_view text) noexcept;

class answer_text {
public:
    answer_text() = default;
    answer_text(catalog::chunk_unit unit, std::vector<std::string> error_texts)
        : unit_(unit), error_texts_(std::move(error_texts)) {}

    void add(std::string_view piece);
    // Thinking that the server took out of the text goes back in between the usual tags; what comes behind the text is
    // counted, and left out.
    void add_thinking(std::string_view piece);
    // What can be given on by now; `all`: nothing more comes.
    [[nodiscard]] std::string ready(bool all);
    // The whole text so far is one of those that stand for a failure.
    [[nodiscard]] bool is_error() const noexcept { return error_; }
    [[nodiscard]] std::uint32_t tokens() const noexcept { return tokens_; }
    // So many tokens are there for certain; where they are estimates, the last one is whole.
    [[nodiscard]] bool reached(std::uint32_t most) const noexcept;
    [[nodiscard]] bool any() const noexcept { return any_; }

private:
    void count(std::string_view piece);

    catalog::chunk_unit unit_ = catalog::chunk_unit::token;
    std::vector<std::string> error_texts_;
    std::string held_;
    bool decided_ = false;  // it begins as no failure does
    bool error_ = false;
    bool thinking_ = false;
    bool any_ = false;
    std::uint32_t tokens_ = 0;
    std::uint64_t narrow_ = 0;  // ASCII characters
    std::uint64_t wide_ = 0;    // other characters
};

}  // namespace corral::engine::streaming
