#pragma once
// Executes a parsed template.

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "chat/go_template/syntax.hpp"

namespace corral::chat::go_template {

struct execution {
    std::string_view today;  // for currentDate: "2006-01-02"
    // Nodes behind this one are skipped: the answer is cut off there.
    std::size_t last_order = std::numeric_limits<std::size_t>::max();
    std::size_t most_output = 0;
    std::size_t most_effort = 0;  // steps, and bytes made or compared
};

// Appends to `out`, whose text is meaningless when `wrong` is set.
void execute(const syntax_tree& tree, const json& data, const execution& how, std::string& out,
             problem& wrong);

}  // namespace corral::chat::go_template
