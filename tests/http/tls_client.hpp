#pragma once
// A blocking TLS client for tests over a raw_client's socket; no wait is longer than a deadline.

#include <csignal>
#include <memory>
#include <string>
#include <string_view>

#include <sys/time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "raw_client.hpp"

namespace corral::http::test {

struct tls_client_options {
    int most_version = TLS1_3_VERSION;
    std::string protocols = std::string("\x02h2\x08http/1.1");  // as in ALPN; empty: none offered
    unsigned char fragments = 0;                                // TLSEXT_max_fragment_length_...
    int receive_buffer = 0;
    std::string before{};  // said before the handshake
};

class tls_client {
public:
    explicit tls_client(std::uint16_t port, const tls_client_options& how = {})
        : raw_(port, how.receive_buffer),
          context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
          ssl_(nullptr, &SSL_free) {
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write()
        const timeval limit{patience.count(), 0};
        ::setsockopt(raw_.handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context_.get(), how.most_version);
        SSL_CTX_set_security_level(context_.get(), 0);
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(how.protocols.data()),
                            static_cast<unsigned>(how.protocols.size()));
        if (how.fragments != 0) {
            SSL_set_tlsext_max_fragment_length(ssl_.get(), how.fragments);
        }
        SSL_set_fd(ssl_.get(), raw_.handle());
        raw_.send(how.before);
        ERR_clear_error();
        secure_ = SSL_connect(ssl_.get()) == 1;
    }

    [[nodiscard]] bool secure() const { return secure_; }
    // The name in the server's certificate.
    [[nodiscard]] std::string server_name() const {
        const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(ssl_.get()),
                                                                &X509_free);
        char text[256] = {};
        if (shown) {
            X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, text, sizeof text);
        }
        return text;
    }
    [[nodiscard]] std::string protocol() const {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(ssl_.get(), &name, &size);
        return name == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(name), size);
    }

    bool send(std::string_view text) {
        std::size_t sent = 0;
        return SSL_write_ex(ssl_.get(), text.data(), text.size(), &sent) == 1 && sent == text.size();
    }
    // Reads until `text` was seen or the end; all that was read so far.
    const std::string& read_until(std::string_view text) {
        while (got_.find(text) == std::string::npos && read_once()) {
        }
        return got_;
    }
    const std::string& read_all() {
        while (read_once()) {
        }
        return got_;
    }
    // The server said by close_notify that it had sent all.
    [[nodiscard]] bool ended() const { return ended_; }
    // The end came without it.
    [[nodiscard]] bool cut() const { return cut_; }

    void say_end() { SSL_shutdown(ssl_.get()); }
    [[nodiscard]] raw_client& raw() { return raw_; }

private:
    bool read_once() {
        char part[65536];
        std::size_t size = 0;
        if (ended_ || cut_) {
            return false;
        }
        ERR_clear_error();
        if (SSL_read_ex(ssl_.get(), part, sizeof part, &size) == 1) {
            got_.append(part, size);
            return true;
        }
        const int why = SSL_get_error(ssl_.get(), 0);
        ended_ = why == SSL_ERROR_ZERO_RETURN;
        cut_ = why == SSL_ERROR_SSL || why == SSL_ERROR_SYSCALL;
        return false;
    }

    raw_client raw_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    bool secure_ = false;
    bool ended_ = false;
    bool cut_ = false;
    std::string got_;
};

}  // namespace corral::http::test
