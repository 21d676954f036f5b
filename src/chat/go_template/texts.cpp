#include "chat/go_template/texts.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "chat/json/json_text.hpp"
#include "corral/core/utf8.hpp"

namespace corral::chat::go_template {

namespace {

std::optional<char> simple_escape(char c) {
    constexpr std::string_view names = "abfnrtv\\'\"";
    constexpr std::string_view meant = "\a\b\f\n\r\t\v\\'\"";
    const auto at = names.find(c);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    return meant[at];
}

// The code point of `digits`; \x and octal numbers are bytes in Go, of which only ASCII is taken.
std::optional<std::uint32_t> numbered(std::string_view digits, int base, std::uint32_t most) {
    unsigned long number = 0;
    const auto done = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    const bool surrogate = number >= 0xD800 && number <= 0xDFFF;
    if (done.ptr != digits.data() + digits.size() || number > most || surrogate) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(number);
}

// What stands between the percent sign and the verb.
struct directive {
    bool minus = false;
    bool plus = false;
    bool zero = false;
    std::size_t width = 0;
    std::size_t precision = 0;
    bool has_precision = false;
};

constexpr std::size_t widest = 1000;

std::string_view cut(std::string_view text, std::size_t most) {
    std::size_t end = 0;
    for (; end < text.size() && most > 0; --most) {
        end += core::next_utf8(text.substr(end)).length;
    }
    return text.substr(0, end);
}

std::size_t digits(std::string_view& format) {
    std::size_t out = 0;
    while (!format.empty() && format.front() >= '0' && format.front() <= '9') {
        out = std::min(widest, out * 10 + static_cast<std::size_t>(format.front() - '0'));
        format.remove_prefix(1);
    }
    return out;
}

directive taken(std::string_view& format) {
    directive out;
    while (!format.empty() && std::string_view("-+# 0").find(format.front()) != std::string_view::npos) {
        out.minus = out.minus || format.front() == '-';
        out.plus = out.plus || format.front() == '+';
        out.zero = out.zero || format.front() == '0';
        format.remove_prefix(1);
    }
    out.width = digits(format);
    if (format.starts_with('.')) {
        format.remove_prefix(1);
        out.has_precision = true;
        out.precision = digits(format);
    }
    return out;
}

std::string real(const directive& how, char verb, double number) {
    std::array<char, 8> format{'%', '.', '*', verb, '\0'};
    std::array<char, 1400> room{};
    const int precision = static_cast<int>(how.has_precision ? how.precision : verb == 'g' ? 17 : 6);
    const int size = std::snprintf(room.data(), room.size(), format.data(), precision, number);
    return std::string(room.data(), static_cast<std::size_t>(std::max(size, 0)));
}

std::string hex(std::string_view text, bool upper) {
    const std::string_view names = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out += names[byte >> 4U];
        out += names[byte & 0xFU];
    }
    return out;
}

std::string hex(std::int64_t number, bool upper) {
    std::array<char, 24> room{};
    const auto magnitude =
        number < 0 ? 0ULL - static_cast<unsigned long long>(number) : static_cast<unsigned long long>(number);
    (void)std::snprintf(room.data(), room.size(), upper ? "%llX" : "%llx", magnitude);
    return (number < 0 ? "-" : "") + std::string(room.data());
}

std::string misfit(char verb, const value& what) {
    std::string out = "%!";
    out += verb;
    return out + "(" + what.kind() + "=" + printed(what) + ")";
}

std::string whole(char verb, const value& what, std::int64_t number) {
    if (verb == 'd') {
        return std::to_string(number);
    }
    if (verb != 'c') {
        return hex(number, verb == 'X');
    }
    std::string out;
    const bool fits = number >= 0 && number <= 0x10FFFF && (number < 0xD800 || number > 0xDFFF);
    if (!fits) {
        return misfit(verb, what);
    }
    core::append_utf8(out, static_cast<std::uint32_t>(number));
    return out;
}

std::string written(const directive& how, char verb, const value& what) {
    const bool texts = verb == 'v' || verb == 's';
    if (texts) {
        const auto text = printed(what);
        return std::string(how.has_precision ? cut(text, how.precision) : std::string_view(text));
    }
    if (verb == 'q' && (what.is_text() || what.is_nil())) {
        return spaced_json(json(printed(what)));
    }
    if (verb == 't' && what.is_boolean()) {
        return printed(what);
    }
    if (const auto number = what.whole_number();
        number && std::string_view("dxXc").find(verb) != std::string_view::npos) {
        return whole(verb, what, *number);
    }
    if (what.is_text() && (verb == 'x' || verb == 'X')) {
        return hex(what.text(), verb == 'X');
    }
    if (what.is_number() && !what.whole_number() &&
        std::string_view("feg").find(verb) != std::string_view::npos) {
        return verb == 'g' && !how.has_precision ? printed(what) : real(how, verb, what.number());
    }
    return misfit(verb, what);
}

void append_padded(std::string& to, const directive& how, std::string text, bool number) {
    if (how.plus && number && !text.starts_with('-')) {
        text.insert(0, "+");
    }
    const auto size = core::characters_of(text);
    const auto missing = how.width > size ? how.width - size : 0;
    if (how.minus) {
        to += text;
        to.append(missing, ' ');
    } else if (how.zero && number) {
        const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
        to.append(text, 0, sign);
        to.append(missing, '0');
        to.append(text, sign, std::string::npos);
    } else {
        to.append(missing, ' ');
        to += text;
    }
}

}  // namespace

