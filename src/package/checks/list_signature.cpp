#include "corral/package/list_signature.hpp"
#include "corral/package/bounded_program.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "corral/package/checksum_list.hpp"

namespace corral::package {

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
