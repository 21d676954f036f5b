#include "pull/file_plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"
#include "corral/package/checksum_list.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/pull/pulled_marker.hpp"

namespace corral::pull {

namespace {

using core::errc;
using core::make_failure;

core::failure refused(const std::string& path, const std::string& why) {
    return make_failure(errc::refused, core::say("pull.bad-package/package-file", package::shown(path), why));
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = core::character_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

// Why such a file is not written; empty: it may be.
std::string path_problem(const std::string& path, const plan_limits& limits) {
    const auto tidy = package::tidy_name(path);
    if (!tidy) {
        return "its name would lead out of the package's folder, is too long or holds control characters";
    }
    if (*tidy != path) {
        return "its name has empty parts or dots as parts";
    }
    if (!is_utf8(path)) {
        return "its name is not UTF-8";
    }
    if (std::ranges::count(path, '/') > limits.depth) {
        return "it lies in more than " + std::to_string(limits.depth) + " folders";
    }
    return path == marker_name ? "Corral's own record has that name" : "";
}

bool wanted(const package_source& source, std::string_view path) {
    // What git keeps of itself is no part of the model.
    if (path == ".gitattributes" || path == ".gitignore" || path.starts_with(".git/")) {
        return false;
    }
    const auto fits = [&](const std::string& pattern) { return fits_pattern(pattern, path); };
    return source.include.empty() || std::ranges::any_of(source.include, fits);
}

// Names that are one name on some disk, and a file that is also a folder.
core::result<void> check_collisions(const file_plan& plan) {
    std::map<std::string, const std::string*> seen;
    for (const source_file& file : plan.files) {
        const auto [other, fresh] = seen.emplace(core::lower_case(file.path), &file.path);
        if (!fresh) {
            return refused(file.path, *other->second == file.path
                                          ? "it is listed twice"
                                          : "another differs from it in the case of letters only");
        }
    }
    for (const source_file& file : plan.files) {
        const std::string lower = core::lower_case(file.path);
        for (std::size_t slash = lower.find('/'); slash != std::string::npos;
             slash = lower.find('/', slash + 1)) {
            if (seen.contains(lower.substr(0, slash))) {
                return refused(file.path, "a part of its name is a file too");
            }
        }
    }
    return {};
}

core::failure lies(const std::string& path, const std::string& what) {
    return make_failure(errc::protocol, core::say("pull.lies/source-file", package::shown(path), what));
}

// What is known beforehand wins, and is held against what the source says.
core::result<void> apply_expected(const package_source& source, std::vector<source_file>& listed) {
    if (source.files.empty()) {
        return {};
    }
    std::vector<source_file> out;
    for (const expected_file& expected : source.files) {
        const auto found = std::ranges::find(listed, expected.path, &source_file::path);
        if (found == listed.end()) {
            return make_failure(errc::not_found,
                                core::say("pull.list/file-catalogue", package::shown(expected.path)));
        }
        source_file one = *found;
        const std::string sha256 = core::lower_case(expected.sha256);
        if (expected.size && one.size && *expected.size != *one.size) {
            return lies(expected.path, "size");
        }
        if (!sha256.empty() && !one.sha256.empty() && sha256 != one.sha256) {
            return lies(expected.path, "checksum");
        }
        one.size = one.size ? one.size : expected.size;
        one.sha256 = one.sha256.empty() ? sha256 : one.sha256;
        out.push_back(std::move(one));
    }
    listed = std::move(out);
    return {};
}

}  // namespace

bool fits_pattern(std::string_view pattern, std::string_view path) {
    // The last '*' takes more and more until the rest fits.
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    std::size_t at = 0;
    std::size_t in = 0;
    while (at < path.size()) {
        if (in < pattern.size() && pattern[in] == '*') {
            star = in++;
            resume = at;
        } else if (in < pattern.size() && (pattern[in] == '?' || pattern[in] == path[at])) {
            ++in;
            ++at;
        } else if (star != std::string_view::npos) {
            in = star + 1;
            at = ++resume;
        } else {
            return false;
        }
    }
    return std::ranges::all_of(pattern.substr(in), [](char c) { return c == '*'; });
}

core::result<file_plan> plan_files(const package_source& source, std::vector<source_file> listed,
                                   const plan_limits& limits) {
    if (auto known = apply_expected(source, listed); !known) {
        return known.error();
    }
    file_plan out;
    for (source_file& file : listed) {
        if (std::string problem = path_problem(file.path, limits); !problem.empty()) {
            return refused(file.path, problem);
        }
        if (!wanted(source, file.path)) {
            continue;
        }
        if (out.files.size() == limits.files) {
            return make_failure(errc::limit_exceeded,
                                core::say("pull.bad-package/package-files", limits.files));
        }
        const std::uint64_t size = file.size.value_or(0);
        if (size > limits.bytes - out.bytes) {
            return make_failure(errc::limit_exceeded, core::say("pull.bad-package/package-says"));
        }
        out.bytes += size;
        out.complete = out.complete && file.size.has_value();
        out.files.push_back(std::move(file));
    }
    if (out.files.empty()) {
        return make_failure(errc::not_found, core::say("pull.list/source-file"));
    }
    std::ranges::sort(out.files, {}, &source_file::path);
    if (auto distinct = check_collisions(out); !distinct) {
        return distinct.error();
    }
    return out;
}

std::string plan_digest(const file_plan& plan) {
    package::sha256_sum sum;
    for (const source_file& file : plan.files) {
        sum.feed(file.sha256.empty() ? file.git_blob : file.sha256);
        sum.feed("  ");
        sum.feed(file.path);
        sum.feed("\n");
    }
    constexpr std::size_t digits = 64;
    auto hex = sum.hex();
    return hex ? std::move(*hex) : std::string(digits, '0');
}

}  // namespace corral::pull
