#pragma once
// Token ids of a text as it stands, from a service that knows only wrapped turns: the wrapper's shape is
// learned once per tokenizer process and taken off each time; whatever does not have that shape is refused,
// so that no wrong prompt is ever run. And those of a wrapped prompt, which are the service's own.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "corral/chat/family.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/own_identity.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"
#include "engine/dialects/ax_poll/spoken_text.hpp"

namespace corral::engine::ax_poll {

// What a tokenizer service puts around every user text, its chat template and perhaps a `/no_think`, told
// apart from the text (docs/facts/vendor_ax.md#tokenizer-semantics). A control token on each side of the text
// is the guard: it is always one id, nothing merges with it, and a template that trims finds nothing to trim.
// No I/O.
struct wrapper_shape {
    std::string guard;
    std::int64_t guard_id = 0;
    token_ids before;  // what stands in front of the first guard
    token_ids after;   // and behind the second
    // Behind a text stands what the family writes between a user's text and the answer, and nothing of the text is lost.
    bool closes_as_family = false;
};

// From the ids that the service made of the guard once, twice, and twice with a newline between. Nullopt when
// the guard is no single id, when it eats white space beside it, or when the three contradict each other.
[[nodiscard]] std::optional<wrapper_shape> read_shape(std::string_view guard, const token_ids& once,
                                                      const token_ids& twice, const token_ids& spaced);

// The ids of a text from those of guard + text + guard; nullopt when they do not have the shape.
[[nodiscard]] std::optional<token_ids> guarded_ids(const wrapper_shape& shape, const token_ids& turn);

// For `work || until_unwanted(...)`: ends a moment after `unwanted` says so; empty: never.
[[nodiscard]] core::awaitable<void> until_unwanted(std::function<bool()> unwanted);

class verbatim_encoder {
public:
    // `format` may be null: nothing is possible then. `identity` and `clock` must outlive it.
    verbatim_encoder(own_identity& identity, const core::clock_source& clock, const chat::family* format)
        : identity_(identity), clock_(clock), format_(format) {}

    // False once this tokenizer process was found to have no shape that can be relied on.
    [[nodiscard]] bool possible() const noexcept;

    using predicate = std::function<bool()>;
    // At least two ids; a text of one gets the family's document mark in front. Bridges a restart of the
    // tokenizer. Failures: errc::invalid (a text without ids, or one id and no mark), errc::refused (no
    // shape), errc::timed_out (a call was not answered, for 10 s or until the deadline), errc::unavailable
    // (away, or `unwanted` said so, in the midst of a call too: it may last, and nobody waits for it).
    // With `spoken`, a text that begins with that, and goes on with a control token, begins with its ids: such a token
    // can't merge with what is before it.
    [[nodiscard]] core::awaitable<core::result<token_ids>> encode(std::string text, core::deadline until,
                                                                  predicate unwanted,
                                                                  const spoken_text* spoken = nullptr);
    // The ids that the runtime would read of a wrapped prompt: those of its reset and of its encode. Failures as above,
    // none of a wrapper's shape.
    [[nodiscard]] core::awaitable<core::result<token_ids>> encode_wrapped(
        std::string system, std::string turns, core::deadline until, predicate unwanted,
        const spoken_text* spoken = nullptr);
    // What stands behind a wrapped prompt, as text; of use where wraps_as_family().
    [[nodiscard]] static std::string closing_of(const chat::family& format);
    [[nodiscard]] bool wraps_as_family() const noexcept { return shape_ && shape_->closes_as_family; }
    // The same as encode() in one call, without a second try and without learning anything. REQUIRES: knows_shape().
    [[nodiscard]] core::awaitable<core::result<token_ids>> count(std::string text, core::deadline until);
    [[nodiscard]] bool knows_shape() const noexcept { return shape_.has_value(); }
    // Saves the next encode() of this text its work. `composed`: with `spoken`.
    void keep(std::string text, token_ids ids, bool composed = false);
    // The same for encode_wrapped().
    void keep_wrapped(std::string system, std::string turns, token_ids ids, bool composed = false);
    void on_tokenizer_started();

private:
    struct kept_ids {
        std::string text;
        token_ids ids;
        bool composed = false;
        bool wrapped = false;
        std::string system{};
        [[nodiscard]] bool is_wrapped(std::string_view of, std::string_view turns) const {
            return wrapped && text == turns && system == of;
        }
    };

    [[nodiscard]] core::awaitable<core::result<conversation_ids>> ask(std::string system, std::string turns,
                                                                      core::deadline until,
                                                                      predicate unwanted);
    // The ids of a turn, with its wrapper.
    [[nodiscard]] core::awaitable<core::result<token_ids>> ask_turn(std::string text, core::deadline until,
                                                                    predicate unwanted);
    [[nodiscard]] core::awaitable<core::result<bool>> compare_closing(wrapper_shape shape,
                                                                      core::deadline until,
                                                                      predicate unwanted);
    [[nodiscard]] core::awaitable<core::result<wrapper_shape>> learn(core::deadline until,
                                                                     predicate unwanted);
    [[nodiscard]] core::awaitable<core::result<token_ids>> unwrap(std::string text, core::deadline until,
                                                                  predicate unwanted);
    [[nodiscard]] core::failure give_up();
    [[nodiscard]] bool begins_with_mark(std::string_view text) const;

    own_identity& identity_;
    const core::clock_source& clock_;
    const chat::family* format_;
    std::optional<wrapper_shape> shape_;
    std::optional<kept_ids> kept_;
    bool impossible_ = false;
};

}  // namespace corral::engine::ax_poll
