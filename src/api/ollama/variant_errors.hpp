#pragma once
// What goes wrong with models that clients make, as statuses.

#include "corral/core/result.hpp"

namespace corral::api::ollama {

inline constexpr const char* no_variants_error =
    "this server has no place to keep models that clients make: set state_directory in its configuration";

inline constexpr const char* unreadable_variant_error =
    "the file of this model cannot be read; the log of the server says why";

// Of a failure of the variant_library: what the client can mend is its error.
[[nodiscard]] inline unsigned status_of_library(const core::failure& why) {
    if (why.code == core::errc::refused) {
        return 403;
    }
    if (why.code == core::errc::not_found) {
        return 404;
    }
    return why.code == core::errc::limit_exceeded ? 400 : 500;
}

}  // namespace corral::api::ollama
