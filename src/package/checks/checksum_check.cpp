#include "corral/package/checksum_check.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "corral/core/say.hpp"
#include "corral/package/bounded_program.hpp"
#include "corral/package/checksum_list.hpp"
#include "corral/package/file_kind.hpp"

namespace corral::package {

namespace {

constexpr std::size_t one_read = std::size_t{4} * 1024 * 1024;

// Of Corral and of the list itself.
bool is_record(std::string_view path) {
    if (!path.starts_with(checksum_list_name)) {
        return path == pull_record_name;
    }
    path.remove_prefix(checksum_list_name.size());
    return path.empty() || std::ranges::find(signature_endings, path) != signature_endings.end();
}

// Hidden files and folders, compiled Python, and what belongs to the list itself.
bool is_ignored(std::string_view path) {
    if (path.find('/') == std::string_view::npos && path.starts_with(checksum_list_name)) {
        return true;
    }
    while (!path.empty()) {
        const std::string_view part = path.substr(0, path.find('/'));
        if (part.starts_with('.') || part == "__pycache__") {
            return true;
        }
        path.remove_prefix(std::min(part.size() + 1, path.size()));
    }
    return false;
}

bool is_lfs_pointer(const package_tree& tree, const std::string& path) {
    const auto head = tree.read(path, kind_bytes);
    return head && find_kind(*head, path) == file_kind::lfs_pointer;
}

std::uint64_t bytes_of_all(const package_tree& tree, const std::vector<listed_file>& list) {
    std::uint64_t out = 0;
    for (const listed_file& one : list) {
        out += tree.look(one.path).size;
    }
    return out;
}

}  // namespace

core::result<std::optional<std::string>> read_checksum_list(const package_tree& tree) {
    const node is = tree.look(checksum_list_name);
    if (is.kind == node_kind::missing) {
        return std::optional<std::string>();
    }
    if (is.size > longest_checksum_list) {
        return core::make_failure(core::errc::invalid, core::say("package.sums/long"));
    }
    auto text = tree.read(checksum_list_name, longest_checksum_list);
    if (!text) {
        return text.error();
    }
    return std::optional(std::move(*text));
}

std::vector<std::string> unlisted_files(const package_tree& tree,
                                        const std::set<std::string, std::less<>>& paths, unlisted_rule rule) {
    std::vector<std::string> out;
    if (rule == unlisted_rule::usual) {
        for (const node& one : tree.entries()) {
            const bool counts = one.kind != node_kind::folder && !is_ignored(one.path);
            if (counts && !paths.contains(one.path)) {
                out.push_back(one.path);
            }
        }
        return out;
    }
    tree_limits everything;
    everything.enters_all = true;
    const auto whole = package_tree::open(tree.folder(), everything);
    if (!whole) {
        return {tree.folder().string()};
    }
    for (const node& one : whole->entries()) {
        const bool record = is_record(one.path) && one.kind == node_kind::file && !one.link;
        const bool counts = (one.kind != node_kind::folder || one.link) && !record;
        if (counts && !paths.contains(one.path)) {
            out.push_back(one.path);
        }
    }
    for (const catalog::finding& one : whole->findings()) {
        const bool beyond =
            one.id == "tree.too-many" || one.id == "tree.too-deep" || one.id == "tree.folder-closed";
        if (beyond) {
            out.push_back(one.subject.empty() ? tree.folder().string() : one.subject);
        }
    }
    return out;
}

checksum_report check_checksums(const package_tree& tree, const std::vector<listed_file>& list,
                                unlisted_rule rule,
                                const std::function<bool(std::uint64_t, std::uint64_t)>& go_on) {
    checksum_report out;
    const std::uint64_t all = bytes_of_all(tree, list);
    std::uint64_t done = 0;
    std::set<std::string, std::less<>> listed;
    for (const listed_file& one : list) {
        listed.insert(one.path);
        sha256_sum sum;
        auto part = tree.read(one.path, one_read);
        for (std::uint64_t at = 0; part && !part->empty(); part = tree.read(one.path, one_read, at)) {
            sum.feed(*part);
            at += part->size();
            done += part->size();
            if (!go_on(std::min(done, all), all)) {
                out.whole = false;
                return out;
            }
        }
        const auto hex = sum.hex();
        if (!part) {
            out.missing.push_back(one.path);
        } else if (!hex || *hex != one.sha256) {
            (is_lfs_pointer(tree, one.path) ? out.pointers : out.changed).push_back(one.path);
        }
    }
    out.unlisted = unlisted_files(tree, listed, rule);
    return out;
}

std::string named_files(const std::vector<std::string>& paths) {
    constexpr std::size_t most = 3;
    std::string out;
    for (std::size_t i = 0; i < paths.size() && i < most; ++i) {
        out += (i == 0 ? "'" : ", '") + shown(paths[i]) + "'";
    }
    return paths.size() > most ? out + " and " + std::to_string(paths.size() - most) + " more" : out;
}

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds signature_patience{30};
constexpr std::size_t most_trusted_keys = 100;
// What gpgv says for programs: GnuPG's doc/DETAILS.
constexpr std::string_view status_mark = "[GNUPG:] ";

std::vector<std::string> trusted_files(const fs::path& folder, std::string_view ending) {
    std::vector<std::string> out;
    std::error_code unreadable;  // then there is no key
    fs::directory_iterator entry(folder, unreadable);
    while (!unreadable && entry != fs::directory_iterator() && out.size() < most_trusted_keys) {
        if (entry->path().extension() == ending) {
            out.push_back(entry->path().string());
        }
        entry.increment(unreadable);
    }
    std::ranges::sort(out);
    return out;
}

// What stands behind "[GNUPG:] WORD "; nothing where no line has it.
std::optional<std::string> said_of(std::string_view output, std::string_view word) {
    const std::string begin = std::string(status_mark).append(word).append(" ");
    for (std::size_t at = 0; at < output.size();) {
        const std::string_view line = output.substr(at, output.find('\n', at) - at);
        if (line.starts_with(begin)) {
            return shown(line.substr(begin.size()));
        }
        at += line.size() + 1;
    }
    return std::nullopt;
}

signature_verdict not_checked(std::string file, std::string why) {
    return {signature_state::unchecked, std::move(file), std::move(why)};
}

signature_verdict check_by_gpgv(const package_tree& tree, const std::string& file, const fs::path& trusted) {
    const auto keyrings = trusted_files(trusted, ".gpg");
    if (keyrings.empty()) {
        return not_checked(file, "there is no keyring (*.gpg) in " + trusted.string());
    }
    std::vector<std::string> command{"gpgv", "--status-fd", "1"};
    for (const std::string& keyring : keyrings) {
        command.insert(command.end(), {"--keyring", keyring});
    }
    command.push_back((tree.folder() / file).string());
    command.push_back((tree.folder() / checksum_list_name).string());
    const auto got = run_bounded({std::move(command), clean_variables(), signature_patience});
    if (!got || !got->whole || got->status < 0) {
        return not_checked(file, "gpgv is not installed, or does not answer");
    }
    const auto signer = said_of(got->output, "GOODSIG");
    if (said_of(got->output, "BADSIG")) {
        return {signature_state::refused, file, "it is not the signature of this list"};
    }
    if (signer && got->status == 0) {
        return {signature_state::good, file, *signer};
    }
    const auto key = said_of(got->output, "NO_PUBKEY");
    return {signature_state::refused, file,
            key ? "its key " + *key + " is in no keyring of " + trusted.string()
                : "gpgv takes it for none, or its key is expired or revoked"};
}

signature_verdict check_by_minisign(const package_tree& tree, const std::string& file,
                                    const fs::path& trusted) {
    const auto keys = trusted_files(trusted, ".pub");
    if (keys.empty()) {
        return not_checked(file, "there is no key of minisign (*.pub) in " + trusted.string());
    }
    for (const std::string& key : keys) {
        const auto got =
            run_bounded({{"minisign", "-V", "-q", "-m", (tree.folder() / checksum_list_name).string(), "-x",
                          (tree.folder() / file).string(), "-p", key},
                         clean_variables(),
                         signature_patience});
        if (!got || !got->whole || got->status < 0) {
            return not_checked(file, "minisign is not installed, or does not answer");
        }
        if (got->status == 0) {
            return {signature_state::good, file, fs::path(key).stem().string()};
        }
    }
    return {signature_state::refused, file,
            "it is not the signature of this list by a key of " + trusted.string()};
}

}  // namespace

signature_verdict check_list_signature(const package_tree& tree, const fs::path& trusted) {
    signature_verdict out;
    for (const std::string_view ending : signature_endings) {
        const std::string file = std::string(checksum_list_name).append(ending);
        if (tree.look(file).kind != node_kind::file) {
            continue;
        }
        signature_verdict one = ending == ".minisig" ? check_by_minisign(tree, file, trusted)
                                                     : check_by_gpgv(tree, file, trusted);
        if (one.state == signature_state::refused) {
            return one;
        }
        if (out.state != signature_state::good) {
            out = std::move(one);
        }
    }
    return out;
}

}  // namespace corral::package