std::optional<std::string> unquoted(std::string_view inside) {
    std::string out;
    while (!inside.empty()) {
        const char c = inside.front();
        inside.remove_prefix(1);
        if (c != '\\') {
            out += c;
            continue;
        }
        if (inside.empty()) {
            return std::nullopt;
        }
        const char name = inside.front();
        if (const auto simple = simple_escape(name)) {
            out += *simple;
            inside.remove_prefix(1);
            continue;
        }
        const bool octal = name >= '0' && name <= '7';
        const std::size_t digits = octal ? 3 : name == 'x' ? 2 : name == 'u' ? 4 : name == 'U' ? 8 : 0;
        const std::size_t skipped = octal ? 0 : 1;
        if (digits == 0 || inside.size() < skipped + digits) {
            return std::nullopt;
        }
        const bool byte = octal || name == 'x';
        const auto character =
            numbered(inside.substr(skipped, digits), octal ? 8 : 16, byte ? 0x7F : 0x10FFFF);
        if (!character) {
            return std::nullopt;
        }
        core::append_utf8(out, *character);
        inside.remove_prefix(skipped + digits);
    }
    return out;
}

std::string print_text(std::span<const value> from, std::size_t most) {
    std::string out;
    const value* before = nullptr;
    for (const auto& one : from) {
        if (out.size() > most) {
            break;
        }
        if (before != nullptr && !before->is_text() && !one.is_text()) {
            out += ' ';
        }
        out += printed(one);
        before = &one;
    }
    return out;
}

std::string println_text(std::span<const value> from, std::size_t most) {
    std::string out;
    for (const auto& one : from) {
        if (out.size() > most) {
            break;
        }
        out += &one == from.data() ? "" : " ";
        out += printed(one);
    }
    return out + '\n';
}

std::string printf_text(std::string_view format, std::span<const value> from, std::size_t most) {
    std::string out;
    while (!format.empty() && out.size() <= most) {
        const auto percent = std::min(format.find('%'), format.size());
        out += format.substr(0, percent);
        format.remove_prefix(percent);
        if (format.empty()) {
            break;
        }
        format.remove_prefix(1);
        const auto how = taken(format);
        if (format.empty()) {
            out += "%!(NOVERB)";
            break;
        }
        const char verb = format.front();
        format.remove_prefix(1);
        if (verb == '%') {
            out += '%';
        } else if (static_cast<unsigned char>(verb) >= 0x80) {
            out += "%!(NOVERB)";
            format = format.substr(std::min(
                static_cast<std::size_t>(std::ranges::find_if_not(format, core::continues_character) -
                                         format.begin()),
                format.size()));
        } else if (from.empty()) {
            out += "%!";
            out += verb;
            out += "(MISSING)";
        } else {
            append_padded(out, how, written(how, verb, from.front()), from.front().is_number());
            from = from.subspan(1);
        }
    }
    return out;
}

}  // namespace corral::chat::go_template
