#define TOML_IMPLEMENTATION
#include "corral/core/toml.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

namespace corral::core {

namespace {

class assertion_failure : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

// Follows the strings and comments of a TOML text as far as the text is well formed; a parser goes no further.
class key_meter {
public:
    explicit key_meter(std::string_view text) : text_(text) {}

    // The first key with too many parts.
    [[nodiscard]] std::optional<toml_error> first_deep_key() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"' || c == '\'') {
                skip_string(c);
                continue;
            }
            if (c == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
                continue;
            }
            ++at_;
            if (c == '\n') {
                begin_line();
            }
            if (c == '.' && ++dots_ >= most_key_parts) {
                return toml_error{"the key has more than " + std::to_string(most_key_parts) + " parts", line_,
                                  at_ - line_begin_};
            }
            if (c == '=' || c == ',' || c == '{' || c == '[') {
                dots_ = 0;
            }
        }
        return std::nullopt;
    }

private:
    void begin_line() {
        ++line_;
        line_begin_ = at_;
        dots_ = 0;
    }

    void skip_string(char quote) {
        const std::string_view rest = text_.substr(at_);
        const bool many_lines = rest.size() >= 3 && rest[1] == quote && rest[2] == quote;
        at_ += many_lines ? 3 : 1;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '\\' && quote == '"') {
                at_ += at_ + 1 < text_.size() && text_[at_ + 1] != '\n' ? 2 : 1;
                continue;
            }
            if (c == '\n' && !many_lines) {
                return;  // not closed: the parser stops here
            }
            const bool closes = c == quote && (!many_lines || text_.substr(at_, 3) == std::string(3, quote));
            ++at_;
            if (c == '\n') {
                const std::size_t dots = dots_;
                begin_line();
                dots_ = dots;
            }
            if (closes) {
                at_ += many_lines ? 2 : 0;
                // Up to two quotes more belong to the text.
                while (many_lines && at_ < text_.size() && text_[at_] == quote) {
                    ++at_;
                }
                return;
            }
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
    std::size_t line_begin_ = 0;
    std::size_t dots_ = 0;
};

// The library's words for two mistakes that everybody makes are those of the grammar.
std::string in_plain_words(std::string_view said) {
    const auto says = [&](std::string_view part) { return said.find(part) != std::string_view::npos; };
    if (says("unescaped control characters") || (says("string") && says("end-of-file"))) {
        return "a string has no end: is a quotation mark missing?";
    }
    if (says("could not determine value type") || says("unexpected character") ||
        says("encountered end-of-file")) {
        return "a value is missing, or a string without its quotation marks (" + std::string(said) + ")";
    }
    return std::string(said);
}

// nullopt: the library asserted, and says no place.
std::optional<std::variant<toml::table, toml_error>> parse_once(std::string_view text,
                                                                const std::string& file) {
    try {
        return toml::parse(text, file);
    } catch (const toml::parse_error& wrong) {
        const toml::source_position& at = wrong.source().begin;
        return toml_error{in_plain_words(wrong.description()), at.line, at.column};
    } catch (const assertion_failure&) {
        return std::nullopt;
    }
}

// The line of an assertion: the last of the shortest run of first lines that has one.
std::size_t line_of_assertion(std::string_view text, const std::string& file) {
    std::vector<std::size_t> ends;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1)) {
        ends.push_back(end + 1);
    }
    ends.push_back(text.size());
    const auto first = std::partition_point(ends.begin(), ends.end(), [&](std::size_t end) {
        return parse_once(text.substr(0, end), file).has_value();
    });
    return static_cast<std::size_t>(first - ends.begin()) + 1;
}

}  // namespace

void toml_assertion_failed(const char* condition) {
    throw assertion_failure(condition);
}

std::variant<toml::table, toml_error> parse_toml(std::string_view text, const std::string& file) {
    if (auto deep = key_meter(text).first_deep_key()) {
        return *std::move(deep);
    }
    if (auto parsed = parse_once(text, file)) {
        return *std::move(parsed);
    }
    return toml_error{"this is not TOML: a key or a value is missing or begins with a wrong character",
                      line_of_assertion(text, file), 1};
}

}  // namespace corral::core
