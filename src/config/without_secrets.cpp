#include "corral/config/without_secrets.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>
#include <variant>

#include "corral/core/text.hpp"
#include "corral/core/toml.hpp"

namespace corral::config {

namespace {

constexpr auto secret_words = std::to_array<std::string_view>(
    {"key", "secret", "passw", "passphrase", "pwd", "credential", "auth", "bearer", "cookie", "private"});

// Parts of the names of variables that say where something is, or how much of it.
constexpr auto harmless_ends = std::to_array<std::string_view>(
    {"path", "_home", "_dir", "_threads", "_devices", "_level", "_port", "_memory", "lang", "tz", "preload"});

// Not "tokenizer", and not a number of tokens.
bool names_token(const std::string& lower) {
    constexpr std::string_view word = "token";
    std::size_t at = 0;
    while ((at = lower.find(word, at)) != std::string::npos) {
        at += word.size();
        if (at == lower.size() || (lower[at] != 'i' && lower[at] != 's')) {
            return true;
        }
    }
    return false;
}

bool is_harmless_variable(std::string_view name) {
    const std::string lower = core::lower_case(name);
    return !names_secret(name) &&
           std::ranges::any_of(harmless_ends, [&](std::string_view end) { return lower.ends_with(end); });
}

// Such as a key file: the place is no secret.
bool is_place(std::string_view value) {
    return value.starts_with('/') || value.starts_with("./") || value.ends_with(".pem") ||
           value.ends_with(".key") || value.ends_with(".crt");
}

// "http://anna:word@host/" to "http://(left out)@host/".
std::string without_user(std::string value) {
    std::size_t scheme = 0;
    while ((scheme = value.find("://", scheme)) != std::string::npos) {
        scheme += 3;
        const std::size_t end = std::min(value.find_first_of("/?# \"'", scheme), value.size());
        const std::size_t at = value.rfind('@', end);
        if (at != std::string::npos && at >= scheme && at < end) {
            value.replace(scheme, at - scheme, left_out);
            scheme += left_out.size();
        }
    }
    return value;
}

bool is_blank(char c) {
    return core::white_space.find(c) != std::string_view::npos;
}

bool is_quote(char c) {
    return c == '"' || c == '\'' || c == '`';
}

bool is_part_of_name(char c) {
    return core::is_letter(c) || core::is_digit(c) || c == '_' || c == '-' || c == '.';
}

// Of a text with words in it, such as the one behind "sh -c".
class text_redactor {
public:
    explicit text_redactor(std::string_view text) : text_(text) {}

    std::string read() {
        while (at_ < text_.size()) {
            if (is_part_of_name(text_[at_])) {
                name();
            } else {
                keep(1);
            }
        }
        return std::move(out_);
    }

private:
    void keep(std::size_t count) {
        const auto kept = text_.substr(at_, count);
        out_ += kept;
        at_ += kept.size();
    }
    void keep_blanks() {
        while (at_ < text_.size() && is_blank(text_[at_])) {
            keep(1);
        }
    }
    [[nodiscard]] bool at_blank(std::size_t place) const {
        return place < text_.size() && is_blank(text_[place]);
    }

    void name() {
        const char before = at_ == 0 ? ' ' : text_[at_ - 1];
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_part_of_name(text_[at_])) {
            keep(1);
        }
        const std::string_view name = text_.substr(begin, at_ - begin);
        const char behind = at_ < text_.size() ? text_[at_] : '\0';
        if (!names_secret(name)) {
            return;
        }
        if (core::equal_ignoring_case(name, "bearer") && is_blank(behind)) {
            keep_blanks();
            leave_out(end_of_value(), false);
        } else if (behind == '=') {
            keep(1);
            leave_out(end_of_value(), true);
        } else if (behind == ':' && (at_blank(at_ + 1) || is_header(name))) {
            keep(1);
            keep_blanks();
            leave_out(std::min(text_.find(is_quote(before) ? before : '\n', at_), text_.size()), false);
        } else if (name.starts_with('-') && is_blank(behind)) {
            keep_blanks();
            leave_out(at_ < text_.size() && text_[at_] == '-' ? at_ : end_of_value(), true);
        }
    }

