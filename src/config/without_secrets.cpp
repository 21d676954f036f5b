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

constexpr std::string_view left_out = "(left out)";

constexpr auto secret_words = std::to_array<std::string_view>(
    {"key", "secret", "passw", "pwd", "credential", "auth", "bearer", "cookie", "private"});

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

bool names_secret(std::string_view key) {
    const std::string lower = core::lower_case(key);
    return names_token(lower) || std::ranges::any_of(secret_words, [&](std::string_view word) {
               return lower.find(word) != std::string::npos;
           });
}

bool is_harmless_variable(std::string_view name) {
    const std::string lower = core::lower_case(name);
    return !names_secret(name) &&
           std::ranges::any_of(harmless_ends, [&](std::string_view end) { return lower.ends_with(end); });
}

// Such as a file of keys: the place is no secret.
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
                next = word(text->get(), secret || next || environment);
            } else {
                next = false;
            }
        }
    }

    // True when the word behind it is a secret.
    static bool word(std::string& value, bool secret) {
        if (!value.starts_with('-')) {
            value = secret && !is_place(value) ? std::string(left_out) : without_user(value);
            return false;
        }
        const std::size_t equals = value.find('=');
        const bool named = names_secret(std::string_view(value).substr(0, equals));
        if (named && equals != std::string::npos && !is_place(std::string_view(value).substr(equals + 1))) {
            value.replace(equals + 1, std::string::npos, left_out);
        } else {
            value = without_user(value);
        }
        return named && equals == std::string::npos;
    }
};

}  // namespace

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
