#include "chat/json/json_repair.hpp"

#include <cstdint>
#include <utility>

#include "chat/json/json_search.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

constexpr std::string_view number_characters = "0123456789+-.eE";
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";

bool begins_name(char c) {
    return core::is_letter(c) || c == '_' || c == '$';
}

std::string_view literal(std::string_view word) {
    if (word == "true" || word == "True") {
        return "true";
    }
    if (word == "false" || word == "False") {
        return "false";
    }
    return word == "null" || word == "None" ? "null" : "";
}

// The code of "\uXXXX" at the beginning of `text`; negative when that is not there.
std::int32_t escaped_code(std::string_view text) {
    if (text.size() < 6 || !text.starts_with("\\u") ||
        text.substr(2, 4).find_first_not_of(hex_digits) != std::string_view::npos) {
        return -1;
    }
    std::int32_t code = 0;
    for (const char c : text.substr(2, 4)) {
        code = code * 16 + core::hex_value(c);
    }
    return code;
}

class repairer {
public:
    repairer(std::string_view text, text_end end) : rest_(text), end_(end) {}

    std::optional<repaired_json> run() {
        while (!failed_) {
            rest_ = core::trimmed_front(rest_);
            if (rest_.empty()) {
                finish();
                break;
            }
            step(rest_.front());
        }
        if (failed_ || result_.values.empty()) {
            return std::nullopt;
        }
        return std::move(result_);
    }

private:
    enum class expect { key, colon, value, comma };
    enum class token { opening, closing, string, word, number, comma, key, colon };
    struct level {
        char bracket;
        bool doubled = false;
    };

    void step(char c);
    void between_values(char c);
    void open(char bracket);
    void close(char bracket);
    void close_inner();
    void key(char c);
    void value(char c);
    void word();
    void string(char quote);
    void escape(char quote);
    void unicode_escape();
    void control_character(char c);
    void finish();

    void fail() { failed_ = true; }
    void take(std::size_t count) { rest_.remove_prefix(count); }
    // Before a key or a value: the comma that is owed.
    void put_comma() {
        if (std::exchange(comma_owed_, false)) {
            out_ += ',';
        }
    }
    void ended(token what) {
        last_ = what;
        expect_ = expect::comma;
    }

    std::string_view rest_;
    text_end end_;
    std::vector<level> open_;
    expect expect_ = expect::value;
    token last_ = token::opening;
    bool comma_owed_ = false;
    bool failed_ = false;
    std::string out_;
    repaired_json result_;
};

void repairer::step(char c) {
    if (open_.empty()) {
        return between_values(c);
    }
    if (c == '}' || c == ']') {
        return close(c == '}' ? '{' : '[');
    }
    switch (expect_) {
        case expect::key:
            return key(c);
        case expect::colon:
            if (c != ':') {
                return fail();
            }
            take(1);
            out_ += ':';
            last_ = token::colon;
            expect_ = expect::value;
            return;
        case expect::value:
            put_comma();
            return value(c);
        case expect::comma:
            if (c != ',') {
                return fail();
            }
            take(1);
            comma_owed_ = true;
            last_ = token::comma;
            expect_ = open_.back().bracket == '{' ? expect::key : expect::value;
            return;
    }
}

void repairer::between_values(char c) {
    if (c == '{' || c == '[') {
        return open(c);
    }
    if (result_.values.empty() || std::string_view(",;}]").find(c) == std::string_view::npos) {
        return fail();
    }
    take(1);
}

void repairer::open(char bracket) {
    if (open_.size() >= max_json_depth) {
        return fail();
    }
    take(1);
    const bool doubled = bracket == '{' && rest_.starts_with('{');
    if (doubled) {
        take(1);
    }
    open_.push_back({bracket, doubled});
    out_ += bracket;
    last_ = token::opening;
    expect_ = bracket == '{' ? expect::key : expect::value;
}

// A bracket that closes an outer level closes the inner ones too.
void repairer::close(char bracket) {
    if (last_ == token::key || last_ == token::colon) {
        return fail();
    }
    while (!open_.empty() && open_.back().bracket != bracket) {
        close_inner();
    }
    if (open_.empty()) {
        return fail();
    }
    take(1);
    if (open_.back().doubled && rest_.starts_with('}')) {
        take(1);
    }
    close_inner();
}

