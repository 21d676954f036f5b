#pragma once
// The checksums of a file's bytes while they go by.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"
#include "corral/package/sha256_sum.hpp"
#include "pull/hub_tree.hpp"

struct evp_md_ctx_st;

namespace corral::pull {

class content_hash {
public:
    // With git's own id too where that is all the source states, for which the size must be known.
    explicit content_hash(const source_file& file);
    void feed(std::string_view bytes) noexcept;

    struct sums {
        std::string sha256;
        std::string git_blob;  // empty: not asked for
    };
    // Once.
    [[nodiscard]] core::result<sums> finish();

private:
    struct closer {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    package::sha256_sum sha256_;
    std::unique_ptr<evp_md_ctx_st, closer> sha1_;
};

// Whether these are the file's own.
[[nodiscard]] bool matches(const source_file& file, const content_hash::sums& sums) noexcept;

}  // namespace corral::pull
