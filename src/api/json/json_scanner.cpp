#include "api/json/json_scanner.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"

namespace corral::api {

namespace {

constexpr std::string_view blanks = " \t\r\n";

// The code of "\uXXXX" at the beginning of `text`; -1 when that is not there.
std::int32_t escaped_code(std::string_view text) {
    if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') {
        return -1;
    }
    std::int32_t code = 0;
    for (const char c : text.substr(2, 4)) {
        const int digit = core::hex_value(c);
        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    return code;
}

std::string quoted(char c) {
    switch (c) {
        case '\'':
            return "'\\''";
        case '\n':
            return "'\\n'";
        case '\r':
            return "'\\r'";
        case '\t':
            return "'\\t'";
        case '\\':
            return "'\\\\'";
        default:
            break;
    }
    // Go takes the byte for a code point: those of Latin-1 that print are shown as such.
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x20 && code < 0x7F) {
        return std::string("'") + c + "'";
    }
    constexpr unsigned first_printed = 0xA1;
    constexpr unsigned soft_hyphen = 0xAD;
    if (code >= first_printed && code != soft_hyphen) {
        const char bytes[]{static_cast<char>(0xC0U | code >> 6U), static_cast<char>(0x80U | (code & 0x3FU))};
        return "'" + std::string(bytes, sizeof bytes) + "'";
    }
    constexpr std::string_view hex = "0123456789abcdef";
    return std::string(code < 0x80 ? "'\\x" : "'\\u00") + hex[code >> 4] + hex[code & 0xF] + "'";
}

// Length of the beginning of `text` that a string takes as it is.
std::size_t plain_run(std::string_view text) {
    const auto special = [](char c) {
        const auto code = static_cast<unsigned char>(c);
        return code < 0x20 || code >= 0x80 || c == '"' || c == '\\';
    };
    return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), special) - text.begin());
}

}  // namespace

core::result<std::string> json_scanner::scan() {
    const auto first = rest_.find_first_not_of(blanks);
    if (first == std::string_view::npos) {
        return core::make_failure(core::errc::not_found, core::say("request.no-body/missing-request"));
    }
    out_.reserve(rest_.size());
    while (!over_ && !failed_) {
        step();
    }
    if (failed_) {
        return why_;
    }
    return std::move(out_);
}

void json_scanner::step() {
    const auto skip = rest_.find_first_not_of(blanks);
    rest_.remove_prefix(skip == std::string_view::npos ? rest_.size() : skip);
    if (rest_.empty()) {
        return unexpected({});
    }
    const char c = rest_.front();
    switch (expect_) {
        case expect::value_or_end:
            if (c == ']') {
                return close();
            }
            [[fallthrough]];
        case expect::value:
            return begin_value();
        case expect::key_or_end:
        case expect::key:
            return key_or_close(c);
        case expect::colon:
            if (c != ':') {
                return unexpected("after object key");
            }
            take();
            expect_ = expect::value;
            return;
        case expect::comma_or_end:
            return comma_or_close(c);
    }
}

// The value that begins, against the bounds of all that it is in.
bool json_scanner::count_value() {
    // nlohmann's trees: a value, and with the spare room of the array that it may be in
    constexpr std::size_t value_bytes = 32;
    tree_bytes_ += value_bytes;
    if (++values_ > limits_.values) {
        fail(core::errc::limit_exceeded, core::say("request.json-too-much/values"));
        return false;
    }
    if (!open_.empty() && open_.back().bracket == '[') {
        level& in = open_.back();
        ++in.members;
        if (in.limit != nullptr && in.members > in.limit->elements) {
            too_many_in(*in.limit);
            return false;
        }
    }
    return true;
}

void json_scanner::too_many_in(const field_limit& which) {
    fail(core::errc::limit_exceeded,
         core::say("request.json-too-much/list", which.key, which.elements,
                   which.values == SIZE_MAX ? std::string()
                                            : ", and " + std::to_string(which.values) + " values in them"));
}

