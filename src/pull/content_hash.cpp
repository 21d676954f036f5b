#include "pull/content_hash.hpp"

#include <array>
#include <utility>

#include <openssl/evp.h>

#include "corral/core/hex.hpp"

namespace corral::pull {

void content_hash::closer::operator()(evp_md_ctx_st* context) const noexcept {
    EVP_MD_CTX_free(context);
}

content_hash::content_hash(const source_file& file) {
    if (!file.sha256.empty() || file.git_blob.empty()) {
        return;
    }
    sha1_.reset(EVP_MD_CTX_new());
    if (sha1_ && EVP_DigestInit_ex(sha1_.get(), EVP_sha1(), nullptr) == 1) {
        // git hashes a blob with its kind and size before it.
        const std::string head = "blob " + std::to_string(file.size.value_or(0));
        EVP_DigestUpdate(sha1_.get(), head.c_str(), head.size() + 1);
    }
}

void content_hash::feed(std::string_view bytes) noexcept {
    sha256_.feed(bytes);
    if (sha1_) {
        EVP_DigestUpdate(sha1_.get(), bytes.data(), bytes.size());
    }
}

core::result<content_hash::sums> content_hash::finish() {
    auto sha256 = sha256_.hex();
    if (!sha256) {
        return sha256.error();
    }
    sums out{std::move(*sha256), {}};
    if (sha1_) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned length = 0;
        // A failure leaves another number of digits, and with that no match.
        EVP_DigestFinal_ex(sha1_.get(), digest.data(), &length);
        out.git_blob = core::hex_text(digest.data(), length);
    }
    return out;
}

bool matches(const source_file& file, const content_hash::sums& sums) noexcept {
    return file.sha256.empty() ? !file.git_blob.empty() && file.git_blob == sums.git_blob
                               : file.sha256 == sums.sha256;
}

}  // namespace corral::pull
