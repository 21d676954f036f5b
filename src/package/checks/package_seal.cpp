#include "corral/package/package_seal.hpp"

#include <cerrno>
#include <set>

#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include "corral/core/json.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/core/state_format.hpp"
#include "corral/package/checksum_check.hpp"
#include "package/files/path_handle.hpp"

namespace corral::package {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t longest_seal = std::size_t{16} * 1024 * 1024;
constexpr std::size_t hex_of_a_sum = 64;

// False where the file is not there.
bool look_at(const fs::path& file, sealed_file& into) {
    constexpr std::int64_t per_second = 1'000'000'000;
    struct stat about {};
    if (::stat(file.c_str(), &about) != 0) {
        return false;
    }
    into.size = static_cast<std::uint64_t>(about.st_size);
    into.changed = std::int64_t{about.st_mtim.tv_sec} * per_second + about.st_mtim.tv_nsec;
    into.inode = about.st_ino;
    return true;
}

core::failure damaged_seal() {
    return core::make_failure(core::errc::invalid, core::say("package.record/damaged"));
}

std::optional<sealed_file> sealed_file_of(const json& object) {
    const auto is_number = [&](const char* name) {
        return object.contains(name) && object[name].is_number_integer();
    };
    const auto is_text = [&](const char* name) { return object.contains(name) && object[name].is_string(); };
    if (!object.is_object() || !is_text("path") || !is_text("sha256") || !is_number("size") ||
        !is_number("changed") || !is_number("inode")) {
        return std::nullopt;
    }
    sealed_file out;
    out.path = object["path"].get<std::string>();
    out.sha256 = object["sha256"].get<std::string>();
    out.size = object["size"].get<std::uint64_t>();
    out.changed = object["changed"].get<std::int64_t>();
    out.inode = object["inode"].get<std::uint64_t>();
    const auto tidy = tidy_name(out.path);
    return tidy && *tidy == out.path && out.sha256.size() == hex_of_a_sum ? std::optional(std::move(out))
                                                                          : std::nullopt;
}

}  // namespace

fs::path seal_of(const fs::path& manifest) {
    fs::path out = manifest;
    return out.replace_extension(".sums");
}

package_seal seal_package(const package_tree& tree, const std::vector<listed_file>& list, bool strict) {
    package_seal out{tree.folder(), strict, {}};
    for (const listed_file& one : list) {
        sealed_file file;
        static_cast<listed_file&>(file) = one;
        if (look_at(tree.folder() / one.path, file)) {
            out.files.push_back(std::move(file));
        }
    }
    return out;
}

package_seal moved_seal(package_seal seal, fs::path package) {
    seal.package = std::move(package);
    for (sealed_file& one : seal.files) {
        one.changed = 0;
        one.inode = 0;
    }
    return seal;
}

std::string text_of(const package_seal& seal) {
    json files = json::array();
    for (const sealed_file& one : seal.files) {
        files.push_back({{"path", one.path},
                         {"sha256", one.sha256},
                         {"size", one.size},
                         {"changed", one.changed},
                         {"inode", one.inode}});
    }
    const json all = {{"format", seal_format},
                      {"package", seal.package.string()},
                      {"strict", seal.strict},
                      {"files", std::move(files)}};
    return all.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

core::result<package_seal> parse_seal(std::string_view text) {
    const json all = core::parse_json(text);
    if (core::is_newer_format(all, "format", seal_format)) {
        return core::make_failure(core::errc::refused, core::say("package.record/newer"));
    }
    const bool formed = all.is_object() && all.value("format", json()) == seal_format &&
                        all.value("package", json()).is_string() &&
                        all.value("strict", json()).is_boolean() && all.value("files", json()).is_array();
    if (!formed) {
        return damaged_seal();
    }
    package_seal out{all["package"].get<std::string>(), all["strict"].get<bool>(), {}};
    for (const json& one : all["files"]) {
        auto file = sealed_file_of(one);
        if (!file) {
            return damaged_seal();
        }
        out.files.push_back(std::move(*file));
    }
    return out;
}

core::result<std::optional<package_seal>> find_seal(const catalog::model_entry& model) {
    const fs::path file = seal_of(model.source);
    const auto handle = model.source.empty() ? std::nullopt : open_plain(file.string());
    if (!handle) {
        return std::optional<package_seal>();
    }
    const auto text = core::read_all(handle->get(), longest_seal);
    if (!text) {
        return core::path_failure("package.record/unreadable", file, errno);
    }
    auto seal = parse_seal(*text);
    if (!seal) {
        return core::make_failure(core::errc::invalid,
                                  core::say("package.record/unusable", file).led_to_by(seal.error().message));
    }
    std::error_code unknown;
    const bool same = seal->package == model.package || fs::equivalent(seal->package, model.package, unknown);
    return same ? std::optional(std::move(*seal)) : std::nullopt;
}

std::vector<catalog::finding> check_seal(const catalog::model_entry& model) {
    const core::reason again = core::say("package.seal/import", shell_word(model.package.string()));
    const auto seal = find_seal(model);
    if (!seal) {
        return {catalog::finding_of(catalog::severity::warning,
                                    core::say("package.seal", seal.error().message + "."), {}, {}, again)};
    }
    if (!*seal) {
        return {};
    }
    std::vector<std::string> differing;
    std::set<std::string, std::less<>> sealed;
    for (const sealed_file& one : (*seal)->files) {
        sealed_file now;
        const bool there = look_at(model.package / one.path, now);
        sealed.insert(one.path);
        const bool same = one.inode == 0 || (now.changed == one.changed && now.inode == one.inode);
        if (!there || now.size != one.size || !same) {
            differing.push_back(one.path);
        }
    }
    std::vector<catalog::finding> out;
    if (!differing.empty()) {
        const std::string files = named_files(differing);
        out.push_back(
            catalog::finding_of((*seal)->strict ? catalog::severity::error : catalog::severity::warning,
                                differing.size() == 1 ? core::say("package.changed/one", files)
                                                      : core::say("package.changed/more", files),
                                {}, {}, core::say("package.changed/compare", again)));
    }
    const auto tree = package_tree::open(model.package);  // other checks report one that can't be opened
    if (!(*seal)->strict || !tree) {
        return out;
    }
    const std::vector<std::string> added = unlisted_files(*tree, sealed, unlisted_rule::strict);
    if (!added.empty()) {
        out.push_back(catalog::finding_of(
            catalog::severity::error, core::say("package.unlisted/signed", named_files(added)), {},
            core::say("package.unlisted/why-signed"), core::say("package.unlisted/do-signed", again)));
    }
    return out;
}

}  // namespace corral::package
