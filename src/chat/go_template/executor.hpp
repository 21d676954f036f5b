#pragma once
// A parsed template at work.

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "chat/go_template/syntax.hpp"

namespace corral::chat::go_template {

struct execution {
    std::string_view today;  // for currentDate: "2006-01-02"
    // Nodes behind this one are left out; for where an answer is cut off.
    std::size_t last_order = std::numeric_limits<std::size_t>::max();
    std::size_t most_output = 0;
    std::size_t most_effort = 0;  // steps, and bytes made or compared on the way
};

// Appends to `out`. On a problem what was appended so far is of no worth.
void execute(const syntax_tree& tree, const json& data, const execution& how, std::string& out,
             problem& wrong);

}  // namespace corral::chat::go_template