void json_scanner::begin_value() {
    constexpr std::size_t string_bytes = 80;  // its letters come on top
    if (!count_value()) {
        return;
    }
    if (open_.size() == 1) {
        top_value_ = out_.size();
    }
    const char c = rest_.front();
    if (c == '{' || c == '[') {
        return open(c);
    }
    if (c == '"') {
        const std::size_t begin = out_.size();
        string();
        tree_bytes_ += string_bytes + out_.size() - begin;
    } else if (c == '-' || core::is_digit(c)) {
        number();
    } else if (c == 't') {
        literal("true");
    } else if (c == 'f') {
        literal("false");
    } else if (c == 'n') {
        literal("null");
    } else {
        return unexpected("looking for beginning of value");
    }
    value_over();
}

void json_scanner::open(char bracket) {
    if (open_.size() >= limits_.depth && !may_skip(bracket)) {
        return;
    }
    constexpr std::size_t container_bytes = 64;
    tree_bytes_ += container_bytes;
    if (++containers_ > limits_.containers) {
        return fail(core::errc::limit_exceeded, core::say("request.json-too-much/containers"));
    }
    open_.push_back(level{bracket, std::exchange(next_limit_, nullptr), values_});
    take();
    expect_ = bracket == '{' ? expect::key_or_end : expect::value_or_end;
}

bool json_scanner::may_skip(char bracket) {
    if (limits_.skipped_depth == 0 || open_.front().bracket != '{') {
        fail(core::errc::limit_exceeded, core::say("request.json-too-deep/all", limits_.depth));
    } else if (open_.size() >= limits_.skipped_depth) {
        fail(core::errc::limit_exceeded, core::say("request.json-too-deep/max", quoted(bracket)));
    } else {
        skips_ = true;
    }
    return !failed_;
}

void json_scanner::end_of_member() {
    if (std::exchange(skips_, false)) {
        out_.resize(top_value_);
        out_ += "null";
        skipped_.push_back(top_key_);
    }
}

void json_scanner::close() {
    const level& over = open_.back();
    if (over.limit != nullptr && values_ - over.values_before > over.limit->values) {
        return too_many_in(*over.limit);
    }
    take();
    open_.pop_back();
    value_over();
}

void json_scanner::value_over() {
    over_ = open_.empty();
    if (open_.size() == 1) {
        end_of_member();
    }
    next_limit_ = nullptr;
    expect_ = expect::comma_or_end;
}

void json_scanner::comma_or_close(char c) {
    const bool object = open_.back().bracket == '{';
    if (c == (object ? '}' : ']')) {
        return close();
    }
    if (c != ',') {
        return unexpected(object ? "after object key:value pair" : "after array element");
    }
    take();
    expect_ = object ? expect::key : expect::value;
}

void json_scanner::key_or_close(char c) {
    if (c == '}' && expect_ == expect::key_or_end) {
        return close();
    }
    if (c != '"') {
        return unexpected("looking for beginning of object key string");
    }
    if (++open_.back().members > limits_.members) {
        return fail(core::errc::limit_exceeded, core::say("request.json-too-much/members"));
    }
    const std::size_t begin = out_.size();
    string();
    note_key(begin);
    expect_ = expect::colon;
}

// `begin`: where the key begins in what was copied.
void json_scanner::note_key(std::size_t begin) {
    constexpr std::size_t member_bytes = 96;  // with the spare room of the object
    constexpr std::size_t longest = 128;      // of the keys that matter, each letter as an escape
    const std::string_view quoted_key = std::string_view(out_).substr(begin);
    tree_bytes_ += member_bytes + quoted_key.size();
    if (open_.size() == 1) {
        top_key_ = quoted_key;
    }
    next_limit_ = nullptr;
    if (limits_.fields.empty() || failed_ || quoted_key.size() > longest) {
        return;
    }
    std::string key(quoted_key.substr(1, quoted_key.size() - 2));
    if (key.find('\\') != std::string::npos) {
        const auto read = nlohmann::json::parse(quoted_key, nullptr, false);
        key = read.is_string() ? read.get<std::string>() : std::string();
    }
    const std::string name = core::lower_case(key);
    const auto found = std::find_if(limits_.fields.begin(), limits_.fields.end(),
                                    [&name](const field_limit& each) { return each.key == name; });
    next_limit_ = found == limits_.fields.end() ? nullptr : &*found;
}

