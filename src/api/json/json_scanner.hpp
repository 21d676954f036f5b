#pragma once
// Walks over one JSON value without building anything: says what is wrong in the words of Go's decoder, keeps
// the bounds, and copies the value with its broken characters repaired.

#include <string>
#include <string_view>
#include <vector>

#include "api/json/json_input.hpp"
#include "corral/core/result.hpp"

namespace corral::api {

class json_scanner {
public:
    json_scanner(std::string_view body, const json_limits& limits) : rest_(body), limits_(limits) {}
    // The repaired text of the first value.
    [[nodiscard]] core::result<std::string> scan();
    // What the tree of the value will take, a little more than less. REQUIRES: scan() had no failure.
    [[nodiscard]] std::size_t tree_bytes() const noexcept { return tree_bytes_; }
    // The keys, as JSON, of members of the whole that were too deep: null in the repaired text.
    [[nodiscard]] const std::vector<std::string>& skipped() const noexcept { return skipped_; }

private:
    enum class expect { value, value_or_end, key, key_or_end, colon, comma_or_end };
    struct level {
        char bracket;
        const field_limit* limit;   // of the field whose value this is; null: none
        std::size_t values_before;  // when it began
        std::size_t members = 0;    // or elements
    };

    void step();
    void begin_value();
    [[nodiscard]] bool count_value();
    void note_key(std::size_t begin);
    void too_many_in(const field_limit& which);
    void open(char bracket);
    // What begins is deeper than what is kept. False, and refused, where it can't be left out.
    [[nodiscard]] bool may_skip(char bracket);
    void end_of_member();
    void close();
    void value_over();
    void comma_or_close(char c);
    void key_or_close(char c);
    void string();
    void string_escape();
    void hex_escape();
    [[nodiscard]] bool low_surrogate_follows() const;
    void number();
    void digits(std::string_view where);
    void literal(std::string_view word);

    void take() {
        out_ += rest_.front();
        rest_.remove_prefix(1);
    }
    void fail(core::errc code, core::reason message);
    // "invalid character 'x' <where>", or "unexpected EOF" at the end.
    void unexpected(std::string_view where);

    std::string_view rest_;
    const json_limits& limits_;
    std::string out_;
    std::vector<level> open_;
    std::size_t values_ = 0;
    std::size_t containers_ = 0;
    std::size_t tree_bytes_ = 0;
    const field_limit* next_limit_ = nullptr;  // of the value behind the last key
    expect expect_ = expect::value;
    std::string top_key_;        // of the whole, that was read last, as JSON
    std::size_t top_value_ = 0;  // where its value begins in what was copied
    bool skips_ = false;         // that value
    std::vector<std::string> skipped_;
    bool over_ = false;
    bool failed_ = false;
    core::failure why_;
};

}  // namespace corral::api
