#pragma once
// The API keys and the TLS certificate of a running server, read again when their files change. A bad new
// file changes nothing: what was read before stays.

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "corral/config/configuration.hpp"
#include "corral/config/key_ring.hpp"
#include "corral/core/files.hpp"

namespace corral::config {

class credential_files {
public:
    explicit credential_files(const configuration& settings);
    credential_files(const credential_files&) = delete;
    credential_files& operator=(const credential_files&) = delete;

    // Reads all for the first time; fails with a sentence for the person who started us.
    [[nodiscard]] core::result<void> load();
    // The same, but what can't be read is waited for; to be called again until nothing is. Logs each reason once.
    void load_or_wait();
    [[nodiscard]] bool waits_for_keys() const noexcept { return !keys_problem_.empty(); }
    [[nodiscard]] bool waits_for_tls() const noexcept { return !tls_problem_.empty(); }
    // Why, a sentence each; empty: all is read.
    [[nodiscard]] std::vector<std::string> awaited() const;
    // What stays in force though its file has changed, or though clients refuse it by the calendar, and why, a sentence
    // each.
    [[nodiscard]] std::vector<std::string> kept() const;
    // Whether load() would succeed. Touches nothing but the files, so that another thread may ask.
    [[nodiscard]] static bool readable(const configuration& settings);

    // Reads what has changed, or everything when `asked`, and logs what came of it, once for each change; also that the
    // certificate's time is over. True when the TLS credentials are new ones.
    bool refresh(bool asked, std::time_t now = std::time(nullptr));

    // Nothing configured: nullptr, and nothing. The pointer stays, what it points at changes with the file.
    [[nodiscard]] const key_ring* keys() const noexcept { return keys_file_ ? &keys_ : nullptr; }
    [[nodiscard]] const std::optional<http::tls_credentials>& tls() const noexcept { return tls_; }

private:
    [[nodiscard]] core::result<void> read_keys();
    [[nodiscard]] core::result<void> read_tls();
    [[nodiscard]] bool refresh_tls(bool asked);

    std::string keys_problem_;
    std::string tls_problem_;
    core::reason keys_kept_;
    core::reason tls_kept_;
    core::reason tls_old_;
    std::optional<std::filesystem::path> keys_file_;
    std::optional<http::tls_files> tls_files_;
    core::file_watch keys_watch_;
    core::file_watch tls_watch_;
    key_ring keys_;
    std::optional<http::tls_credentials> tls_;
};

}  // namespace corral::config
