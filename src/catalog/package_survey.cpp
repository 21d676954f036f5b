#include "corral/catalog/package_survey.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <vector>

#include <openssl/evp.h>
#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::catalog {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_entries = 20'000;
constexpr int deepest = 8;
constexpr std::size_t script_bytes = 1024 * 1024;

// Hidden folders (.git, .cache), Python's cache, which appears when a script runs, and a Python environment
// are not the model.
bool is_part_of_model(const fs::path& entry) {
    const auto name = entry.filename().string();
    std::error_code absent;
    return !name.starts_with('.') && name != "__pycache__" && !fs::exists(entry / "pyvenv.cfg", absent);
}

bool holds_no_think(const fs::path& script) {
    std::ifstream in(script, std::ios::binary);
    std::string text(script_bytes, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return text.find("/no_think") != std::string::npos;
}

std::chrono::system_clock::time_point system_time(fs::file_time_type when) {
    return std::chrono::time_point_cast<std::chrono::system_clock::duration>(
        std::chrono::file_clock::to_sys(when));
}

core::failure unreadable(const fs::path& package, const std::error_code& why) {
    return core::errno_failure(
        why.value(), core::say("runtime.files-silent/package-cannot", package.string(), why.message()));
}

// Adds one file. A link to nowhere or a file that just went is no file of the model.
void add_file(const fs::directory_entry& entry, const fs::path& package, package_survey& to,
              std::vector<std::string>& lines) {
    std::error_code size_error;
    std::error_code time_error;
    const auto size = entry.file_size(size_error);
    const auto written = entry.last_write_time(time_error);
    if (size_error || time_error) {
        return;
    }
    const auto relative = entry.path().lexically_relative(package);
    to.size_bytes += size;
    to.modified = std::max(to.modified, system_time(written));
    lines.push_back(relative.generic_string() + " " + std::to_string(size) + "\n");
    const bool script = !relative.has_parent_path() && relative.string().ends_with("_tokenizer_uid.py");
    if (script && to.no_think_script.empty() && holds_no_think(entry.path())) {
        to.no_think_script = relative.string();
    }
}

}  // namespace

core::result<package_survey> survey_package(const fs::path& package) {
    std::error_code error;
    // A package that is a file system of its own has a closed lost+found.
    fs::recursive_directory_iterator walk(package, fs::directory_options::skip_permission_denied, error);
    if (!error && ::access(package.c_str(), R_OK) != 0) {
        error.assign(errno, std::generic_category());
    }
    if (error) {
        return unreadable(package, error);
    }
    package_survey found;
    std::vector<std::string> lines;
    std::size_t seen = 0;
    while (walk != fs::recursive_directory_iterator()) {
        if (++seen > most_entries || walk.depth() > deepest) {
            return core::make_failure(
                core::errc::limit_exceeded,
                core::say("runtime.files-silent/package-holds", package.string(), most_entries, deepest));
        }
        if (!is_part_of_model(walk->path())) {
            walk.disable_recursion_pending();
        } else {
            std::error_code type_error;
            if (walk->is_regular_file(type_error) && !type_error) {
                add_file(*walk, package, found, lines);
            }
        }
        walk.increment(error);
        if (error) {
            return unreadable(package, error);
        }
    }
    std::ranges::sort(lines);
    for (const auto& line : lines) {
        found.listing += line;
    }
    return found;
}

core::result<std::string> sha256_hex(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
        return core::make_failure(core::errc::internal, core::say("runtime.files-silent/sha-available"));
    }
    return core::hex_text(digest.data(), length);
}

}  // namespace corral::catalog
