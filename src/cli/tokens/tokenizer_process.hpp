#pragma once
// A model's tokenizer service, started for one question and ended behind it: the one that runs beside a runtime has one
// thread, which the runtime waits for, and frees nothing that is asked of it.

#include "cli/tokens/asked_program.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/chat/render.hpp"

namespace corral::cli {

// The service of that name in the model's profile; nullptr: its runtime has none of its own.
[[nodiscard]] const catalog::service_template* tokenizer_of(const catalog::model_entry& model);

// REQUIRES: tokenizer_of(model).
[[nodiscard]] core::result<tokenizer_answer> ask_tokenizer(const catalog::model_entry& model,
                                                           const chat::rendered_prompt& prompt);

}  // namespace corral::cli
