#include "corral/config/key_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <openssl/evp.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/catalog/package_survey.hpp"
#include "corral/core/files.hpp"
#include "corral/core/say.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;

constexpr mode_t private_mode = 0600;
constexpr mode_t not_for_others = 0770;

bool is_absent(const core::failure& why) {
    return why.code == core::error_code(ENOENT, boost::system::system_category());
}

// The file itself where the name is a link, so that the link stays.
core::result<fs::path> real_name(const fs::path& file) {
    std::error_code error;
    const fs::path full = fs::weakly_canonical(fs::absolute(file), error);
    if (error) {
        return core::make_failure(core::errc::invalid,
                                  core::say("configuration.door-waits/find", file.string(), error.message()));
    }
    return full;
}

core::result<key_ring> parse(const std::string& text, const fs::path& file) {
    auto read = key_ring::parse(text, file.string());
    if (!read.value) {
        return core::make_failure(core::errc::invalid,
                                  core::reason::unlisted(catalog::to_text(read.errors.front())));
    }
    return *std::move(read.value);
}

const key_entry* find(const key_ring& in, const std::string& name) {
    const auto at = std::find_if(in.all().begin(), in.all().end(),
                                 [&](const key_entry& each) { return each.name == name; });
    return at == in.all().end() ? nullptr : &*at;
}

// Without the line of that number, counted from 1.
std::string without_line(const std::string& text, std::uint32_t number) {
    std::size_t begin = 0;
    for (std::uint32_t line = 1; line < number; ++line) {
        begin = text.find('\n', begin) + 1;
    }
    const std::size_t end = text.find('\n', begin);
    std::string out = text.substr(0, begin);
    return end == std::string::npos ? out : out += text.substr(end + 1);
}

}  // namespace

key_file_reading read_key_file(const fs::path& file) {
    key_file_reading out;
    const auto whole = core::read_private_file(file);
    if (!whole) {
        out.errors.push_back({file.string(), 0, 0,
                              is_absent(whole.error()) ? core::say("configuration.key-file/make-named",
                                                                   whole.error().message, file)
                                                       : whole.error().message});
        return out;
    }
    auto read = key_ring::parse(whole->text, file.string());
    out.errors = std::move(read.errors);
    out.value = std::move(read.value);
    if (out.value && out.value->all().empty()) {
        out.warnings.push_back(core::say("configuration.no-key", file));
    }
    if ((whole->mode & (S_IROTH | S_IWOTH)) != 0) {
        out.warnings.push_back(core::say("configuration.readable-keys", file, file));
    }
    return out;
}

core::result<std::string> make_key() {
    std::array<unsigned char, 32> bits{};
    if (::getrandom(bits.data(), bits.size(), 0) != static_cast<ssize_t>(bits.size())) {
        return core::errno_failure(errno, core::say("configuration.key-file/system-gives"));
    }
    std::array<unsigned char, 48> text{};
    const int size = EVP_EncodeBlock(text.data(), bits.data(), bits.size());
    std::string out = "sk-corral-";
    for (int i = 0; i < size; ++i) {
        const char letter = static_cast<char>(text.at(static_cast<std::size_t>(i)));
        if (letter != '=') {
            out += letter == '+' ? '-' : letter == '/' ? '_' : letter;
        }
    }
    return out;
}

core::result<void> add_key(const fs::path& file, const std::string& name, std::string_view key,
                           std::string_view today, const key_scopes& scopes, std::string_view maker,
                           const std::optional<file_owner>& owner) {
    if (!is_new_key_name(name)) {
        return core::make_failure(core::errc::invalid, core::say("configuration.key-file/key-name"));
    }
    const auto digest = catalog::sha256_hex(key);
    const auto full = real_name(file);
    if (!digest || !full) {
        return !digest ? digest.error() : full.error();
    }
    const auto lock = core::folder_lock::take(full->parent_path());
    if (!lock) {
        return lock.error();
    }
    auto whole = core::read_private_file(*full);
    if (!whole && !is_absent(whole.error())) {
        return whole.error();
    }
    const file_owner fresh = owner.value_or(file_owner{::geteuid(), ::getegid()});
    core::private_file changed =
        whole ? *std::move(whole) : core::private_file{{}, private_mode, fresh.user, fresh.group};
    const auto keys = parse(changed.text, *full);
    if (!keys) {
        return keys.error();
    }
    if (find(*keys, name) != nullptr) {
        return core::make_failure(core::errc::invalid,
                                  core::say("configuration.key-file/key", name, full->string()));
    }
    changed.mode &= not_for_others;
    if (changed.text.empty()) {
        changed.text.append(key_file_head).append(std::to_string(key_file_format)).append("\n");
    }
    if (!changed.text.empty() && !changed.text.ends_with('\n')) {
        changed.text += '\n';
    }
    changed.text.append(name).append(" ").append(*digest);
    // Without them an earlier Corral reads the file too.
    if (scopes != key_scopes{}) {
        changed.text.append(" ").append(scopes_text(scopes));
    }
    changed.text.append("  # made ").append(today);
    changed.text.append(maker.empty() ? "" : " by ").append(maker).append("\n");
    return core::replace_private_file(*full, changed);
}

core::result<std::vector<std::string>> remove_key(const fs::path& file, const std::string& name) {
    const auto full = real_name(file);
    if (!full) {
        return full.error();
    }
    const auto lock = core::folder_lock::take(full->parent_path());
    if (!lock) {
        return lock.error();
    }
    auto whole = core::read_private_file(*full);
    if (!whole) {
        return whole.error();
    }
    const auto keys = parse(whole->text, *full);
    if (!keys) {
        return keys.error();
    }
    const key_entry* gone = find(*keys, name);
    if (gone == nullptr) {
        return core::make_failure(core::errc::not_found,
                                  core::say("configuration.key-file/key-named", name, full->string()));
    }
    std::vector<std::string> made;
    for (const key_entry& one : keys->all()) {
        if (one.made_by == name) {
            made.push_back(one.name);
        }
    }
    whole->text = without_line(whole->text, gone->line);
    whole->mode &= not_for_others;
    if (const auto kept = core::replace_private_file(*full, *whole); !kept) {
        return kept.error();
    }
    return made;
}

}  // namespace corral::config
