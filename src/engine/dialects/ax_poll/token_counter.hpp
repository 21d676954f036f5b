#pragma once
// Exact token counts on an identity of Corral's own, never the runtime's (vendor_ax.md §7, last line). Only
// between runs: the service has one thread, and a runtime kept waiting for 10 s dies.

#include <cstdint>
#include <string>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/tokenizer_client.hpp"

namespace corral::engine::ax_poll {

struct token_counts {
    std::uint32_t system = 0;
    std::uint32_t turns = 0;
};

class token_counter {
public:
    explicit token_counter(tokenizer_client service) : service_(service) {}
    // The first call, and the first after on_tokenizer_started(), costs a new identity: 1 to 4 s on a small
    // box.
    [[nodiscard]] core::awaitable<core::result<token_counts>> count(std::string system, std::string turns,
                                                                    core::deadline until);
    void on_tokenizer_started() { uid_.clear(); }

private:
    [[nodiscard]] core::awaitable<tokenizer_fault> try_count(const std::string& system,
                                                             const std::string& turns, token_counts& out,
                                                             core::deadline until);
    tokenizer_client service_;
    std::string uid_;
};

}  // namespace corral::engine::ax_poll
