#include "corral/config/key_ring.hpp"

#include <algorithm>
#include <functional>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::config {

namespace {

constexpr std::string_view blank = " \t\r";

// The next word of `rest`, which loses it; empty at the end.
std::string_view take_word(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(blank), rest.size()));
    const std::string_view word = rest.substr(0, rest.find_first_of(blank));
    rest.remove_prefix(word.size());
    return word;
}

std::optional<key_digest> digest_of(std::string_view key) {
    key_digest out{};
    unsigned length = 0;
    const bool made = EVP_Digest(key.data(), key.size(), out.data(), &length, EVP_sha256(), nullptr) == 1;
    return made && length == out.size() ? std::optional(out) : std::nullopt;
}

struct scope_word {
    std::string_view word;
    bool key_scopes::*scope;
};
constexpr std::array<scope_word, 4> scope_words{{{"inference", &key_scopes::inference},
                                                 {"observe", &key_scopes::observe},
                                                 {"operate", &key_scopes::operate},
                                                 {"pull", &key_scopes::pull}}};

// What is wrong with the line of `made`, whose words are given; empty when nothing is.
core::reason problem(std::string_view name, bool has_digest, std::string_view scopes, std::string_view rest) {
    if (!is_key_name(name)) {
        return core::say("configuration.key-file/line-name");
    }
    if (!has_digest) {
        return core::say("configuration.key-file/digest", name);
    }
    if (!rest.empty() || (!scopes.empty() && !parse_scopes(scopes))) {
        return core::say("configuration.key-file/behind", name);
    }
    return {};
}

core::reason twin_problem(const std::vector<key_entry>& all, const key_entry& made) {
    for (const key_entry& other : all) {
        if (other.name == made.name) {
            return core::say("configuration.key-file/twin-name", made.name, other.line);
        }
        if (other.digest == made.digest) {
            return core::say("configuration.key-file/twin-key", made.name, other.line, other.name);
        }
    }
    return {};
}

}  // namespace

std::optional<key_scopes> parse_scopes(std::string_view text) {
    key_scopes out{false, false, false, false};
    for (const std::string_view word : core::split(text, ',')) {
        const auto known = std::ranges::find(scope_words, word, &scope_word::word);
        if (known == scope_words.end()) {
            return std::nullopt;
        }
        out.*(known->scope) = true;
    }
    return out;
}

std::vector<std::string_view> scope_names(const key_scopes& scopes) {
    std::vector<std::string_view> out;
    for (const scope_word& one : scope_words) {
        if (scopes.*(one.scope)) {
            out.push_back(one.word);
        }
    }
    return out;
}

std::string scopes_text(const key_scopes& scopes) {
    std::string out;
    for (const std::string_view word : scope_names(scopes)) {
        out.append(out.empty() ? "" : ",").append(word);
    }
    return out;
}

bool holds(const key_scopes& all, const key_scopes& some) {
    return std::ranges::all_of(scope_words, [&](const scope_word& one) {
        return !(some.*(one.scope)) || all.*(one.scope) || (one.scope == &key_scopes::pull && all.operate);
    });
}

namespace {

bool is_newer(std::string_view text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (!line.starts_with(key_file_head)) {
        return false;
    }
    const auto format = core::whole_number<unsigned>(line.substr(key_file_head.size()));
    return format && *format > key_file_format;
}

// Of "made 2026-02-03 by anna", a comment; empty: of any other.
std::string maker_in(std::string_view comment) {
    if (take_word(comment) != "made" || take_word(comment).empty() || take_word(comment) != "by") {
        return {};
    }
    const std::string_view name = take_word(comment);
    return is_key_name(name) ? std::string(name) : std::string();
}

}  // namespace

bool is_key_name(std::string_view name) {
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    constexpr std::size_t longest = 64;
    return !name.empty() && name.size() <= longest &&
           name.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_new_key_name(std::string_view name) {
    return is_key_name(name) && (core::is_letter(name.front()) || core::is_digit(name.front()));
}

key_ring_reading key_ring::parse(std::string_view text, const std::string& file) {
    key_ring made;
    made.fingerprint_ = std::hash<std::string_view>()(text);
    key_ring_reading out;
    std::uint32_t number = 0;
    if (is_newer(text)) {
        out.errors.push_back({file, 1, 1, core::say("configuration.newer-state/keys")});
        return out;
    }
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        ++number;
        const auto mark = std::min(line.find('#'), line.size());
        const std::string_view comment = line.substr(std::min(mark + 1, line.size()));
        line = line.substr(0, mark);
        const std::string_view name = take_word(line);
        if (name.empty()) {
            continue;
        }
        const auto digest = core::hex_bytes<key_digest>(take_word(line));
        const std::string_view scopes = take_word(line);
        key_entry entry{std::string(name), digest.value_or(key_digest{}),
                        parse_scopes(scopes).value_or(key_scopes{}), maker_in(comment), number};
        core::reason wrong = problem(name, digest.has_value(), scopes, take_word(line));
        if (wrong.empty()) {
            wrong = twin_problem(made.all_, entry);
        }
        if (wrong.empty()) {
            made.all_.push_back(std::move(entry));
        } else {
            out.errors.push_back({file, number, 1, std::move(wrong)});
        }
    }
    if (out.errors.empty()) {
        out.value = std::move(made);
    }
    return out;
}

const key_entry* key_ring::find(std::string_view key) const {
    const auto asked = digest_of(key);
    const key_entry* owner = nullptr;
    for (const key_entry& each : all_) {
        // No way out before the end: the time must not tell which one fitted.
        if (asked && CRYPTO_memcmp(each.digest.data(), asked->data(), asked->size()) == 0) {
            owner = &each;
        }
    }
    return owner;
}

}  // namespace corral::config
