#pragma once
// The SHA-256 of bytes that come in pieces.

#include <memory>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"

struct evp_md_ctx_st;

namespace corral::package {

class sha256_sum {
public:
    sha256_sum();

    void feed(std::string_view bytes) noexcept;

    // 64 lower-case hex digits; once. Fails (errc::internal) where the library does.
    [[nodiscard]] core::result<std::string> hex();

private:
    struct closer {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, closer> context_;
    bool good_ = false;
};

}  // namespace corral::package