    // Such as "Authorization:word"; "keycloak:24" is something else.
    static bool is_header(std::string_view name) {
        const std::string lower = core::lower_case(name);
        return lower.ends_with("authorization") || lower.ends_with("api-key") || lower.ends_with("cookie");
    }

    // Where a shell's word ends, which may have parts in quotes.
    [[nodiscard]] std::size_t end_of_value() const {
        std::size_t end = at_;
        while (end < text_.size() && !is_blank(text_[end])) {
            if (is_quote(text_[end])) {
                const std::size_t partner = text_.find(text_[end], end + 1);
                if (partner == std::string_view::npos) {
                    break;
                }
                end = partner;
            } else if (text_[end] == '\\') {
                ++end;
            }
            ++end;
        }
        return std::min(end, text_.size());
    }

    void leave_out(std::size_t end, bool may_be_place) {
        std::string_view value = text_.substr(at_, end - at_);
        if (!value.empty() && is_quote(value.front())) {
            value.remove_prefix(1);
        }
        if (value.empty() || (may_be_place && is_place(value))) {
            keep(end - at_);
            return;
        }
        out_ += left_out;
        at_ = end;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string out_;
};

// True when the word behind it is a secret. `secret`: this one is, for the one before it named it.
bool redact(std::string& value, bool secret) {
    const bool option = value.starts_with('-');
    if (secret && !option) {
        value = is_place(value) ? without_user(value) : std::string(left_out);
        return false;
    }
    const std::size_t equals = value.find('=');
    const std::string_view name = std::string_view(value).substr(0, equals);
    const bool one_name =
        option ? std::ranges::none_of(name, is_blank) : std::ranges::all_of(name, is_part_of_name);
    const bool named = one_name && names_secret(name);
    if (named && equals != std::string::npos && !is_place(std::string_view(value).substr(equals + 1))) {
        value.replace(equals + 1, std::string::npos, left_out);
    } else {
        value = word_without_secrets(value);
    }
    return option && named && equals == std::string::npos;
}

class redactor {
public:
    void table(toml::table& of, bool environment) {
        for (auto&& [key, value] : of) {
            const std::string_view name = key.str();
            if (toml::table* const inner = value.as_table()) {
                table(*inner, environment || name == "environment");
            } else if (toml::array* const list = value.as_array()) {
                array(*list, environment, names_secret(name));
            } else if (toml::value<std::string>* const text = value.as_string()) {
                const bool hidden =
                    environment ? !is_harmless_variable(name) : names_secret(name) && !is_place(text->get());
                text->get() = hidden ? std::string(left_out) : without_user(text->get());
            }
        }
    }

private:
    // Of words of a command, the one behind "--api-key".
    void array(toml::array& of, bool environment, bool secret) {
        bool next = false;
        for (toml::node& each : of) {
            if (toml::table* const inner = each.as_table()) {
                table(*inner, environment);
            } else if (toml::array* const list = each.as_array()) {
                array(*list, environment, secret);
            } else if (toml::value<std::string>* const text = each.as_string()) {
                next = redact(text->get(), secret || next || environment);
            } else {
                next = false;
            }
        }
    }
};

}  // namespace

bool names_secret(std::string_view key) {
    const std::string lower = core::lower_case(key);
    return names_token(lower) || std::ranges::any_of(secret_words, [&](std::string_view word) {
               return lower.find(word) != std::string::npos;
           });
}

std::string word_without_secrets(std::string_view word) {
    return without_user(text_redactor(word).read());
}

std::vector<std::string> command_without_secrets(std::vector<std::string> words) {
    bool next = false;
    for (std::string& word : words) {
        next = redact(word, next);
    }
    return words;
}

std::optional<std::string> without_secrets(std::string_view text) {
    auto parsed = core::parse_toml(text, "");
    auto* const root = std::get_if<toml::table>(&parsed);
    if (root == nullptr) {
        return std::nullopt;
    }
    redactor().table(*root, false);
    std::ostringstream out;
    out << toml::toml_formatter(*root) << '\n';
    return std::move(out).str();
}

}  // namespace corral::config
