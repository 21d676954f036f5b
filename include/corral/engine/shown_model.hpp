#pragma once
// What Ollama's `show` tells of a model by its manifest and its file, whether it runs or not
// (docs/facts/ollama_wire.md#listings).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/catalog/profile.hpp"
#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/engine/backend.hpp"

namespace corral::engine {

// Of a GGUF; empty: there is none.
struct model_files {
    std::string model;
    std::string projector;
};

struct file_facts : model_facts {
    // {"name", "type", "shape"} each, where they were asked for.
    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
};

[[nodiscard]] model_files files_of(const catalog::model_entry& model);

// `verbose`: its short lists and its tensors too. Null: no GGUF. It blocks.
[[nodiscard]] std::shared_ptr<const file_facts> facts_in(const model_files& files, bool verbose);

// The same on a thread. Who asked may be gone before it ends. A disk that does not answer leaves the facts unknown.
[[nodiscard]] core::awaitable<void> look_into(core::disk_work* disk, model_files files, bool verbose,
                                              std::shared_ptr<std::shared_ptr<const file_facts>> to,
                                              core::deadline until);

// What a server does not say, since it does not run, its model's file does.
void fill_from_file(stated_model& to, std::shared_ptr<const model_facts> facts);

// As the model's file or its server says it, else the family that its prompts are made for.
[[nodiscard]] std::string architecture_of(const catalog::model_entry& model, const stated_model& stated);
// As the operator says it, else as the runtime does: "4.0B".
[[nodiscard]] std::string parameter_size_of(const catalog::model_entry& model, const stated_model& stated);
// Numbers of a token's vector; 0: not known.
[[nodiscard]] std::uint32_t embedding_length_of(const catalog::model_entry& model,
                                                const stated_model& stated);

// "4.0B" -> 4000000000; 0 when it can't be read.
[[nodiscard]] std::uint64_t parameter_count(std::string_view size);

// "model_info": as the model's file, or the server that has it, tells it; else what else is known. `context`: the one
// that is served, 0 where it is not known.
[[nodiscard]] nlohmann::ordered_json shown_info(const catalog::model_entry& model, const stated_model& stated,
                                                std::string_view basename, std::uint32_t context);

// {"temperature": 0.6, "stop": ["<|im_end|>"]}: what is not so with every model. `own` of a variant comes first.
[[nodiscard]] nlohmann::ordered_json shown_parameters(const catalog::model_entry& model,
                                                      const nlohmann::ordered_json& own);

}  // namespace corral::engine
