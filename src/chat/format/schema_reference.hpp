#pragma once
// References inside a JSON Schema: where they lead, and whether they come to an end.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace corral::chat {

[[nodiscard]] bool deeper_than(const nlohmann::ordered_json& value, unsigned levels);

// The target of the local reference `text` ("#/$defs/a") in `root`; nullptr when there is none, or when the
// reference is not local.
[[nodiscard]] const nlohmann::ordered_json* find_local(const nlohmann::ordered_json& root,
                                                       std::string_view text);

// For each schema, the schemas that look at the same value.
using reference_graph = std::vector<std::vector<std::size_t>>;

// A schema that leads back to itself, or through more than 24 others, without going into the value: a check
// of it would not end, or would exhaust the stack. Nothing when there is none.
[[nodiscard]] std::optional<std::size_t> endless_reference(const reference_graph& graph);

// `marked`: some schemas; with them all that lead to one of them.
void spread_to_parents(const reference_graph& graph, std::vector<bool>& marked);

}  // namespace corral::chat
