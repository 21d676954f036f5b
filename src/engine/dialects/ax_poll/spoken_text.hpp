#pragma once

#include <string>

#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

// A conversation as text and as the ids that the model read and wrote, its last answer included. The ids of an answer
// are not always those that a tokenizer makes of its text.
struct spoken_text {
    std::string text;    // of a wrapped prompt: of its turns, with what the wrapper puts behind them
    std::string system;  // of a wrapped prompt
    bool wrapped = false;
    token_ids ids;
};

}  // namespace corral::engine::ax_poll
