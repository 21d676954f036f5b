#include <algorithm>
#include <array>

#include "corral/core/text.hpp"

#include "package/checks/examination.hpp"

namespace corral::package {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t readme_bytes = 64U * 1024;
constexpr std::size_t most_named = 2;

// The folder is git's own, or inside such a one that keeps large files by git-LFS; not a home folder that
// happens to be.
bool is_cloned(const fs::path& folder) {
    constexpr int highest = 2;
    std::error_code failed;
    fs::path one = fs::absolute(folder, failed).lexically_normal();
    if (fs::exists(one / ".git", failed)) {
        return true;
    }
    for (int i = 0; i < highest; ++i) {
        one = one.parent_path();
        if (fs::exists(one / ".git", failed) && fs::exists(one / ".gitattributes", failed)) {
            return true;
        }
    }
    return false;
}

bool has_git_lfs(const fs::path& root) {
    constexpr std::array places = {"usr/bin", "usr/local/bin", "usr/lib/git-core", "usr/libexec/git-core"};
    return std::any_of(places.begin(), places.end(), [&](const char* place) {
        std::error_code failed;
        return fs::exists(root / place / "git-lfs", failed);
    });
}

// "AXERA-TECH/Qwen3-4B": from the hub's own cache, or from a README that names a repository like the folder.
std::string hub_repository(const package_tree& tree) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    constexpr std::string_view cache = "models--";
    const fs::path folder = fs::absolute(tree.folder()).lexically_normal();
    for (const auto& part : folder) {
        const std::string name = part.string();
        const auto middle = name.starts_with(cache) ? name.find("--", cache.size()) : std::string::npos;
        if (middle != std::string::npos && name.find_first_not_of(letters) == std::string::npos) {
            return name.substr(cache.size(), middle - cache.size()) + "/" + name.substr(middle + 2);
        }
    }
    const auto readme = tree.read("README.md", readme_bytes);
    const std::string own =
        folder.filename().empty() ? folder.parent_path().filename().string() : folder.filename().string();
    constexpr std::string_view site = "huggingface.co/";
    for (auto at = readme ? readme->find(site) : std::string::npos; at != std::string::npos;
         at = readme->find(site, at + 1)) {
        const std::string_view rest = std::string_view(*readme).substr(at + site.size());
        const auto slash = rest.find('/');
        const std::string_view owner = rest.substr(0, slash);
        if (slash == std::string_view::npos || owner.empty() ||
            owner.find_first_not_of(letters) != std::string_view::npos) {
            continue;
        }
        const std::string_view name = rest.substr(slash + 1, own.size());
        if (core::equal_ignoring_case(name, own) && own.find_first_not_of(letters) == std::string::npos) {
            return std::string(owner) + "/" + std::string(name);
        }
    }
    return {};
}

}  // namespace

std::string fetch_advice(const examination& at, const std::vector<std::string>& paths, bool pointers) {
    const std::string folder = shown(shell_word(at.tree.folder().string()), 400);
    std::string words;
    for (const auto& path : paths) {
        words += " " + shown(shell_word(path));
    }
    if (is_cloned(at.tree.folder())) {
        if (pointers) {
            const std::string first = has_git_lfs(at.here.root) ? "" : "sudo apt install git-lfs && ";
            return "Run: " + first + "git -C " + folder + " lfs pull";
        }
        return paths.size() <= most_named ? "Run: git -C " + folder + " checkout --" + words
                                          : "Run: git -C " + folder + " checkout -- .";
    }
    const std::string repository = hub_repository(at.tree);
    if (!repository.empty()) {
        return "Run: hf download " + repository + (paths.size() <= most_named ? words : std::string()) +
               " --local-dir " + folder;
    }
    return pointers
               ? "Fetch the package with a tool that gets large files, such as git with git-lfs installed, "
                 "or 'hf download'."
               : "Fetch it again from where the package came from.";
}

}  // namespace corral::package
