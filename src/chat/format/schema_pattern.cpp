#include "chat/format/schema_pattern.hpp"

#include <string>

#include "corral/core/say.hpp"
#include "corral/core/utf8.hpp"

namespace corral::chat {

namespace {

constexpr std::size_t max_pattern_bytes = 4 * 1024;

// An ECMA-262 pattern in RE2's syntax: \uXXXX and \u{X} become \x{X}; all else that RE2 knows is alike.
std::string with_re2_escapes(std::string_view pattern) {
    constexpr std::size_t digits = 4;
    std::string out;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (pattern[at] != '\\' || at + 1 == pattern.size()) {
            out += pattern[at];
            continue;
        }
        const std::string_view rest = pattern.substr(at + 2);
        if (pattern[at + 1] == 'u' && rest.starts_with('{')) {
            out += "\\x";
        } else if (pattern[at + 1] == 'u' && rest.size() >= digits) {
            out.append("\\x{").append(rest.substr(0, digits)).append("}");
            at += digits;
        } else {
            out.append(pattern.substr(at, 2));
        }
        ++at;
    }
    return out;
}

}  // namespace

core::result<std::shared_ptr<const re2::RE2>> make_pattern(std::string_view pattern) {
    if (pattern.size() > max_pattern_bytes) {
        return core::make_failure(core::errc::refused,
                                  core::say("request.format-schema/pattern-must", max_pattern_bytes));
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    constexpr std::int64_t max_memory = 128 * 1024;
    options.set_max_mem(max_memory);
    auto made = std::make_shared<const re2::RE2>(with_re2_escapes(pattern), options);
    if (!made->ok()) {
        constexpr std::size_t longest = 100;
        return core::make_failure(
            core::errc::refused,
            core::say("request.format-schema/pattern-run",
                      std::string(core::cut_between_characters(made->error(), longest))));
    }
    return made;
}

}  // namespace corral::chat
