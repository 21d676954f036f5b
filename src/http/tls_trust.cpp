#include <openssl/err.h>
#include <openssl/ssl.h>

#include "corral/core/say.hpp"
#include "corral/http/tls.hpp"

namespace corral::http {

namespace {

core::result<void> take_authorities(SSL_CTX* to, const std::filesystem::path& file) {
    constexpr std::uintmax_t most = 1024 * 1024;
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error) || std::filesystem::file_size(file, error) > most) {
        return core::make_failure(core::errc::invalid,
                                  core::say("configuration.certificate/authorities", file));
    }
    ERR_clear_error();
    const bool taken = SSL_CTX_load_verify_file(to, file.c_str()) == 1;
    ERR_clear_error();
    if (!taken) {
        return core::make_failure(core::errc::invalid,
                                  core::say("configuration.certificate/no-authority", file));
    }
    // So that the file may be that of the server itself, as self-signed ones are.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(to), X509_V_FLAG_PARTIAL_CHAIN);
    return {};
}

}  // namespace

core::result<tls_trust> tls_trust::load(const std::filesystem::path& authorities) {
    tls_trust out;
    out.context_ = std::shared_ptr<SSL_CTX>(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    SSL_CTX* const made = out.context_.get();
    if (made == nullptr || SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION) != 1) {
        return core::make_failure(core::errc::internal, core::say("configuration.certificate/tls-available"));
    }
    SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
    if (authorities.empty()) {
        SSL_CTX_set_default_verify_paths(made);
        return out;
    }
    const core::result<void> taken = take_authorities(made, authorities);
    if (!taken) {
        return taken.error();
    }
    return out;
}

}  // namespace corral::http
