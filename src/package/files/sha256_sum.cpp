#include "corral/package/sha256_sum.hpp"

#include <array>

#include <openssl/evp.h>

#include "corral/core/hex.hpp"
#include "corral/core/say.hpp"

namespace corral::package {

void sha256_sum::closer::operator()(evp_md_ctx_st* context) const noexcept {
    EVP_MD_CTX_free(context);
}

sha256_sum::sha256_sum()
    : context_(EVP_MD_CTX_new()),
      good_(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1) {}

void sha256_sum::feed(std::string_view bytes) noexcept {
    good_ = good_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
}

core::result<std::string> sha256_sum::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (!good_ || EVP_DigestFinal_ex(context_.get(), digest.data(), &length) != 1) {
        return core::make_failure(core::errc::internal, core::say("runtime.files-silent/sha-available"));
    }
    good_ = false;
    return core::hex_text(digest.data(), length);
}

}  // namespace corral::package
