#pragma once
// What the tokenizer service answers. It answers 200 to everything, so what counts is the body. No I/O.

#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

// All ids of a prompt and the new ones among them, of the largest context there is and as much again.
inline constexpr std::size_t most_tokenizer_reply = 4UL * 1024 * 1024;

enum class tokenizer_fault {
    none,
    unreachable,  // refused, or cut before a whole answer
    timed_out,
    unknown_uid,  // the process is not the one that gave the uid
    bad_answer,   // another status, no JSON, or a field missing
    too_long,     // more ids, or more text, than can be meant
};
[[nodiscard]] const char* to_string(tokenizer_fault fault) noexcept;

struct tokenizer_answer {
    tokenizer_fault fault = tokenizer_fault::none;
    std::string said;     // of a fault, to follow "The tokenizer service": "answered with status 500"
    std::string body;     // as it came
    nlohmann::json json;  // an object when fault is none
    token_ids ids;        // of the fields `ids` and `diff`
};

// What an answer must hold: {"uid": text}, {"token_ids": [...]}, {"diff": [...]}, {"text": ""}.
enum class tokenizer_field { uid, ids, diff, text, number };

// The fault in a reply that arrived whole.
[[nodiscard]] tokenizer_answer read_tokenizer_reply(unsigned status, std::string body,
                                                    tokenizer_field wanted);

// Whether a model with so many embedding rows has all of `ids`; it would read beyond them. 0: unknown.
[[nodiscard]] bool within_vocabulary(const token_ids& ids, std::uint32_t rows) noexcept;

[[nodiscard]] bool is_id_array(const nlohmann::json& value);
// Numbers of an array field; REQUIRES: is_id_array().
[[nodiscard]] token_ids ids_of(const nlohmann::json& array);

}  // namespace corral::engine::ax_poll
