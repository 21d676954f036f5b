#pragma once
// Walks over one JSON value without building anything: says what is wrong in the words of Go's decoder, keeps
// the bounds, and copies the value with its broken characters mended.

#include <string>
#include <string_view>
#include <vector>

#include "api/json/json_input.hpp"
#include "corral/core/result.hpp"

namespace corral::api {

class json_scanner {
public:
    json_scanner(std::string_view body, const json_limits& limits) : rest_(body), limits_(limits) {}
    // The mended text of the first value.
    [[nodiscard]] core::result<std::string> scan();

private:
    enum class expect { value, value_or_end, key, key_or_end, colon, comma_or_end };
    struct level {
        char bracket;
        std::size_t members = 0;
    };

    void step();
    void begin_value();
    void open(char bracket);
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
    void fail(core::errc code, std::string message);
    // "invalid character 'x' <where>", or "unexpected EOF" at the end.
    void unexpected(std::string_view where);

    std::string_view rest_;
    const json_limits& limits_;
    std::string out_;
    std::vector<level> open_;
    std::size_t values_ = 0;
    expect expect_ = expect::value;
    bool over_ = false;
    bool failed_ = false;
    core::failure why_;
};

}  // namespace corral::api
