#include "engine/preflight_gate.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iterator>

#include <sys/stat.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::engine {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_entries = 20'000;  // as much as a package may have
constexpr int deepest = 8;

void add_state(std::string& to, const fs::path& file) {
    struct stat about {};
    to += file.string();
    if (::stat(file.c_str(), &about) != 0) {
        to += " gone\n";
        return;
    }
    for (const auto number :
         {static_cast<long long>(about.st_size), static_cast<long long>(about.st_ino),
          static_cast<long long>(about.st_mode), static_cast<long long>(about.st_mtim.tv_sec),
          static_cast<long long>(about.st_mtim.tv_nsec), static_cast<long long>(about.st_ctim.tv_sec),
          static_cast<long long>(about.st_ctim.tv_nsec)}) {
        to += ' ' + std::to_string(number);
    }
    to += '\n';
}

void add_inode(std::string& to, const fs::path& file) {
    struct stat about {};
    const bool there = ::stat(file.c_str(), &about) == 0;
    to += file.string() + (there ? ' ' + std::to_string(about.st_ino) : " gone") + '\n';
}

using add_file = void (*)(std::string& to, const fs::path& file);

void add_package(std::string& out, const doctor::model_view& model, add_file add) {
    std::error_code unreadable;  // the checks say so
    std::size_t seen = 0;
    fs::recursive_directory_iterator entry(model.entry.package, fs::directory_options::skip_permission_denied,
                                           unreadable);
    for (; !unreadable && entry != fs::recursive_directory_iterator() && seen < most_entries; ++seen) {
        if (entry.depth() > deepest) {
            entry.disable_recursion_pending();
        }
        add(out, entry->path());
        entry.increment(unreadable);
    }
    for (const doctor::service_view& service : model.services) {
        for (const std::string& word : service.command.command) {
            if (word.starts_with('/')) {
                add(out, word);
            }
        }
    }
}

// Sizes, times and inodes of all that the package holds, and of what the command names.
std::string state_of(const doctor::model_view& model) {
    std::string out;
    add_package(out, model, add_state);
    return out;
}

// What lies in a folder, without the terminals, which come and go with people.
void add_folder(std::string& to, const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code unreadable;  // as if it were empty
    fs::directory_iterator entry(folder, unreadable);
    for (; !unreadable && entry != fs::directory_iterator() && names.size() < most_entries;
         entry.increment(unreadable)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with("tty") && !name.starts_with("vcs")) {
            names.push_back(entry->path().string());
        }
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
        add_inode(to, name);
    }
}

// "cannot open '/dev/axcl_host': No such file": that one.
void add_named_files(std::string& to, std::string_view reason) {
    constexpr std::string_view ends = " \t'\"`(),;:<>[]=";
    for (std::size_t at = reason.find('/'); at != std::string_view::npos; at = reason.find('/', at)) {
        const std::size_t end = std::min(reason.find_first_of(ends, at), reason.size());
        if (at == 0 || ends.find(reason[at - 1]) != std::string_view::npos) {
            std::string name(reason.substr(at, end - at));
            while (name.ends_with('.')) {
                name.pop_back();  // of the sentence
            }
            add_state(to, name);
        }
        at = end;
    }
}

std::string needs_of(const doctor::examination& box, std::string_view reason) {
    std::string out;
    const fs::path& root = box.around.root;
    for (const char* const folder : {"dev", "dev/dri", "dev/accel", "sys/module"}) {
        add_folder(out, root / folder);
    }
    add_inode(out, root / "etc/ld.so.cache");
    for (const doctor::model_view& model : box.models) {
        add_package(out, model, add_inode);
        for (const doctor::service_view& service : model.services) {
            const auto libraries = service.command.environment.find("LD_LIBRARY_PATH");
            if (libraries != service.command.environment.end()) {
                for (const std::string_view folder : core::split(libraries->second, ':')) {
                    add_folder(out, folder);
                }
            }
        }
    }
    add_named_files(out, reason);
    return out;
}

bool has_error(const std::vector<catalog::finding>& found) {
    return std::any_of(found.begin(), found.end(),
                       [](const auto& one) { return one.level == catalog::severity::error; });
}

catalog::finding not_looked_at(const std::string& why) {
    return catalog::finding_of(catalog::severity::warning, core::say("doctor.check-failed/start", why), {},
                               "", "");
}

}  // namespace

std::vector<catalog::finding> preflight_files::look(doctor::examination box, bool ask_python) {
    try {
        if (!machine_) {
            machine_ = package::this_machine();
        }
        box.around.machine = *machine_;
        if (!ask_python) {
            box.around.machine.missing_modules = nullptr;
        }
        std::string state = box.models.empty() ? std::string() : state_of(box.models.front());
        auto found = examine_before_start(box, doctor::start_part::moment);
        if (state != good_state_ || good_state_.empty()) {
            ++readings_;
            good_state_.clear();
            good_findings_ = examine_before_start(box, doctor::start_part::files);
            if (!has_error(good_findings_)) {
                good_state_ = std::move(state);
            }
        }
        found.insert(found.begin(), good_findings_.begin(), good_findings_.end());
        std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
            return static_cast<int>(a.level) > static_cast<int>(b.level);
        });
        return found;
    } catch (const std::exception& error) {
        return {not_looked_at(error.what())};
    }
}

bool preflight_files::changed(const doctor::examination& box, std::string_view reason, bool first) {
    try {
        std::string needs = needs_of(box, reason);
        if (first) {
            first_needs_ = std::move(needs);
            return false;
        }
        return needs != first_needs_;
    } catch (const std::exception&) {
        return false;  // it is tried again in its time
    }
}

}  // namespace corral::engine
