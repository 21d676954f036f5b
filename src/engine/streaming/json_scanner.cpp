#include "engine/streaming/json_scanner.hpp"
#include "corral/core/say.hpp"
#include "corral/core/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace corral::engine::streaming {

namespace {

constexpr std::size_t longest_word = 64;  // no number that a server means is longer

core::failure no_json(std::string what) {
    return core::make_failure(core::errc::protocol, core::say("runtime.protocol/answer-json", what));
}

core::failure too_much(std::string what) {
    return core::make_failure(core::errc::limit_exceeded, core::say("runtime.protocol/runtime", what));
}

bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_word_byte(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '+' || c == '.';
}

// Python's dumps() writes NaN and Infinity as well.
bool is_word(std::string_view word) {
    constexpr std::array<std::string_view, 6> names{"true", "false", "null", "NaN", "Infinity", "-Infinity"};
    if (std::find(names.begin(), names.end(), word) != names.end()) {
        return true;
    }
    double value = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
    const char first = word.size() > 1 && word.front() == '-' ? word[1] : word.front();
    return read.ec != std::errc::invalid_argument && read.ptr == word.data() + word.size() && first >= '0' &&
           first <= '9';
}

std::string utf8(unsigned point) {
    std::string out;
    core::append_utf8(out, point);
    return out;
}

constexpr unsigned replacement = 0xFFFD;

}  // namespace

core::result<void> json_scanner::feed(std::string_view bytes) {
    all_ += bytes.size();
    if (all_ > bounds_.all) {
        return too_much("more than " + std::to_string(bounds_.all >> 20U) + " MiB");
    }
    for (std::size_t at = 0; at < bytes.size();) {
        const std::uint64_t before = in_document_;
        if (step_ == step::text) {
            const auto taken = run_of_text(bytes.substr(at));
            if (!taken) {
                return taken.error();
            }
            at += *taken;
            in_document_ = before + *taken;
        } else {
            if (const auto done = on_byte(bytes[at]); !done) {
                return done.error();
            }
            ++at;
            in_document_ = between_documents() ? 0 : before + 1;
            between_ = between_documents() ? between_ + 1 : 0;
        }
        if (in_document_ > bounds_.document) {
            return too_much("a document of more than " + std::to_string(bounds_.document >> 10U) + " KiB");
        }
        if (between_ > bounds_.between) {
            return too_much("more than " + std::to_string(bounds_.between >> 10U) +
                            " KiB of nothing between two documents");
        }
    }
    return {};
}

core::result<void> json_scanner::on_byte(char c) {
    switch (step_) {
        case step::escape:
            return on_escape(c);
        case step::unicode:
            return on_hex(c);
        case step::word:
            if (is_word_byte(c)) {
                if (text_.size() >= longest_word) {
                    return no_json("a word of more than " + std::to_string(longest_word) + " bytes");
                }
                text_ += c;
                return {};
            }
            if (const auto ended = end_word(); !ended) {
                return ended.error();
            }
            return on_byte(c);
        default:
            return is_space(c) ? core::result<void>{} : on_structure(c);
    }
}

core::result<void> json_scanner::on_structure(char c) {
    switch (step_) {
        case step::first_key:
        case step::key:
            if (c == '"') {
                begin_text(true);
                return {};
            }
            return c == '}' && step_ == step::first_key ? close(true)
                                                        : core::result<void>(no_json("a key is missing"));
        case step::colon:
            if (c != ':') {
                return no_json("a key without a colon");
            }
            step_ = step::value;
            return {};
        case step::next:
            if (c == ',') {
                step_ = stack_.back() ? step::key : step::value;
                return {};
            }
            return c == '}' || c == ']' ? close(c == '}') : core::result<void>(no_json("a comma is missing"));
        case step::first_element:
            return c == ']' ? close(false) : on_value_byte(c);
        default:
            return on_value_byte(c);
    }
}

core::result<void> json_scanner::on_value_byte(char c) {
    if (c == '{' || c == '[') {
        return open(c == '{');
    }
    if (stack_.empty()) {
        return no_json("it does not begin with a brace");
    }
    if (c == '"') {
        begin_text(false);
        return {};
    }
    if (!is_word_byte(c)) {
        return no_json("a value is missing");
    }
    step_ = step::word;
    text_.assign(1, c);
    return {};
}

