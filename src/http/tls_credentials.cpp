#include <cerrno>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/http/tls.hpp"

namespace corral::http {

namespace {

template <auto Free>
struct freed_by {
    template <typename T>
    void operator()(T* what) const {
        Free(what);
    }
};

using bio_ptr = std::unique_ptr<BIO, freed_by<&BIO_free_all>>;
using x509_ptr = std::unique_ptr<X509, freed_by<&X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<&EVP_PKEY_free>>;

struct file_content {
    std::string text;
    bool others_may_read = false;
};

core::failure wrong(const std::filesystem::path& file, core::known_wording<std::string> what) {
    return core::make_failure(core::errc::invalid, core::say(what, file.string()));
}

core::result<file_content> read_whole(const std::filesystem::path& file) {
    constexpr std::size_t most = 1024 * 1024;
    // Not blocking: the name may be that of a pipe.
    const core::owned_fd handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat facts {};
    if (!handle.valid() || ::fstat(handle.get(), &facts) != 0) {
        return core::path_failure("files.private/read", file, errno);
    }
    if (!S_ISREG(facts.st_mode)) {
        return core::make_failure(core::errc::invalid, core::say("files.private/regular-file", file));
    }
    auto text = core::read_all(handle.get(), most + 1);
    if (!text) {
        return core::path_failure("files.private/read", file, errno);
    }
    if (text->size() > most) {
        return core::make_failure(core::errc::invalid, core::say("files.private/larger-mib", file));
    }
    return file_content{.text = std::move(*text), .others_may_read = (facts.st_mode & S_IROTH) != 0};
}

bio_ptr reader_of(const std::string& text) {
    return bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Never asks a person on the terminal.
int no_password(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* offered,
                    unsigned offered_length, void*) {
    static constexpr unsigned char spoken[] = "\x08http/1.1\x08http/1.0";
    unsigned char* chosen = nullptr;
    const int found =
        SSL_select_next_proto(&chosen, length, spoken, sizeof spoken - 1, offered, offered_length);
    if (found != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

std::shared_ptr<SSL_CTX> new_context() {
    std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    if (!made || SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION) != 1) {
        return nullptr;
    }
    SSL_CTX_set_options(made.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(made.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                     SSL_MODE_RELEASE_BUFFERS);
    // Tickets resume sessions without memory of ours.
    SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(made.get(), &choose_protocol, nullptr);
    return made;
}

// The first certificate of the file, and the rest as its chain.
core::result<x509_ptr> take_chain(SSL_CTX* to, const std::string& text, const std::filesystem::path& file) {
    const bio_ptr reader = reader_of(text);
    x509_ptr own(PEM_read_bio_X509_AUX(reader.get(), nullptr, nullptr, nullptr));
    if (!own) {
        return wrong(file, "configuration.certificate/none");
    }
    ERR_clear_error();
    if (SSL_CTX_use_certificate(to, own.get()) != 1) {
        const unsigned long error = ERR_peek_last_error();
        const char* why = ERR_reason_error_string(error);
        return core::make_failure(core::errc::invalid, core::say("configuration.certificate/unusable", file,
                                                                 why == nullptr ? "unknown reason" : why));
    }
    while (X509* next = PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)) {
        if (SSL_CTX_add0_chain_cert(to, next) != 1) {
            X509_free(next);
            return wrong(file, "configuration.certificate/chain");
        }
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return wrong(file, "configuration.certificate/damaged");
    }
    ERR_clear_error();
    return own;
}

core::result<void> take_key(SSL_CTX* to, const std::string& text, const tls_files& files) {
    const bio_ptr reader = reader_of(text);
    bool encrypted = false;
    const key_ptr key(PEM_read_bio_PrivateKey(reader.get(), nullptr, &no_password, &encrypted));
    if (!key) {
        return encrypted ? wrong(files.key, "configuration.certificate/encrypted")
                         : wrong(files.key, "configuration.certificate/no-key");
    }
    if (X509_check_private_key(SSL_CTX_get0_certificate(to), key.get()) != 1) {
        return core::make_failure(core::errc::invalid, core::say("configuration.certificate/other-key",
                                                                 files.key, files.certificate));
    }
    if (SSL_CTX_use_PrivateKey(to, key.get()) != 1) {
        return wrong(files.key, "configuration.certificate/bad-key");
    }
    return {};
}

std::string time_text(const ASN1_TIME* when) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    if (!out || ASN1_TIME_print(out.get(), when) != 1) {
        return "an unknown time";
    }
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string subject_of(const X509* certificate) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    if (!out || X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) {
        return "unknown subject";
    }
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string("no subject");
}

}  // namespace

core::result<tls_credentials> tls_credentials::load(const tls_files& files) {
    const auto certificate = read_whole(files.certificate);
    if (!certificate) {
        return certificate.error();
    }
    const auto key = read_whole(files.key);
    if (!key) {
        return key.error();
    }
    ERR_clear_error();
    tls_credentials out;
    out.context_ = new_context();
    if (!out.context_) {
        return core::make_failure(core::errc::internal, core::say("configuration.certificate/tls-available"));
    }
    const auto own = take_chain(out.context_.get(), certificate->text, files.certificate);
    if (!own) {
        return own.error();
    }
    const auto fits = take_key(out.context_.get(), key->text, files);
    ERR_clear_error();
    if (!fits) {
        return fits.error();
    }
    out.file_ = files.certificate;
    out.description_ = subject_of(own->get()) + ", until " + time_text(X509_get0_notAfter(own->get()));
    if (core::reason said = out.out_of_date(std::time(nullptr)); !said.empty()) {
        out.warnings_.push_back(std::move(said));
    }
    if (key->others_may_read) {
        out.warnings_.push_back(core::say("configuration.readable-keys/private", files.key, files.key));
    }
    return out;
}

std::time_t tls_credentials::end() const {
    std::tm parts{};
    const X509* const own = SSL_CTX_get0_certificate(context_.get());
    return ASN1_TIME_to_tm(X509_get0_notAfter(own), &parts) == 1 ? ::timegm(&parts) : 0;
}

core::reason tls_credentials::out_of_date(std::time_t now) const {
    const X509* const own = SSL_CTX_get0_certificate(context_.get());
    const ASN1_TIME* const begin = X509_get0_notBefore(own);
    const ASN1_TIME* const end = X509_get0_notAfter(own);
    if (X509_cmp_time(end, &now) < 0) {
        return core::say("configuration.certificate-old", file_, time_text(end));
    }
    if (X509_cmp_time(begin, &now) > 0) {
        return core::say("configuration.certificate-old/early", file_, time_text(begin));
    }
    return {};
}

}  // namespace corral::http