void repairer::close_inner() {
    out_ += open_.back().bracket == '{' ? '}' : ']';
    open_.pop_back();
    comma_owed_ = false;
    ended(token::closing);
    if (open_.empty()) {
        result_.values.push_back(std::exchange(out_, {}));
    }
}

void repairer::key(char c) {
    put_comma();
    if (c == '"' || c == '\'') {
        string(c);
    } else if (begins_name(c)) {
        std::size_t length = 1;
        while (length < rest_.size() && (begins_name(rest_[length]) || core::is_digit(rest_[length]) ||
                                         rest_[length] == '-' || rest_[length] == '.')) {
            ++length;
        }
        out_ += '"';
        out_ += rest_.substr(0, length);
        out_ += '"';
        take(length);
    } else {
        return fail();
    }
    last_ = token::key;
    expect_ = expect::colon;
}

void repairer::value(char c) {
    if (c == '{' || c == '[') {
        open(c);
    } else if (c == '"' || c == '\'') {
        string(c);
        ended(token::string);
    } else if (begins_name(c)) {
        word();
    } else {
        const auto length = std::min(rest_.find_first_not_of(number_characters), rest_.size());
        if (length == 0) {
            return fail();
        }
        out_ += rest_.substr(0, length);
        take(length);
        ended(token::number);
    }
}

void repairer::word() {
    std::size_t length = 1;
    while (length < rest_.size() && begins_name(rest_[length])) {
        ++length;
    }
    const auto known = literal(rest_.substr(0, length));
    if (known.empty()) {
        return fail();
    }
    out_ += known;
    take(length);
    ended(token::word);
}

void repairer::string(char quote) {
    take(1);
    out_ += '"';
    while (!rest_.empty() && rest_.front() != quote) {
        const char c = rest_.front();
        if (c == '\\') {
            escape(quote);
            continue;
        }
        take(1);
        if (c == '"') {
            out_ += "\\\"";
        } else if (static_cast<unsigned char>(c) < 0x20) {
            control_character(c);
        } else {
            out_ += c;
        }
    }
    if (rest_.empty()) {
        return fail();
    }
    take(1);
    out_ += '"';
}

void repairer::escape(char quote) {
    const char kind = rest_.size() > 1 ? rest_[1] : '\0';
    if (kind == 'u') {
        return unicode_escape();
    }
    if (kind == '\'' || kind == quote) {
        take(2);
        out_ += kind == '"' ? "\\\"" : "'";
    } else if (kind != '\0' && std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos) {
        out_ += rest_.substr(0, 2);
        take(2);
    } else {
        take(1);
        out_ += "\\\\";
    }
}

void repairer::unicode_escape() {
    const auto code = escaped_code(rest_);
    if (code < 0) {
        take(1);
        out_ += "\\\\";
        return;
    }
    const auto next = escaped_code(rest_.substr(6));
    const bool high = code >= 0xD800 && code <= 0xDBFF;
    if (high && next >= 0xDC00 && next <= 0xDFFF) {
        out_ += rest_.substr(0, 12);
        take(12);
        return;
    }
    out_ += high || (code >= 0xDC00 && code <= 0xDFFF) ? std::string_view("\\ufffd") : rest_.substr(0, 6);
    take(6);
}

void repairer::control_character(char c) {
    switch (c) {
        case '\n':
            out_ += "\\n";
            return;
        case '\r':
            out_ += "\\r";
            return;
        case '\t':
            out_ += "\\t";
            return;
        default:
            out_ += "\\u00";
            out_ += hex_digits[static_cast<unsigned char>(c) >> 4U];
            out_ += hex_digits[static_cast<unsigned char>(c) & 0xFU];
    }
}

void repairer::finish() {
    if (open_.empty()) {
        return;
    }
    const bool whole = last_ == token::string || last_ == token::word || last_ == token::closing;
    const bool enough = last_ == token::number || last_ == token::comma;
    if (!whole && (!enough || end_ == text_end::maybe_cut)) {
        return fail();
    }
    result_.completed = true;
    while (!open_.empty()) {
        close_inner();
    }
}

}  // namespace

std::optional<repaired_json> repair_json(std::string_view text, text_end end) {
    return repairer(text, end).run();
}

}  // namespace corral::chat
