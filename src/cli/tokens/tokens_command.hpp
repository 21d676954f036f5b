#pragma once
// What two tokenizers made of one prompt, side by side.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/tokens/tokenizer_process.hpp"

namespace corral::cli {

struct tokenizer_result {
    std::string model;
    tokenizer_answer said;
};

// The place of the first token that another piece of text or another id stands at; nothing: they are the same.
struct token_differences {
    std::optional<std::size_t> piece;
    std::optional<std::size_t> id;
};
[[nodiscard]] token_differences differences_of(const engine::token_listing& left,
                                               const engine::token_listing& right);

// One or two.
[[nodiscard]] std::string token_page(const std::vector<tokenizer_result>& all, bool count_only);
[[nodiscard]] nlohmann::ordered_json token_json(const std::vector<tokenizer_result>& all);

}  // namespace corral::cli
