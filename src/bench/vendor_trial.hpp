#pragma once
// One test asked of a runtime itself, in the ways of its vendor.

#include "corral/bench/trial.hpp"

namespace corral::bench {

[[nodiscard]] double seconds_since(core::steady_time begin);
// By cancellation, by silence of `target`, or as `why` says.
void end_badly(measurement& seen, const core::failure& why, const trial_target& target);

// What of `test` these ways can't say; empty: they can. REQUIRES: not asking::ollama.
[[nodiscard]] std::string why_unsaid(const prompt_test& test, asking how);

// Takes the polls of one answer (GET /api/generate_provider, docs/facts/vendor_ax.md#poll); pure. Bound: 1 MiB of
// text that is kept.
class poll_reader {
public:
    // Text comes in threes of tokens, and nothing else shows how many there are (docs/facts/vendor_ax.md#generation).
    static constexpr unsigned tokens_a_piece = 3;
    enum class state { waits, over, enough };

    // `accepted_s`: when the prompt was taken.
    poll_reader(unsigned max_tokens, double accepted_s, measurement& into)
        : into_(into), max_tokens_(max_tokens), quiet_since_s_(accepted_s) {}
    // Fails with protocol, or unavailable: the runtime's word that the context is full.
    [[nodiscard]] core::result<state> take(std::string_view body, double at_s);

private:
    measurement& into_;
    unsigned max_tokens_;
    double quiet_since_s_;
    std::size_t bytes_ = 0;
};

// Takes the stream of flask_server.py: each line is the whole answer so far (docs/facts/other_runtimes.md#rkllm-flask);
// pure. Bounds: 4 MiB a line, 1 MiB of text that is kept.
class repeated_reader {
public:
    explicit repeated_reader(measurement& into) : into_(into) {}
    // True when text came at `at_s` since the request. Fails with limit_exceeded, or protocol.
    [[nodiscard]] core::result<bool> take(std::string_view bytes, double at_s);

private:
    measurement& into_;
    std::string line_;
};

// As try_once().
[[nodiscard]] core::awaitable<measurement> try_repeated(trial_target target, prompt_test test);
[[nodiscard]] core::awaitable<measurement> try_polled(trial_target target, prompt_test test);
[[nodiscard]] core::awaitable<measurement> try_completion(trial_target target, prompt_test test);

}  // namespace corral::bench
