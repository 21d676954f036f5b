#pragma once
// JSON from outside, made into a tree only when its depth and size are known to be harmless
// (docs/facts/platform_traps.md#json-depth).

#include <cstddef>
#include <span>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"
#include "corral/http/message.hpp"

namespace corral::api {

// Of the value of a key, wherever it stands.
struct field_limit {
    std::string_view key;  // in lower case
    std::size_t elements;  // of an array
    std::size_t values;    // in it, at any depth
};

struct json_limits {
    std::size_t depth = 100;  // arrays and objects inside each other, in what is kept
    // In a member of the whole that is not read: beyond `depth` it is left out, see is_too_deep().
    std::size_t skipped_depth = 0;
    std::size_t values = 500'000;      // of every kind together
    std::size_t containers = 100'000;  // arrays and objects
    std::size_t members = 2'000;       // of one object, whose look-up is linear
    std::span<const field_limit> fields{};
};

// What the fields of a client's request may hold: many times what clients are known to send.
[[nodiscard]] json_limits request_limits() noexcept;

// A member of the whole that was too deep to be kept, and stands there without its content. json_fields refuses to read it.
[[nodiscard]] inline bool is_too_deep(const nlohmann::ordered_json& value) {
    return value.is_binary();
}

// The first JSON value of `body`; what follows it is ignored (docs/facts/ollama_wire.md#json-input). Invalid
// UTF-8 and lone surrogates become U+FFFD; of duplicate keys the last wins. Failures: errc::not_found for a
// body without a value, errc::invalid with the text of Go's decoder, errc::limit_exceeded, errc::unavailable where
// `memory` has no room for the tree, which is asked for before there is one.
[[nodiscard]] core::result<nlohmann::ordered_json> read_json(std::string_view body,
                                                             const json_limits& limits = {},
                                                             http::memory_charge* memory = nullptr);

}  // namespace corral::api
