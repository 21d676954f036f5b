#include "request_parser.hpp"

#include <algorithm>

#include "corral/core/text.hpp"

namespace corral::http {

namespace {

std::optional<std::string> decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at];
            continue;
        }
        if (text.size() - at < 3) {
            return std::nullopt;
        }
        const int high = core::hex_value(text[at + 1]);
        const int low = core::hex_value(text[at + 2]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        const int value = high * 16 + low;
        if (value < 0x20 || value == 0x7f) {
            return std::nullopt;
        }
        out += static_cast<char>(value);
        at += 2;
    }
    return out;
}

std::string clean_slashes(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    for (const char letter : path) {
        if (letter != '/' || out.empty() || out.back() != '/') {
            out += letter;
        }
    }
    if (out.size() > 1 && out.back() == '/') {
        out.pop_back();
    }
    return out;
}

// Moves "http://host" from an absolute target to `host`; servers must take one (RFC 9112 §3.2.2).
bool take_host(std::string_view& target, std::string& host) {
    constexpr std::string_view mark = "://";
    const std::size_t begin = std::min(target.find(mark), target.size());
    const std::string_view scheme = target.substr(0, begin);
    if (!core::equal_ignoring_case(scheme, "http") && !core::equal_ignoring_case(scheme, "https")) {
        return false;
    }
    target.remove_prefix(std::min(begin + mark.size(), target.size()));
    host = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(host.size());
    return !host.empty();
}

}  // namespace

std::optional<request_target> split_target(std::string_view method, std::string_view target) {
    if (target == "*") {
        return method == "OPTIONS" ? std::optional(request_target{"*", {}, {}}) : std::nullopt;
    }
    if (target.empty() || target.find('#') != std::string_view::npos) {
        return std::nullopt;
    }
    request_target out;
    if (target.front() != '/' && !take_host(target, out.host)) {
        return std::nullopt;
    }
    const std::size_t mark = target.find('?');
    auto path = decode(target.substr(0, mark));
    if (!path) {
        return std::nullopt;
    }
    out.path = path->empty() ? "/" : clean_slashes(*path);
    if (mark != std::string_view::npos) {
        out.query = target.substr(mark + 1);
    }
    return out;
}

}  // namespace corral::http
