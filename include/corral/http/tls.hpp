#pragma once
// What a server proves itself with: a certificate chain and its key, read whole and checked before any client
// sees them. TLS 1.2 and later, HTTP/1.1 only.

#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "corral/core/result.hpp"

// OpenSSL's own type, so that its headers stay out of ours.
struct ssl_ctx_st;

namespace corral::http {

struct tls_files {
    std::filesystem::path certificate;  // PEM: the server's own first, then what leads to the root
    std::filesystem::path key;          // PEM, not encrypted
    bool operator==(const tls_files&) const = default;
};

// Immutable; copies share it. Connections keep what they began with.
class tls_credentials {
public:
    // Reads both files, each of at most 1 MiB. Blocks on the disk. The failure's sentence names the file and
    // says what is wrong with it.
    [[nodiscard]] static core::result<tls_credentials> load(const tls_files& files);

    // Worth a look, but no reason to refuse: expired, not valid yet, a key that everybody on this machine can
    // read. As of load().
    [[nodiscard]] const std::vector<core::reason>& warnings() const noexcept { return warnings_; }
    // Why clients refuse it by the calendar; empty: they have no reason to.
    [[nodiscard]] core::reason out_of_date(std::time_t now) const;
    // Its own certificate's last second.
    [[nodiscard]] std::time_t end() const;
    // "CN=box.lan, until Mar  1 12:00:00 2027 GMT"
    [[nodiscard]] const std::string& description() const noexcept { return description_; }
    [[nodiscard]] ssl_ctx_st* context() const noexcept { return context_.get(); }

private:
    tls_credentials() = default;

    std::shared_ptr<ssl_ctx_st> context_;
    std::filesystem::path file_;
    std::vector<core::reason> warnings_;
    std::string description_;
};

// What a client believes: certificates of the system's authorities, and those of a file of its own. TLS 1.2 and
// later; the server's name must be in its certificate.
class tls_trust {
public:
    // `authorities`: PEM, at most 1 MiB, in place of the system's; empty: the system's. Blocks on the disk.
    [[nodiscard]] static core::result<tls_trust> load(const std::filesystem::path& authorities);
    [[nodiscard]] ssl_ctx_st* context() const noexcept { return context_.get(); }

private:
    tls_trust() = default;

    std::shared_ptr<ssl_ctx_st> context_;
};

// Whom a client means to reach by TLS.
struct tls_peer {
    tls_trust trust;
    std::string
        name;  // a host's name or an IP literal without brackets; empty: who proves a trusted certificate
};

}  // namespace corral::http
