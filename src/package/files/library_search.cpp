#include "package/files/library_search.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <set>
#include <string_view>

#include <elf.h>
#include <fcntl.h>
#include <boost/algorithm/string/replace.hpp>

#include "corral/core/owned_fd.hpp"
#include "corral/process/elf_file.hpp"
#include "package/files/path_handle.hpp"

namespace corral::package {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 500;
constexpr std::size_t most_folders = 64;  // of one search path
constexpr std::size_t head_bytes = 64;
constexpr std::size_t most_strange_folders = 400;

struct machine_words {
    std::uint16_t machine;
    const char* triplet;
    const char* platform;
};
constexpr std::array known_machines = {
    machine_words{EM_AARCH64, "aarch64-linux-gnu", "aarch64"},
    machine_words{EM_X86_64, "x86_64-linux-gnu", "x86_64"},
    machine_words{EM_ARM, "arm-linux-gnueabihf", "v7l"},
    machine_words{EM_386, "i386-linux-gnu", "i686"},
    machine_words{EM_RISCV, "riscv64-linux-gnu", "riscv64"},
};

std::vector<std::string> split(std::string_view path, std::string_view separators) {
    std::vector<std::string> out;
    while (!path.empty() && out.size() < most_folders) {
        const auto end = std::min(path.find_first_of(separators), path.size());
        out.emplace_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return out;
}

// A file that is loaded, with what it asks for.
struct loaded_file {
    fs::path path;
    process::elf_dynamic wants;
};

enum class verdict { absent, unusable, good };

class search {
public:
    explicit search(const library_question& about)
        : about_(&about), system_(read_loader_configuration(about.root)) {
        const auto known = std::ranges::find_if(
            known_machines, [&](const auto& one) { return one.machine == about.machine; });
        if (known != known_machines.end()) {
            words_ = &*known;
        }
        if (const auto path = about.environment.find("LD_LIBRARY_PATH"); path != about.environment.end()) {
            library_path_ = split(path->second, ":;");
        }
    }

    [[nodiscard]] std::vector<library_gap> run() {
        const auto program = look_into(about_->program);
        if (!program) {
            return {};
        }
        std::deque<loaded_file> waiting{{about_->program, *program}};
        std::set<std::string> known;
        std::vector<library_gap> gaps;
        while (!waiting.empty()) {
            const loaded_file one = std::move(waiting.front());
            waiting.pop_front();
            for (const auto& name : one.wants.needed) {
                if (!known.insert(name).second) {
                    continue;
                }
                library_gap gap{name, {}, {}};
                const auto found = find(name, one, gap);
                if (!found) {
                    gap.elsewhere = gap.unusable.empty() ? strange_home_of(name) : std::string();
                    gaps.push_back(std::move(gap));
                } else if (opened_ < most_files) {
                    waiting.push_back({*found, look_into(*found).value_or(process::elf_dynamic{})});
                }
            }
        }
        return gaps;
    }

private:
    std::optional<process::elf_dynamic> look_into(const fs::path& path) {
        ++opened_;
        const auto file = open_plain(path.string());
        if (!file) {
            return std::nullopt;
        }
        return process::read_dynamic([&](std::uint64_t offset, std::size_t most) {
            return core::read_all_at(file->get(), offset, most);
        });
    }

    [[nodiscard]] verdict judge(const fs::path& path) const {
        const auto place = open_path(AT_FDCWD, path.string());
        if (!place || S_ISDIR(place->about.st_mode)) {
            return verdict::absent;
        }
        const auto file = open_plain(*place);
        const auto head = file ? core::read_all_at(file->get(), 0, head_bytes) : std::nullopt;
        const auto elf = head ? process::parse_elf(*head) : std::nullopt;
        return elf && elf->machine == about_->machine ? verdict::good : verdict::unusable;
    }

    // Where an absolute name of the system may be, first choice first.
    [[nodiscard]] std::vector<fs::path> below_roots(const std::string& absolute) const {
        const std::string relative =
            absolute.substr(std::min(absolute.find_first_not_of('/'), absolute.size()));
        std::vector<fs::path> out;
        if (!about_->sysroot.empty()) {
            out.push_back(about_->sysroot / relative);
        }
        out.push_back(about_->root / relative);
        return out;
    }

    // The folders that a search path's element means. An empty one is the working directory.
    [[nodiscard]] std::vector<fs::path> folders_of(std::string element, const fs::path& origin) const {
        const bool from_origin = element.find("ORIGIN") != std::string::npos;
        for (const std::string_view form : {"${ORIGIN}", "$ORIGIN"}) {
            boost::algorithm::replace_all(element, form, origin.parent_path().string());
        }
        for (const std::string_view form : {"${PLATFORM}", "$PLATFORM"}) {
            boost::algorithm::replace_all(element, form, words_ == nullptr ? "" : words_->platform);
        }
        std::vector<std::string> forms{element};
        if (element.find("$LIB") != std::string::npos || element.find("${LIB}") != std::string::npos) {
            forms.clear();
            const std::string triplet = words_ == nullptr ? "lib" : "lib/" + std::string(words_->triplet);
            for (const std::string& lib : {triplet, std::string("lib64"), std::string("lib")}) {
                forms.push_back(element);
                boost::algorithm::replace_all(forms.back(), "${LIB}", lib);
                boost::algorithm::replace_all(forms.back(), "$LIB", lib);
            }
        }
        std::vector<fs::path> out;
        for (const auto& form : forms) {
            if (form.starts_with('/') && !from_origin) {
                for (auto& one : below_roots(form)) {
                    out.push_back(std::move(one));
                }
            } else {
                out.push_back(about_->working_directory / form);
            }
        }
        return out;
    }

    // True when the name is settled: `result` is the file.
    bool try_folder(const fs::path& folder, const std::string& name, library_gap& gap,
                    std::optional<fs::path>& result) const {
        const fs::path path = folder / name;
        switch (judge(path)) {
            case verdict::good:
                result = path;
                return true;
            case verdict::unusable:
                // The loader goes on behind a library of another machine.
                gap.unusable = gap.unusable.empty() ? path.string() : gap.unusable;
                return false;
            case verdict::absent:
                break;
        }
        return false;
    }

    bool try_path(const std::vector<std::string>& elements, const fs::path& origin, const std::string& name,
                  library_gap& gap, std::optional<fs::path>& result) const {
        for (const auto& element : elements) {
            for (const auto& folder : folders_of(element, origin)) {
                if (try_folder(folder, name, gap, result)) {
                    return true;
                }
            }
        }
        return false;
    }

    [[nodiscard]] std::vector<std::string> default_folders() const {
        std::vector<std::string> out;
        if (words_ != nullptr) {
            out.push_back("/lib/" + std::string(words_->triplet));
            out.push_back("/usr/lib/" + std::string(words_->triplet));
        }
        for (const char* folder : {"/lib64", "/usr/lib64", "/lib", "/usr/lib"}) {
            out.emplace_back(folder);
        }
        return out;
    }

    bool try_system(const std::string& name, library_gap& gap, std::optional<fs::path>& result) const {
        const auto [first, last] = system_.cache.equal_range(name);
        for (auto one = first; one != last; ++one) {
            for (const auto& path : below_roots(one->second)) {
                if (judge(path) == verdict::good) {
                    result = path;
                    return true;
                }
            }
        }
        return try_path(system_.folders, {}, name, gap, result) ||
               try_path(default_folders(), {}, name, gap, result);
    }

    std::optional<fs::path> find(const std::string& name, const loaded_file& asker, library_gap& gap) const {
        std::optional<fs::path> result;
        if (name.find('/') != std::string::npos) {
            const fs::path path =
                name.front() == '/' ? below_roots(name).back() : about_->working_directory / name;
            static_cast<void>(try_folder(path.parent_path(), path.filename().string(), gap, result));
            return result;
        }
        // A RUNPATH switches the RPATH of the same file off.
        const bool by_rpath = asker.wants.runpath.empty();
        if ((by_rpath && try_path(split(asker.wants.rpath, ":"), asker.path, name, gap, result)) ||
            (by_rpath && try_path(program_rpath(), about_->program, name, gap, result)) ||
            try_path(library_path_, about_->program, name, gap, result) ||
            try_path(split(asker.wants.runpath, ":"), asker.path, name, gap, result) ||
            try_system(name, gap, result)) {
            return result;
        }
        return std::nullopt;
    }

    // Counts for the libraries that it loads, too.
    [[nodiscard]] const std::vector<std::string>& program_rpath() const {
        if (!program_rpath_) {
            const auto file = open_plain(about_->program.string());
            const auto wants = file ? process::read_dynamic([&](std::uint64_t offset, std::size_t most) {
                return core::read_all_at(file->get(), offset, most);
            })
                                    : std::nullopt;
            program_rpath_ =
                wants && wants->runpath.empty() ? split(wants->rpath, ":") : std::vector<std::string>();
        }
        return *program_rpath_;
    }

    // Vendors keep their libraries in a folder of their own, which a log-in shell adds to the search.
    [[nodiscard]] std::string strange_home_of(const std::string& name) const {
        std::size_t left = most_strange_folders;
        for (const char* parent : {"/usr/lib", "/usr/local/lib", "/opt", "/soc"}) {
            const fs::path home = about_->root / std::string(parent).substr(1);
            std::error_code failed;
            for (fs::directory_iterator one(home, failed), end; !failed && one != end && left > 0;
                 one.increment(failed)) {
                --left;
                for (const fs::path& folder : {one->path(), one->path() / "lib"}) {
                    if (judge(folder / name) == verdict::good) {
                        return "/" + folder.lexically_relative(about_->root).string();
                    }
                }
            }
        }
        const fs::path beside = about_->program.parent_path();
        for (const fs::path& folder : {beside, beside / "lib", beside / "libs"}) {
            if (judge(folder / name) == verdict::good) {
                return folder.string();
            }
        }
        return {};
    }

    const library_question* about_;
    loader_configuration system_;
    const machine_words* words_ = nullptr;
    std::vector<std::string> library_path_;
    mutable std::optional<std::vector<std::string>> program_rpath_;
    std::size_t opened_ = 0;
};

}  // namespace

std::vector<library_gap> missing_libraries(const library_question& about) {
    return search(about).run();
}

}  // namespace corral::package
