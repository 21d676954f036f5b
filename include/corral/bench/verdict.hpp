#pragma once
// Whether an answer is what its test asks for.

#include <string>

#include "corral/bench/measurement.hpp"

namespace corral::bench {

// Of a whole answer: why it is not what `test` asks for; empty where it is. Valid JSON with what the schema
// requires, a call of an offered tool, thoughts apart from the answer (or none), no stop text.
[[nodiscard]] std::string why_wrong(const prompt_test& test, const measurement& seen);

// What a model with these capabilities can't do of it, as a sentence; empty: it may. None are all.
[[nodiscard]] std::string why_unable(const prompt_test& test, const std::vector<std::string>& capabilities);

// True of a refusal that says that the model lacks what the test needs, as Ollama words it.
[[nodiscard]] bool says_unable(const prompt_test& test, unsigned status, std::string_view words);

}  // namespace corral::bench
