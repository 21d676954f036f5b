#include "corral/catalog/model_name.hpp"

#include <algorithm>

#include "corral/catalog/diagnostic.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::catalog {

namespace {

constexpr std::string_view default_host = "registry.ollama.ai";
constexpr std::string_view default_namespace = "library";
constexpr std::string_view default_tag = "latest";

using core::equal_ignoring_case;

// docs/facts/ollama_wire.md#names: the first character alphanumeric or '_', then also those of `others`.
bool valid_part(std::string_view part, std::string_view others, std::size_t longest) {
    if (part.empty() || part.size() > longest) {
        return false;
    }
    const auto alphanumeric = [](char c) { return core::is_digit(c) || core::is_letter(c) || c == '_'; };
    return alphanumeric(part.front()) && std::ranges::all_of(part, [&](char c) {
               return alphanumeric(c) || others.find(c) != std::string_view::npos;
           });
}

}  // namespace

std::optional<std::string> display_name(std::string_view typed) {
    if (typed.size() > longest_name) {
        return std::nullopt;
    }
    typed = core::trimmed(typed, " \t\r\n");
    constexpr std::string_view local_suffix = ":local";
    if (typed.size() > local_suffix.size() &&
        equal_ignoring_case(typed.substr(typed.size() - local_suffix.size()), local_suffix)) {
        typed.remove_suffix(local_suffix.size());
    }
    std::string_view tag = default_tag;
    const auto slash = typed.rfind('/');
    const auto colon = typed.rfind(':');
    if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
        tag = typed.substr(colon + 1);
        typed = typed.substr(0, colon);
    }
    // In front of a host only: "https://host/space/model".
    constexpr std::string_view scheme_end = "://";
    const auto scheme = typed.find(scheme_end);
    const bool has_scheme = scheme != std::string_view::npos;
    if (has_scheme) {
        typed.remove_prefix(scheme + scheme_end.size());
    }
    auto parts = core::split(typed, '/');
    if (parts.size() > 3 || (has_scheme && parts.size() < 3)) {
        return std::nullopt;
    }
    const std::string_view model = parts.back();
    const std::string_view space = parts.size() > 1 ? parts[parts.size() - 2] : default_namespace;
    const std::string_view host = parts.size() > 2 ? parts.front() : default_host;
    if (!valid_part(model, "-.", 80) || !valid_part(tag, "-.", 80) || !valid_part(space, "-", 80) ||
        !valid_part(host, "-.:", 350)) {
        return std::nullopt;
    }
    std::string out;
    const bool plain_host = equal_ignoring_case(host, default_host);
    if (!plain_host) {
        out.append(host).append("/");
    }
    if (!plain_host || !equal_ignoring_case(space, default_namespace)) {
        out.append(space).append("/");
    }
    return out.append(model).append(":").append(tag);
}

bool same_model(std::string_view left, std::string_view right) {
    const auto a = display_name(left);
    const auto b = display_name(right);
    return a && b && equal_ignoring_case(*a, *b);
}

core::reason no_such_model(const std::string& typed, const std::vector<std::string>& names) {
    const auto tagged = std::ranges::find_if(names, [&](const std::string& name) {
        return name.size() > typed.size() && name[typed.size()] == ':' &&
               equal_ignoring_case(std::string_view(name).substr(0, typed.size()), typed);
    });
    std::string meant = tagged != names.end() ? *tagged : nearest(typed, names);
    if (const auto whole = display_name(typed); meant.empty() && whole) {
        meant = nearest(*whole, names);  // with its tag
    }
    if (!meant.empty()) {
        return core::say("command.no-model/meant", typed, meant);
    }
    if (names.empty()) {
        return core::say("command.no-model/none", typed);
    }
    return core::say("command.no-model/choose", typed, core::joined(names, ", "));
}

}  // namespace corral::catalog
