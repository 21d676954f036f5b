#pragma once
// Self-signed certificates made on the spot.

#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace corral::http::test {

struct test_certificate {
    std::string certificate;  // PEM
    std::string key;          // PEM
};

inline std::string taken_text(BIO* from) {
    char* text = nullptr;
    const auto size = BIO_get_mem_data(from, &text);
    std::string out(text, static_cast<std::size_t>(size));
    BIO_free(from);
    return out;
}

inline void require(bool good) {
    if (!good) {
        throw std::runtime_error("a test certificate can't be made");
    }
}

// Valid from `from` to `to`, in seconds from now. A password encrypts the key.
inline test_certificate make_certificate(const std::string& name, long from = -60, long to = 3600,
                                         const std::string& password = {}) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), &X509_free);
    require(key && made && X509_set_version(made.get(), 2) == 1);
    require(ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1) == 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), to);
    X509_NAME* subject = X509_get_subject_name(made.get());
    require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                       reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
    require(X509_set_issuer_name(made.get(), subject) == 1);
    require(X509_set_pubkey(made.get(), key.get()) == 1);
    require(X509_sign(made.get(), key.get(), EVP_sha256()) > 0);
    BIO* certificate_text = BIO_new(BIO_s_mem());
    require(PEM_write_bio_X509(certificate_text, made.get()) == 1);
    BIO* key_text = BIO_new(BIO_s_mem());
    require(PEM_write_bio_PKCS8PrivateKey(key_text, key.get(), password.empty() ? nullptr : EVP_aes_128_cbc(),
                                          password.empty() ? nullptr : password.c_str(),
                                          static_cast<int>(password.size()), nullptr, nullptr) == 1);
    return {taken_text(certificate_text), taken_text(key_text)};
}

}  // namespace corral::http::test
