#include "request_parser.hpp"

#include <boost/beast/core/string.hpp>

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

// Cuts "http://host" from an absolute target; servers must take one (RFC 9112 §3.2.2).
std::optional<std::string_view> without_authority(std::string_view target) {
    constexpr std::string_view scheme = "http://";
    if (target.size() <= scheme.size() || !boost::beast::iequals(target.substr(0, scheme.size()), scheme)) {
        return std::nullopt;
    }
    target.remove_prefix(scheme.size());
    const std::size_t end = target.find_first_of("/?");
    if (end == 0) {
        return std::nullopt;
    }
    return end == std::string_view::npos ? std::string_view{} : target.substr(end);
}

}  // namespace

std::optional<request_target> split_target(std::string_view method, std::string_view target) {
    if (target == "*") {
        return method == "OPTIONS" ? std::optional(request_target{"*", {}}) : std::nullopt;
    }
    if (target.empty() || target.find('#') != std::string_view::npos) {
        return std::nullopt;
    }
    if (target.front() != '/') {
        const auto rest = without_authority(target);
        if (!rest) {
            return std::nullopt;
        }
        target = *rest;
    }
    const std::size_t mark = target.find('?');
    auto path = decode(target.substr(0, mark));
    if (!path) {
        return std::nullopt;
    }
    request_target out;
    out.path = path->empty() ? "/" : clean_slashes(*path);
    if (mark != std::string_view::npos) {
        out.query = target.substr(mark + 1);
    }
    return out;
}

}  // namespace corral::http
