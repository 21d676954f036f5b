#pragma once
// Calls of the tokenizer service with conversations by uid (docs/facts/vendor_ax.md#tokenizer-calls). It
// answers 200 to everything, so what counts is the body.

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <nlohmann/json.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

enum class tokenizer_fault {
    none,
    unreachable,  // refused, or cut before a whole answer
    timed_out,
    unknown_uid,  // the process is not the one that gave the uid
    bad_answer,   // another status, no JSON, or a field missing
};
[[nodiscard]] const char* to_string(tokenizer_fault fault) noexcept;

struct tokenizer_answer {
    tokenizer_fault fault = tokenizer_fault::none;
    std::string body;     // as it came
    nlohmann::json json;  // an object when fault is none
};

// What an answer must hold: {"uid": text}, {"token_ids": [...]}, {"diff": [...]}, {"text": ""}.
enum class tokenizer_field { uid, ids, diff, text, number };

// `target` must outlive the awaiting of the call.
class tokenizer_client {
public:
    explicit tokenizer_client(boost::asio::ip::tcp::endpoint to) : to_(to) {}
    [[nodiscard]] const boost::asio::ip::tcp::endpoint& endpoint() const noexcept { return to_; }

    [[nodiscard]] core::awaitable<tokenizer_answer> get(std::string_view target, tokenizer_field wanted,
                                                        core::deadline until) const;
    [[nodiscard]] core::awaitable<tokenizer_answer> post(std::string_view target, nlohmann::json body,
                                                         tokenizer_field wanted, core::deadline until) const;

private:
    boost::asio::ip::tcp::endpoint to_;
};

// The fault in a reply that arrived whole.
[[nodiscard]] tokenizer_answer read_tokenizer_reply(unsigned status, std::string body,
                                                    tokenizer_field wanted);

// Whether a model with so many embedding rows has all of `ids`; it would read beyond them. 0: unknown.
[[nodiscard]] bool within_vocabulary(const token_ids& ids, std::uint32_t rows) noexcept;

// Numbers of an array field; REQUIRES: the field was checked.
[[nodiscard]] token_ids ids_of(const nlohmann::json& array);

}  // namespace corral::engine::ax_poll
