#pragma once
// The functions of templates: those of Go that make sense in a prompt, and Ollama's.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "chat/go_template/value.hpp"

namespace corral::chat::go_template {

struct call_context {
    std::string_view today;  // "2006-01-02"
    std::size_t most = 0;    // more bytes than these need not be made: then the call fails
    std::size_t effort = 0;  // grows with the bytes read or made
    std::string problem{};   // not empty: the call failed
};

[[nodiscard]] bool is_function(std::string_view name);

// REQUIRES: is_function(name). `and` and `or` get all their arguments; the caller short-circuits.
[[nodiscard]] value call(std::string_view name, std::span<const value> arguments, call_context& context);

}  // namespace corral::chat::go_template
