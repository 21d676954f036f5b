#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>

#include "transport.hpp"

namespace corral::http {

namespace {

constexpr std::size_t record_bytes = 16 * 1024;  // the most that one TLS record holds

// OpenSSL's own socket BIO would raise SIGPIPE, and would use a descriptor's number after its end.
stream_socket& socket_of(BIO* bio) {
    return *static_cast<stream_socket*>(BIO_get_data(bio));
}

bool blocked() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int bio_write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    const auto done = ::send(socket_of(bio).native_handle(), data, static_cast<std::size_t>(size),
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0 && blocked()) {
        BIO_set_retry_write(bio);
    }
    return static_cast<int>(done);
}

int bio_read(BIO* bio, char* data, int size) {
    BIO_clear_retry_flags(bio);
    const auto got =
        ::recv(socket_of(bio).native_handle(), data, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (got < 0 && blocked()) {
        BIO_set_retry_read(bio);
    } else if (got == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    }
    return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) {
        return 1;
    }
    return command == BIO_CTRL_EOF && BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
}

int bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

const BIO_METHOD* socket_method() {
    static const std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> made = [] {
        std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> out(
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket"), &BIO_meth_free);
        if (out) {
            BIO_meth_set_write(out.get(), &bio_write);
            BIO_meth_set_read(out.get(), &bio_read);
            BIO_meth_set_ctrl(out.get(), &bio_control);
            BIO_meth_set_create(out.get(), &bio_create);
        }
        return out;
    }();
    return made.get();
}

class tls_transport final : public transport {
public:
    tls_transport(stream_socket& over, const tls_credentials& credentials)
        : tls_transport(over, credentials.context()) {
        if (ssl_) {
            SSL_set_accept_state(ssl_.get());
        }
    }

    tls_transport(stream_socket& over, const tls_peer& peer) : tls_transport(over, peer.trust.context()) {
        if (ssl_ && !expect(peer.name)) {
            ssl_.reset();
        }
        if (ssl_) {
            SSL_set_connect_state(ssl_.get());
        }
    }

    transfer open() override {
        if (!ssl_) {
            return {transfer_kind::failed, 0, core::make_error_code(core::errc::internal)};
        }
        if (SSL_in_before(ssl_.get()) != 0 && SSL_is_server(ssl_.get()) != 0) {
            const std::optional<char> first = first_byte();
            if (!first) {
                return {transfer_kind::want_read, 0, {}};
            }
            // OpenSSL knows HTTP too, but some of its versions answer a POST with an alert before they look. A record of
            // TLS begins with no letter.
            if (*first >= 'A' && *first <= 'Z') {
                met_plain_http_ = true;
                broken_ = true;
                failure_ = core::make_error_code(core::errc::protocol);
                return lasting_failure();
            }
        }
        ERR_clear_error();
        return outcome(SSL_do_handshake(ssl_.get()), 0);
    }

    [[nodiscard]] std::string distrust() const override {
        const long found = ssl_ ? SSL_get_verify_result(ssl_.get()) : X509_V_OK;
        return found == X509_V_OK ? std::string() : X509_verify_cert_error_string(found);
    }

    [[nodiscard]] bool met_plain_http() const noexcept override { return met_plain_http_; }

    transfer receive(std::span<char> into) override {
        if (broken_) {
            return lasting_failure();
        }
        ERR_clear_error();
        std::size_t got = 0;
        const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
        return outcome(result, got);
    }

    [[nodiscard]] bool holds_bytes() const noexcept override {
        return !broken_ && SSL_pending(ssl_.get()) > 0;
    }

    transfer send(const gather& parts) override {
        if (broken_) {
            return lasting_failure();
        }
        // One record for all parts, and the same text until it went.
        if (record_.empty()) {
            for (const auto part : parts) {
                record_ += part.substr(0, record_bytes - record_.size());
            }
        }
        ERR_clear_error();
        std::size_t sent = 0;
        const int result = SSL_write_ex(ssl_.get(), record_.data(), record_.size(), &sent);
        if (result == 1) {
            record_.erase(0, sent);  // less than all of it where the client asked for short records
            if (record_.empty() && record_.capacity() > keep_capacity) {
                record_.shrink_to_fit();
            }
        }
        return outcome(result, sent);
    }

    transfer say_end() override {
        if (broken_ || !record_.empty()) {
            return {};
        }
        ERR_clear_error();
        // 0: ours is sent, the peer's has not come. That is all that is wanted.
        const int result = SSL_shutdown(ssl_.get());
        return result >= 0 ? transfer{} : outcome(result, 0);
    }

private:
    static constexpr std::size_t keep_capacity = 1024;

    // The SSL keeps a reference to its context.
    tls_transport(stream_socket& over, SSL_CTX* context) : ssl_(SSL_new(context), &SSL_free) {
        BIO* bio = BIO_new(socket_method());
        if (!ssl_ || bio == nullptr) {
            BIO_free(bio);
            ssl_.reset();
            return;
        }
        BIO_set_data(bio, &over);
        SSL_set_bio(ssl_.get(), bio, bio);
    }

    // The name that the certificate must have; a literal address is not announced.
    bool expect(const std::string& name) {
        if (name.empty()) {
            return true;
        }
        core::error_code no_address;
        core::asio::ip::make_address(name, no_address);
        if (!no_address) {
            return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str()) == 1;
        }
        return SSL_set1_host(ssl_.get(), name.c_str()) == 1 &&
               SSL_set_tlsext_host_name(ssl_.get(), name.c_str()) == 1;
    }

    // It stays to be read; 0: the client has left. Nothing: none has come yet, for a wait of Asio's may end too soon.
    [[nodiscard]] std::optional<char> first_byte() const {
        char first = 0;
        const int socket = socket_of(SSL_get_rbio(ssl_.get())).native_handle();
        const bool early = ::recv(socket, &first, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
                           (errno == EAGAIN || errno == EWOULDBLOCK);
        return early ? std::nullopt : std::optional(first);
    }

    // After a fatal error OpenSSL must not be called again for this connection.
    [[nodiscard]] transfer lasting_failure() const { return {transfer_kind::failed, 0, failure_}; }

    transfer outcome(int result, std::size_t bytes) {
        const int system_error = errno;
        switch (SSL_get_error(ssl_.get(), result)) {
            case SSL_ERROR_NONE:
                return {transfer_kind::moved, bytes, {}};
            case SSL_ERROR_WANT_READ:
                return {transfer_kind::want_read, 0, {}};
            case SSL_ERROR_WANT_WRITE:
                return {transfer_kind::want_write, 0, {}};
            case SSL_ERROR_ZERO_RETURN:
                return {transfer_kind::ended, 0, {}};
            case SSL_ERROR_SYSCALL:
                failure_ = {system_error, boost::system::system_category()};
                break;
            default:
                note_reason(ERR_GET_REASON(ERR_peek_last_error()));
        }
        broken_ = true;
        if (!failure_) {
            failure_ = core::asio::error::connection_reset;
        }
        ERR_clear_error();
        return lasting_failure();
    }

    void note_reason(int reason) {
        failure_ = reason == SSL_R_UNEXPECTED_EOF_WHILE_READING ? core::error_code(core::asio::error::eof)
                                                                : core::make_error_code(core::errc::protocol);
    }

    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    std::string record_;
    core::error_code failure_;
    bool broken_ = false;
    bool met_plain_http_ = false;
};

}  // namespace

std::unique_ptr<transport> make_tls_transport(stream_socket& over, tls_credentials credentials) {
    return std::make_unique<tls_transport>(over, credentials);
}

std::unique_ptr<transport> make_tls_transport(stream_socket& over, const tls_peer& peer) {
    return std::make_unique<tls_transport>(over, peer);
}

}  // namespace corral::http
