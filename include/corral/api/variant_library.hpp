#pragma once
// Models that clients made of others: in the directory while they can be served, and on the disk for the next
// start.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/variant_store.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api {

struct variant_document;

class variant_library {
public:
    // Both are borrowed and outlive the library.
    variant_library(generation::model_directory& models, catalog::variant_store& store);
    variant_library(const variant_library&) = delete;
    variant_library& operator=(const variant_library&) = delete;
    ~variant_library();

    // Puts what the store found into the directory. A document that can't be used, whose name the
    // configuration took, or whose model is not served, stays on disk and is named in the log.
    void load();

    // The configured model `name` is in the directory, new or in the place of another: its variants are laid
    // over it, those included that waited for it to be served.
    void follow(std::string_view name);
    // The configured model `name` left the directory: its variants leave it too, until follow().
    void set_aside(std::string_view name);

    // Serves `content` over the model below `base` as `name` (display form), once it is on disk; in the place
    // of a variant of that name. Failures: errc::refused for the name of a configured model, those of
    // variant_store::save().
    [[nodiscard]] core::awaitable<core::result<void>> keep(std::string name, generation::served base,
                                                           generation::model_variant content);

    // Deletes a variant. Failures: errc::refused for a configured model, errc::not_found.
    [[nodiscard]] core::awaitable<core::result<void>> forget(std::string name);

private:
    generation::model_directory& models_;
    catalog::variant_store& store_;
    std::vector<variant_document> aside_;  // the model below is not served
};

// True when `typed` names a model of the configuration, which no client may change.
[[nodiscard]] bool is_configured(const generation::model_directory& models, std::string_view typed);

}  // namespace corral::api
