#include "corral/pull/package_source.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

using core::errc;
using core::make_failure;

constexpr std::size_t longest_typed = 1024;
constexpr std::array<std::string_view, 4> hub_hosts{"hf.co/", "huggingface.co/", "https://hf.co/",
                                                    "https://huggingface.co/"};

bool plain(char c) {
    return core::is_letter(c) || core::is_digit(c) || c == '-' || c == '_' || c == '.';
}

// Of an owner, a repository or a folder: no name that means something to a file system or a URL.
bool plain_name(std::string_view text) {
    constexpr std::size_t longest = 96;
    return !text.empty() && text.size() <= longest && std::ranges::all_of(text, plain) &&
           text.front() != '.' && text.front() != '-' && text.find("..") == std::string_view::npos;
}

bool plain_revision(std::string_view text) {
    constexpr std::size_t longest = 128;
    const auto fits = [](char c) { return plain(c) || c == '/'; };
    return !text.empty() && text.size() <= longest && std::ranges::all_of(text, fits) &&
           text.front() != '/' && text.front() != '-' && text.back() != '/' &&
           text.find("..") == std::string_view::npos && text.find("//") == std::string_view::npos;
}

core::failure malformed(std::string_view typed, const std::string& why, const std::string& how) {
    return make_failure(errc::invalid, core::say("pull.name/names-package", typed, why, how));
}

core::result<package_source> parse_hub(std::string_view typed, std::string_view rest) {
    constexpr auto how = "hf.co/OWNER/REPO or hf.co/OWNER/REPO:REVISION";
    package_source out;
    if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
        out.revision = rest.substr(colon + 1);
        rest = rest.substr(0, colon);
        if (!plain_revision(out.revision)) {
            return malformed(typed, "what follows the colon is no branch, tag or commit", how);
        }
    }
    while (rest.ends_with('/')) {
        rest.remove_suffix(1);
    }
    const auto parts = core::split(rest, '/');
    if (parts.size() != 2 || !plain_name(parts[0]) || !plain_name(parts[1])) {
        return malformed(typed, "a hub's repository has an owner and a name", how);
    }
    out.location = rest;
    return out;
}

core::result<package_source> parse_folder(std::string_view typed) {
    constexpr auto how = "https://HOST/FOLDER/, a folder with a list SHA256SUMS";
    const std::string_view rest = typed.substr(typed.find("://") + 3);
    const bool strange = std::ranges::any_of(rest, [](char c) {
        return c < 0x21 || c > 0x7e || c == '"' || c == '<' || c == '>' || c == '\\' || c == '?' ||
               c == '#' || c == '@';
    });
    if (rest.empty() || rest.front() == '/' || strange) {
        return malformed(typed, "the address has no host, or a user, a query or signs that no address has",
                         how);
    }
    package_source out;
    out.kind = source_kind::folder;
    out.revision.clear();
    out.location = typed;
    if (!out.location.ends_with('/')) {
        out.location += '/';
    }
    return out;
}

core::result<package_source> parse_local(std::string_view typed, std::string_view rest) {
    if (!rest.starts_with('/') || rest.find('\0') != std::string_view::npos) {
        return malformed(typed, "the folder's path is not absolute", "file:///FOLDER");
    }
    package_source out;
    out.kind = source_kind::local;
    out.revision.clear();
    out.location = rest;
    while (out.location.size() > 1 && out.location.ends_with('/')) {
        out.location.pop_back();
    }
    return out;
}

std::string_view last_part(std::string_view text) {
    while (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    const std::size_t slash = text.rfind('/');
    return slash == std::string_view::npos ? text : text.substr(slash + 1);
}

}  // namespace

core::result<package_source> parse_source(std::string_view typed) {
    if (typed.size() > longest_typed) {
        return malformed(typed.substr(0, 32), "it is longer than any name", "hf.co/OWNER/REPO");
    }
    for (const std::string_view host : hub_hosts) {
        if (typed.starts_with(host)) {
            return parse_hub(typed, typed.substr(host.size()));
        }
    }
    if (typed.starts_with("https://") || typed.starts_with("http://")) {
        return parse_folder(typed);
    }
    constexpr std::string_view local = "file://";
    if (typed.starts_with(local)) {
        return parse_local(typed, typed.substr(local.size()));
    }
    if (typed.find("://") != std::string_view::npos) {
        return malformed(typed, "packages are not fetched by this protocol",
                         "hf.co/OWNER/REPO, https://HOST/FOLDER/ or file:///FOLDER");
    }
    return make_failure(errc::not_found, core::say("pull.name/name-catalogue", typed));
}

std::string source_text(const package_source& source) {
    switch (source.kind) {
        case source_kind::hub:
            return "hf.co/" + source.location +
                   (source.revision.empty() || source.revision == "main" ? "" : ":" + source.revision);
        case source_kind::folder:
            return source.location;
        case source_kind::local:
            return "file://" + source.location;
    }
    return source.location;
}

std::string folder_name(const package_source& source) {
    constexpr std::size_t longest = 96;
    std::string out;
    for (const char each : last_part(source.location)) {
        out += plain(each) ? each : '_';
    }
    out.resize(std::min(out.size(), longest));
    // A name that begins with a dot is hidden, and one with a dash reads as an option.
    if (out.empty() || out.front() == '.' || out.front() == '-') {
        out.insert(0, "package");
    }
    return out;
}

}  // namespace corral::pull
