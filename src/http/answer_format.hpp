#pragma once
// The bytes of an answer's head and of its chunks (RFC 9112). No Server header
// (docs/facts/ollama_wire.md#transport).

#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

#include "corral/http/message.hpp"

namespace corral::http {

enum class body_framing { length, chunked, until_close, none };

struct head_facts {
    bool http10 = false;
    bool keep_alive = true;
    body_framing framing = body_framing::length;
    std::size_t length = 0;
    std::string_view date;
};

// True for the statuses that never have a body (1xx, 204, 304).
[[nodiscard]] bool never_has_body(unsigned status) noexcept;

// True when the handler itself asked for the connection to end.
[[nodiscard]] bool asks_to_close(const header_fields& headers);

// From the status line to the empty line. Fields that belong to the connection are left out of `headers`;
// control characters in values become spaces, so no value can add a line.
[[nodiscard]] std::string format_head(const response_head& head, const head_facts& facts);

// The line before a chunk's data. REQUIRES: size > 0.
[[nodiscard]] std::string chunk_size_line(std::size_t size);

// The chunk that ends a body, with the fields that follow it. What belongs to the connection is left out.
[[nodiscard]] std::string last_chunk(const header_fields& trailers);

// The Date header's text, worked out once a second.
class date_text {
public:
    [[nodiscard]] std::string_view at(std::time_t now);

private:
    std::time_t made_for_ = -1;
    std::string text_;
};

// {"error":"..."} with the type that goes with it (docs/facts/ollama_wire.md#errors).
[[nodiscard]] response error_answer(unsigned status, std::string_view text);

}  // namespace corral::http
