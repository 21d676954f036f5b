#pragma once
// JSON read in pieces cut anywhere, one document behind the other, without a tree: memory holds the place in
// the document and the one text that is being read. For answers that repeat all that was said before.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::engine::streaming {

struct json_bounds {
    std::size_t text = 256 * 1024;         // bytes of one wanted key or text
    std::size_t depth = 32;                // containers in each other
    std::uint64_t document = 16ULL << 20;  // bytes of one document
    std::uint64_t between = 1ULL << 20;    // white space between two
    std::uint64_t all = 32ULL << 30;       // bytes of all of them
    bool operator==(const json_bounds&) const = default;
};

// Hears what is in the documents, in order. The views are good during the call only.
class json_listener {
public:
    virtual ~json_listener() = default;
    // An object, or else an array. Asked of the outermost container as well.
    virtual void on_open(bool object) = 0;
    virtual void on_close() = 0;
    virtual void on_key(std::string_view name) = 0;
    // The text that begins now goes to on_text(); otherwise it is skipped and counts as no value.
    [[nodiscard]] virtual bool wants_text() const = 0;
    virtual void on_text(std::string_view text) = 0;
    // A number, true, false or null, as it is written.
    virtual void on_word(std::string_view word) = 0;
};

class json_scanner {
public:
    explicit json_scanner(json_listener& hears, json_bounds bounds = {}) : hears_(hears), bounds_(bounds) {}
    // Each document must be an object or an array. Failures: errc::protocol (no JSON), errc::limit_exceeded;
    // nothing more may be fed after one. Lone surrogates become U+FFFD.
    [[nodiscard]] core::result<void> feed(std::string_view bytes);
    // Nothing is open: the bytes may end here.
    [[nodiscard]] bool between_documents() const noexcept { return stack_.empty() && step_ == step::value; }

private:
    enum class step { value, first_element, first_key, key, colon, next, text, escape, unicode, word };

    [[nodiscard]] core::result<void> on_byte(char c);
    [[nodiscard]] core::result<void> on_structure(char c);
    [[nodiscard]] core::result<void> on_value_byte(char c);
    [[nodiscard]] core::result<void> open(bool object);
    [[nodiscard]] core::result<void> close(bool object);
    [[nodiscard]] core::result<void> on_escape(char c);
    [[nodiscard]] core::result<void> on_hex(char c);
    [[nodiscard]] core::result<void> end_word();
    [[nodiscard]] core::result<void> add(std::string_view bytes);
    [[nodiscard]] core::result<void> add_code_unit(unsigned unit);
    [[nodiscard]] core::result<void> end_pair();
    void begin_text(bool key);
    [[nodiscard]] core::result<void> end_text();
    [[nodiscard]] core::result<std::size_t> run_of_text(std::string_view bytes);

    json_listener& hears_;
    json_bounds bounds_;
    step step_ = step::value;
    std::vector<bool> stack_;  // object, or else array
    bool text_is_key_ = false;
    bool wanted_ = false;
    std::string text_;
    unsigned unit_ = 0;    // \uXXXX so far
    unsigned digits_ = 0;  // of it
    unsigned high_ = 0;    // a first half that waits for its second
    std::uint64_t in_document_ = 0;
    std::uint64_t between_ = 0;
    std::uint64_t all_ = 0;
};

}  // namespace corral::engine::streaming