void json_scanner::string() {
    take();
    while (!failed_) {
        if (rest_.empty()) {
            return unexpected({});
        }
        const char c = rest_.front();
        if (c == '"') {
            return take();
        }
        if (c == '\\') {
            string_escape();
            continue;
        }
        if (static_cast<unsigned char>(c) < 0x20) {
            return unexpected("in string literal");
        }
        if (const std::size_t run = plain_run(rest_); run > 0) {
            out_ += rest_.substr(0, run);
            rest_.remove_prefix(run);
            continue;
        }
        const std::size_t length = core::character_length(rest_);
        out_ += length == 0 ? core::replacement_character : rest_.substr(0, length);
        rest_.remove_prefix(length == 0 ? 1 : length);
    }
}

void json_scanner::string_escape() {
    if (rest_.size() > 1 && rest_[1] == 'u') {
        return hex_escape();
    }
    const char kind = rest_.size() > 1 ? rest_[1] : '\0';
    take();
    if (rest_.empty() || std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) {
        return unexpected("in string escape code");
    }
    take();
}

void json_scanner::hex_escape() {
    const std::int32_t code = escaped_code(rest_);
    if (code < 0) {
        rest_.remove_prefix(2);
        while (!rest_.empty() && core::hex_value(rest_.front()) >= 0) {
            rest_.remove_prefix(1);
        }
        return unexpected("in \\u hexadecimal character escape");
    }
    if (code >= 0xD800 && code <= 0xDBFF && low_surrogate_follows()) {
        out_ += rest_.substr(0, 12);
        rest_.remove_prefix(12);
        return;
    }
    const bool lone = code >= 0xD800 && code <= 0xDFFF;
    out_ += lone ? std::string_view("\\ufffd") : rest_.substr(0, 6);
    rest_.remove_prefix(6);
}

bool json_scanner::low_surrogate_follows() const {
    const std::int32_t next = escaped_code(rest_.substr(6));
    return next >= 0xDC00 && next <= 0xDFFF;
}

void json_scanner::number() {
    if (rest_.front() == '-') {
        take();
    }
    if (!rest_.empty() && rest_.front() == '0') {
        take();
    } else {
        digits("in numeric literal");
    }
    if (!failed_ && !rest_.empty() && rest_.front() == '.') {
        take();
        digits("after decimal point in numeric literal");
    }
    if (!failed_ && !rest_.empty() && (rest_.front() == 'e' || rest_.front() == 'E')) {
        take();
        if (!rest_.empty() && (rest_.front() == '+' || rest_.front() == '-')) {
            take();
        }
        digits("in exponent of numeric literal");
    }
}

void json_scanner::digits(std::string_view where) {
    if (rest_.empty() || !core::is_digit(rest_.front())) {
        return unexpected(where);
    }
    while (!rest_.empty() && core::is_digit(rest_.front())) {
        take();
    }
}

void json_scanner::literal(std::string_view word) {
    for (const char wanted : word) {
        if (rest_.empty() || rest_.front() != wanted) {
            return unexpected("in literal " + std::string(word) + " (expecting " + quoted(wanted) + ")");
        }
        take();
    }
}

void json_scanner::fail(core::errc code, core::reason message) {
    failed_ = true;
    why_ = core::make_failure(code, std::move(message));
}

void json_scanner::unexpected(std::string_view where) {
    if (rest_.empty()) {
        return fail(core::errc::invalid, core::say("request.not-json/end"));
    }
    fail(core::errc::invalid, core::say("request.not-json/character", quoted(rest_.front()), where));
}

}  // namespace corral::api
