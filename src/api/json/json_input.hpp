#pragma once
// JSON from outside, made into a tree only when its depth and size are known to be harmless
// (docs/facts/platform_traps.md#json-depth).

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::api {

struct json_limits {
    std::size_t depth = 100;       // arrays and objects inside each other
    std::size_t values = 500'000;  // of every kind together
    std::size_t members = 2'000;   // of one object, whose look-up is linear
};

// The first JSON value of `body`; what follows it is ignored (docs/facts/ollama_wire.md#json-input). Invalid
// UTF-8 and lone surrogates become U+FFFD; of duplicate keys the last wins. Failures: errc::not_found for a
// body without a value, errc::invalid with the text of Go's decoder, errc::limit_exceeded.
[[nodiscard]] core::result<nlohmann::ordered_json> read_json(std::string_view body,
                                                             const json_limits& limits = {});

}  // namespace corral::api
