#include "corral/config/manifest_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;

constexpr mode_t for_everybody_to_read = 0644;

const char* way_out(int value) {
    switch (value) {
        case ENOSPC:
        case EDQUOT:
            return "Make room on its disk ('df -h' shows it)";
        case EACCES:
        case EPERM:
            return "Run this with sudo";
        case EROFS:
            return "Its file system is read-only: mount it writable";
        default:
            return "Look at its disk by 'dmesg'";
    }
}

core::failure failed(const fs::path& where, int value, std::string_view other_place) {
    std::string repaired = way_out(value);
    repaired += (other_place.empty() ? "" : ", or ") + std::string(other_place) + ".";
    return core::errno_failure(value, core::say("configuration.manifest-write/written", where.string(),
                                                boost::system::system_category().message(value), repaired));
}

core::failure elsewhere(const fs::path& where) {
    return core::make_failure(core::errc::refused,
                              core::say("configuration.manifest-write/link-leads", where.string()));
}

core::result<void> make_folder(const fs::path& folder, std::string_view other_place) {
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(folder, error))) {
        return elsewhere(folder);
    }
    fs::create_directories(folder, error);
    if (error) {
        return failed(folder, error.value(), other_place);
    }
    return {};
}

// 0 or an errno value; the file is there whole, under that name, when it is 0.
int fill(int folder, const std::string& name, std::string_view text) {
    const core::owned_fd file(
        ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.valid()) {
        return errno;
    }
    const bool done = core::write_all(file.get(), text) && ::fchmod(file.get(), for_everybody_to_read) == 0 &&
                      ::fsync(file.get()) == 0;
    return done ? 0 : errno;
}

constexpr const char* key = "pinned";

std::optional<toml::table> parsed(std::string_view text) {
    catalog::issue_list ignored("manifest");
    return catalog::parse_toml_text(text, ignored);
}

// Where that line (from 1) begins; the end of the text when there are fewer.
std::size_t begin_of_line(std::string_view text, std::size_t line) {
    std::size_t at = 0;
    for (std::size_t now = 1; now < line; ++now) {
        const std::size_t end = text.find('\n', at);
        if (end == std::string_view::npos) {
            return text.size();
        }
        at = end + 1;
    }
    return at;
}

// A new line behind that of the name, indented as that one and with its line end.
std::string with_line(std::string_view text, std::size_t name_line, bool pinned) {
    const std::size_t begin = begin_of_line(text, name_line);
    const std::size_t next = begin_of_line(text, name_line + 1);
    const std::string_view line = text.substr(begin, next - begin);
    const std::string_view blanks = line.substr(0, std::min(line.size(), line.find_first_not_of(" \t")));
    const std::string_view end = line.ends_with("\r\n") ? "\r\n" : "\n";
    std::string out(text.substr(0, next));
    if (!out.ends_with('\n')) {
        out += end;
    }
    out.append(blanks).append(key).append(pinned ? " = true" : " = false").append(end);
    return out.append(text.substr(next));
}

// The word itself; no boolean has a line break, and the columns of toml++ count characters.
std::optional<std::string> with_value(std::string_view text, const toml::source_region& at, bool pinned) {
    const std::string_view before = pinned ? "false" : "true";
    const std::size_t begin = begin_of_line(text, at.begin.line);
    const std::size_t found = text.find(key, begin);
    const std::size_t value = found == std::string_view::npos ? found : text.find(before, found);
    if (value == std::string_view::npos || value >= begin_of_line(text, at.begin.line + 1)) {
        return std::nullopt;
    }
    std::string out(text);
    return out.replace(value, before.size(), pinned ? "true" : "false");
}

core::failure unsure(std::string_view model) {
    return core::make_failure(core::errc::refused, core::say("configuration.pin/manifest-written", model));
}

}  // namespace

std::string manifest_file_name(std::string_view model) {
    std::string out(model);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == ':' || c == '/'; }, '-');
    return out + ".toml";
}

core::result<void> write_manifest(const fs::path& file, std::string_view text, bool replace,
                                  std::string_view other_place) {
    if (const auto made = make_folder(file.parent_path(), other_place); !made) {
        return made.error();
    }
    const core::owned_fd folder(
        ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.valid()) {
        return errno == ELOOP || errno == ENOTDIR ? elsewhere(file.parent_path())
                                                  : failed(file.parent_path(), errno, other_place);
    }
    const std::string name = file.filename().string();
    struct stat facts {};
    if (::fstatat(folder.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(facts.st_mode)) {
        return elsewhere(file);
    }
    // Hidden, so that it is not taken for a manifest.
    const std::string aside = "." + name + "." + std::to_string(::getpid()) + ".tmp";
    int wrong = fill(folder.get(), aside, text);
    if (wrong == 0 && ::renameat2(folder.get(), aside.c_str(), folder.get(), name.c_str(),
                                  replace ? 0U : static_cast<unsigned>(RENAME_NOREPLACE)) != 0) {
        wrong = errno;
    }
    if (wrong == 0 && ::fsync(folder.get()) != 0) {
        return failed(file, errno, other_place);
    }
    if (wrong != 0) {
        ::unlinkat(folder.get(), aside.c_str(), 0);  // it may not be there
        return failed(file, wrong, other_place);
    }
    return {};
}

core::result<void> remove_manifest(const fs::path& file) {
    const core::owned_fd folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid() || ::unlinkat(folder.get(), file.filename().c_str(), 0) != 0 ||
        ::fsync(folder.get()) != 0) {
        const int value = errno;
        return core::errno_failure(value, core::say("remove.files-stay/remove", file.string(),
                                                    boost::system::system_category().message(value)));
    }
    return {};
}

core::result<std::string> with_pin(std::string_view text, std::string_view model, bool pinned) {
    auto before = parsed(text);
    const auto name = before ? (*before)["name"].value<std::string>() : std::nullopt;
    if (!name || !catalog::same_model(*name, model)) {
        return core::make_failure(core::errc::not_found,
                                  core::say("configuration.pin/manifest-changed", model));
    }
    const toml::node* const said = before->get(key);
    if (said != nullptr && !said->is_boolean()) {
        return unsure(model);
    }
    if ((said != nullptr ? *said->value<bool>() : false) == pinned) {
        return std::string(text);
    }
    std::optional<std::string> out;
    if (said != nullptr) {
        out = with_value(text, said->source(), pinned);
    } else {
        out = with_line(text, before->get("name")->source().end.line, pinned);
    }
    // Whatever the text looks like: it says the same as before, but for this value.
    auto after = out ? parsed(*out) : std::nullopt;
    before->insert_or_assign(key, pinned);
    return after && *after == *before ? core::result<std::string>(*std::move(out)) : unsure(model);
}

}  // namespace corral::config
