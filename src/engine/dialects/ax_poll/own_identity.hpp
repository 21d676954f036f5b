#pragma once
// An identity of Corral's own at the tokenizer service, never the runtime's (docs/facts/vendor_ax.md#context,
// last line). It knows one-turn conversations only. Those who ask at once take turns. Beside a run only for short texts
// and when it is_known(): the service has one thread, and a runtime kept waiting for 10 s dies.

#include <cstddef>
#include <string>

#include "corral/core/async.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "engine/dialects/ax_poll/tokenizer_client.hpp"

namespace corral::engine::ax_poll {

struct conversation_ids {
    tokenizer_fault fault = tokenizer_fault::none;
    std::string said;  // as tokenizer_answer's
    token_ids system;  // of the reset
    token_ids turns;   // what the encode added
};

class own_identity {
public:
    own_identity(const core::executor& on, tokenizer_client service) : service_(service), free_(on) {}
    // One reset and one encode. The first call, and the first after on_tokenizer_started(), costs a new
    // identity: 1 to 4 s on a small box. An identity that the service forgot is renewed once; other faults
    // are the caller's.
    [[nodiscard]] core::awaitable<conversation_ids> encode(std::string system, std::string turns,
                                                           core::deadline until);
    // The same of texts that every tokenizer can take: whether it works at all.
    [[nodiscard]] core::awaitable<conversation_ids> try_plain_texts(core::deadline until);
    void on_tokenizer_started();
    // The service has made it already.
    [[nodiscard]] bool is_known() const noexcept { return !uid_.empty(); }

private:
    [[nodiscard]] core::awaitable<conversation_ids> try_encode(const std::string& system,
                                                               const std::string& turns,
                                                               core::deadline until);
    void note_clutter(const std::string& system, const std::string& turns, std::size_t ids);

    tokenizer_client service_;
    std::string uid_;
    bool cluttered_ = false;       // its decode cache will not empty any more
    std::size_t clutter_ids_ = 0;  // ids in that cache
    bool busy_ = false;            // between the reset and the encode of somebody
    core::wake_signal free_;
};

}  // namespace corral::engine::ax_poll
