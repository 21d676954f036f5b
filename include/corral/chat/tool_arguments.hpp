#pragma once
// The arguments of a call against the schema that its tool has (docs/structured_output.md#arguments-of-calls).

#include <string>

#include <nlohmann/json.hpp>

#include "corral/chat/generation_request.hpp"

namespace corral::chat {

enum class argument_fit { fitting, repaired, wrong };

struct argument_verdict {
    argument_fit how = argument_fit::fitting;
    std::string violation{};  // as the model wrote them: "$.age: expected integer, got string"
};

// Repairs arguments that don't fit where they can be read in one way only: numbers, true, false, null, lists and objects
// in quotes; a whole number or a truth value for a text; one value for a list; a word of an enumeration in other
// letters; an optional one that is null or empty, which is left out; a missing one that has one value only. Those that
// fit are never changed. Of a tool of another name, or with a schema or arguments too large to be looked at on the
// event loop, all fit. `tools` is null or an array.
[[nodiscard]] argument_verdict fit_arguments(const nlohmann::ordered_json& tools, tool_call& call);

}  // namespace corral::chat
