#pragma once
// What a server to be measured reports of itself and of the model.

#include <optional>
#include <string>

#include "cli/bench/bench_run.hpp"

namespace corral::cli {

// Fills in version, facts and sampling of the record, and the model where none was said: the first that is loaded,
// else the first that there is. Blocks, at most 10 s a question. Fails when no server answers (the system's code, or
// protocol: no Ollama server), for a key that is missing or not taken, and for a model that is not there, with those
// that are.
[[nodiscard]] core::result<void> learn_server(bench_side& side);

// Of a server of OpenAI's kind: whether it answers, and, where none was said, what it calls the model: `like` where it
// lists that, else its only one. Blocks and fails likewise.
[[nodiscard]] core::result<void> learn_openai(bench_side& side, const std::string& like);

// Of the model, by the server's list of what is loaded; nothing where it doesn't tell.
[[nodiscard]] core::awaitable<std::optional<double>> loaded_mb(const bench_side& side);

}  // namespace corral::cli
