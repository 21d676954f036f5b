#include "engine/preflight_files.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iterator>

#include <sys/stat.h>

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

// Sizes, times and inodes of all that the package holds, and of what the command names.
std::string state_of(const doctor::model_view& model) {
    std::string out;
    std::error_code unreadable;  // the checks say so
    std::size_t seen = 0;
    fs::recursive_directory_iterator entry(model.entry.package, fs::directory_options::skip_permission_denied,
                                           unreadable);
    for (; !unreadable && entry != fs::recursive_directory_iterator() && seen < most_entries; ++seen) {
        const std::string name = entry->path().filename().string();
        // What Python writes down when a script runs, and hidden folders, are not the model.
        const bool counts = !name.starts_with('.') && name != "__pycache__";
        if (!counts || entry.depth() > deepest) {
            entry.disable_recursion_pending();
        }
        if (counts) {
            add_state(out, entry->path());
        }
        entry.increment(unreadable);
    }
    for (const doctor::service_view& service : model.services) {
        for (const std::string& word : service.command.command) {
            if (word.starts_with('/')) {
                add_state(out, word);
            }
        }
    }
    return out;
}

bool has_error(const std::vector<catalog::finding>& found) {
    return std::any_of(found.begin(), found.end(),
                       [](const auto& one) { return one.level == catalog::severity::error; });
}

catalog::finding not_looked_at(const std::string& why) {
    catalog::finding out;
    out.id = "doctor.check-failed";
    out.level = catalog::severity::warning;
    out.what = "it starts without a look at its files: " + why;
    return out;
}

}  // namespace

std::vector<catalog::finding> preflight_files::look(doctor::examination of, bool ask_python) {
    try {
        if (!machine_) {
            machine_ = package::this_machine();
        }
        of.around.machine = *machine_;
        if (!ask_python) {
            of.around.machine.missing_modules = nullptr;
        }
        std::string state = of.models.empty() ? std::string() : state_of(of.models.front());
        auto found = examine_before_start(of, doctor::start_part::moment);
        if (state != good_state_ || good_state_.empty()) {
            ++readings_;
            good_state_.clear();
            good_findings_ = examine_before_start(of, doctor::start_part::files);
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

}  // namespace corral::engine
