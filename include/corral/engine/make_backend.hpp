#pragma once
// From a model's entry to what runs it.

#include <memory>

#include "corral/catalog/profile.hpp"
#include "corral/core/result.hpp"
#include "corral/engine/dialect.hpp"

namespace corral::engine {

// The dialect that the model's profile names, never nullptr. Fails with a sentence for people.
[[nodiscard]] core::result<const dialect_descriptor*> dialect_of(const catalog::model_entry& model);
// The stopped backend of `model`. Fails with a sentence for people.
[[nodiscard]] core::result<std::unique_ptr<backend>> make_backend(
    const supervisor::supervisor_context& supervision, const catalog::model_entry& model);

}  // namespace corral::engine
