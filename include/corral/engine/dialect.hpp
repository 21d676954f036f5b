#pragma once
// Vendor protocols by name. A new one is a folder in src/engine/dialects and one line in the list.

#include <memory>
#include <string_view>
#include <vector>

#include "corral/engine/backend.hpp"
#include "corral/supervisor/group.hpp"

namespace corral::engine {

struct dialect_descriptor {
    std::string_view name;
    // Builds a stopped backend for `model`: takes ports from the kernel where none is given, starts the tap,
    // expands the service templates, makes the group. Fails with a sentence naming the model and the service.
    core::result<std::unique_ptr<backend>> (*make)(const supervisor::supervisor_context& context,
                                                   const catalog::model_entry& model) = nullptr;
    // The same, ready at once with the processes of an earlier image of this process. REQUIRES: `handover` has
    // the fingerprint of `model`. On failure the processes are the caller's to end. nullptr, like
    // fingerprint: the dialect can't.
    core::result<std::unique_ptr<backend>> (*adopt)(const supervisor::supervisor_context& context,
                                                    const catalog::model_entry& model,
                                                    const backend_handover& handover) = nullptr;
    // Stands for all that a process of `model` is started with, but for ports that the kernel chose.
    std::string (*fingerprint)(const catalog::model_entry& model) = nullptr;
};

[[nodiscard]] const std::vector<const dialect_descriptor*>& dialects();
// nullptr when unknown.
[[nodiscard]] const dialect_descriptor* find_dialect(std::string_view name);

// The dialect that the model's profile names, never nullptr. Fails with a sentence for people.
[[nodiscard]] core::result<const dialect_descriptor*> dialect_of(const catalog::model_entry& model);
// The stopped backend of `model`. Fails with a sentence for people.
[[nodiscard]] core::result<std::unique_ptr<backend>> make_backend(
    const supervisor::supervisor_context& supervision, const catalog::model_entry& model);

}  // namespace corral::engine
