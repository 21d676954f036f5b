#pragma once
// Vectors of texts from a runtime that can make them; the wire formats share nothing else of it.

#include <string>
#include <variant>
#include <vector>

#include "corral/api/wire_format.hpp"

namespace corral::api {

struct embedding_request {
    std::string id;
    std::string client;
    std::vector<std::string> texts;
    std::size_t dimensions = 0;  // fewer than the model's: the vectors are cut; 0: as they are
    std::optional<core::nanoseconds> keep_alive;
    core::steady_time arrived;
};

struct embedding_answer {
    std::vector<std::vector<float>> vectors;  // of length 1, in the order of the texts
    std::uint32_t prompt_tokens = 0;
    core::nanoseconds load{0};   // arrival to the runtime's being ready
    core::nanoseconds total{0};  // arrival to end
};

// Takes its turn in the queue like a generation. A runtime that can't is told at once, without a wait.
[[nodiscard]] core::awaitable<std::variant<embedding_answer, chat::failed_event>> embed(
    const api_context& context, generation::served model, embedding_request what);

}  // namespace corral::api
