#include "corral/core/shipped_files.hpp"

#include <system_error>

namespace corral::core {

std::vector<std::filesystem::path> shipped_folders(std::string_view kind) {
    namespace fs = std::filesystem;
    std::vector<fs::path> out;
    std::error_code unknown;  // then the usual places remain
    const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
    if (!unknown) {
        out.push_back(program.parent_path().parent_path() / "share/corral" / kind);
    }
    out.push_back(fs::path("/usr/local/share/corral") / kind);
    out.push_back(fs::path("/usr/share/corral") / kind);
    return out;
}

}  // namespace corral::core
