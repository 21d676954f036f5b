#include "corral/config/profile_search.hpp"

#include <algorithm>

namespace corral::config {

namespace fs = std::filesystem;

std::vector<fs::path> usual_profile_folders(const fs::path& base) {
    std::vector<fs::path> out{base / "vendor", (base / ".." / "vendor").lexically_normal()};
    std::error_code error;
    const auto program = fs::read_symlink("/proc/self/exe", error);
    if (!error) {
        out.push_back(program.parent_path().parent_path() / "share/corral/vendor");
    }
    out.emplace_back("/usr/local/share/corral/vendor");
    out.emplace_back("/usr/share/corral/vendor");
    return out;
}

std::optional<fs::path> find_profile_file(const std::string& name, const fs::path& base,
                                          const std::vector<fs::path>& folders) {
    std::vector<fs::path> candidates;
    if (name.find('/') != std::string::npos) {
        candidates.push_back((base / name).lexically_normal());
    } else {
        for (const auto& folder : folders) {
            candidates.push_back(folder / name / "profile.toml");
        }
    }
    const auto found = std::find_if(candidates.begin(), candidates.end(), [](const fs::path& file) {
        std::error_code error;
        return fs::is_regular_file(file, error) && !error;
    });
    return found == candidates.end() ? std::nullopt : std::optional(*found);
}

std::vector<std::string> installed_profiles(const std::vector<fs::path>& folders) {
    constexpr std::size_t most = 100;
    std::vector<std::string> names;
    for (const auto& folder : folders) {
        std::error_code error;
        for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
             entry.increment(error)) {
            std::error_code absent;
            if (fs::is_regular_file(entry->path() / "profile.toml", absent) && names.size() < most) {
                names.push_back(entry->path().filename().string());
            }
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace corral::config
