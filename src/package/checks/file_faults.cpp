// The words for what is wrong with files.

#include <algorithm>
#include <array>

#include "corral/core/text.hpp"
#include "package/checks/examination.hpp"

namespace corral::package {

namespace {

using catalog::severity;

enum class remedy { fetch, fetch_pointers, table };

struct fault_words {
    fault_kind kind;
    core::known_wording<std::string> one;   // of a file's name
    core::known_wording<std::string> many;  // of "12 files"
    severity level;
    bool has_why;  // what the message means is said, too
    remedy repair;
};

// docs/facts/vendor_ax.md#start-failures, #bad-files say what runtimes make of these.
constexpr std::array all_words = {
    fault_words{fault_kind::missing, "file.missing", "file.missing/more", severity::error, false,
                remedy::fetch},
    fault_words{fault_kind::lfs_pointer, "file.lfs-pointer", "file.lfs-pointer/more", severity::error, true,
                remedy::fetch_pointers},
    fault_words{fault_kind::html, "file.html", "file.html/more", severity::error, true, remedy::fetch},
    fault_words{fault_kind::hub_error, "file.hub-error", "file.hub-error/more", severity::error, true,
                remedy::fetch},
    fault_words{fault_kind::empty, "file.empty", "file.empty/more", severity::error, true, remedy::fetch},
    fault_words{fault_kind::zeros, "file.zeros", "file.zeros/more", severity::error, true, remedy::fetch},
    fault_words{fault_kind::json, "file.json-instead", "file.json-instead/more", severity::error, true,
                remedy::fetch},
    fault_words{fault_kind::text, "file.text-instead", "file.text-instead/more", severity::error, true,
                remedy::fetch},
    fault_words{fault_kind::archive, "file.archive", "file.archive/more", severity::error, true,
                remedy::table},
    fault_words{fault_kind::program, "file.program-instead", "file.program-instead/more", severity::error,
                false, remedy::table},
    fault_words{fault_kind::not_program, "program.not-a-program", "program.not-a-program/more",
                severity::error, false, remedy::fetch},
    fault_words{fault_kind::folder, "file.folder", "file.folder/more", severity::error, false, remedy::table},
    fault_words{fault_kind::special, "file.special", "file.special/more", severity::error, true,
                remedy::fetch},
    fault_words{fault_kind::outside, "path.outside", "path.outside/more", severity::error, true,
                remedy::table},
    fault_words{fault_kind::broken_link, "path.broken-link", "path.broken-link/more", severity::error, true,
                remedy::fetch},
    fault_words{fault_kind::refused, "path.refused", "path.refused/more", severity::error, false,
                remedy::table},
    fault_words{fault_kind::unreadable, "file.unreadable", "file.unreadable/more", severity::error, false,
                remedy::table},
    fault_words{fault_kind::unfinished, "file.unfinished", "file.unfinished/more", severity::error, false,
                remedy::table},
    fault_words{fault_kind::too_small, "file.truncated", "file.truncated/more", severity::error, true,
                remedy::fetch},
    fault_words{fault_kind::hole, "file.hole", "file.hole/more", severity::warning, true, remedy::fetch},
    fault_words{fault_kind::cut_json, "json.truncated", "json.truncated/more", severity::error, true,
                remedy::fetch},
    fault_words{fault_kind::not_json, "json.malformed", "json.malformed/more", severity::error, true,
                remedy::fetch},
};

// What the details add: sizes of the real files, where a link leads.
std::string details(const fault_words& of, const std::vector<const file_fault*>& files) {
    if (of.kind == fault_kind::lfs_pointer) {
        std::uint64_t sum = 0;
        for (const auto* one : files) {
            sum = one->size > UINT64_MAX - sum ? UINT64_MAX : sum + one->size;
        }
        const std::string size = sum == 0 ? std::string("an unknown size") : size_words(sum);
        return files.size() == 1 ? "; the real one has " + size
                                 : "; the real ones have " + size + " together";
    }
    const auto& detail = files.front()->detail;
    if (detail.empty()) {
        return {};
    }
    return of.kind == fault_kind::hub_error ? ": \"" + detail + "\"" : ": " + detail;
}

}  // namespace

std::string fault_id(fault_kind kind) {
    return std::string(std::ranges::find(all_words, kind, &fault_words::kind)->one.says().of->id);
}

namespace {

void report(examination& subject, const fault_words& of, bool sure) {
    std::vector<const file_fault*> files;
    std::vector<std::string> paths;
    for (const auto& one : subject.faults) {
        if (one.kind == of.kind && one.sure == sure) {
            files.push_back(&one);
            paths.push_back(one.path);
        }
    }
    if (files.empty()) {
        return;
    }
    const bool several = files.size() > 1;
    const core::reason what = several
                                  ? core::say(of.many, std::to_string(files.size()) +
                                                           (sure ? " files that this model needs" : " files"))
                                  : core::say(of.one, named(paths.front()));
    subject.add(sure ? of.level : severity::warning, what,
                of.has_why ? std::nullopt : std::optional<std::string>(""),
                of.repair == remedy::table
                    ? std::nullopt
                    : std::optional(fetch_advice(subject, paths, of.repair == remedy::fetch_pointers)),
                several ? std::string() : paths.front());
    // Before the full stop.
    std::string& text = subject.found.back().what;
    text.insert(text.size() - 1, details(of, files) +
                                     (several ? "; the first is " + named(paths.front()) : "") +
                                     said_where(subject.model, files.front()->variable));
}

namespace fs = std::filesystem;

constexpr std::size_t readme_bytes = 64U * 1024;
constexpr std::size_t most_named = 2;
constexpr std::size_t most_pasted = 800;  // of a command; no reader of findings cuts one of this length

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
    return std::ranges::any_of(places, [&](const char* place) {
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

void report_faults(examination& subject) {
    for (const auto& one : all_words) {
        report(subject, one, true);
        report(subject, one, false);
    }
}

std::string fetch_advice(const examination& subject, const std::vector<std::string>& paths, bool pointers) {
    return fetch_advice(subject.tree, subject.here.root, paths, pointers);
}

std::string pointer_advice(const package_tree& tree, const std::vector<std::string>& paths) {
    return fetch_advice(tree, "/", paths, true);
}

std::string fetch_advice(const package_tree& tree, const fs::path& root,
                         const std::vector<std::string>& paths, bool pointers) {
    const core::reason sentence = pointers ? core::say("package.fetch/large") : core::say("package.fetch");
    const auto folder = core::word_to_paste(tree.folder().string());
    std::string words;
    bool named = paths.size() <= most_named;
    for (std::size_t i = 0; named && i < paths.size(); ++i) {
        const auto word = core::word_to_paste(paths[i]);
        named = word && !word->starts_with('-');  // hf would take it for an option
        words += " " + word.value_or("");
    }
    const bool nameable = named || paths.size() > most_named;
    if (!folder || folder->size() + words.size() > most_pasted) {
        return sentence;
    }
    if (is_cloned(tree.folder())) {
        if (pointers) {
            return has_git_lfs(root) ? core::say("package.fetch/lfs", *folder)
                                     : core::say("package.fetch/install-lfs", *folder);
        }
        if (!nameable) {
            return sentence;
        }
        return core::say("package.fetch/checkout", *folder, named ? words : std::string(" ."));
    }
    const std::string repository = hub_repository(tree);
    if (repository.empty() || repository.starts_with('-') || !nameable) {
        return sentence;
    }
    return core::say("package.fetch/hub", repository, named ? words : std::string(), *folder);
}

}  // namespace corral::package
