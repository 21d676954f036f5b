#include "corral/config/configuration_access.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "corral/config/key_file.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;

bool is_group(const std::string& name) {
    ::group about{};
    ::group* found = nullptr;
    std::array<char, 4096> text{};
    // It fails for one with too many members to fit, or where the list of groups can't be read.
    return ::getgrnam_r(name.c_str(), &about, text.data(), text.size(), &found) != 0 || found != nullptr;
}

void read_keys(catalog::section table, configuration& to, const fs::path& base, catalog::issue_list& warnings,
               std::vector<catalog::diagnostic>& errors, const configuration_source& source) {
    std::string name;
    table.texts("hosts", to.hosts);
    table.text("operators", to.operators);
    // Without a word of it a table of that name is a mistake, and not a door without a lock.
    table.text("keys", name, to.hosts.empty() && to.operators.empty());
    table.finish();
    for (std::string& host : to.hosts) {
        host = core::lower_case(host);
    }
    if (!to.operators.empty() && !is_group(to.operators)) {
        warnings.add(table.place("operators"), core::say("configuration.no-group", to.operators));
    }
    if (name.empty()) {
        return;
    }
    to.keys_file = (base / name).lexically_normal();
    key_file_reading read = read_key_file(*to.keys_file);
    for (catalog::diagnostic& wrong : read.errors) {
        if (wrong.line == 0 && source.is_the_servers) {
            wrong.message = with_way_in(std::move(wrong.message), {*to.keys_file});
        }
        if (wrong.line == 0 && !source.waits_for_credentials) {
            table.complain(table.place("keys"), std::move(wrong.message));
        } else {
            errors.push_back(std::move(wrong));
        }
    }
    for (const core::reason& text : read.warnings) {
        warnings.add(table.place("keys"), text);
    }
}

void read_tls(catalog::section table, configuration& to, const fs::path& base, catalog::issue_list& warnings,
              std::vector<catalog::diagnostic>& errors, const configuration_source& source) {
    std::string certificate;
    std::string key;
    table.text("certificate", certificate, true);
    table.text("key", key, true);
    table.finish();
    if (certificate.empty() || key.empty()) {
        return;
    }
    to.tls = http::tls_files{(base / certificate).lexically_normal(), (base / key).lexically_normal()};
    const auto read = http::tls_credentials::load(*to.tls);
    if (!read) {
        core::reason why = source.is_the_servers
                               ? with_way_in(read.error().message, {to.tls->certificate, to.tls->key})
                               : read.error().message;
        if (source.waits_for_credentials) {
            errors.push_back({to.tls->certificate.string(), 0, 0, std::move(why)});
        } else {
            table.complain(table.place(), std::move(why));
        }
        return;
    }
    for (const core::reason& text : read->warnings()) {
        warnings.add(table.place(), text);
    }
}

}  // namespace

core::reason with_way_in(core::reason why, const std::vector<std::filesystem::path>& files) {
    for (const std::filesystem::path& file : files) {
        const bool closed = ::access(file.c_str(), R_OK) != 0 && errno == EACCES;
        const passwd* const user = closed ? ::getpwuid(::geteuid()) : nullptr;
        if (user != nullptr && ::access(file.parent_path().c_str(), X_OK) == 0) {
            return core::say("configuration.door-waits/closed", why, user->pw_name, user->pw_name,
                             core::shell_word(file.string()));
        }
    }
    return why;
}

void read_access(catalog::section& root, configuration& to, const fs::path& base,
                 catalog::issue_list& warnings, std::vector<catalog::diagnostic>& errors,
                 const configuration_source& source) {
    if (const auto access = root.table("access")) {
        read_keys(*access, to, base, warnings, errors, source);
    }
    if (const auto tls = root.table("tls")) {
        read_tls(*tls, to, base, warnings, errors, source);
    }
}

std::optional<fs::path> configured_keys_file(const fs::path& config) {
    catalog::issue_list ignored(config.string());  // 'corral check' is the one to complain
    const auto tree = catalog::parse_toml_file(config, ignored);
    if (!tree) {
        return std::nullopt;
    }
    const auto name = tree->at_path("access.keys").value<std::string>();
    std::error_code error;
    const fs::path full = fs::absolute(config, error);
    if (!name || name->empty() || error) {
        return std::nullopt;
    }
    return (full.parent_path() / *name).lexically_normal();
}

}  // namespace corral::config
