// The words for what is wrong with files.

#include <algorithm>
#include <array>

#include "corral/core/text.hpp"
#include "package/checks/examination.hpp"

namespace corral::package {

namespace {

using catalog::severity;

enum class remedy { fetch, fetch_pointers, sentence };

struct fault_words {
    fault_kind kind;
    const char* id;
    severity level;
    const char* one;   // behind the file's name
    const char* many;  // behind "12 files"
    const char* why;
    remedy mend;
    const char* fix;
};

constexpr const char* stands_in = "Something went wrong when it was downloaded.";

// docs/facts/vendor_ax.md#start-failures, #bad-files say what runtimes make of these.
constexpr std::array all_words = {
    fault_words{fault_kind::missing, "file.missing", severity::error, "is not there", "are not there", "",
                remedy::fetch, ""},
    fault_words{fault_kind::lfs_pointer, "file.lfs-pointer", severity::error,
                "is a git-LFS pointer, not the file itself", "are git-LFS pointers, not the files themselves",
                "Git fetched the notes about the large files, but not the files.", remedy::fetch_pointers,
                ""},
    fault_words{fault_kind::html, "file.html", severity::error, "is a web page, not the file itself",
                "are web pages, not the files themselves", stands_in, remedy::fetch, ""},
    fault_words{fault_kind::hub_error, "file.hub-error", severity::error,
                "holds an error message of the download instead of the file",
                "hold an error message of the download instead of the file",
                "The source wanted to be signed in to, or does not have the file.", remedy::fetch, ""},
    fault_words{fault_kind::empty, "file.empty", severity::error, "is empty", "are empty", stands_in,
                remedy::fetch, ""},
    fault_words{fault_kind::zeros, "file.zeros", severity::error, "begins with nothing but zeros",
                "begin with nothing but zeros",
                "The space was reserved, but the content never came, or the disk lost it.", remedy::fetch,
                ""},
    fault_words{fault_kind::json, "file.json-instead", severity::error,
                "is JSON text, probably an error message, not the file itself",
                "are JSON texts, probably error messages, not the files themselves", stands_in, remedy::fetch,
                ""},
    fault_words{fault_kind::text, "file.text-instead", severity::error, "is text, not the file itself",
                "are texts, not the files themselves", stands_in, remedy::fetch, ""},
    fault_words{fault_kind::archive, "file.archive", severity::error, "is a packed archive",
                "are packed archives", "The runtime can't unpack it.", remedy::sentence,
                "Unpack it, and put what is inside in its place."},
    fault_words{fault_kind::program, "file.program-instead", severity::error,
                "is a program or library, not a model file", "are programs or libraries, not model files", "",
                remedy::sentence, "Check the variables of the model: two of them may be swapped."},
    fault_words{fault_kind::not_program, "program.not-a-program", severity::error,
                "is no program that this system knows", "are no programs that this system knows", "",
                remedy::fetch, ""},
    fault_words{fault_kind::folder, "file.folder", severity::error, "is a folder, not a file",
                "are folders, not files", "", remedy::sentence, "Name the file inside."},
    fault_words{fault_kind::special, "file.special", severity::error,
                "is a FIFO, a socket or a device, not a file", "are FIFOs, sockets or devices, not files",
                "Whoever opens it may wait for ever.", remedy::fetch, ""},
    fault_words{
        fault_kind::outside, "path.outside", severity::error, "leads out of the package",
        "lead out of the package", "Corral follows no link out of a package.", remedy::sentence,
        "Copy the package with 'cp -rL', which puts files in the place of links, or name the file by its "
        "absolute path in the model."},
    fault_words{fault_kind::broken_link, "path.broken-link", severity::error, "is", "are",
                "What it leads to was moved or never downloaded.", remedy::fetch, ""},
    fault_words{fault_kind::refused, "path.refused", severity::error, "is no name inside the package",
                "are no names inside the package", "", remedy::sentence,
                "Name a file inside the package without '..', or any other file by its absolute path."},
    fault_words{fault_kind::unreadable, "file.unreadable", severity::error, "can't be read by this user",
                "can't be read by this user", "", remedy::sentence,
                "Let the user that runs Corral read it, with chmod or chown."},
    fault_words{fault_kind::unfinished, "file.unfinished", severity::error,
                "was not downloaded to its end: its downloader's own file is still beside it",
                "were not downloaded to their end: their downloader's own files are still beside them", "",
                remedy::sentence, "Let the downloader finish, or fetch it again."},
    fault_words{fault_kind::too_small, "file.truncated", severity::error, "is cut off", "are cut off",
                "The download was interrupted.", remedy::fetch, ""},
    fault_words{fault_kind::hole, "file.hole", severity::warning,
                "has its full length, but much of it was never written",
                "have their full length, but much of them was never written",
                "A downloader that reserves the space first leaves this when it is interrupted.",
                remedy::fetch, ""},
    fault_words{fault_kind::cut_json, "json.truncated", severity::error, "ends in the middle of its JSON",
                "end in the middle of their JSON", "The download was interrupted.", remedy::fetch, ""},
    fault_words{fault_kind::not_json, "json.malformed", severity::error, "is not JSON", "are not JSON",
                "The tokenizer can't read it.", remedy::fetch, ""},
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
    if (of.kind == fault_kind::broken_link) {
        return " " + detail;
    }
    return of.kind == fault_kind::hub_error ? ": \"" + detail + "\"" : ": " + detail;
}

}  // namespace

std::string fault_id(fault_kind kind) {
    return std::ranges::find(all_words, kind, &fault_words::kind)->id;
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
    std::string what = several ? std::to_string(files.size()) +
                                     (sure ? " files that this model needs " : " files ") + of.many
                               : named(paths.front()) + " " + of.one;
    what += details(of, files);
    what += several ? "; the first is " + named(paths.front()) : std::string();
    what += said_where(subject.model, files.front()->variable) + ".";
    const std::string fix = of.mend == remedy::sentence
                                ? std::string(of.fix)
                                : fetch_advice(subject, paths, of.mend == remedy::fetch_pointers);
    subject.add(of.id, sure ? of.level : severity::warning, std::move(what), of.why, fix,
                several ? std::string() : paths.front());
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
    std::string sentence =
        pointers ? "Fetch the package with a tool that gets large files, such as git with git-lfs installed, "
                   "or 'hf download'."
                 : "Fetch it again from where the package came from.";
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
            const std::string first = has_git_lfs(root) ? "" : "sudo apt install git-lfs && ";
            return "Run: " + first + "git -C " + *folder + " lfs pull";
        }
        if (!nameable) {
            return sentence;
        }
        return "Run: git -C " + *folder + " checkout --" + (named ? words : std::string(" ."));
    }
    const std::string repository = hub_repository(tree);
    if (repository.empty() || repository.starts_with('-') || !nameable) {
        return sentence;
    }
    return "Run: hf download " + repository + (named ? words : std::string()) + " --local-dir " + *folder;
}

}  // namespace corral::package