core::result<void> json_scanner::open(bool object) {
    if (stack_.size() >= bounds_.depth) {
        return too_much("more than " + std::to_string(bounds_.depth) + " levels");
    }
    stack_.push_back(object);
    step_ = object ? step::first_key : step::first_element;
    hears_.on_open(object);
    return {};
}

core::result<void> json_scanner::close(bool object) {
    if (stack_.back() != object) {
        return no_json("a bracket closes what it did not open");
    }
    stack_.pop_back();
    step_ = stack_.empty() ? step::value : step::next;
    hears_.on_close();
    return {};
}

void json_scanner::begin_text(bool key) {
    step_ = step::text;
    text_is_key_ = key;
    wanted_ = key || hears_.wants_text();
    text_.clear();
    high_ = 0;
}

// Up to the next quote or backslash in one go: most of what comes is unwanted repetition.
core::result<std::size_t> json_scanner::run_of_text(std::string_view bytes) {
    const auto special = std::find_if(bytes.begin(), bytes.end(), [](char c) {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    });
    const auto plain = static_cast<std::size_t>(special - bytes.begin());
    if (plain > 0) {
        if (const auto added = add(bytes.substr(0, plain)); !added) {
            return added.error();
        }
    }
    if (special == bytes.end()) {
        return plain;
    }
    if (static_cast<unsigned char>(*special) < 0x20) {
        return no_json("a control character within a text");
    }
    if (*special == '\\') {
        step_ = step::escape;
    } else if (const auto ended = end_text(); !ended) {
        return ended.error();
    }
    return plain + 1;
}

core::result<void> json_scanner::add(std::string_view bytes) {
    if (const auto paired = end_pair(); !paired) {
        return paired.error();
    }
    if (!wanted_) {
        return {};
    }
    if (text_.size() + bytes.size() > bounds_.text) {
        return too_much("a text of more than " + std::to_string(bounds_.text >> 10U) + " KiB in one piece");
    }
    text_ += bytes;
    return {};
}

// A first half of a pair whose second did not come.
core::result<void> json_scanner::end_pair() {
    if (high_ == 0) {
        return {};
    }
    high_ = 0;
    return add(utf8(replacement));
}

core::result<void> json_scanner::on_escape(char c) {
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view bytes = "\"\\/\b\f\n\r\t";
    if (c == 'u') {
        step_ = step::unicode;
        unit_ = 0;
        digits_ = 0;
        return {};
    }
    const std::size_t which = names.find(c);
    if (which == std::string_view::npos) {
        return no_json("an unknown escape within a text");
    }
    step_ = step::text;
    return add(bytes.substr(which, 1));
}

core::result<void> json_scanner::on_hex(char c) {
    unsigned digit = 0;
    if (std::from_chars(&c, &c + 1, digit, 16).ec != std::errc()) {
        return no_json("an escape without its four digits");
    }
    unit_ = unit_ * 16 + digit;
    if (++digits_ < 4) {
        return {};
    }
    step_ = step::text;
    return add_code_unit(unit_);
}

core::result<void> json_scanner::add_code_unit(unsigned unit) {
    const bool first_half = unit >= 0xD800 && unit < 0xDC00;
    const bool second_half = unit >= 0xDC00 && unit < 0xE000;
    if (second_half && high_ != 0) {
        const unsigned point = 0x10000 + ((high_ - 0xD800) << 10U) + (unit - 0xDC00);
        high_ = 0;
        return add(utf8(point));
    }
    if (const auto paired = end_pair(); !paired) {
        return paired.error();
    }
    if (first_half) {
        high_ = unit;
        return {};
    }
    return add(utf8(second_half ? replacement : unit));
}

core::result<void> json_scanner::end_text() {
    if (const auto paired = end_pair(); !paired) {
        return paired.error();
    }
    step_ = text_is_key_ ? step::colon : step::next;
    if (text_is_key_) {
        hears_.on_key(text_);
    } else if (wanted_) {
        hears_.on_text(text_);
    }
    return {};
}

core::result<void> json_scanner::end_word() {
    if (!is_word(text_)) {
        return no_json("a value that is neither a text, a number, true, false nor null");
    }
    step_ = step::next;
    hears_.on_word(text_);
    return {};
}

}  // namespace corral::engine::streaming
